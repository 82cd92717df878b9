//! A real API server, engines that work in a cloud in memory, and operators that can be killed.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a module of several tests, each of which uses a part"
)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::StreamExt;
use http::{Request, header::ACCEPT};
use http_body_util::{BodyStream, StreamBody};
use k8s_openapi::api::{coordination::v1::Lease, events::v1::Event};
use kube::{
    Api, Client, Config,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    client::Body,
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
        faults::Injector,
        kube::{self as harness, ControlPlane, Namespace},
    },
};
use paas_operator::{
    DatabaseFacts, Engine, Engines, FINALIZER, Operator, Settings, lease::Timings, metrics::Metrics, run,
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Long enough for a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A namespace of a cluster that has our definitions; `None` after saying why it cannot be had here.
pub async fn place(sentence: &str) -> Option<Place> {
    let cluster = harness::unless_absent(harness::control_plane().await).unwrap()?;
    cluster.define(&crd::all()).await.unwrap();
    Some(Place::of(&cluster, sentence).await)
}

/// Where a test works.
pub struct Place {
    pub namespace: Namespace,
    pub client: Client,
}

impl Place {
    pub async fn of(cluster: &ControlPlane, sentence: &str) -> Self {
        let namespace = cluster.namespace(sentence).await.unwrap();
        let client = namespace.client().await.unwrap();
        Self { namespace, client }
    }

    pub fn api(&self, kind: Kind) -> Api<DynamicObject> {
        let resource = ApiResource {
            group: GROUP.to_owned(),
            version: VERSION.to_owned(),
            api_version: API_VERSION.to_owned(),
            kind: kind.as_str().to_owned(),
            plural: kind.plural().to_owned(),
        };
        Api::default_namespaced_with(self.client.clone(), &resource)
    }

    pub async fn make(&self, kind: Kind, name: &str, annotations: Value, spec: Value) -> DynamicObject {
        let object = serde_json::from_value(json!({
            "apiVersion": API_VERSION, "kind": kind.as_str(),
            "metadata": { "name": name, "annotations": annotations }, "spec": spec,
        }));
        self.api(kind)
            .create(&PostParams::default(), &object.unwrap())
            .await
            .unwrap()
    }

    pub async fn database(&self, name: &str, spec: Value) -> DynamicObject {
        self.make(Kind::DatabaseInstance, name, json!({}), spec).await
    }

    pub async fn change(&self, name: &str, patch: Value) {
        let api = self.api(Kind::DatabaseInstance);
        api.patch(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap();
    }

    pub async fn delete(&self, name: &str) {
        self.api(Kind::DatabaseInstance)
            .delete(name, &Default::default())
            .await
            .unwrap();
    }

    /// Waits for an object to be as a test expects.
    pub async fn until(
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

    pub async fn until_ready(&self, name: &str) -> Value {
        self.until(Kind::DatabaseInstance, name, "ready", |o| {
            says(o, "Ready") == ["True", "Converged"]
                && o["status"]["observedGeneration"] == o["metadata"]["generation"]
        })
        .await
    }

    pub async fn until_gone(&self, name: &str) {
        self.until(Kind::DatabaseInstance, name, "gone", Value::is_null)
            .await;
    }

    /// Runs an operator under a name.
    pub async fn operate(&self, who: &str, world: &World) -> Running {
        self.operate_with(who, world, |_| {}).await
    }

    pub async fn operate_with(&self, who: &str, world: &World, wish: impl FnOnce(&mut Settings)) -> Running {
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
        if settings.cluster.is_some() {
            // Such an operator has the rights of its account and no others.
            let namespace = self.namespace.name();
            config.auth_info.impersonate = Some(format!("system:serviceaccount:{namespace}:paas-operator"));
        }
        let metrics = Arc::new(Metrics::default());
        let calls = Calls::default();
        let client = run::client(config, Arc::clone(&metrics), Arc::new(SystemClock)).unwrap();
        let client = world
            .injector
            .client(listening(client, calls.clone(), world.news_takes));
        let engines = InMemory {
            who: who.to_owned(),
            world: world.clone(),
            client: self.client.clone(),
        };
        let stop = CancellationToken::new();
        let kept = client.clone();
        let operator = Operator::new(client, Arc::new(engines), settings)
            .ledgers(move |namespace| Arc::new(KubeLedger::new(kept.clone(), namespace)))
            .clock(Arc::clone(&world.clock))
            .metrics(Arc::clone(&metrics));
        let task = tokio::spawn(operator.run(stop.clone()));
        Running {
            stop,
            task,
            metrics,
            calls,
        }
    }

    /// All events of the namespace: `reason action ×count: note`.
    pub async fn events(&self) -> Vec<String> {
        let api: Api<Event> = Api::default_namespaced(self.client.clone());
        let told = |e: Event| {
            let count = e.series.map_or(1, |s| s.count);
            let [reason, action, note] = [e.reason, e.action, e.note].map(Option::unwrap_or_default);
            format!("{reason} {action} ×{count}: {note}")
        };
        let all = api.list(&Default::default()).await.unwrap();
        all.into_iter().map(told).collect()
    }
}

/// A call of an operator to the API server.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub accept: String,
}

impl Call {
    /// True if it writes anything but the lease.
    pub fn writes(&self) -> bool {
        self.method != "GET" && !self.path.contains("/leases/")
    }
}

/// All calls of an operator.
pub type Calls = Arc<Mutex<Vec<Call>>>;

/// The same client with its calls written down; what a watch of our objects tells comes so much later.
pub fn listening(client: Client, calls: Calls, news_takes: Duration) -> Client {
    let namespace = client.default_namespace().to_owned();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, calls) = (client.clone(), calls.clone());
        async move {
            let path = request.uri().to_string();
            let late = path.contains("/databaseinstances") && path.contains("watch=true");
            let accept = request
                .headers()
                .get(ACCEPT)
                .map(|v| v.to_str().unwrap().to_owned());
            calls.lock().unwrap().push(Call {
                method: request.method().to_string(),
                path,
                accept: accept.unwrap_or_default(),
            });
            let answer = client.send(request).await?;
            let later = if late { news_takes } else { Duration::ZERO };
            Ok::<_, kube::Error>(answer.map(|body| {
                StreamBody::new(BodyStream::new(body).then(move |frame| async move {
                    if !later.is_zero() {
                        SystemClock.sleep(later).await;
                    }
                    frame
                }))
            }))
        }
    });
    Client::new(service, namespace)
}

