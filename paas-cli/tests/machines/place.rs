//! A Platform with its cluster on a cloud whose machines are played: the pipeline of `paas`, put together by hand.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Secret};
use kube::{Api, Client as Kube, ResourceExt as _, api::ListParams};
use paas_core::{
    clock::{Clock, SystemClock},
    driver::ClusterAccess,
    error::Result,
    installer::{
        addons::{AddonsDriver, GivenCloud, InsideCluster},
        boot::NodeBoot,
        cluster::{ClusterDriver, ClusterStage, Parts},
        login::{Login, PkiLogin},
    },
    ledger::MemoryLedger,
    owner::Owner,
    pipeline::{Context, DriverStage, Outcome, Pipeline, Stage, Wanted},
    policy::{Consent, Retention},
    secrets::{FileSecrets, SecretString, SystemRandom},
    spec::PlatformSpec,
    testing::{faults::Injector, kube as harness, machines::Machines, tools},
};
use paas_openstack::{
    client::{Client, Options},
    fake::{Fake, Setup},
    provider::{self, OpenStackDriver, ServerConsoles},
};
use serde_json::{Value, json};

use crate::bridge::Bridge;

/// The longest that anything here may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(200);

/// A block of the loopback that nobody else has: clusters are reached at addresses of it.
pub(crate) fn block() -> String {
    let chance = RandomState::new().build_hasher().finish();
    let [a, b, ..] = chance.to_be_bytes();
    format!("127.{}.{}.0/24", 1 + a % 254, b)
}

/// The addons whose pods need no cloud and no network.
pub(crate) fn addons() -> Value {
    json!({"cloudController": false, "csi": false, "cloudNativePg": false, "operator": false})
}

/// The real time, and more.
#[derive(Debug, Default)]
pub(crate) struct Leaping(Mutex<Duration>);

impl Leaping {
    pub(crate) fn leap(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }

    fn more(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}

#[async_trait]
impl Clock for Leaping {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.more()
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed() + self.more()
    }

    async fn sleep(&self, time: Duration) {
        SystemClock.sleep(time).await;
    }
}

/// A login whose clients' calls an injector strikes.
#[derive(Debug)]
struct Struck(Arc<PkiLogin>, Injector);

#[async_trait]
impl Login for Struck {
    async fn kubeconfig(&self, access: &ClusterAccess) -> Result<SecretString> {
        self.0.kubeconfig(access).await
    }

    async fn client(&self, access: &ClusterAccess) -> Result<Kube> {
        Ok(self.1.client(self.0.client(access).await?))
    }
}

/// A Platform with so many workers.
pub(crate) fn spec(workers: u32) -> PlatformSpec {
    let cloud = json!({"type": "OpenStack", "openStack": {}});
    let kubernetes = json!({"installer": "Kubeadm", "pools": [{"name": "workers", "replicas": workers}]});
    let spec = json!({"infrastructure": cloud, "kubernetes": kubernetes, "addons": addons()});
    serde_json::from_value(spec).unwrap()
}

pub(crate) struct Place {
    pub(crate) fake: Arc<Fake>,
    pub(crate) machines: Machines,
    pub(crate) bridge: Bridge,
    pub(crate) clock: Arc<Leaping>,
    pub(crate) injector: Injector,
    pub(crate) secrets: Arc<FileSecrets>,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) login: Arc<PkiLogin>,
    client: Client,
    pub(crate) owner: Owner,
    _folder: tempfile::TempDir,
}

impl Place {
    /// `None`, after saying so, where this machine has no API server to play with.
    pub(crate) async fn new() -> Option<Self> {
        harness::unless_absent(harness::programs().await).unwrap()?;
        Some(Self::without_programs().await)
    }

    /// For what never comes as far as an API server.
    ///
    /// The cloud and the engine go by a clock that can leap. What is issued is good by the real one, which API servers go by.
    pub(crate) async fn without_programs() -> Self {
        let clock = Arc::<Leaping>::default();
        let mut setup = Setup {
            clock: clock.clone(),
            ..Setup::default()
        };
        setup.networks[0].cidr = block();
        setup.times.boot = Duration::from_millis(300);
        let fake = Arc::new(Fake::start(setup).await.unwrap());
        let machines = Machines::new();
        let bridge = Bridge::start(fake.clone(), machines.clone());
        let options = Options {
            clock: clock.clone(),
            ..Options::default()
        };
        let client = Client::new(fake.cloud(), options).unwrap();
        let identity = provider::identity(&client).await.unwrap();
        let owner = Owner::new(&identity, "Platform", "default", "demo");
        let folder = tempfile::tempdir().unwrap();
        let secrets = Arc::new(FileSecrets::new(folder.path()));
        let login = PkiLogin::new(owner.clone(), secrets.clone(), Arc::new(SystemClock));
        Self {
            bridge,
            injector: Injector::new(),
            machines,
            clock,
            ledger: Arc::default(),
            login: Arc::new(login),
            client,
            owner,
            _folder: folder,
            secrets,
            fake,
        }
    }

