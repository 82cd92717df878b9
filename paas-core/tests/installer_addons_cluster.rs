//! Addons on a real API server: a node that the test stands in for runs their pods.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod addons_parts;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use addons_parts::{CREDENTIAL, RELEASE, driver, everything, outputs, owner, spec, store};
use async_trait::async_trait;
use http::Request;
use k8s_openapi::{
    api::{
        admissionregistration::v1::ValidatingWebhookConfiguration,
        apps::v1::Deployment,
        core::v1::{Namespace, Node, Pod, Secret},
        storage::v1::StorageClass,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use paas_core::{
    clock::{Clock, SystemClock},
    driver::Driver,
    installer::{
        addons::{AddonsDriver, cloudnative_pg, documents, kinds},
        codes::{INS_IMAGE, INS_POD},
    },
    kube::{access, codes::K8S_TAKEN},
    ledger::MemoryLedger,
    pipeline::{Context, DriverStage, Outcome, Pipeline, Wanted},
    policy::{Consent, Policy, Retention},
    secrets::{FileSecrets, SecretStore, SecretString},
    spec::PlatformSpec,
    testing::{
        faults::{Fault, Injector, Plan, Table, Verb},
        kube::{ControlPlane, Options, unless_absent},
        tools,
    },
};
use serde_json::{Value, json};
use tokio::{sync::MutexGuard, task::JoinHandle};

/// What is made lies in the whole cluster: one test at a time, on a control plane of this process alone.
static CLUSTER: tokio::sync::Mutex<Option<ControlPlane>> = tokio::sync::Mutex::const_new(None);

/// Passes after which nothing is expected any more.
const ENOUGH: usize = 400;

/// Between two passes, for the cluster's controllers.
const PAUSE: Duration = Duration::from_millis(50);

/// A clock that is ahead, so that nothing is young.
#[derive(Debug, Default)]
struct Ahead(Duration);

#[async_trait]
impl Clock for Ahead {
    fn now(&self) -> jiff::Timestamp {
        SystemClock.now().saturating_add(self.0).unwrap()
    }
    fn elapsed(&self) -> Duration {
        SystemClock.elapsed()
    }
    async fn sleep(&self, time: Duration) {
        SystemClock.sleep(time).await;
    }
}

/// What pods of an app say instead of getting ready, by the label `app`.
type Sick = Arc<Mutex<BTreeMap<String, Value>>>;

/// A cluster with nothing of ours in it, and a node.
struct World {
    client: Client,
    injector: Injector,
    ledger: Arc<MemoryLedger>,
    secrets: Arc<FileSecrets>,
    folder: tempfile::TempDir,
    sick: Sick,
    node: JoinHandle<()>,
    ahead: Duration,
    _alone: MutexGuard<'static, Option<ControlPlane>>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.node.abort();
    }
}

impl World {
    async fn new() -> Option<Self> {
        let mut alone = CLUSTER.lock().await;
        if alone.is_none() {
            let made = ControlPlane::start_own(Options::default()).await;
            *alone = unless_absent(made).unwrap();
        }
        let kubeconfig: SecretString = std::fs::read_to_string(alone.as_ref()?.kubeconfig())
            .unwrap()
            .into();
        let client = access::from_kubeconfig(&kubeconfig, None).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let secrets = Arc::new(FileSecrets::new(folder.path().join("secrets")));
        store(&*secrets).await;
        let sick = Sick::default();
        let node = tokio::spawn(run_node(client.clone(), sick.clone()));
        let world = Self {
            client,
            injector: Injector::new(),
            ledger: Arc::default(),
            secrets,
            folder,
            sick,
            node,
            ahead: Duration::ZERO,
            _alone: alone,
        };
        world.clear().await;
        Some(world)
    }

    fn driver(&self) -> AddonsDriver {
        let secrets: Arc<dyn SecretStore> = self.secrets.clone();
        driver(
            Some(self.injector.client(self.client.clone())),
            secrets,
            Arc::new(Ahead(self.ahead)),
        )
    }

    fn pipeline(&self, spec: &PlatformSpec) -> Pipeline {
        Pipeline::new(vec![Box::new(DriverStage::new(self.driver(), spec.clone()))])
    }

    fn context(&self) -> Context {
        let mut cx = Context::new(
            owner(),
            Policy::default(),
            tools(self.ledger.clone(), Arc::new(SystemClock)),
        );
        cx.outputs = outputs();
        cx
    }

    /// Passes until something is settled.
    async fn until(&self, pipeline: &Pipeline, cx: &mut Context, wanted: Wanted) -> Outcome {
        let mut last = None;
        for _ in 0..ENOUGH {
            let outcome = match wanted {
                Wanted::Spec => pipeline.advance(cx).await,
                Wanted::Nothing => pipeline.retire(cx).await,
            };
            match outcome {
                Ok(Outcome::Progressing { waiting, failed, .. }) => {
                    last = Some(format!("{waiting:?} {failed:?}"))
                }
                Ok(done) => return done,
                Err(error) if error.may_pass() => last = Some(error.to_string()),
                Err(error) => panic!("{error}"),
            }
            SystemClock.sleep(PAUSE).await;
        }
        panic!("nothing is settled: {last:?}")
    }

    async fn up(&self, spec: &PlatformSpec) {
        let outcome = self
            .until(&self.pipeline(spec), &mut self.context(), Wanted::Spec)
            .await;
        assert_eq!(outcome, Outcome::Converged);
    }

    /// Takes everything away, data too.
    async fn clear(&self) {
        self.sick.lock().unwrap().clear();
        let mut cx = self.context();
        cx.policy.retention = Retention::Delete;
        cx.consent = Consent::none().and(owner().name(), &owner());
        let pipeline = Pipeline::new(vec![Box::new(DriverStage::new(self.driver(), everything()))]);
        assert_eq!(
            self.until(&pipeline, &mut cx, Wanted::Nothing).await,
            Outcome::Converged
        );
    }

    /// The calls of one pass: how many lists, of what, and what else.
    async fn idle(&self, spec: &PlatformSpec) -> (Vec<String>, Vec<String>) {
        let pipeline = self.pipeline(spec);
        self.injector.arm(Plan::none());
        assert_eq!(
            pipeline.advance(&mut self.context()).await.unwrap(),
            Outcome::Converged
        );
        let calls = self.injector.calls();
        let lists = calls
            .iter()
            .filter(|c| c.verb == Verb::List)
            .map(|c| c.resource.clone());
        let others = calls
            .iter()
            .filter(|c| c.verb != Verb::List)
            .map(ToString::to_string);
        (lists.collect(), others.collect())
    }

    fn all<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::ClusterResourceScope>,
        K::DynamicType: Default,
    {
        Api::all(self.client.clone())
    }
}

/// Stands in for a node and the scheduler: binds every pod, has it run, and lets it go.
async fn run_node(client: Client, sick: Sick) {
    let nodes: Api<Node> = Api::all(client.clone());
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "one", "labels": {"kubernetes.io/os": "linux", "node-role.kubernetes.io/control-plane": ""}},
    });
    let by = PatchParams::apply("test").force();
    loop {
        let _ = nodes.patch("one", &by, &Patch::Apply(&node)).await;
        let ready = json!({"apiVersion": "v1", "kind": "Node", "status": {
            "capacity": {"pods": "110"}, "allocatable": {"pods": "110"},
            "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": SystemClock.now().to_string()}],
        }});
        let _ = nodes.patch_status("one", &by, &Patch::Apply(&ready)).await;
        for _ in 0..40 {
            let _ = run_pods(&client, &sick).await;
            SystemClock.sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn run_pods(client: &Client, sick: &Sick) -> kube::Result<()> {
    for pod in Api::<Pod>::all(client.clone())
        .list(&ListParams::default())
        .await?
    {
        let (name, namespace) = (pod.name_any(), pod.namespace().unwrap_or_default());
        let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        if pod.metadata.deletion_timestamp.is_some() {
            pods.delete(&name, &DeleteParams::default().grace_period(0))
                .await?;
            continue;
        }
        if pod.spec.as_ref().is_some_and(|s| s.node_name.is_none()) {
            let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": {"kind": "Node", "name": "one"}});
            let request = Request::post(format!("/api/v1/namespaces/{namespace}/pods/{name}/binding"))
                .header("content-type", "application/json")
                .body(binding.to_string().into_bytes());
            client.request::<Value>(request.unwrap()).await?;
        }
        let app = pod.labels().get("app").cloned().unwrap_or_default();
        let status = sick.lock().unwrap().get(&app).cloned().unwrap_or_else(|| {
            json!({"phase": "Running", "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
                {"type": "ContainersReady", "status": "True"},
            ]})
        });
        let now = json!(pod.status);
        let same = status
            .as_object()
            .unwrap()
            .keys()
            .all(|k| k == "conditions" || now[k] == status[k]);
        let is_ready = |s: &Value| {
            let all = s["conditions"].as_array().into_iter().flatten();
            all.into_iter()
                .any(|c| c["type"] == "Ready" && c["status"] == "True")
        };
        if !same || is_ready(&now) != is_ready(&status) {
            pods.patch_status(
                &name,
                &PatchParams::default(),
                &Patch::Merge(json!({"status": status})),
            )
            .await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn everything_is_accepted_and_an_idle_pass_is_one_list_a_kind_and_no_write() {
    let Some(world) = World::new().await else { return };
    world.up(&everything()).await;
    let (mut lists, others) = world.idle(&everything()).await;
    lists.sort();
    let mut kinds: Vec<&str> = kinds::ALL.iter().map(|k| k.plural).collect();
    kinds.sort_unstable();
    assert_eq!(lists, kinds);
    assert_eq!(others, Vec::<String>::new());

    // Every object once more, by the letter of its schema.
    for (key, object) in world.driver().objects(&everything(), &outputs()).unwrap() {
        let kind = object.object_kind();
        let mut body = object.manifest().clone();
        body["apiVersion"] = kind.api_version().into();
        body["kind"] = kind.kind.into();
        if !body["metadata"].is_object() {
            body["metadata"] = json!({});
        }
        body["metadata"]["name"] = object.name().into();
        let mut at = match kind.group {
            "" => "/api/v1".to_owned(),
            group => format!("/apis/{group}/{}", kind.version),
        };
        if kind.namespaced {
            at += &format!("/namespaces/{}", object.namespace());
        }
        let uri = format!(
            "{at}/{}/{}?fieldManager=judge&force=true&dryRun=All&fieldValidation=Strict",
            kind.plural,
            object.name()
        );
        let request = Request::patch(uri).header("content-type", "application/apply-patch+yaml");
        let answer = world
            .client
            .request::<Value>(request.body(body.to_string().into_bytes()).unwrap())
            .await;
        answer.unwrap_or_else(|e| panic!("{key}: {e}"));
    }

    let secret: Secret = Api::namespaced(world.client.clone(), "kube-system")
        .get("cloud-config")
        .await
        .unwrap();
    let conf = String::from_utf8(secret.data.unwrap()["cloud.conf"].0.clone()).unwrap();
    for (_, value) in CREDENTIAL {
        assert!(conf.contains(&format!("=\"{value}\"")), "{conf}");
    }
    let kept = format!("{:?}", world.ledger);
    assert!(!kept.contains(CREDENTIAL[1].1));
    assert!(world.folder.path().exists());
}

#[tokio::test]
async fn an_addon_comes_and_goes_and_definitions_stay_until_a_person_consents() {
    let Some(world) = World::new().await else { return };
    let few =
        spec(json!({"cloudController": false, "csi": false, "cloudNativePg": false, "operator": false}));
    world.up(&few).await;
    let class = |name: &'static str| {
        let classes = world.all::<StorageClass>();
        async move {
            let class = classes.get_opt(name).await.unwrap()?;
            Some(class.annotations()["storageclass.kubernetes.io/is-default-class"].clone())
        }
    };
    assert_eq!(class("local-path").await.as_deref(), Some("true"));

    let more = spec(json!({"localStorage": true, "operator": false}));
    world.up(&more).await;
    assert_eq!(
        class("local-path").await.as_deref(),
        Some("false"),
        "the cloud's is the default now"
    );
    assert_eq!(class("cinder").await.as_deref(), Some("true"));

    world.up(&few).await;
    assert_eq!(class("cinder").await, None);
    assert_eq!(class("local-path").await.as_deref(), Some("true"));
    let definitions = world.all::<CustomResourceDefinition>();
    assert!(
        definitions
            .get_opt("imagecatalogs.postgresql.cnpg.io")
            .await
            .unwrap()
            .is_some(),
        "it holds data"
    );
    let gone = world.all::<Namespace>().get_opt("cnpg-system").await.unwrap();
    assert!(gone.is_none_or(|n| n.metadata.deletion_timestamp.is_some()));
    let deployments: Api<Deployment> = Api::all(world.client.clone());
    let names: Vec<String> = deployments
        .list(&ListParams::default())
        .await
        .unwrap()
        .iter()
        .map(ResourceExt::name_any)
        .collect();
    assert_eq!(names, ["local-path-provisioner"]);

    world.clear().await;
    assert!(
        definitions
            .get_opt("imagecatalogs.postgresql.cnpg.io")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn what_the_operator_writes_into_its_webhook_is_left_to_it() {
    let Some(world) = World::new().await else { return };
    let spec = spec(
        json!({"cni": false, "cloudController": false, "csi": false, "localStorage": false, "operator": false}),
    );
    world.up(&spec).await;
    let webhooks = world.all::<ValidatingWebhookConfiguration>();
    let mut webhook = webhooks
        .get("cnpg-validating-webhook-configuration")
        .await
        .unwrap();
    for hook in webhook.webhooks.iter_mut().flatten() {
        hook.client_config.ca_bundle = Some(k8s_openapi::ByteString(CERTIFICATE.into()));
    }
    let by = PostParams {
        field_manager: Some("manager".to_owned()),
        ..PostParams::default()
    };
    webhooks
        .replace("cnpg-validating-webhook-configuration", &by, &webhook)
        .await
        .unwrap();
    let (_, others) = world.idle(&spec).await;
    assert_eq!(others, Vec::<String>::new());

    // Also where the manifest itself changes.
    let registry = json!({"cni": false, "cloudController": false, "csi": false, "localStorage": false, "operator": false,
        "imageRegistry": "registry.example"});
    world.up(&addons_parts::spec(registry)).await;
    let webhook = webhooks
        .get("cnpg-validating-webhook-configuration")
        .await
        .unwrap();
    let hook = &webhook.webhooks.unwrap()[0];
    assert!(hook.client_config.ca_bundle.is_some());
}

#[tokio::test]
async fn what_is_there_already_and_not_ours_is_named_and_left_alone() {
    let Some(world) = World::new().await else { return };
    let theirs = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "local-path"}, "provisioner": "somebody.else/local"});
    let classes = world.all::<StorageClass>();
    classes
        .create(&PostParams::default(), &serde_json::from_value(theirs).unwrap())
        .await
        .unwrap();
    let spec = spec(
        json!({"cni": false, "cloudController": false, "csi": false, "cloudNativePg": false, "operator": false}),
    );
    let outcome = world
        .until(&world.pipeline(&spec), &mut world.context(), Wanted::Spec)
        .await;
    let Outcome::Blocked { because, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        because
            .iter()
            .any(|b| b.code == K8S_TAKEN.id || b.why.contains("is there already and bears no mark of ours")),
        "{because:?}"
    );
    assert_eq!(
        classes.get("local-path").await.unwrap().provisioner,
        "somebody.else/local"
    );
    classes
        .delete("local-path", &DeleteParams::default())
        .await
        .unwrap();
    world.up(&spec).await;
}

#[tokio::test]
async fn a_pod_that_does_not_start_says_why() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let few =
        spec(json!({"cloudController": false, "csi": false, "cloudNativePg": false, "operator": false}));
    let waiting = |reason: &str, times: u32| {
        json!({"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}], "containerStatuses": [{
            "name": "main", "image": "registry.example/lost:1", "imageID": "", "ready": false, "restartCount": times,
            "state": {"waiting": {"reason": reason, "message": "manifest unknown"}},
            "lastState": {"terminated": {"exitCode": 3, "reason": "Error", "message": "no route to host"}},
        }]})
    };
    let pull = waiting("ImagePullBackOff", 0);
    world
        .sick
        .lock()
        .unwrap()
        .insert("local-path-provisioner".to_owned(), pull);

    // At first it is a wait, with nobody asked, then with the pod's words.
    let mut cx = world.context();
    let mut words = Vec::new();
    for ahead in [0, 30] {
        world.ahead = Duration::from_secs(ahead);
        let pipeline = world.pipeline(&few);
        for _ in 0..40 {
            let outcome = pipeline.advance(&mut cx).await.unwrap();
            let Outcome::Progressing { waiting, .. } = outcome else {
                panic!("{outcome:?}")
            };
            let of = waiting
                .into_iter()
                .find(|w| w.key.as_str() == "localStorage/deployment/local-path-provisioner");
            let why = of.map(|w| w.why).unwrap_or_default();
            let done = why.contains(if ahead == 0 {
                "0 of 1 pods are available"
            } else {
                "manifest unknown"
            });
            words.push(why);
            if done {
                break;
            }
            SystemClock.sleep(PAUSE).await;
        }
    }
    let last = words.last().unwrap();
    assert!(
        last.contains("ImagePullBackOff: manifest unknown") && last.contains("registry.example/lost:1"),
        "{words:?}"
    );

    let blocked = async |world: &World| {
        let outcome = world
            .until(&world.pipeline(&few), &mut world.context(), Wanted::Spec)
            .await;
        let Outcome::Blocked { because, .. } = outcome else {
            panic!("{outcome:?}")
        };
        because[0].clone()
    };
    world.ahead = Duration::from_secs(300);
    let because = blocked(&world).await;
    assert_eq!(because.code, INS_IMAGE.id, "{because:?}");

    let again = waiting("CrashLoopBackOff", 7);
    world
        .sick
        .lock()
        .unwrap()
        .insert("local-path-provisioner".to_owned(), again);
    let because = loop {
        let because = blocked(&world).await;
        if because.code != INS_IMAGE.id {
            break because;
        }
        SystemClock.sleep(PAUSE).await;
    };
    assert_eq!(because.code, INS_POD.id, "{because:?}");
    assert!(because.why.contains("no route to host"), "{because:?}");
    world.sick.lock().unwrap().clear();
    let deadline = SystemClock.elapsed() + Duration::from_secs(60);
    while world
        .until(&world.pipeline(&few), &mut world.context(), Wanted::Spec)
        .await
        != Outcome::Converged
    {
        assert!(SystemClock.elapsed() < deadline);
    }
}

