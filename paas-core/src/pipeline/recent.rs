//! What a stage remembers of its last look, so that the world is not asked twice for the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{Wanted, look::Look};
use crate::{
    execute::Report,
    graph::Observed,
    ledger::Since,
    resource::{Health, Key, Live, Resource},
    step::{Step, Verb},
};

/// Whether what a stage waits for has moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stillness {
    /// It is as it was.
    Still,
    /// The stage waits for nothing of its own.
    Nothing,
    /// It has moved, or nobody can tell.
    Stirred,
}

/// What was seen, and when; for [`Wanted::Nothing`] it is all that there is. It serves once.
#[derive(Debug)]
pub(super) struct Sight<R> {
    pub(super) at: Duration,
    wanted: Wanted,
    pub(super) seen: Observed<R>,
    /// The root, if it was made since.
    pub(super) made: Option<Key>,
}

/// What the last pass left to wait for.
#[derive(Debug, Clone)]
pub(super) enum Waited<R> {
    /// Nothing.
    Nothing,
    /// These, all of them settling or leaving; and whether something is to be done as soon as one of them has.
    For(BTreeMap<Key, Live<R>>, bool),
    /// More than a glance can tell.
    Unclear,
}

/// A stage's memory.
#[derive(Debug)]
pub(super) struct Recent<R> {
    sight: Mutex<Option<Sight<R>>>,
    waited: Mutex<Waited<R>>,
}

impl<R> Default for Recent<R> {
    fn default() -> Self {
        Self {
            sight: Mutex::new(None),
            waited: Mutex::new(Waited::Unclear),
        }
    }
}

impl<R: Resource> Recent<R> {
    pub(super) fn keep(&self, at: Duration, wanted: Wanted, seen: Observed<R>, made: Option<Key>) {
        *self.sight.lock().unwrap_or_else(PoisonError::into_inner) = Some(Sight {
            at,
            wanted,
            seen,
            made,
        });
    }

    /// What was seen not longer ago than `fresh`, for the same purpose.
    pub(super) fn take(&self, now: Duration, fresh: Duration, wanted: Wanted) -> Option<Sight<R>> {
        let sight = self.sight.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        (sight.wanted == wanted && now.saturating_sub(sight.at) < fresh).then_some(sight)
    }

    pub(super) fn wait(&self, waited: Waited<R>) {
        *self.waited.lock().unwrap_or_else(PoisonError::into_inner) = waited;
    }

    pub(super) fn waited(&self) -> Waited<R> {
        self.waited.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<R: Resource> Waited<R> {
    /// After a pass; `departing` was deleted in it and is seen leaving.
    pub(super) fn after(
        look: &Look<R>,
        report: &Report<R>,
        waits: &BTreeMap<Key, Since>,
        departing: &BTreeMap<Key, Live<R>>,
    ) -> Self {
        if !report.failed.is_empty() || report.stopped.is_some() {
            return Self::Unclear;
        }
        if waits.is_empty() {
            return match report.done.is_empty() && look.plan.steps.is_empty() {
                true => Self::Nothing,
                false => Self::Unclear,
            };
        }
        let live = |key: &Key| {
            let known = report.created.get(key).or_else(|| look.observed.live.get(key));
            let live = departing.get(key).or(known);
            live.filter(|l| matches!(l.health, Health::Settling { .. } | Health::Leaving))
                .map(|l| (key.clone(), l.clone()))
        };
        let Some(all) = waits.keys().map(live).collect::<Option<BTreeMap<_, _>>>() else {
            return Self::Unclear;
        };
        // What was changed in this pass has to be seen by the next one, settling or not; what was deleted, unless it is known how it is.
        let is_known = |(key, verb): &(Key, Verb)| match verb {
            Verb::Create => true,
            Verb::Delete => departing.contains_key(key) || goes_at_once(look, key),
            Verb::Update | Verb::Replace => false,
        };
        let deleted = report.done.iter().any(|(_, verb)| *verb == Verb::Delete);
        if !report.done.iter().all(is_known) || (deleted && !all_wait_for(look, report, departing)) {
            return Self::Unclear;
        }
        let done = |key: &Key| report.done.iter().any(|(k, _)| k == key);
        let more = look.plan.steps.iter().any(|s| !done(&s.key)) || !look.observed.waits.is_empty();
        Self::For(all, more)
    }

    /// What it comes to by how they are now.
    pub(super) fn judged(
        waited: &BTreeMap<Key, Live<R>>,
        more: bool,
        now: &BTreeMap<Key, Health>,
    ) -> Stillness {
        let moved = |(key, live): &(&Key, &Live<R>)| match (&live.health, now.get(*key)) {
            (Health::Settling { .. }, Some(Health::Settling { .. }))
            | (Health::Leaving, Some(Health::Leaving)) => false,
            (
                Health::Ready | Health::Broken { .. } | Health::Settling { .. } | Health::Leaving,
                Some(_) | None,
            ) => true,
        };
        let at_rest = |key: &Key| matches!(now.get(key), Some(Health::Ready));
        let count = waited.iter().filter(moved).count();
        let quiet = waited.iter().filter(moved).all(|(key, _)| at_rest(key));
        // Where nothing waits for them, those that are ready first need not be looked at before the last one is.
        let stirred = if more || !quiet {
            count > 0
        } else {
            count == waited.len()
        };
        match stirred {
            true => Stillness::Stirred,
            false => Stillness::Still,
        }
    }
}

/// What a pass deleted and has yet to leave, as it would be then; none if something else is to be done as well, for which the world has
/// to be looked at anyway.
pub(super) fn departing<R: Resource>(look: &Look<R>, report: &Report<R>) -> BTreeMap<Key, Live<R>> {
    let changed = |(_, verb): &(Key, Verb)| matches!(verb, Verb::Update | Verb::Replace);
    if !report.failed.is_empty() || report.stopped.is_some() || report.done.iter().any(changed) {
        return BTreeMap::new();
    }
    let deleted = report.done.iter().filter(|(_, verb)| *verb == Verb::Delete);
    let leaving = deleted
        .filter(|(key, _)| !goes_at_once(look, key))
        .filter_map(|(key, _)| Some((key.clone(), look.observed.live.get(key)?.clone())))
        .map(|(key, live)| (key, live.health(Health::Leaving)))
        .collect();
    match all_wait_for(look, report, &leaving) {
        true => leaving,
        false => BTreeMap::new(),
    }
}

fn goes_at_once<R: Resource>(look: &Look<R>, key: &Key) -> bool {
    let live = look.observed.live.get(key);
    live.is_some_and(|live| live.resource.goes_at_once())
}

/// True if nothing that is left to do could begin before one of these, or of what is on its way already, has moved.
fn all_wait_for<R: Resource>(look: &Look<R>, report: &Report<R>, these: &BTreeMap<Key, Live<R>>) -> bool {
    let done: BTreeSet<&Key> = report.done.iter().map(|(key, _)| key).collect();
    let mut left: Vec<&Step<R>> = look
        .plan
        .steps
        .iter()
        .filter(|s| !done.contains(&s.key))
        .collect();
    let settling = report.created.iter().filter(|(_, live)| !live.is_ready());
    let mut waiting: BTreeSet<&Key> = these.keys().chain(settling.map(|(key, _)| key)).collect();
    waiting.extend(look.plan.waiting.iter().map(|w| &w.key));
    loop {
        let before = left.len();
        left.retain(|step| {
            let waits = step.hold.is_some() || step.after.iter().any(|k| waiting.contains(k));
            if waits {
                waiting.insert(&step.key);
            }
            !waits
        });
        if left.len() == before {
            return left.is_empty();
        }
    }
}
