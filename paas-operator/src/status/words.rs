//! Outcomes in sentences: what is waited for since when and until when, what failed, what a person can do.

use paas_core::{
    error::ErrorView,
    pipeline::{Obstruction, Outcome, Pending, Stumble, Wanted},
    spec::BlockedStatus,
};

use crate::{CONSENT, condition::Reason};

/// What a paused object says.
pub(super) const PAUSED: &str =
    "the annotation paas.rs/paused stops all passes over it; remove the annotation to go on";

/// More than so many are counted, not told.
const TOLD: usize = 8;

/// The word for an outcome.
pub(super) fn reason(outcome: &Outcome) -> Reason {
    match outcome {
        Outcome::Converged => Reason::Converged,
        Outcome::Progressing { failed, .. } if !failed.is_empty() => Reason::Retrying,
        Outcome::Progressing { waiting, .. } if !waiting.is_empty() => Reason::Waiting,
        Outcome::Progressing { .. } => Reason::Working,
        Outcome::Blocked { .. } => Reason::Blocked,
    }
}

/// The sentence for an outcome.
pub(super) fn of_outcome(wanted: Wanted, outcome: &Outcome, blocked: Option<&BlockedStatus>) -> String {
    match (outcome, blocked) {
        (Outcome::Converged, _) => match wanted {
            Wanted::Spec => "everything is as the spec says".to_owned(),
            Wanted::Nothing => "nothing is left that has to go".to_owned(),
        },
        (Outcome::Progressing { waiting, failed, .. }, _) => {
            let told = failed
                .iter()
                .map(of_stumble)
                .chain(waiting.iter().map(of_pending));
            let told = list(told.collect());
            if told.is_empty() {
                "more is to be done at once".to_owned()
            } else {
                told
            }
        }
        (Outcome::Blocked { because, .. }, None) => list(because.iter().map(of_obstruction).collect()),
        (Outcome::Blocked { because, .. }, Some(asked)) => {
            let told = list(because.iter().map(of_obstruction).collect());
            let hash = &asked.plan_hash;
            format!("{told}; to agree to the steps in status.blocked, set the annotation {CONSENT}: {hash}")
        }
    }
}

/// Word and sentence for one stage of an outcome.
pub(super) fn of_stage(stage: &str, outcome: &Outcome) -> (Reason, String) {
    let own = match outcome {
        Outcome::Converged => Outcome::Converged,
        Outcome::Progressing {
            waiting,
            failed,
            again_in,
            ..
        } => {
            let waiting: Vec<Pending> = waiting.iter().filter(|w| w.stage == stage).cloned().collect();
            let failed: Vec<Stumble> = failed.iter().filter(|s| s.stage == stage).cloned().collect();
            let unnamed = match outcome {
                Outcome::Progressing { waiting, failed, .. } => waiting.is_empty() && failed.is_empty(),
                Outcome::Converged | Outcome::Blocked { .. } => false,
            };
            if waiting.is_empty() && failed.is_empty() && !unnamed {
                Outcome::Converged
            } else {
                Outcome::Progressing {
                    waiting,
                    failed,
                    again_in: *again_in,
                    clears: false,
                }
            }
        }
        Outcome::Blocked { because, .. } => {
            let because: Vec<Obstruction> = because.iter().filter(|o| o.stage == stage).cloned().collect();
            if because.is_empty() {
                Outcome::Converged
            } else {
                Outcome::Blocked {
                    because,
                    clears: false,
                }
            }
        }
    };
    (reason(&own), of_outcome(Wanted::Spec, &own, None))
}

/// The sentence for a failure.
pub(super) fn of_error(error: &ErrorView) -> String {
    let what = error
        .attempted
        .as_ref()
        .map_or(String::new(), |a| format!("{a}: "));
    let request = error
        .request_id
        .as_ref()
        .map_or(String::new(), |id| format!(" (request {id})"));
    format!(
        "{what}{}{request} [{}]; {}",
        error.message, error.code, error.remedy
    )
}

fn of_pending(wait: &Pending) -> String {
    let Pending {
        stage,
        key,
        why,
        since,
        deadline,
        elsewhere: _,
    } = wait;
    format!("{stage}/{key} waits: {why}, since {since:.0}, until {deadline:.0} at the latest")
}

fn of_stumble(failure: &Stumble) -> String {
    let Stumble {
        stage,
        key,
        verb,
        error,
        starves,
    } = failure;
    let starves = match starves.len() {
        0 => String::new(),
        n => format!("; {n} more cannot begin because of it"),
    };
    format!("to {verb} {stage}/{key} failed: {}{starves}", of_error(error))
}

fn of_obstruction(obstruction: &Obstruction) -> String {
    let Obstruction {
        stage,
        key,
        why,
        code,
        remedy,
    } = obstruction;
    format!("{stage}/{key} is blocked: {why} [{code}]; {remedy}")
}

fn list(mut told: Vec<String>) -> String {
    let more = told.len().saturating_sub(TOLD);
    told.truncate(TOLD);
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    told.join("; ")
}
