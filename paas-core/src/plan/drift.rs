//! What differs, and who changed it: the spec, or somebody outside.

use super::{Blocked, Verb};
use crate::{
    codes,
    graph::{Desired, Observed},
    ledger::Applied,
    policy::{Drift, Policy},
    resource::{Change, Diff, Key, Live, Resource},
};

/// What would have to change, with what no spec speaks of.
pub(super) fn difference<R: Resource>(want: &R, live: &Live<R>) -> Diff {
    match want.diff(&live.resource) {
        Diff::Same if live.drifted.is_empty() => Diff::Same,
        Diff::Same => Diff::Update(live.drifted.clone()),
        Diff::Update(changes) => Diff::Update(changes.into_iter().chain(live.drifted.clone()).collect()),
        other @ (Diff::Replace(_) | Diff::Refuse { .. }) => other,
    }
}

/// `mtu, dns`.
pub(super) fn fields(changes: &[Change]) -> String {
    let fields: Vec<&str> = changes.iter().map(|c| c.field.as_str()).collect();
    fields.join(", ")
}

/// Whether the spec asks for this change: `Some(false)` if the spec says what it said when it was carried out, so that somebody outside
/// has changed it; `None` if nobody remembers.
pub(super) fn is_asked<R: Resource>(
    key: &Key,
    change: &Change,
    want: &R,
    live: &Live<R>,
    observed: &Observed<R>,
) -> Option<bool> {
    if live.drifted.contains(change) {
        return Some(false);
    }
    match observed.applied.get(key)? {
        Applied::Removing => Some(true),
        Applied::As(before) => {
            let now = want.view();
            let (old, new) = (before.get(&change.field), now.get(&change.field));
            // A field that no view shows is judged by the whole.
            let shown = old.is_some() || new.is_some();
            Some(if shown { old != new } else { *before != now })
        }
    }
}

/// True if all of this is somebody else's doing.
pub(super) fn is_outside<R: Resource>(
    key: &Key,
    changes: &[Change],
    want: &R,
    live: &Live<R>,
    observed: &Observed<R>,
) -> bool {
    changes
        .iter()
        .all(|c| is_asked(key, c, want, live, observed) == Some(false))
}

/// Why `key` stays although it should go, where differences are only reported: nobody asked for it to go.
pub(super) fn stays<R: Resource>(
    key: &Key,
    live: &Live<R>,
    desired: &Desired<R>,
    observed: &Observed<R>,
    policy: &Policy,
) -> Option<Blocked> {
    // While everything goes, everything was asked to go.
    if policy.drift == Drift::Repair || policy.sweep {
        return None;
    }
    let Some(want) = desired.wanted().get(key) else {
        let why = format!(
            "{} is there and was never asked for; differences are only reported",
            live.id
        );
        let unknown = !observed.applied.contains_key(key);
        return unknown.then(|| blocked(key, Verb::Delete, why));
    };
    let Diff::Replace(changes) = difference(want, live) else {
        return None;
    };
    let asked = |c: &Change| is_asked(key, c, want, live, observed) == Some(true);
    (!changes.iter().any(asked)).then(|| only_reported(key, Verb::Replace, &changes, want, live, observed))
}

/// A difference that is only reported, with what it is and what it should be.
pub(super) fn only_reported<R: Resource>(
    key: &Key,
    verb: Verb,
    changes: &[Change],
    want: &R,
    live: &Live<R>,
    observed: &Observed<R>,
) -> Blocked {
    let told: Vec<String> = changes
        .iter()
        .map(|c| format!("{} is {} instead of {}", c.field, c.from, c.to))
        .collect();
    let who = if is_outside(key, changes, want, live, observed) {
        "changed from outside"
    } else {
        "nothing is remembered of it, so the spec may have changed or the world"
    };
    let why = format!("{}: {who}; differences are only reported", told.join(", "));
    blocked(key, verb, why)
}

/// Something wanted that somebody deleted, where differences are only reported.
pub(super) fn stays_away(key: &Key, policy: &Policy) -> Option<Blocked> {
    let why = "it was deleted from outside; differences are only reported".to_owned();
    (policy.drift == Drift::Report).then(|| blocked(key, Verb::Create, why))
}

fn blocked(key: &Key, verb: Verb, why: String) -> Blocked {
    Blocked {
        key: key.clone(),
        verb: Some(verb),
        why,
        code: &codes::CORE_DRIFTED,
    }
}
