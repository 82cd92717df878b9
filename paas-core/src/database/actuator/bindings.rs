//! Bindings: found, compared with what is true, and published.

use std::collections::BTreeMap;

use super::{ContentActuator, found, logins};
use crate::{
    codes::CORE_SECRET_MISSING,
    database::{
        binding::{self, Entries, Published, ServiceBinding},
        codes::PG_ROTATE,
        connection::Connection,
        login::{Login, LoginState},
        resource::{Content, password_name},
    },
    error::{Class, Error, Result},
    graph::Observed,
    ledger::later,
    owner::Owner,
    resource::Health,
};

/// How long a login that was still handed out when its time was over is accepted after the new one is published.
const GRACE: std::time::Duration = std::time::Duration::from_secs(60);

impl ContentActuator {
    /// All bindings of an owner; none where nobody keeps them.
    pub(in crate::database) async fn published(&self, owner: &Owner) -> Result<Vec<Published>> {
        match &self.bindings {
            Some(store) => store.list(owner).await,
            None => Ok(Vec::new()),
        }
    }

    /// Finds bindings, and what in them is not true any more.
    pub(super) async fn service_bindings(
        &self,
        owner: &Owner,
        published: Vec<Published>,
        seen: &mut Observed<Content>,
    ) -> Result<()> {
        let mut users: BTreeMap<String, Vec<Published>> = BTreeMap::new();
        for one in published {
            users.entry(one.user.clone()).or_default().push(one);
        }
        for (user, mut all) in users {
            let slots = all.iter().map(|p| p.slot).collect();
            let first = all.swap_remove(0);
            let login = seen.live.values().find_map(|live| match &live.resource {
                Content::Login(l) if l.user == user && live.is_ready() && l.active().is_some() => {
                    Some(l.clone())
                }
                _ => None,
            });
            let database = first.entry("database").to_owned();
            let stale = match login {
                // While the login is not as it should be, that is what is told.
                None => Vec::new(),
                Some(login) => {
                    let truth = self.truth(owner, &login, &database).await?;
                    binding::stale(&first.entries, &truth)
                }
            };
            let live = ServiceBinding {
                user,
                slots,
                database,
                stale,
            };
            found(seen, Content::Binding(live), Health::Ready);
        }
        Ok(())
    }

    /// What a user's binding has to say.
    async fn truth(&self, owner: &Owner, login: &Login, database: &str) -> Result<Entries> {
        let attempt = format!("publish the binding of {}", login.user);
        let Some(active) = login.active() else {
            return Err(Error::new(&PG_ROTATE, Class::Blocked)
                .attempted(attempt)
                .happened("no single login role is active"));
        };
        let user = active.turn.login(&login.user);
        let name = password_name(&user);
        let password = self.secrets.get(owner, &name).await?.ok_or_else(|| {
            Error::new(&CORE_SECRET_MISSING, Class::Blocked)
                .attempted(attempt)
                .happened(format!("the secret {name} is not there"))
        })?;
        binding::entries(&Connection {
            host: self.endpoint.0.clone(),
            port: self.endpoint.1,
            database: database.to_owned(),
            user,
            password,
            sslmode: self.tls.0,
            address: None,
            ca: self.tls.1.clone(),
        })
    }

    /// Publishes a user's active login. Where a former one is still handed out although its time is (nearly) over, it gets a grace
    /// first: programs may have read it a moment ago.
    pub(in crate::database) async fn hand_out(&self, owner: &Owner, want: &ServiceBinding) -> Result<()> {
        let login = self.look_up(owner, &want.user).await?;
        let published = self.published(owner).await?;
        if let Some((login, (old, until))) = login.as_ref().and_then(|l| Some((l, l.retiring()?))) {
            let name = old.turn.login(&login.user);
            let grace = logins::whole_seconds(later(self.clock.now(), GRACE));
            let handed_out = published.iter().any(|p| p.entry("username") == name);
            if let LoginState::Retiring { disconnect, .. } = old.state
                && handed_out
                && old.open
                && until < grace
            {
                let state = LoginState::Retiring {
                    until: grace,
                    disconnect,
                };
                let sql = logins::mark(&login.user, old.turn, &old.fingerprint, state);
                self.session()
                    .await?
                    .run(&sql, &format!("give {name} a grace"))
                    .await?;
            }
        }
        self.publish(owner, want).await
    }

    /// Publishes a user's active login at once.
    pub(in crate::database) async fn publish(&self, owner: &Owner, want: &ServiceBinding) -> Result<()> {
        let (Some(store), Some(login)) = (&self.bindings, self.look_up(owner, &want.user).await?) else {
            return Ok(());
        };
        let truth = self.truth(owner, &login, &want.database).await?;
        for slot in &want.slots {
            store.publish(owner, *slot, &want.user, &truth).await?;
        }
        for old in store.list(owner).await? {
            if old.user == want.user && !want.slots.contains(&old.slot) {
                store.remove(owner, old.slot, &old.user).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn withdraw(&self, owner: &Owner, live: &ServiceBinding) -> Result<()> {
        if let Some(store) = &self.bindings {
            for slot in &live.slots {
                store.remove(owner, *slot, &live.user).await?;
            }
        }
        Ok(())
    }
}
