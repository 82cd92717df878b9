//! What is wrong with a spec for installing Kubernetes by it: all of it at once, before anything is made.

mod network;

use std::{collections::BTreeSet, net::IpAddr};

use super::{
    codes::{
        INS_COMBINATION, INS_CONTROL_PLANE, INS_LABEL, INS_NO_WORKERS, INS_NODE_NAME, INS_POOL, INS_TEXT,
    },
    version,
};
use crate::{
    codes::Code,
    error::{Class, Error, Result},
    preflight::Finding,
    spec::{Addons, CONTROL_PLANE, Installer, Kubernetes, Packages, PlatformSpec},
};

/// One thing that is wrong.
struct Fault(&'static Code, String);

/// Everything that is wrong with a spec, and what a person should know of it.
pub fn findings(spec: &PlatformSpec) -> Vec<Finding> {
    let mut all: Vec<Finding> = faults(spec)
        .into_iter()
        .map(|Fault(code, what)| Finding::error(code, what))
        .collect();
    let pools = spec.kubernetes.as_ref().map_or(&[][..], |k| &k.pools);
    let empty = !pools.is_empty() && pools.iter().all(|pool| pool.replicas == 0);
    if empty && spec.installer().is_some() {
        let what = "no pool has a machine: workloads run beside the control plane, on its machine";
        all.push(Finding::warning(&INS_NO_WORKERS, what));
    }
    all
}

/// `Ok` for a spec without an error among its [`findings`].
///
/// # Errors
/// The first one, with the words of all.
pub fn refuse(spec: &PlatformSpec) -> Result<()> {
    let faults = faults(spec);
    let Some(Fault(code, _)) = faults.first() else {
        return Ok(());
    };
    let words: Vec<&str> = faults.iter().map(|Fault(_, what)| what.as_str()).collect();
    Err(Error::new(code, Class::Invalid)
        .attempted("install Kubernetes by the spec")
        .happened(words.join("; ")))
}

fn faults(spec: &PlatformSpec) -> Vec<Fault> {
    let mut faults = Vec::new();
    let default = Kubernetes::default();
    let kubernetes = spec.kubernetes.as_ref().unwrap_or(&default);
    if spec.installer().is_none() {
        bare(spec, kubernetes, &mut faults);
        return faults;
    }
    if let Err(error) = version::chosen(spec) {
        faults.push(Fault(error.code(), error.words().to_owned()));
    }
    network::look(spec, &mut faults);
    pools(spec, kubernetes, &mut faults);
    texts(kubernetes, &mut faults);
    together(spec, kubernetes, &mut faults);
    faults
}

/// Machines that stay bare have no cluster for addons.
fn bare(spec: &PlatformSpec, kubernetes: &Kubernetes, faults: &mut Vec<Fault>) {
    if kubernetes.installer != Some(Installer::None) {
        return;
    }
    let default = Addons::default();
    let addons = spec.addons.as_ref().unwrap_or(&default);
    let wanted = [
        ("cni", addons.cni),
        ("cloudController", addons.cloud_controller),
        ("csi", addons.csi),
        ("localStorage", addons.local_storage),
        ("cloudNativePg", addons.cloud_native_pg),
        ("operator", addons.operator),
    ];
    for (name, _) in wanted.into_iter().filter(|(_, wanted)| *wanted == Some(true)) {
        faults.push(Fault(
            &INS_COMBINATION,
            format!(
                "spec.addons.{name} is true, and with installer: None there is no cluster to put it into"
            ),
        ));
    }
}

fn pools(spec: &PlatformSpec, kubernetes: &Kubernetes, faults: &mut Vec<Fault>) {
    let mut names = BTreeSet::from([CONTROL_PLANE]);
    for pool in &kubernetes.pools {
        if !names.insert(&pool.name) {
            let what = match pool.name == CONTROL_PLANE {
                true => format!("a pool is called {CONTROL_PLANE}, as the control plane itself"),
                false => format!("two pools are called {}", pool.name),
            };
            faults.push(Fault(&INS_POOL, what));
        }
        for (name, value) in &pool.labels {
            if let Some(why) = label(name, value) {
                faults.push(Fault(
                    &INS_LABEL,
                    format!("label {name} of pool {}: {why}", pool.name),
                ));
            }
        }
    }
    for role in spec.roles() {
        if role.is_control_plane() && role.replicas != 1 && kubernetes.control_plane.is_some() {
            faults.push(Fault(
                &INS_CONTROL_PLANE,
                format!(
                    "spec.kubernetes.controlPlane.replicas is {}: a control plane of several machines is an issue of its own; one machine for now",
                    role.replicas
                ),
            ));
        }
        // The last name of a role is its longest.
        if let Some(Err(error)) = role.machines().last().map(|name| node_name(&name)) {
            faults.push(Fault(error.code(), error.words().to_owned()));
        }
    }
}

/// `Ok` for a name that a node can have.
///
/// # Errors
/// [`INS_NODE_NAME`].
pub fn node_name(name: &str) -> Result<()> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let ends = !name.starts_with('-') && !name.ends_with('-');
    if (1..=63).contains(&name.len()) && name.bytes().all(good) && ends {
        return Ok(());
    }
    Err(Error::new(&INS_NODE_NAME, Class::Invalid)
        .attempted("name a node")
        .happened(format!(
            "'{}' has {} characters; a node's name has at most 63 lower-case letters, digits and '-'",
            name.escape_debug(),
            name.chars().count()
        )))
}