    /// The stages, as `paas` has them.
    pub(crate) fn pipeline(&self, spec: &PlatformSpec, without: &[&str]) -> Pipeline {
        let without: Vec<String> = without.iter().map(ToString::to_string).collect();
        let (real, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let boot = Arc::new(NodeBoot::new(
            spec.clone(),
            self.secrets.clone(),
            random,
            real.clone(),
        ));
        let driver =
            OpenStackDriver::new(self.client.clone(), self.secrets.clone(), spec).without(without.clone());
        let parts = Parts::new(
            boot.clone(),
            self.login.clone(),
            self.secrets.clone(),
            self.clock.clone(),
        )
        .hearing(Arc::new(ServerConsoles(self.client.clone())));
        let whole = without.is_empty();
        let cluster = ClusterDriver::new(parts).without(without);
        let mut stages: Vec<Box<dyn Stage>> = vec![
            Box::new(DriverStage::new(driver.booting(spec, boot), spec.clone())),
            Box::new(ClusterStage::new(cluster, spec.clone())),
        ];
        if whole {
            stages.push(Box::new(self.addons(spec)));
        }
        Pipeline::new(stages)
    }

    /// The last of them, whose calls the injector strikes.
    pub(crate) fn addons(&self, spec: &PlatformSpec) -> InsideCluster<DriverStage<AddonsDriver>> {
        let login = Arc::new(Struck(self.login.clone(), self.injector.clone()));
        let addons = AddonsDriver::new(
            self.owner.clone(),
            login,
            self.secrets.clone(),
            Arc::new(SystemClock),
        )
        .cloud(Arc::new(GivenCloud));
        InsideCluster::new(DriverStage::new(addons, spec.clone()))
    }

    /// A person who agrees to everything.
    pub(crate) fn context(&self, spec: &PlatformSpec) -> Context {
        let mut policy = spec.policy();
        policy.bounds = provider::bounds();
        policy.retention = Retention::Delete;
        let mut cx = Context::new(
            self.owner.clone(),
            policy,
            tools(self.ledger.clone(), self.clock.clone()),
        );
        cx.consent = Consent::none().and(self.owner.name(), &self.owner);
        cx
    }

    pub(crate) async fn run(&self, spec: &PlatformSpec, wanted: Wanted, without: &[&str]) -> Result<Outcome> {
        let mut cx = self.context(spec);
        self.pipeline(spec, without)
            .run(&mut cx, wanted, Some(LIMIT))
            .await
    }

    #[track_caller]
    pub(crate) fn up<'a>(&'a self, spec: &'a PlatformSpec) -> impl Future<Output = ()> + 'a {
        let at = std::panic::Location::caller();
        async move {
            let outcome = self.run(spec, Wanted::Spec, &[]).await;
            assert!(
                matches!(outcome, Ok(Outcome::Converged)),
                "{at}: {outcome:#?}\n{}",
                self.consoles()
            );
        }
    }

    /// What `paas cluster replace` does: everything but the machine, then all of it.
    #[track_caller]
    pub(crate) fn replace<'a>(
        &'a self,
        spec: &'a PlatformSpec,
        machine: &'a str,
    ) -> impl Future<Output = ()> + 'a {
        let at = std::panic::Location::caller();
        async move {
            let outcome = self.run(spec, Wanted::Spec, &[machine]).await;
            assert!(
                matches!(outcome, Ok(Outcome::Converged)),
                "{at}: {outcome:#?}\n{}",
                self.consoles()
            );
            let outcome = self.run(spec, Wanted::Spec, &[]).await;
            assert!(
                matches!(outcome, Ok(Outcome::Converged)),
                "{at}: {outcome:#?}\n{}",
                self.consoles()
            );
        }
    }

    /// Passes until it is blocked for these reasons.
    #[track_caller]
    pub(crate) fn blocked<'a>(
        &'a self,
        spec: &'a PlatformSpec,
        words: &'a [&'a str],
    ) -> impl Future<Output = ()> + 'a {
        let at = std::panic::Location::caller();
        async move {
            let said = self
                .passes(spec, |said| matches!(said, Ok(Outcome::Blocked { .. })))
                .await;
            let missing: Vec<_> = words.iter().filter(|w| !said.contains(**w)).collect();
            assert!(
                missing.is_empty(),
                "{at}: {missing:?} in {said}\n{}",
                self.consoles()
            );
        }
    }

    /// Passes until one ends so, and its words.
    pub(crate) async fn passes(
        &self,
        spec: &PlatformSpec,
        ends: impl Fn(&Result<Outcome>) -> bool,
    ) -> String {
        let began = SystemClock.elapsed();
        loop {
            let said = self.pass(spec).await;
            if ends(&said) {
                return words(&said);
            }
            assert!(
                SystemClock.elapsed() - began < LIMIT,
                "{said:#?}\n{}",
                self.consoles()
            );
            SystemClock.sleep(Duration::from_millis(100)).await;
        }
    }

    /// One pass, as an operator makes them.
    pub(crate) async fn pass(&self, spec: &PlatformSpec) -> Result<Outcome> {
        let mut cx = self.context(spec);
        self.pipeline(spec, &[]).advance(&mut cx).await
    }

    /// Everything goes, and nothing is left.
    pub(crate) async fn down(&self, spec: &PlatformSpec) {
        let outcome = self.run(spec, Wanted::Nothing, &[]).await;
        assert!(matches!(outcome, Ok(Outcome::Converged)), "{outcome:#?}");
        let left = self.fake.leftovers();
        assert!(left.is_empty(), "{left:#?}");
        self.until("no machine", async || {
            self.machines.known().is_empty().then_some(())
        })
        .await;
    }

    pub(crate) fn consoles(&self) -> String {
        let of = |id: &String| format!("{id}:\n{}", self.machines.console(id));
        self.machines
            .known()
            .iter()
            .map(of)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// A server is deleted behind everybody's back, with its machine.
    pub(crate) async fn kill(&self, name: &str) {
        let id = self.server(name);
        self.client.compute().servers().delete(&id).await.unwrap();
        self.until("its end", async || {
            (!self.machines.known().contains(&id)).then_some(())
        })
        .await;
    }

    /// The id of the server of that name.
    pub(crate) fn server(&self, name: &str) -> String {
        let guests = self.fake.guests();
        guests.into_iter().find(|g| g.name == name).map(|g| g.id).unwrap()
    }

    /// The cluster, as its administrator sees it from within.
    pub(crate) async fn kube(&self) -> Kube {
        self.machines.control_plane().unwrap().client().await.unwrap()
    }

    /// Each node, whether it is ready, and its machine.
    pub(crate) async fn nodes(&self) -> Vec<(String, bool, String)> {
        let nodes = Api::<Node>::all(self.kube().await)
            .list(&ListParams::default())
            .await
            .unwrap();
        let one = |node: Node| {
            let conditions = node.status.iter().flat_map(|s| s.conditions.iter().flatten());
            let ready = conditions
                .filter(|c| c.type_ == "Ready")
                .any(|c| c.status == "True");
            let id = node
                .spec
                .as_ref()
                .and_then(|s| s.provider_id.clone())
                .unwrap_or_default();
            (
                node.name_any(),
                ready,
                id.trim_start_matches("openstack:///").to_owned(),
            )
        };
        nodes.items.into_iter().map(one).collect()
    }

    /// All nodes are those, ready, and on the machines that the cloud has.
    pub(crate) async fn has_nodes(&self, names: &[&str]) {
        let wanted: Vec<_> = names
            .iter()
            .map(|n| ((*n).to_owned(), true, self.server(n)))
            .collect();
        assert_eq!(self.nodes().await, wanted, "{}", self.consoles());
    }

    /// The tokens by which machines may join.
    pub(crate) async fn tokens(&self) -> Vec<Secret> {
        let all = ListParams::default().fields("type=bootstrap.kubernetes.io/token");
        let secrets: Api<Secret> = Api::namespaced(self.kube().await, "kube-system");
        secrets.list(&all).await.unwrap().items
    }

    pub(crate) async fn until<T>(&self, what: &str, found: impl AsyncFn() -> Option<T>) -> T {
        let began = SystemClock.elapsed();
        loop {
            if let Some(found) = found().await {
                return found;
            }
            assert!(
                SystemClock.elapsed() - began < LIMIT,
                "{what}: not in time\n{}",
                self.consoles()
            );
            SystemClock.sleep(Duration::from_millis(50)).await;
        }
    }
}

/// An outcome in one text, to look for words in.
pub(crate) fn words(outcome: &Result<Outcome>) -> String {
    match outcome {
        Ok(outcome) => serde_json::to_string(outcome).unwrap(),
        Err(error) => format!("{}: {error}", error.code().id),
    }
}
