//! The hands inside a server: SQL, one transaction a step.

mod bindings;
pub(super) mod logins;

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use postgres_protocol::escape::{escape_identifier, escape_literal};
use tokio::sync::OnceCell;

use super::{
    binding::BindingStore,
    connection::{Connection, SslMode},
    dial::Dial,
    resource::{Content, Database, Extension, Role},
    session::{Session, column},
};
use crate::{
    actuator::{Actuator, Ids, Reach},
    clock::{Clock, SystemClock},
    error::Result,
    graph::Observed,
    ledger::Ledger,
    owner::Owner,
    resource::{Change, Health, Key, Live},
    secrets::{Generate, SecretStore},
};

/// How a role's comment begins: the mark, set in the transaction that makes the role.
pub(crate) const MARK: &str = "paas:";

/// Databases that are looked into at once.
const PARALLEL: usize = 4;

/// Makes roles, databases and extensions in one server.
///
/// Whose they are: roles bear the mark as their comment, databases belong to such a role, extensions to the platform's own role. What
/// users make by themselves bears none of these and is left alone.
#[derive(Debug)]
pub struct ContentActuator {
    /// The platform's own login.
    admin: Connection,
    /// Where users get in.
    endpoint: (String, u16),
    secrets: Arc<dyn SecretStore>,
    generate: Arc<dyn Generate>,
    clock: Arc<dyn Clock>,
    /// Where programs read how they get in, if that is kept anywhere.
    bindings: Option<Arc<dyn BindingStore>>,
    /// What programs are told about TLS.
    tls: (SslMode, Option<PathBuf>),
    /// How the server is reached, if not by its address.
    dial: Option<Arc<dyn Dial>>,
    /// Where the server's version is told, once it is known.
    version: Arc<OnceLock<String>>,
    /// Hands are made anew for every pass, and live no longer than it.
    main: OnceCell<Session>,
}

impl ContentActuator {
    /// Hands for the server that `admin` reaches; `endpoint` is the host and port that users get.
    pub fn new(
        admin: Connection,
        endpoint: (String, u16),
        secrets: Arc<dyn SecretStore>,
        generate: Arc<dyn Generate>,
    ) -> Self {
        Self {
            admin,
            endpoint,
            secrets,
            generate,
            clock: Arc::new(SystemClock),
            bindings: None,
            tls: (SslMode::Disable, None),
            dial: None,
            version: Arc::default(),
            main: OnceCell::new(),
        }
    }

    /// With another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Publishes bindings there; without it there are none.
    #[must_use]
    pub fn bindings(mut self, store: Arc<dyn BindingStore>) -> Self {
        self.bindings = Some(store);
        self
    }

    /// What bindings say about TLS, and the file with the authority's certificate.
    #[must_use]
    pub fn tls(mut self, mode: SslMode, authority: Option<PathBuf>) -> Self {
        self.tls = (mode, authority);
        self
    }

    /// Reaches the server so, instead of by its address.
    #[must_use]
    pub fn dial(mut self, dial: Arc<dyn Dial>) -> Self {
        self.dial = Some(dial);
        self
    }

    /// Tells the server's version there, as soon as a session knows it.
    #[must_use]
    pub fn version(mut self, told: Arc<OnceLock<String>>) -> Self {
        self.version = told;
        self
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs statements in the administrator's database.
    pub(super) async fn run(&self, sql: &str, attempted: &str) -> Result<()> {
        self.session().await?.run(sql, attempted).await
    }

    pub(super) async fn forget(&self, owner: &Owner, secret: &str) -> Result<()> {
        self.secrets.delete(owner, secret).await
    }

    /// The session with the administrator's database: one for all that is done in a pass.
    async fn session(&self) -> Result<&Session> {
        self.main.get_or_try_init(|| self.open(&self.admin)).await
    }

    async fn session_in(&self, database: &str) -> Result<Session> {
        self.open(&Connection {
            database: database.to_owned(),
            ..self.admin.clone()
        })
        .await
    }

    async fn open(&self, to: &Connection) -> Result<Session> {
        let session = match &self.dial {
            Some(dial) => Session::over(to, &**dial).await?,
            None => Session::open(to).await?,
        };
        self.version.get_or_init(|| session.version().to_owned());
        Ok(session)
    }

    async fn databases(
        &self,
        session: &Session,
        owners: &[String],
        seen: &mut Observed<Content>,
    ) -> Result<Vec<String>> {
        let rows = session
            .rows(
                "SELECT d.datname::text AS name, r.rolname::text AS owner, d.datallowconn AS open FROM pg_database d \
                 JOIN pg_roles r ON r.oid = d.datdba WHERE NOT d.datistemplate AND r.rolname::text = ANY($1) ORDER BY 1",
                &[&owners],
                "list databases",
            )
            .await?;
        let mut open = Vec::new();
        for row in rows {
            let name: String = column(&row, "name")?;
            if column(&row, "open")? {
                open.push(name.clone());
            }
            let database = Database {
                name,
                owner: column(&row, "owner")?,
            };
            found(seen, Content::Database(database), Health::Ready);
        }
        Ok(open)
    }

    async fn extensions(&self, database: String) -> Result<Vec<Extension>> {
        let session = self.session_in(&database).await?;
        let rows = session
            .rows(
                "SELECT e.extname::text AS name, ARRAY(SELECT b.extname::text FROM pg_depend d \
                 JOIN pg_extension b ON b.oid = d.refobjid WHERE d.objid = e.oid AND d.classid = d.refclassid \
                 AND d.classid = 'pg_extension'::regclass AND b.extname <> 'plpgsql') AS after \
                 FROM pg_extension e JOIN pg_roles r ON r.oid = e.extowner \
                 WHERE r.rolname = current_user AND e.extname <> 'plpgsql' ORDER BY 1",
                &[],
                "list extensions",
            )
            .await?;
        rows.iter()
            .map(|r| {
                Ok(Extension {
                    database: database.clone(),
                    name: column(r, "name")?,
                    after: column(r, "after")?,
                })
            })
            .collect()
    }
}

#[async_trait]
impl Actuator<Content> for ContentActuator {
    async fn observe(&self, owner: &Owner, _hints: &Ledger, _reach: Reach) -> Result<Observed<Content>> {
        let mut seen = Observed::default();
        let session = self.session().await?;
        let published = self.published(owner).await?;
        let owners = self.roles(session, owner, &published, &mut seen).await?;
        let open = self.databases(session, &owners, &mut seen).await?;
        let lists = stream::iter(open.into_iter().map(|name| self.extensions(name)));
        let extensions: Vec<Vec<Extension>> = lists.buffered(PARALLEL).try_collect().await?;
        for extension in extensions.into_iter().flatten() {
            found(&mut seen, Content::Extension(extension), Health::Ready);
        }
        self.service_bindings(owner, published, &mut seen).await?;
        Ok(seen)
    }

