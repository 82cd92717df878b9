//! Drift: what somebody changed is told from what the spec asks for, is brought back or only reported, and nothing is doubled.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use paas_core::{
    check::check,
    codes::{CORE_DRIFTED, CORE_UNMARKED},
    graph::{Desired, Observed},
    ledger::{Applied, MemoryLedger},
    owner::{Identity, Owner},
    pipeline::{Context, Outcome, Wanted},
    plan::{Plan, Verb, plan},
    policy::{Drift, OnBroken, Policy},
    resource::{Change, Key, Live, Origin, Resource},
    spec::PlatformSpec,
    testing::{Fault, Faulty, Fixed, Fuse, ManualClock, Memory, Thing, tools},
};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn thing() -> Thing {
    Thing::new("thing")
}

fn wanted<const N: usize>(things: [(&str, Thing); N]) -> Desired<Thing> {
    let add = |all: paas_core::graph::Builder<Thing>, (name, thing)| all.want(key(name), thing);
    things.into_iter().fold(Desired::builder(), add).build().unwrap()
}

fn seen<const N: usize>(things: [(&str, Thing); N]) -> Observed<Thing> {
    let mut observed = Observed::default();
    for (name, thing) in things {
        observed.found(key(name), Live::ready(format!("id-{name}"), thing));
    }
    observed
}

/// The same, after this was carried out.
fn after<const N: usize>(mut observed: Observed<Thing>, applied: [(&str, Thing); N]) -> Observed<Thing> {
    let as_wanted = |(name, thing): (&str, Thing)| (key(name), Applied::As(thing.view()));
    observed.applied = applied.into_iter().map(as_wanted).collect();
    observed
}

fn report() -> Policy {
    Policy {
        drift: Drift::Report,
        ..Policy::default()
    }
}

fn good(desired: &Desired<Thing>, observed: &Observed<Thing>, policy: &Policy) -> Plan<Thing> {
    let plan = plan(desired, observed, policy);
    assert_eq!(check(desired, observed, policy, &plan), vec![], "{plan:#?}");
    plan
}

fn blocked(plan: &Plan<Thing>) -> Vec<(&str, &str)> {
    assert!(plan.blocked.iter().all(|b| b.code == &CORE_DRIFTED));
    plan.blocked
        .iter()
        .map(|b| (b.key.as_str(), b.why.as_str()))
        .collect()
}

#[test]
fn what_somebody_changed_is_brought_back_or_reported_with_what_it_is_and_should_be() {
    let desired = wanted([("a", thing().size(2)), ("b", thing().image("x"))]);
    let observed = after(
        seen([("a", thing().size(1)), ("b", thing().image("y"))]),
        [("a", thing().size(2)), ("b", thing().image("x"))],
    );
    let repair = good(&desired, &observed, &Policy::default());
    let reasons: Vec<&str> = repair.steps.iter().map(|s| s.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "image was changed from outside and cannot be changed back in place",
            "size was changed from outside"
        ]
    );
    let left = good(&desired, &observed, &report());
    assert!(left.steps.is_empty() && left.same == 0, "{left:#?}");
    assert_eq!(
        blocked(&left),
        [
            (
                "b",
                "image is y instead of x: changed from outside; differences are only reported"
            ),
            (
                "a",
                "size is 1 instead of 2: changed from outside; differences are only reported"
            ),
        ]
    );
}

#[test]
fn what_the_spec_asks_for_is_carried_out_although_differences_are_only_reported() {
    let desired = wanted([("a", thing().size(3)), ("b", thing().image("z"))]);
    let observed = after(
        seen([
            ("a", thing().size(1)),
            ("b", thing().image("x")),
            ("old", thing()),
        ]),
        [
            ("a", thing().size(1)),
            ("b", thing().image("x")),
            ("old", thing()),
        ],
    );
    let plan = good(&desired, &observed, &report());
    assert_eq!(plan.blocked, vec![]);
    let verbs: Vec<_> = plan
        .steps
        .iter()
        .map(|s| (s.key.as_str(), s.action.verb()))
        .collect();
    assert_eq!(
        verbs,
        [("old", Verb::Delete), ("b", Verb::Replace), ("a", Verb::Update)]
    );
}

