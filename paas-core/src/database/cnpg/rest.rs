//! The way down of an instance whose data stays.
//!
//! What is inside goes while the servers run, which is what takes it away. Then the servers are stopped, the primary before the standbys,
//! so that none of them lacks anything (CloudNativePG's hibernation). What stays is the Cluster at rest with its volumes, under the
//! owner's mark: a later instance of the same name wants the same Cluster without the annotation, and it wakes up.

use serde_json::{Value, json};

use super::{
    CnpgDriver,
    cluster::{self, HIBERNATION},
    health,
    kinds::{CLUSTER, DATABASE, ROLE},
    names, steps,
};
use crate::{
    error::Result,
    graph::{Desired, Observed},
    kube::KubeObject,
    resource::Key,
    spec::{DatabaseInstanceSpec, DeletionPolicy},
};

/// What is wanted on the way down: nothing, or for a while the Cluster at rest.
pub(super) fn next(
    driver: &CnpgDriver,
    spec: &DatabaseInstanceSpec,
    nothing: Desired<KubeObject>,
    seen: &Observed<KubeObject>,
) -> Result<Desired<KubeObject>> {
    let live = steps::object(seen, "cluster").filter(|l| *l.resource.object_kind() == CLUSTER);
    let Some(live) = live.filter(|_| spec.deletion_policy == DeletionPolicy::Retain) else {
        return Ok(nothing);
    };
    let inside = |o: &KubeObject| *o.object_kind() == ROLE || *o.object_kind() == DATABASE;
    let full = seen.live.values().any(|l| inside(&l.resource));
    let rests = live
        .resource
        .seen()
        .is_some_and(|s| health::is_at_rest(&s.object));
    if full || rests {
        return Ok(nothing);
    }
    // What was applied the last time is as it should stay; only without memory the spec says it.
    let mut manifest = match live.resource.manifest() {
        Value::Null => cluster::manifest(&driver.far(spec, seen, None), spec)?,
        known => known.clone(),
    };
    manifest["metadata"]["annotations"][HIBERNATION] = json!("on");
    let resting = KubeObject::new(
        &CLUSTER,
        driver.owner.namespace(),
        names::cluster(&driver.owner)?,
        manifest,
    );
    Desired::builder()
        .want(Key::new("cluster")?, resting.holding_data())
        .build()
}
