//! One pass: the steps of a plan that can be done now, bounded-parallel, each checked against the single-writer lock.

mod half;
mod report;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use async_trait::async_trait;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{
    actuator::{Actuator, Ids},
    clock::Clock,
    error::{Class, Effect, Error},
    event::{Event, EventSink, State},
    graph::{Desired, Observed},
    ledger::{Breaks, Intent, Ledger, LedgerStore, Scope, Settled, Trouble, later},
    plan::Plan,
    policy::Bounds,
    resource::{Health, Key, Live, Resource},
    step::{Action, Step, Verb},
};

pub use half::Half;
pub use report::{Failed, Report};

/// The single-writer lock, asked before each step (law 10).
#[async_trait]
pub trait Fence: fmt::Debug + Send + Sync {
    /// `Ok` while we are the one writer.
    ///
    /// # Errors
    /// [`crate::codes::CORE_FENCED`] when another one took over.
    async fn check(&self) -> Result<(), Error>;
}

/// No lock: for tests and for programs that are alone by construction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

#[async_trait]
impl Fence for Alone {
    async fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// What a pass works with, beside plan and actuator.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Where intents are noted.
    pub ledger: Arc<dyn LedgerStore>,
    /// The single-writer lock.
    pub fence: Arc<dyn Fence>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who listens.
    pub events: Arc<dyn EventSink>,
    /// Stops the pass between steps; a call under way is finished.
    pub cancel: CancellationToken,
}

/// Carries out one pass of `plan`.
///
/// Only the dependants of a failed step starve. Intents of a wave of creates are durable before the first of them is sent.
pub async fn execute<R: Resource>(
    scope: &Scope,
    actuator: &dyn Actuator<R>,
    half: Half,
    (desired, observed, plan): (&Desired<R>, &Observed<R>, &Plan<R>),
    (ledger, bounds): (&Ledger, &Bounds),
    tools: &Tools,
) -> Report<R> {
    let steps: Vec<&Step<R>> = plan
        .steps
        .iter()
        .filter(|s| half.covers(s.action.verb()))
        .collect();
    let mut pass = Pass {
        scope,
        actuator,
        bounds,
        tools,
        ledger,
        ids: ids(desired, observed),
        usable: BTreeSet::new(),
        gone: BTreeSet::new(),
        report: Report {
            done: Vec::new(),
            failed: Vec::new(),
            starved: Vec::new(),
            created: BTreeMap::new(),
            stopped: None,
        },
    };
    let mut left: Vec<&Step<R>> = steps.into_iter().filter(|s| s.hold.is_none()).collect();
    while !left.is_empty() && pass.report.stopped.is_none() {
        let (wave, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|s| pass.can_begin(s));
        left = rest;
        if wave.is_empty() {
            break;
        }
        pass.wave(&wave).await;
    }
    pass.starve(&left);
    pass.report
}

struct Pass<'a, R: Resource> {
    scope: &'a Scope,
    actuator: &'a dyn Actuator<R>,
    bounds: &'a Bounds,
    tools: &'a Tools,
    ledger: &'a Ledger,
    ids: Ids,
    /// What was made in this pass and can be built on; what was usable before it, the plan does not name.
    usable: BTreeSet<Key>,
    /// What was deleted in this pass and needs no look to be gone.
    gone: BTreeSet<Key>,
    report: Report<R>,
}

/// The end of one step.
struct End<R> {
    key: Key,
    verb: Verb,
    result: Result<Option<Live<R>>, Error>,
    /// What was wrong with what was deleted, if it was broken.
    broke: Option<String>,
    /// True if it was deleted and no look is needed to know that it is gone.
    gone: bool,
    /// True if the call was never sent.
    unsent: bool,
}

