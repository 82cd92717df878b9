//! What a `DatabaseInstance` asks for inside a server, as a stage of its own after the server's.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use super::{
    actuator::ContentActuator,
    binding::{BindingStore, ServiceBinding, Slot},
    codes::PG_IDENTIFIER,
    connection::{Connection, SslMode},
    dial::Dial,
    login::{Login, Turn},
    resource::{Content, Database, Extension, Role},
};
use crate::{
    actuator::Actuator,
    clock::{Clock, SystemClock},
    codes::CORE_SECRET_MISSING,
    driver::{Binding, DatabaseEngine, Driver, Outputs},
    error::{Class, Error, Result},
    execute::Half,
    graph::{Desired, Observed},
    owner::Owner,
    pipeline::{Context, DriverStage, Outcome, Stage, Wanted},
    secrets::{Generate, SecretStore},
    spec::DatabaseInstanceSpec,
    view::StageView,
};

/// The stage's name.
pub const STAGE: &str = "database";

/// How names of the platform's own roles begin.
const RESERVED: &str = "paas_";

/// The contents of any PostgreSQL server that an earlier stage gives as [`Outputs::server`].
#[derive(Debug, Clone)]
pub struct ContentDriver {
    owner: Owner,
    endpoint: Option<String>,
    secrets: Arc<dyn SecretStore>,
    generate: Arc<dyn Generate>,
    clock: Arc<dyn Clock>,
    bindings: Option<Arc<dyn BindingStore>>,
    dial: Option<Arc<dyn Dial>>,
    version: Arc<OnceLock<String>>,
}

impl ContentDriver {
    /// For one instance. `endpoint` is the host that users get; left out, the one the platform itself uses.
    pub fn new(
        owner: Owner,
        endpoint: Option<String>,
        secrets: Arc<dyn SecretStore>,
        generate: Arc<dyn Generate>,
    ) -> Self {
        Self {
            owner,
            endpoint,
            secrets,
            generate,
            clock: Arc::new(SystemClock),
            bindings: None,
            dial: None,
            version: Arc::default(),
        }
    }

    /// With another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Publishes there how programs get in; without it nothing is published.
    #[must_use]
    pub fn bindings(mut self, store: Arc<dyn BindingStore>) -> Self {
        self.bindings = Some(store);
        self
    }

    /// Reaches the server so, instead of by the address that the earlier stage gives.
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

    /// The hands for the server that `admin` reaches.
    pub fn hands(&self, admin: Connection) -> ContentActuator {
        let host = self.endpoint.clone().unwrap_or_else(|| admin.host.clone());
        let endpoint = (host, admin.port);
        let (secrets, generate) = (Arc::clone(&self.secrets), Arc::clone(&self.generate));
        let mut hands = ContentActuator::new(admin, endpoint, secrets, generate)
            .clock(Arc::clone(&self.clock))
            .version(Arc::clone(&self.version));
        if let Some(store) = &self.bindings {
            hands = hands.bindings(Arc::clone(store));
        }
        if let Some(dial) = &self.dial {
            hands = hands.dial(Arc::clone(dial));
        }
        hands
    }

    /// The hands for the server that an earlier stage gives; `None` while it gives none.
    ///
    /// # Errors
    /// The administrator's password is not in the secret store.
    pub async fn reach(&self, from: &Outputs) -> Result<Option<ContentActuator>> {
        let Some(server) = &from.server else {
            return Ok(None);
        };
        let password = self
            .secrets
            .get(&self.owner, &server.password.name)
            .await?
            .ok_or_else(|| {
                Error::new(&CORE_SECRET_MISSING, Class::Blocked)
                    .attempted(format!("log in to the server of {}", self.owner))
                    .happened(format!("the secret {} is not there", server.password.name))
            })?;
        Ok(Some(self.hands(Connection {
            host: server.host.clone(),
            port: server.port,
            database: server.database.clone(),
            user: server.username.clone(),
            password,
            sslmode: SslMode::Disable,
            address: None,
            ca: None,
        })))
    }