#[tokio::test]
async fn a_run_that_ends_after_any_write_is_gone_on_with() {
    let Some(world) = World::new().await else { return };
    let few =
        spec(json!({"cloudController": false, "csi": false, "cloudNativePg": false, "operator": false}));
    world.injector.arm(Plan::none());
    world.up(&few).await;
    let writes = world.injector.writes().len();
    assert!(writes >= 14, "{writes}");
    let clean = names(&world).await;
    let mut table = Table::default();
    let faults = [Fault::DiesAfter, Fault::LostReply, Fault::DiesBefore];
    for (n, at) in (0..writes).step_by(3).enumerate() {
        let fault = faults[n % faults.len()];
        world.clear().await;
        world.injector.arm(Plan::nth(at, fault));
        let pipeline = world.pipeline(&few);
        let mut cx = world.context();
        tokio::select! {
            outcome = world.until(&pipeline, &mut cx, Wanted::Spec) => assert_eq!(outcome, Outcome::Converged),
            () = world.injector.died() => {}
        }
        let struck = !world.injector.hits().is_empty();
        world.injector.arm(Plan::none());
        world.up(&few).await;
        let (_, others) = world.idle(&few).await;
        let good = names(&world).await == clean && others.is_empty() && struck;
        let outcome = if good {
            Ok(())
        } else {
            Err(format!("struck {struck}, {others:?}"))
        };
        table.point("addons", fault, &format!("write {at}"), outcome);
    }
    println!("{table}");
    assert!(table.is_good(), "{:?}", table.failures());
}

