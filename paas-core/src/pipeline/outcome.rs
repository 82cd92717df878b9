//! What a pass leads to.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::{error::ErrorView, resource::Key, step::Verb};

/// What a stage waits for whose world is not known yet: nothing of its own.
pub(crate) const UNKNOWN: &str = "known after the stages before it";

/// Where an object stands after a pass. Every state has a reason (law 8).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum Outcome {
    /// What is wanted is there, and nothing else of ours.
    Converged,
    /// Another pass is expected to bring it further.
    Progressing {
        /// What is waited for.
        waiting: Vec<Pending>,
        /// What failed and is tried again.
        failed: Vec<Stumble>,
        /// When to look again.
        #[serde(serialize_with = "millis", rename = "againInMs")]
        again_in: Duration,
        /// True if deletions are still to be done, after what later stages hold.
        #[serde(skip)]
        clears: bool,
    },
    /// A person or another spec is needed; running again alone does not help.
    Blocked {
        /// Why, each once, at its cause.
        because: Vec<Obstruction>,
        /// True if deletions are still to be done.
        #[serde(skip)]
        clears: bool,
    },
}

/// Something that is waited for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// The stage.
    pub stage: String,
    /// What.
    pub key: Key,
    /// What it waits for.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when it may take.
    pub deadline: Timestamp,
    /// True if it waits for another stage alone, which says itself how it does.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
}

/// Something that failed and is tried again.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stumble {
    /// The stage.
    pub stage: String,
    /// What.
    pub key: Key,
    /// What was tried.
    pub verb: Verb,
    /// Why it failed.
    pub error: ErrorView,
    /// What could not be begun because of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub starves: Vec<Key>,
}

/// Something that needs a person or another spec.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Obstruction {
    /// The stage.
    pub stage: String,
    /// What.
    pub key: Key,
    /// Why.
    pub why: String,
    /// The code that explains it.
    pub code: String,
    /// What to do.
    pub remedy: String,
}

impl Outcome {
    /// True if deletions are still to be done.
    pub(super) fn clears(&self) -> bool {
        match self {
            Self::Converged => false,
            Self::Progressing { clears, .. } | Self::Blocked { clears, .. } => *clears,
        }
    }

    /// True if it says why a later stage may not be seen: something before it failed or is blocked.
    pub(super) fn explains(&self) -> bool {
        match self {
            Self::Converged => false,
            Self::Progressing { failed, .. } => !failed.is_empty(),
            Self::Blocked { .. } => true,
        }
    }

    /// True for a stage that only waits for others: it moves when they do. What is left to clear away waits for what is above it.
    fn follows(&self) -> bool {
        match self {
            Self::Converged | Self::Blocked { .. } => false,
            Self::Progressing {
                waiting,
                failed,
                again_in,
                clears,
            } => {
                let only_clears = waiting.is_empty() && *clears && !again_in.is_zero();
                failed.is_empty()
                    && (only_clears || (!waiting.is_empty() && waiting.iter().all(|w| w.elsewhere)))
            }
        }
    }

    /// Both together: progress anywhere is progress, and a block is told when nothing else moves.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Converged, x) | (x, Self::Converged) => x,
            (
                Self::Blocked {
                    because: mut a,
                    clears: c,
                },
                Self::Blocked {
                    because: b,
                    clears: d,
                },
            ) => {
                a.extend(b);
                Self::Blocked {
                    because: a,
                    clears: c || d,
                }
            }
            (
                Self::Progressing {
                    mut waiting,
                    mut failed,
                    again_in,
                    clears,
                },
                Self::Progressing {
                    waiting: w,
                    failed: f,
                    again_in: a,
                    clears: c,
                },
            ) => {
                waiting.extend(w);
                failed.extend(f);
                Self::Progressing {
                    waiting,
                    failed,
                    again_in: again_in.min(a),
                    clears: clears || c,
                }
            }
            (b @ Self::Blocked { .. }, p @ Self::Progressing { .. })
            | (p @ Self::Progressing { .. }, b @ Self::Blocked { .. }) => match p.follows() {
                true => b,
                false => p,
            },
        }
    }
}

fn millis<S: serde::Serializer>(time: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(elsewhere: bool) -> Outcome {
        let waiting = vec![Pending {
            stage: "other".to_owned(),
            key: Key::new("x").unwrap(),
            why: "it comes up".to_owned(),
            since: Timestamp::UNIX_EPOCH,
            deadline: Timestamp::UNIX_EPOCH,
            elsewhere,
        }];
        let (failed, again_in) = (Vec::new(), Duration::from_secs(5));
        Outcome::Progressing {
            waiting,
            failed,
            again_in,
            clears: false,
        }
    }

    #[test]
    fn who_waits_for_other_stages_alone_does_not_hide_that_they_are_blocked() {
        let blocked = || Outcome::Blocked {
            because: Vec::new(),
            clears: false,
        };
        let clears = Outcome::Progressing {
            waiting: Vec::new(),
            failed: Vec::new(),
            again_in: Duration::from_secs(1),
            clears: true,
        };
        assert_eq!(clears.and(blocked()), blocked());
        assert_eq!(blocked().and(waits(true)), blocked());
        assert_eq!(blocked().and(waits(false)), waits(false), "something moves");
        assert_eq!(Outcome::Converged.and(waits(true)), waits(true));
    }
}