    /// The stage of this driver. What is inside a server stays or goes with its data: on the way down there is nothing to do.
    pub fn stage(self, spec: DatabaseInstanceSpec) -> Box<dyn Stage> {
        Box::new(ContentStage(DriverStage::new(self, spec)))
    }
}

/// What a user of an instance is handed out: the first database that it owns, else the first one there is. It is published under the
/// instance's name for the owner of the first database, and as `<instance>.<user>` for everybody else.
pub fn service_binding(spec: &DatabaseInstanceSpec, user: &str) -> Option<ServiceBinding> {
    let first = spec.databases.first()?;
    let owned = spec.databases.iter().find(|d| spec.owner_of(d) == user);
    let slot = if spec.owner_of(first) == user {
        Slot::Main
    } else {
        Slot::User
    };
    Some(ServiceBinding::wanted(slot, user, &owned.unwrap_or(first).name))
}

/// Names that pass the schema and still cannot be had together.
pub(super) fn check(spec: &DatabaseInstanceSpec) -> Result<()> {
    let refused = |name: &str, why: &str| {
        Err(Error::new(&PG_IDENTIFIER, Class::Invalid)
            .attempted(format!("name {name}"))
            .happened(why))
    };
    for user in &spec.users {
        if user.name.starts_with(RESERVED) {
            return refused(&user.name, "names that begin with paas_ are the platform's own");
        }
        for turn in [Turn::A, Turn::B] {
            let login = turn.login(&user.name);
            if spec.users.iter().any(|u| u.name == login) {
                return refused(&login, &format!("it is a login role of the user {}", user.name));
            }
        }
    }
    Ok(())
}

#[async_trait]
impl Driver for ContentDriver {
    type Spec = DatabaseInstanceSpec;
    type Resource = Content;

    fn stage(&self) -> &'static str {
        STAGE
    }

    fn desired(&self, spec: &DatabaseInstanceSpec, _from: &Outputs) -> Result<Desired<Content>> {
        check(spec)?;
        let mut wanted = Vec::new();
        for user in &spec.users {
            wanted.push(Content::Role(Role {
                name: user.name.clone(),
            }));
            wanted.push(Content::Login(Login::wanted(&user.name, user.connection_limit)));
            let binding = service_binding(spec, &user.name);
            wanted.extend(binding.filter(|_| self.bindings.is_some()).map(Content::Binding));
        }
        for database in &spec.databases {
            let owner = spec.owner_of(database).to_owned();
            wanted.push(Content::Database(Database {
                name: database.name.clone(),
                owner,
            }));
            let mut after = Vec::new();
            for name in &database.extensions {
                let (database, name) = (database.name.clone(), name.clone());
                wanted.push(Content::Extension(Extension {
                    database,
                    name: name.clone(),
                    after: std::mem::replace(&mut after, vec![name]),
                }));
            }
        }
        let mut builder = Desired::builder();
        for content in wanted {
            builder.add(content.key()?, content);
        }
        builder.build()
    }

    /// The binding is known to others once it is published, where it is.
    fn gives(&self, spec: &DatabaseInstanceSpec, seen: &Observed<Content>) -> Outputs {
        let published = |of: &&Content| matches!(of, Content::Binding(b) if b.slots.contains(&Slot::Main));
        let is_out = seen.live.values().map(|l| &l.resource).any(|of| published(&of));
        Outputs {
            binding: self.binding(spec, seen).filter(|_| is_out),
            ..Outputs::default()
        }
    }

    async fn actuator(&self, from: &Outputs) -> Result<Option<Arc<dyn Actuator<Content>>>> {
        let hands = self.reach(from).await?;
        Ok(hands.map(|hands| Arc::new(hands) as Arc<dyn Actuator<Content>>))
    }
}

