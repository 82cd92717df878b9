//! The whole decision, synchronous and deterministic: no clock, no I/O, no chance.

mod coming;
mod drift;
mod going;
mod group;

use std::fmt;

use crate::{
    codes::{self, Code},
    graph::{Desired, Observed},
    policy::{Agreed, OnBroken, Policy},
    resource::{Change, Diff, Health, Key, Live, Resource},
};

pub use crate::step::{Action, Step, Verb};

/// What one pass may do, and what it must leave.
#[derive(Clone, PartialEq)]
pub struct Plan<R> {
    /// Deletions with dependants first, then updates, then creates with needs first.
    pub steps: Vec<Step<R>>,
    /// What is on its way.
    pub waiting: Vec<Waiting>,
    /// What needs a person or another spec.
    pub blocked: Vec<Blocked>,
    /// What is no longer wanted and stays, because it holds data.
    pub kept: Vec<Kept>,
    /// How many resources are as they should be.
    pub same: usize,
}

/// Something on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// What.
    pub key: Key,
    /// What it waits for.
    pub why: String,
}

/// Something that needs a person or another spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// What.
    pub key: Key,
    /// The verb that is not carried out, if it is one.
    pub verb: Option<Verb>,
    /// Why, with ids.
    pub why: String,
    /// The code that explains it.
    pub code: &'static Code,
}

/// Something that is no longer wanted and stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What.
    pub key: Key,
    /// Its id: where it is.
    pub id: String,
    /// Why it stays.
    pub why: String,
}

impl<R> Plan<R> {
    /// True if there is nothing to do, nothing on its way and nothing in the way.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.waiting.is_empty() && self.blocked.is_empty()
    }

    fn nothing() -> Self {
        Self {
            steps: Vec::new(),
            waiting: Vec::new(),
            blocked: Vec::new(),
            kept: Vec::new(),
            same: 0,
        }
    }
}

impl<R: fmt::Debug> fmt::Debug for Plan<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("steps", &self.steps)
            .field("waiting", &self.waiting)
            .field("blocked", &self.blocked)
            .field("kept", &self.kept)
            .field("same", &self.same)
            .finish()
    }
}

/// Decides what to do so that `observed` becomes `desired`, within `policy`.
///
/// - What is unwanted, must be replaced, or is built on something that goes is deleted, dependants first, by what is *live*.
/// - A deletion that would take something precious, held, or not ours along does not happen at all: it is kept or blocked, once,
///   at its cause.
/// - Updates are planned even for what still settles: they may be the cure.
/// - A missing resource is created unless a create of it is still in doubt.
/// - Two live resources for one key, or a mark that cannot be read, stop everything (law 3).
pub fn plan<R: Resource>(desired: &Desired<R>, observed: &Observed<R>, policy: &Policy) -> Plan<R> {
    let mut plan = Plan::nothing();
    doubts(observed, &mut plan);
    if !plan.blocked.is_empty() {
        return plan;
    }
    unlisted(desired, observed, &mut plan);
    let removals = going::decide(desired, observed, policy, &mut plan);
    coming::stay(desired, observed, policy, &removals, &mut plan);
    coming::create(desired, observed, policy, &removals, &mut plan);
    plan
}

/// Law 3: what cannot be told apart is shown with all ids, and nothing is guessed.
fn doubts<R: Resource>(observed: &Observed<R>, plan: &mut Plan<R>) {
    for (key, ids) in &observed.duplicates {
        plan.blocked.push(Blocked {
            key: key.clone(),
            verb: None,
            why: format!(
                "{} live resources answer to this key: {}",
                ids.len(),
                ids.join(", ")
            ),
            code: &codes::CORE_DUPLICATE,
        });
    }
    for (id, known) in &observed.unreadable {
        let key = Key::new(id).or_else(|_| Key::new("unreadable"));
        plan.blocked.extend(key.ok().map(|key| Blocked {
            key,
            verb: None,
            why: format!("{id} bears our mark, but which one it is cannot be read: {known}"),
            code: &codes::CORE_UNREADABLE_MARK,
        }));
    }
}

/// What may have been made and is not wanted any more: it can be deleted only once it is listed.
fn unlisted<R: Resource>(desired: &Desired<R>, observed: &Observed<R>, plan: &mut Plan<R>) {
    for (key, wait) in observed.waits.iter().filter(|(_, w)| w.in_doubt) {
        if !desired.wanted().contains_key(key) && !observed.live.contains_key(key) {
            plan.waiting.push(Waiting {
                key: key.clone(),
                why: wait.why.clone(),
            });
        }
    }
}

impl<R: Resource> Plan<R> {
    /// Adds a step, held or blocked where the ledger asks for it.
    fn push(&mut self, observed: &Observed<R>, mut step: Step<R>) {
        match observed.waits.get(&step.key) {
            Some(wait) if wait.gave_up => {
                let (key, verb) = (step.key, Some(step.action.verb()));
                self.blocked.push(Blocked {
                    key,
                    verb,
                    why: wait.why.clone(),
                    code: &codes::CORE_PROVIDER,
                });
                return;
            }
            Some(wait) => {
                self.waiting.push(Waiting {
                    key: step.key.clone(),
                    why: wait.why.clone(),
                });
                step.hold = Some(wait.why.clone());
            }
            None => {}
        }
        self.steps.push(step);
    }
}

/// Why `key` must go by itself, if it must.
fn root_cause<R: Resource>(
    key: &Key,
    live: &Live<R>,
    desired: &Desired<R>,
    observed: &Observed<R>,
    policy: &Policy,
) -> Option<(Vec<Change>, String)> {
    let Some(want) = desired.wanted().get(key) else {
        // Whoever remembers anything would remember that it was asked for.
        let added = !policy.sweep && !observed.applied.is_empty() && !observed.applied.contains_key(key);
        let why = if added {
            "it was added from outside"
        } else {
            "it is no longer wanted"
        };
        return Some((Vec::new(), why.to_owned()));
    };
    let difference = drift::difference(want, live);
    if let Diff::Replace(changes) = difference {
        let fields = drift::fields(&changes);
        let why = if drift::is_outside(key, &changes, want, live, observed) {
            format!("{fields} was changed from outside and cannot be changed back in place")
        } else {
            format!("{fields} cannot be changed in place")
        };
        return Some((changes, why));
    }
    let Health::Broken { why, .. } = &live.health else {
        return None;
    };
    let replace = match policy.broken {
        OnBroken::Report => false,
        OnBroken::ReplaceNeverReady => !live.was_ready && !live.resource.precious(),
        OnBroken::Replace => true,
    };
    let curable = matches!(difference, Diff::Update(_));
    (replace && !curable).then(|| (Vec::new(), format!("it is broken: {why}")))
}

/// What is said of something that is on its way out and not wanted back.
pub(crate) fn leaving<R: Resource>(live: &Live<R>) -> String {
    format!("{} is leaving", live.id)
}

/// True if a removal of this kind was agreed to or needs no agreement (law 7).
fn is_agreed<R: Resource>(key: &Key, live: &Live<R>, verb: Verb, policy: &Policy) -> bool {
    match &policy.agreed {
        Agreed::All => true,
        Agreed::Shown(shown) => {
            shown.contains(&(key.clone(), verb))
                || (verb == Verb::Replace && !live.was_ready && !live.resource.precious())
        }
    }
}
