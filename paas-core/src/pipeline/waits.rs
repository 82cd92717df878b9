//! What is waited for, since when, and for how long until the next look.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{Context, look::Look};
use crate::{
    event::{Event, State, WAIT_OVER},
    execute::{Half, Report},
    ledger::{Ledger, Scope, Settled, Since},
    plan::{Plan, leaving},
    resource::{Health, Key, Live, Resource},
};

/// Troubles that no step and no block of the plan is about any more.
pub(super) fn over<R: Resource>(ledger: &Ledger, plan: &Plan<R>) -> Vec<Settled> {
    if ledger.troubles.is_empty() {
        return Vec::new();
    }
    let steps = plan.steps.iter().map(|s| &s.key);
    let open: BTreeSet<&Key> = steps.chain(plan.blocked.iter().map(|b| &b.key)).collect();
    let over = ledger.troubles.keys().filter(|k| !open.contains(k));
    over.cloned().map(Settled::Cured).collect()
}

/// What is waited for after this pass, each with the time it began.
pub(super) fn waits<R: Resource>(
    look: &Look<R>,
    report: &Report<R>,
    departing: &BTreeMap<Key, Live<R>>,
    half: Half,
    now: Timestamp,
) -> BTreeMap<Key, Since> {
    let known = &look.ledger.waits;
    let since = |key: &Key, why: &str| Since {
        why: why.to_owned(),
        since: known.get(key).map_or(now, |s| s.since),
    };
    let mut waits: BTreeMap<Key, Since> = look
        .plan
        .waiting
        .iter()
        .map(|w| (w.key.clone(), since(&w.key, &w.why)))
        .collect();
    if half == Half::Build {
        // What later stages hold is known only on the way down: what was found there last time still stands.
        let removals = look.plan.steps.iter().filter(|s| s.action.verb().removes());
        for key in removals.map(|s| &s.key) {
            if let Some(wait) = known.get(key) {
                waits.entry(key.clone()).or_insert_with(|| wait.clone());
            }
        }
    }
    for (key, live) in departing {
        let (why, since) = (leaving(live), now);
        waits.insert(key.clone(), Since { why, since });
    }
    for (key, live) in &report.created {
        if let Health::Settling { why } = &live.health {
            // What was waited for before it was made is another wait.
            let (why, since) = (why.clone(), now);
            waits.insert(key.clone(), Since { why, since });
        }
    }
    waits
}

/// Tells the listeners what is waited for now and was not before, and what no longer is.
pub(super) fn tell_waits(
    cx: &Context,
    scope: &Scope,
    old: &BTreeMap<Key, Since>,
    new: &BTreeMap<Key, Since>,
) {
    let tell = |key: &Key, (state, reason): (State, &str), why: &str| {
        cx.tools.events.emit(&Event {
            at: cx.tools.clock.now(),
            owner: scope.owner.to_string(),
            stage: scope.stage.clone(),
            key: Some(key.clone()),
            verb: "observe".to_owned(),
            state,
            reason: reason.to_owned(),
            message: why.to_owned(),
            request_id: None,
        });
    };
    for (key, wait) in old.iter().filter(|(k, _)| !new.contains_key(*k)) {
        tell(key, (State::Done, WAIT_OVER), &wait.why);
    }
    for (key, wait) in new {
        if old.get(key).is_none_or(|o| o.why != wait.why) {
            tell(key, (State::Waiting, "Waiting"), &wait.why);
        }
    }
}

/// How long a key may take.
pub(super) fn patience<R: Resource>(look: &Look<R>, key: &Key) -> Duration {
    let live = look.observed.live.get(key).map(|l| &l.resource);
    live.or(look.desired.wanted().get(key))
        .map_or(Duration::from_secs(600), Resource::patience)
}

/// A quarter of the time waited so far, within the bounds: quick things are seen quickly, slow ones are asked seldom.
pub(super) fn pause<R: Resource>(
    look: &Look<R>,
    waits: &BTreeMap<Key, Since>,
    failed: bool,
    now: Timestamp,
) -> Duration {
    let bounds = &look.policy.bounds;
    let youngest = waits.values().map(|w| w.since).max().unwrap_or(now);
    let waited = Duration::try_from(now.duration_since(youngest)).unwrap_or_default();
    let floor = if failed { bounds.backoff } else { bounds.poll };
    (waited / 4).clamp(floor.min(bounds.poll_max), bounds.poll_max)
}
