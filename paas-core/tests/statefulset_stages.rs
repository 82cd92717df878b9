//! An instance as a StatefulSet, on a real API server and a real PostgreSQL; the test stands in for whoever runs pods.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;
mod kube_place;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{PersistentVolumeClaim, Pod, Secret},
};
use kube::{
    Api, Client,
    api::{ListParams, Patch, PatchParams},
};
use paas_core::{
    clock::{Clock, SystemClock},
    database::{
        codes::{PG_CONNECT, PG_ROTATE},
        connection::{Connection, SslMode},
        dial::Dial,
        driver::ContentDriver,
        rotate::Rotation,
        session::Session,
        statefulset::{ADMIN_SECRET, KINDS, ServerHands, StatefulSetDriver, Stores, stages},
    },
    error::{Class, Error, Result},
    kube::{KubeActuator, KubeBindings, KubeSecrets, Namespaces},
    ledger::MemoryLedger,
    owner::{Identity, Owner},
    pipeline::{Context, Outcome, Pipeline},
    policy::{Consent, Policy, Retention},
    secrets::{SecretStore, SystemRandom},
    spec::{DatabaseInstanceSpec, Runtime},
    testing::tools,
};
use serde_json::json;
use tokio::{io::DuplexStream, net::TcpStream};

/// Passes after which nothing is expected any more.
const ENOUGH: usize = 300;

/// Between two passes, for the cluster's controllers.
const PAUSE: Duration = Duration::from_millis(100);

/// A server that the test's StatefulSet stands for, and the place of its objects.
struct World {
    /// Its server ends with it.
    _here: common::Place,
    kube: kube_place::Place,
    owner: Owner,
    admin: Connection,
    ledger: Arc<MemoryLedger>,
}

/// Moves bytes to a port of this machine, as the API server does to a port of a pod.
#[derive(Debug)]
struct Piped(u16);

#[async_trait]
impl Dial for Piped {
    async fn dial(&self) -> Result<DuplexStream> {
        let (near, mut far) = tokio::io::duplex(4096);
        let mut tcp = TcpStream::connect(("127.0.0.1", self.0)).await.map_err(|e| {
            Error::new(&PG_CONNECT, Class::Transient)
                .attempted("connect")
                .happened(e.to_string())
        })?;
        tokio::spawn(async move { tokio::io::copy_bidirectional(&mut far, &mut tcp).await });
        Ok(near)
    }
}

impl World {
    async fn new(sentence: &str) -> Option<Self> {
        let kube = kube_place::place(sentence).await?;
        let here = common::Place::new().await;
        let empty = DatabaseInstanceSpec {
            users: Vec::new(),
            databases: Vec::new(),
            ..DatabaseInstanceSpec::default()
        };
        let server = here.named("server", empty);
        server.up().await.unwrap();
        let admin = server.admin("postgres").await.unwrap();
        let owner = Owner::new(&Identity::of(&["test"]), "DatabaseInstance", kube.name(), "demo");
        let world = Self {
            _here: here,
            kube,
            owner,
            admin,
            ledger: Arc::default(),
        };
        let password = world.admin.password.clone();
        world
            .secrets()
            .put_if_absent(&world.owner, ADMIN_SECRET, password)
            .await
            .unwrap();
        Some(world)
    }

    fn client(&self) -> Client {
        self.kube.client.clone()
    }

    fn secrets(&self) -> KubeSecrets {
        KubeSecrets::new(self.client(), self.kube.name())
    }

    fn contents(&self) -> ContentDriver {
        let host = format!("demo.{}.svc", self.kube.name());
        let secrets = Arc::new(self.secrets());
        ContentDriver::new(self.owner.clone(), Some(host), secrets, Arc::new(SystemRandom))
            .dial(Arc::new(Piped(self.admin.port)))
    }

