//! Changing a password with no failed login: the other login role is opened and handed out, and the former one is locked later.
//!
//! Every step is one transaction, and any of them may be the last before a crash:
//! 1. a new password is stored; nothing uses it yet, and the next rotation makes another one;
//! 2. the other role is opened and becomes the active one, the former one becomes retiring until a time: both let programs in;
//! 3. the binding is published; until it is, the former login is not locked, whatever its time;
//! 4. once its time is over, the former role is locked and its password forgotten: by whoever comes first, a pass or a rotation.

use std::time::Duration;

use jiff::Timestamp;
use postgres_protocol::escape::{escape_identifier, escape_literal};
use serde::Serialize;

use super::{
    actuator::{
        ContentActuator,
        logins::{create, limit, mark, whole_seconds},
    },
    binding::ServiceBinding,
    codes::PG_ROTATE,
    login::{Login, LoginRole, LoginState, Turn},
    resource::password_name,
};
use crate::{
    error::{Class, Error, Result},
    ledger::later,
    owner::Owner,
    secrets::SecretRef,
};

/// How a password is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// How long the former login still works.
    pub overlap: Duration,
    /// Whether its sessions are ended when it is locked; otherwise they go on.
    pub disconnect: bool,
    /// Whether a former login that still works is locked at once to make room.
    pub now: bool,
}

impl Default for Rotation {
    /// Ten minutes, sessions go on, nothing is cut short.
    fn default() -> Self {
        Self {
            overlap: Duration::from_secs(600),
            disconnect: false,
            now: false,
        }
    }
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotated {
    /// The user.
    pub user: String,
    /// The login role that is handed out now.
    pub login: String,
    /// The one that was.
    pub former: String,
    /// Until when the former one works.
    pub until: Timestamp,
    /// Whether it is locked already.
    pub locked: bool,
    /// True if this finished a rotation that had been interrupted, and began none.
    pub resumed: bool,
}

impl ContentActuator {
    /// Changes a user's password. `binding` is what is handed out, if anything is.
    ///
    /// A rotation that was interrupted before it handed the new login out is finished instead, so the same call again is safe.
    ///
    /// # Errors
    /// `PAAS-PG-0008` while a former login still works, or if no single role is active; those of a session. After an error the same
    /// call goes on from there.
    pub async fn rotate(
        &self,
        owner: &Owner,
        user: &str,
        binding: Option<&ServiceBinding>,
        how: &Rotation,
    ) -> Result<Rotated> {
        let login = self.may_rotate(owner, user, how).await?;
        if let Some((former, _)) = login.retiring() {
            if self.is_handed_out(owner, &former.turn.login(user)).await? {
                if let Some(binding) = binding {
                    self.hand_out(owner, binding).await?;
                }
                if !how.now {
                    return self.resumed(owner, user).await;
                }
            }
            self.lock(owner, user, &ending(former, how)).await?;
        }
        let login = self.may_rotate(owner, user, how).await?;
        let Some(active) = login.active() else {
            return Err(refused(user, "no single login role is active"));
        };
        let until = whole_seconds(later(self.now(), how.overlap));
        let next = active.turn.other();
        self.take_turn(owner, &login, active, until, how.disconnect)
            .await?;
        if let Some(binding) = binding {
            self.publish(owner, binding).await?;
        }
        let locked = how.overlap.is_zero();
        if locked {
            self.lock(owner, user, &ending(active, how)).await?;
        }
        Ok(Rotated {
            user: user.to_owned(),
            login: next.login(user),
            former: active.turn.login(user),
            until,
            locked,
            resumed: false,
        })
    }

    /// The user's login, if its password can be changed now.
    ///
    /// # Errors
    /// As [`ContentActuator::rotate`]; nothing is changed.
    pub async fn may_rotate(&self, owner: &Owner, user: &str, how: &Rotation) -> Result<Login> {
        let Some(login) = self.look_up(owner, user).await? else {
            return Err(refused(user, "it has no login role yet")
                .remedy("run `paas up` first, which makes what is declared"));
        };
        if login.active().is_none() {
            let states: Vec<String> = login
                .roles
                .iter()
                .map(|r| format!("{} is {}", r.turn.login(user), r.state))
                .collect();
            let why = format!("no single login role is active: {}", states.join(", "));
            return Err(refused(user, &why).remedy(
                "mark one of the roles as active with COMMENT ON ROLE, as the other ones are marked",
            ));
        }
        if let Some((former, until)) = login.retiring() {
            let name = former.turn.login(user);
            let over = former.due.is_some() || self.now() >= until;
            if !over && !how.now && !self.is_handed_out(owner, &name).await? {
                return Err(refused(
                    user,
                    &format!("its former login {name} works until {until}"),
                ));
            }
        }
        Ok(login)
    }

