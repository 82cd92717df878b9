//! A user's login roles inside a server: found by their marks, made, handed over and locked, one transaction each.

use std::collections::BTreeMap;

use jiff::Timestamp;
use postgres_protocol::escape::{escape_identifier, escape_literal};
use secrecy::{ExposeSecret, SecretString};

use super::{ContentActuator, MARK, found};
use crate::{
    codes::CORE_SECRET_MISSING,
    database::{
        binding::Published,
        login::{Due, Login, LoginRole, LoginState, Turn},
        resource::{Content, password_name},
        session::{Session, column},
    },
    driver::Binding,
    error::Result,
    graph::Observed,
    owner::Owner,
    resource::{Health, Key, Live},
    secrets::SecretRef,
};

/// A role that bears our mark.
struct Marked {
    name: String,
    limit: Option<u32>,
    open: bool,
    mark: String,
}

async fn marked(session: &Session) -> Result<Vec<Marked>> {
    let rows = session
        .rows(
            "SELECT r.rolname::text AS name, r.rolconnlimit AS limit, r.rolcanlogin AS open, d.description AS mark \
             FROM pg_roles r JOIN pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass \
             WHERE starts_with(d.description, $1) ORDER BY 1",
            &[&MARK],
            "list roles",
        )
        .await?;
    rows.iter()
        .map(|row| {
            let mark: &str = column(row, "mark")?;
            Ok(Marked {
                name: column(row, "name")?,
                limit: u32::try_from(column::<i32>(row, "limit")?).ok(),
                open: column(row, "open")?,
                mark: mark.strip_prefix(MARK).unwrap_or_default().to_owned(),
            })
        })
        .collect()
}

fn read_mark(role: &Marked) -> Option<(String, LoginRole)> {
    let words: Vec<&str> = role.mark.split(' ').collect();
    let ["login", user, fingerprint, state @ ..] = words.as_slice() else {
        return None;
    };
    let read = LoginRole {
        turn: Turn::of(user, &role.name)?,
        state: LoginState::parse(state)?,
        fingerprint: (*fingerprint).to_owned(),
        open: role.open,
        limit: role.limit,
        due: None,
    };
    Some(((*user).to_owned(), read))
}

impl ContentActuator {
    /// Finds owner roles and logins; the owner roles' names are the answer.
    pub(super) async fn roles(
        &self,
        session: &Session,
        owner: &Owner,
        published: &[Published],
        seen: &mut Observed<Content>,
    ) -> Result<Vec<String>> {
        let mut owners = Vec::new();
        let mut logins: BTreeMap<String, Vec<LoginRole>> = BTreeMap::new();
        for role in marked(session).await? {
            if role.mark == "role" {
                owners.push(role.name.clone());
                let name = role.name;
                found(seen, Content::Role(super::Role { name }), Health::Ready);
            } else if let Some((user, login)) = read_mark(&role) {
                logins.entry(user).or_default().push(login);
            } else {
                let why = format!("the role's comment is \"{MARK}{}\"", role.mark);
                seen.unreadable.insert(role.name, why);
            }
        }
        for (user, roles) in logins {
            let login = self.login(owner, published, user, roles).await?;
            let active: Vec<String> = named(&login, |r| r.state == LoginState::Active);
            if let ([_, _, ..], Ok(key)) = (active.as_slice(), Content::Login(login.clone()).key()) {
                both_active(seen, &key, &login, &active);
                continue;
            }
            let health = self.health(owner, &login).await?;
            found(seen, Content::Login(login), health);
        }
        Ok(owners)
    }

