//! Changing the passwords of an instance, and which login is handed out now.

use std::path::PathBuf;

use super::LocalInstance;
use crate::{
    database::{
        actuator::ContentActuator,
        binding::Published,
        driver::service_binding,
        login::Turn,
        resource::password_name,
        rotate::{Rotated, Rotation},
    },
    error::Result,
    execute::Fence,
};

impl LocalInstance {
    /// Changes the password of one user, or of all, with no failed login: what read the former one can log in with it for
    /// [`Rotation::overlap`]. Then any later [`LocalInstance::up`] or [`LocalInstance::lock_former`] locks the former login.
    ///
    /// # Errors
    /// `PAAS-PG-0008` while a former login of one of them still works, and then nothing is changed; `PAAS-PG-0001` if no server runs.
    /// After any other error the same call goes on from there.
    pub async fn rotate(&self, user: Option<&str>, how: &Rotation) -> Result<Vec<Rotated>> {
        let lock = self.lock(&|_| ()).await?;
        let hands = self.hands().await?;
        let users = match user {
            Some(one) => vec![one.to_owned()],
            None => self.users(),
        };
        for user in &users {
            hands.may_rotate(&self.owner, user, how).await?;
        }
        let mut done = Vec::with_capacity(users.len());
        for user in &users {
            lock.check().await?;
            let binding = service_binding(&self.spec, user);
            done.push(hands.rotate(&self.owner, user, binding.as_ref(), how).await?);
        }
        Ok(done)
    }

    /// Locks the former logins whose time is over, and answers with their names.
    ///
    /// # Errors
    /// `PAAS-PG-0001` if no server runs.
    pub async fn lock_former(&self) -> Result<Vec<String>> {
        let _lock = self.lock(&|_| ()).await?;
        let hands = self.hands().await?;
        hands.lock_former(&self.owner, &self.users()).await
    }

    /// The binding directory of a user, in the layout of the Service Binding specification, if it is published.
    ///
    /// # Errors
    /// `PAAS-LOC-0013` if the directories cannot be read.
    pub async fn binding(&self, user: &str) -> Result<Option<(PathBuf, Published)>> {
        let all = self.machine.bindings.list(&self.owner).await?;
        let folder = self.machine.home.bindings().join(self.owner.namespace());
        let one = all.into_iter().find(|p| p.user == user);
        Ok(one.map(|p| (folder.join(p.slot.name(self.owner.name(), user)), p)))
    }

    /// The login role of a user that is handed out.
    pub(super) async fn active_login(&self, user: &str) -> Result<String> {
        let names = [Turn::A, Turn::B].map(|t| t.login(user));
        if let Some((_, published)) = self.binding(user).await?
            && let Some(name) = names.iter().find(|n| *n == published.entry("username"))
        {
            return Ok(name.clone());
        }
        let stored = self.machine.secrets.list(&self.owner).await?;
        let with_password = names.iter().filter(|n| stored.contains(&password_name(n)));
        if let [one] = with_password.collect::<Vec<_>>()[..] {
            return Ok(one.clone());
        }
        let first = || Turn::A.login(user);
        if self.running()?.is_none() {
            return Ok(first());
        }
        let login = self.hands().await?.look_up(&self.owner, user).await?;
        Ok(login
            .and_then(|l| Some(l.active()?.turn.login(user)))
            .unwrap_or_else(first))
    }

    fn users(&self) -> Vec<String> {
        self.spec.users.iter().map(|u| u.name.clone()).collect()
    }

    async fn hands(&self) -> Result<ContentActuator> {
        Ok(self.contents().hands(self.admin("postgres").await?))
    }
}
