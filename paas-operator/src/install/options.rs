//! What may be chosen about an installation.

use k8s_openapi::api::apps::v1::Deployment;
use serde::{Deserialize, Serialize};

use super::{NAMESPACE, OPTIONS};

/// What may be chosen about an installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// The namespace that the operator runs in.
    pub namespace: String,
    /// Its image.
    pub image: String,
    /// How many pods there are; one of them works, the others stand by.
    pub replicas: u16,
    /// The namespaces that it looks after; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub watch: Vec<String>,
    /// The uid of the namespace `kube-system`. Needed with [`Options::watch`], and used then alone: else the operator asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// The repository of the image of servers that run as StatefulSets; `None` for the operator's own choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_image: Option<String>,
    /// The number of the user postgres in that image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_user: Option<i64>,
    /// What is logged, by the rules of `RUST_LOG`.
    pub log: String,
    /// What the pods may use.
    #[serde(default)]
    pub resources: Resources,
    /// Whether our definitions are a part of it; `false` where somebody else applies them.
    #[serde(default = "yes")]
    pub definitions: bool,
    /// Whether the cluster refuses to delete what is protected.
    pub policies: bool,
}

fn yes() -> bool {
    true
}

/// What each pod asks for, and what it may use at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// The share of processors that is asked for. There is no limit: throttling would cost the lease.
    pub cpu: String,
    /// The memory that is asked for.
    pub memory: String,
    /// The most memory that it may take.
    pub memory_limit: String,
}

impl Default for Resources {
    /// Ten times what an operator of 50 databases takes, as a limit.
    fn default() -> Self {
        Self {
            cpu: "50m".to_owned(),
            memory: "64Mi".to_owned(),
            memory_limit: "512Mi".to_owned(),
        }
    }
}

impl Options {
    /// Two pods of this image for every namespace.
    pub fn new(image: impl Into<String>) -> Self {
        Self {
            namespace: NAMESPACE.to_owned(),
            image: image.into(),
            replicas: 2,
            watch: Vec::new(),
            cluster_id: None,
            server_image: None,
            server_user: None,
            log: "info".to_owned(),
            resources: Resources::default(),
            definitions: true,
            policies: true,
        }
    }

    /// The options of an installation that is there; `None` if it is none of ours, or of a version whose options this one cannot read.
    pub fn read(deployment: &Deployment) -> Option<Self> {
        let annotations = deployment.metadata.annotations.as_ref()?;
        serde_json::from_str(annotations.get(OPTIONS)?).ok()
    }

    /// True if both would look after the same namespace.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.watch.is_empty() || other.watch.is_empty() || self.watch.iter().any(|n| other.watch.contains(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_operators_overlap_where_both_look_after_a_namespace() {
        let of = |watch: &[&str]| Options {
            watch: watch.iter().map(|&n| n.to_owned()).collect(),
            ..Options::new("x")
        };
        assert!(of(&[]).overlaps(&of(&["shop"])) && of(&["shop"]).overlaps(&of(&[])));
        assert!(of(&["shop", "blog"]).overlaps(&of(&["blog"])));
        assert!(!of(&["shop"]).overlaps(&of(&["blog"])));
    }
}
