//! What happens to an instance while something goes wrong.

use paas_operator::{CONSENT, ROTATE, ROTATE_OVERLAP};
use serde_json::{Value, json};

/// What an administrator or a developer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scene {
    /// An instance is made.
    Create,
    /// Servers, a user, a database and a parameter are added.
    Change,
    /// Every user gets another password.
    Rotate,
    /// It is deleted, its data is kept.
    DeleteWithRetain,
    /// It is deleted with its data, once its owner has agreed.
    DeleteWithConsent,
}

impl Scene {
    pub(crate) const ALL: [Self; 5] = [
        Self::Create,
        Self::Change,
        Self::Rotate,
        Self::DeleteWithRetain,
        Self::DeleteWithConsent,
    ];

    /// The instance as it is made.
    pub(crate) fn spec(self) -> Value {
        let policy = match self {
            Self::DeleteWithConsent => "Delete",
            _ => "Retain",
        };
        json!({
            "runtime": "CloudNativePG",
            "deletionPolicy": policy,
            "users": [{"name": "app"}],
            "databases": [{"name": "app", "owner": "app"}],
        })
    }

    /// True if it is there, and converged, before anything goes wrong.
    pub(crate) fn begins_with_it(self) -> bool {
        self != Self::Create
    }

    /// What is patched, if that is what happens.
    pub(crate) fn patch(self) -> Option<Value> {
        match self {
            Self::Change => Some(json!({"spec": {
                "replicas": 2,
                "users": [{"name": "app"}, {"name": "report"}],
                "databases": [{"name": "app", "owner": "app"}, {"name": "events", "owner": "report"}],
                "parameters": {"work_mem": "8MB"},
            }})),
            Self::Rotate => Some(json!({"metadata": {"annotations": {ROTATE: "may", ROTATE_OVERLAP: "0"}}})),
            _ => None,
        }
    }

    /// True if it is gone in the end.
    pub(crate) fn ends_without_it(self) -> bool {
        matches!(self, Self::DeleteWithRetain | Self::DeleteWithConsent)
    }

    /// The owner's word for the steps that a status shows.
    pub(crate) fn consent(self, instance: &Value) -> Option<Value> {
        let hash = instance["status"]["blocked"]["planHash"].as_str()?;
        let given = instance["metadata"]["annotations"][CONSENT].as_str();
        (self == Self::DeleteWithConsent && given != Some(hash))
            .then(|| json!({"metadata": {"annotations": {CONSENT: hash}}}))
    }
}
