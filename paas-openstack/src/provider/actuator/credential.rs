//! The application credential of the cluster: its secret is ours, and stored before the credential is made, so that a crash in between
//! loses nothing (design law 9).

use std::sync::Mutex;

use paas_core::{
    error::{Class, Error, Result},
    graph::Observed,
    owner::Owner,
    resource::{Health, Key, Live, Need},
    secrets::{ExposeSecret as _, SecretRef, SecretString},
};

use super::{OpenStackActuator, create::Making};
use crate::{
    client::ApiError,
    cloud::Identity,
    codes::{OS_EXPIRED, OS_LOGIN, OS_RESTRICTED},
    identity::{ApplicationCredential, ApplicationCredentialFilter, NewApplicationCredential},
    provider::{kinds::Credential, marks, resource::OpenStackResource},
};

/// The key of the credential of the cluster.
pub(crate) const KEY: &str = "credential/cluster";

/// The name of its secret in the store.
pub(crate) const SECRET: &str = "credential-cluster";

/// The name of its id in the store.
const ID: &str = "credential-cluster-id";

/// What was there when the credential that we were logged in with was deleted: after that, nobody is told anything any more.
///
/// It is the last call of all, so what was seen right before it is what there is.
#[derive(Debug, Default)]
pub(super) struct Departure {
    /// What was seen last.
    last: Mutex<Option<Observed<OpenStackResource>>>,
    /// What was left when we went.
    left: Mutex<Option<Observed<OpenStackResource>>>,
}

fn locked<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Departure {
    /// Remembers what was seen.
    pub(super) fn saw(&self, seen: &Observed<OpenStackResource>) {
        *locked(&self.last) = Some(seen.clone());
    }

    /// Notes that the credential in use is gone.
    fn gone(&self, id: &str) {
        let mut left = locked(&self.last).clone();
        if let Some(left) = &mut left {
            left.live.retain(|_, live| live.id != id);
            left.also.clear();
            left.barred.clear();
        }
        *locked(&self.left) = left;
    }

    /// What was left, if the service refuses us because we went.
    pub(super) fn left(&self, error: &Error) -> Option<Observed<OpenStackResource>> {
        // Keystone does not know it any more, or a service does not take its token.
        let refused = [&OS_LOGIN, &OS_EXPIRED].contains(&error.code())
            || ApiError::of(error).is_some_and(|api| api.status == 401);
        locked(&self.left).clone().filter(|_| refused)
    }
}

impl OpenStackActuator {
    /// Adds the credential to what is seen, from those that there are. Everything else goes before it: what works in the cloud for the
    /// cluster may need it, and it may be the one that we are logged in with.
    pub(super) async fn credential(
        &self,
        owner: &Owner,
        all: &[ApplicationCredential],
        seen: &mut Observed<OpenStackResource>,
    ) -> Result<()> {
        let token = self.client.token().await?;
        let key = Key::new(KEY)?;
        self.find_credential(owner, all, seen).await?;
        let lends = token.application_credential.as_ref().filter(|_| token.restricted);
        if let (Some(own), false) = (lends, seen.live.contains_key(&key)) {
            if let Some(live) = self.lent(owner, &own.id).await? {
                seen.found(key.clone(), live);
            }
        } else if let Some(own) = lends {
            let why = format!(
                "the application credential {} that we are logged in with is restricted: it can neither make nor delete any",
                own.name
            );
            seen.bar(key.clone(), &OS_RESTRICTED, why);
        }
        let others: Vec<Key> = seen.live.keys().filter(|k| **k != key).cloned().collect();
        for other in others {
            let needs = seen.also.entry(other).or_default();
            if !needs.iter().any(|n| *n.key() == key) {
                needs.push(Need::Order(key.clone()));
            }
        }
        Ok(())
    }

    /// The login's own credential, if it was lent to the cluster before.
    async fn lent(&self, owner: &Owner, own: &str) -> Result<Option<Live<OpenStackResource>>> {
        let (id, secret) = (
            self.secrets.get(owner, ID).await?,
            self.secrets.get(owner, SECRET).await?,
        );
        let (Some(id), Some(secret)) = (id.filter(|id| id.expose_secret() == own), secret) else {
            return Ok(None);
        };
        let credential = Credential {
            secret: SECRET.to_owned(),
            unrestricted: false,
            kept: Some((SecretRef::to(ID, &id), SecretRef::to(SECRET, &secret))),
            lent: true,
        };
        Ok(Some(Live::ready(own, credential.into())))
    }

