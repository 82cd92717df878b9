//! CloudNativePG without its operator: its own definitions, and a stand-in that says of every object that it does well.

use std::{path::PathBuf, process::Command, time::Duration};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, ListParams, Patch, PatchParams},
    core::ApiResource,
};
use paas_core::{
    clock::{Clock, SystemClock},
    database::cnpg::{HIBERNATION, kinds},
    kube::ObjectKind,
    testing::kube::ControlPlane,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The version whose definitions are taken. Its module is pinned by the checksum database of Go.
const MODULE: &str = "github.com/cloudnative-pg/cloudnative-pg@v1.30.0";

/// The annotation of a login role whose sessions begin as its owner role.
const SESSION: &str = "paas.rs/session-role";

/// Makes sure that the cluster has CloudNativePG's kinds; false after saying why they cannot be had here.
pub async fn define(cluster: &ControlPlane, sentence: &str) -> bool {
    let client = cluster.client().await.unwrap();
    let groups = client.list_api_groups().await.unwrap();
    if groups.groups.iter().any(|g| g.name == kinds::GROUP) {
        return true;
    }
    match definitions() {
        Ok(all) => {
            cluster.define(&all).await.unwrap();
            true
        }
        Err(why) => {
            let required = std::env::var_os("PAAS_TEST_REQUIRE").is_some_and(|what| what == "all");
            assert!(!required, "{sentence}: {why}");
            eprintln!("did not run: {sentence}: {why}");
            false
        }
    }
}

/// The definitions as CloudNativePG's own source has them, by the module that Go keeps.
fn definitions() -> Result<Vec<CustomResourceDefinition>, String> {
    let none = |e: &dyn std::fmt::Display| format!("CloudNativePG's definitions cannot be had: {e}");
    let told = Command::new("go")
        .args(["mod", "download", "-json", MODULE])
        .current_dir(std::env::temp_dir())
        .output()
        .map_err(|e| none(&e))?;
    let told: Value = serde_json::from_slice(&told.stdout).map_err(|e| none(&e))?;
    let Some(module) = told["Dir"].as_str() else {
        return Err(none(&told["Error"]));
    };
    let folder = PathBuf::from(module).join("config/crd/bases");
    let files = std::fs::read_dir(&folder).map_err(|e| none(&e))?;
    files
        .map(|file| {
            let text = std::fs::read_to_string(file.map_err(|e| none(&e))?.path()).map_err(|e| none(&e))?;
            serde_saphyr::from_str(&text).map_err(|e| none(&e))
        })
        .collect()
}

/// The API of a kind in a namespace.
pub fn api(client: &Client, namespace: &str, kind: &ObjectKind) -> Api<DynamicObject> {
    let resource = ApiResource {
        group: kind.group.to_owned(),
        version: kind.version.to_owned(),
        api_version: kind.api_version(),
        kind: kind.kind.to_owned(),
        plural: kind.plural.to_owned(),
    };
    Api::namespaced_with(client.clone(), namespace, &resource)
}

/// Writes the status that CloudNativePG would at last, wherever there is another one.
pub async fn do_well(client: &Client, namespace: &str) {
    for kind in [&kinds::CLUSTER, &kinds::DATABASE, &kinds::ROLE, &kinds::POOLER] {
        let api = api(client, namespace, kind);
        for object in api.list(&ListParams::default()).await.unwrap() {
            begin_session(&api, &object).await;
            let wanted = well(kind, &object);
            let is = |(name, value): (&String, &Value)| object.data["status"][name] == *value;
            if wanted.as_object().unwrap().iter().all(is) {
                continue;
            }
            let patch = json!({"status": wanted});
            let patched = api
                .patch_status(&object.name_any(), &PatchParams::default(), &Patch::Merge(&patch))
                .await;
            // It may be gone by now.
            if let Err(kube::Error::Api(refusal)) = &patched {
                assert_eq!(refusal.code, 404, "{refusal:?}");
                continue;
            }
            patched.unwrap();
        }
    }
}

/// Notes of an open login role what only a session of its own in a real server can bring about: that it begins as its owner role.
async fn begin_session(api: &Api<DynamicObject>, object: &DynamicObject) {
    let spec = &object.data["spec"];
    if spec["login"] != true || object.annotations().contains_key(SESSION) {
        return;
    }
    let patch = json!({"metadata": {"annotations": {SESSION: spec["inRoles"][0]}}});
    let patched = api
        .patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(&patch))
        .await;
    // It may be gone by now.
    if let Err(kube::Error::Api(refusal)) = &patched {
        assert_eq!(refusal.code, 404, "{refusal:?}");
    }
}

fn well(kind: &ObjectKind, object: &DynamicObject) -> Value {
    let spec = &object.data["spec"];
    if *kind == kinds::POOLER {
        return json!({"phase": "active", "instances": spec["instances"]});
    }
    if *kind != kinds::CLUSTER {
        return json!({"applied": true, "observedGeneration": object.metadata.generation});
    }
    let primary = format!("{}-1", object.name_any());
    let mut status = json!({
        "phase": "Cluster in healthy state", "instances": spec["instances"], "readyInstances": spec["instances"],
        "currentPrimary": primary, "targetPrimary": primary,
    });
    if spec["imageName"].is_string() {
        status["image"] = spec["imageName"].clone();
    }
    if object
        .annotations()
        .get(HIBERNATION)
        .is_some_and(|word| word == "on")
    {
        status["conditions"] = json!([{
            "type": HIBERNATION, "status": "True", "reason": "Hibernated", "message": "Cluster has been hibernated",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]);
    }
    status
}

/// Does so again and again until `stop`, for a namespace whose objects somebody else makes.
pub async fn stand_in(client: Client, namespace: String, stop: CancellationToken) {
    while !stop.is_cancelled() {
        do_well(&client, &namespace).await;
        SystemClock.sleep(Duration::from_millis(100)).await;
    }
}
