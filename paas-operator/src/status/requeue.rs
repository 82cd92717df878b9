//! When the next look is due.

use std::time::Duration;

use jiff::Timestamp;
use paas_core::pipeline::{Outcome, Pending};

use super::Verdict;

/// How often is looked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// At what is as it should be, in case that a change was missed.
    pub resync: Duration,
    /// At what needs a person, who may have helped without a change of the object.
    pub blocked: Duration,
    /// After the first failure of a pass; it doubles with each further one.
    pub backoff: Duration,
    /// After many failures.
    pub backoff_max: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            resync: Duration::from_secs(600),
            blocked: Duration::from_secs(60),
            backoff: Duration::from_secs(1),
            backoff_max: Duration::from_secs(300),
        }
    }
}

/// When to look again. `failures` counts passes that failed as a whole, one after the other; `chance` lies in 0 to 1 and spreads looks,
/// so that many objects of the same age do not come at the same moment.
pub fn requeue(verdict: &Verdict, pace: &Pace, failures: u32, now: Timestamp, chance: f64) -> Duration {
    let spread = |time: Duration| time.mul_f64(0.9 + 0.2 * chance.clamp(0.0, 1.0));
    match verdict {
        Verdict::Passed(
            _,
            Outcome::Progressing {
                waiting,
                failed,
                again_in,
                ..
            },
        ) => {
            let next = waiting
                .iter()
                .map(|w| until(w, now))
                .fold(*again_in, Duration::min);
            if failed.is_empty() { next } else { spread(next) }
        }
        // What the cluster lacks may be installed, with no change of the object.
        Verdict::Passed(_, Outcome::Blocked { .. }) | Verdict::Protected(_) | Verdict::Refused(..) => {
            spread(pace.blocked)
        }
        Verdict::Failed { .. } => {
            let doubled = pace
                .backoff
                .saturating_mul(1 << failures.saturating_sub(1).min(16));
            spread(doubled.min(pace.backoff_max))
        }
        Verdict::Passed(_, Outcome::Converged) | Verdict::Invalid(_) | Verdict::Paused => spread(pace.resync),
    }
}

/// Until right after its deadline, so that what is overdue says so in time.
fn until(wait: &Pending, now: Timestamp) -> Duration {
    let left = wait.deadline.duration_since(now);
    Duration::try_from(left).unwrap_or_default() + Duration::from_secs(1)
}

#[cfg(test)]
mod tests {
    use paas_core::{
        error::{Class, Error, ErrorView},
        pipeline::Wanted,
        resource::Key,
    };

    use super::*;
    use crate::{codes, condition::Reason};

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn error(class: Class) -> ErrorView {
        ErrorView::from(&Error::new(&codes::OP_API, class))
    }

    fn waiting(key: &str) -> Outcome {
        Outcome::Progressing {
            waiting: vec![Pending {
                stage: "network".to_owned(),
                key: Key::new(key).unwrap(),
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

    fn working() -> Outcome {
        Outcome::Progressing {
            waiting: Vec::new(),
            failed: Vec::new(),
            again_in: Duration::ZERO,
            clears: false,
        }
    }

    fn blocked() -> Outcome {
        Outcome::Blocked {
            because: Vec::new(),
            clears: false,
        }
    }

    #[test]
    fn the_next_look_is_due_by_the_verdict() {
        let pace = Pace {
            resync: 10 * MINUTE,
            blocked: MINUTE,
            backoff: Duration::from_secs(1),
            backoff_max: 5 * MINUTE,
        };
        let pass = |outcome| Verdict::Passed(Wanted::Spec, outcome);
        let failed = Verdict::Failed {
            error: error(Class::Transient),
            may_pass: true,
        };
        let table = [
            (pass(Outcome::Converged), 0, 600.0),
            (pass(blocked()), 0, 60.0),
            (pass(waiting("network")), 0, 5.0),
            (pass(working()), 0, 0.0),
            (Verdict::Paused, 0, 600.0),
            (
                Verdict::Refused(Reason::NotSupported, error(Class::Unsupported)),
                0,
                60.0,
            ),
            (Verdict::Invalid(error(Class::Invalid)), 0, 600.0),
            (failed.clone(), 1, 1.0),
            (failed.clone(), 2, 2.0),
            (failed.clone(), 5, 16.0),
            (failed, 40, 300.0),
        ];
        for (verdict, failures, expected) in table {
            let seconds = |chance| requeue(&verdict, &pace, failures, at(0), chance).as_secs_f64();
            assert!(
                (seconds(0.5) - expected).abs() < 1e-6,
                "{verdict:?}: {}",
                seconds(0.5)
            );
            assert!(seconds(0.0) >= 0.9 * expected - 1e-6 && seconds(1.0) <= 1.1 * expected + 1e-6);
        }
        // What is overdue in two seconds says so then, however long the pause would be.
        let soon = requeue(&pass(waiting("network")), &pace, 0, at(598), 0.5);
        assert_eq!(soon, Duration::from_secs(3));
    }
}
