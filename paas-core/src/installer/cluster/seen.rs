//! What a cluster's objects say, as pure functions of them; and what consoles said, remembered for a while.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node as KubeNode, PersistentVolume, Secret};

use super::resource::Node;
use crate::{
    driver::Host,
    installer::{
        script::{self, Progress},
        version::Version,
    },
    resource::Health,
};

/// The annotation with the names of the labels that a node carries because its pool says so.
pub(super) const LABELS_ANNOTATION: &str = "paas.rs/pool-labels";

/// A console is read again after so long.
const AGAIN: Duration = Duration::from_secs(5);

/// A token that ends so soon lets nobody join any more.
const SOON: Duration = Duration::from_secs(60);

/// The id of a machine in a provider id such as `openstack:///7a51…` or `openstack://region/7a51…`.
fn machine_of(provider_id: &str) -> Option<String> {
    let (_, rest) = provider_id.split_once("://")?;
    rest.rsplit('/')
        .next()
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
}

/// A node as it is there. `role` is what its machine is for.
pub(super) fn node(object: &KubeNode, role: &str) -> Node {
    let ours = object.metadata.annotations.iter().flatten();
    let ours = ours.filter(|(key, _)| *key == LABELS_ANNOTATION);
    let ours: Vec<&str> = ours.flat_map(|(_, names)| names.split(',')).collect();
    let labels = object.metadata.labels.iter().flatten();
    let labels: BTreeMap<String, String> = labels
        .filter(|(key, _)| ours.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let provider_id = object.spec.as_ref().and_then(|s| s.provider_id.as_deref());
    Node::of(role, provider_id.and_then(machine_of), labels)
}

/// How a node does.
pub(super) fn health(object: &KubeNode) -> Health {
    let conditions = object.status.iter().flat_map(|s| s.conditions.iter().flatten());
    let mut ready = conditions.filter(|c| c.type_ == "Ready");
    match ready.next() {
        Some(condition) if condition.status == "True" => Health::Ready,
        Some(condition) => {
            let message = condition.message.as_deref().unwrap_or_default();
            let why = match (condition.status.as_str(), message) {
                (_, "") => "it is not ready".to_owned(),
                ("Unknown", message) => format!("nothing is heard of it: {message}"),
                (_, message) => format!("it is not ready: {message}"),
            };
            Health::Settling { why }
        }
        None => Health::Settling {
            why: "it has joined and not told how it is".to_owned(),
        },
    }
}

/// The version of the node's kubelet: `v1.37.2`, or what a distribution writes after it.
pub(super) fn version(object: &KubeNode) -> Option<Version> {
    let info = object.status.as_ref()?.node_info.as_ref()?;
    let mut numbers = info.kubelet_version.strip_prefix("v1.")?.split(['.', '-', '+']);
    Some(Version {
        minor: numbers.next()?.parse().ok()?,
        patch: numbers.next().and_then(|n| n.parse().ok()),
    })
}

/// True if somebody can still join by this token.
pub(super) fn lets_join(token: &Secret, now: Timestamp) -> bool {
    let text = |key: &str| {
        let data = token.data.as_ref()?.get(key)?;
        String::from_utf8(data.0.clone()).ok()
    };
    let ends = text("expiration").and_then(|t| t.parse::<Timestamp>().ok());
    match ends {
        Some(ends) => now.saturating_add(SOON).is_ok_and(|soon| soon < ends),
        // A token without an end lets people join for ever.
        None => text("expiration").is_none(),
    }
}

/// The volumes whose data lie on the disk of one node, by node: `shop/data-1`.
pub(super) fn local_data(volumes: &[PersistentVolume]) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for volume in volumes {
        let Some(spec) = &volume.spec else { continue };
        if spec.local.is_none() && spec.host_path.is_none() {
            continue;
        }
        let Some(claim) = &spec.claim_ref else { continue };
        let name = format!(
            "{}/{}",
            claim.namespace.as_deref().unwrap_or_default(),
            claim.name.as_deref().unwrap_or_default()
        );
        let terms = spec.node_affinity.as_ref().and_then(|a| a.required.as_ref());
        let expressions = terms.iter().flat_map(|r| &r.node_selector_terms);
        let expressions = expressions.flat_map(|t| t.match_expressions.iter().flatten());
        for expression in expressions.filter(|e| e.key == "kubernetes.io/hostname" && e.operator == "In") {
            for node in expression.values.iter().flatten() {
                all.entry(node.clone()).or_default().push(name.clone());
            }
        }
    }
    all
}

/// What a machine that has not joined is at, by what it wrote on its console.
pub(super) fn boot(progress: Option<&Progress>, waits_for: &str) -> Health {
    let Some(progress) = progress else {
        return Health::Settling {
            why: waits_for.to_owned(),
        };
    };
    if let Some(failed) = &progress.failed {
        let lines = failed.last_lines.join("\n");
        return Health::Broken {
            why: format!(
                "its first boot failed in the phase {} with status {}:\n{lines}",
                failed.phase, failed.status
            ),
            code: Some(&crate::installer::codes::INS_BOOT),
        };
    }
    let why = match (&progress.phase, progress.done) {
        (_, true) => format!("{waits_for}; its first boot is done"),
        (Some(phase), false) => format!("{waits_for}; its first boot is at {phase}"),
        (None, false) => format!("{waits_for}; its first boot has not begun"),
    };
    Health::Settling { why }
}

/// What consoles said, so that they are not read at every look.
#[derive(Debug, Default)]
pub(super) struct Heard(Mutex<BTreeMap<String, (Duration, Progress)>>);

impl Heard {
    /// What is known of a machine's boot, unless that is old.
    pub(super) fn lately(&self, machine: &str, now: Duration) -> Option<Progress> {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, progress) = heard.get(machine)?;
        (now.saturating_sub(*at) < AGAIN || progress.failed.is_some()).then(|| progress.clone())
    }

    /// Takes over what a console says.
    pub(super) fn hear(&self, machine: &str, now: Duration, text: &str) -> Progress {
        let progress = script::progress(text);
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.insert(machine.to_owned(), (now, progress.clone()));
        progress
    }
}

/// The machine of that node, if the infrastructure still has the one that it ran on.
pub(super) fn still_there<'a>(hosts: &'a [Host], name: &str, node: &Node) -> Option<&'a Host> {
    let mut hosts = hosts.iter().filter(|h| h.name == name);
    hosts.next().filter(|host| match (&host.id, &node.machine) {
        (Some(there), Some(was)) => there == was,
        (Some(_) | None, Some(_) | None) => true,
    })
}