    async fn create(&self, owner: &Owner, key: &Key, want: &Content, _ids: &Ids) -> Result<Live<Content>> {
        let what = format!("create {key}");
        let made = match want {
            Content::Role(role) => {
                let name = escape_identifier(&role.name);
                let mark = escape_literal(&format!("{MARK}role"));
                let sql = format!("CREATE ROLE {name} NOLOGIN; COMMENT ON ROLE {name} IS {mark}");
                self.session().await?.run(&sql, &what).await?;
                want.clone()
            }
            Content::Login(login) => Content::Login(self.make_login(owner, login).await?),
            Content::Binding(binding) => {
                self.hand_out(owner, binding).await?;
                want.clone()
            }
            Content::Database(database) => {
                let (name, role) = (
                    escape_identifier(&database.name),
                    escape_identifier(&database.owner),
                );
                let sql = format!("CREATE DATABASE {name} OWNER {role}");
                self.session().await?.run(&sql, &what).await?;
                want.clone()
            }
            Content::Extension(extension) => {
                let sql = format!("CREATE EXTENSION {}", escape_identifier(&extension.name));
                let session = self.session_in(&extension.database).await?;
                session
                    .run(&sql, &format!("create extension {}", extension.name))
                    .await?;
                want.clone()
            }
        };
        Ok(Live::ready(key.as_str(), made))
    }

    async fn update(
        &self,
        owner: &Owner,
        key: &Key,
        live: &Live<Content>,
        want: &Content,
        _changes: &[Change],
        _ids: &Ids,
    ) -> Result<()> {
        match (&live.resource, want) {
            (Content::Login(live), Content::Login(want)) => self.change_login(owner, live, want).await,
            (_, Content::Binding(binding)) => self.hand_out(owner, binding).await,
            (_, Content::Database(database)) => {
                let (name, role) = (
                    escape_identifier(&database.name),
                    escape_identifier(&database.owner),
                );
                let sql = format!("ALTER DATABASE {name} OWNER TO {role}");
                self.session().await?.run(&sql, &format!("change {key}")).await
            }
            // The others never differ in a way that an update is planned for.
            _ => Ok(()),
        }
    }

    async fn delete(&self, owner: &Owner, key: &Key, live: &Live<Content>) -> Result<()> {
        let what = format!("delete {key}");
        match &live.resource {
            Content::Role(role) => {
                let sql = format!("DROP ROLE IF EXISTS {}", escape_identifier(&role.name));
                self.session().await?.run(&sql, &what).await
            }
            Content::Login(login) => self.drop_login(owner, login).await,
            Content::Binding(binding) => self.withdraw(owner, binding).await,
            Content::Database(database) => {
                let sql = format!("DROP DATABASE IF EXISTS {}", escape_identifier(&database.name));
                self.session().await?.run(&sql, &what).await
            }
            Content::Extension(extension) => {
                let sql = format!("DROP EXTENSION IF EXISTS {}", escape_identifier(&extension.name));
                self.session_in(&extension.database).await?.run(&sql, &what).await
            }
        }
    }
}

fn found(seen: &mut Observed<Content>, content: Content, health: Health) {
    let live = |c| {
        Live {
            was_ready: true,
            ..Live::ready("", c)
        }
        .health(health)
    };
    // What users' own tools named so oddly that it fits no key is not ours to want or to delete.
    if let Ok(key) = content.key() {
        seen.found(
            key.clone(),
            Live {
                id: key.as_str().to_owned(),
                ..live(content)
            },
        );
    }
}
