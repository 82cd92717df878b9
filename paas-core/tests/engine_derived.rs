//! What the things of an owner made in their turn, what others have in the way, and the listing that proves an end.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use paas_core::{
    actuator::{Actuator, Ids, Reach},
    check::check,
    codes,
    error::Error,
    graph::{Desired, Observed},
    inventory::Inventory,
    ledger::{Ledger, MemoryLedger},
    owner::{Identity, Owner},
    pipeline::{Context, Outcome, Wanted},
    plan::{Plan, Verb, plan},
    policy::{Policy, Retention},
    resource::{Change, Health, Key, Live, Need, Origin},
    testing::{Fixed, ManualClock, Thing, tools},
};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn owner() -> Owner {
    Owner::new(&Identity::of(&["memory"]), "Platform", "default", "demo")
}

fn thing() -> Thing {
    Thing::new("thing")
}

fn seen<const N: usize>(things: [(&str, Thing); N]) -> Observed<Thing> {
    let mut observed = Observed::default();
    for (k, thing) in things {
        observed.found(key(k), Live::ready(format!("id-{k}"), thing));
    }
    observed
}

/// Plans to take everything down, and lets the linter judge.
fn down(observed: &Observed<Thing>, policy: Policy) -> Plan<Thing> {
    let policy = Policy {
        sweep: true,
        ..policy
    };
    let plan = plan(&Desired::nothing(), observed, &policy);
    assert_eq!(
        check(&Desired::nothing(), observed, &policy, &plan),
        [],
        "{plan:#?}"
    );
    plan
}

fn verbs(plan: &Plan<Thing>) -> Vec<(&str, Verb)> {
    plan.steps
        .iter()
        .map(|s| (s.key.as_str(), s.action.verb()))
        .collect()
}

#[test]
fn what_only_a_look_shows_orders_deletions_too() {
    let mut observed = seen([("server", thing())]);
    let volume = Live::ready("id-1", thing()).origin(Origin::Derived);
    observed.found(key("derived/volume"), volume);
    observed
        .also
        .insert(key("server"), vec![Need::Order(key("derived/volume"))]);
    let plan = down(&observed, Policy::default());
    assert_eq!(
        verbs(&plan),
        [("server", Verb::Delete), ("derived/volume", Verb::Delete)]
    );
    assert_eq!(plan.steps[1].after, [key("server")]);
}

#[test]
fn what_others_have_in_the_way_is_told_once_for_each_key_and_the_rest_goes() {
    let network = key("network");
    let mut observed = seen([
        ("network", thing()),
        ("subnet", thing().on(&network)),
        ("server", thing()),
    ]);
    observed.bar(key("subnet"), &codes::CORE_BLOCKED, "the port web (1) is in it");
    observed.bar(key("subnet"), &codes::CORE_BLOCKED, "the port db (2) is in it");
    observed.bar(key("subnet"), &codes::CORE_BLOCKED, "the port db (2) is in it");
    let plan = down(&observed, Policy::default());
    assert_eq!(verbs(&plan), [("server", Verb::Delete)]);
    let told: Vec<(&str, &str)> = plan
        .blocked
        .iter()
        .map(|b| (b.key.as_str(), b.why.as_str()))
        .collect();
    let words = "the port web (1) is in it; the port db (2) is in it";
    assert_eq!(
        told,
        [
            (
                "network",
                format!("it is no longer wanted, but subnet would go with it: {words}").as_str()
            ),
            ("subnet", format!("it is no longer wanted, but {words}").as_str()),
        ]
    );
}

#[test]
fn what_is_kept_anyway_is_in_nobodys_way() {
    let mut observed = seen([("volume", thing().precious())]);
    observed.bar(key("volume"), &codes::CORE_BLOCKED, "it is attached elsewhere");
    let plan = down(&observed, Policy::default());
    assert!(plan.blocked.is_empty() && plan.kept.len() == 1, "{plan:#?}");
    let delete = Policy {
        retention: Retention::Delete,
        data_may_go: true,
        ..Policy::default()
    };
    let plan = down(&observed, delete);
    assert!(
        plan.steps.is_empty() && plan.blocked[0].why.contains("attached elsewhere"),
        "{plan:#?}"
    );
}

#[test]
fn what_cannot_be_made_is_told_before_anything_is_made() {
    let mut observed = Observed::default();
    observed.bar(key("credential"), &codes::CORE_BLOCKED, "the login is restricted");
    let desired = Desired::builder()
        .want(key("credential"), thing())
        .build()
        .unwrap();
    let plan = plan(&desired, &observed, &Policy::default());
    assert_eq!(check(&desired, &observed, &Policy::default(), &plan), []);
    assert!(plan.steps.is_empty());
    assert_eq!(
        (plan.blocked[0].verb, plan.blocked[0].why.as_str()),
        (Some(Verb::Create), "the login is restricted")
    );
}

