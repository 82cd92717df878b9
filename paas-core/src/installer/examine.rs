//! How a cluster does, part by part: what `doctor` and `show` tell.

use std::{fmt, time::Duration};

use k8s_openapi::api::{
    apps::v1::{DaemonSet, Deployment},
    core::v1::Node,
};
use kube::{Api, Client, ResourceExt as _, api::ListParams};
use serde::Serialize;

use crate::{
    error::{Error, Result},
    kube::fault,
};

/// How long the whole look may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How one part does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// As it should be.
    Good,
    /// A person should know.
    Warning,
    /// It does not work.
    Bad,
}

/// One part of a cluster, and how it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// `api`, `etcd`, `nodes`, `network`, `dns`, `certificates`, `cloud`.
    pub part: String,
    /// How it does.
    pub state: State,
    /// What was seen, in a sentence.
    pub what: String,
    /// What to do; empty where nothing is to be done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

impl Check {
    /// A part that is as it should be.
    pub fn good(part: &str, what: impl Into<String>) -> Self {
        Self {
            part: part.to_owned(),
            state: State::Good,
            what: what.into(),
            remedy: String::new(),
        }
    }

    /// A part that is not.
    pub fn of(part: &str, state: State, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            part: part.to_owned(),
            state,
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.part, self.what)
    }
}

/// A member of a cluster, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The node's name.
    pub name: String,
    /// Ready, or why not.
    pub state: String,
    /// True if it takes no new pods.
    pub cordoned: bool,
    /// The version of its kubelet.
    pub version: String,
    /// Its address inside.
    pub address: String,
    /// Its system, such as `Debian GNU/Linux 12 (bookworm)`.
    pub system: String,
}

/// All members, by name.
///
/// # Errors
/// The API server's.
pub async fn members(client: &Client) -> Result<Vec<Member>> {
    let nodes: Api<Node> = Api::all(client.clone());
    let all = nodes.list(&ListParams::default()).await;
    let all = all.map_err(|e| fault::of("list the nodes", false, e))?;
    let mut members: Vec<Member> = all.items.iter().map(member).collect();
    members.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(members)
}

fn member(node: &Node) -> Member {
    let status = node.status.as_ref();
    let info = status.and_then(|s| s.node_info.as_ref());
    let addresses = status.iter().flat_map(|s| s.addresses.iter().flatten());
    let mut inside = addresses.filter(|a| a.type_ == "InternalIP");
    let mut conditions = status.iter().flat_map(|s| s.conditions.iter().flatten());
    let state = match conditions.find(|c| c.type_ == "Ready") {
        Some(c) if c.status == "True" => "Ready".to_owned(),
        Some(c) => c.message.clone().unwrap_or_else(|| "NotReady".to_owned()),
        None => "it has told nothing yet".to_owned(),
    };
    Member {
        name: node.name_any(),
        state,
        cordoned: node.spec.as_ref().and_then(|s| s.unschedulable) == Some(true),
        version: info.map(|i| i.kubelet_version.clone()).unwrap_or_default(),
        address: inside.next().map(|a| a.address.clone()).unwrap_or_default(),
        system: info.map(|i| i.os_image.clone()).unwrap_or_default(),
    }
}

/// Looks at the API with its parts, the nodes, the network of pods and the cluster's DNS. What cannot be looked at is a finding too.
pub async fn examine(client: &Client) -> Vec<Check> {
    let mut checks = api(client).await;
    if checks.iter().any(|c| c.part == "api" && c.state == State::Bad) {
        return checks;
    }
    for check in [nodes(client).await, network(client).await, dns(client).await] {
        checks.push(check.unwrap_or_else(|e| unseen(&e)));
    }
    checks
}

fn unseen(error: &Error) -> Check {
    Check::of("api", State::Bad, error.sentence(), error.advice())
}

