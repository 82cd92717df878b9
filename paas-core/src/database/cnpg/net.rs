//! Who may reach the servers, and what reads their metrics.

use serde_json::{Value, json};

use super::{CnpgDriver, contents::object, kinds};
use crate::{
    kube::{KubeObject, kind},
    spec::DatabaseInstanceSpec,
};

/// The label of everything that belongs to a Cluster: pods of servers and of jobs.
pub const CLUSTER_LABEL: &str = "cnpg.io/cluster";

/// The port on which servers tell how they do; CloudNativePG asks there, and servers ask each other.
const STATUS: u16 = 8000;

/// The port of the metrics.
const METRICS: u16 = 9187;

/// PostgreSQL's port in a Cluster.
pub(super) const POSTGRES: u16 = 5432;

/// Lets in the pods of the namespace, which is where the binding is, CloudNativePG, the servers themselves, and whoever reads metrics.
/// With a load balancer PostgreSQL's port is open to all that come by it: it lets in whom it may, and behind it another address is seen.
///
/// Where the network enforces no policies, this one does nothing, and nobody says so.
pub(super) fn policy(driver: &CnpgDriver, cluster: &str, spec: &DatabaseInstanceSpec) -> KubeObject {
    let port = |port: u16| json!({"port": port, "protocol": "TCP"});
    let selector = json!({"matchLabels": {CLUSTER_LABEL: cluster}});
    let operator = json!({
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": driver.operator_namespace}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "cloudnative-pg"}},
    });
    let balanced = spec.exposure.as_ref().is_some_and(|e| e.load_balancer.is_some());
    let clients: Value = if balanced {
        json!({"ports": [port(POSTGRES)]})
    } else {
        json!({"from": [{"podSelector": {}}], "ports": [port(POSTGRES)]})
    };
    let manifest = json!({"spec": {
        "podSelector": selector,
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": [{"podSelector": selector}, operator], "ports": [port(POSTGRES), port(STATUS)]},
            clients,
            {"from": [{"namespaceSelector": {}}], "ports": [port(METRICS)]},
        ],
    }});
    object(driver, &kind::NETWORK_POLICY, cluster.to_owned(), manifest)
}

/// What Prometheus reads. CloudNativePG's own way to make one, `spec.monitoring.enablePodMonitor`, is deprecated.
pub(super) fn monitor(driver: &CnpgDriver, cluster: &str) -> KubeObject {
    let manifest = json!({"spec": {
        "selector": {"matchLabels": {CLUSTER_LABEL: cluster}},
        "podMetricsEndpoints": [{"port": "metrics"}],
    }});
    object(driver, &kinds::POD_MONITOR, cluster.to_owned(), manifest)
}