/// Status and reason of a condition.
pub fn says(object: &Value, type_: &str) -> [String; 2] {
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
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<()>>,
    pub metrics: Arc<Metrics>,
    pub calls: Calls,
}

impl Running {
    /// Calls that wrote anything but the lease.
    pub fn written(&self) -> Vec<Call> {
        let all = self.calls.lock().unwrap();
        all.iter().filter(|c| c.writes()).cloned().collect()
    }

    /// Waits until so many more looks of the engine wrote nothing at all; what still came before is not counted.
    pub async fn until_quiet(&self, world: &World, looks: usize) {
        let began = SystemClock.elapsed();
        let (mut written, mut asked) = (self.written().len(), world.asked());
        while world.asked() < asked + looks {
            SystemClock.sleep(Duration::from_millis(20)).await;
            if self.written().len() != written {
                (written, asked) = (self.written().len(), world.asked());
            }
            assert!(
                SystemClock.elapsed() - began < DEADLINE,
                "it writes on and on: {:#?}",
                self.written().split_off(written.saturating_sub(5))
            );
        }
    }

    /// Ends it as SIGTERM does.
    pub async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(DEADLINE, self.task)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }

    /// Ends it as a crash does: nothing is finished, nothing let go.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// The value of a metric, by the beginning of its line.
    pub fn metric(&self, line: &str) -> f64 {
        let text = self.metrics.text();
        let found = text.lines().filter(|l| l.starts_with(line));
        found
            .map(|l| l.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    }

    /// Calls that write anything but the lease.
    pub fn writes(&self) -> f64 {
        ["PATCH", "POST", "DELETE"]
            .iter()
            .map(|m| self.metric(&format!("rest_client_requests_total{{method=\"{m}\"")))
            .sum()
    }
}

