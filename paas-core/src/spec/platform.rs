//! `Platform`: infrastructure, a Kubernetes cluster on it, and addons.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Addons, BlockedStatus, Condition, Kubernetes, OpenStack};
use crate::policy::{Drift, OnBroken, Policy};

/// Where databases run: infrastructure, a Kubernetes cluster on it, and addons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "crd", derive(kube::CustomResource))]
#[cfg_attr(
    feature = "crd",
    kube(group = "paas.rs", version = "v1alpha1", kind = "Platform", namespaced)
)]
#[cfg_attr(
    feature = "crd",
    kube(
        status = "PlatformStatus",
        shortname = "pf",
        category = "paas",
        schema = "disabled"
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.infrastructure.type != 'Local' || !has(self.kubernetes)", "fieldPath": ".kubernetes",
     "message": "Local infrastructure has no cluster: remove kubernetes, or choose another infrastructure.type"},
    {"rule": "self.infrastructure.type != 'Local' || !has(self.addons)", "fieldPath": ".addons",
     "message": "Local infrastructure has no cluster to put addons into: remove addons, or choose another infrastructure.type"},
]))]
pub struct PlatformSpec {
    /// What everything stands on.
    pub infrastructure: Infrastructure,
    /// The Kubernetes cluster; left out, a small one is made where the infrastructure is a cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<Kubernetes>,
    /// What is installed into the cluster beside the databases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addons: Option<Addons>,
    /// Refuse to delete this platform while true, whatever is confirmed or agreed to.
    #[serde(default)]
    pub deletion_protection: bool,
    /// What becomes of things that somebody changed, added or deleted behind the platform's back.
    #[serde(default)]
    pub drift_policy: Drift,
    /// What becomes of things that will not become ready by themselves, such as a machine in ERROR.
    #[serde(default)]
    pub on_broken: OnBroken,
}

impl PlatformSpec {
    /// What may happen to the platform, as far as its spec says so. Consent, holds and what was agreed to come with each run.
    pub fn policy(&self) -> Policy {
        let why = "its spec says deletionProtection: true".to_owned();
        Policy {
            protected: self.deletion_protection.then_some(why),
            drift: self.drift_policy,
            broken: self.on_broken,
            ..Policy::default()
        }
    }
}

/// What everything stands on: exactly one of the members, the one that `type` names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.type == 'Local' || !has(self.local)", "fieldPath": ".local",
     "message": "local belongs to type Local: remove it, or set type to Local"},
    {"rule": "self.type == 'OpenStack' || !has(self.openStack)", "fieldPath": ".openStack",
     "message": "openStack belongs to type OpenStack: remove it, or set type to OpenStack"},
    {"rule": "self.type == 'Stackit' || !has(self.stackit)", "fieldPath": ".stackit",
     "message": "stackit belongs to type Stackit: remove it, or set type to Stackit"},
    {"rule": "self.type != 'OpenStack' || has(self.openStack)",
     "message": "type OpenStack needs the member openStack"},
    {"rule": "self.type != 'Stackit' || has(self.stackit)",
     "message": "type Stackit needs the member stackit"},
    {"rule": "self.type == oldSelf.type", "fieldPath": ".type",
     "message": "a platform cannot move to another infrastructure; make a new Platform"},
]))]
pub struct Infrastructure {
    /// Which infrastructure it is.
    #[serde(rename = "type")]
    pub type_: InfrastructureType,
    /// This machine; may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<Local>,
    /// A project of an OpenStack cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_stack: Option<Box<OpenStack>>,
    /// A project of STACKIT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stackit: Option<Stackit>,
}

/// The kinds of infrastructure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum InfrastructureType {
    /// Directories and processes on this machine.
    Local,
    /// Machines and networks of an OpenStack cloud.
    OpenStack,
    /// A managed Kubernetes cluster (SKE) of STACKIT.
    Stackit,
}

/// This machine. There is nothing to choose.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Local {}

/// A project of STACKIT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stackit {
    /// The project's id, a UUID.
    #[schemars(
        length(max = 36),
        regex(pattern = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
    )]
    #[schemars(extend("x-paas-help" = "the project's UUID, such as 0e1a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8"))]
    pub project_id: String,
    /// The region.
    #[serde(default = "default_region")]
    #[schemars(length(max = 10), regex(pattern = r"^[a-z]{2}[0-9]{2}$"), extend("x-paas-help" = "a region such as eu01"))]
    pub region: String,
    /// Availability zones to spread nodes over; left out, one of the region.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub availability_zones: Vec<String>,
}

fn default_region() -> String {
    "eu01".to_owned()
}

/// What is observed of a platform.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlatformStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Progressing, one for each stage, and their reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The version of Kubernetes that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes_version: Option<String>,
    /// The URL of the cluster's API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Steps that wait for consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<BlockedStatus>,
}
