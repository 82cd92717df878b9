//! The laws of an actuator and the fault matrix, on this machine and inside a server, with the real PostgreSQL.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and shows the table"
)]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, Mutex, OnceLock},
};

use async_trait::async_trait;
use paas_core::{
    actuator::{Actuator, Ids, Reach},
    clock::{Clock, SystemClock},
    database::{
        actuator::ContentActuator,
        binding::{ServiceBinding, Slot},
        login::Login,
        resource::{Content, Database, Extension, Role},
        session::Session,
    },
    driver::{Driver, Outputs},
    error::Error,
    graph::{Desired, Observed},
    ledger::Ledger,
    local::{
        account::Account, actuator::LocalActuator, build::Places, driver::ProcessDriver,
        instance::LocalInstance, machine::LocalMachine, mark::Mark, postmaster, resource::LocalResource,
    },
    owner::{Identity, Owner},
    resource::{Change, Key, Live},
    secrets::Generate,
    spec::{DatabaseInstanceSpec, ParameterValue},
    testing::{Fault, Fixture, Outside, Variant, World, conformance, matrix, postgres},
};
use secrecy::SecretString;
use uuid::Uuid;

const CANARY: &str = "aCanaryThatMustNeverBeSungAnywhere";

/// Every secret is the canary.
#[derive(Debug)]
struct Canaries;

impl Generate for Canaries {
    fn secret(&self) -> SecretString {
        CANARY.to_owned().into()
    }
}

fn machine(home: &Path, places: Places) -> LocalMachine {
    fs::set_permissions(home, fs::Permissions::from_mode(0o755)).unwrap();
    let mut machine = LocalMachine::open(home.join("home")).unwrap();
    machine.places = places;
    machine.fetch = false;
    machine.generate = Arc::new(Canaries);
    machine
}

/// Stops whatever servers a test left, without asking.
fn kill_all(machine: &LocalMachine) {
    for entry in fs::read_dir(machine.home.instances()).unwrap().flatten() {
        if let Ok(Some(server)) = postmaster::running(&entry.path(), machine.home.account()) {
            let _ = server.process.signal(rustix::process::Signal::QUIT);
            while server.process.is_alive() {
                std::thread::yield_now();
            }
        }
    }
}

#[derive(Debug, Clone)]
struct ThisMachine;

#[derive(Debug)]
struct Home {
    _dir: tempfile::TempDir,
    machine: LocalMachine,
}

impl Drop for Home {
    fn drop(&mut self) {
        kill_all(&self.machine);
    }
}