/// The outside that all operators of a test share.
#[derive(Debug, Clone)]
pub struct World {
    pub memory: Memory,
    pub effects: Arc<Mutex<Vec<Effect>>>,
    /// The uid of the owner that a pipeline was last asked for.
    pub owner: Arc<Mutex<String>>,
    /// How often a pipeline was asked for.
    pub asked: Arc<AtomicUsize>,
    /// How many are asked for at the same time, and how many that were at most.
    pub at_once: Arc<[AtomicUsize; 2]>,
    /// How much later an operator hears of changes of its objects.
    pub news_takes: Duration,
    /// What goes wrong with the calls of an operator.
    pub injector: Injector,
    /// The clock of an operator.
    pub clock: Arc<dyn Clock>,
}

/// A call that changed something.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    pub who: String,
    pub verb: &'static str,
    pub owner: String,
    pub key: String,
    /// Whether the object had the finalizer then.
    pub held: bool,
    /// Who had the lease of the namespace then, by the API server; empty if it has none.
    pub leader: String,
}

impl World {
    /// A world where everything takes so long.
    pub fn taking(time: Duration) -> Self {
        let memory = Memory::new(Arc::new(SystemClock))
            .settling(Pace::time(time))
            .leaving(Pace::time(time));
        Self {
            memory,
            effects: Arc::default(),
            owner: Arc::default(),
            asked: Arc::default(),
            at_once: Arc::default(),
            news_takes: Duration::ZERO,
            injector: Injector::new(),
            clock: Arc::new(SystemClock),
        }
    }

    /// The same outside, for another operator: with faults of its own, and by another clock.
    pub fn for_another(&self, clock: Arc<dyn Clock>) -> Self {
        Self {
            injector: Injector::new(),
            clock,
            ..self.clone()
        }
    }

    pub fn effects(&self) -> Vec<Effect> {
        self.effects.lock().unwrap().clone()
    }

    /// `verb owner key` of all effects, in their order.
    pub fn told(&self) -> Vec<String> {
        self.effects()
            .iter()
            .map(|e| format!("{} {} {}", e.verb, e.owner, e.key))
            .collect()
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The kinds of the things that there are.
    pub fn things(&self) -> usize {
        self.memory.everything().len()
    }
}

/// A kind that the cluster does not have.
static LACKING: ObjectKind = ObjectKind::core("Absent", "absents", "absent").of("absent.paas.rs", "v1");

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
        if object.metadata.name == "bomb" {
            panic!("the bomb went off");
        }
        if object.metadata.name.starts_with("slow") {
            let [now, most] = &*self.world.at_once;
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            SystemClock.sleep(Duration::from_millis(100)).await;
            now.fetch_sub(1, Ordering::SeqCst);
        }
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
        let leases: Api<Lease> = Api::namespaced(self.engine.client.clone(), &self.namespace);
        // An API server that is away is waited for: no effect goes by unseen.
        let (object, lease) = loop {
            if let (Ok(object), Ok(lease)) = (
                api.get_opt(owner.name()).await,
                leases.get_opt("paas-operator").await,
            ) {
                break (object, lease);
            }
            SystemClock.sleep(Duration::from_millis(50)).await;
        };
        let leader = lease.and_then(|l| l.spec?.holder_identity).unwrap_or_default();
        let finalizers = object.and_then(|o| o.metadata.finalizers).unwrap_or_default();
        let held = finalizers.contains(&FINALIZER.to_owned());
        self.engine.world.effects.lock().unwrap().push(Effect {
            who: self.engine.who.clone(),
            verb,
            owner: owner.name().to_owned(),
            key: key.to_string(),
            held,
            leader,
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