    fn pipeline(&self, word: Option<&str>) -> Pipeline {
        let secrets: Arc<dyn SecretStore> = Arc::new(self.secrets());
        let within = Namespaces::These(vec![self.kube.name().to_owned()]);
        let hands = KubeActuator::new(self.client(), KINDS, within, Arc::clone(&secrets));
        let hands = ServerHands::new(Arc::new(hands), self.client());
        // Nobody is there: whoever does not use the way that is given cannot get in.
        let server = StatefulSetDriver::new(self.owner.clone(), Arc::new(hands)).endpoint("192.0.2.1", 5432);
        let bindings = KubeBindings::new(self.client(), self.kube.name(), word.map(str::to_owned));
        let spec = DatabaseInstanceSpec {
            runtime: Runtime::StatefulSet,
            ..DatabaseInstanceSpec::default()
        };
        let rotation = word.map(|w| (w.to_owned(), Rotation::default()));
        Pipeline::new(stages(
            server,
            self.contents(),
            &spec,
            &Stores { secrets, bindings },
            rotation,
        ))
    }

    fn context(&self, retention: Retention) -> Context {
        let policy = Policy {
            retention,
            ..Policy::default()
        };
        Context::new(
            self.owner.clone(),
            policy,
            tools(self.ledger.clone(), Arc::new(SystemClock)),
        )
    }

    /// One pass, after which the cluster does what it would do.
    async fn pass(&self, word: Option<&str>) -> Result<Outcome> {
        let outcome = self
            .pipeline(word)
            .advance(&mut self.context(Retention::Retain))
            .await;
        self.run_pods().await;
        outcome
    }

    async fn converge(&self, word: Option<&str>) {
        let mut last = None;
        for _ in 0..ENOUGH {
            match self.pass(word).await.unwrap() {
                Outcome::Converged => return,
                other => last = Some(other),
            }
        }
        panic!("{last:?}");
    }

    /// What a kubelet comes to: every pod runs, and answers.
    async fn run_pods(&self) {
        let pods: Api<Pod> = Api::default_namespaced(self.client());
        for pod in pods.list(&ListParams::default()).await.unwrap() {
            let ready = json!({"status": {
                "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
            }});
            let name = pod.metadata.name.unwrap();
            // It may be gone by now.
            let _ = pods
                .patch_status(&name, &PatchParams::default(), &Patch::Merge(ready))
                .await;
        }
        SystemClock.sleep(PAUSE).await;
    }

    async fn binding(&self) -> Option<Secret> {
        let all: Api<Secret> = Api::default_namespaced(self.client());
        all.get_opt("demo.binding").await.unwrap()
    }

    /// The login of the binding, at the address that the test reaches.
    async fn bound(&self) -> Connection {
        let data = self.binding().await.unwrap().data.unwrap();
        let text = |key: &str| String::from_utf8(data[key].0.clone()).unwrap();
        assert_eq!(text("host"), format!("demo.{}.svc", self.kube.name()));
        Connection {
            host: "127.0.0.1".into(),
            port: self.admin.port,
            database: text("database"),
            user: text("username"),
            password: text("password").into(),
            sslmode: SslMode::Disable,
            address: None,
            ca: None,
        }
    }

    async fn left(&self) -> [usize; 3] {
        let list = ListParams::default().labels("paas.rs/owner");
        let sets: Api<StatefulSet> = Api::default_namespaced(self.client());
        let claims: Api<PersistentVolumeClaim> = Api::default_namespaced(self.client());
        let secrets: Api<Secret> = Api::default_namespaced(self.client());
        [
            sets.list(&list).await.unwrap().items.len(),
            claims.list(&list).await.unwrap().items.len(),
            secrets.list(&list).await.unwrap().items.len(),
        ]
    }

    async fn retire(&self, retention: Retention) {
        let mut last = None;
        for _ in 0..ENOUGH {
            let mut cx = self.context(retention);
            cx.consent = Consent::none().and(self.owner.name(), &self.owner);
            let outcome = self.pipeline(None).retire(&mut cx).await.unwrap();
            self.run_pods().await;
            match outcome {
                Outcome::Converged => return,
                other => last = Some(other),
            }
        }
        panic!("{last:?}");
    }
}

