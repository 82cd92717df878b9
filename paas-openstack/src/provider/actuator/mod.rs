//! The hands on OpenStack: one call a step, each with the mark in it.

mod balancer;
mod change;
mod create;
pub(super) mod credential;
mod derived;
mod drift;
mod foreign;
mod glance;
mod health;
mod lists;
mod login;
mod observe;
mod ports;
mod seen;
mod taken;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use paas_core::{
    actuator::{Actuator, Ids, Reach},
    codes::CORE_PROTECTED,
    driver::Boot,
    error::{Error, Result},
    graph::Observed,
    ledger::Ledger,
    owner::Owner,
    resource::{Change, Health, Key, Live},
    secrets::{Generate, SecretStore, SystemRandom},
};

pub(super) use self::credential::{KEY as CREDENTIAL, SECRET as CREDENTIAL_SECRET};
pub(super) use self::taken::{Taken, There};
use self::{credential::Departure, lists::Lists};

use super::{choice::Choice, lookup::Lookups, resource::OpenStackResource};
use crate::{client::Client, codes::OS_CHOICE};

/// Does one thing at a time in one project of a cloud.
#[derive(Debug, Clone)]
pub struct OpenStackActuator {
    pub(super) client: Client,
    secrets: Arc<dyn SecretStore>,
    lookups: Arc<Lookups>,
    /// The external network, as the user chose it.
    external: Option<Choice>,
    /// Whether the Platform has a credential: it is looked for then, and where everything goes.
    credential: bool,
    /// Whether nothing of the Platform may go.
    protected: bool,
    departure: Arc<Departure>,
    boot: Option<Arc<dyn Boot>>,
    random: Arc<dyn Generate>,
}

impl OpenStackActuator {
    /// Hands in the project that the client's token is for. User-data is taken from the store when a server is made.
    pub fn new(client: Client, secrets: Arc<dyn SecretStore>, external: Option<Choice>) -> Self {
        Self {
            external,
            client,
            secrets,
            lookups: Arc::default(),
            credential: false,
            protected: false,
            departure: Arc::default(),
            boot: None,
            random: Arc::new(SystemRandom),
        }
    }

    /// What was found so far of what the user chose.
    pub(crate) fn lookups(&self) -> &Lookups {
        &self.lookups
    }

    /// Looks for an application credential of the Platform too: one list more.
    #[must_use]
    pub fn with_credential(mut self, wanted: bool) -> Self {
        self.credential = wanted;
        self
    }

    /// Asks `boot` what machines do on their first boot.
    #[must_use]
    pub fn booting(mut self, boot: Arc<dyn Boot>) -> Self {
        self.boot = Some(boot);
        self
    }

    /// Takes nothing down.
    #[must_use]
    pub fn protecting(mut self, protected: bool) -> Self {
        self.protected = protected;
        self
    }

    /// Makes secrets by other means.
    #[must_use]
    pub fn with_random(mut self, random: Arc<dyn Generate>) -> Self {
        self.random = random;
        self
    }

    /// Bars everything where nothing may go, or where the login does not last for all of it.
    async fn hold_back(&self, lists: &Lists, seen: &mut Observed<OpenStackResource>) -> Result<()> {
        let token = self.client.token().await?;
        let in_use = token.application_credential.as_ref().map(|c| c.id.as_str());
        let mut credentials = lists.credentials.iter().flatten();
        let own = credentials.find(|c| in_use == Some(c.id.as_str()));
        let now = self.client.clock().now();
        let protected = || {
            (
                &CORE_PROTECTED,
                "deletionProtection of its platform is true".to_owned(),
            )
        };
        let shortcoming = login::shortcoming(&token, own, now);
        if let Some((code, why)) = self.protected.then(protected).or(shortcoming) {
            let all: Vec<Key> = seen.live.keys().cloned().collect();
            all.into_iter().for_each(|key| seen.bar(key, code, why.as_str()));
        }
        Ok(())
    }

    /// The words for an external network: the user's, if they mean this one. Where the user left it open, the one that is used is the one.
    async fn words_for(&self, network: &str) -> Result<Choice> {
        let other = || Choice::Named(network.to_owned());
        let choice = match &self.external {
            None => return Ok(other()),
            Some(Choice::Only) => return Ok(Choice::Only),
            Some(Choice::Named(word)) if word == network => return Ok(other()),
            Some(choice) => choice,
        };
        match self.lookups.external(&self.client, choice).await {
            Ok(id) if id == network => Ok(choice.clone()),
            Ok(_) => Ok(other()),
            // It is not there any more, or there are two: what is ours can be seen and deleted all the same.
            Err(e) if e.code() == &OS_CHOICE => Ok(other()),
            Err(e) => Err(e),
        }
    }

    /// What was refused may have been looked up wrongly, or too long ago.
    fn refused(&self, e: Error) -> Error {
        self.lookups.forget();
        e
    }
}

#[async_trait]
impl Actuator<OpenStackResource> for OpenStackActuator {
    async fn observe(
        &self,
        owner: &Owner,
        hints: &Ledger,
        reach: Reach,
    ) -> Result<Observed<OpenStackResource>> {
        match self.look(owner, hints, reach).await {
            Err(e) => self.departure.left(&e).ok_or(e),
            Ok(seen) => {
                if reach == Reach::All {
                    self.departure.saw(&seen);
                }
                Ok(seen)
            }
        }
    }

    async fn recheck(
        &self,
        owner: &Owner,
        hints: &Ledger,
        seen: &Observed<OpenStackResource>,
        root: &Key,
    ) -> Result<Observed<OpenStackResource>> {
        match root.as_str() {
            "network" => self.look_at_networks(owner, hints, seen).await,
            _ => self.look(owner, hints, Reach::Own).await,
        }
    }

    async fn glance(
        &self,
        owner: &Owner,
        waited: &BTreeMap<Key, Live<OpenStackResource>>,
    ) -> Result<Option<BTreeMap<Key, Health>>> {
        self.glance_at(owner, waited).await
    }

    async fn create(
        &self,
        owner: &Owner,
        key: &Key,
        want: &OpenStackResource,
        ids: &Ids,
    ) -> Result<Live<OpenStackResource>> {
        self.make(owner, key, want, ids)
            .await
            .map_err(|e| self.refused(e))
    }

    async fn update(
        &self,
        owner: &Owner,
        _key: &Key,
        live: &Live<OpenStackResource>,
        want: &OpenStackResource,
        changes: &[Change],
        ids: &Ids,
    ) -> Result<()> {
        self.change(owner, live, want, changes, ids)
            .await
            .map_err(|e| self.refused(e))
    }

    async fn delete(&self, owner: &Owner, _key: &Key, live: &Live<OpenStackResource>) -> Result<()> {
        self.remove(owner, live).await
    }
}
