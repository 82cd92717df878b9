//! The hands inside a server: SQL, one transaction a step.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use postgres_protocol::escape::{escape_identifier, escape_literal};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;

use super::{
    connection::Connection,
    resource::{Content, Database, Extension, Login, Role, password_name},
    session::{Session, column},
};
use crate::{
    actuator::{Actuator, Ids},
    codes::CORE_SECRET_MISSING,
    driver::Binding,
    error::Result,
    graph::Observed,
    ledger::Ledger,
    owner::Owner,
    resource::{Change, Health, Key, Live},
    secrets::{Generate, SecretRef, SecretStore},
};

/// How a role's comment begins: the mark, set in the transaction that makes the role.
const MARK: &str = "paas:";

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
            main: OnceCell::new(),
        }
    }

    /// The session with the administrator's database: one for all that is done in a pass.
    async fn session(&self) -> Result<&Session> {
        self.main.get_or_try_init(|| Session::open(&self.admin)).await
    }

    async fn session_in(&self, database: &str) -> Result<Session> {
        Session::open(&Connection {
            database: database.to_owned(),
            ..self.admin.clone()
        })
        .await
    }

    async fn roles(
        &self,
        session: &Session,
        owner: &Owner,
        seen: &mut Observed<Content>,
    ) -> Result<Vec<String>> {
        let rows = session
            .rows(
                "SELECT r.rolname::text AS name, r.rolconnlimit AS limit, d.description AS mark \
                 FROM pg_roles r JOIN pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass \
                 WHERE starts_with(d.description, $1) ORDER BY 1",
                &[&MARK],
                "list roles",
            )
            .await?;
        let mut owners = Vec::new();
        for row in rows {
            let (name, mark): (String, &str) = (column(&row, "name")?, column(&row, "mark")?);
            match mark
                .strip_prefix(MARK)
                .unwrap_or_default()
                .split(' ')
                .collect::<Vec<_>>()[..]
            {
                ["role"] => {
                    owners.push(name.clone());
                    found(seen, Content::Role(Role { name }), Health::Ready);
                }
                ["login", user, fingerprint] => {
                    let limit = u32::try_from(column::<i32>(&row, "limit")?).ok();
                    let secret = self.secrets.get(owner, &password_name(&name)).await?;
                    let health = password_health(&name, secret.as_ref(), fingerprint);
                    let binding = Binding {
                        host: self.endpoint.0.clone(),
                        port: self.endpoint.1,
                        database: String::new(),
                        username: name.clone(),
                        password: SecretRef {
                            name: password_name(&name),
                            fingerprint: fingerprint.to_owned(),
                        },
                    };
                    let login = Login {
                        user: user.to_owned(),
                        name,
                        limit,
                        binding: Some(binding),
                    };
                    found(seen, Content::Login(login), health);
                }
                _ => {
                    seen.unreadable
                        .insert(name, format!("the role's comment is {mark:?}"));
                }
            }
        }
        Ok(owners)
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

    /// The statements that make a login role: role, membership, acting role and mark in one transaction.
    async fn make_login(&self, owner: &Owner, login: &Login) -> Result<Binding> {
        let secret_name = password_name(&login.name);
        let password = self
            .secrets
            .put_if_absent(owner, &secret_name, self.generate.secret())
            .await?;
        let reference = SecretRef::to(secret_name, &password);
        let (name, user) = (escape_identifier(&login.name), escape_identifier(&login.user));
        // The server gets the verifier and never the password, so no log and no view of statements can show it.
        let verifier = postgres_protocol::password::scram_sha_256(password.expose_secret().as_bytes());
        let sql = format!(
            "CREATE ROLE {name} LOGIN INHERIT CONNECTION LIMIT {limit} IN ROLE {user} PASSWORD {verifier}; \
             ALTER ROLE {name} SET role = {acts}; COMMENT ON ROLE {name} IS {mark}",
            limit = limit(login.limit),
            verifier = escape_literal(&verifier),
            acts = escape_literal(&login.user),
            mark = escape_literal(&format!("{MARK}login {} {}", login.user, reference.fingerprint)),
        );
        self.session()
            .await?
            .run(&sql, &format!("create login role {}", login.name))
            .await?;
        Ok(Binding {
            host: self.endpoint.0.clone(),
            port: self.endpoint.1,
            database: String::new(),
            username: login.name.clone(),
            password: reference,
        })
    }
}

#[async_trait]
impl Actuator<Content> for ContentActuator {
    async fn observe(&self, owner: &Owner, _hints: &Ledger) -> Result<Observed<Content>> {
        let mut seen = Observed::default();
        let session = self.session().await?;
        let owners = self.roles(session, owner, &mut seen).await?;
        let open = self.databases(session, &owners, &mut seen).await?;
        let lists = stream::iter(open.into_iter().map(|name| self.extensions(name)));
        let extensions: Vec<Vec<Extension>> = lists.buffered(PARALLEL).try_collect().await?;
        for extension in extensions.into_iter().flatten() {
            found(&mut seen, Content::Extension(extension), Health::Ready);
        }
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
            Content::Login(login) => {
                let binding = Some(self.make_login(owner, login).await?);
                Content::Login(Login {
                    binding,
                    ..login.clone()
                })
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
        _owner: &Owner,
        key: &Key,
        _live: &Live<Content>,
        want: &Content,
        _changes: &[Change],
        _ids: &Ids,
    ) -> Result<()> {
        let sql = match want {
            Content::Login(login) => {
                format!(
                    "ALTER ROLE {} CONNECTION LIMIT {}",
                    escape_identifier(&login.name),
                    limit(login.limit)
                )
            }
            Content::Database(database) => {
                let (name, role) = (
                    escape_identifier(&database.name),
                    escape_identifier(&database.owner),
                );
                format!("ALTER DATABASE {name} OWNER TO {role}")
            }
            Content::Role(_) | Content::Extension(_) => return Ok(()),
        };
        self.session().await?.run(&sql, &format!("change {key}")).await
    }

    async fn delete(&self, owner: &Owner, key: &Key, live: &Live<Content>) -> Result<()> {
        let what = format!("delete {key}");
        match &live.resource {
            Content::Role(role) => {
                let sql = format!("DROP ROLE IF EXISTS {}", escape_identifier(&role.name));
                self.session().await?.run(&sql, &what).await
            }
            Content::Login(login) => {
                let sql = format!("DROP ROLE IF EXISTS {}", escape_identifier(&login.name));
                self.session().await?.run(&sql, &what).await?;
                self.secrets.delete(owner, &password_name(&login.name)).await
            }
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

/// A password that was lost or exchanged is told, never made anew: programs hold the one that the server knows.
fn password_health(login: &str, secret: Option<&SecretString>, fingerprint: &str) -> Health {
    let why = match secret {
        None => format!(
            "the password of {login} is not in the secret store [{}]",
            CORE_SECRET_MISSING.id
        ),
        Some(value) if SecretRef::to("", value).fingerprint != fingerprint => {
            format!(
                "the stored password of {login} is not the one that was set [{}]",
                CORE_SECRET_MISSING.id
            )
        }
        Some(_) => return Health::Ready,
    };
    Health::Broken { why }
}

fn limit(limit: Option<u32>) -> i64 {
    limit.map_or(-1, i64::from)
}
