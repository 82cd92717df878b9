//! Conditions in the shape of `metav1.Condition`, and the words that stand in them.

use jiff::Timestamp;
use paas_core::spec::{Condition, ConditionStatus};

/// Why a condition is what it is: one word that a program can match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Everything is as the spec says.
    Converged,
    /// Something was done, and more is to be done at once.
    Working,
    /// Something outside is on its way.
    Waiting,
    /// Something failed and is tried again.
    Retrying,
    /// A person or another spec is needed.
    Blocked,
    /// Data would go: the owner's word is needed.
    ConsentNeeded,
    /// The object cannot be read.
    Invalid,
    /// This operator cannot do what the spec asks for.
    NotSupported,
    /// A later version will do it.
    NotSupportedYet,
    /// The outside refuses the operator's credentials.
    Denied,
    /// The pass failed in a way that does not pass by itself.
    Failed,
    /// The annotation `paas.rs/paused` is there.
    Paused,
    /// The object is being deleted.
    Deleting,
    /// It is being deleted, and its spec protects it.
    DeletionProtected,
    /// Nothing of the sort.
    NotAsked,
}

impl Reason {
    /// As it stands in `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Converged => "Converged",
            Self::Working => "Working",
            Self::Waiting => "Waiting",
            Self::Retrying => "Retrying",
            Self::Blocked => "Blocked",
            Self::ConsentNeeded => "ConsentNeeded",
            Self::Invalid => "Invalid",
            Self::NotSupported => "NotSupported",
            Self::NotSupportedYet => "NotSupportedYet",
            Self::Denied => "Denied",
            Self::Failed => "Failed",
            Self::Paused => "Paused",
            Self::Deleting => "Deleting",
            Self::DeletionProtected => "DeletionProtected",
            Self::NotAsked => "NotAsked",
        }
    }
}

/// The longest message that the schema takes, in characters.
const LONGEST: usize = 32_768;

/// What a condition says now; since when is found by [`settle`].
#[derive(Debug, Clone, PartialEq)]
pub struct Says {
    /// The type of the condition.
    pub type_: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in a word.
    pub reason: Reason,
    /// Why, for people.
    pub message: String,
}

impl Says {
    /// A condition's word.
    pub fn new(type_: &str, holds: bool, reason: Reason, message: impl Into<String>) -> Self {
        let status = if holds {
            ConditionStatus::True
        } else {
            ConditionStatus::False
        };
        Self {
            type_: type_.to_owned(),
            status,
            reason,
            message: message.into(),
        }
    }
}

/// The conditions after `says`: the time of one changes only with its status. What was never there and says no to readiness has
/// said so since the object was `born`.
pub fn settle(
    old: &[Condition],
    says: Vec<Says>,
    generation: Option<i64>,
    now: Timestamp,
    born: Option<Timestamp>,
) -> Vec<Condition> {
    let since = |say: &Says| match find(old, &say.type_) {
        Some(was) if was.status == say.status => was.last_transition_time,
        None if say.type_ == READY && say.status != ConditionStatus::True => born.unwrap_or(now),
        Some(_) | None => now,
    };
    says.into_iter()
        .map(|say| Condition {
            observed_generation: generation,
            last_transition_time: whole_seconds(since(&say)),
            status: say.status,
            reason: say.reason.as_str().to_owned(),
            message: say.message.chars().take(LONGEST).collect(),
            type_: say.type_,
        })
        .collect()
}

/// The condition of a type, if it is there.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == type_)
}

/// True if a condition of that type is there and holds.
pub fn holds(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|c| c.status == ConditionStatus::True)
}

/// Kubernetes writes times in whole seconds; a finer one would differ from itself once it was read back by another client.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// Everything is as the spec says.
pub const READY: &str = "Ready";
/// Another pass is expected to bring it further.
pub const PROGRESSING: &str = "Progressing";
/// It does not go on without a person: what Flux and kstatus take for a failure.
pub const STALLED: &str = "Stalled";
/// Passes are stopped.
pub const PAUSED: &str = "Paused";
/// The object is being deleted.
pub const DELETING: &str = "Deleting";

/// The type of the condition of a stage: `DatabaseReady`.
pub fn of_stage(stage: &str) -> String {
    let mut letters = stage.chars();
    let first: String = letters
        .next()
        .map(|c| c.to_uppercase().collect())
        .unwrap_or_default();
    format!("{first}{}Ready", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_time_of_a_condition_changes_only_with_its_status() {
        let no = |why: &str| vec![Says::new(READY, false, Reason::Waiting, why)];
        let first = settle(&[], no("a"), Some(1), at(100), Some(at(90)));
        assert_eq!(
            first[0].last_transition_time,
            at(90),
            "it is not ready since it was born"
        );
        let other_words = settle(&first, no("b"), Some(2), at(200), Some(at(90)));
        assert_eq!(other_words[0].last_transition_time, at(90));
        assert_eq!(other_words[0].observed_generation, Some(2));
        let yes = vec![Says::new(READY, true, Reason::Converged, "")];
        assert_eq!(
            settle(&first, yes, Some(2), at(200), None)[0].last_transition_time,
            at(200)
        );
    }

    #[test]
    fn times_are_whole_seconds() {
        let now = Timestamp::from_millisecond(1_500).unwrap();
        let set = settle(
            &[],
            vec![Says::new(PAUSED, false, Reason::NotAsked, "")],
            None,
            now,
            None,
        );
        assert_eq!(set[0].last_transition_time, at(1));
    }

    #[test]
    fn a_stage_has_a_condition_of_its_own() {
        assert_eq!(of_stage("database"), "DatabaseReady");
    }
}