/// A world with one thing that no deletion takes away, and another that the first one made.
#[derive(Debug, Default)]
struct Stuck {
    deletions: AtomicUsize,
    asked: AtomicUsize,
}

#[async_trait]
impl Actuator<Thing> for Stuck {
    async fn observe(&self, _: &Owner, _: &Ledger, reach: Reach) -> Result<Observed<Thing>, Error> {
        let broken = Live::ready("id", thing()).health(Health::broken("the host does not answer"));
        let mut seen = Observed::default();
        seen.found(key("server"), broken);
        if reach == Reach::All {
            self.asked.fetch_add(1, Ordering::SeqCst);
            seen.found(
                key("derived/lb"),
                Live::ready("lb", thing())
                    .origin(Origin::Derived)
                    .health(Health::Leaving),
            );
        }
        Ok(seen)
    }
    async fn create(&self, _: &Owner, _: &Key, want: &Thing, _: &Ids) -> Result<Live<Thing>, Error> {
        Ok(Live::ready("new", want.clone()))
    }
    async fn update(
        &self,
        _: &Owner,
        _: &Key,
        _: &Live<Thing>,
        _: &Thing,
        _: &[Change],
        _: &Ids,
    ) -> Result<(), Error> {
        Ok(())
    }
    async fn delete(&self, _: &Owner, _: &Key, _: &Live<Thing>) -> Result<(), Error> {
        self.deletions.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

fn context() -> Context {
    let clock = Arc::new(ManualClock::default());
    Context::new(
        owner(),
        Policy::default(),
        tools(Arc::new(MemoryLedger::default()), clock),
    )
}

#[tokio::test]
async fn a_deletion_that_does_not_take_is_not_sent_without_an_end() {
    let hands = Arc::new(Stuck::default());
    let pipeline = Fixed::pipeline(hands.clone(), Desired::nothing());
    let mut cx = context();
    let limit = Some(Duration::from_secs(7200));
    let outcome = pipeline.run(&mut cx, Wanted::Nothing, limit).await.unwrap();
    let Outcome::Blocked { because, .. } = &outcome else {
        panic!("{outcome:?}")
    };
    let words = format!("{because:?}");
    assert!(
        words.contains("deleted and is still there: the host does not answer"),
        "{words}"
    );
    let sent = hands.deletions.load(Ordering::SeqCst);
    assert!((2..=8).contains(&sent), "{sent}");
}

#[tokio::test]
async fn what_things_made_is_asked_for_only_where_all_goes_or_all_is_listed() {
    let hands = Arc::new(Stuck::default());
    let pipeline = Fixed::pipeline(hands.clone(), Desired::nothing());
    let mut cx = context();
    let _ = pipeline.plan(&mut cx, Wanted::Spec).await.unwrap();
    assert_eq!(hands.asked.load(Ordering::SeqCst), 0);
    let _ = pipeline.plan(&mut cx, Wanted::Nothing).await.unwrap();
    assert_eq!(hands.asked.load(Ordering::SeqCst), 1);
    let all = pipeline.inventory(&mut cx).await.unwrap();
    assert_eq!(hands.asked.load(Ordering::SeqCst), 2);
    let found: Vec<(&str, Origin)> = all[0].found.iter().map(|f| (f.key.as_str(), f.origin)).collect();
    assert_eq!(found, [("derived/lb", Origin::Derived), ("server", Origin::Ours)]);
    assert_eq!(all[0].to_string(), "things 2");
}

#[test]
fn a_listing_counts_what_was_looked_for_and_not_found_and_misses_nothing() {
    let mut observed = seen([("a", thing()), ("b", thing())]);
    observed.found(key("a"), Live::ready("id-twin", thing()));
    observed
        .unreadable
        .insert("id-x".into(), "somebody renamed it".into());
    let all = Inventory::of("fixed", &["securityGroupRule", "floatingIp", "thing"], &observed);
    assert_eq!(
        all.to_string(),
        "security group rules 0 · floating IPs 0 · things 3 · unreadable marks 1"
    );
    assert!(!all.is_empty());
    let none = Inventory::of::<Thing>("fixed", &["thing"], &Observed::default());
    assert!(none.is_empty() && none.to_string() == "things 0");
}
