//! `paas operator` against a real API server whose pods nobody runs: what is written, what is refused, what is taken away.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Home, Said};
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Namespace},
        rbac::v1::{ClusterRole, Role},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use paas_core::testing::kube::{ControlPlane, Options, unless_absent};
use serde_json::{Value, json};

const IMAGE: &str = "registry.example/paas-operator:1";

/// A cluster of its own: what is installed belongs to the whole cluster.
struct Cluster {
    plane: ControlPlane,
    client: Client,
    home: Home,
}

impl Cluster {
    async fn new() -> Option<Self> {
        let plane = unless_absent(ControlPlane::start_own(Options::default()).await).unwrap()?;
        let client = plane.client().await.unwrap();
        Some(Self {
            plane,
            client,
            home: Home::new(),
        })
    }

    /// `paas operator …` there.
    #[track_caller]
    fn operator(&self, words: &[&str]) -> Said {
        let file = self.plane.kubeconfig();
        let mut all = vec!["operator", words[0], "--kubeconfig", file.to_str().unwrap()];
        all.extend(&words[1..]);
        self.home.paas(&all)
    }

    /// Installs without waiting for pods, which nobody runs here.
    #[track_caller]
    fn install(&self, words: &[&str]) -> Said {
        self.operator(&[&["install", "--image", IMAGE, "--wait=false"], words].concat())
    }

    async fn roles(&self) -> (usize, usize) {
        let ours = ListParams::default().labels("app.kubernetes.io/part-of=paas");
        let cluster: Api<ClusterRole> = Api::all(self.client.clone());
        let roles: Api<Role> = Api::all(self.client.clone());
        let cluster = cluster.list(&ours).await.unwrap().items.len();
        (cluster, roles.list(&ours).await.unwrap().items.len())
    }

    async fn namespace(&self, name: &str) {
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        let all: Api<Namespace> = Api::all(self.client.clone());
        all.create(&PostParams::default(), &namespace).await.unwrap();
    }

