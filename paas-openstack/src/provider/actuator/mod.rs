//! The hands on OpenStack: one call a step, each with the mark in it.

mod balancer;
mod change;
mod create;
mod glance;
mod observe;
mod ports;
mod seen;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use paas_core::{
    actuator::{Actuator, Ids},
    error::{Error, Result},
    graph::Observed,
    ledger::Ledger,
    owner::Owner,
    resource::{Change, Health, Key, Live},
    secrets::SecretStore,
};

use super::{choice::Choice, lookup::Lookups, resource::OpenStackResource};
use crate::{client::Client, codes::OS_CHOICE};

/// Does one thing at a time in one project of a cloud.
#[derive(Debug, Clone)]
pub struct OpenStackActuator {
    client: Client,
    secrets: Arc<dyn SecretStore>,
    lookups: Arc<Lookups>,
    /// The external network, as the user chose it.
    external: Option<Choice>,
}

impl OpenStackActuator {
    /// Hands in the project that the client's token is for. User-data is taken from the store when a server is made.
    pub fn new(client: Client, secrets: Arc<dyn SecretStore>, external: Option<Choice>) -> Self {
        Self {
            external,
            client,
            secrets,
            lookups: Arc::default(),
        }
    }

    /// Hands that know what others of the same run found.
    #[must_use]
    pub(super) fn knowing(mut self, lookups: Arc<Lookups>) -> Self {
        self.lookups = lookups;
        self
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
    async fn observe(&self, owner: &Owner, hints: &Ledger) -> Result<Observed<OpenStackResource>> {
        self.look(owner, hints).await
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
            _ => self.look(owner, hints).await,
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
        _changes: &[Change],
        ids: &Ids,
    ) -> Result<()> {
        self.change(owner, live, want, ids)
            .await
            .map_err(|e| self.refused(e))
    }

    async fn delete(&self, _owner: &Owner, _key: &Key, live: &Live<OpenStackResource>) -> Result<()> {
        self.remove(live).await
    }
}
