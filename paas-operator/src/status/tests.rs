use std::time::Duration;

use jiff::Timestamp;
use paas_core::{
    error::{Class, Error},
    pipeline::{Obstruction, Outcome, Pending, Stumble, Wanted},
    resource::Key,
    spec::BlockedStep,
    step::Verb,
};

use super::*;
use crate::{codes, condition::find};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn error(class: Class) -> ErrorView {
    let error = Error::new(&codes::OP_API, class)
        .attempted("list volumes")
        .happened("it said no");
    ErrorView::from(&error)
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn waiting(stage: &str) -> Outcome {
    Outcome::Progressing {
        waiting: vec![Pending {
            stage: stage.to_owned(),
            key: key("volume"),
            why: "it is being built".to_owned(),
            since: at(0),
            deadline: at(600),
            elsewhere: false,
        }],
        failed: Vec::new(),
        again_in: Duration::from_secs(5),
        clears: false,
    }
}

fn retrying() -> Outcome {
    Outcome::Progressing {
        waiting: Vec::new(),
        failed: vec![Stumble {
            stage: "network".to_owned(),
            key: key("port"),
            verb: Verb::Create,
            error: error(Class::Transient),
            starves: vec![key("server")],
        }],
        again_in: Duration::from_secs(10),
        clears: false,
    }
}

fn blocked() -> Outcome {
    Outcome::Blocked {
        because: vec![Obstruction {
            stage: "network".to_owned(),
            key: key("volume"),
            why: "it holds data".to_owned(),
            code: "PAAS-CORE-0011".to_owned(),
            remedy: "agree to it".to_owned(),
        }],
        clears: false,
    }
}

fn asked() -> BlockedStatus {
    BlockedStatus {
        plan_hash: "abcd".to_owned(),
        steps: vec![BlockedStep {
            key: "network/volume".to_owned(),
            verb: "delete".to_owned(),
            reason: "it goes (volume-1)".to_owned(),
        }],
    }
}

fn subject<'a>(conditions: &'a [Condition], stages: &'a [String]) -> Subject<'a> {
    Subject {
        generation: Some(2),
        observed: Some(1),
        born: Some(at(-100)),
        conditions,
        stages,
        ..Subject::default()
    }
}

/// `Ready Progressing Stalled Paused Deleting`, T F or U each, and the reason of Ready.
fn letters(conditions: &[Condition]) -> String {
    let of = |type_: &str| match find(conditions, type_).map(|c| c.status) {
        Some(ConditionStatus::True) => 'T',
        Some(ConditionStatus::False) => 'F',
        Some(ConditionStatus::Unknown) => 'U',
        None => '-',
    };
    let all: String = [READY, PROGRESSING, STALLED, PAUSED, DELETING]
        .map(of)
        .iter()
        .collect();
    format!("{all} {}", find(conditions, READY).unwrap().reason)
}

#[test]
fn each_verdict_has_its_conditions() {
    let pass = |outcome| Verdict::Passed(Wanted::Spec, outcome);
    let gone = |outcome| Verdict::Passed(Wanted::Nothing, outcome);
    let failed = |class, may_pass| Verdict::Failed {
        error: error(class),
        may_pass,
    };
    let working = Outcome::Progressing {
        waiting: Vec::new(),
        failed: Vec::new(),
        again_in: Duration::ZERO,
        clears: false,
    };
    let table = [
        (pass(Outcome::Converged), false, "TFFFF Converged"),
        (pass(working), false, "FTFFF Working"),
        (pass(waiting("network")), false, "FTFFF Waiting"),
        (pass(retrying()), false, "FTFFF Retrying"),
        (pass(blocked()), false, "FFTFF Blocked"),
        (gone(waiting("network")), true, "FTFFT Waiting"),
        (gone(blocked()), true, "FFTFT Blocked"),
        (gone(Outcome::Converged), true, "FTFFT Deleting"),
        (
            Verdict::Protected(error(Class::Blocked)),
            true,
            "FFTFT DeletionProtected",
        ),
        (Verdict::Invalid(error(Class::Invalid)), false, "FFTFF Invalid"),
        (
            Verdict::Refused(Reason::NotSupportedYet, error(Class::Unsupported)),
            false,
            "FFTFF NotSupportedYet",
        ),
        (failed(Class::Transient, true), false, "UTFFF Retrying"),
        (failed(Class::Denied, false), false, "FFTFF Denied"),
        (failed(Class::Invalid, false), false, "FFTFF Invalid"),
        (failed(Class::Internal, false), false, "FFTFF Failed"),
        (Verdict::Paused, false, "UFFTF Paused"),
    ];
    for (verdict, deleting, expected) in table {
        let subject = Subject {
            deleting,
            ..subject(&[], &[])
        };
        let set = conditions(subject, &verdict, at(0));
        assert_eq!(letters(&set), expected, "{verdict:?}");
        let speaks = |c: &&Condition| c.reason != "NotAsked" && c.message.is_empty();
        assert_eq!(
            set.iter().find(speaks),
            None,
            "no state without words: {verdict:?}"
        );
        assert!(set.iter().all(|c| c.observed_generation == Some(2)), "{set:?}");
    }
}

#[test]
fn what_is_waited_for_is_told_with_since_when_and_until_when() {
    let set = conditions(
        subject(&[], &[]),
        &Verdict::Passed(Wanted::Spec, waiting("network")),
        at(9),
    );
    let message = &find(&set, READY).unwrap().message;
    let words = format!(
        "network/volume waits: it is being built, since {:.0}, until {:.0} at the latest",
        at(0),
        at(600)
    );
    assert_eq!(message, &words);
}

#[test]
fn what_failed_is_told_with_its_code_and_what_starves() {
    let set = conditions(
        subject(&[], &[]),
        &Verdict::Passed(Wanted::Spec, retrying()),
        at(9),
    );
    let message = &find(&set, READY).unwrap().message;
    for part in [
        "to create network/port failed",
        "it said no",
        "PAAS-OP-0002",
        "1 more cannot begin",
    ] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
}

#[test]
fn the_hash_that_agrees_is_told_with_what_it_agrees_to() {
    let asked = asked();
    let subject = Subject {
        blocked: Some(&asked),
        ..subject(&[], &[])
    };
    let common = common(subject, &Verdict::Passed(Wanted::Spec, blocked()), at(0));
    let ready = find(&common.conditions, READY).unwrap();
    assert_eq!(ready.reason, "ConsentNeeded");
    assert!(
        ready.message.ends_with("paas.rs/consent: abcd"),
        "{}",
        ready.message
    );
    assert_eq!(common.blocked, Some(asked));
}

#[test]
fn each_stage_has_its_own_condition() {
    let stages = ["network".to_owned(), "database".to_owned()];
    let table = [
        (Outcome::Converged, "True True"),
        (waiting("network"), "False True"),
        (waiting("database"), "True False"),
        (blocked(), "False True"),
    ];
    for (outcome, expected) in table {
        let set = conditions(
            subject(&[], &stages),
            &Verdict::Passed(Wanted::Spec, outcome.clone()),
            at(0),
        );
        let of = |type_| format!("{:?}", find(&set, type_).unwrap().status);
        assert_eq!(
            [of("NetworkReady"), of("DatabaseReady")].join(" "),
            expected,
            "{outcome:?}"
        );
    }
}

#[test]
fn one_failed_call_says_nothing_about_what_runs() {
    let same = Subject {
        observed: Some(2),
        ..subject(&[], &[])
    };
    let ready = conditions(same, &Verdict::Passed(Wanted::Spec, Outcome::Converged), at(0));
    let failed = Verdict::Failed {
        error: error(Class::Transient),
        may_pass: true,
    };
    let after = conditions(
        Subject {
            conditions: &ready,
            ..same
        },
        &failed,
        at(10),
    );
    assert_eq!(letters(&after), "TTFFF Retrying");
    assert_eq!(find(&after, READY).unwrap().last_transition_time, at(0));
    let other_spec = Subject {
        generation: Some(3),
        conditions: &ready,
        ..same
    };
    assert_eq!(
        letters(&conditions(other_spec, &failed, at(10))),
        "UTFFF Retrying",
        "another spec was never seen ready"
    );
}

#[test]
fn a_pause_keeps_what_was_found_out_before_it() {
    let stages = ["network".to_owned()];
    let before = conditions(
        subject(&[], &stages),
        &Verdict::Passed(Wanted::Spec, Outcome::Converged),
        at(0),
    );
    let later = Subject {
        generation: Some(3),
        observed: Some(2),
        ..subject(&before, &[])
    };
    let paused = common(later, &Verdict::Paused, at(50));
    assert_eq!(letters(&paused.conditions), "TFFTF Converged");
    assert_eq!(
        find(&paused.conditions, "NetworkReady"),
        find(&before, "NetworkReady")
    );
    assert_eq!(
        find(&paused.conditions, READY).unwrap().observed_generation,
        Some(2)
    );
    assert_eq!(
        paused.observed_generation,
        Some(2),
        "nothing was done for the third generation"
    );
}

#[test]
fn a_pass_that_finds_the_same_says_the_same() {
    let stages = ["network".to_owned()];
    let outcomes = [Outcome::Converged, waiting("network"), retrying(), blocked()];
    let verdicts = outcomes.map(|o| Verdict::Passed(Wanted::Spec, o));
    for verdict in verdicts
        .into_iter()
        .chain([Verdict::Paused, Verdict::Invalid(error(Class::Invalid))])
    {
        let subject = |conditions| Subject {
            observed: Some(2),
            ..subject(conditions, &stages)
        };
        let first = common(subject(&[]), &verdict, at(0));
        let again = common(subject(&first.conditions), &verdict, at(77));
        assert_eq!(first, again, "{verdict:?}");
        assert_eq!(notes(&first.conditions, &again.conditions), [], "{verdict:?}");
    }
}

#[test]
fn transitions_are_told_once_each() {
    let of = |conditions, verdict: &Verdict, deleting| {
        let subject = Subject {
            deleting,
            ..subject(conditions, &[])
        };
        super::conditions(subject, verdict, at(0))
    };
    let reasons = |old: &[Condition], new: &[Condition]| -> Vec<(String, bool)> {
        notes(old, new)
            .into_iter()
            .map(|n| (n.reason, n.warning))
            .collect()
    };
    let told = |words: &[(&str, bool)]| -> Vec<(String, bool)> {
        words
            .iter()
            .map(|(word, warning)| ((*word).to_owned(), *warning))
            .collect()
    };
    let wait = of(&[], &Verdict::Passed(Wanted::Spec, waiting("network")), false);
    assert_eq!(reasons(&[], &wait), told(&[("Waiting", false)]));
    let ready = of(&wait, &Verdict::Passed(Wanted::Spec, Outcome::Converged), false);
    assert_eq!(reasons(&wait, &ready), told(&[("Converged", false)]));
    let paused = of(&ready, &Verdict::Paused, false);
    assert_eq!(reasons(&ready, &paused), told(&[("Paused", false)]));
    let stuck = of(&paused, &Verdict::Passed(Wanted::Spec, blocked()), false);
    assert_eq!(
        reasons(&paused, &stuck),
        told(&[("Blocked", true), ("Resumed", false)])
    );
    let going = of(
        &ready,
        &Verdict::Passed(Wanted::Nothing, waiting("network")),
        true,
    );
    assert_eq!(
        reasons(&ready, &going),
        told(&[("Waiting", false), ("Deleting", false)])
    );
}