/// `/readyz` names each of its parts, etcd among them.
async fn api(client: &Client) -> Vec<Check> {
    let request = http::Request::get("/readyz?verbose").body(Vec::new());
    let Ok(request) = request else {
        return Vec::new();
    };
    let text = match client.request_text(request).await {
        Ok(text) => text,
        // The parts stand in the answer's words too.
        Err(kube::Error::Api(status)) if status.code >= 500 => status.message.clone(),
        Err(error) => {
            return vec![unseen(&fault::of(
                "ask the API whether it is ready",
                false,
                error,
            ))];
        }
    };
    let failed: Vec<&str> = text.lines().filter(|l| l.starts_with("[-]")).collect();
    let etcd = failed.iter().any(|l| l.contains("etcd"));
    let api = match failed.is_empty() {
        true => Check::good("api", "it answers, and all its parts are ready"),
        false => Check::of(
            "api",
            State::Bad,
            format!(
                "it answers, and some of its parts are not ready: {}",
                failed.join("; ")
            ),
            "look at the containers of kube-system on the machine of the control plane",
        ),
    };
    let etcd = match etcd {
        false => Check::good("etcd", "it answers"),
        true => Check::of(
            "etcd",
            State::Bad,
            "the API cannot use it",
            "look at its container on the machine of the control plane, and at the room on its disk",
        ),
    };
    vec![api, etcd]
}

async fn nodes(client: &Client) -> Result<Check> {
    let all = members(client).await?;
    let bad: Vec<String> = all
        .iter()
        .filter(|m| m.state != "Ready")
        .map(|m| format!("{}: {}", m.name, m.state))
        .collect();
    let cordoned: Vec<&str> = all
        .iter()
        .filter(|m| m.cordoned)
        .map(|m| m.name.as_str())
        .collect();
    Ok(if !bad.is_empty() {
        let what = format!("{} of {} are not ready: {}", bad.len(), all.len(), bad.join("; "));
        let remedy = "`paas cluster replace MACHINE` makes a machine anew that does not come back";
        Check::of("nodes", State::Bad, what, remedy)
    } else if !cordoned.is_empty() {
        let what = format!("all are ready; these take no new pods: {}", cordoned.join(", "));
        Check::of(
            "nodes",
            State::Warning,
            what,
            "`kubectl uncordon NODE` if that is not meant",
        )
    } else {
        Check::good("nodes", format!("all {} are ready", all.len()))
    })
}

async fn network(client: &Client) -> Result<Check> {
    let sets: Api<DaemonSet> = Api::namespaced(client.clone(), "kube-flannel");
    let set = sets.get_opt("kube-flannel-ds").await;
    let set = set.map_err(|e| fault::of("look at the network of pods", false, e))?;
    let Some(status) = set.and_then(|s| s.status) else {
        let what = "it is not ours: no flannel is here";
        return Ok(Check::good("network", what));
    };
    let (wanted, ready) = (status.desired_number_scheduled, status.number_ready);
    Ok(match ready >= wanted && wanted > 0 {
        true => Check::good("network", format!("flannel runs on {ready} of {wanted} nodes")),
        false => Check::of(
            "network",
            State::Bad,
            format!("flannel runs on {ready} of {wanted} nodes"),
            "`kubectl -n kube-flannel logs ds/kube-flannel-ds` tells why",
        ),
    })
}

async fn dns(client: &Client) -> Result<Check> {
    let all: Api<Deployment> = Api::namespaced(client.clone(), "kube-system");
    let found = all.get_opt("coredns").await;
    let found = found.map_err(|e| fault::of("look at the cluster's DNS", false, e))?;
    let available = found.and_then(|d| d.status).and_then(|s| s.available_replicas);
    Ok(match available.unwrap_or_default() {
        0 => Check::of(
            "dns",
            State::Bad,
            "none of its servers is available",
            "`kubectl -n kube-system describe deployment coredns` tells why; without a network of pods none can run",
        ),
        servers => Check::good("dns", format!("{servers} servers are available")),
    })
}