impl<R: Resource> Pass<'_, R> {
    fn can_begin(&self, step: &Step<R>) -> bool {
        match &step.action {
            Action::Create { .. } => step.after.iter().all(|k| self.usable.contains(k)),
            Action::Update { .. } => step.after.iter().all(|k| self.ids.contains_key(k)),
            // A live dependant is gone only when an observe no longer lists it, unless both go at once.
            Action::Replace { live, .. } | Action::Delete { live } => {
                let chained =
                    || live.resource.goes_at_once() && step.after.iter().all(|k| self.gone.contains(k));
                step.after.is_empty() || chained()
            }
        }
    }

    async fn wave(&mut self, wave: &[&Step<R>]) {
        let now = self.tools.clock.now();
        let intents: Vec<Intent> = wave
            .iter()
            .filter_map(|s| match &s.action {
                Action::Create { want } if !want.natural() => Some(Intent {
                    key: s.key.clone(),
                    at: now,
                    id: None,
                    missed: 0,
                }),
                _ => None,
            })
            .collect();
        if !intents.is_empty()
            && let Err(error) = self.note(&intents).await
        {
            self.report.stopped = Some(error);
            return;
        }
        let noted: BTreeSet<&Key> = intents.iter().map(|i| &i.key).collect();
        // Boxed in a loop: a closure over borrowed steps is not general enough for the compiler's proof of `Send`.
        let mut calls: Vec<BoxFuture<'_, End<R>>> = Vec::with_capacity(wave.len());
        for step in wave {
            calls.push(self.step(step).boxed());
        }
        let ends: Vec<End<R>> = stream::iter(calls)
            .buffer_unordered(self.bounds.parallel.max(1))
            .collect()
            .await;
        let mut settled = Vec::new();
        for end in ends {
            self.take(end, &noted, &mut settled);
        }
        if let Err(error) = self.tools.ledger.settle(self.scope, &settled).await {
            self.report.stopped.get_or_insert(error);
        }
    }

    /// Writes intents down, as long as this process may write at all.
    async fn note(&self, intents: &[Intent]) -> Result<(), Error> {
        self.tools.fence.check().await?;
        self.tools.ledger.note(self.scope, intents).await
    }

    async fn step(&self, step: &Step<R>) -> End<R> {
        let (key, verb) = (step.key.clone(), step.action.verb());
        if self.tools.cancel.is_cancelled() {
            let error = Error::new(&crate::codes::CORE_CANCELLED, Class::Cancelled)
                .attempted(format!("{verb} {key}"));
            return End {
                key,
                verb,
                result: Err(error),
                broke: None,
                gone: false,
                unsent: true,
            };
        }
        if let Err(error) = self.tools.fence.check().await {
            return End {
                key,
                verb,
                result: Err(error),
                broke: None,
                gone: false,
                unsent: true,
            };
        }
        self.tell(&key, verb, State::Started, "Started", &step.reason, None);
        let owner = &self.scope.owner;
        let result = match &step.action {
            _ if step.along => Ok(None),
            Action::Create { want } => self.actuator.create(owner, &key, want, &self.ids).await.map(Some),
            Action::Update { live, want, changes } => self
                .actuator
                .update(owner, &key, live, want, changes, &self.ids)
                .await
                .map(|()| None),
            Action::Replace { live, .. } | Action::Delete { live } => {
                self.actuator.delete(owner, &key, live).await.map(|()| None)
            }
        };
        match &result {
            Ok(live) => {
                let (reason, message) = match live.as_ref().map(|l| &l.health) {
                    Some(Health::Settling { why }) => ("Settling", why.as_str()),
                    _ => ("Done", step.reason.as_str()),
                };
                self.tell(&key, verb, State::Done, reason, message, None);
            }
            Err(e) => self.tell(&key, verb, State::Failed, "Failed", &e.to_string(), e.request()),
        }
        let broke = match &step.action {
            Action::Replace { live, changes, .. } if changes.is_empty() => live.broken().map(str::to_owned),
            // A deletion that was accepted and did not take: it is not sent again and again without an end.
            Action::Delete { live } => live
                .broken()
                .map(|why| format!("it was deleted and is still there: {why}")),
            _ => None,
        };
        End {
            key,
            verb,
            result,
            broke,
            gone: removed(&step.action).is_some_and(Resource::goes_at_once),
            unsent: false,
        }
    }

    fn take(&mut self, end: End<R>, noted: &BTreeSet<&Key>, settled: &mut Vec<Settled>) {
        let End {
            key,
            verb,
            result,
            broke,
            gone,
            unsent,
        } = end;
        match result {
            Ok(live) => {
                if let Some(why) = broke {
                    let count = self.ledger.breaks.get(&key).map_or(0, |b| b.count) + 1;
                    let next = self.next_try(count);
                    settled.push(Settled::Broke(key.clone(), Breaks { count, next, why }));
                }
                if self.ledger.troubles.contains_key(&key) {
                    settled.push(Settled::Cured(key.clone()));
                }
                if let Some(live) = live {
                    if noted.contains(&key) {
                        settled.push(Settled::Made(key.clone(), live.id.clone()));
                    }
                    self.ids.insert(key.clone(), live.id.clone());
                    if live.is_ready() {
                        self.usable.insert(key.clone());
                    }
                    self.report.created.insert(key.clone(), live);
                }
                if gone {
                    self.gone.insert(key.clone());
                }
                self.report.done.push((key, verb));
            }
            Err(error) if unsent => {
                if noted.contains(&key) {
                    settled.push(Settled::Nothing(key));
                }
                self.report.stopped.get_or_insert(error);
            }
            Err(error) => {
                if noted.contains(&key) && error.effect() == Effect::None {
                    settled.push(Settled::Nothing(key.clone()));
                }
                let count = self
                    .ledger
                    .troubles
                    .get(&key)
                    .filter(|t| t.verb == verb)
                    .map_or(0, |t| t.count)
                    + 1;
                let next = self.next_try(count);
                let trouble = Trouble {
                    verb,
                    count,
                    next,
                    why: error.to_string(),
                    lasting: !error.may_pass(),
                };
                settled.push(Settled::Failed(key.clone(), trouble));
                self.report.failed.push(Failed { key, verb, error });
            }
        }
    }

    /// When something that failed `count` times is tried again, at the earliest.
    fn next_try(&self, count: u32) -> Timestamp {
        let wait = self
            .bounds
            .backoff
            .saturating_mul(1 << count.min(16).saturating_sub(1));
        later(self.tools.clock.now(), wait.min(self.bounds.backoff_max))
    }

    /// Names the failed step that each step which was not begun waits for, if there is one.
    fn starve(&mut self, left: &[&Step<R>]) {
        let mut cause: BTreeMap<Key, Key> = self
            .report
            .failed
            .iter()
            .map(|f| (f.key.clone(), f.key.clone()))
            .collect();
        for step in left {
            if let Some(root) = step.after.iter().find_map(|k| cause.get(k)).cloned() {
                cause.insert(step.key.clone(), root.clone());
                self.report.starved.push((step.key.clone(), root));
            }
        }
    }

    fn tell(&self, key: &Key, verb: Verb, state: State, reason: &str, message: &str, request: Option<&str>) {
        self.tools.events.emit(&Event {
            at: self.tools.clock.now(),
            owner: self.scope.owner.to_string(),
            stage: self.scope.stage.clone(),
            key: Some(key.clone()),
            verb: verb.to_string(),
            state,
            reason: reason.to_owned(),
            message: message.to_owned(),
            request_id: request.map(str::to_owned),
        });
    }
}

/// What a step deletes.
fn removed<R>(action: &Action<R>) -> Option<&R> {
    match action {
        Action::Replace { live, .. } | Action::Delete { live } => Some(&live.resource),
        Action::Create { .. } | Action::Update { .. } => None,
    }
}

/// The ids that creates may refer to.
fn ids<R: Resource>(desired: &Desired<R>, observed: &Observed<R>) -> Ids {
    let given = desired.given().iter().map(|(k, id)| (k.clone(), id.clone()));
    observed
        .live
        .iter()
        .map(|(k, l)| (k.clone(), l.id.clone()))
        .chain(given)
        .collect()
}
