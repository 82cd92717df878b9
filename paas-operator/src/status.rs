//! What an object says of itself: conditions as a pure function of (object, verdict, now).
//!
//! What others read in it: `kubectl wait --for=condition=Ready`; kstatus (Flux, Argo CD with its library of health checks) takes
//! `Stalled=True` for failed, `Ready=False` for in progress, and believes nothing while `observedGeneration` is behind.

mod notes;
mod requeue;
mod words;

use jiff::Timestamp;
use paas_core::{
    error::{Class, ErrorView},
    pipeline::{Outcome, Wanted},
    spec::{BlockedStatus, Condition, ConditionStatus},
};

use crate::condition::{self, DELETING, PAUSED, PROGRESSING, READY, Reason, STALLED, Says, settle};

pub use notes::{Note, notes};
pub use requeue::{Pace, requeue};

/// What a reconcile came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The object cannot be read.
    Invalid(ErrorView),
    /// This operator does not do that.
    Refused(Reason, ErrorView),
    /// Somebody paused it.
    Paused,
    /// It is being deleted, and protected: nothing was done.
    Protected(ErrorView),
    /// A pass was made.
    Passed(Wanted, Outcome),
    /// The pass failed as a whole.
    Failed {
        /// Why.
        error: ErrorView,
        /// True if the next one may succeed without any change.
        may_pass: bool,
    },
}

/// What is known of an object beside the verdict.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// The generation of its spec.
    pub generation: Option<i64>,
    /// The generation that its status speaks of.
    pub observed: Option<i64>,
    /// When it was made.
    pub born: Option<Timestamp>,
    /// True if it is being deleted.
    pub deleting: bool,
    /// The conditions in its status.
    pub conditions: &'a [Condition],
    /// The stages of its pipeline, if it has one.
    pub stages: &'a [String],
    /// The steps that wait for its owner's word.
    pub blocked: Option<&'a BlockedStatus>,
}

/// The part of a status that all kinds have.
#[derive(Debug, Clone, PartialEq)]
pub struct Common {
    /// The generation that was acted on.
    pub observed_generation: Option<i64>,
    /// What is observed.
    pub conditions: Vec<Condition>,
    /// The steps that wait for the owner's word.
    pub blocked: Option<BlockedStatus>,
}

/// The common part of the status after `verdict`.
pub fn common(subject: Subject<'_>, verdict: &Verdict, now: Timestamp) -> Common {
    // While it is paused nothing is acted on: what the status speaks of stays what it was.
    let observed_generation = match verdict {
        Verdict::Paused => subject.observed,
        _ => subject.generation,
    };
    Common {
        observed_generation,
        conditions: conditions(subject, verdict, now),
        blocked: subject.blocked.cloned(),
    }
}

/// The conditions after `verdict`.
pub fn conditions(subject: Subject<'_>, verdict: &Verdict, now: Timestamp) -> Vec<Condition> {
    let mut says = vec![
        ready(subject, verdict),
        progressing(subject, verdict),
        stalled(subject, verdict),
    ];
    says.extend(subject.stages.iter().filter_map(|stage| of_stage(stage, verdict)));
    says.push(match verdict {
        Verdict::Paused => Says::new(PAUSED, true, Reason::Paused, words::PAUSED),
        _ => Says::new(PAUSED, false, Reason::NotAsked, ""),
    });
    says.push(if subject.deleting {
        Says::new(DELETING, true, why(subject, verdict), message(subject, verdict))
    } else {
        Says::new(DELETING, false, Reason::NotAsked, "")
    });
    let mut set = settle(subject.conditions, says, subject.generation, now, subject.born);
    if matches!(verdict, Verdict::Paused) {
        // What was found out before the pause still stands, for the generation that it was found out for.
        for was in subject.conditions {
            let kept = was.type_ == READY || was.type_ == STALLED;
            match set.iter_mut().find(|c| c.type_ == was.type_) {
                Some(now) if kept => *now = was.clone(),
                Some(_) => {}
                None => set.push(was.clone()),
            }
        }
    }
    set
}

