//! What a pass leads to: waits with their deadlines, failures, blocks.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Obstruction, Outcome, Pending, Stumble,
    look::Look,
    waits::{patience, pause},
};
use crate::{
    codes,
    error::ErrorView,
    execute::Report,
    ledger::{Scope, Since, later},
    resource::{Key, Resource},
};

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
                elsewhere: look.policy.held.contains_key(key),
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
