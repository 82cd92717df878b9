//! The files for a cluster, applied to a real API server with the platform's definitions and CloudNativePG's own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic")]

#[path = "../../paas-operator/tests/support/cnpg.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a module of several tests, each of which uses a part"
)]
mod cnpg;

use std::{collections::BTreeSet, path::PathBuf};

use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind},
};
use paas_core::{
    database::cnpg::names,
    driver::{Driver, Outputs},
    owner::{Identity, Owner},
    spec::{DatabaseInstanceSpec, Document, load},
};
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn documents(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    serde_saphyr::from_multiple(&text).unwrap()
}

/// The files that are for a cluster.
const FILES: [&str; 3] = ["database.yaml", "database-ha.yaml", "app-with-binding/app.yaml"];

/// Applies a document as `kubectl apply --server-side` does; with a field that its kind does not have it is refused.
async fn apply(client: &Client, document: &Value) -> DynamicObject {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (version, kind) = (text(&document["apiVersion"]), text(&document["kind"]));
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
    let api = Api::<DynamicObject>::default_namespaced_with(client.clone(), &resource);
    let mut params = PatchParams::apply("kubectl").force();
    params.field_validation = Some(kube::api::ValidationDirective::Strict);
    let name = text(&document["metadata"]["name"]);
    let applied = api.patch(&name, &params, &Patch::Apply(document)).await;
    applied.unwrap_or_else(|e| panic!("{kind} {name}: {e}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_file_for_a_cluster_is_taken_by_an_api_server() {
    let Some((cluster, namespace)) = paas_examples::a_cluster("examples").await.unwrap() else {
        return;
    };
    if !cnpg::define(&cluster, "the examples").await {
        return;
    }
    let client = namespace.client().await.unwrap();
    for file in FILES {
        let all = documents(file);
        assert!(!all.is_empty(), "{file}");
        for document in all {
            apply(&client, &document).await;
        }
    }
}

#[test]
fn a_database_for_a_cluster_is_one_that_cloudnativepg_can_run() {
    for (file, name) in [("database.yaml", "demo"), ("database-ha.yaml", "shop")] {
        let document = documents(file).remove(0);
        assert_eq!(document["metadata"]["name"], name);
        let spec: DatabaseInstanceSpec = serde_json::from_value(document["spec"].clone()).unwrap();
        let owner = Owner::new(&Identity::of(&["test"]), "DatabaseInstance", "default", name);
        let driver = paas_core::database::cnpg::CnpgDriver::new(owner);
        driver.desired(&spec, &Outputs::default()).unwrap();
    }
}

#[test]
fn the_small_database_is_read_by_paas_too() {
    let loaded = load::load_path(&folder().join("database.yaml")).unwrap();
    let [one] = loaded.as_slice() else {
        panic!("{loaded:?}")
    };
    assert!(matches!(one.document, Document::DatabaseInstance(_)));
}

#[test]
fn programs_take_the_secret_that_the_operator_writes() {
    let owner = Owner::new(&Identity::of(&["test"]), "DatabaseInstance", "default", "demo");
    let secret = names::binding(&names::cluster(&owner).unwrap(), None);
    let mut taken = BTreeSet::new();
    for document in documents("app-with-binding/app.yaml") {
        let pod = &document["spec"]["template"]["spec"];
        let volumes = pod["volumes"].as_array().into_iter().flatten();
        taken.extend(volumes.map(|v| v["secret"]["secretName"].clone().to_string()));
        let variables = pod["containers"][0]["env"].as_array().into_iter().flatten();
        let keys = variables.filter_map(|v| v["valueFrom"]["secretKeyRef"]["name"].as_str());
        taken.extend(keys.map(|name| format!("{name:?}")));
        let image = pod["containers"][0]["image"].as_str().unwrap();
        assert!(
            !image.contains('/') && !image.ends_with(":latest"),
            "{image} is a stock image with a version"
        );
    }
    assert_eq!(taken, BTreeSet::from([format!("{secret:?}")]));
}
