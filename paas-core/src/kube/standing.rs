//! Where a declared object stands: what its conditions say, as a pure function of the object.

use jiff::Timestamp;

use super::declared::Declared;
use crate::spec::{Condition, ConditionStatus};

/// Where a declared object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// No operator has looked at it, or not at its present spec.
    Unseen,
    /// Everything is as its spec says.
    Ready,
    /// It is on its way.
    Progressing,
    /// It does not go on without a person.
    Stalled,
    /// Somebody paused it.
    Paused,
    /// It is being deleted.
    Deleting,
}

/// Where a declared object stands, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Where.
    pub stand: Stand,
    /// One CamelCase word of the operator's; empty where it said nothing.
    pub reason: String,
    /// A sentence: what it waits for, since when, until when, with the code that explains it.
    pub message: String,
    /// Since when it is ready or not.
    pub since: Option<Timestamp>,
}

/// Where an object stands by its conditions, for its present generation.
pub fn of(declared: &Declared) -> Standing {
    let conditions = declared.conditions();
    let find = |type_: &str| conditions.iter().find(|c| c.type_ == type_);
    let holds = |type_: &str| find(type_).filter(|c| c.status == ConditionStatus::True);
    let ready = find("Ready");
    let said = |stand: Stand, by: &Condition| Standing {
        stand,
        reason: by.reason.clone(),
        message: by.message.clone(),
        since: Some(ready.unwrap_or(by).last_transition_time),
    };
    let silent = |stand: Stand, message: &str| Standing {
        stand,
        reason: String::new(),
        message: message.to_owned(),
        since: declared.created(),
    };
    if let Some(paused) = holds("Paused") {
        return said(Stand::Paused, paused);
    }
    if declared.deleting() {
        return match (holds("Stalled"), holds("Deleting")) {
            (Some(stalled), Some(_)) => said(Stand::Stalled, stalled),
            (_, Some(deleting)) => said(Stand::Deleting, deleting),
            (_, None) => silent(
                Stand::Deleting,
                "the operator has not begun with its deletion yet",
            ),
        };
    }
    if conditions.is_empty() {
        return silent(Stand::Unseen, "no operator has looked at it yet");
    }
    if !declared.observed() {
        return silent(Stand::Unseen, "the operator has not seen its last change yet");
    }
    match (holds("Stalled"), ready) {
        (Some(stalled), _) => said(Stand::Stalled, stalled),
        (None, Some(ready)) if ready.status == ConditionStatus::True => said(Stand::Ready, ready),
        (None, Some(ready)) => said(Stand::Progressing, ready),
        (None, None) => silent(Stand::Progressing, "the operator does not say how it is"),
    }
}

/// A message in one line: the first thing that is waited for, and how many more there are. What is no wait is left as it is.
///
/// ```
/// use paas_core::kube::standing::brief;
/// let long = "db/cluster waits: it starts, since 10:00, until 10:10 at the latest; db/role waits: too, since 10:00, until 10:10 at the latest";
/// assert_eq!(brief(long), "db/cluster waits: it starts, and 1 more");
/// assert_eq!(brief("it is paused"), "it is paused");
/// ```
pub fn brief(message: &str) -> String {
    let waits = message.matches(" waits: ").count();
    match (waits, message.split_once(", since ")) {
        (1, Some((first, _))) => first.to_owned(),
        (2.., Some((first, _))) => format!("{first}, and {} more", waits - 1),
        _ => message.to_owned(),
    }
}

/// The codes that a message names, in their order: `paas explain` knows them.
///
/// ```
/// use paas_core::kube::standing::codes;
/// assert_eq!(codes("no [PAAS-K8S-0001]; see PAAS-OP-0003."), ["PAAS-K8S-0001", "PAAS-OP-0003"]);
/// ```
pub fn codes(message: &str) -> Vec<&str> {
    let of = |at: usize| {
        let rest = &message[at..];
        let end = rest.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-'));
        let word = &rest[..end.unwrap_or(rest.len())];
        let mut parts = word.rsplitn(2, '-');
        let number = parts.next().unwrap_or_default();
        let whole = number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit());
        whole.then_some(word)
    };
    let mut all: Vec<&str> = Vec::new();
    for word in message.match_indices("PAAS-").filter_map(|(at, _)| of(at)) {
        if !all.contains(&word) {
            all.push(word);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::spec::Kind;

    fn object(generation: i64, deleting: bool, status: Value) -> Declared {
        let mut metadata = json!({"name": "db", "namespace": "shop", "generation": generation});
        if deleting {
            metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        }
        Declared {
            kind: Kind::DatabaseInstance,
            object: serde_json::from_value(json!({"metadata": metadata, "status": status})).unwrap(),
        }
    }

    fn says(all: &[(&str, &str, &str)]) -> Value {
        let one = |(type_, status, message): &(&str, &str, &str)| {
            json!({
                "type": type_, "status": status, "reason": "Word", "message": message, "observedGeneration": 1,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            })
        };
        json!({"observedGeneration": 1, "conditions": all.iter().map(one).collect::<Vec<_>>()})
    }

    #[test]
    fn conditions_say_where_an_object_stands() {
        let table = [
            (object(1, false, json!({})), Stand::Unseen),
            (object(2, false, says(&[("Ready", "True", "")])), Stand::Unseen),
            (object(1, false, says(&[("Ready", "True", "")])), Stand::Ready),
            (
                object(1, false, says(&[("Ready", "False", "it waits")])),
                Stand::Progressing,
            ),
            (
                object(1, false, says(&[("Ready", "Unknown", "")])),
                Stand::Progressing,
            ),
            (
                object(
                    1,
                    false,
                    says(&[("Ready", "False", ""), ("Stalled", "True", "no")]),
                ),
                Stand::Stalled,
            ),
            (object(2, false, says(&[("Paused", "True", "")])), Stand::Paused),
            (object(1, true, json!({})), Stand::Deleting),
            (
                object(1, true, says(&[("Deleting", "True", "")])),
                Stand::Deleting,
            ),
            (
                object(
                    1,
                    true,
                    says(&[("Deleting", "True", ""), ("Stalled", "True", "consent")]),
                ),
                Stand::Stalled,
            ),
        ];
        for (object, expected) in table {
            assert_eq!(of(&object).stand, expected, "{:?}", object.object.data);
        }
    }

    #[test]
    fn what_stalls_is_told_by_the_condition_that_says_so() {
        let stands = of(&object(
            1,
            false,
            says(&[("Ready", "False", "a"), ("Stalled", "True", "b [PAAS-OP-0001]")]),
        ));
        assert_eq!(stands.message, "b [PAAS-OP-0001]");
        assert_eq!(codes(&stands.message), ["PAAS-OP-0001"]);
        assert!(codes("PAAS-12 PAAS-").is_empty());
    }
}
