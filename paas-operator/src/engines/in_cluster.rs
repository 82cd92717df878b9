//! Databases by the CloudNativePG operator of the cluster that this one runs for.

mod cnpg;

use std::fmt;

use async_trait::async_trait;
use kube::Client;
use paas_core::{
    database::cnpg::{Images, kinds},
    error::{Class, Error, Result},
    kube::{ObjectKind, fault},
    owner::Owner,
    spec::{DatabaseInstanceSpec, Object, Runtime},
};

use super::{DatabaseFacts, Engine, Engines};
use crate::codes;

/// Engines that need nothing but the cluster: databases by its CloudNativePG.
#[derive(Clone)]
pub struct InCluster {
    client: Client,
    images: Images,
}

impl fmt::Debug for InCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InCluster")
            .field("images", &self.images)
            .finish_non_exhaustive()
    }
}

impl InCluster {
    /// Engines over a client that repeats nothing that changes something ([`paas_core::kube::access`]).
    pub fn new(client: Client) -> Self {
        Self {
            client,
            images: Images::default(),
        }
    }

    /// Takes images of servers from elsewhere.
    #[must_use]
    pub fn images(mut self, images: Images) -> Self {
        self.images = images;
        self
    }

    /// What runs the servers: what was chosen once, what is declared, or what the cluster has.
    async fn runtime(&self, declared: Runtime, chosen: Option<Runtime>) -> Result<Runtime> {
        match (declared, chosen) {
            (Runtime::Auto, Some(chosen)) => Ok(chosen),
            (Runtime::Auto, None) => self.found().await,
            (declared, _) => Ok(declared),
        }
    }

    async fn found(&self) -> Result<Runtime> {
        let doing = "ask the cluster for its kinds of objects";
        let groups = self.client.list_api_groups().await;
        let groups = groups.map_err(|e| fault::of(doing, false, e))?;
        if groups.groups.iter().any(|g| g.name == kinds::GROUP) {
            return Ok(Runtime::CloudNativePG);
        }
        Err(Error::new(&codes::OP_NO_ENGINE, Class::Unsupported)
            .attempted("choose what runs the servers")
            .happened(format!("the cluster has no kinds of {}: CloudNativePG is not installed", kinds::GROUP))
            .remedy("install the operator CloudNativePG 1.30 or newer in the cluster; it is looked for again by itself"))
    }
}

#[async_trait]
impl Engines for InCluster {
    async fn database(
        &self,
        object: &Object<DatabaseInstanceSpec>,
        owner: &Owner,
        chosen: Option<Runtime>,
    ) -> Result<Engine<DatabaseFacts>> {
        let runtime = self.runtime(object.spec.runtime, chosen).await?;
        if runtime != Runtime::CloudNativePG {
            return Err(Error::new(&codes::OP_NO_ENGINE, Class::Unsupported)
                .attempted(format!("find an engine for the runtime {runtime:?}"))
                .happened(format!(
                    "this operator runs databases by CloudNativePG, and {runtime:?} was asked for"
                ))
                .remedy("set spec.runtime to CloudNativePG or Auto"));
        }
        cnpg::engine(&self.client, &self.images, object, owner)
    }

    fn kinds(&self) -> Vec<&'static ObjectKind> {
        kinds::ALL.to_vec()
    }
}
