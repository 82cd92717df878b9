//! Placement: what hosts have and what is taken. In most clouds administrators only may ask.

use std::collections::BTreeMap;

use paas_core::error::Result;

use crate::{
    client::{Call, Client, Need, service::Kind},
    collection::{Collection, List, Resource},
    wire::{filter, record},
};

/// Providers are the same since 1.14; later ones bring nothing that is used here.
const CEILING: &str = "1.36";

/// Placement, over a client.
#[derive(Debug, Clone, Copy)]
pub struct Placement<'c>(&'c Client);

impl Client {
    /// Placement.
    pub fn placement(&self) -> Placement<'_> {
        Placement(self)
    }
}

impl<'c> Placement<'c> {
    /// What has resources: hosts, as a rule.
    pub fn resource_providers(self) -> Collection<'c, ResourceProvider> {
        Collection::new(self.0)
    }
}

record! {
    /// What has resources.
    pub struct ResourceProvider {
        /// Its id.
        key uuid: String,
        /// Its name: the host's.
        name: String,
        /// The provider around it; from 1.14.
        parent_provider_uuid: Option<String>,
        /// Grows with each change.
        generation: u64,
    }
}

filter! {
    /// Which resource providers.
    pub struct ResourceProviderFilter of ResourceProvider {
        /// Exactly this name.
        name: String = "name", |it, want| it.name == *want;
    }
}

impl Resource for ResourceProvider {
    const KIND: Kind = Kind::Placement;
    const SAID: &'static str = "resource provider";
    const SAID_MANY: &'static str = "resource providers";
    const PATH: &'static str = "resource_providers";
    const ONE: Option<&'static str> = None;
    const CEILING: Option<&'static str> = Some(CEILING);
}

impl List for ResourceProvider {
    const MANY: &'static str = "resource_providers";
    type Filter = ResourceProviderFilter;
}

impl Collection<'_, ResourceProvider> {
    /// What is used of it, by class of resources.
    ///
    /// # Errors
    ///
    /// Class `NotFound` if there is none.
    pub async fn usages(&self, id: &str) -> Result<BTreeMap<String, u64>> {
        let path = self.one("show usages of", id, "/usages")?;
        let call = Call::get(Kind::Placement, "show resource provider usages", path);
        self.client
            .fetch(call.microversion(Need::up_to(CEILING)), "usages")
            .await
    }
}
