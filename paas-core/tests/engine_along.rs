//! What is deleted together with what it is built on has no call of its own.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::{sync::Arc, time::Duration};

use paas_core::{
    check::check,
    codes,
    event::{Kept, State},
    graph::{Desired, Observed},
    ledger::MemoryLedger,
    owner::{Identity, Owner},
    pipeline::{Context, Outcome, Wanted},
    plan::{Plan, Verb, plan},
    policy::Policy,
    resource::{Key, Live},
    testing::{Counting, Fault, Faulty, Fixed, Fuse, ManualClock, Memory, Thing, tools},
};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn group() -> Thing {
    Thing::new("securityGroup").at_once()
}

fn rule(of: &str) -> Thing {
    Thing::new("rule").natural().along().on(&key(of))
}

fn seen<const N: usize>(things: [(&str, Thing); N]) -> Observed<Thing> {
    let mut observed = Observed::default();
    for (k, thing) in things {
        observed.found(key(k), Live::ready(format!("id-{k}"), thing));
    }
    observed
}

fn wanted<const N: usize>(things: [(&str, Thing); N]) -> Desired<Thing> {
    let all = things.into_iter();
    all.fold(Desired::builder(), |graph, (k, thing)| graph.want(key(k), thing))
        .build()
        .unwrap()
}

fn good(desired: &Desired<Thing>, observed: &Observed<Thing>) -> Plan<Thing> {
    let policy = Policy::default();
    let plan = plan(desired, observed, &policy);
    assert_eq!(check(desired, observed, &policy, &plan), [], "{plan:#?}");
    plan
}

/// Each step with whether it goes along, and what it comes after.
fn steps(plan: &Plan<Thing>) -> Vec<(&str, bool, Vec<&str>)> {
    plan.steps
        .iter()
        .map(|s| (s.key.as_str(), s.along, s.after.iter().map(Key::as_str).collect()))
        .collect()
}

#[test]
fn a_rule_goes_after_its_group_without_a_call_and_the_group_does_not_wait_for_it() {
    let port = Thing::new("port").at_once().on(&key("group"));
    let observed = seen([("group", group()), ("rule", rule("group")), ("port", port)]);
    let plan = good(&Desired::nothing(), &observed);
    let mut steps = steps(&plan);
    steps.sort();
    assert_eq!(
        steps,
        [
            ("group", false, vec!["port"]),
            ("port", false, vec![]),
            ("rule", true, vec!["group"]),
        ]
    );
}

#[test]
fn a_rule_whose_group_stays_has_a_call_of_its_own() {
    let observed = seen([("group", group()), ("rule", rule("group"))]);
    let plan = good(&wanted([("group", group())]), &observed);
    assert_eq!(steps(&plan), [("rule", false, vec![])]);
    let mut observed = seen([("group", group()), ("rule", rule("group"))]);
    observed.bar(key("group"), &codes::CORE_BLOCKED, "a port of somebody uses it");
    let plan = good(&Desired::nothing(), &observed);
    assert_eq!(steps(&plan), [("rule", false, vec![])]);
}

#[test]
fn a_rule_that_something_else_stands_on_has_a_call_of_its_own() {
    let alarm = Thing::new("alarm").on(&key("rule"));
    let observed = seen([("group", group()), ("rule", rule("group")), ("alarm", alarm)]);
    let plan = good(&Desired::nothing(), &observed);
    assert!(plan.steps.iter().all(|s| !s.along), "{plan:#?}");
}

#[test]
fn what_is_made_anew_takes_nothing_along_without_a_call() {
    let observed = seen([("group", group().image("a")), ("rule", rule("group"))]);
    let desired = wanted([("group", group().image("b")), ("rule", rule("group"))]);
    let plan = good(&desired, &observed);
    assert_eq!(plan.steps.len(), 2);
    assert!(
        plan.steps
            .iter()
            .all(|s| !s.along && s.action.verb() == Verb::Replace)
    );
}

/// Two groups, each with a rule for the other and one for everybody.
fn two_groups() -> Desired<Thing> {
    let for_other = |of: &str, other: &str| rule(of).on(&key(other));
    wanted([
        ("group/a", group()),
        ("group/b", group()),
        ("rule/a", rule("group/a")),
        ("rule/a-b", for_other("group/a", "group/b")),
        ("rule/b", rule("group/b")),
        ("rule/b-a", for_other("group/b", "group/a")),
    ])
}

fn context(clock: &Arc<ManualClock>) -> Context {
    let owner = Owner::new(&Identity::of(&["memory"]), "Platform", "default", "demo");
    let tools = tools(Arc::new(MemoryLedger::default()), clock.clone());
    Context::new(owner, Policy::default(), tools)
}

#[tokio::test]
async fn groups_that_name_each_other_go_with_one_call_each_and_every_deletion_is_told() {
    let clock = Arc::new(ManualClock::default());
    let cloud = Memory::new(clock.clone());
    let hands = Arc::new(Counting::new(Arc::new(cloud.clone())));
    let pipeline = Fixed::pipeline(hands.clone(), two_groups());
    let mut cx = context(&clock);
    let end = pipeline.run(&mut cx, Wanted::Spec, None).await;
    assert_eq!(end.unwrap(), Outcome::Converged);
    let _ = hands.take();
    let events = Arc::new(Kept::default());
    cx.tools.events = events.clone();
    let end = pipeline.run(&mut cx, Wanted::Nothing, None).await;
    assert_eq!(end.unwrap(), Outcome::Converged);
    let counts = hands.take();
    assert_eq!((counts.deletes, counts.observes), (2, 2));
    assert!(cloud.everything().is_empty());
    let done = events.all().into_iter().filter(|e| e.state == State::Done);
    assert_eq!(done.count(), 6);
}

#[tokio::test]
async fn whatever_happens_to_the_deletion_of_a_group_a_later_run_leaves_nothing_or_makes_all_again() {
    for fault in Fault::ALL {
        for call in 0..4 {
            for wanted in [Wanted::Nothing, Wanted::Spec] {
                let clock = Arc::new(ManualClock::default());
                let cloud = Memory::new(clock.clone());
                let mut cx = context(&clock);
                let up = Fixed::pipeline(Arc::new(cloud.clone()), two_groups());
                let end = up.run(&mut cx, Wanted::Spec, None).await;
                assert_eq!(end.unwrap(), Outcome::Converged);
                let fuse = Fuse::new();
                fuse.arm(Some((call, fault)));
                let faulty = Arc::new(Faulty::new(Arc::new(cloud.clone()), fuse.clone()));
                let down = Fixed::pipeline(faulty, two_groups());
                let limit = Duration::from_secs(300);
                tokio::select! {
                    biased;
                    () = fuse.died() => {}
                    _ = down.run(&mut cx, Wanted::Nothing, Some(limit)) => {}
                }
                if fault == Fault::DiesForgetting {
                    cx = context(&clock);
                }
                cx.asked_anew = true;
                let end = up.run(&mut cx, wanted, Some(limit)).await;
                assert_eq!(
                    end.unwrap(),
                    Outcome::Converged,
                    "{fault:?} at {call}, {wanted:?}"
                );
                let left = match wanted {
                    Wanted::Nothing => 0,
                    Wanted::Spec => 6,
                };
                assert_eq!(cloud.everything().len(), left, "{fault:?} at {call}");
            }
        }
    }
}
