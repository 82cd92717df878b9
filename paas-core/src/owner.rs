//! Who owns what: one object, one uid, the same everywhere.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The namespace of our UUIDv5 values: the UUIDv5 of the DNS name `paas.rs`.
fn namespace_of_paas() -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"paas.rs")
}

/// What tells one infrastructure from another: Keystone endpoint and project, STACKIT project, an API server's CA, a machine id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity(String);

impl Identity {
    /// An identity made of its parts, in their order: `["openstack", endpoint, project id]`.
    pub fn of(parts: &[&str]) -> Self {
        Self(parts.join("\u{1f}"))
    }
}

/// The owner of resources: one `Platform` or one `DatabaseInstance`.
///
/// The uid is a pure function of infrastructure, kind, namespace and name, so that operator, command line and another
/// laptop agree on it without talking to each other.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    kind: String,
    namespace: String,
    name: String,
    uid: Uuid,
}

impl Owner {
    /// The owner `kind/namespace/name` on an infrastructure.
    pub fn new(infrastructure: &Identity, kind: &str, namespace: &str, name: &str) -> Self {
        let words = [infrastructure.0.as_str(), kind, namespace, name].join("\u{1e}");
        Self {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: Uuid::new_v5(&namespace_of_paas(), words.as_bytes()),
        }
    }

    /// `Platform`, `DatabaseInstance`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The object's namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The object's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The uid that all marks carry.
    pub fn uid(&self) -> Uuid {
        self.uid
    }

    /// The mark for fields that hold one text: `paas:<uid>`.
    pub fn mark(&self) -> String {
        format!("paas:{}", self.uid)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({})", self.uid)
    }
}