/// Why a kubelet may not give its node that label (NodeRestriction), or why it is none.
fn label(name: &str, value: &str) -> Option<&'static str> {
    /// Below `kubernetes.io` and `k8s.io`, a kubelet may set these.
    const ALLOWED: [&str; 11] = [
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "beta.kubernetes.io/os",
        "failure-domain.beta.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "kubernetes.io/arch",
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "node.kubernetes.io/instance-type",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    ];
    let (prefix, own) = match name.split_once('/') {
        Some((prefix, own)) => (Some(prefix), own),
        None => (None, name),
    };
    let part = |text: &str, more: &str, length: usize| {
        let good = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        text.len() <= length
            && text.chars().all(good)
            && ends(text.chars().next())
            && ends(text.chars().next_back())
    };
    let domain = |text: &str| part(text, "-.", 253) && !text.bytes().any(|b| b.is_ascii_uppercase());
    if !part(own, "-._", 63) || !prefix.is_none_or(domain) {
        return Some("its name is none for a label, such as example.com/disk");
    }
    if !value.is_empty() && !part(value, "-._", 63) {
        return Some("its value is none for a label: at most 63 letters, digits, '-', '_' and '.'");
    }
    let below = |prefix: &str, domain: &str| {
        prefix == domain
            || prefix
                .strip_suffix(domain)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    let prefix = prefix.unwrap_or_default();
    if prefix == "paas.rs" {
        return Some("labels below paas.rs are the platform's own");
    }
    let kept = below(prefix, "kubernetes.io") || below(prefix, "k8s.io");
    let own = below(prefix, "kubelet.kubernetes.io") || below(prefix, "node.kubernetes.io");
    (kept && !own && !ALLOWED.contains(&name))
        .then_some("a node may not give itself that label (NodeRestriction)")
}

/// What is put into files and commands has to be what it says it is.
fn texts(kubernetes: &Kubernetes, faults: &mut Vec<Fault>) {
    let visible = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_graphic() && !"'\"\\`$<>|".contains(c))
    };
    if let Some(mirror) = kubernetes.mirror.as_deref().filter(|mirror| !visible(mirror)) {
        let shown = mirror.escape_debug();
        faults.push(Fault(
            &INS_TEXT,
            format!("spec.kubernetes.mirror '{shown}' is no URL"),
        ));
    }
    for name in &kubernetes.api_names {
        let label = |text: &str| {
            let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            (1..=63).contains(&text.len())
                && text.bytes().all(good)
                && !text.starts_with('-')
                && !text.ends_with('-')
        };
        let host = name.strip_prefix("*.").unwrap_or(name);
        if name.parse::<IpAddr>().is_err() && !host.split('.').all(label) {
            let shown = name.escape_debug();
            let what = format!("'{shown}' of spec.kubernetes.apiNames is neither a DNS name nor an address");
            faults.push(Fault(&INS_TEXT, what));
        }
    }
}

fn together(spec: &PlatformSpec, kubernetes: &Kubernetes, faults: &mut Vec<Fault>) {
    let k3s = spec.installer() == Some(Installer::K3s);
    if k3s && kubernetes.packages == Some(Packages::Mirror) && !exact(spec) {
        faults.push(Fault(
            &INS_COMBINATION,
            "installer: K3s with packages: Mirror needs an exact version, such as \"1.37.2\": a mirror has a folder for each".to_owned(),
        ));
    }
    let registry = kubernetes.image_registry.as_deref().unwrap_or_default();
    if k3s && registry.contains('/') {
        faults.push(Fault(
            &INS_COMBINATION,
            format!("installer: K3s takes a registry's host only, and imageRegistry '{registry}' has a path"),
        ));
    }
}

fn exact(spec: &PlatformSpec) -> bool {
    version::chosen(spec).is_ok_and(|version| version.patch.is_some())
}