    /// Locks every former login whose time is over, and answers with their names.
    ///
    /// # Errors
    /// Those of a session.
    pub async fn lock_former(&self, owner: &Owner, users: &[String]) -> Result<Vec<String>> {
        let mut locked = Vec::new();
        for user in users {
            let login = self.look_up(owner, user).await?;
            for role in login.iter().flat_map(|l| &l.roles).filter(|r| r.due.is_some()) {
                self.lock(owner, user, role).await?;
                locked.push(role.turn.login(user));
            }
        }
        Ok(locked)
    }

    async fn is_handed_out(&self, owner: &Owner, login: &str) -> Result<bool> {
        let published = self.published(owner).await?;
        Ok(published.iter().any(|p| p.entry("username") == login))
    }

    async fn resumed(&self, owner: &Owner, user: &str) -> Result<Rotated> {
        let login = self.look_up(owner, user).await?;
        let found = login.as_ref().and_then(|l| Some((l.active()?, l.retiring()?)));
        let Some((active, (former, until))) = found else {
            return Err(refused(user, "somebody else changed its login roles meanwhile"));
        };
        Ok(Rotated {
            user: user.to_owned(),
            login: active.turn.login(user),
            former: former.turn.login(user),
            until,
            locked: false,
            resumed: true,
        })
    }

    /// Opens the other role with a new password and makes it the active one, in one transaction with the end of the former one's turn.
    async fn take_turn(
        &self,
        owner: &Owner,
        login: &Login,
        active: &LoginRole,
        until: Timestamp,
        disconnect: bool,
    ) -> Result<()> {
        let (user, next) = (login.user.as_str(), active.turn.other());
        let name = next.login(user);
        // What an interrupted rotation stored may have been seen by nobody, and may not; it is cheap to make another one.
        self.forget(owner, &password_name(&name)).await?;
        let (password, verifier): (SecretRef, String) = self.password(owner, &name).await?;
        let open = if login.roles.iter().any(|r| r.turn == next) {
            reopen(user, next, login.limit, &verifier)
        } else {
            create(user, next, login.limit, &verifier)
        };
        let sql = [
            open,
            mark(user, next, &password.fingerprint, LoginState::Active),
            mark(
                user,
                active.turn,
                &active.fingerprint,
                LoginState::Retiring { until, disconnect },
            ),
        ]
        .join("; ");
        self.run(&sql, &format!("open login role {name}")).await
    }
}

/// The statements that open a locked login role again.
fn reopen(user: &str, turn: Turn, connections: Option<u32>, verifier: &str) -> String {
    let (name, role) = (escape_identifier(&turn.login(user)), escape_identifier(user));
    format!(
        "ALTER ROLE {name} LOGIN INHERIT CONNECTION LIMIT {} PASSWORD {verifier}; GRANT {role} TO {name}; \
         ALTER ROLE {name} SET role = {}",
        limit(connections),
        escape_literal(user)
    )
}

/// The role as one whose time is over now.
fn ending(role: &LoginRole, how: &Rotation) -> LoginRole {
    let (until, before) = match role.state {
        LoginState::Retiring { until, disconnect } => (until, disconnect),
        LoginState::Active | LoginState::Locked => (Timestamp::UNIX_EPOCH, false),
    };
    let state = LoginState::Retiring {
        until,
        disconnect: how.disconnect || before,
    };
    LoginRole {
        state,
        ..role.clone()
    }
}

fn refused(user: &str, why: &str) -> Error {
    Error::new(&PG_ROTATE, Class::Conflict)
        .attempted(format!("change the password of {user}"))
        .happened(why)
}