impl DatabaseEngine for ContentDriver {
    fn binding(&self, spec: &DatabaseInstanceSpec, seen: &Observed<Content>) -> Option<Binding> {
        let database = spec.databases.first()?;
        let user = spec.owner_of(database);
        let binding = seen.live.values().find_map(|live| match &live.resource {
            Content::Login(l) if l.user == user && live.is_ready() => l.binding.clone(),
            _ => None,
        })?;
        Some(Binding {
            database: database.name.clone(),
            ..binding
        })
    }
}

/// The stage of the contents; see [`ContentDriver::stage`].
#[derive(Debug)]
struct ContentStage(DriverStage<ContentDriver>);

#[async_trait]
impl Stage for ContentStage {
    fn name(&self) -> &str {
        STAGE
    }

    async fn plan(&self, cx: &mut Context, wanted: Wanted) -> Result<StageView> {
        match wanted {
            Wanted::Spec => self.0.plan(cx, wanted).await,
            Wanted::Nothing => Ok(StageView {
                stage: STAGE.to_owned(),
                ..StageView::default()
            }),
        }
    }

    async fn pass(&self, cx: &mut Context, wanted: Wanted, half: Half) -> Result<Outcome> {
        if wanted == Wanted::Nothing {
            self.0.forget(cx).await?;
            return Ok(Outcome::Converged);
        }
        // Without a server, the server's stage says what is waited for, or what is in the way.
        if cx.outputs.server.is_none() {
            return Ok(Outcome::Converged);
        }
        self.0.pass(cx, wanted, half).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        owner::Identity,
        resource::Resource,
        secrets::{FileSecrets, SystemRandom},
        spec,
    };

    fn driver() -> ContentDriver {
        let owner = Owner::new(&Identity::of(&["test"]), "DatabaseInstance", "default", "demo");
        ContentDriver::new(
            owner,
            None,
            Arc::new(FileSecrets::new("/nonexistent")),
            Arc::new(SystemRandom),
        )
    }

    fn users(names: &[&str]) -> DatabaseInstanceSpec {
        let user = |n: &&str| spec::User {
            name: n.to_string(),
            connection_limit: None,
        };
        DatabaseInstanceSpec {
            users: names.iter().map(user).collect(),
            ..DatabaseInstanceSpec::default()
        }
    }

    #[test]
    fn an_empty_spec_asks_for_an_owner_role_a_login_role_and_a_database() {
        let desired = driver()
            .desired(&DatabaseInstanceSpec::default(), &Outputs::default())
            .unwrap();
        let order: Vec<&str> = desired.order().iter().map(crate::resource::Key::as_str).collect();
        assert_eq!(order, ["role/app", "database/app", "login/app"]);
        assert!(desired.wanted().values().all(Resource::natural));
    }

    #[test]
    fn a_user_named_like_anothers_login_role_or_like_the_platforms_own_is_refused() {
        for names in [["app", "app_a"], ["app_b", "app"], ["app", "paas_admin"]] {
            let e = driver().desired(&users(&names), &Outputs::default()).unwrap_err();
            assert_eq!(e.code().id, PG_IDENTIFIER.id, "{names:?}");
        }
        driver()
            .desired(&users(&["app", "app_c"]), &Outputs::default())
            .unwrap();
    }

    #[tokio::test]
    async fn without_a_server_there_are_no_hands_and_a_lost_password_is_told() {
        assert!(driver().actuator(&Outputs::default()).await.unwrap().is_none());
        let password = crate::secrets::SecretRef {
            name: "admin".into(),
            fingerprint: String::new(),
        };
        let (host, database, username) = ("127.0.0.1".into(), "postgres".into(), "paas_admin".into());
        let server = Some(Binding {
            host,
            port: 1,
            database,
            username,
            password,
        });
        let e = driver()
            .actuator(&Outputs {
                server,
                ..Outputs::default()
            })
            .await
            .unwrap_err();
        assert_eq!(e.code().id, CORE_SECRET_MISSING.id);
    }
}
