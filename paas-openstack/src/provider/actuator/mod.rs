//! The hands on OpenStack: one call a step, each with the mark in it.

mod balancer;
mod change;
mod create;
mod drift;
mod observe;
mod seen;
mod taken;

use std::sync::Arc;

use async_trait::async_trait;
use paas_core::{
    actuator::{Actuator, Ids},
    error::Result,
    graph::Observed,
    ledger::Ledger,
    owner::Owner,
    resource::{Change, Key, Live},
    secrets::SecretStore,
};

pub(super) use self::taken::{Taken, There};
use super::{choice::Choice, lookup::Lookups, resource::OpenStackResource};
use crate::client::Client;

/// Does one thing at a time in one project of a cloud.
#[derive(Debug, Clone)]
pub struct OpenStackActuator {
    pub(super) client: Client,
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

    /// The words for an external network: the user's, if they mean this one.
    async fn words_for(&self, network: &str) -> Result<Choice> {
        match &self.external {
            Some(choice) if self.lookups.external(&self.client, choice).await? == network => {
                Ok(choice.clone())
            }
            _ => Ok(Choice::Named(network.to_owned())),
        }
    }
}

#[async_trait]
impl Actuator<OpenStackResource> for OpenStackActuator {
    async fn observe(&self, owner: &Owner, hints: &Ledger) -> Result<Observed<OpenStackResource>> {
        self.look(owner, hints).await
    }

    async fn create(
        &self,
        owner: &Owner,
        key: &Key,
        want: &OpenStackResource,
        ids: &Ids,
    ) -> Result<Live<OpenStackResource>> {
        self.make(owner, key, want, ids).await
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
        self.change(owner, live, want, changes, ids).await
    }

    async fn delete(&self, _owner: &Owner, _key: &Key, live: &Live<OpenStackResource>) -> Result<()> {
        self.remove(live).await
    }
}
