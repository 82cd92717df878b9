//! A real API server, engines that work in a cloud in memory, and operators that can be killed.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use kube::{
    Api, Client, Config,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::ApiResource,
};
use paas_core::{
    actuator::{Actuator, Ids, Reach},
    clock::{Clock, SystemClock},
    crd,
    error::Result,
    graph::{Desired, Observed},
    kube::{KubeLedger, ObjectKind, kind::CONFIG_MAP},
    ledger::Ledger,
    owner::Owner,
    resource::{Change, Key, Live},
    spec::{API_VERSION, DatabaseInstanceSpec, GROUP, Kind, Object, Runtime, VERSION},
    testing::{
        Fixed, Memory, Pace, Thing,
        kube::{self as harness, ControlPlane, Namespace},
    },
};
use paas_operator::{
    DatabaseFacts, Engine, Engines, FINALIZER, Operator, Settings, lease::Timings, metrics::Metrics,
    run::client,
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Long enough for a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A namespace of a cluster that has our definitions; `None` after saying why it cannot be had here.
pub(crate) async fn place(sentence: &str) -> Option<Place> {
    let cluster = harness::unless_absent(harness::control_plane().await).unwrap()?;
    cluster.define(&crd::all()).await.unwrap();
    Some(Place::of(&cluster, sentence).await)
}

/// Where a test works.
pub(crate) struct Place {
    pub(crate) namespace: Namespace,
    pub(crate) client: Client,
}

impl Place {
    pub(crate) async fn of(cluster: &ControlPlane, sentence: &str) -> Self {
        let namespace = cluster.namespace(sentence).await.unwrap();
        let client = namespace.client().await.unwrap();
        Self { namespace, client }
    }

    pub(crate) fn api(&self, kind: Kind) -> Api<DynamicObject> {
        let resource = ApiResource {
            group: GROUP.to_owned(),
            version: VERSION.to_owned(),
            api_version: API_VERSION.to_owned(),
            kind: kind.as_str().to_owned(),
            plural: kind.plural().to_owned(),
        };
        Api::default_namespaced_with(self.client.clone(), &resource)
    }

    pub(crate) async fn make(
        &self,
        kind: Kind,
        name: &str,
        annotations: Value,
        spec: Value,
    ) -> DynamicObject {
        let object = serde_json::from_value(json!({
            "apiVersion": API_VERSION, "kind": kind.as_str(),
            "metadata": { "name": name, "annotations": annotations }, "spec": spec,
        }));
        self.api(kind)
            .create(&PostParams::default(), &object.unwrap())
            .await
            .unwrap()
    }

    pub(crate) async fn database(&self, name: &str, spec: Value) -> DynamicObject {
        self.make(Kind::DatabaseInstance, name, json!({}), spec).await
    }

    pub(crate) async fn change(&self, name: &str, patch: Value) {
        let api = self.api(Kind::DatabaseInstance);
        api.patch(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap();
    }

    pub(crate) async fn delete(&self, name: &str) {
        self.api(Kind::DatabaseInstance)
            .delete(name, &Default::default())
            .await
            .unwrap();
    }

    /// Waits for an object to be as a test expects.
    pub(crate) async fn until(
        &self,
        kind: Kind,
        name: &str,
        what: &str,
        expected: impl Fn(&Value) -> bool,
    ) -> Value {
        let mut last = Value::Null;
        let began = SystemClock.elapsed();
        while SystemClock.elapsed() - began < DEADLINE {
            let object = self.api(kind).get_opt(name).await.unwrap();
            last = object.map_or(Value::Null, |o| serde_json::to_value(o).unwrap());
            if expected(&last) {
                return last;
            }
            SystemClock.sleep(Duration::from_millis(20)).await;
        }
        panic!("{kind} {name} is not {what}: {last:#}");
    }

    pub(crate) async fn until_ready(&self, name: &str) -> Value {
        self.until(Kind::DatabaseInstance, name, "ready", |o| {
            says(o, "Ready") == ["True", "Converged"]
                && o["status"]["observedGeneration"] == o["metadata"]["generation"]
        })
        .await
    }

    pub(crate) async fn until_gone(&self, name: &str) {
        self.until(Kind::DatabaseInstance, name, "gone", Value::is_null)
            .await;
    }

    /// Runs an operator under a name.
    pub(crate) async fn operate(&self, who: &str, world: &World) -> Running {
        self.operate_with(who, world, |_| {}).await
    }

    pub(crate) async fn operate_with(
        &self,
        who: &str,
        world: &World,
        wish: impl FnOnce(&mut Settings),
    ) -> Running {
        // RUST_LOG=info shows what the operators of a failing test say.
        let log = tracing_subscriber::fmt().with_test_writer();
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        let _ = log.with_env_filter(filter).try_init();
        let mut settings = Settings {
            namespaces: vec![self.namespace.name().to_owned()],
            ..Settings::default()
        };
        settings.lease.identity = who.to_owned();
        settings.lease.timings = Timings {
            duration: Duration::from_secs(5),
            renew_deadline: Duration::from_secs(4),
            retry: Duration::from_millis(250),
        };
        settings.bounds.poll = Duration::from_millis(100);
        settings.bounds.poll_max = Duration::from_millis(500);
        settings.pace.blocked = Duration::from_secs(2);
        wish(&mut settings);
        let file = Kubeconfig::read_from(self.namespace.cluster().kubeconfig()).unwrap();
        let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
            .await
            .unwrap();
        config.default_namespace = self.namespace.name().to_owned();
        let metrics = Arc::new(Metrics::default());
        let client = client(config, Arc::clone(&metrics), Arc::new(SystemClock)).unwrap();
        let engines = InMemory {
            who: who.to_owned(),
            world: world.clone(),
            client: self.client.clone(),
        };
        let stop = CancellationToken::new();
        let kept = self.client.clone();
        let operator = Operator::new(client, Arc::new(engines), settings)
            .ledgers(move |namespace| Arc::new(KubeLedger::new(kept.clone(), namespace)))
            .metrics(Arc::clone(&metrics));
        let task = tokio::spawn(operator.run(stop.clone()));
        Running { stop, task, metrics }
    }
}

/// Status and reason of a condition.
pub(crate) fn says(object: &Value, type_: &str) -> [String; 2] {
    let conditions = object["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let found = conditions
        .iter()
        .find(|c| c["type"] == type_)
        .cloned()
        .unwrap_or_default();
    ["status", "reason"].map(|field| found[field].as_str().unwrap_or_default().to_owned())
}

/// An operator under way.
pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<()>>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Running {
    /// Ends it as SIGTERM does.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(DEADLINE, self.task)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }

    /// Ends it as a crash does: nothing is finished, nothing let go.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// The value of a metric, by the beginning of its line.
    pub(crate) fn metric(&self, line: &str) -> f64 {
        let text = self.metrics.text();
        let found = text.lines().filter(|l| l.starts_with(line));
        found
            .map(|l| l.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    }

    /// Calls that write anything but the lease.
    pub(crate) fn writes(&self) -> f64 {
        ["PATCH", "POST", "DELETE"]
            .iter()
            .map(|m| self.metric(&format!("rest_client_requests_total{{method=\"{m}\"")))
            .sum()
    }
}

/// The outside that all operators of a test share.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) memory: Memory,
    pub(crate) effects: Arc<Mutex<Vec<Effect>>>,
    /// The uid of the owner that a pipeline was last asked for.
    pub(crate) owner: Arc<Mutex<String>>,
    /// How often a pipeline was asked for.
    pub(crate) asked: Arc<AtomicUsize>,
}

/// A call that changed something.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Effect {
    pub(crate) who: String,
    pub(crate) verb: &'static str,
    pub(crate) owner: String,
    pub(crate) key: String,
    /// Whether the object had the finalizer then.
    pub(crate) held: bool,
}

impl World {
    /// A world where everything takes so long.
    pub(crate) fn taking(time: Duration) -> Self {
        let memory = Memory::new(Arc::new(SystemClock))
            .settling(Pace::time(time))
            .leaving(Pace::time(time));
        Self {
            memory,
            effects: Arc::default(),
            owner: Arc::default(),
            asked: Arc::default(),
        }
    }

    pub(crate) fn effects(&self) -> Vec<Effect> {
        self.effects.lock().unwrap().clone()
    }

    /// `verb owner key` of all effects, in their order.
    pub(crate) fn told(&self) -> Vec<String> {
        self.effects()
            .iter()
            .map(|e| format!("{} {} {}", e.verb, e.owner, e.key))
            .collect()
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The kinds of the things that there are.
    pub(crate) fn things(&self) -> usize {
        self.memory.everything().len()
    }
}

/// A kind that the cluster does not have.
static LACKING: ObjectKind = ObjectKind::core("Absent", "absents", "absent")
    .of("absent.paas.rs", "v1")
    .or_absent();

/// Engines that make a volume that holds data, and a server on it, in memory.
#[derive(Clone)]
struct InMemory {
    who: String,
    world: World,
    client: Client,
}

impl std::fmt::Debug for InMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InMemory")
    }
}

#[async_trait]
impl Engines for InMemory {
    fn kinds(&self) -> Vec<&'static ObjectKind> {
        vec![&CONFIG_MAP, &LACKING]
    }

    async fn database(
        &self,
        object: &Object<DatabaseInstanceSpec>,
        owner: &Owner,
        _chosen: Option<Runtime>,
    ) -> Result<Engine<DatabaseFacts>> {
        self.world.asked.fetch_add(1, Ordering::SeqCst);
        *self.world.owner.lock().unwrap() = owner.uid().to_string();
        let (data, server) = (Key::new("data")?, Key::new("server")?);
        let size = u32::from(object.spec.replicas);
        let desired = Desired::builder()
            .want(data.clone(), Thing::new("volume").precious())
            .want(server, Thing::new("server").on(&data).size(size))
            .build()?;
        let hands = Hands {
            engine: self.clone(),
            namespace: object.metadata.namespace.clone(),
        };
        let engine = Engine::new(Fixed::pipeline(Arc::new(hands), desired));
        Ok(engine.telling(|_| DatabaseFacts {
            runtime: Some(Runtime::StatefulSet),
            ..DatabaseFacts::default()
        }))
    }
}

