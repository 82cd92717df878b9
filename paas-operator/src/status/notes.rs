//! Transitions of an object, for Kubernetes Events: one each.

use paas_core::spec::{Condition, ConditionStatus};

use crate::condition::{DELETING, PAUSED, READY, find};

/// Something to tell of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// True if somebody should look.
    pub warning: bool,
    /// One CamelCase word.
    pub reason: String,
    /// What was being done, in a word or two.
    pub action: String,
    /// A sentence.
    pub note: String,
}

/// What changed between two sets of conditions: readiness and its reason, the pause, the deletion.
pub fn notes(old: &[Condition], new: &[Condition]) -> Vec<Note> {
    let mut told = Vec::new();
    if let Some(ready) = find(new, READY) {
        let was = find(old, READY);
        // On its way it goes from one wait to the next, and the engine tells of each.
        let on_its_way = |c: &Condition| c.reason == "Working" || c.reason == "Waiting";
        let is_same = |was: &Condition| {
            was.status == ready.status
                && (was.reason == ready.reason || (on_its_way(was) && on_its_way(ready)))
        };
        if !was.is_some_and(is_same) {
            let quiet = ["Converged", "Working", "Waiting", "Deleting", "Paused"];
            told.push(Note {
                warning: !quiet.contains(&ready.reason.as_str()),
                reason: ready.reason.clone(),
                action: "Reconcile".to_owned(),
                note: ready.message.clone(),
            });
        }
    }
    for (type_, begins, ends) in [
        (PAUSED, "Paused", "Resumed"),
        (DELETING, "Deleting", "NotDeleting"),
    ] {
        let held = |set: &[Condition]| find(set, type_).is_some_and(|c| c.status == ConditionStatus::True);
        let reason = match (held(old), held(new)) {
            (false, true) => begins,
            (true, false) => ends,
            _ => continue,
        };
        let note = find(new, type_).map(|c| c.message.clone()).unwrap_or_default();
        let said_already = told.iter().any(|t| t.reason == reason);
        if !said_already {
            told.push(Note {
                warning: false,
                reason: reason.to_owned(),
                action: "Reconcile".to_owned(),
                note: if note.is_empty() {
                    "passes over it go on".to_owned()
                } else {
                    note
                },
            });
        }
    }
    told
}
