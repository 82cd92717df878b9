//! What a cluster consists of, for the engine.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::super::{codes::INS_UPGRADE, version::Version};
use crate::resource::{Change, Diff, Key, Need, Resource, View};

/// The key of the control plane.
pub(super) const CONTROL_PLANE: &str = "control-plane";

/// The change that ends a node's invitation.
pub(super) const TOKEN: &str = "token";

/// The change of a node's labels.
pub(super) const LABELS: &str = "labels";

/// One thing of a cluster, wanted or live.
#[derive(Debug, Clone, PartialEq)]
pub enum ClusterResource {
    /// The API that answers.
    ControlPlane(ControlPlane),
    /// A machine as a member.
    Node(Node),
}

/// The API of the cluster: its first machine brings it up.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlPlane {
    /// Where it is reached.
    pub endpoint: String,
    /// Which version is asked for, or runs; `None` for whichever.
    pub version: Option<Version>,
}

/// A machine as a member of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The infrastructure's id of its machine; `None` where it is not known.
    pub machine: Option<String>,
    /// `control-plane`, or the pool's name.
    pub role: String,
    /// Labels that it carries because its pool says so.
    pub labels: BTreeMap<String, String>,
    /// True as long as its machine may join by its token.
    pub invited: bool,
    /// False as long as nothing of it is there but its machine's token.
    pub(super) joined: bool,
    /// True where its machine joins by a token; the control plane's is the cluster itself.
    pub(super) joins: bool,
}

impl Node {
    /// A node that is wanted, on the machine of that id.
    pub fn of(role: &str, machine: Option<String>, labels: BTreeMap<String, String>) -> Self {
        Self {
            machine,
            role: role.to_owned(),
            labels,
            invited: false,
            joined: true,
            joins: role != crate::spec::CONTROL_PLANE,
        }
    }

    fn diff(&self, live: &Self) -> Diff {
        let (want, is) = (self.machine.as_deref(), live.machine.as_deref());
        if let (Some(want), Some(is)) = (want, is)
            && want != is
        {
            return Diff::Replace(vec![Change::new("machine", is, want)]);
        }
        if !live.joined {
            return Diff::Same;
        }
        let mut changes = Vec::new();
        if live.invited && !self.invited {
            changes.push(Change::new(TOKEN, "may join", "has joined"));
        }
        if live.labels != self.labels {
            changes.push(Change::new(LABELS, words(&live.labels), words(&self.labels)));
        }
        match changes.is_empty() {
            true => Diff::Same,
            false => Diff::Update(changes),
        }
    }
}

/// True if what runs is what was asked for: a minor version means any patch of it.
fn is(live: Version, want: Version) -> bool {
    live.minor == want.minor && (want.patch.is_none() || want.patch == live.patch)
}

fn words(labels: &BTreeMap<String, String>) -> String {
    let all: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    match all.is_empty() {
        true => "none".to_owned(),
        false => all.join(","),
    }
}

impl Resource for ClusterResource {
    fn kind(&self) -> &'static str {
        match self {
            Self::ControlPlane(_) => "controlPlane",
            Self::Node(_) => "node",
        }
    }

    fn needs(&self) -> Vec<Need> {
        match self {
            Self::ControlPlane(_) => Vec::new(),
            Self::Node(_) => Key::new(CONTROL_PLANE).into_iter().map(Need::Order).collect(),
        }
    }

    fn diff(&self, live: &Self) -> Diff {
        match (self, live) {
            (Self::ControlPlane(want), Self::ControlPlane(live)) => match (want.version, live.version) {
                (Some(want), Some(live)) if !is(live, want) => Diff::Refuse {
                    changes: vec![Change::new("version", live, want)],
                    code: &INS_UPGRADE,
                },
                _ => Diff::Same,
            },
            (Self::Node(want), Self::Node(live)) => want.diff(live),
            (want, live) => Diff::Replace(vec![Change::new("kind", live.kind(), want.kind())]),
        }
    }

    fn group(&self) -> Option<&str> {
        match self {
            Self::ControlPlane(_) => None,
            Self::Node(node) => Some(&node.role),
        }
    }

    /// The token of a machine lies under a name of its own, and the node is the machine's to make.
    fn natural(&self) -> bool {
        true
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(900)
    }

    fn view(&self) -> View {
        let mut view = View::new();
        let mut put = |key: &str, value: Option<Value>| {
            view.extend(value.map(|v| (key.to_owned(), v)));
        };
        match self {
            Self::ControlPlane(it) => {
                put("endpoint", (!it.endpoint.is_empty()).then(|| json!(it.endpoint)));
                put("version", it.version.map(|v| json!(v.to_string())));
            }
            Self::Node(it) => {
                put("role", Some(json!(it.role)));
                put("machine", it.machine.as_ref().map(|m| json!(m)));
                put("labels", (!it.labels.is_empty()).then(|| json!(it.labels)));
            }
        }
        view
    }
}
