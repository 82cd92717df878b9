//! Volumes and pods of a cluster without nodes: each claim gets a volume, each pod is said to run.

use std::time::Duration;

use k8s_openapi::api::{
    core::v1::{PersistentVolume, PersistentVolumeClaim, Pod},
    storage::v1::StorageClass,
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use paas_core::clock::{Clock, SystemClock};
use serde_json::{Value, json};

/// A class of volumes that can grow, and that nobody makes.
pub(crate) const CLASS: &str = "paas-test-grows";

/// The label of volumes with the namespace that they are for.
const FOR: &str = "paas.rs/test-volume";

fn made<T: serde::de::DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).unwrap()
}

/// Somebody may have made it already.
fn there<T>(made: Result<T, kube::Error>) {
    if let Err(error) = made {
        assert!(matches!(&error, kube::Error::Api(s) if s.code == 409), "{error}");
    }
}

/// Makes what is lacking, and waits until the controllers of Kubernetes have seen it.
pub(crate) async fn serve(client: &Client, namespace: &str) {
    let classes: Api<StorageClass> = Api::all(client.clone());
    if classes.get_opt(CLASS).await.unwrap().is_none() {
        let class = json!({
            "metadata": {"name": CLASS}, "provisioner": "paas.rs/none", "allowVolumeExpansion": true,
        });
        there(classes.create(&PostParams::default(), &made(class)).await);
    }
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    for claim in claims.list(&ListParams::default()).await.unwrap() {
        let phase = claim.status.as_ref().and_then(|s| s.phase.clone());
        if phase.as_deref() != Some("Bound") {
            bind(client, namespace, &claim).await;
        }
    }
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    for pod in pods.list(&ListParams::default()).await.unwrap() {
        let phase = pod.status.as_ref().and_then(|s| s.phase.clone());
        if phase.as_deref() == Some("Running") || pod.metadata.deletion_timestamp.is_some() {
            continue;
        }
        let ready = json!({"type": "Ready", "status": "True"});
        let status = json!({"status": {"phase": "Running", "conditions": [ready]}});
        let runs = pods
            .patch_status(
                &pod.name_any(),
                &PatchParams::default(),
                &Patch::Strategic(&status),
            )
            .await;
        // It may be made anew just now.
        if let Err(kube::Error::Api(refusal)) = &runs {
            assert_eq!(refusal.code, 404, "{refusal:?}");
        }
    }
    // The controllers take note of it.
    SystemClock.sleep(Duration::from_millis(50)).await;
}

async fn bind(client: &Client, namespace: &str, claim: &PersistentVolumeClaim) {
    let spec = claim.spec.as_ref().unwrap();
    let requests = spec.resources.as_ref().unwrap().requests.as_ref().unwrap();
    let name = format!("{namespace}-{}", claim.name_any());
    let volume = json!({
        "metadata": {"name": name, "labels": {FOR: namespace}},
        "spec": {
            "storageClassName": CLASS, "accessModes": ["ReadWriteOnce"], "capacity": requests,
            "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": "/nowhere"},
            // With its uid the claim is looked at at once, without it a quarter of a minute later.
            "claimRef": {"namespace": namespace, "name": claim.name_any(), "uid": claim.metadata.uid},
        },
    });
    let volumes: Api<PersistentVolume> = Api::all(client.clone());
    there(volumes.create(&PostParams::default(), &made(volume)).await);
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    let bound = async || {
        let now = claims.get(&claim.name_any()).await.unwrap();
        now.status.and_then(|s| s.phase).as_deref() == Some("Bound")
    };
    while !bound().await {
        SystemClock.sleep(Duration::from_millis(20)).await;
    }
}

/// Takes away the volumes of a namespace, and its pods, whose StatefulSet is gone.
pub(crate) async fn sweep(client: &Client, namespace: &str) {
    let now = DeleteParams::background().grace_period(0);
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    pods.delete_collection(&now, &ListParams::default())
        .await
        .unwrap();
    let volumes: Api<PersistentVolume> = Api::all(client.clone());
    let of = ListParams::default().labels(&format!("{FOR}={namespace}"));
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    while !claims
        .list(&ListParams::default())
        .await
        .unwrap()
        .items
        .is_empty()
    {
        SystemClock.sleep(Duration::from_millis(20)).await;
    }
    volumes.delete_collection(&now, &of).await.unwrap();
    while !volumes.list(&of).await.unwrap().items.is_empty() {
        SystemClock.sleep(Duration::from_millis(20)).await;
    }
}
