//! One type of event for progress, the log of an owner, Kubernetes Events and the timeline.

use std::{fmt, sync::Mutex};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::resource::Key;

/// The reason of the event with which a run over the stages begins.
pub const RUN_STARTED: &str = "RunStarted";

/// The reason of the event with which a run ends.
pub const RUN_ENDED: &str = "RunEnded";

/// The reason of the event that ends a wait which nothing else ends; its message is what was waited for.
pub const WAIT_OVER: &str = "WaitOver";

/// Something that happened to a resource or a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// `DatabaseInstance/default/demo`.
    pub owner: String,
    /// The stage it happened in.
    pub stage: String,
    /// The resource, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// `create`, `update`, `replace`, `delete`, `observe`.
    pub verb: String,
    /// Where it stands.
    pub state: State,
    /// One CamelCase word a program can match on.
    pub reason: String,
    /// A sentence a person can read.
    pub message: String,
    /// The other side's request id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// Where the thing that an event tells of stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum State {
    /// It began.
    Started,
    /// It is done.
    Done,
    /// It waits for something.
    Waiting,
    /// It failed; it may be tried again.
    Failed,
    /// It needs a person or another spec.
    Blocked,
}

/// Where events go. Never blocks for long and never fails: who listens must not stop the work.
pub trait EventSink: fmt::Debug + Send + Sync {
    /// Takes one event.
    fn emit(&self, event: &Event);
}

/// Nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl EventSink for Silent {
    fn emit(&self, _event: &Event) {}
}

/// Keeps events in memory, for tests and for showing the last ones.
#[derive(Debug, Default)]
pub struct Kept(Mutex<Vec<Event>>);

impl Kept {
    /// What was kept so far.
    pub fn all(&self) -> Vec<Event> {
        self.0.lock().map(|e| e.clone()).unwrap_or_default()
    }
}

impl EventSink for Kept {
    fn emit(&self, event: &Event) {
        if let Ok(mut all) = self.0.lock() {
            all.push(event.clone());
        }
    }
}
