//! Intents and ids: hints that shorten the way, never the truth.

mod ahead;
mod applied;
mod doubt;
mod file;

use std::{collections::BTreeMap, fmt, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{error::Error, owner::Owner, resource::Key, step::Verb};

pub use applied::{Applied, applied};
pub use doubt::doubts;
pub(crate) use doubt::later;
pub use file::FileLedger;

/// What one stage of one owner remembers between passes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ledger {
    /// Creates that were sent and are not seen yet.
    pub intents: BTreeMap<Key, Intent>,
    /// Ids that were seen.
    pub ids: BTreeMap<Key, String>,
    /// What was carried out the last time.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub applied: BTreeMap<Key, Applied>,
    /// Keys that failed, one time after the other.
    pub troubles: BTreeMap<Key, Trouble>,
    /// Keys whose resource broke and was made anew, one time after the other.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub breaks: BTreeMap<Key, Breaks>,
    /// What is waited for, and since when.
    pub waits: BTreeMap<Key, Since>,
    /// The last known outputs of the stage, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<serde_json::Value>,
}

/// A create that is about to be sent, or was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// What.
    pub key: Key,
    /// When it was noted.
    pub at: Timestamp,
    /// The id that came back, if an answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Passes that looked for it in vain.
    #[serde(default)]
    pub missed: u32,
}

/// Failures of one key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// What failed.
    pub verb: Verb,
    /// How often, one time after the other.
    pub count: u32,
    /// When it is tried again, at the earliest.
    pub next: Timestamp,
    /// The last failure in the other side's words.
    pub why: String,
    /// True if the last failure will not pass by itself.
    pub lasting: bool,
}

/// How often what was made broke before it was ready.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Breaks {
    /// How often, one time after the other.
    pub count: u32,
    /// When it is made again, at the earliest.
    pub next: Timestamp,
    /// The last reason in the other side's words.
    pub why: String,
}

/// A wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Since {
    /// What is waited for.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
}

/// What a pass has learned; applied to the ledger by [`Ledger::settle`].
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// The clock was set back to this time; the longest back-off goes with it.
    SetBack(Timestamp, Duration),
    /// The create was answered with this id.
    Made(Key, String),
    /// The create was clearly refused, or its doubt is over: nothing is there.
    Nothing(Key),
    /// It was seen under this id.
    Seen(Key, String),
    /// A pass looked for it in vain.
    Missed(Key),
    /// It is gone.
    Gone(Key),
    /// It is as it was wanted, or we are about to remove it.
    Applied(Key, Applied),
    /// It is neither wanted nor there.
    Forgotten(Key),
    /// It failed.
    Failed(Key, Trouble),
    /// Calls about it succeed again, or none is needed any more.
    Cured(Key),
    /// It broke and was deleted, to be made anew.
    Broke(Key, Breaks),
    /// It does well, or a person asked to try again.
    Mended(Key),
    /// What is waited for now, as a whole.
    Waits(BTreeMap<Key, Since>),
    /// What the stage gives now.
    Outputs(serde_json::Value),
}

impl Ledger {
    /// Notes creates that are about to be sent.
    pub fn note(&mut self, intents: &[Intent]) {
        for intent in intents {
            self.intents.insert(intent.key.clone(), intent.clone());
        }
    }

    /// Takes in what a pass has learned.
    pub fn settle(&mut self, settled: &[Settled]) {
        for one in settled {
            match one.clone() {
                Settled::SetBack(now, longest) => self.bring_back(now, longest),
                Settled::Made(key, id) => {
                    if let Some(intent) = self.intents.get_mut(&key) {
                        intent.id = Some(id);
                    }
                }
                Settled::Nothing(key) => {
                    self.intents.remove(&key);
                }
                Settled::Seen(key, id) => {
                    self.intents.remove(&key);
                    self.ids.insert(key, id);
                }
                Settled::Missed(key) => {
                    if let Some(intent) = self.intents.get_mut(&key) {
                        intent.missed += 1;
                    }
                }
                Settled::Gone(key) => {
                    self.intents.remove(&key);
                    self.ids.remove(&key);
                }
                Settled::Applied(key, applied) => {
                    self.applied.insert(key, applied);
                }
                Settled::Forgotten(key) => {
                    self.applied.remove(&key);
                }
                Settled::Failed(key, trouble) => {
                    self.troubles.insert(key, trouble);
                }
                Settled::Cured(key) => {
                    self.troubles.remove(&key);
                }
                Settled::Broke(key, breaks) => {
                    self.breaks.insert(key, breaks);
                }
                Settled::Mended(key) => {
                    self.breaks.remove(&key);
                }
                Settled::Waits(waits) => self.waits = waits,
                Settled::Outputs(outputs) => self.outputs = Some(outputs),
            }
        }
    }
}

/// Whose ledger: one stage of one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The owner.
    pub owner: Owner,
    /// The stage's name.
    pub stage: String,
}

/// Where ledgers live.
///
/// Laws: `note` and `settle` are durable when they return; nothing is written for an empty slice; a ledger that was never written is
/// empty, one that cannot be read is an error.
#[async_trait]
pub trait LedgerStore: fmt::Debug + Send + Sync {
    /// What is remembered.
    async fn load(&self, scope: &Scope) -> Result<Ledger, Error>;
    /// Notes creates before they are sent.
    async fn note(&self, scope: &Scope, intents: &[Intent]) -> Result<(), Error>;
    /// Takes in what a pass has learned.
    async fn settle(&self, scope: &Scope, settled: &[Settled]) -> Result<(), Error>;
    /// Forgets everything about a scope, when nothing of it is left.
    async fn forget(&self, scope: &Scope) -> Result<(), Error>;
}

/// A ledger that is not kept: for embedders whose kinds all have natural keys, and for tests of a lost ledger.
#[derive(Debug, Default)]
pub struct MemoryLedger(std::sync::Mutex<BTreeMap<String, Ledger>>);

impl MemoryLedger {
    fn with<T>(&self, scope: &Scope, f: impl FnOnce(&mut Ledger) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        f(all
            .entry(format!("{}/{}", scope.owner.uid(), scope.stage))
            .or_default())
    }
}

#[async_trait]
impl LedgerStore for MemoryLedger {
    async fn load(&self, scope: &Scope) -> Result<Ledger, Error> {
        Ok(self.with(scope, |l| l.clone()))
    }
    async fn note(&self, scope: &Scope, intents: &[Intent]) -> Result<(), Error> {
        self.with(scope, |l| l.note(intents));
        Ok(())
    }
    async fn settle(&self, scope: &Scope, settled: &[Settled]) -> Result<(), Error> {
        self.with(scope, |l| l.settle(settled));
        Ok(())
    }
    async fn forget(&self, scope: &Scope) -> Result<(), Error> {
        self.with(scope, |l| *l = Ledger::default());
        Ok(())
    }
}
