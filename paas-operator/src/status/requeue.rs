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
        Verdict::Passed(_, Outcome::Blocked { .. }) | Verdict::Protected(_) => spread(pace.blocked),
        Verdict::Failed { .. } => {
            let doubled = pace
                .backoff
                .saturating_mul(1 << failures.saturating_sub(1).min(16));
            spread(doubled.min(pace.backoff_max))
        }
        Verdict::Passed(_, Outcome::Converged)
        | Verdict::Invalid(_)
        | Verdict::Refused(..)
        | Verdict::Paused => spread(pace.resync),
    }
}

/// Until right after its deadline, so that what is overdue says so in time.
fn until(wait: &Pending, now: Timestamp) -> Duration {
    let left = wait.deadline.duration_since(now);
    Duration::try_from(left).unwrap_or_default() + Duration::from_secs(1)
}
