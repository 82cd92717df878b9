//! What may happen: protection, consent, drift, bounds.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{owner::Owner, resource::Key, step::Verb};

/// What a plan may contain and how a pass carries it out.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// What becomes of precious things that are no longer wanted.
    pub retention: Retention,
    /// True if the owner of the data agreed, by name, that data may be lost (law 6).
    pub data_may_go: bool,
    /// Why nothing that holds data may go, whatever the consent says.
    pub protected: Option<String>,
    /// How many members of a group may be out of service because of replacements.
    pub max_unavailable: usize,
    /// What to do with something broken.
    pub broken: OnBroken,
    /// What to do with what somebody changed behind our back.
    pub drift: Drift,
    /// What was shown and agreed to (law 7).
    pub agreed: Agreed,
    /// Keys that a later stage holds, each with the reason: not deleted (design: stages).
    pub held: BTreeMap<Key, String>,
    /// True only while everything goes: derived things go too (law 5).
    pub sweep: bool,
    /// How a pass is carried out.
    pub bounds: Bounds,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            retention: Retention::Retain,
            data_may_go: false,
            protected: None,
            max_unavailable: 1,
            broken: OnBroken::ReplaceNeverReady,
            drift: Drift::Repair,
            agreed: Agreed::All,
            held: BTreeMap::new(),
            sweep: false,
            bounds: Bounds::default(),
        }
    }
}

/// What becomes of precious things that are no longer wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Retention {
    /// They stay, and the plan says where.
    #[default]
    Retain,
    /// They go, with consent.
    Delete,
}

/// What to do with something that will not become ready by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum OnBroken {
    /// Say so and leave it.
    Report,
    /// Replace what was never ready and holds no data; report the rest.
    #[default]
    ReplaceNeverReady,
    /// Replace it, where nothing precious goes with it.
    Replace,
}

/// What to do with what somebody changed, added or deleted behind our back.
///
/// What the spec itself asks for is carried out either way: a difference is somebody else's where the spec says what it said when it was
/// last carried out, which the ledger remembers. Where nothing is remembered, [`Drift::Report`] leaves the difference and says that too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum Drift {
    /// Bring it back.
    #[default]
    Repair,
    /// Say so and leave it.
    Report,
}

/// What was agreed to before the run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Agreed {
    /// Whatever the plan says.
    #[default]
    All,
    /// Deletions and replacements only as they were shown; creates, updates and replacing what was never ready are always allowed.
    Shown(BTreeSet<(Key, Verb)>),
}

/// How a pass is carried out, and when it gives up.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// Calls under way at once.
    pub parallel: usize,
    /// Passes that a create of unknown outcome is waited for, at least.
    pub grace_passes: u32,
    /// Time that a create of unknown outcome is waited for, at least.
    pub grace: Duration,
    /// Failures of one key, one after the other, before it is [`crate::pipeline::Outcome::Blocked`].
    pub attempts: u32,
    /// The first back-off; it doubles with each failure.
    pub backoff: Duration,
    /// The longest back-off.
    pub backoff_max: Duration,
    /// The shortest time between two looks at something that settles.
    pub poll: Duration,
    /// The longest time between two looks at something that settles.
    pub poll_max: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            parallel: 8,
            grace_passes: 3,
            grace: Duration::from_secs(20),
            attempts: 8,
            backoff: Duration::from_millis(250),
            backoff_max: Duration::from_secs(60),
            poll: Duration::from_millis(20),
            poll_max: Duration::from_secs(5),
        }
    }
}

/// A person's word that data may be lost, bound to the object's name and uid (law 6).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Consent {
    owners: BTreeSet<(String, Uuid)>,
}

impl Consent {
    /// No consent.
    pub fn none() -> Self {
        Self::default()
    }

    /// Consent for one owner, by the name that the person typed; a name that is not the owner's gives nothing.
    #[must_use]
    pub fn and(mut self, typed: &str, owner: &Owner) -> Self {
        if typed == owner.name() {
            self.owners.insert((typed.to_owned(), owner.uid()));
        }
        self
    }

    /// True if data of this owner may be lost.
    pub fn covers(&self, owner: &Owner) -> bool {
        self.owners.contains(&(owner.name().to_owned(), owner.uid()))
    }
}
