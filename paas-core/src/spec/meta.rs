//! The part of an object's metadata that people write, and what is tolerated when an object comes back from a cluster.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name, namespace and labels of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Meta {
    /// The object's name: lower-case letters, digits and '-', beginning with a letter, at most 40 characters.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    #[schemars(extend("x-paas-help" = "lower-case letters, digits and '-', beginning with a letter, such as demo or team-a"))]
    pub name: String,
    /// The namespace; objects of different namespaces may have the same name.
    #[serde(default = "default_namespace")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    #[schemars(extend("x-paas-help" = "lower-case letters, digits and '-', such as default"))]
    pub namespace: String,
    /// Labels, for selecting objects.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("propertyNames" = {"maxLength": 317, "pattern": LABEL_KEY}))]
    #[schemars(extend("additionalProperties" = {"type": "string", "maxLength": 63, "pattern": LABEL_VALUE, "x-paas-help": LABEL_HELP}))]
    pub labels: BTreeMap<String, String>,
    /// Annotations, for everything else that is to travel with the object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("propertyNames" = {"maxLength": 317, "pattern": LABEL_KEY}))]
    pub annotations: BTreeMap<String, String>,
    /// Set by Kubernetes: counts the changes of the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// Set by Kubernetes: the identity of this very object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// An optional DNS prefix and a name, as Kubernetes takes them for labels and annotations.
const LABEL_KEY: &str = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$";

/// The value of a label, as Kubernetes takes it.
pub(super) const LABEL_VALUE: &str = r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$";

/// The same in words.
pub(super) const LABEL_HELP: &str =
    "letters, digits, '-', '_' and '.', beginning and ending with a letter or a digit; or nothing";

fn default_namespace() -> String {
    "default".to_owned()
}

impl Meta {
    /// Metadata with this name in the namespace `default`.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            namespace: default_namespace(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            generation: None,
            uid: None,
        }
    }

    /// The same in another namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }
}