#[test]
fn what_was_added_or_deleted_by_somebody_is_only_reported_but_never_on_the_way_down() {
    let desired = wanted([("a", thing()), ("b", thing())]);
    let observed = after(
        seen([("a", thing()), ("extra", thing())]),
        [("a", thing()), ("b", thing())],
    );
    let plan = good(&desired, &observed, &report());
    assert!(plan.steps.is_empty(), "{plan:#?}");
    assert_eq!(
        blocked(&plan),
        [
            (
                "extra",
                "id-extra is there and was never asked for; differences are only reported"
            ),
            ("b", "it was deleted from outside; differences are only reported"),
        ]
    );
    let repair = good(&desired, &observed, &Policy::default());
    assert_eq!(repair.steps[1].reason, "it was deleted from outside");
    let down = Policy {
        sweep: true,
        ..report()
    };
    assert_eq!(good(&Desired::nothing(), &observed, &down).steps.len(), 2);
}

#[test]
fn where_nothing_is_remembered_a_difference_is_left_and_a_missing_thing_is_made() {
    let desired = wanted([("a", thing().size(2)), ("b", thing())]);
    let plan = good(&desired, &seen([("a", thing().size(1))]), &report());
    assert!(plan.blocked[0].why.contains("nothing is remembered of it"));
    assert_eq!(plan.steps[0].key, key("b"));
}

#[test]
fn what_no_spec_speaks_of_is_brought_back_by_the_changes_that_the_hands_saw() {
    let desired = wanted([("a", thing())]);
    let renamed = Change::new("name", "edge", "a");
    let mut observed = Observed::default();
    observed.found(key("a"), Live::ready("id", thing()).drifted([renamed.clone()]));
    let repair = good(&desired, &observed, &Policy::default());
    assert_eq!(repair.steps[0].reason, "name was changed from outside");
    assert!(matches!(&repair.steps[0].action,
        paas_core::plan::Action::Update { changes, .. } if *changes == [renamed]));
    assert_eq!(
        blocked(&good(&desired, &observed, &report()))[0].1,
        "name is edge instead of a: changed from outside; differences are only reported"
    );
}

#[test]
fn what_lost_its_mark_is_not_made_a_second_time() {
    let mut observed = Observed::default();
    observed.bar(key("a"), &CORE_UNMARKED, "id-a is there");
    let plan = good(&wanted([("a", thing())]), &observed, &Policy::default());
    assert!(plan.steps.is_empty());
    assert_eq!(plan.blocked[0].code, &CORE_UNMARKED);
    assert!(plan.blocked[0].why.contains("id-a"), "{}", plan.blocked[0].why);
}

#[test]
fn a_platform_says_what_becomes_of_drift_and_of_what_is_broken() {
    let policy = |more: &str| {
        let text = format!(r#"{{"infrastructure": {{"type": "Local"}}{more}}}"#);
        serde_json::from_str::<PlatformSpec>(&text).unwrap().policy()
    };
    assert_eq!(policy(""), Policy::default());
    let said = policy(r#", "driftPolicy": "Report", "onBroken": "Replace", "deletionProtection": true"#);
    assert_eq!((said.drift, said.broken), (Drift::Report, OnBroken::Replace));
    assert!(said.protected.is_some());
}

/// A world whose differences are only reported, brought to `desired` while the fuse is lit.
async fn run(cloud: &Memory, cx: &mut Context, fuse: &Arc<Fuse>, desired: &Desired<Thing>) -> Outcome {
    let hands = Arc::new(Faulty::new(Arc::new(cloud.clone()), fuse.clone()));
    let pipeline = Fixed::pipeline(hands, desired.clone());
    pipeline
        .run(cx, Wanted::Spec, Some(Duration::from_secs(600)))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_replacement_that_was_asked_for_is_finished_although_its_first_call_failed() {
    let clock = Arc::new(ManualClock::default());
    let cloud = Memory::new(clock.clone());
    let owner = Owner::new(&Identity::of(&["memory"]), "Platform", "default", "demo");
    let tools = tools(Arc::new(MemoryLedger::default()), clock);
    let mut cx = Context::new(owner.clone(), report(), tools);
    let fuse = Fuse::new();
    let old = wanted([("a", thing().image("x")), ("b", thing())]);
    assert_eq!(run(&cloud, &mut cx, &fuse, &old).await, Outcome::Converged);
    cloud.plant(&owner, &key("extra"), thing(), Origin::Ours);
    fuse.arm(Some((1, Fault::LostRequest)));
    let new = wanted([("a", thing().image("y"))]);
    let outcome = run(&cloud, &mut cx, &fuse, &new).await;
    let Outcome::Blocked { because, .. } = outcome else {
        panic!("{outcome:?}");
    };
    let told: Vec<&str> = because.iter().map(|b| b.key.as_str()).collect();
    assert!(fuse.is_blown());
    assert_eq!(
        told,
        ["extra"],
        "a was replaced, b deleted, and only the stranger is reported"
    );
}
