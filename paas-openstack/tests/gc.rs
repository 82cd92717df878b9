//! Leftovers: found and taken away from outside, among everything that only looks like them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "gc/place.rs"]
mod place;
#[path = "gc/strangers.rs"]
mod strangers;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use paas_core::{
    error::{Class, Result},
    event::{Event, EventSink, Silent, State},
    names,
    pipeline::Outcome,
    resource::Key,
};
use paas_openstack::{
    client::service,
    codes::OS_LEFTOVERS,
    compute::{Networks, NewKeypair, NewServer, ServerFilter},
    fake::{Fault, Setup, What},
    gc::{Chosen, Kind, Left, Ref, collect, outlook},
    identity::NewApplicationCredential,
    network::{NetworkFilter, NewNetwork, NewPort, NewSecurityGroup, PortFilter, SecurityGroupFilter},
};
use place::{EVERYTHING, Place};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, TestRunner},
};
use strangers::{Seen, Whose, World};
use tokio_util::sync::CancellationToken;

fn at(it: &Ref) -> strangers::Place1 {
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
    place.fake.advance(Duration::from_secs(60));
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

fn at_of(left: &Left) -> strangers::Place1 {
    at(&left.leftover.it)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_what_bears_the_mark_goes_among_all_that_looks_like_it() {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(16);
    let mut runner = TestRunner::new(Config::with_cases(cases));
    for _ in 0..cases {
        let world = strangers::worlds().new_tree(&mut runner).unwrap().current();
        let shown = format!("{world:#?}");
        let done = tokio::spawn(async move { exactly_mine_goes(&world).await }).await;
        assert!(done.is_ok(), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_is_found_by_its_name_and_goes_without_any_local_file_but_its_data() {
    let place = Place::new().await;
    place.up("demo", EVERYTHING).await;
    let findings = place.survey().await;
    let [demo] = &findings.owners[..] else {
        panic!("{findings:#?}")
    };
    assert_eq!(demo.name.as_deref(), Some("Platform/default/demo"));
    assert_eq!(demo.uid, place.owner("demo").await.uid());
    let kinds: BTreeSet<Kind> = demo.leftovers.iter().map(|it| it.it.kind).collect();
    assert_eq!(kinds.len(), 12, "every kind but credentials: {kinds:?}");
    assert!(demo.leftovers.iter().all(|it| it.key.is_some()), "{demo:#?}");
    assert!(demo.oldest() < demo.youngest() && demo.oldest().is_some());
    assert!(
        findings.outsiders.iter().all(|it| !it.goes_with.is_empty()),
        "{:#?}",
        findings.outsiders
    );

    let collected = place.collect(&findings, Chosen::of([demo])).await;
    assert_eq!(collected.outcome.as_ref().unwrap(), &Outcome::Converged);
    assert!(collected.shortfall().is_none());
    let left = collected.left.unwrap();
    assert_eq!(left.len(), 2, "{left:#?}");
    assert!(
        left.iter()
            .all(|it| it.kept && it.leftover.it.kind == Kind::Volume && it.why == "it holds data")
    );

    let findings = place.survey().await;
    let [demo] = &findings.owners[..] else {
        panic!("{findings:#?}")
    };
    assert_eq!(
        demo.name.as_deref(),
        Some("Platform/default/demo"),
        "a volume says it"
    );
    let mut chosen = Chosen::of([demo]);
    chosen.data.insert(demo.uid);
    let collected = place.collect(&findings, chosen).await;
    assert_eq!((collected.gone, collected.left), (2, Some(Vec::new())));
    assert!(place.fake.leftovers().is_empty(), "{:#?}", place.fake.leftovers());
    assert!(place.survey().await.owners.is_empty());
}

/// Cancels as soon as a call is on its way: a process that dies there.
#[derive(Debug)]
struct DiesAtOnce(CancellationToken);

impl EventSink for DiesAtOnce {
    fn emit(&self, event: &Event) {
        if event.state == State::Started {
            self.0.cancel();
        }
    }
}

/// Runs until nothing is left, each run ending at its first call that changes something.
async fn interrupted_at_every_call(what: Option<What>) {
    let place = Place::new().await;
    place.up("demo", EVERYTHING).await;
    let all = place.survey().await.owners[0].leftovers.len();
    for runs in 0..=all {
        let findings = place.survey().await;
        let mut chosen = Chosen::of(&findings.owners);
        chosen.data = chosen.owners.clone();
        if let Some(what) = &what {
            for method in ["DELETE", "PUT"] {
                place.fake.inject(Fault::new(what.clone()).method(method));
            }
        }
        let cancel = CancellationToken::new();
        let tools = place.tools(Arc::new(DiesAtOnce(cancel.clone())), cancel);
        let collected = place.collect_with(&findings, chosen, tools).await;
        place.fake.heal();
        match collected.outcome {
            Err(error) => assert_eq!(error.class(), Class::Cancelled, "{error}"),
            Ok(outcome) => {
                assert_eq!((outcome, collected.left), (Outcome::Converged, Some(Vec::new())));
                assert!(place.fake.leftovers().is_empty(), "{:#?}", place.fake.leftovers());
                assert_eq!(runs, all, "each run made one call");
                return;
            }
        }
    }
    panic!("{all} runs were not enough");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_dies_at_any_call_is_finished_by_the_next_one() {
    tokio::join!(
        interrupted_at_every_call(None),
        interrupted_at_every_call(Some(What::LoseAnswer))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_fail_once_are_made_again_in_the_same_run() {
    let place = Place::new().await;
    place.up("demo", EVERYTHING).await;
    for fault in [
        What::Refuse(500),
        What::FailAfter(502),
        What::Refuse(409),
        What::LoseAnswer,
    ] {
        place
            .fake
            .inject(Fault::new(fault.clone()).method("DELETE").times(3));
        place
            .fake
            .inject(Fault::new(fault).method("DELETE").after(12).times(3));
    }
    let findings = place.survey().await;
    let mut chosen = Chosen::of(&findings.owners);
    chosen.data = chosen.owners.clone();
    let collected = place.collect(&findings, chosen).await;
    assert_eq!(collected.outcome.unwrap(), Outcome::Converged);
    assert!(place.fake.leftovers().is_empty(), "{:#?}", place.fake.leftovers());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_strangers_stand_on_stays_and_the_proof_says_who_they_are() -> Result<()> {
    let place = Place::new().await;
    place
        .up(
            "demo",
            "{\"infrastructure\": {\"type\": \"OpenStack\", \"openStack\": {}}}",
        )
        .await;
    let net = place.client.network();
    let mark = place.owner("demo").await.mark();
    let network = net
        .networks()
        .all(&NetworkFilter::all().description(&*mark))
        .await?
        .remove(0);
    let group = net
        .security_groups()
        .all(&SecurityGroupFilter::all().description(&*mark))
        .await?
        .remove(0);
    let port = net
        .ports()
        .create(
            &NewPort::new(&*network.id)
                .name("web")
                .security_groups(vec![group.id.clone()]),
        )
        .await?;
    let mut server = NewServer::new("web", "m1.tiny", Networks::port(&*port.id));
    server.image = Some(Setup::default().images[0].id.clone());
    place.client.compute().servers().create(&server).await?;
    place.fake.advance(Duration::from_secs(60));

    let findings = place.survey().await;
    let collected = place.collect(&findings, Chosen::of(&findings.owners)).await;
    assert!(
        matches!(collected.outcome, Ok(Outcome::Blocked { .. })),
        "{collected:#?}"
    );
    let shortfall = collected.shortfall().unwrap();
    assert_eq!(
        (shortfall.code(), shortfall.class()),
        (&OS_LEFTOVERS, Class::Blocked)
    );
    let left = collected.left.unwrap();
    let kinds: BTreeSet<Kind> = left.iter().map(|it| it.leftover.it.kind).collect();
    assert_eq!(
        kinds,
        BTreeSet::from([Kind::Subnet, Kind::Network, Kind::SecurityGroup])
    );
    let web = format!("port web ({}) of server web", port.id);
    assert!(left.iter().all(|it| it.why.starts_with(&web)), "{left:#?}");
    assert_eq!(
        place
            .client
            .compute()
            .servers()
            .all(&ServerFilter::all())
            .await?
            .len(),
        1
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_still_in_use_is_tried_until_the_time_is_over_and_told_in_the_services_words() {
    let place = Place::new().await;
    let mark = place.owner("demo").await.mark();
    place
        .client
        .network()
        .security_groups()
        .create(&NewSecurityGroup::new("a").description(mark))
        .await
        .unwrap();
    place
        .fake
        .inject(Fault::new(What::Refuse(409)).method("DELETE").always());
    let findings = place.survey().await;
    let tools = place.tools(Arc::new(Silent), CancellationToken::new());
    let limit = Duration::from_secs(60);
    let collected = collect(
        &place.client,
        &findings,
        Chosen::of(&findings.owners),
        tools,
        limit,
    )
    .await
    .unwrap();
    assert_eq!(collected.outcome.as_ref().unwrap_err().class(), Class::TimedOut);
    let left = collected.left.unwrap();
    assert!(left[0].why.contains("delete security group"), "{left:#?}");
    assert!(place.fake.count("DELETE") > 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cloud_without_volumes_and_balancers_is_searched_all_the_same() {
    let mut setup = Setup::default();
    setup.shape.without = vec![service::Kind::BlockStorage, service::Kind::LoadBalancer];
    let place = Place::with(setup).await;
    let small = r#"{"infrastructure": {"type": "OpenStack", "openStack": {}}, "kubernetes": {}}"#;
    place.up("demo", small).await;
    let findings = place.survey().await;
    let collected = place.collect(&findings, Chosen::of(&findings.owners)).await;
    assert_eq!(collected.outcome.unwrap(), Outcome::Converged);
    assert_eq!(collected.left, Some(Vec::new()));
    assert!(place.fake.leftovers().is_empty(), "{:#?}", place.fake.leftovers());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_pairs_alone_are_found_and_those_of_the_same_users_other_projects_are_not() {
    let place = Place::new().await;
    let pairs = place.client.compute();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Yq0fGv0YB1cqTYKHYkVwhBJyVVxkBHvLPs1Yb0tQK";
    let here = place.owner("my-demo").await;
    let elsewhere = paas_core::owner::Owner::new(
        &paas_core::owner::Identity::of(&["openstack", "another project"]),
        "Platform",
        "default",
        "my-demo",
    );
    for owner in [&here, &elsewhere] {
        let name = names::for_kind(owner, "keyPair", &Key::new("key-pair").unwrap());
        pairs
            .keypairs()
            .create(&NewKeypair::new(name, key))
            .await
            .unwrap();
    }
    let findings = place.survey().await;
    let [found] = &findings.owners[..] else {
        panic!("{findings:#?}")
    };
    assert_eq!(
        (found.uid, found.name.clone()),
        (here.uid(), Some(here.to_string()))
    );
    assert!(
        found.leftovers[0].made.is_some(),
        "lists do not say it, and it is asked for"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_credential_goes_last_but_not_the_one_of_this_login() {
    let place = Place::new().await;
    let owner = place.owner("demo").await;
    let user = place.client.token().await.unwrap().user.id.clone();
    let new = NewApplicationCredential::new("demo-cloud").description(owner.mark());
    place
        .client
        .identity()
        .application_credentials(&user)
        .create(&new, None)
        .await
        .unwrap();
    place
        .client
        .network()
        .networks()
        .create(&NewNetwork::new("a").description(owner.mark()))
        .await
        .unwrap();
    let findings = place.survey().await;
    place.fake.forget_calls();
    let collected = place.collect(&findings, Chosen::of(&findings.owners)).await;
    assert_eq!((collected.gone, collected.left), (2, Some(Vec::new())));
    let deleted: Vec<_> = place
        .fake
        .calls()
        .into_iter()
        .filter(|call| call.method == "DELETE")
        .map(|call| call.service)
        .collect();
    assert_eq!(deleted, [service::Kind::Network, service::Kind::Identity]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_credential_that_this_login_is_by_stays() {
    let place = Place::new().await;
    let mark = place.owner("demo").await.mark();
    let login = place
        .by_credential(&NewApplicationCredential::new("demo-cloud").description(&*mark))
        .await;
    login
        .network()
        .networks()
        .create(&NewNetwork::new("a").description(mark))
        .await
        .unwrap();
    let findings = paas_openstack::gc::survey(&login).await.unwrap();
    let tools = place.tools(Arc::new(Silent), CancellationToken::new());
    let limit = Duration::from_secs(60);
    let collected = collect(&login, &findings, Chosen::of(&findings.owners), tools, limit)
        .await
        .unwrap();
    let left = collected.left.unwrap();
    assert_eq!((collected.gone, left.len()), (1, 1));
    assert!(left[0].why.contains("this login"), "{left:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_finds_only_what_is_in_the_project() {
    let place = Place::new().await;
    place
        .up(
            "demo",
            "{\"infrastructure\": {\"type\": \"OpenStack\", \"openStack\": {}}}",
        )
        .await;
    let admin = place.as_user("admin").await;
    assert!(
        !admin
            .network()
            .ports()
            .all(&PortFilter::all())
            .await
            .unwrap()
            .is_empty()
    );
    let findings = paas_openstack::gc::survey(&admin).await.unwrap();
    assert!(findings.owners.is_empty(), "{findings:#?}");
}
