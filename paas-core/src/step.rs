//! One step of a plan: what is done to what, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::resource::{Change, Key, Live};

/// One mutating call.
#[derive(Debug, Clone, PartialEq)]
pub struct Step<R> {
    /// What it is done to.
    pub key: Key,
    /// What is done.
    pub action: Action<R>,
    /// Why.
    pub reason: String,
    /// What must be over first: live dependants of a deletion, needs of a create or an update; of what goes along, what it goes with.
    pub after: Vec<Key>,
    /// True if it goes along with what it is built on: there is no call for it.
    pub along: bool,
    /// Why it is not for this pass, although it is part of the plan.
    pub hold: Option<String>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action<R> {
    /// Make it.
    Create {
        /// What is wanted.
        want: R,
    },
    /// Change it in place.
    Update {
        /// What is there.
        live: Live<R>,
        /// What is wanted.
        want: R,
        /// What differs.
        changes: Vec<Change>,
    },
    /// Delete it; a later pass makes it anew.
    Replace {
        /// What is there.
        live: Live<R>,
        /// What is wanted.
        want: R,
        /// What differs; empty where it goes with something else.
        changes: Vec<Change>,
    },
    /// Delete it.
    Delete {
        /// What is there.
        live: Live<R>,
    },
}

impl<R> Action<R> {
    /// The verb alone.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Create { .. } => Verb::Create,
            Self::Update { .. } => Verb::Update,
            Self::Replace { .. } => Verb::Replace,
            Self::Delete { .. } => Verb::Delete,
        }
    }
}

/// The four verbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// `+`
    Create,
    /// `~`
    Update,
    /// `±`
    Replace,
    /// `-`
    Delete,
}

impl Verb {
    /// True if the step of this pass is a deletion.
    pub fn removes(self) -> bool {
        matches!(self, Self::Replace | Self::Delete)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
        })
    }
}