    async fn login(
        &self,
        owner: &Owner,
        published: &[Published],
        user: String,
        roles: Vec<LoginRole>,
    ) -> Result<Login> {
        let mut login = Login {
            roles,
            ..Login::wanted(user, None)
        };
        let Some(active) = login.active().cloned() else {
            return Ok(login);
        };
        let handed_out: Vec<&str> = published.iter().map(|p| p.entry("username")).collect();
        for role in &mut login.roles {
            let name = role.turn.login(&login.user);
            role.due = match role.state {
                LoginState::Active => None,
                // What is still handed out is not locked: first the binding is brought up to date.
                LoginState::Retiring { .. } if handed_out.contains(&name.as_str()) => None,
                LoginState::Retiring { until, .. } => {
                    (!role.open || self.clock.now() >= until).then_some(Due::Lock)
                }
                LoginState::Locked if role.open => Some(Due::Lock),
                LoginState::Locked => {
                    let kept = self.secrets.get(owner, &password_name(&name)).await?;
                    kept.map(|_| Due::Forget)
                }
            };
        }
        login.limit = active.limit;
        let username = active.turn.login(&login.user);
        login.binding = Some(Binding {
            host: self.endpoint.0.clone(),
            port: self.endpoint.1,
            database: String::new(),
            password: SecretRef {
                name: password_name(&username),
                fingerprint: active.fingerprint,
            },
            username,
        });
        Ok(login)
    }

    async fn health(&self, owner: &Owner, login: &Login) -> Result<Health> {
        let broken = |why: String| Ok(Health::broken(why));
        let Some(active) = login.active() else {
            let roles = named(login, |_| true).join(" and ");
            return broken(format!(
                "of the login roles of {} none is active: {roles}",
                login.user
            ));
        };
        let name = active.turn.login(&login.user);
        if !active.open {
            return broken(format!("the active login role {name} may not log in"));
        }
        let secret = self.secrets.get(owner, &password_name(&name)).await?;
        Ok(password_health(&name, secret.as_ref(), &active.fingerprint))
    }

    /// What there is of a user's login now.
    pub(crate) async fn look_up(&self, owner: &Owner, user: &str) -> Result<Option<Login>> {
        let published = self.published(owner).await?;
        let session = self.session().await?;
        let mut roles = Vec::new();
        for role in marked(session).await? {
            roles.extend(read_mark(&role).filter(|(of, _)| of == user).map(|(_, r)| r));
        }
        if roles.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.login(owner, &published, user.to_owned(), roles).await?))
    }

    /// Stores the password of a login role to come, and tells what the server gets: the verifier and never the password, so no log
    /// and no view of statements can show it.
    pub(in crate::database) async fn password(
        &self,
        owner: &Owner,
        login: &str,
    ) -> Result<(SecretRef, String)> {
        let name = password_name(login);
        let password = self
            .secrets
            .put_if_absent(owner, &name, self.generate.secret())
            .await?;
        let verifier = postgres_protocol::password::scram_sha_256(password.expose_secret().as_bytes());
        Ok((SecretRef::to(name, &password), escape_literal(&verifier)))
    }

    /// Makes a user's first login role: role, membership, acting role and mark in one transaction.
    pub(super) async fn make_login(&self, owner: &Owner, login: &Login) -> Result<Login> {
        let name = Turn::A.login(&login.user);
        let (reference, verifier) = self.password(owner, &name).await?;
        let sql = [
            create(&login.user, Turn::A, login.limit, &verifier),
            mark(&login.user, Turn::A, &reference.fingerprint, LoginState::Active),
        ]
        .join("; ");
        self.session()
            .await?
            .run(&sql, &format!("create login role {name}"))
            .await?;
        let role = LoginRole {
            turn: Turn::A,
            state: LoginState::Active,
            fingerprint: reference.fingerprint,
            open: true,
            limit: login.limit,
            due: None,
        };
        let roles = vec![role];
        self.login(owner, &[], login.user.clone(), roles).await
    }

    pub(super) async fn change_login(&self, owner: &Owner, live: &Login, want: &Login) -> Result<()> {
        let limits: Vec<String> = live
            .roles
            .iter()
            .filter(|r| r.limit != want.limit && r.state != LoginState::Locked)
            .map(|r| {
                let name = escape_identifier(&r.turn.login(&live.user));
                format!("ALTER ROLE {name} CONNECTION LIMIT {}", limit(want.limit))
            })
            .collect();
        if !limits.is_empty() {
            let what = format!("change login/{}", live.user);
            self.session().await?.run(&limits.join("; "), &what).await?;
        }
        for role in live.roles.iter().filter(|r| r.due.is_some()) {
            self.lock(owner, &live.user, role).await?;
        }
        Ok(())
    }

    /// Takes password and login from a role that is not the active one, in one transaction, then forgets the password. Sessions that
    /// are to be ended with it end before the mark says that it is done.
    pub(in crate::database) async fn lock(&self, owner: &Owner, user: &str, role: &LoginRole) -> Result<()> {
        let name = role.turn.login(user);
        let close = format!("ALTER ROLE {} NOLOGIN PASSWORD NULL", escape_identifier(&name));
        let done = mark(user, role.turn, &role.fingerprint, LoginState::Locked);
        let session = self.session().await?;
        let what = format!("lock login role {name}");
        match role.state {
            LoginState::Retiring { disconnect: true, .. } => {
                session.run(&close, &what).await?;
                let end = format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = {}",
                    escape_literal(&name)
                );
                session.run(&format!("{end}; {done}"), &what).await?;
            }
            LoginState::Locked if !role.open => {}
            LoginState::Retiring { .. } | LoginState::Locked | LoginState::Active => {
                session.run(&format!("{close}; {done}"), &what).await?;
            }
        }
        self.secrets.delete(owner, &password_name(&name)).await?;
        match &self.bindings {
            Some(store) => store.tidy(owner).await,
            None => Ok(()),
        }
    }

    pub(super) async fn drop_login(&self, owner: &Owner, login: &Login) -> Result<()> {
        let names = [Turn::A, Turn::B].map(|t| t.login(&login.user));
        // Somebody else's role of that name bears no mark and stays.
        let ours = |n: &&String| login.roles.iter().any(|r| r.turn.login(&login.user) == **n);
        let drops: Vec<String> = names
            .iter()
            .filter(ours)
            .map(|n| format!("DROP ROLE IF EXISTS {}", escape_identifier(n)))
            .collect();
        let what = format!("delete login/{}", login.user);
        self.session().await?.run(&drops.join("; "), &what).await?;
        for name in &names {
            self.secrets.delete(owner, &password_name(name)).await?;
        }
        Ok(())
    }
}

