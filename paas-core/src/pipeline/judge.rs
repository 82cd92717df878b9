//! What a pass leads to: waits with their deadlines, failures, blocks.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{Context, Obstruction, Outcome, Pending, Stumble, look::Look};
use crate::{
    codes,
    error::ErrorView,
    event::{Event, State},
    execute::{Half, Report},
    ledger::{Scope, Since, later},
    resource::{Health, Key, Resource},
};

/// What is waited for after this pass, each with the time it began.
pub(super) fn waits<R: Resource>(
    look: &Look<R>,
    report: &Report<R>,
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
    for (key, live) in &report.created {
        if let Health::Settling { why } = &live.health {
            waits.insert(key.clone(), since(key, why));
        }
    }
    waits
}

/// Tells the listeners what is waited for now and was not before.
pub(super) fn tell_waits(
    cx: &Context,
    scope: &Scope,
    old: &BTreeMap<Key, Since>,
    new: &BTreeMap<Key, Since>,
) {
    for (key, wait) in new
        .iter()
        .filter(|(k, w)| old.get(*k).is_none_or(|o| o.why != w.why))
    {
        cx.tools.events.emit(&Event {
            at: cx.tools.clock.now(),
            owner: scope.owner.to_string(),
            stage: scope.stage.clone(),
            key: Some(key.clone()),
            verb: "observe".to_owned(),
            state: State::Waiting,
            reason: "Waiting".to_owned(),
            message: wait.why.clone(),
            request_id: None,
        });
    }
}

fn patience<R: Resource>(look: &Look<R>, key: &Key) -> Duration {
    let live = look.observed.live.get(key).map(|l| &l.resource);
    live.or(look.desired.wanted().get(key))
        .map_or(Duration::from_secs(600), Resource::patience)
}

/// What the pass leads to, by what was planned, done, failed, and is waited for.
pub(super) fn outcome<R: Resource>(
    scope: &Scope,
    look: &Look<R>,
    report: &Report<R>,
    waits: &BTreeMap<Key, Since>,
    now: Timestamp,
) -> Outcome {
    let stage = &scope.stage;
    let bounds = &look.policy.bounds;
    let mut because: Vec<Obstruction> = Vec::new();
    for blocked in &look.plan.blocked {
        let (code, remedy) = (blocked.code.id.to_owned(), blocked.code.remedy.to_owned());
        because.push(Obstruction {
            stage: stage.clone(),
            key: blocked.key.clone(),
            why: blocked.why.clone(),
            code,
            remedy,
        });
    }
    let mut waiting = Vec::new();
    for (key, wait) in waits {
        let deadline = later(wait.since, patience(look, key));
        if now > deadline {
            let code = &codes::CORE_WAIT_OVERDUE;
            let why = format!("{} (since {:.0})", wait.why, wait.since);
            because.push(Obstruction {
                stage: stage.clone(),
                key: key.clone(),
                why,
                code: code.id.into(),
                remedy: code.remedy.into(),
            });
        } else {
            waiting.push(Pending {
                stage: stage.clone(),
                key: key.clone(),
                why: wait.why.clone(),
                since: wait.since,
                deadline,
            });
        }
    }
    let mut failed = Vec::new();
    for failure in &report.failed {
        let (key, error) = (failure.key.clone(), &failure.error);
        let before = look.ledger.troubles.get(&key);
        let count = before.filter(|t| t.verb == failure.verb).map_or(0, |t| t.count) + 1;
        if error.may_pass() && count < bounds.attempts {
            let starves = report
                .starved
                .iter()
                .filter(|(_, root)| *root == key)
                .map(|(k, _)| k.clone())
                .collect();
            failed.push(Stumble {
                stage: stage.clone(),
                key,
                verb: failure.verb,
                error: ErrorView::from(error),
                starves,
            });
        } else {
            let why = error.sentence();
            because.push(Obstruction {
                stage: stage.clone(),
                key,
                why,
                code: error.code().id.into(),
                remedy: error.advice().into(),
            });
        }
    }
    let done: BTreeSet<&Key> = report.done.iter().map(|(k, _)| k).collect();
    let left = look.plan.steps.iter().filter(|s| !done.contains(&s.key));
    let clears = left.clone().any(|s| s.action.verb().removes());
    let moved = !report.done.is_empty();
    if moved || !waiting.is_empty() || !failed.is_empty() {
        let again_in = if moved && failed.is_empty() && waits.is_empty() {
            Duration::ZERO
        } else {
            pause(look, waits, !failed.is_empty(), now)
        };
        return Outcome::Progressing {
            waiting,
            failed,
            again_in,
            clears,
        };
    }
    if !because.is_empty() {
        return Outcome::Blocked { because, clears };
    }
    if left.count() > 0 {
        return Outcome::Progressing {
            waiting,
            failed,
            again_in: bounds.poll,
            clears,
        };
    }
    Outcome::Converged
}

/// A quarter of the time waited so far, within the bounds: quick things are seen quickly, slow ones are asked seldom.
fn pause<R: Resource>(
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