/// Everything of ours that there is.
async fn names(world: &World) -> Vec<String> {
    let hands = world.driver().actuator(&outputs()).await.unwrap().unwrap();
    let seen = hands
        .observe(
            &owner(),
            &paas_core::ledger::Ledger::default(),
            paas_core::actuator::Reach::Own,
        )
        .await
        .unwrap();
    assert!(seen.duplicates.is_empty() && seen.unreadable.is_empty());
    seen.live.keys().map(ToString::to_string).collect()
}

/// The release itself, where `PAAS_TEST_CNPG` names the file: `.ci/addons-judges` does.
#[tokio::test]
async fn the_release_of_cloudnative_pg_is_accepted_and_then_left_alone() {
    let Some(file) = std::env::var_os("PAAS_TEST_CNPG") else {
        println!("did not run: PAAS_TEST_CNPG names no manifest");
        return;
    };
    let Some(world) = World::new().await else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(file, folder.path().join("cnpg-1.30.0.yaml")).unwrap();
    let release = cloudnative_pg::fetch(&paas_core::installer::addons::Directory::new(folder.path())).await;
    let spec = spec(
        json!({"cni": false, "cloudController": false, "csi": false, "localStorage": false, "operator": false}),
    );
    let pipeline = || {
        let driver = world.driver().cloudnative_pg(release.clone());
        Pipeline::new(vec![Box::new(DriverStage::new(driver, spec.clone()))])
    };
    let outcome = world.until(&pipeline(), &mut world.context(), Wanted::Spec).await;
    assert_eq!(outcome, Outcome::Converged);
    world.injector.arm(Plan::none());
    assert_eq!(
        pipeline().advance(&mut world.context()).await.unwrap(),
        Outcome::Converged
    );
    assert_eq!(world.injector.writes(), Vec::new());
    assert!(release.unwrap().len() > documents::read(RELEASE).unwrap().len());
}

/// A certificate that nobody uses: API servers look whether it can be read.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIBdTCCARugAwIBAgIUT89FdDLNlEGgDaQB+7WHGRfeZrMwCgYIKoZIzj0EAwIw\nDzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjMyMzU0MTlaGA8yMTI2MTAzMDIzNTQx\nOVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNtL\nOLRh+mDiyCo1ygVCTJg+MvkWsX7qxHpO40fH3afSmxUUYD817OW5cWY4xTk/ZPsv\nWsUJWQ1b6VYVa/pTyv6jUzBRMB0GA1UdDgQWBBSiN38wr4Zt3FqNVNLpvpLxqiOB\nQzAfBgNVHSMEGDAWgBSiN38wr4Zt3FqNVNLpvpLxqiOBQzAPBgNVHRMBAf8EBTAD\nAQH/MAoGCCqGSM49BAMCA0gAMEUCIQCFCZcFele+Y95rs70WOYOhZ/3VJy7a3aEJ\nUrPYadfeMgIgHIZ8qHODibyqNlRO6OgYKMmgrLKOgzdJSMhy/2TD1DE=\n-----END CERTIFICATE-----\n";
