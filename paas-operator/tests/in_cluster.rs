//! What runs a database, on a real API server whose pods nobody runs.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::{sync::Arc, time::Duration};

use k8s_openapi::{
    api::{apps::v1::StatefulSet, core::v1::Pod},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Config,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::ApiResource,
};
use paas_core::{
    clock::{Clock, SystemClock},
    crd,
    spec::{API_VERSION, GROUP, Kind, VERSION},
    testing::kube::{ControlPlane, Namespace, Options, unless_absent},
};
use paas_operator::{Operator, Settings, engines::InCluster, metrics::Metrics, run};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Long enough for a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A namespace of a cluster with our definitions, with an operator over it.
struct Place {
    namespace: Namespace,
    client: Client,
    stop: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Place {
    async fn new(cluster: &ControlPlane, sentence: &str) -> Self {
        cluster.define(&crd::all()).await.unwrap();
        let namespace = cluster.namespace(sentence).await.unwrap();
        let file = Kubeconfig::read_from(cluster.kubeconfig()).unwrap();
        let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
            .await
            .unwrap();
        config.default_namespace = namespace.name().to_owned();
        let metrics = Arc::new(Metrics::default());
        let client = run::client(config, Arc::clone(&metrics), Arc::new(SystemClock)).unwrap();
        let mut settings = Settings {
            namespaces: vec![namespace.name().to_owned()],
            ..Settings::default()
        };
        settings.bounds.poll = Duration::from_millis(100);
        settings.bounds.poll_max = Duration::from_millis(500);
        settings.pace.blocked = Duration::from_secs(1);
        let stop = CancellationToken::new();
        let engines = Arc::new(InCluster::new(client.clone()));
        let operator = Operator::new(client.clone(), engines, settings);
        tokio::spawn(operator.run(stop.clone()));
        Self {
            namespace,
            client,
            stop,
        }
    }

    fn api(&self) -> Api<DynamicObject> {
        let kind = Kind::DatabaseInstance;
        let resource = ApiResource {
            group: GROUP.to_owned(),
            version: VERSION.to_owned(),
            api_version: API_VERSION.to_owned(),
            kind: kind.as_str().to_owned(),
            plural: kind.plural().to_owned(),
        };
        Api::namespaced_with(self.client.clone(), self.namespace.name(), &resource)
    }

    async fn make(&self, spec: Value) {
        let object = json!({
            "apiVersion": API_VERSION, "kind": "DatabaseInstance", "metadata": {"name": "demo"}, "spec": spec,
        });
        let object = serde_json::from_value(object).unwrap();
        self.api().create(&PostParams::default(), &object).await.unwrap();
    }

    async fn runtime(&self, runtime: &str) {
        let patch = Patch::Merge(json!({"spec": {"runtime": runtime}}));
        let api = self.api();
        api.patch("demo", &PatchParams::default(), &patch).await.unwrap();
    }

    async fn until(&self, what: &str, expected: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let began = SystemClock.elapsed();
        while SystemClock.elapsed() - began < DEADLINE {
            last = serde_json::to_value(self.api().get("demo").await.unwrap()).unwrap();
            if expected(&last) {
                return last;
            }
            SystemClock.sleep(Duration::from_millis(50)).await;
        }
        panic!("it is not {what}: {last:#}");
    }

    async fn server(&self) -> Option<StatefulSet> {
        let all: Api<StatefulSet> = Api::namespaced(self.client.clone(), self.namespace.name());
        all.get_opt("demo").await.unwrap()
    }
}

/// Reason and message of `Ready`.
fn ready(object: &Value) -> [String; 2] {
    let conditions = object["status"]["conditions"].as_array().cloned();
    let conditions = conditions.unwrap_or_default();
    let found = conditions.iter().find(|c| c["type"] == "Ready");
    let found = found.cloned().unwrap_or_default();
    ["reason", "message"].map(|field| found[field].as_str().unwrap_or_default().to_owned())
}

fn runs(runtime: &'static str) -> impl Fn(&Value) -> bool {
    move |o| o["status"]["runtime"] == runtime
}

/// A cluster of the test's own: what it has is what is tested.
async fn cluster() -> Option<ControlPlane> {
    unless_absent(ControlPlane::start_own(Options::default()).await).unwrap()
}

/// The kind that tells that a cluster has CloudNativePG.
fn cloudnative_pg() -> CustomResourceDefinition {
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    serde_json::from_value(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "clusters.postgresql.cnpg.io"},
        "spec": {
            "group": "postgresql.cnpg.io", "scope": "Namespaced",
            "names": {"kind": "Cluster", "plural": "clusters", "singular": "cluster", "listKind": "ClusterList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": open}}],
        },
    }))
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auto_takes_a_stateful_set_without_cloudnative_pg_and_does_not_flip_when_it_comes_or_the_status_is_lost()
 {
    let Some(cluster) = cluster().await else { return };
    let place = Place::new(&cluster, "auto does not flip").await;
    place.make(json!({})).await;
    place.until("a StatefulSet", runs("StatefulSet")).await;
    let before = place.server().await.unwrap().metadata.uid;
    cluster.define(&[cloudnative_pg()]).await.unwrap();
    let lost = Patch::Merge(json!({"status": null}));
    place
        .api()
        .patch_status("demo", &PatchParams::default(), &lost)
        .await
        .unwrap();
    place.until("a StatefulSet still", runs("StatefulSet")).await;
    assert_eq!(place.server().await.unwrap().metadata.uid, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_runtime_for_a_living_database_is_blocked_with_words_and_nothing_is_touched() {
    let Some(cluster) = cluster().await else { return };
    cluster.define(&[cloudnative_pg()]).await.unwrap();
    let place = Place::new(&cluster, "another runtime is blocked").await;
    place.make(json!({"runtime": "StatefulSet"})).await;
    place.until("a StatefulSet", runs("StatefulSet")).await;
    let before = place.server().await.unwrap().metadata;
    place.runtime("CloudNativePG").await;
    let is_barred = |o: &Value| ready(o)[1].contains("PAAS-OP-0011");
    let object = place.until("barred", is_barred).await;
    let [reason, words] = ready(&object);
    assert_eq!(reason, "Blocked");
    assert!(words.contains("nothing was changed"), "{words}");
    assert_eq!(object["status"]["runtime"], "StatefulSet");
    let after = place.server().await.unwrap().metadata;
    assert_eq!((before.uid, before.generation), (after.uid, after.generation));
    place.runtime("Auto").await;
    place.until("going on", |o| !is_barred(o)).await;
    place.until("a StatefulSet still", runs("StatefulSet")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_plain_server_cannot_be_is_told_by_auto_too_and_nothing_is_chosen() {
    let Some(cluster) = cluster().await else { return };
    let place = Place::new(&cluster, "three plain servers").await;
    place.make(json!({"replicas": 3})).await;
    let object = place.until("refused", |o| ready(o)[0] == "NotSupported").await;
    let [_, words] = ready(&object);
    assert!(
        words.contains("3 servers") && words.contains("install CloudNativePG"),
        "{words}"
    );
    assert_eq!(object["status"]["runtime"], Value::Null);
    assert!(place.server().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_cannot_be_fetched_is_told_in_the_pods_words_and_the_server_is_not_made_anew() {
    let Some(cluster) = cluster().await else { return };
    let place = Place::new(&cluster, "an image is missing").await;
    place.make(json!({"runtime": "StatefulSet"})).await;
    place.until("a StatefulSet", runs("StatefulSet")).await;
    let pods: Api<Pod> = Api::namespaced(place.client.clone(), place.namespace.name());
    let began = SystemClock.elapsed();
    while pods.get_opt("demo-0").await.unwrap().is_none() {
        assert!(SystemClock.elapsed() - began < DEADLINE, "there is no pod");
        SystemClock.sleep(Duration::from_millis(50)).await;
    }
    let before = place.server().await.unwrap().metadata.uid;
    let waiting = json!({"reason": "ImagePullBackOff", "message": "manifest unknown"});
    let status = json!({"status": {"initContainerStatuses": [{
        "name": "init", "image": "postgres:18", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": waiting},
    }]}});
    pods.patch_status("demo-0", &PatchParams::default(), &Patch::Merge(status))
        .await
        .unwrap();
    let is_told = |o: &Value| ready(o)[1].contains("manifest unknown");
    let [reason, words] = ready(&place.until("blocked by its image", is_told).await);
    assert_eq!(reason, "Blocked");
    assert!(words.contains("postgres:18"), "{words}");
    assert_eq!(place.server().await.unwrap().metadata.uid, before);
}