/// The statements that make a login role, without its mark.
pub(in crate::database) fn create(
    user: &str,
    turn: Turn,
    connections: Option<u32>,
    verifier: &str,
) -> String {
    let (name, role) = (escape_identifier(&turn.login(user)), escape_identifier(user));
    format!(
        "CREATE ROLE {name} LOGIN INHERIT CONNECTION LIMIT {} IN ROLE {role} PASSWORD {verifier}; \
         ALTER ROLE {name} SET role = {}",
        limit(connections),
        escape_literal(user)
    )
}

/// The statement that marks a login role.
pub(in crate::database) fn mark(user: &str, turn: Turn, fingerprint: &str, state: LoginState) -> String {
    format!(
        "COMMENT ON ROLE {} IS {}",
        escape_identifier(&turn.login(user)),
        escape_literal(&format!("{MARK}login {user} {fingerprint} {state}"))
    )
}

/// A connection limit in PostgreSQL's words.
pub(in crate::database) fn limit(limit: Option<u32>) -> i64 {
    limit.map_or(-1, i64::from)
}

fn named(login: &Login, which: impl Fn(&LoginRole) -> bool) -> Vec<String> {
    let roles = login.roles.iter().filter(|r| which(r));
    roles.map(|r| r.turn.login(&login.user)).collect()
}

/// Two roles that both say they are the active one: which one programs hold cannot be told.
fn both_active(seen: &mut Observed<Content>, key: &Key, login: &Login, names: &[String]) {
    for name in names {
        let live = Live::ready(name, Content::Login(login.clone()));
        seen.found(key.clone(), live);
    }
}

/// A password that was lost or exchanged is told, never made anew without being asked for: programs hold the one that the server knows.
fn password_health(login: &str, secret: Option<&SecretString>, fingerprint: &str) -> Health {
    let why = match secret {
        None => "is not in the secret store",
        Some(value) if SecretRef::to("", value).fingerprint != fingerprint => {
            "in the secret store is not the one that was set"
        }
        Some(_) => return Health::Ready,
    };
    Health::Broken {
        why: format!("the password of {login} {why}; a rotation makes a new one"),
        code: Some(&CORE_SECRET_MISSING),
    }
}

/// A time rounded up to the whole seconds that a mark holds.
pub(in crate::database) fn whole_seconds(time: Timestamp) -> Timestamp {
    let up = i64::from(time.subsec_nanosecond() > 0);
    Timestamp::from_second(time.as_second().saturating_add(up)).unwrap_or(time)
}
