//! A managed PostgreSQL for a program that embeds this crate.

pub(super) mod parameters;
mod rotate;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{
    actuator::ADMIN_SECRET,
    config::Written,
    data::ADMIN,
    driver::ProcessDriver,
    lock::Lock,
    machine::LocalMachine,
    postmaster::{self, Postmaster},
};
use crate::{
    codes::{CORE_BLOCKED, CORE_FENCED, CORE_SECRET_MISSING},
    database::{
        codes::PG_CONNECT,
        connection::{Connection, SslMode},
        driver::ContentDriver,
        resource::password_name,
    },
    error::{Class, Error, Result},
    execute::{Fence, Tools},
    ledger::FileLedger,
    owner::Owner,
    pipeline::{Context, DriverStage, Outcome, Pipeline, Wanted},
    policy::{Consent, Policy, Retention},
    spec::DatabaseInstanceSpec,
};

/// The host that users get: the loopback, on which the server listens.
const LOOPBACK: &str = "127.0.0.1";

/// One instance on this machine.
///
/// ```no_run
/// # async fn f() -> paas_core::error::Result<()> {
/// use paas_core::{local::{instance::LocalInstance, machine::LocalMachine}, spec::DatabaseInstanceSpec};
///
/// let machine = LocalMachine::open("/var/lib/my-app/paas")?;
/// let database = LocalInstance::new(machine, "default", "demo", DatabaseInstanceSpec::default());
/// database.up().await?;
/// println!("{}", database.connection().await?); // the password is hidden; .url() has it
/// database.down().await?; // stops; the data stays
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct LocalInstance {
    machine: LocalMachine,
    owner: Owner,
    spec: DatabaseInstanceSpec,
    doing: String,
    patience: Duration,
    cancel: CancellationToken,
}

impl LocalInstance {
    /// The instance `namespace/name`, whether it exists or not.
    pub fn new(machine: LocalMachine, namespace: &str, name: &str, spec: DatabaseInstanceSpec) -> Self {
        let owner = machine.owner(namespace, name);
        let doing = "an embedding program".to_owned();
        Self {
            machine,
            owner,
            spec,
            doing,
            patience: Duration::from_secs(600),
            cancel: CancellationToken::new(),
        }
    }

    /// What others are told that wait for the lock: a command, without secrets.
    #[must_use]
    pub fn doing(mut self, what: impl Into<String>) -> Self {
        self.doing = what.into();
        self
    }

