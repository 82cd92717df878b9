//! Leftovers: found and taken away from outside, among everything that only looks like them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "gc/place.rs"]
mod place;
#[path = "gc/strangers.rs"]
mod strangers;

use std::collections::BTreeSet;

use paas_core::{error::Class, pipeline::Outcome};
use paas_openstack::gc::{Chosen, collect, outlook, survey};
use place::Place;
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, TestRunner},
};
use strangers::{Seen, Whose, World};

fn at(it: &paas_openstack::gc::Ref) -> strangers::Place1 {
    use paas_openstack::gc::Kind;
    let kind = match it.kind {
        Kind::Network => "networks",
        Kind::Subnet => "subnets",
        Kind::Router => "routers",
        Kind::Port | Kind::Interface => "ports",
        Kind::SecurityGroup => "security-groups",
        Kind::FloatingIp => "floatingips",
        Kind::Server => "servers",
        Kind::KeyPair => "os-keypairs",
        Kind::ServerGroup => "os-server-groups",
        Kind::Volume => "volumes",
        other => panic!("{other:?} was not planted"),
    };
    (kind, it.id.clone())
}

/// One world of look-alikes: what is found is mine and all of mine, what goes is what nobody else stands on, nothing else changes.
async fn exactly_mine_goes(world: &World) {
    let place = Place::new().await;
    let whose = Whose {
        me: place.owner("me").await,
        other: place.owner("other").await,
    };
    world.plant(&place, &whose).await;
    // Until everything is made.
    place.fake.advance(std::time::Duration::from_secs(60));
    let before = Seen::of(&place.fake.world(), &whose);
    place.fake.forget_calls();

    let findings = place.survey().await;
    let mine: Vec<_> = findings
        .owners
        .iter()
        .filter(|it| it.uid == whose.me.uid())
        .collect();
    let found: BTreeSet<_> = mine
        .iter()
        .flat_map(|it| &it.leftovers)
        .map(|it| at(&it.it))
        .collect();
    assert_eq!(found, before.mine());
    let chosen = Chosen::of(mine);
    let to_go = before.to_go();
    let plan = outlook(&findings, &chosen).unwrap();
    assert_eq!(
        plan.goes.iter().map(at).collect::<BTreeSet<_>>(),
        to_go,
        "{plan:#?}"
    );
    let stays: BTreeSet<_> = plan.stays.keys().map(at).collect();
    assert_eq!(stays, &before.mine() - &to_go, "whatever stays is told");
    assert_eq!(place.fake.mutations(), 0, "looking changes nothing");

    let collected = place.collect(&findings, chosen).await;
    let after = Seen::of(&place.fake.world(), &whose);
    let gone: BTreeSet<_> = before
        .things
        .keys()
        .filter(|at| !after.things.contains_key(*at))
        .cloned()
        .collect();
    assert_eq!(gone, to_go, "{collected:#?}");
    for (at, it) in after.things.iter().filter(|(_, it)| !it.mine) {
        assert_eq!(it.says, before.things[at].says, "{at:?} is touched");
    }
    let left: BTreeSet<_> = collected.left.iter().flatten().map(|it| at_of(it)).collect();
    assert_eq!(left, after.mine(), "the proof lists what is left");
    assert_eq!(collected.shortfall().is_none(), left.is_empty());
}

fn at_of(left: &paas_openstack::gc::Left) -> strangers::Place1 {
    at(&left.leftover.it)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_what_bears_the_mark_goes_among_all_that_looks_like_it() {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(40);
    let mut runner = TestRunner::new(Config::with_cases(cases));
    for _ in 0..cases {
        let world = strangers::worlds().new_tree(&mut runner).unwrap().current();
        let shown = format!("{world:#?}");
        let done = tokio::spawn(async move { exactly_mine_goes(&world).await }).await;
        assert!(done.is_ok(), "{shown}");
    }
}
