//! What several kinds share: references, conditions, bindings, blocked steps.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names another object in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalRef {
    /// The name of the object.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    #[schemars(extend("x-paas-help" = "the metadata.name of an object in the same namespace"))]
    pub name: String,
}

/// True, false, or not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Not known yet.
    Unknown,
}

/// One observed aspect of an object, in the shape of `metav1.Condition`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What is observed: Ready, Progressing, Paused, Deleting, or a stage's own such as NetworkReady.
    #[serde(rename = "type")]
    #[schemars(length(max = 316))]
    pub type_: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// The generation of the spec that this was observed for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Since when the status is what it is.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub last_transition_time: Timestamp,
    /// The reason as one CamelCase word.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
    /// The reason for people: what it waits for, and until when.
    #[schemars(length(max = 32768))]
    pub message: String,
}

/// Where an application finds its connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// The name of the Secret of type `servicebinding.io/postgresql` in the same namespace.
    pub name: String,
}

/// What was asked for by annotation, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Requests {
    /// The last word of the annotation `paas.rs/restart` that was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<String>,
    /// The last text of the annotation `paas.rs/switchover` that was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switchover: Option<String>,
    /// Why the last of them could not be done; left out if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A step that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockedStep {
    /// The key of the resource that the step is about.
    pub key: String,
    /// What the step would do: create, update, replace or delete.
    pub verb: String,
    /// Why it needs a person.
    pub reason: String,
}

/// What waits for consent, and the hash that consents to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockedStatus {
    /// The value for the annotation `paas.rs/consent` that allows exactly these steps.
    pub plan_hash: String,
    /// The steps that wait.
    pub steps: Vec<BlockedStep>,
}