    /// Gives the cluster what we are logged in with, since that can make no other; gives its id.
    async fn lend(&self, owner: &Owner, own: &str) -> Result<String> {
        let Identity::ApplicationCredential { secret, .. } = &self.client.cloud().identity else {
            return Err(Error::new(&OS_RESTRICTED, Class::Invalid)
                .attempted("give the cluster a credential")
                .happened("the login is restricted, and no application credential"));
        };
        self.forget_stored(owner).await?;
        self.secrets.put_if_absent(owner, SECRET, secret.clone()).await?;
        self.secrets
            .put_if_absent(owner, ID, own.to_owned().into())
            .await?;
        Ok(own.to_owned())
    }

    async fn forget_stored(&self, owner: &Owner) -> Result<()> {
        self.secrets.delete(owner, ID).await?;
        self.secrets.delete(owner, SECRET).await
    }

    pub(super) async fn credentials(&self, user: &str) -> Result<Vec<ApplicationCredential>> {
        let all = self.client.identity().application_credentials(user);
        match all.all(&ApplicationCredentialFilter::all()).await {
            // Who may not see them has none, nor has a Keystone that is too old for them.
            Err(e) if e.class() == Class::Unsupported => Ok(Vec::new()),
            Err(e) if ApiError::of(&e).is_some_and(|api| api.status == 403) => Ok(Vec::new()),
            all => all,
        }
    }

    async fn find_credential(
        &self,
        owner: &Owner,
        all: &[ApplicationCredential],
        seen: &mut Observed<OpenStackResource>,
    ) -> Result<()> {
        let mark = owner.mark();
        let mine = all
            .iter()
            .filter(|c| c.description.as_deref() == Some(mark.as_str()));
        for it in mine {
            let key = marks::key_in_name(owner, "applicationCredential", "credential", &it.name);
            let Some(key) = key else {
                seen.unreadable.insert(it.id.clone(), it.name.clone());
                continue;
            };
            let live = self.live_credential(owner, it).await?;
            seen.found(key, live);
        }
        Ok(())
    }

    async fn live_credential(
        &self,
        owner: &Owner,
        it: &ApplicationCredential,
    ) -> Result<Live<OpenStackResource>> {
        let mut credential = Credential {
            secret: SECRET.to_owned(),
            unrestricted: it.unrestricted,
            kept: None,
            lent: false,
        };
        if let Some(secret) = self.secrets.get(owner, SECRET).await? {
            let id = self.keep_id(owner, &it.id).await?;
            credential.kept = Some((SecretRef::to(ID, &id), SecretRef::to(SECRET, &secret)));
            return Ok(Live::ready(&it.id, credential.into()));
        }
        // It cannot be read back: the credential is of no use, and made anew.
        let live = Live::settling(&it.id, credential.into(), "");
        Ok(live.health(Health::broken(
            "its secret is not in the store of secrets here, and Keystone shows it to nobody again",
        )))
    }

    /// Its id lies beside its secret, since both are written into the cluster.
    async fn keep_id(&self, owner: &Owner, id: &str) -> Result<SecretString> {
        let kept = self.secrets.get(owner, ID).await?;
        if let Some(kept) = kept {
            if kept.expose_secret() == id {
                return Ok(kept);
            }
            self.secrets.delete(owner, ID).await?;
        }
        self.secrets.put_if_absent(owner, ID, id.to_owned().into()).await
    }

    pub(super) async fn new_credential(&self, making: &Making<'_>, want: &Credential) -> Result<String> {
        let token = self.client.token().await?;
        if let Some(own) = token.application_credential.as_ref().filter(|_| token.restricted) {
            return self.lend(making.owner, &own.id).await;
        }
        // An id is stored once there is a credential: the one that it is of is gone, or was only lent.
        if self.secrets.get(making.owner, ID).await?.is_some() {
            self.forget_stored(making.owner).await?;
        }
        let secret = self
            .secrets
            .put_if_absent(making.owner, &want.secret, self.random.secret())
            .await?;
        let new = NewApplicationCredential::new(&*making.name)
            .description(making.owner.mark())
            .unrestricted(want.unrestricted);
        let credentials = self.client.identity().application_credentials(&token.user.id);
        Ok(credentials.create(&new, Some(&secret)).await?.credential.id)
    }

    /// Deletes it, and then its secret: as long as the credential is there, its secret is worth keeping.
    pub(super) async fn remove_credential(&self, owner: &Owner, id: &str, it: &Credential) -> Result<()> {
        if it.lent {
            return self.forget_stored(owner).await;
        }
        let token = self.client.token().await?;
        let own = token.application_credential.as_ref().is_some_and(|c| c.id == id);
        let gone = self
            .client
            .identity()
            .application_credentials(&token.user.id)
            .delete(id)
            .await;
        match gone {
            Err(e) if !super::change::is_gone(&e) => return Err(e),
            _ => {}
        }
        if own {
            self.departure.gone(id);
        }
        self.secrets.delete(owner, ID).await?;
        self.secrets.delete(owner, &it.secret).await
    }
}