    async fn label(&self, name: &str, label: Value) {
        let definitions: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let patch = Patch::Merge(json!({"metadata": {"labels": {"app.kubernetes.io/version": label}}}));
        definitions
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn an_installation_is_made_changed_narrowed_and_taken_away() {
    let Some(cluster) = Cluster::new().await else {
        return;
    };
    let absent = cluster.operator(&["upgrade"]).exits(1);
    assert!(absent.err.contains("PAAS-CLI-0034"), "{}", absent.err);
    let asked = cluster.operator(&["install"]).exits(2);
    assert!(asked.err.contains("PAAS-CLI-0038"), "{}", asked.err);

    let steps = cluster.install(&["--dry-run", "-o", "json"]).exits(0).json();
    let verbs: Vec<&Value> = steps["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["verb"])
        .collect();
    assert!(
        verbs.len() > 15 && verbs.iter().all(|v| **v == "create"),
        "{steps}"
    );
    assert_eq!(cluster.roles().await, (0, 0), "a dry run makes nothing");

    cluster.install(&[]).exits(0);
    let again = cluster.install(&["--dry-run"]).exits(0);
    assert_eq!(again.out, "Nothing would change.\n");
    assert_eq!(cluster.roles().await, (1, 1));

    // What is not said stays.
    let shown = cluster
        .operator(&["upgrade", "--replicas", "3", "--dry-run"])
        .exits(0);
    assert!(shown.err.contains("spec.replicas: 2 → 3"), "{}", shown.err);
    cluster
        .operator(&["upgrade", "--log", "debug", "--wait=false"])
        .exits(0);
    cluster
        .operator(&["upgrade", "--replicas", "3", "--wait=false"])
        .exits(0);
    let deployments: Api<Deployment> = Api::namespaced(cluster.client.clone(), "paas-system");
    let deployment = json!(deployments.get("paas-operator").await.unwrap());
    assert_eq!(deployment["spec"]["replicas"], 3);
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], IMAGE);
    assert!(
        container["args"].to_string().contains("--log-filter=debug"),
        "{container}"
    );

    // One namespace alone: nothing of the cluster is left, and the cluster's uid is handed over.
    cluster.namespace("shop").await;
    let other = cluster.install(&["--namespace", "ops"]).exits(4);
    assert!(other.err.contains("PAAS-CLI-0037"), "{}", other.err);
    cluster
        .operator(&["upgrade", "--watch-namespace", "shop", "--wait=false"])
        .exits(0);
    assert_eq!(cluster.roles().await, (0, 2));
    let system: Api<Namespace> = Api::all(cluster.client.clone());
    let uid = system.get("kube-system").await.unwrap().metadata.uid.unwrap();
    let deployment = json!(deployments.get("paas-operator").await.unwrap()).to_string();
    assert!(
        deployment.contains(&format!("--cluster-id={uid}")),
        "{deployment}"
    );
    cluster.namespace("blog").await;
    cluster
        .install(&["--namespace", "ops", "--watch-namespace", "blog"])
        .exits(0);
    cluster
        .operator(&["uninstall", "--namespace", "ops", "--yes"])
        .exits(0);
    assert_eq!(
        cluster.roles().await,
        (0, 2),
        "only what was of that installation goes"
    );

    let status = cluster.operator(&["status", "-o", "json"]).exits(1).json();
    assert_eq!((&status["wanted"], &status["ready"]), (&json!(3), &json!(0)));
    assert!(
        status["definitions"]
            .as_array()
            .unwrap()
            .iter()
            .all(|d| d["established"] == true)
    );

    // Not by the way: an object of ours keeps the definitions.
    let asked = cluster.operator(&["uninstall"]).exits(4);
    assert!(asked.err.contains("--yes"), "{}", asked.err);
    let database = json!({
        "apiVersion": "paas.rs/v1alpha1", "kind": "DatabaseInstance", "metadata": {"name": "demo"}, "spec": {},
    });
    let resource = kube::core::ApiResource {
        group: "paas.rs".to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: "paas.rs/v1alpha1".to_owned(),
        kind: "DatabaseInstance".to_owned(),
        plural: "databaseinstances".to_owned(),
    };
    let databases: Api<kube::api::DynamicObject> =
        Api::namespaced_with(cluster.client.clone(), "shop", &resource);
    let database = serde_json::from_value(database).unwrap();
    databases.create(&PostParams::default(), &database).await.unwrap();
    let kept = cluster.operator(&["uninstall", "--yes", "--crds"]).exits(4);
    assert!(
        kept.err.contains("still 1 object of the kind DatabaseInstance"),
        "{}",
        kept.err
    );
    assert!(
        deployments.get_opt("paas-operator").await.unwrap().is_some(),
        "nothing was begun"
    );
    let gone = cluster.operator(&["uninstall", "--yes"]).exits(0);
    assert!(gone.out.contains("1 database"), "{}", gone.out);
    assert_eq!(cluster.roles().await, (0, 0));
    assert!(databases.get_opt("demo").await.unwrap().is_some());
    databases.delete("demo", &DeleteParams::default()).await.unwrap();
    cluster.operator(&["uninstall", "--yes", "--crds"]).exits(0);
    // Of the definition itself: an API server serves a kind for a moment longer.
    let definitions: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    let kind = definitions.get_opt("databaseinstances.paas.rs").await.unwrap();
    assert!(kind.is_none(), "the kind is gone");
    cluster.operator(&["uninstall", "--yes"]).exits(1);
}

#[tokio::test]
async fn what_is_newer_and_what_is_not_ours_is_left_alone() {
    let Some(cluster) = Cluster::new().await else {
        return;
    };
    cluster.namespace("paas-system").await;
    let text = cluster.install(&["--dry-run"]).exits(0);
    assert!(text.err.contains("stays as it is"), "{}", text.err);
    let role: ClusterRole = serde_json::from_value(json!({"metadata": {"name": "paas-operator"}})).unwrap();
    let roles: Api<ClusterRole> = Api::all(cluster.client.clone());
    roles.create(&PostParams::default(), &role).await.unwrap();
    let taken = cluster.install(&[]).exits(4);
    assert!(taken.err.contains("PAAS-CLI-0037"), "{}", taken.err);
    let deployments: Api<Deployment> = Api::namespaced(cluster.client.clone(), "paas-system");
    assert!(
        deployments.get_opt("paas-operator").await.unwrap().is_none(),
        "nothing was begun"
    );
    roles
        .delete("paas-operator", &DeleteParams::default())
        .await
        .unwrap();

    cluster.install(&[]).exits(0);
    let namespace: Api<Namespace> = Api::all(cluster.client.clone());
    let labels = namespace
        .get("paas-system")
        .await
        .unwrap()
        .metadata
        .labels
        .unwrap();
    assert!(
        !labels.contains_key("pod-security.kubernetes.io/enforce"),
        "{labels:?}"
    );
    cluster.label("platforms.paas.rs", json!("99.0.0")).await;
    let newer = cluster.operator(&["upgrade", "--wait=false"]).exits(4);
    assert!(newer.err.contains("PAAS-CLI-0036"), "{}", newer.err);
    cluster.label("platforms.paas.rs", json!("0.0.1")).await;
    cluster.operator(&["upgrade", "--wait=false"]).exits(0);

    // What somebody else has in that namespace stays when the operator goes.
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), "paas-system");
    let map = serde_json::from_value(json!({"metadata": {"name": "theirs"}})).unwrap();
    maps.create(&PostParams::default(), &map).await.unwrap();
    cluster.operator(&["uninstall", "--yes"]).exits(0);
    assert!(maps.get_opt("theirs").await.unwrap().is_some());
    assert!(deployments.get_opt("paas-operator").await.unwrap().is_none());
}
