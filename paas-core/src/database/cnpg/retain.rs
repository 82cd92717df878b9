//! Keeping the volumes of an instance that goes, and taking them up again.
//!
//! A volume claim of a Cluster belongs to it (`metadata.ownerReferences`), so Kubernetes deletes it after the Cluster. One that belongs to
//! nobody stays; and a new Cluster of the same name that was never set up takes such claims over instead of setting up a server
//! (`reconcileRestoredCluster` in `internal/controller/cluster_restore.go` of 1.30.0): it wants the label `cnpg.io/cluster` with its name
//! and the annotation `cnpg.io/nodeSerial`, makes the claim with the label `cnpg.io/instanceRole: primary` the primary's, and deletes
//! pods and services that were left.
//!
//! So an instance goes with its data kept in this order, which is for whoever acts: send [`release`] to each of its claims, then delete the
//! Cluster and everything else. Servers are shut down as any pod is. Hibernating it before ([`super::CnpgDriver::stopped`]) stops the
//! primary before the standbys, so that none of them lacks anything.
//!
//! A later instance of the same name and namespace wants the same Cluster, and gets the data. What it wants inside is made again where it
//! is missing; login roles get new passwords, and [`super::session_role`] has to be said to them again.

use serde_json::{Value, json};

use super::net::CLUSTER_LABEL;

/// The annotation of a claim with the number of its server.
const SERIAL: &str = "cnpg.io/nodeSerial";

/// The patch (RFC 7386) that takes a claim away from its Cluster, or `None` if it belongs to nobody already. It holds the version that
/// was seen, so that nobody's change in between is overwritten.
pub fn release(claim: &Value) -> Option<Value> {
    let owners = claim["metadata"]["ownerReferences"].as_array()?;
    if owners.is_empty() {
        return None;
    }
    let version = &claim["metadata"]["resourceVersion"];
    Some(json!({"metadata": {"resourceVersion": version, "ownerReferences": null}}))
}

/// True if a new Cluster of this name would take the claim over.
pub fn is_adoptable(claim: &Value, cluster: &str) -> bool {
    let metadata = &claim["metadata"];
    let owned = metadata["ownerReferences"]
        .as_array()
        .is_some_and(|o| !o.is_empty());
    !owned
        && metadata["deletionTimestamp"].is_null()
        && metadata["labels"][CLUSTER_LABEL] == cluster
        && metadata["annotations"][SERIAL].is_string()
}