fn ready(subject: Subject<'_>, verdict: &Verdict) -> Says {
    let mut say = Says::new(READY, false, why(subject, verdict), message(subject, verdict));
    match verdict {
        Verdict::Passed(Wanted::Spec, Outcome::Converged) => say.status = ConditionStatus::True,
        // One call that failed says nothing about what runs.
        Verdict::Failed { may_pass: true, .. } => {
            let was = condition::find(subject.conditions, READY);
            match was.filter(|c| c.observed_generation == subject.generation && !subject.deleting) {
                Some(was) => say.status = was.status,
                None => say.status = ConditionStatus::Unknown,
            }
        }
        Verdict::Paused => say.status = ConditionStatus::Unknown,
        _ => {}
    }
    say
}

fn progressing(subject: Subject<'_>, verdict: &Verdict) -> Says {
    let holds = match verdict {
        Verdict::Passed(_, Outcome::Progressing { .. }) => true,
        // The finalizer goes with the next look.
        Verdict::Passed(Wanted::Nothing, Outcome::Converged) => true,
        Verdict::Failed { may_pass, .. } => *may_pass,
        _ => false,
    };
    Says::new(
        PROGRESSING,
        holds,
        why(subject, verdict),
        message(subject, verdict),
    )
}

fn stalled(subject: Subject<'_>, verdict: &Verdict) -> Says {
    let holds = match verdict {
        Verdict::Invalid(_) | Verdict::Refused(..) | Verdict::Protected(_) => true,
        Verdict::Passed(_, Outcome::Blocked { .. }) => true,
        Verdict::Failed { may_pass, .. } => !may_pass,
        Verdict::Passed(..) | Verdict::Paused => false,
    };
    if holds {
        Says::new(STALLED, true, why(subject, verdict), message(subject, verdict))
    } else {
        Says::new(STALLED, false, Reason::NotAsked, "")
    }
}

fn of_stage(stage: &str, verdict: &Verdict) -> Option<Says> {
    let type_ = condition::of_stage(stage);
    Some(match verdict {
        Verdict::Passed(wanted, outcome) => {
            let (reason, message) = words::of_stage(stage, outcome);
            let holds = *wanted == Wanted::Spec && reason == Reason::Converged;
            let reason = match wanted {
                Wanted::Nothing if reason == Reason::Converged => Reason::Deleting,
                _ => reason,
            };
            Says::new(&type_, holds, reason, message)
        }
        Verdict::Failed { error, .. } => Says {
            status: ConditionStatus::Unknown,
            ..Says::new(&type_, false, Reason::Failed, words::of_error(error))
        },
        // No pass was made: nothing is known of its stages.
        Verdict::Invalid(_) | Verdict::Refused(..) | Verdict::Paused | Verdict::Protected(_) => return None,
    })
}

/// The word for the verdict.
fn why(subject: Subject<'_>, verdict: &Verdict) -> Reason {
    match verdict {
        Verdict::Invalid(_) => Reason::Invalid,
        Verdict::Refused(reason, _) => *reason,
        Verdict::Paused => Reason::Paused,
        Verdict::Protected(_) => Reason::DeletionProtected,
        Verdict::Passed(Wanted::Nothing, Outcome::Converged) => Reason::Deleting,
        Verdict::Passed(_, Outcome::Blocked { .. }) if subject.blocked.is_some() => Reason::ConsentNeeded,
        Verdict::Passed(_, outcome) => words::reason(outcome),
        Verdict::Failed { may_pass: true, .. } => Reason::Retrying,
        Verdict::Failed { error, .. } => match error.class {
            Class::Invalid => Reason::Invalid,
            Class::Unsupported => Reason::NotSupported,
            Class::Denied => Reason::Denied,
            Class::Blocked => Reason::Blocked,
            _ => Reason::Failed,
        },
    }
}

/// The sentence for the verdict.
fn message(subject: Subject<'_>, verdict: &Verdict) -> String {
    match verdict {
        Verdict::Invalid(error) | Verdict::Refused(_, error) | Verdict::Protected(error) => {
            words::of_error(error)
        }
        Verdict::Failed { error, .. } => words::of_error(error),
        Verdict::Paused => words::PAUSED.to_owned(),
        Verdict::Passed(wanted, outcome) => words::of_outcome(*wanted, outcome, subject.blocked),
    }
}

#[cfg(test)]
mod tests;
