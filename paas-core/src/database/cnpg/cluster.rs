//! The manifest of a `Cluster`.
//!
//! Only what the spec speaks of is written: CloudNativePG's webhook fills in the rest, and what it filled in belongs to nobody.

use serde_json::{Map, Value, json};

use super::{Administrator, CnpgDriver, contents, names, net::POSTGRES, parameters, pooler, steps::ADOPTED};
use crate::{
    error::Result,
    spec::{DatabaseInstanceSpec, Exposure, LoadBalancer, Resources, User},
};

/// The annotation that stops all servers and keeps their volumes.
pub const HIBERNATION: &str = "cnpg.io/hibernation";

/// What can be said of the Cluster that is to be.
pub(super) fn manifest(driver: &CnpgDriver, spec: &DatabaseInstanceSpec) -> Result<Value> {
    let mut all = Map::new();
    all.insert("instances".into(), spec.replicas.into());
    for (field, value) in driver.images.fields(spec.engine.version.as_ref())? {
        all.insert(field.into(), value);
    }
    all.insert("storage".into(), storage(spec));
    if !driver.steps.adopted || spec.plan.is_some() || spec.resources.is_some() {
        all.insert("resources".into(), resources(&spec.sized()));
    }
    let mut postgresql = parameters::section(spec)?;
    if let Some(synchronous) = synchronous(spec.replicas).filter(|_| !driver.steps.adopted) {
        postgresql.insert("synchronous".into(), synchronous);
    }
    if !postgresql.is_empty() {
        all.insert("postgresql".into(), postgresql.into());
    }
    // Of what somebody else made, nothing is said that the spec does not speak of.
    if !driver.steps.adopted {
        all.insert("bootstrap".into(), json!({"initdb": initdb(spec)}));
        all.insert("affinity".into(), affinity());
        // A budget for a single server would keep every node that it is on from being drained.
        all.insert("enablePDB".into(), (spec.replicas > 1).into());
    }
    if let Some(Administrator { secret, .. }) = &driver.administrator {
        all.insert("enableSuperuserAccess".into(), true.into());
        all.insert("superuserSecret".into(), json!({"name": secret}));
    }
    if let Some(service) = exposed(driver, spec)? {
        all.insert("managed".into(), json!({"services": {"additional": [service]}}));
    }
    if spec.pooler.is_some() {
        let host = pooler::host(driver, &names::cluster(&driver.owner)?);
        all.insert("certificates".into(), json!({"serverAltDNSNames": [host]}));
    }
    let mut manifest = json!({"spec": all});
    if spec.stopped {
        manifest["metadata"]["annotations"][HIBERNATION] = "on".into();
    }
    if driver.steps.adopted {
        manifest["metadata"]["annotations"][ADOPTED] = "true".into();
    }
    Ok(manifest)
}

fn storage(spec: &DatabaseInstanceSpec) -> Value {
    let mut storage = json!({"size": spec.storage.size});
    if let Some(class) = &spec.storage.class {
        storage["storageClass"] = class.as_str().into();
    }
    storage
}

/// Memory is asked for and bounded by the same amount: a server that others' memory made a node run out of would be killed with its
/// sessions. Processors are asked for and not bounded: what is idle on the node may be used.
fn resources(sized: &Resources) -> Value {
    let mut all = json!({});
    if let Some(cpu) = &sized.cpu {
        all["requests"]["cpu"] = cpu.as_str().into();
    }
    if let Some(memory) = &sized.memory {
        all["requests"]["memory"] = memory.as_str().into();
        all["limits"]["memory"] = memory.as_str().into();
    }
    all
}

/// A commit is on two servers before it is confirmed. With two servers that holds while both are there; with more it always holds, and
/// a standby that may lack a confirmed commit is never made the primary (`failoverQuorum`).
fn synchronous(replicas: u16) -> Option<Value> {
    match replicas {
        0 | 1 => None,
        2 => Some(json!({"method": "any", "number": 1, "dataDurability": "preferred"})),
        _ => {
            Some(json!({"method": "any", "number": 1, "dataDurability": "required", "failoverQuorum": true}))
        }
    }
}

/// Servers go to nodes of their own as far as there are any: with `required`, one server more than nodes would never start, and what
/// the nodes are is not known here.
fn affinity() -> Value {
    json!({
        "enablePodAntiAffinity": true, "podAntiAffinityType": "preferred",
        "topologyKey": "kubernetes.io/hostname",
    })
}

/// How the first server is set up: the first database and its owner. The other users' roles are made there too, because what a login
/// role's sessions begin as cannot be said of a `DatabaseRole`: see [`contents::session_role`].
fn initdb(spec: &DatabaseInstanceSpec) -> Value {
    let mut initdb = json!({"dataChecksums": true});
    let first = spec.databases.first();
    let owner = first.map(|d| spec.owner_of(d));
    if let (Some(first), Some(owner)) = (first, owner) {
        initdb["database"] = first.name.as_str().into();
        initdb["owner"] = owner.into();
    }
    let roles = |user: &User| contents::first_roles(user, owner == Some(user.name.as_str()));
    let statements: Vec<String> = spec.users.iter().flat_map(roles).collect();
    if !statements.is_empty() {
        initdb["postInitSQL"] = json!(statements);
    }
    initdb
}

/// The service for clients from elsewhere: another port, or a load balancer. CloudNativePG keeps its selector, and puts its names into
/// the servers' certificate.
fn exposed(driver: &CnpgDriver, spec: &DatabaseInstanceSpec) -> Result<Option<Value>> {
    let Some(Exposure { port, load_balancer }) = &spec.exposure else {
        return Ok(None);
    };
    if port.is_none() && load_balancer.is_none() {
        return Ok(None);
    }
    let name = names::exposed(&names::cluster(&driver.owner)?);
    let port = port.unwrap_or(POSTGRES);
    let ports = json!([{"name": "postgres", "port": port, "targetPort": POSTGRES, "protocol": "TCP"}]);
    let service = match load_balancer {
        Some(LoadBalancer { source_ranges }) => json!({
            "type": "LoadBalancer", "loadBalancerSourceRanges": source_ranges, "ports": ports,
        }),
        None => json!({"type": "ClusterIP", "ports": ports}),
    };
    Ok(Some(json!({
        "selectorType": "rw",
        "serviceTemplate": {"metadata": {"name": name}, "spec": service},
    })))
}
