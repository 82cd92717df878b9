//! What the engine knows of a kind of Kubernetes object.

use std::fmt;

use serde_json::Value;

use crate::resource::{Change, Diff, Health};

/// A kind of object: where it is, how it does, and what a change of it means. Constants; one a kind.
pub struct ObjectKind {
    /// The API group, empty for the core group.
    pub group: &'static str,
    /// The version that is asked for.
    pub version: &'static str,
    /// The kind: `StatefulSet`.
    pub kind: &'static str,
    /// The plural of the path: `statefulsets`.
    pub plural: &'static str,
    /// The engine's word for it: `statefulSet` ([`crate::resource::Resource::kind`]).
    pub word: &'static str,
    /// True if it lies in a namespace.
    pub namespaced: bool,
    /// True if `health` or a driver needs more of it than its metadata: it is listed whole then.
    pub whole: bool,
    /// True if it makes others that hold what it stands for, as pods and volumes do: it is there until they are gone.
    pub makes_others: bool,
    /// True if a cluster may lack it: none are seen then, instead of an error.
    pub optional: bool,
    /// How it does, by the object as it was listed; asked only of what is not being deleted.
    pub health: fn(&Value) -> Health,
    /// What changes of the manifest come to: an update, or what cannot be had. The paths are those of the manifest, as in
    /// `spec.storage.size`.
    pub judge: fn(Vec<Change>) -> Diff,
}

impl ObjectKind {
    /// `group/version`, or the version alone for the core group.
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// A kind of the core group that is ready as soon as it is there and can be changed in place.
    pub const fn core(kind: &'static str, plural: &'static str, word: &'static str) -> Self {
        Self {
            group: "",
            version: "v1",
            kind,
            plural,
            word,
            namespaced: true,
            whole: false,
            makes_others: false,
            optional: false,
            health: ready,
            judge: Diff::Update,
        }
    }

    /// The same in another group and version.
    #[must_use]
    pub const fn of(mut self, group: &'static str, version: &'static str) -> Self {
        self.group = group;
        self.version = version;
        self
    }

    /// The same, listed whole and judged by `health`.
    #[must_use]
    pub const fn judged_by(mut self, health: fn(&Value) -> Health) -> Self {
        self.whole = true;
        self.health = health;
        self
    }

    /// The same, with changes that `judge` decides about.
    #[must_use]
    pub const fn changed_by(mut self, judge: fn(Vec<Change>) -> Diff) -> Self {
        self.judge = judge;
        self
    }

    /// The same, which goes only after all that it made.
    #[must_use]
    pub const fn making_others(mut self) -> Self {
        self.makes_others = true;
        self
    }

    /// The same, outside of any namespace.
    #[must_use]
    pub const fn of_the_cluster(mut self) -> Self {
        self.namespaced = false;
        self
    }

    /// How what it made goes, in the API server's word: after it, or before it, so that what it needs is not deleted under them.
    pub(super) const fn propagation(&self) -> &'static str {
        match self.makes_others {
            true => "Foreground",
            false => "Background",
        }
    }

    /// The same, which a cluster may lack.
    #[must_use]
    pub const fn or_absent(mut self) -> Self {
        self.optional = true;
        self
    }
}

fn ready(_: &Value) -> Health {
    Health::Ready
}

impl PartialEq for ObjectKind {
    fn eq(&self, other: &Self) -> bool {
        (self.group, self.version, self.kind) == (other.group, other.version, other.kind)
    }
}

impl fmt::Debug for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.api_version(), self.kind)
    }
}

/// Settings that are no secret.
pub static CONFIG_MAP: ObjectKind = ObjectKind::core("ConfigMap", "configmaps", "configMap");
/// Secrets.
pub static SECRET: ObjectKind = ObjectKind::core("Secret", "secrets", "secret");
/// Addresses of pods.
pub static SERVICE: ObjectKind = ObjectKind::core("Service", "services", "service");
/// Who a pod is.
pub static SERVICE_ACCOUNT: ObjectKind =
    ObjectKind::core("ServiceAccount", "serviceaccounts", "serviceAccount");
/// Who may reach a pod.
pub static NETWORK_POLICY: ObjectKind =
    ObjectKind::core("NetworkPolicy", "networkpolicies", "networkPolicy").of("networking.k8s.io", "v1");
/// How many pods may be away at once.
pub static DISRUPTION_BUDGET: ObjectKind = ObjectKind::core(
    "PodDisruptionBudget",
    "poddisruptionbudgets",
    "podDisruptionBudget",
)
.of("policy", "v1");