async fn says(to: &Connection, sql: &str) -> String {
    common::text(to, sql).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_gets_in_by_the_binding_and_an_idle_pass_writes_it_no_more() {
    let Some(world) = World::new("a program gets in by the binding").await else {
        return;
    };
    world.converge(None).await;
    let binding = world.binding().await.unwrap();
    assert_eq!(binding.type_.as_deref(), Some("servicebinding.io/postgresql"));
    let to = world.bound().await;
    assert_eq!(to.user, "app_a");
    assert_eq!(says(&to, "SELECT current_user::text").await, "app");
    let before = binding.metadata.resource_version;
    world.converge(None).await;
    assert_eq!(world.binding().await.unwrap().metadata.resource_version, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_changes_the_password_once_and_the_next_one_waits_for_the_former_login() {
    let Some(world) = World::new("a word changes the password once").await else {
        return;
    };
    world.converge(None).await;
    let former = world.bound().await;
    world.converge(Some("one")).await;
    let now = world.bound().await;
    assert_eq!((former.user.as_str(), now.user.as_str()), ("app_a", "app_b"));
    Session::open(&former).await.unwrap();
    Session::open(&now).await.unwrap();
    world.converge(Some("one")).await;
    assert_eq!(world.bound().await.user, "app_b", "one word is for one change");
    let error = world.pass(Some("two")).await.unwrap_err();
    assert_eq!(error.code().id, PG_ROTATE.id);
    assert!(
        error.may_pass() && error.to_string().contains("app_a works until"),
        "{error}"
    );
    Session::open(&former).await.unwrap();
    assert_eq!(world.bound().await.user, "app_b");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_ended_before_it_was_handed_out_is_finished_and_not_begun_anew() {
    let Some(world) = World::new("an interrupted change is finished").await else {
        return;
    };
    world.converge(None).await;
    let admin = Connection {
        host: "127.0.0.1".into(),
        ..world.admin.clone()
    };
    let bindings = KubeBindings::new(world.client(), world.kube.name(), None);
    let hands = world.contents().bindings(Arc::new(bindings)).hands(admin);
    // Nothing is handed out: as after a crash right before that.
    hands
        .rotate(&world.owner, "app", None, &Rotation::default())
        .await
        .unwrap();
    assert_eq!(world.bound().await.user, "app_a");
    world.converge(Some("one")).await;
    let to = world.bound().await;
    assert_eq!(to.user, "app_b");
    Session::open(&to).await.unwrap();
    world.converge(Some("one")).await;
    assert_eq!(world.bound().await.user, "app_b");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_that_stays_keeps_its_passwords_and_a_later_instance_lets_the_same_login_in() {
    let Some(world) = World::new("data that stays keeps its passwords").await else {
        return;
    };
    world.converge(None).await;
    let before = world.bound().await;
    world.retire(Retention::Retain).await;
    assert!(world.binding().await.is_none(), "what it leads to is gone");
    assert_eq!(world.left().await, [0, 1, 2], "the volume, and two passwords");
    world.converge(None).await;
    let after = world.bound().await;
    assert_eq!(before.pgpass_text(), after.pgpass_text());
    world.retire(Retention::Delete).await;
    assert_eq!(world.left().await, [0, 0, 0], "nothing stays");
}

/// A form of a connection that can be compared.
trait Told {
    fn pgpass_text(&self) -> String;
}

impl Told for Connection {
    fn pgpass_text(&self) -> String {
        use paas_core::secrets::ExposeSecret;
        self.pgpass().expose_secret().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_binding_of_somebody_else_is_refused_and_stays() {
    let Some(world) = World::new("a binding of somebody else").await else {
        return;
    };
    let all: Api<Secret> = Api::default_namespaced(world.client());
    let theirs = json!({"metadata": {"name": "demo.binding"}, "stringData": {"uri": "theirs"}});
    let theirs: Secret = serde_json::from_value(theirs).unwrap();
    all.create(&Default::default(), &theirs).await.unwrap();
    let mut told = Vec::new();
    for _ in 0..ENOUGH {
        if let Outcome::Blocked { because, .. } = world.pass(None).await.unwrap() {
            told.extend(because.into_iter().map(|b| b.why));
        }
        if told.iter().any(|why| why.contains("demo.binding")) {
            break;
        }
    }
    assert!(told.iter().any(|why| why.contains("demo.binding")), "{told:?}");
    assert_eq!(world.binding().await.unwrap().data.unwrap()["uri"].0, b"theirs");
}