    /// How long another writer, and then the work itself, may take; 10 minutes if it is not said.
    #[must_use]
    pub fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    /// What stops the work between two steps.
    #[must_use]
    pub fn cancelled_by(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// What stops its work.
    pub(super) fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Who owns its parts.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The machine that it is on.
    pub fn machine(&self) -> &LocalMachine {
        &self.machine
    }

    /// What it is asked to be.
    pub fn spec(&self) -> &DatabaseInstanceSpec {
        &self.spec
    }

    /// The same instance as another spec has it.
    pub(super) fn with_spec(mut self, spec: DatabaseInstanceSpec) -> Self {
        self.spec = spec;
        self
    }

    /// What stops the work.
    pub(super) fn cancelled(&self) -> &CancellationToken {
        &self.cancel
    }

    /// The folder of everything that it is made of.
    pub fn folder(&self) -> PathBuf {
        self.machine.folder(&self.owner)
    }

    /// Its server process, if one runs.
    ///
    /// # Errors
    /// Those of [`postmaster::running`].
    pub fn running(&self) -> Result<Option<Postmaster>> {
        postmaster::running(&self.folder(), self.machine.home.account())
    }

    /// Its two stages: the server, and what is in it.
    pub fn pipeline(&self) -> Pipeline {
        let server = ProcessDriver::new(self.machine.clone(), self.owner.clone(), &self.spec);
        Pipeline::new(vec![
            Box::new(DriverStage::new(server, self.spec.clone())),
            self.contents().stage(self.spec.clone()),
        ])
    }

    /// What is in its server.
    pub(super) fn contents(&self) -> ContentDriver {
        let machine = &self.machine;
        let (secrets, generate) = (Arc::clone(&machine.secrets), Arc::clone(&machine.generate));
        ContentDriver::new(self.owner.clone(), Some(LOOPBACK.to_owned()), secrets, generate)
            .clock(Arc::clone(&machine.clock))
            .bindings(Arc::clone(&machine.bindings))
    }

    /// What a pass over the pipeline needs, guarded by `fence`; see [`LocalInstance::lock`].
    pub fn context(&self, fence: Arc<dyn Fence>) -> Context {
        let tools = Tools {
            ledger: Arc::new(FileLedger::new(self.machine.home.owners())),
            fence,
            clock: Arc::clone(&self.machine.clock),
            events: Arc::clone(&self.machine.events),
            cancel: self.cancel.clone(),
        };
        let why = "its spec says deletionProtection: true".to_owned();
        let protected = self.spec.deletion_protection.then_some(why);
        Context::new(
            self.owner.clone(),
            Policy {
                protected,
                ..Policy::default()
            },
            tools,
        )
    }

    /// Becomes the one writer of this instance; `waiting` is told who is it now.
    ///
    /// # Errors
    /// Those of [`Lock::take`].
    pub async fn lock(&self, waiting: &(dyn Fn(&super::lock::Holder) + Send + Sync)) -> Result<Lock> {
        let path = self.machine.home.lock_of(&self.owner);
        self.lock_at(&path, waiting).await
    }

    /// Takes another lock in this instance's name.
    pub(super) async fn lock_at(
        &self,
        path: &Path,
        waiting: &(dyn Fn(&super::lock::Holder) + Send + Sync),
    ) -> Result<Lock> {
        Lock::take(
            path,
            &self.doing,
            self.patience,
            &*self.machine.clock,
            &self.cancel,
            waiting,
        )
        .await
    }

    /// Makes it what its spec says, and comes back when it answers queries.
    ///
    /// # Errors
    /// What stands in the way; what was done stays done, and the same call goes on from there.
    pub async fn up(&self) -> Result<()> {
        let lock = self.lock(&|_| ()).await?;
        self.forget_taken_down()?;
        let mut cx = self.context(Arc::new(lock));
        self.run(&mut cx, Wanted::Spec).await
    }

    /// Stops the server. The data stays, and a later [`LocalInstance::up`] takes it up again.
    ///
    /// # Errors
    /// As [`LocalInstance::up`].
    pub async fn down(&self) -> Result<()> {
        let lock = self.lock(&|_| ()).await?;
        self.note_taken_down()?;
        let mut cx = self.context(Arc::new(lock));
        self.run(&mut cx, Wanted::Nothing).await
    }

    /// Stops the server and deletes all data, for good. `confirm` is the instance's name, so that it is the one that is meant.
    ///
    /// # Errors
    /// As [`LocalInstance::up`]; `PAAS-CORE-0011` if the name is another, or the instance is protected.
    pub async fn delete(&self, confirm: &str) -> Result<()> {
        let lock = self.lock(&|_| ()).await?;
        let mut cx = self.context(Arc::new(lock));
        cx.policy.retention = Retention::Delete;
        cx.consent = Consent::none().and(confirm, &self.owner);
        self.run(&mut cx, Wanted::Nothing).await?;
        self.forget_taken_down()
    }

    pub(super) async fn run(&self, cx: &mut Context, wanted: Wanted) -> Result<()> {
        match self.pipeline().run(cx, wanted, Some(self.patience)).await? {
            Outcome::Converged | Outcome::Progressing { .. } => Ok(()),
            Outcome::Blocked { because, .. } => {
                let lines: Vec<String> = because
                    .iter()
                    .map(|b| format!("{}: {} [{}]", b.key, b.why, b.code))
                    .collect();
                let error = Error::new(&CORE_BLOCKED, Class::Blocked)
                    .attempted(format!("bring {} up to date", self.owner))
                    .happened(lines.join("; "));
                Err(match because.into_iter().next() {
                    Some(first) => error.remedy(first.remedy),
                    None => error,
                })
            }
        }
    }

    /// The way into the first declared database, as its owner.
    ///
    /// # Errors
    /// As [`LocalInstance::connection_to`].
    pub async fn connection(&self) -> Result<Connection> {
        let first = self.spec.databases.first();
        let user = first.map_or("app", |d| self.spec.owner_of(d));
        self.connection_to(first.map_or("app", |d| &d.name), user).await
    }

    /// The way into a database as a declared user. Does not look whether the server runs.
    ///
    /// # Errors
    /// `PAAS-PG-0001` if the instance was never started, `PAAS-CORE-0007` if it has no such user. Which of a user's login roles is the
    /// active one is read from its binding; only where that is lost is a running server asked.
    pub async fn connection_to(&self, database: &str, user: &str) -> Result<Connection> {
        let login = self.active_login(user).await?;
        let secret = password_name(&login);
        self.reach(LOOPBACK.to_owned(), database, &login, &secret).await
    }

    /// The platform's own way in, over the Unix socket: it may do everything.
    ///
    /// # Errors
    /// As [`LocalInstance::connection_to`].
    pub async fn admin(&self, database: &str) -> Result<Connection> {
        let sockets = self.machine.sockets(&self.owner).display().to_string();
        self.reach(sockets, database, ADMIN, ADMIN_SECRET).await
    }

    async fn reach(&self, host: String, database: &str, user: &str, secret: &str) -> Result<Connection> {
        let attempt = format!("find the way into {}", self.owner);
        let port = Written::read(&self.machine.folder(&self.owner))?
            .and_then(|w| w.port)
            .ok_or_else(|| {
                Error::new(&PG_CONNECT, Class::NotFound)
                    .attempted(&attempt)
                    .happened("it has no server yet")
            })?;
        let password = self
            .machine
            .secrets
            .get(&self.owner, secret)
            .await?
            .ok_or_else(|| {
                Error::new(&CORE_SECRET_MISSING, Class::NotFound)
                    .attempted(&attempt)
                    .happened(format!("there is no password of {user}"))
            })?;
        let (database, user) = (database.to_owned(), user.to_owned());
        Ok(Connection {
            host,
            port,
            database,
            user,
            password,
            sslmode: SslMode::Disable,
            address: None,
            ca: None,
        })
    }
}

#[async_trait]
impl Fence for Lock {
    async fn check(&self) -> Result<()> {
        if self.is_valid() {
            return Ok(());
        }
        Err(Error::new(&CORE_FENCED, Class::Conflict)
            .attempted("check the lock")
            .happened("somebody removed or replaced the lock file"))
    }
}