fn everything_below(folder: &Path) -> String {
    let mut all = String::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().flatten() {
            all += &format!("{:?} {}\n", entry.path(), entry.metadata().unwrap().len());
            if entry.path().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    all
}

#[async_trait]
impl World<LocalResource> for Home {
    fn actuator(&self) -> Arc<dyn Actuator<LocalResource>> {
        Arc::new(LocalActuator::new(self.machine.clone(), None))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    async fn outside(&self) -> Result<Vec<Outside>, Error> {
        let mut all = Vec::new();
        for entry in fs::read_dir(self.machine.home.instances()).unwrap().flatten() {
            let (path, id) = (entry.path(), entry.path().display().to_string());
            let owner: Option<Uuid> = Mark::read(&path)?.map(|m| m.owner.parse().unwrap());
            let mut add = |id: String, state: String| all.push(Outside { id, owner, state });
            add(
                id.clone(),
                if owner.is_none() {
                    everything_below(&path)
                } else {
                    String::new()
                },
            );
            if path.join("data").exists() {
                add(format!("{id}/data"), String::new());
            }
            if let Some(server) = postmaster::running(&path, &Account::current()?)? {
                add(server.process.pid.to_string(), "runs".to_owned());
            }
        }
        Ok(all)
    }
}

#[async_trait]
impl Fixture for ThisMachine {
    type Resource = LocalResource;

    fn name(&self) -> &str {
        "this machine"
    }

    async fn world(&self) -> Result<Arc<dyn World<LocalResource>>, Error> {
        let dir = tempfile::tempdir().unwrap();
        let machine = machine(dir.path(), postgres::places().await.unwrap());
        fs::create_dir_all(machine.home.instances().join("somebody-elses/data/base")).unwrap();
        let other = self.owner(9);
        let mark = Mark::new(other.uid().to_string(), "folder", "default/p9", SystemClock.now());
        mark.make_folder(&machine.folder(&other), machine.home.account())?;
        Ok(Arc::new(Home { _dir: dir, machine }))
    }

    fn owner(&self, n: u8) -> Owner {
        Owner::new(
            &Identity::of(&["test"]),
            "DatabaseInstance",
            "default",
            &format!("p{n}"),
        )
    }

    fn desired(&self, variant: Variant) -> Result<Desired<LocalResource>, Error> {
        let mut spec = DatabaseInstanceSpec::default();
        let mut set = |name: &str, value: &str| {
            spec.parameters
                .insert(name.into(), ParameterValue::Text(value.into()))
        };
        match variant {
            Variant::First => set("work_mem", "5MB"),
            Variant::Updated => set("work_mem", "6MB"),
            Variant::Changed => set("max_connections", "37"),
        };
        let home = tempfile::tempdir().unwrap();
        let driver = ProcessDriver::new(machine(home.path(), Places::default()), self.owner(0), &spec);
        driver.desired(&spec, &Outputs::default())
    }

    fn canaries(&self) -> Vec<String> {
        vec![CANARY.to_owned()]
    }
}

/// Worlds inside servers: each owner has one, as in life, and all worlds of a test share them, emptied.
#[derive(Debug, Clone)]
struct InServers(Arc<Servers>);

#[derive(Debug)]
struct Servers {
    _dir: tempfile::TempDir,
    machine: LocalMachine,
    instances: Mutex<BTreeMap<Uuid, LocalInstance>>,
    /// Whether this PostgreSQL has the extensions that the graph wants; packagers split them off.
    extensions: OnceLock<bool>,
}

impl Drop for Servers {
    fn drop(&mut self) {
        kill_all(&self.machine);
    }
}

impl InServers {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let machine = machine(dir.path(), postgres::places().await.unwrap());
        let servers = Self(Arc::new(Servers {
            _dir: dir,
            machine: machine.clone(),
            instances: Mutex::default(),
            extensions: OnceLock::new(),
        }));
        for n in 0..2 {
            let mut spec = DatabaseInstanceSpec::default();
            (spec.users, spec.databases) = (Vec::new(), Vec::new());
            let name = servers.owner(n).name().to_owned();
            let instance = LocalInstance::new(machine.clone(), "default", &name, spec);
            instance.up().await.unwrap();
            servers
                .0
                .instances
                .lock()
                .unwrap()
                .insert(instance.owner().uid(), instance);
        }
        let session = servers.session(servers.owner(0).uid()).await;
        let has = "SELECT count(*) = 2 FROM pg_available_extensions WHERE name IN ('cube', 'earthdistance')";
        let has: bool = session.rows(has, &[], "look").await.unwrap()[0].get(0);
        if !has {
            println!("without extensions: this PostgreSQL has not got cube and earthdistance");
        }
        servers.0.extensions.set(has).unwrap();
        servers
    }

    fn instances(&self) -> Vec<LocalInstance> {
        self.0.instances.lock().unwrap().values().cloned().collect()
    }

    async fn session(&self, owner: Uuid) -> Session {
        let instance = self.0.instances.lock().unwrap()[&owner].clone();
        Session::open(&instance.admin("postgres").await.unwrap())
            .await
            .unwrap()
    }
}

/// Sends each owner's calls into that owner's server.
#[derive(Debug)]
struct PerOwner(InServers);

impl PerOwner {
    async fn hands(&self, owner: &Owner) -> ContentActuator {
        let instance = self.0.0.instances.lock().unwrap()[&owner.uid()].clone();
        let admin = instance.admin("postgres").await.unwrap();
        let machine = &self.0.0.machine;
        let endpoint = ("127.0.0.1".to_owned(), admin.port);
        ContentActuator::new(admin, endpoint, machine.secrets.clone(), machine.generate.clone())
            .bindings(machine.bindings.clone())
    }
}

#[async_trait]
impl Actuator<Content> for PerOwner {
    async fn observe(&self, owner: &Owner, hints: &Ledger, reach: Reach) -> Result<Observed<Content>, Error> {
        self.hands(owner).await.observe(owner, hints, reach).await
    }
    async fn create(
        &self,
        owner: &Owner,
        key: &Key,
        want: &Content,
        ids: &Ids,
    ) -> Result<Live<Content>, Error> {
        self.hands(owner).await.create(owner, key, want, ids).await
    }
    async fn update(
        &self,
        owner: &Owner,
        key: &Key,
        live: &Live<Content>,
        want: &Content,
        changes: &[Change],
        ids: &Ids,
    ) -> Result<(), Error> {
        self.hands(owner)
            .await
            .update(owner, key, live, want, changes, ids)
            .await
    }
    async fn delete(&self, owner: &Owner, key: &Key, live: &Live<Content>) -> Result<(), Error> {
        self.hands(owner).await.delete(owner, key, live).await
    }
}

#[async_trait]
impl World<Content> for InServers {
    fn actuator(&self) -> Arc<dyn Actuator<Content>> {
        Arc::new(PerOwner(self.clone()))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    async fn outside(&self) -> Result<Vec<Outside>, Error> {
        let mut all = Vec::new();
        for instance in self.instances() {
            let uid = instance.owner().uid();
            let list = "SELECT 'role ' || rolname, shobj_description(oid, 'pg_authid') IS NOT NULL FROM pg_roles \
                 WHERE rolname !~ '^(pg_|paas_)' UNION ALL SELECT 'database ' || datname, r.rolname <> 'by_hand' \
                 FROM pg_database d JOIN pg_roles r ON r.oid = datdba WHERE r.rolname <> 'paas_admin'";
            let mut rows = self.session(uid).await.rows(list, &[], "look").await?;
            let names: Vec<String> = rows.iter().map(|r| r.get(0)).collect();
            if names.iter().any(|n| n == "database shop") {
                let shop = Session::open(&instance.admin("shop").await?).await?;
                let list =
                    "SELECT 'extension ' || extname, true FROM pg_extension WHERE extname <> 'plpgsql'";
                rows.extend(shop.rows(list, &[], "look").await?);
            }
            for published in self.0.machine.bindings.list(instance.owner()).await? {
                let id = format!("binding {published:?} of {uid}");
                all.push(Outside {
                    id,
                    owner: Some(uid),
                    state: String::new(),
                });
            }
            for row in rows {
                let (id, ours): (String, bool) = (row.get(0), row.get(1));
                let owner = ours.then_some(uid);
                all.push(Outside {
                    id: format!("{id} of {uid}"),
                    owner,
                    state: String::new(),
                });
            }
        }
        Ok(all)
    }
}

#[async_trait]
impl Fixture for InServers {
    type Resource = Content;

    fn name(&self) -> &str {
        "inside a server"
    }

    async fn world(&self) -> Result<Arc<dyn World<Content>>, Error> {
        for instance in self.instances() {
            let uid = instance.owner().uid();
            let session = self.session(uid).await;
            for name in ["shop", "more", "hand_made"] {
                session
                    .run(&format!("DROP DATABASE IF EXISTS {name}"), "empty the world")
                    .await?;
            }
            let roles = "DROP ROLE IF EXISTS app_a, more_a, app, more, by_hand; CREATE ROLE by_hand";
            session.run(roles, "empty the world").await?;
            self.0.machine.bindings.forget(instance.owner()).await?;
            session
                .run(
                    "CREATE DATABASE hand_made OWNER by_hand",
                    "make something foreign",
                )
                .await?;
        }
        Ok(Arc::new(self.clone()))
    }

    fn owner(&self, n: u8) -> Owner {
        self.0.machine.owner("default", &format!("p{n}"))
    }

    fn desired(&self, variant: Variant) -> Result<Desired<Content>, Error> {
        let role = |name: &str| Content::Role(Role { name: name.into() });
        let login = |user: &str, limit| Content::Login(Login::wanted(user, limit));
        let binding = |slot, user: &str| Content::Binding(ServiceBinding::wanted(slot, user, "shop"));
        let database = |name: &str, owner: &str| {
            Content::Database(Database {
                name: name.into(),
                owner: owner.into(),
            })
        };
        let extension = |name: &str, after: Option<&str>| {
            let after = after.map(str::to_owned).into_iter().collect();
            Content::Extension(Extension {
                database: "shop".into(),
                name: name.into(),
                after,
            })
        };
        let mut all = vec![role("app"), database("shop", "app"), extension("cube", None)];
        match variant {
            Variant::First => all.extend([
                login("app", None),
                binding(Slot::Main, "app"),
                extension("earthdistance", Some("cube")),
            ]),
            Variant::Updated => all.extend([
                login("app", Some(3)),
                binding(Slot::User, "app"),
                extension("earthdistance", Some("cube")),
            ]),
            Variant::Changed => {
                all.extend([
                    login("app", Some(3)),
                    role("more"),
                    login("more", None),
                    binding(Slot::User, "app"),
                    binding(Slot::Main, "more"),
                    database("more", "more"),
                ]);
            }
        }
        if self.0.extensions.get() == Some(&false) {
            all.retain(|content| !matches!(content, Content::Extension(_)));
        }
        let mut builder = Desired::builder();
        for content in all {
            builder.add(content.key()?, content);
        }
        builder.build()
    }

    fn canaries(&self) -> Vec<String> {
        vec![CANARY.to_owned()]
    }
}

#[tokio::test]
async fn the_actuator_of_this_machine_keeps_all_laws() {
    let report = conformance::run(&ThisMachine).await;
    assert!(report.is_good(), "{report}");
}

#[tokio::test]
async fn the_actuator_inside_a_server_keeps_all_laws() {
    let report = conformance::run(&InServers::new().await).await;
    assert!(report.is_good(), "{report}");
}

#[tokio::test]
async fn a_fault_at_a_call_on_this_machine_is_healed_by_running_again() {
    heals(ThisMachine, 8).await;
}

#[tokio::test]
async fn a_fault_at_a_call_inside_a_server_is_healed_by_running_again() {
    heals(InServers::new().await, 10).await;
}

/// The fault matrix: all of it if `PAAS_TEST_FULL` is 1 (half an hour: a server is made for every point), else some points, other
/// ones in every run; `PAAS_TEST_SEED` repeats a run.
async fn heals<F: Fixture + Clone + 'static>(fixture: F, points: usize) {
    let said = |name| std::env::var(name).ok();
    let scene = matrix::OneStage::new(fixture);
    let table = if said("PAAS_TEST_FULL").as_deref() == Some("1") {
        matrix::run(&scene, &Fault::ALL).await
    } else {
        let seed =
            said("PAAS_TEST_SEED").map_or_else(|| u64::from(std::process::id()), |s| s.parse().unwrap());
        println!("PAAS_TEST_SEED={seed}");
        matrix::sample(&scene, &Fault::ALL, matrix::Sample { points, seed }).await
    };
    println!("{table}");
    assert!(table.is_good(), "{table}");
}