/// The cloud in memory, with every effect written down.
#[derive(Debug)]
struct Hands {
    engine: InMemory,
    namespace: String,
}

impl Hands {
    async fn note(&self, verb: &'static str, owner: &Owner, key: &Key) {
        let resource = ApiResource {
            group: GROUP.to_owned(),
            version: VERSION.to_owned(),
            api_version: API_VERSION.to_owned(),
            kind: owner.kind().to_owned(),
            plural: Kind::DatabaseInstance.plural().to_owned(),
        };
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.engine.client.clone(), &self.namespace, &resource);
        let object = api.get(owner.name()).await.unwrap();
        let held = object
            .metadata
            .finalizers
            .unwrap_or_default()
            .contains(&FINALIZER.to_owned());
        self.engine.world.effects.lock().unwrap().push(Effect {
            who: self.engine.who.clone(),
            verb,
            owner: owner.name().to_owned(),
            key: key.to_string(),
            held,
        });
    }
}

#[async_trait]
impl Actuator<Thing> for Hands {
    async fn observe(&self, owner: &Owner, hints: &Ledger, reach: Reach) -> Result<Observed<Thing>> {
        self.engine.world.memory.observe(owner, hints, reach).await
    }

    async fn create(&self, owner: &Owner, key: &Key, want: &Thing, ids: &Ids) -> Result<Live<Thing>> {
        self.note("create", owner, key).await;
        self.engine.world.memory.create(owner, key, want, ids).await
    }

    async fn update(
        &self,
        owner: &Owner,
        key: &Key,
        live: &Live<Thing>,
        want: &Thing,
        changes: &[Change],
        ids: &Ids,
    ) -> Result<()> {
        self.note("update", owner, key).await;
        self.engine
            .world
            .memory
            .update(owner, key, live, want, changes, ids)
            .await
    }

    async fn delete(&self, owner: &Owner, key: &Key, live: &Live<Thing>) -> Result<()> {
        self.note("delete", owner, key).await;
        self.engine.world.memory.delete(owner, key, live).await
    }
}
