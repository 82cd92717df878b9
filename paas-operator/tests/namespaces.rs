//! The label of namespaces that must not be deleted by the way, and the end of namespaces that are, on a real API server.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use k8s_openapi::api::{
    core::v1::{ConfigMap, Namespace},
    rbac::v1::{PolicyRule, Role, RoleBinding},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use paas_core::{
    clock::{Clock, SystemClock},
    crd::policies::{BY_DATA, BY_OBJECTS, PROTECTED},
    kube::{DATA, OWNER},
    spec::Kind,
};
use paas_operator::install::{Manifests, Options};
use serde_json::{Value, json};
use support::{DEADLINE, Place, World, place, says};

const SOON: Duration = Duration::from_millis(50);

fn all(place: &Place) -> Api<Namespace> {
    Api::all(place.client.clone())
}

async fn mark(place: &Place, labels: Value) {
    let patch = Patch::Merge(json!({"metadata": {"labels": labels}}));
    all(place)
        .patch(place.namespace.name(), &PatchParams::default(), &patch)
        .await
        .unwrap();
}

/// Waits for the label to be as a test expects.
async fn labelled(place: &Place, expected: Option<&str>) -> Namespace {
    let began = SystemClock.elapsed();
    loop {
        let namespace = all(place).get(place.namespace.name()).await.unwrap();
        let label = namespace.labels().get(PROTECTED).map(String::as_str);
        if label == expected {
            return namespace;
        }
        assert!(
            SystemClock.elapsed() - began < DEADLINE,
            "{label:?} is not {expected:?}"
        );
        SystemClock.sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_is_labelled_while_it_holds_protected_objects_or_data_and_no_longer() {
    let Some(place) = place("is labelled").await else {
        return;
    };
    let world = World::taking(SOON);
    let running = place.operate("a", &world).await;
    place.database("demo", json!({"deletionProtection": true})).await;
    labelled(&place, Some(BY_OBJECTS)).await;
    mark(&place, json!({PROTECTED: null})).await;
    labelled(&place, Some(BY_OBJECTS)).await;
    let local = json!({"infrastructure": {"type": "Local"}, "deletionProtection": true});
    place.make(Kind::Platform, "here", json!({}), local).await;
    place.until_ready("demo").await;
    place
        .change("demo", json!({"spec": {"deletionProtection": false}}))
        .await;
    place.until_ready("demo").await;
    labelled(&place, Some(BY_OBJECTS)).await;
    place
        .api(Kind::Platform)
        .delete("here", &DeleteParams::default())
        .await
        .unwrap();
    // What is left has data, and no protection of its own.
    let before = labelled(&place, Some(BY_DATA)).await;
    running.stop().await;

    let running = place.operate("b", &world).await;
    place
        .change(
            "demo",
            json!({"spec": {"replicas": 1, "runtime": "CloudNativePG"}}),
        )
        .await;
    place.until_ready("demo").await;
    let after = labelled(&place, Some(BY_DATA)).await;
    assert_eq!(
        after.resource_version(),
        before.resource_version(),
        "another operator that begins writes nothing"
    );
    place.delete("demo").await;
    place.until_gone("demo").await;
    labelled(&place, None).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_is_labelled_while_data_that_a_database_left_is_in_it() {
    let Some(place) = place("data was left").await else {
        return;
    };
    let maps: Api<ConfigMap> = Api::default_namespaced(place.client.clone());
    let left = serde_json::from_value(json!({
        "metadata": { "name": "volume", "labels": { OWNER: "somebody" }, "annotations": { DATA: "true" } },
    }));
    maps.create(&PostParams::default(), &left.unwrap()).await.unwrap();
    let running = place.operate("a", &World::taking(SOON)).await;
    labelled(&place, Some(BY_DATA)).await;
    maps.delete("volume", &DeleteParams::default()).await.unwrap();
    labelled(&place, None).await;
    running.stop().await;
}

/// The rights of an operator of one namespace, for the account there.
async fn allow(place: &Place) {
    let name = place.namespace.name();
    let manifests = Manifests::of(&Options {
        namespace: name.to_owned(),
        watch: vec![name.to_owned()],
        ..Options::new("any")
    });
    let roles: Api<Role> = Api::default_namespaced(place.client.clone());
    for mut role in manifests.roles {
        // A kind of the test's engine alone, which the cluster lacks.
        role.rules.get_or_insert_default().push(PolicyRule {
            api_groups: Some(vec!["absent.paas.rs".to_owned()]),
            resources: Some(vec!["absents".to_owned()]),
            verbs: vec!["list".to_owned(), "watch".to_owned()],
            ..PolicyRule::default()
        });
        roles.create(&PostParams::default(), &role).await.unwrap();
    }
    let bindings: Api<RoleBinding> = Api::default_namespaced(place.client.clone());
    for binding in &manifests.role_bindings {
        bindings.create(&PostParams::default(), binding).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_of_one_namespace_labels_it_with_the_rights_of_its_role_alone() {
    let Some(place) = place("rights of its role alone").await else {
        return;
    };
    allow(&place).await;
    let uid = all(&place).get("kube-system").await.unwrap().uid();
    let running = place
        .operate_with("a", &World::taking(SOON), |s| s.cluster = uid)
        .await;
    place.database("demo", json!({"deletionProtection": true})).await;
    labelled(&place, Some(BY_OBJECTS)).await;
    place.until_ready("demo").await;
    place
        .change("demo", json!({"spec": {"deletionProtection": false}}))
        .await;
    labelled(&place, Some(BY_DATA)).await;
    place.delete("demo").await;
    place.until_gone("demo").await;
    labelled(&place, None).await;
    let counted = running.metrics.text();
    assert!(
        counted.contains(r#"code="200""#) && !counted.contains(r#"code="403""#),
        "{counted}"
    );
    let calls = running.calls.lock().unwrap().clone();
    let of_the_cluster =
        |path: &str| path.starts_with("/api/v1/namespaces?") || path.ends_with("/kube-system");
    assert!(!calls.iter().any(|c| of_the_cluster(&c.path)), "{calls:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_label_that_a_person_put_there_stays() {
    let Some(place) = place("a label of a person").await else {
        return;
    };
    mark(&place, json!({PROTECTED: "by-me"})).await;
    let world = World::taking(SOON);
    let running = place.operate("a", &world).await;
    place.database("demo", json!({})).await;
    place.until_ready("demo").await;
    place.delete("demo").await;
    place.until_gone("demo").await;
    // The other kind of label would have been set and taken off by now: this one is seen to follow.
    let other = Place::of(place.namespace.cluster(), "follows").await;
    let follows = other.operate("b", &World::taking(SOON)).await;
    other.database("demo", json!({})).await;
    labelled(&other, Some(BY_DATA)).await;
    labelled(&place, Some("by-me")).await;
    follows.stop().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_is_deleted_ends_with_the_databases_in_it() {
    let Some(place) = place("a namespace ends").await else {
        return;
    };
    let world = World::taking(SOON);
    let running = place
        .operate_with("a", &world, |s| s.lease.namespace = Some("default".to_owned()))
        .await;
    place.database("demo", json!({})).await;
    place.database("kept", json!({"deletionProtection": true})).await;
    place.until_ready("demo").await;
    place.until_ready("kept").await;
    // Nothing refuses it here: the policies are not installed in this cluster.
    all(&place)
        .delete(place.namespace.name(), &DeleteParams::background())
        .await
        .unwrap();
    place.until_gone("demo").await;
    let told = |o: &Value| says(o, "Stalled") == ["True", "DeletionProtected"];
    let waiting = place
        .until(
            Kind::DatabaseInstance,
            "kept",
            "telling why it is still there",
            told,
        )
        .await;
    assert!(!waiting["metadata"]["deletionTimestamp"].is_null());
    place
        .change("kept", json!({"spec": {"deletionProtection": false}}))
        .await;
    place.until_gone("kept").await;
    let began = SystemClock.elapsed();
    while all(&place)
        .get_opt(place.namespace.name())
        .await
        .unwrap()
        .is_some()
    {
        assert!(
            SystemClock.elapsed() - began < DEADLINE,
            "the namespace does not end"
        );
        SystemClock.sleep(SOON).await;
    }
    running.stop().await;
}
