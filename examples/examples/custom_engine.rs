//! A database engine of your own: many small instances as databases of one shared server. Planning, protection of data, adoption and
//! teardown are the engine's; this file says only what there is, how it is made, and how it is seen.
//!
//! `cargo run -p paas-examples --example custom_engine`

use std::sync::Arc;

use async_trait::async_trait;
use paas_core::{
    actuator::{Actuator, Ids, Reach},
    clock::SystemClock,
    codes,
    database::{connection::Connection, session::Session},
    driver::{Binding, DatabaseEngine, Driver, Outputs},
    error::{Class, Error, Result},
    event::Silent,
    execute::{Alone, Tools},
    graph::{Desired, Observed},
    ledger::{Ledger, MemoryLedger},
    local::{instance::LocalInstance, machine::LocalMachine},
    owner::{Identity, Owner},
    pipeline::{Context, DriverStage, Outcome, Pipeline, Wanted},
    policy::{Consent, Policy, Retention},
    resource::{Change, Diff, Key, Live, Need, Resource, View},
    secrets::SecretRef,
    spec::DatabaseInstanceSpec,
};

/// A database in the shared server. Its name carries the owner's uid: that is the mark, and `CREATE DATABASE` takes a name once.
#[derive(Debug, Clone, PartialEq)]
struct Tenant {
    name: String,
}

impl Resource for Tenant {
    fn kind(&self) -> &'static str {
        "tenant"
    }
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }
    fn diff(&self, _live: &Self) -> Diff {
        Diff::Same
    }
    fn precious(&self) -> bool {
        true
    }
    fn natural(&self) -> bool {
        true
    }
    fn view(&self) -> View {
        View::from_iter([("database".to_owned(), self.name.clone().into())])
    }
}

fn name(owner: &Owner) -> String {
    format!("tenant_{}", owner.uid().simple())
}

/// The hands: SQL on the shared server.
#[derive(Debug)]
struct Shared {
    admin: Connection,
}

impl Shared {
    async fn run(&self, sql: &str, what: &str) -> Result<()> {
        Session::open(&self.admin).await?.run(sql, what).await
    }
}

#[async_trait]
impl Actuator<Tenant> for Shared {
    async fn observe(&self, owner: &Owner, _hints: &Ledger, _reach: Reach) -> Result<Observed<Tenant>> {
        let (session, name) = (Session::open(&self.admin).await?, name(owner));
        let rows = session
            .rows(
                "SELECT 1 FROM pg_database WHERE datname = $1",
                &[&name],
                "list databases",
            )
            .await?;
        let mut seen = Observed::default();
        if !rows.is_empty() {
            seen.found(Key::new("tenant")?, Live::ready(name.clone(), Tenant { name }));
        }
        Ok(seen)
    }

    async fn create(&self, _owner: &Owner, _key: &Key, want: &Tenant, _ids: &Ids) -> Result<Live<Tenant>> {
        self.run(&format!("CREATE DATABASE {}", want.name), "make a tenant")
            .await?;
        Ok(Live::ready(want.name.clone(), want.clone()))
    }

    async fn update(
        &self,
        _: &Owner,
        key: &Key,
        _: &Live<Tenant>,
        _: &Tenant,
        _: &[Change],
        _: &Ids,
    ) -> Result<()> {
        Err(Error::new(&codes::CORE_UNSUPPORTED, Class::Unsupported).attempted(format!("change {key}")))
    }

    async fn delete(&self, _owner: &Owner, _key: &Key, live: &Live<Tenant>) -> Result<()> {
        self.run(&format!("DROP DATABASE IF EXISTS {}", live.id), "drop a tenant")
            .await
    }
}

/// The engine: one tenant an instance.
#[derive(Debug)]
struct SharedServer {
    owner: Owner,
    admin: Connection,
    password: SecretRef,
}

#[async_trait]
impl Driver for SharedServer {
    type Spec = DatabaseInstanceSpec;
    type Resource = Tenant;

    fn stage(&self) -> &'static str {
        "database"
    }

    fn desired(&self, _spec: &DatabaseInstanceSpec, _from: &Outputs) -> Result<Desired<Tenant>> {
        Desired::builder()
            .want(
                Key::new("tenant")?,
                Tenant {
                    name: name(&self.owner),
                },
            )
            .build()
    }

    fn gives(&self, _spec: &DatabaseInstanceSpec, _seen: &Observed<Tenant>) -> Outputs {
        Outputs::default()
    }

    async fn actuator(&self, _from: &Outputs) -> Result<Option<Arc<dyn Actuator<Tenant>>>> {
        Ok(Some(Arc::new(Shared {
            admin: self.admin.clone(),
        })))
    }
}

impl DatabaseEngine for SharedServer {
    fn binding(&self, _spec: &DatabaseInstanceSpec, seen: &Observed<Tenant>) -> Option<Binding> {
        let tenant = seen.live.values().find(|l| l.is_ready())?;
        let Connection { host, port, user, .. } = self.admin.clone();
        Some(Binding {
            host,
            port,
            username: user,
            database: tenant.id.clone(),
            password: self.password.clone(),
        })
    }
}

/// Makes an instance, fails to lose its data by accident, then deletes it with consent.
async fn live_and_die(admin: &Connection, name: &str) -> Result<()> {
    let owner = Owner::new(
        &Identity::of(&["shared", &admin.host]),
        "DatabaseInstance",
        "default",
        name,
    );
    let tools = Tools {
        ledger: Arc::new(MemoryLedger::default()),
        fence: Arc::new(Alone),
        clock: Arc::new(SystemClock),
        events: Arc::new(Silent),
        cancel: Default::default(),
    };
    let mut cx = Context::new(owner.clone(), Policy::default(), tools);
    let password = SecretRef::to("admin", &admin.password);
    let engine = SharedServer {
        owner: owner.clone(),
        admin: admin.clone(),
        password,
    };
    let pipeline = Pipeline::new(vec![Box::new(DriverStage::new(
        engine,
        DatabaseInstanceSpec::default(),
    ))]);

    assert_eq!(
        pipeline.run(&mut cx, Wanted::Spec, None).await?,
        Outcome::Converged
    );
    assert!(pipeline.plan(&mut cx, Wanted::Spec).await?.is_empty());
    let kept = pipeline.plan(&mut cx, Wanted::Nothing).await?;
    assert_eq!(kept.stages[0].kept.len(), 1, "going down keeps the data");
    cx.policy.retention = Retention::Delete;
    let refused = pipeline.run(&mut cx, Wanted::Nothing, None).await?;
    assert!(
        matches!(refused, Outcome::Blocked { .. }),
        "data goes only with consent"
    );
    cx.consent = Consent::none().and(name, &owner);
    assert_eq!(
        pipeline.run(&mut cx, Wanted::Nothing, None).await?,
        Outcome::Converged
    );
    paas_examples::say(&format!("{name}: made, kept, refused, deleted with consent\n"));
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let home = std::env::temp_dir().join(format!("paas-shared-{}", std::process::id()));
    let server = LocalInstance::new(
        LocalMachine::open(&home)?,
        "default",
        "shared",
        DatabaseInstanceSpec::default(),
    );
    server.up().await?;
    let admin = server.admin("postgres").await?;
    let lives = async {
        live_and_die(&admin, "alice").await?;
        live_and_die(&admin, "bob").await
    };
    let lived = lives.await;
    server.delete("shared").await?;
    std::fs::remove_dir_all(&home).ok();
    lived
}
