//! The cluster stage on a real API server: machines are played by the test, which makes nodes and pods as kubelets would.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{Node as KubeNode, PersistentVolume, Pod, Secret};
use kube::{
    Api, Client,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use paas_core::{
    clock::Clock as _,
    codes,
    driver::{Boot, ClusterAccess, Consoles, Driver, Host, NewMachine, Outputs},
    error::{Class, Error, Result},
    installer::{
        cluster::{ClusterDriver, ClusterResource, ClusterStage, Node, Parts},
        codes as ins,
        login::Login,
        token,
    },
    ledger::{Ledger, LedgerStore as _, MemoryLedger},
    owner::{Identity, Owner},
    pipeline::{Context, DriverStage, Outcome, Pipeline, Wanted},
    policy::{Consent, Policy, Retention},
    resource::{Diff, Key, Resource as _},
    secrets::{FileSecrets, SecretString},
    spec::PlatformSpec,
    testing::{
        ManualClock,
        kube::{ControlPlane, Options, unless_absent},
        tools,
    },
};
use serde_json::{Value, json};

fn owner() -> Owner {
    Owner::new(&Identity::of(&["test"]), "Platform", "default", "demo")
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn spec(kubernetes: Value) -> PlatformSpec {
    let spec = json!({"infrastructure": {"type": "OpenStack", "openStack": {}}, "kubernetes": kubernetes});
    serde_json::from_value(spec).unwrap()
}

/// A cluster that answers, or one that does not yet.
#[derive(Debug)]
struct Door(Mutex<Option<Result<SecretString>>>);

#[async_trait]
impl Login for Door {
    async fn kubeconfig(&self, _access: &ClusterAccess) -> Result<SecretString> {
        let state = self.0.lock().unwrap().clone();
        state.unwrap_or_else(|| {
            Err(Error::new(&codes::CORE_PROVIDER, Class::Transient).happened("connection refused"))
        })
    }

    async fn client(&self, access: &ClusterAccess) -> Result<Client> {
        paas_core::kube::access::from_kubeconfig(&self.kubeconfig(access).await?, None).await
    }
}

#[derive(Debug)]
struct Bare;

#[async_trait]
impl Boot for Bare {
    async fn user_data(&self, _owner: &Owner, _machine: &NewMachine) -> Result<SecretString> {
        Ok(SecretString::from("#cloud-config\n"))
    }
}

#[derive(Debug, Default)]
struct Screens(Mutex<BTreeMap<String, String>>);

#[async_trait]
impl Consoles for Screens {
    async fn tail(&self, machine: &str) -> Result<String> {
        Ok(self.0.lock().unwrap().get(machine).cloned().unwrap_or_default())
    }
}

struct Place {
    plane: Option<ControlPlane>,
    door: Arc<Door>,
    screens: Arc<Screens>,
    secrets: Arc<FileSecrets>,
    ledger: Arc<MemoryLedger>,
    clock: Arc<ManualClock>,
    hosts: Vec<Host>,
    _folder: tempfile::TempDir,
}

fn host(name: &str, role: &str, id: &str) -> Host {
    Host {
        name: name.into(),
        address: "10.20.0.7".into(),
        public_address: None,
        role: role.into(),
        id: Some(id.into()),
        going: false,
    }
}

impl Place {
    fn closed() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            plane: None,
            door: Arc::new(Door(Mutex::new(None))),
            screens: Arc::default(),
            secrets: Arc::new(FileSecrets::new(folder.path())),
            ledger: Arc::default(),
            clock: Arc::new(ManualClock::at(paas_core::clock::SystemClock.now())),
            hosts: vec![
                host("control-plane-1", "control-plane", "plane-a"),
                host("workers-1", "workers", "worker-a"),
            ],
            _folder: folder,
        }
    }

    async fn open() -> Option<Self> {
        let plane = unless_absent(ControlPlane::start_own(Options::default()).await).unwrap()?;
        let mut place = Self::closed();
        place.unlock(&plane);
        place.plane = Some(plane);
        Some(place)
    }

    fn unlock(&self, plane: &ControlPlane) {
        let text = std::fs::read_to_string(plane.kubeconfig()).unwrap();
        *self.door.0.lock().unwrap() = Some(Ok(text.into()));
    }

    async fn client(&self) -> Client {
        let access = ClusterAccess {
            endpoint: String::new(),
            server_name: None,
        };
        self.door.client(&access).await.unwrap()
    }

    fn driver(&self) -> ClusterDriver {
        let parts = Parts::new(
            Arc::new(Bare),
            self.door.clone(),
            self.secrets.clone(),
            self.clock.clone(),
        );
        ClusterDriver::new(parts.hearing(self.screens.clone()))
    }

    fn context(&self) -> Context {
        let tools = tools(self.ledger.clone(), self.clock.clone());
        let mut cx = Context::new(owner(), Policy::default(), tools);
        cx.outputs.hosts = Some(self.hosts.clone());
        cx
    }

    /// One pass of the stage alone.
    async fn pass(&self, spec: &PlatformSpec) -> Result<(Outcome, Context)> {
        let mut cx = self.context();
        let pipeline = Pipeline::new(vec![Box::new(DriverStage::new(self.driver(), spec.clone()))]);
        let outcome = pipeline.advance(&mut cx).await?;
        Ok((outcome, cx))
    }

    /// What a kubelet does on its first start, and when it is ready.
    async fn register(&self, name: &str, machine: &str, ready: bool) {
        let nodes: Api<KubeNode> = Api::all(self.client().await);
        let node =
            json!({"metadata": {"name": name}, "spec": {"providerID": format!("openstack:///{machine}")}});
        nodes
            .create(&PostParams::default(), &serde_json::from_value(node).unwrap())
            .await
            .unwrap();
        let status = if ready { "True" } else { "False" };
        let message = "container runtime network not ready: cni plugin not initialized";
        let now = self.clock.now().to_string();
        let condition = json!({"type": "Ready", "status": status, "reason": "x", "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now});
        let status = json!({"status": {"conditions": [condition]}});
        nodes
            .patch_status(name, &PatchParams::default(), &Patch::Merge(status))
            .await
            .unwrap();
    }

    async fn tokens(&self) -> Vec<Secret> {
        let secrets: Api<Secret> = Api::namespaced(self.client().await, "kube-system");
        let all = ListParams::default().fields("type=bootstrap.kubernetes.io/token");
        secrets.list(&all).await.unwrap().items
    }

    async fn node(&self, name: &str) -> Option<KubeNode> {
        let nodes: Api<KubeNode> = Api::all(self.client().await);
        nodes.get_opt(name).await.unwrap()
    }
}

fn words(outcome: &Outcome) -> String {
    serde_json::to_string(outcome).unwrap()
}

#[tokio::test]
async fn a_cluster_that_never_answered_is_waited_for_and_its_console_says_how_far_it_is() {
    let place = Place::closed();
    let (outcome, cx) = place.pass(&spec(json!({}))).await.unwrap();
    assert!(words(&outcome).contains("does not answer yet"), "{outcome:?}");
    assert!(cx.outputs.cluster.is_none());
    place.screens.0.lock().unwrap().insert(
        "plane-a".into(),
        "[   12.3] cloud-init[312]: paas-boot: phase=kubeadm-init\n".into(),
    );
    let (outcome, _) = place.pass(&spec(json!({}))).await.unwrap();
    assert!(words(&outcome).contains("kubeadm-init"), "{outcome:?}");
}

#[tokio::test]
async fn a_first_boot_that_failed_ends_the_wait_at_once_with_its_last_lines() {
    let place = Place::closed();
    let console = "paas-boot: phase=kubeadm-init\npaas-boot: failed phase=kubeadm-init status=1\npaas-boot: | error execution phase preflight: no room\n";
    place
        .screens
        .0
        .lock()
        .unwrap()
        .insert("plane-a".into(), console.into());
    for on_broken in ["ReplaceNeverReady", "Replace", "Report"] {
        let mut spec = spec(json!({}));
        spec.on_broken = serde_json::from_value(json!(on_broken)).unwrap();
        let mut cx = place.context();
        cx.policy = spec.policy();
        let pipeline = Pipeline::new(vec![Box::new(DriverStage::new(place.driver(), spec))]);
        let outcome = pipeline.advance(&mut cx).await.unwrap();
        let said = words(&outcome);
        assert!(matches!(outcome, Outcome::Blocked { .. }), "{on_broken}: {said}");
        assert!(
            said.contains(ins::INS_BOOT.id) && said.contains("no room"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_machine_is_let_in_by_its_own_token_which_ends_when_it_has_joined() {
    let Some(place) = Place::open().await else { return };
    let spec = spec(json!({"pools": [{"name": "workers", "labels": {"tier": "data"}}]}));
    place.register("control-plane-1", "plane-a", true).await;
    let (outcome, cx) = place.pass(&spec).await.unwrap();
    assert!(cx.outputs.cluster.is_some(), "it answers: later stages may begin");
    let [secret] = &place.tokens().await[..] else {
        panic!("one machine, one token: {outcome:?}")
    };
    let known = token::stored(&*place.secrets, &owner(), "workers-1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        secret.metadata.name.as_deref(),
        Some(known.secret_name().as_str())
    );

    // Nobody is in yet; asked again, it is the same token.
    let (outcome, _) = place.pass(&spec).await.unwrap();
    assert!(words(&outcome).contains("has not joined yet"), "{outcome:?}");
    assert_eq!(place.tokens().await.len(), 1);

    // It lasts as long as it is needed: once it has ended it is made anew, and the machine's user-data are still right.
    place.clock.advance(Duration::from_secs(2 * 3600));
    place.pass(&spec).await.unwrap();
    let again = token::stored(&*place.secrets, &owner(), "workers-1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again.secret_name(), known.secret_name());
    let token = place.tokens().await.remove(0);
    let ends = token.data.unwrap()["expiration"].0.clone();
    let ends: jiff::Timestamp = String::from_utf8(ends).unwrap().parse().unwrap();
    assert!(ends > place.clock.now());

    place.register("workers-1", "worker-a", true).await;
    for _ in 0..3 {
        place.pass(&spec).await.unwrap();
    }
    assert!(
        place.tokens().await.is_empty(),
        "it is in: nobody else may join by this"
    );
    assert!(
        token::stored(&*place.secrets, &owner(), "workers-1")
            .await
            .unwrap()
            .is_none()
    );
    let labels = place.node("workers-1").await.unwrap().metadata.labels.unwrap();
    assert_eq!(labels.get("tier").map(String::as_str), Some("data"));
    let (outcome, _) = place.pass(&spec).await.unwrap();
    assert_eq!(outcome, Outcome::Converged);

    // A label that the pool does not have any more goes, and nothing else of the node's.
    let bare = self::spec(json!({"pools": [{"name": "workers"}]}));
    place.pass(&bare).await.unwrap();
    let labels = place
        .node("workers-1")
        .await
        .unwrap()
        .metadata
        .labels
        .unwrap_or_default();
    assert!(!labels.contains_key("tier"), "{labels:?}");
}

#[tokio::test]
async fn a_node_goes_emptied_and_its_machine_is_held_until_then() {
    let Some(mut place) = Place::open().await else {
        return;
    };
    place.hosts.push(host("workers-2", "workers", "worker-b"));
    for (name, machine) in [
        ("control-plane-1", "plane-a"),
        ("workers-1", "worker-a"),
        ("workers-2", "worker-b"),
    ] {
        place.register(name, machine, true).await;
    }
    let client = place.client().await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> =
        Api::namespaced(client.clone(), "default");
    while accounts.get_opt("default").await.unwrap().is_none() {
        paas_core::clock::SystemClock
            .sleep(Duration::from_millis(50))
            .await;
    }
    let pod = |name: &str, more: Value| {
        let mut pod = json!({"metadata": {"name": name, "labels": {"app": name}}, "spec": {"nodeName": "workers-2",
            "terminationGracePeriodSeconds": 0, "containers": [{"name": "x", "image": "x"}]}});
        pod["metadata"]["ownerReferences"] = more;
        serde_json::from_value::<Pod>(pod).unwrap()
    };
    pods.create(&PostParams::default(), &pod("shop", Value::Null))
        .await
        .unwrap();
    let running =
        json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    pods.patch_status("shop", &PatchParams::default(), &Patch::Merge(running))
        .await
        .unwrap();
    let two = spec(json!({"pools": [{"name": "workers", "replicas": 2}]}));
    let one = spec(json!({"pools": [{"name": "workers", "replicas": 1}]}));
    for _ in 0..2 {
        place.pass(&two).await.unwrap();
    }

    // A budget that lets nobody go: it is told, and the node stays.
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "shop", "namespace": "default"},
        "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "shop"}}}});
    let budgets: Api<k8s_openapi::api::policy::v1::PodDisruptionBudget> =
        Api::namespaced(client.clone(), "default");
    budgets
        .create(&PostParams::default(), &serde_json::from_value(budget).unwrap())
        .await
        .unwrap();
    let (outcome, cx) = place.pass(&one).await.unwrap();
    let said = words(&outcome);
    assert!(
        said.contains(ins::INS_DRAIN.id) && said.contains("default/shop"),
        "{said}"
    );
    assert!(
        cx.holds.iter().any(|h| h.key == key("server/workers-2")),
        "its machine is held"
    );
    assert_eq!(
        place.node("workers-2").await.unwrap().spec.unwrap().unschedulable,
        Some(true)
    );

    budgets
        .delete("shop", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    let (outcome, _) = place.pass(&one).await.unwrap();
    assert!(place.node("workers-2").await.is_none(), "{outcome:?}");
    assert!(
        pods.get_opt("shop").await.unwrap().is_none(),
        "it was asked to go"
    );
    let (outcome, cx) = place.pass(&one).await.unwrap();
    assert_eq!(outcome, Outcome::Converged);
    assert!(!cx.holds.iter().any(|h| h.key == key("server/workers-2")));
}

#[tokio::test]
async fn data_on_a_nodes_disk_go_with_consent_alone_and_a_machine_that_is_gone_is_not_emptied() {
    let Some(mut place) = Place::open().await else {
        return;
    };
    place.register("control-plane-1", "plane-a", true).await;
    place.register("workers-1", "worker-a", true).await;
    let volumes: Api<PersistentVolume> = Api::all(place.client().await);
    let volume = json!({"metadata": {"name": "pv"}, "spec": {
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/data"},
        "claimRef": {"namespace": "shop", "name": "db-1"}, "persistentVolumeReclaimPolicy": "Retain",
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": "kubernetes.io/hostname", "operator": "In", "values": ["workers-1"]}]}]}}}});
    volumes
        .create(&PostParams::default(), &serde_json::from_value(volume).unwrap())
        .await
        .unwrap();
    let spec = spec(json!({}));
    for _ in 0..2 {
        place.pass(&spec).await.unwrap();
    }
    // The infrastructure is about to replace the machine.
    place.hosts[1].going = true;
    let (outcome, _) = place.pass(&spec).await.unwrap();
    assert!(words(&outcome).contains("shop/db-1"), "{outcome:?}");
    assert!(place.node("workers-1").await.is_some());
    let mut cx = place.context();
    cx.consent = Consent::none().and("demo", &owner());
    let pipeline = Pipeline::new(vec![Box::new(DriverStage::new(place.driver(), spec.clone()))]);
    pipeline.advance(&mut cx).await.unwrap();
    assert!(place.node("workers-1").await.is_none(), "with consent it goes");

    // Another machine by the same name: the old one's node goes without a word, since nobody is there to be asked.
    place.register("workers-1", "worker-a", false).await;
    place.hosts[1] = host("workers-1", "workers", "worker-b");
    let told = token::ensure(
        &*place.secrets,
        &owner(),
        "workers-1",
        &paas_core::secrets::SystemRandom,
    )
    .await
    .unwrap();
    place.pass(&spec).await.unwrap();
    assert!(place.node("workers-1").await.is_none());
    place.pass(&spec).await.unwrap();
    let tokens: Vec<_> = place
        .tokens()
        .await
        .into_iter()
        .filter_map(|t| t.metadata.name)
        .collect();
    assert_eq!(
        tokens,
        [told.secret_name()],
        "the new machine may join by the token that it was told"
    );
}

#[tokio::test]
async fn what_a_cluster_holds_stops_its_end_until_a_person_agrees() {
    let Some(place) = Place::open().await else { return };
    place.register("control-plane-1", "plane-a", true).await;
    place.register("workers-1", "worker-a", true).await;
    let spec = spec(json!({}));
    for _ in 0..2 {
        place.pass(&spec).await.unwrap();
    }
    let end = |place: &Place| Pipeline::new(vec![Box::new(ClusterStage::new(place.driver(), spec.clone()))]);
    assert_eq!(
        end(&place).retire(&mut place.context()).await.unwrap(),
        Outcome::Converged,
        "it is empty"
    );
    let claim = json!({"metadata": {"name": "db-1"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let claims: Api<k8s_openapi::api::core::v1::PersistentVolumeClaim> =
        Api::namespaced(place.client().await, "default");
    claims
        .create(&PostParams::default(), &serde_json::from_value(claim).unwrap())
        .await
        .unwrap();
    let refused = end(&place).retire(&mut place.context()).await.unwrap();
    assert!(words(&refused).contains("default/db-1"), "{refused:?}");
    let plan = end(&place)
        .plan(&mut place.context(), Wanted::Nothing)
        .await
        .unwrap();
    assert_eq!(plan.stages[0].blocked.len(), 1);

    // A cluster that does not answer may hold anything.
    *place.door.0.lock().unwrap() = None;
    let unseen = end(&place).retire(&mut place.context()).await.unwrap();
    assert!(words(&unseen).contains(ins::INS_UNSEEN.id), "{unseen:?}");
    let mut cx = place.context();
    cx.policy.retention = Retention::Delete;
    cx.consent = Consent::none().and("demo", &owner());
    assert_eq!(end(&place).retire(&mut cx).await.unwrap(), Outcome::Converged);
    // Once its machines are gone, nothing is remembered of it.
    cx.outputs.hosts = None;
    end(&place).retire(&mut cx).await.unwrap();
    let scope = paas_core::ledger::Scope {
        owner: owner(),
        stage: ClusterDriver::STAGE.into(),
    };
    assert_eq!(place.ledger.load(&scope).await.unwrap(), Ledger::default());
}

#[tokio::test]
async fn a_cluster_that_answered_once_is_not_taken_for_one_that_comes_up() {
    let Some(place) = Place::open().await else { return };
    place.register("control-plane-1", "plane-a", true).await;
    let spec = spec(json!({}));
    place.pass(&spec).await.unwrap();
    *place.door.0.lock().unwrap() = None;
    let error = place.pass(&spec).await.unwrap_err();
    assert!(error.may_pass(), "{error}");
    let stranger = Error::new(&codes::CORE_PROVIDER, Class::Transient)
        .happened("invalid peer certificate: UnknownIssuer");
    *place.door.0.lock().unwrap() = Some(Err(stranger));
    let error = place.pass(&spec).await.unwrap_err();
    assert_eq!(error.code().id, ins::INS_STRANGER.id);
}

#[test]
fn another_machine_is_another_node_and_a_newer_version_is_refused() {
    let node = |machine: Option<&str>| {
        ClusterResource::Node(Node::of("workers", machine.map(str::to_owned), BTreeMap::new()))
    };
    assert_eq!(node(Some("a")).diff(&node(Some("a"))), Diff::Same);
    assert_eq!(node(None).diff(&node(Some("a"))), Diff::Same, "not known yet");
    assert!(matches!(node(Some("b")).diff(&node(Some("a"))), Diff::Replace(_)));
    let driver = Place::closed().driver();
    let wanted = |version: &str| {
        let spec = spec(json!({"version": version}));
        let all = driver.desired(&spec, &Outputs::default()).unwrap();
        all.wanted()[&key("control-plane")].clone()
    };
    assert!(
        matches!(wanted("1.37").diff(&wanted("1.36.1")), Diff::Refuse { code, .. } if code.id == ins::INS_UPGRADE.id)
    );
    assert_eq!(wanted("1.37").diff(&wanted("1.37.2")), Diff::Same);
    assert!(matches!(
        wanted("1.37.1").diff(&wanted("1.37.2")),
        Diff::Refuse { .. }
    ));
}

#[test]
fn a_node_is_wanted_for_each_machine_that_stays() {
    let place = Place::closed();
    let spec = spec(json!({"pools": [{"name": "workers", "replicas": 2}]}));
    let mut outputs = Outputs {
        hosts: Some(place.hosts.clone()),
        ..Outputs::default()
    };
    let keys = |driver: &ClusterDriver, outputs: &Outputs| {
        let all = driver.desired(&spec, outputs).unwrap();
        all.wanted().keys().map(ToString::to_string).collect::<Vec<_>>()
    };
    let all = [
        "control-plane",
        "node/control-plane-1",
        "node/workers-1",
        "node/workers-2",
    ];
    assert_eq!(keys(&place.driver(), &outputs), all);
    assert_eq!(
        keys(&place.driver(), &Outputs::default()),
        all,
        "the same before anything is known"
    );
    outputs.hosts.as_mut().unwrap()[1].going = true;
    assert!(!keys(&place.driver(), &outputs).contains(&"node/workers-1".to_owned()));
    let without = place.driver().without(["workers-2".to_owned()]);
    assert!(!keys(&without, &Outputs::default()).contains(&"node/workers-2".to_owned()));
}
