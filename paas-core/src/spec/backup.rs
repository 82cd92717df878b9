//! `DatabaseBackup`: one backup of one instance, run once and never changed.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Condition, LocalRef, Quantity};

/// One backup of one instance; it runs once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "crd", derive(kube::CustomResource))]
#[cfg_attr(
    feature = "crd",
    kube(group = "paas.rs", version = "v1alpha1", kind = "DatabaseBackup", namespaced)
)]
#[cfg_attr(
    feature = "crd",
    kube(
        status = "DatabaseBackupStatus",
        shortname = "dbb",
        category = "paas",
        schema = "disabled"
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self == oldSelf", "message": "a DatabaseBackup runs once and cannot be changed; make a new one"},
]))]
pub struct DatabaseBackupSpec {
    /// The DatabaseInstance to back up.
    pub instance_ref: LocalRef,
    /// How the data is copied.
    #[serde(default)]
    pub method: BackupMethod,
}

/// How the data of an instance is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum BackupMethod {
    /// A copy of the data directory; restores everything, also to a point in time.
    #[default]
    Physical,
    /// A dump of the declared databases; restores into another major version too.
    Logical,
}

/// What became of a backup.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseBackupStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Progressing and their reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// When the copy began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub started_at: Option<Timestamp>,
    /// When the copy was complete and verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub completed_at: Option<Timestamp>,
    /// Where the copy lies, as a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// How large the copy is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Quantity>,
}
