//! A pool of connections in front of the primary, and how programs are told of it.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, Client};
use serde_json::json;

use super::{CnpgDriver, contents, kinds::POOLER, names, net::POSTGRES};
use crate::{
    database::{binding, connection::Connection},
    error::Result,
    graph::Observed,
    kube::{KubeObject, fault},
    resource::Health,
    secrets::ExposeSecret,
    spec::{DatabaseInstanceSpec, PoolMode, Pooler},
};

/// What a binding says of the pooler, each as `pooler-…`; all else is as without one.
const TOLD: [&str; 4] = ["host", "port", "uri", "jdbc-uri"];

/// The `Pooler`. CloudNativePG has it let in whom PostgreSQL lets in, by a role and a function of its own.
pub(super) fn object(driver: &CnpgDriver, cluster: &str, asked: &Pooler) -> KubeObject {
    let mode = match asked.mode {
        PoolMode::Session => "session",
        PoolMode::Transaction => "transaction",
    };
    let manifest = json!({"spec": {
        "cluster": {"name": cluster},
        "type": "rw",
        "instances": asked.replicas,
        "pgbouncer": {
            "poolMode": mode,
            "parameters": {
                "default_pool_size": asked.pool_size.to_string(),
                "max_client_conn": asked.max_clients.to_string(),
            },
        },
    }});
    contents::object(driver, &POOLER, names::pooler(cluster), manifest)
}

/// Where programs in the cluster reach the pooler, which shows the servers' certificate: that has to name it.
pub(super) fn host(driver: &CnpgDriver, cluster: &str) -> String {
    format!("{}.{}.svc", names::pooler(cluster), driver.owner.namespace())
}

/// What a binding has beside its entries where there is a pooler.
///
/// # Errors
/// Those of [`binding::entries`].
pub(super) fn entries(
    driver: &CnpgDriver,
    cluster: &str,
    spec: &DatabaseInstanceSpec,
    to: &Connection,
) -> Result<BTreeMap<String, String>> {
    if spec.pooler.is_none() {
        return Ok(BTreeMap::new());
    }
    let pooled = Connection {
        host: host(driver, cluster),
        port: POSTGRES,
        ..to.clone()
    };
    let all = binding::entries(&pooled)?;
    let told = TOLD.iter().filter_map(|key| {
        let value = all.get(*key)?.expose_secret().to_owned();
        Some((format!("pooler-{key}"), value))
    });
    Ok(told.collect())
}

/// Asks the Deployment of a pooler that calls itself active whether its pods answer: a `Pooler` does not know.
///
/// # Errors
/// Those of Kubernetes.
pub(super) async fn look(client: &Client, namespace: &str, seen: &mut Observed<KubeObject>) -> Result<()> {
    let found = seen
        .live
        .values_mut()
        .find(|l| *l.resource.object_kind() == POOLER);
    let Some(live) = found.filter(|l| l.health == Health::Ready) else {
        return Ok(());
    };
    let name = live.resource.name();
    let what = format!("look at the Deployment {namespace}/{name}");
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let there = api.get_opt(name).await.map_err(|e| fault::of(&what, false, e))?;
    let deployment = there.unwrap_or_default();
    let status = deployment.status.unwrap_or_default();
    let ready = status.ready_replicas.unwrap_or(0);
    let wanted = deployment.spec.and_then(|s| s.replicas).unwrap_or(1);
    // One that is not there has no generation either, and none that is ready.
    if status.observed_generation != deployment.metadata.generation || ready < wanted {
        let why = format!("{ready} of {wanted} poolers answer");
        live.health = Health::Settling { why };
    }
    Ok(())
}
