//! Databases in the cluster that this operator runs for: by its CloudNativePG, or as StatefulSets.

mod barred;
mod choice;
mod cnpg;
mod rotation;
mod statefulset;

use std::fmt;

use async_trait::async_trait;
use kube::Client;
use paas_core::{
    database::{
        cnpg::{Images, kinds},
        statefulset::{self as sts, Image},
    },
    error::{Class, Error, Result},
    kube::{
        ObjectKind,
        kind::{CONFIG_MAP, NETWORK_POLICY, SECRET, SERVICE},
    },
    owner::Owner,
    spec::{DatabaseInstanceSpec, Object, Runtime},
};

use super::{DatabaseFacts, Engine, Engines};
use crate::codes;
use choice::Choice;

/// The annotation by which people ask for new passwords: each other text changes those of all users once.
pub const ROTATE: &str = "paas.rs/rotate";

/// The annotation with the seconds for which the former passwords still work; left out, 600.
pub const ROTATE_OVERLAP: &str = "paas.rs/rotate-overlap";

/// How the servers are reached from where this program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Reach {
    /// By their services, from a pod of the cluster.
    #[default]
    Services,
    /// Through the API server, from outside.
    Forwarded,
}

/// Engines that need nothing but the cluster: databases by its CloudNativePG, or as StatefulSets.
#[derive(Clone)]
pub struct InCluster {
    client: Client,
    images: Images,
    image: Image,
    reach: Reach,
}

impl fmt::Debug for InCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InCluster")
            .field("images", &self.images)
            .field("image", &self.image)
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}

impl InCluster {
    /// Engines over a client that repeats nothing that changes something ([`paas_core::kube::access`]), for a program in a pod.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            images: Images::default(),
            image: Image::default(),
            reach: Reach::default(),
        }
    }

    /// Takes images of CloudNativePG's servers from elsewhere.
    #[must_use]
    pub fn images(mut self, images: Images) -> Self {
        self.images = images;
        self
    }

    /// Takes the image of servers in StatefulSets from elsewhere.
    #[must_use]
    pub fn image(mut self, image: Image) -> Self {
        self.image = image;
        self
    }

    /// Reaches the servers so.
    #[must_use]
    pub fn reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    async fn engine(
        &self,
        runtime: Runtime,
        object: &Object<DatabaseInstanceSpec>,
        owner: &Owner,
    ) -> Result<Engine<DatabaseFacts>> {
        match runtime {
            Runtime::CloudNativePG => cnpg::engine(&self.client, &self.images, object, owner).await,
            Runtime::StatefulSet => statefulset::engine(self, object, owner),
            Runtime::Auto | Runtime::Process | Runtime::StackitFlex => {
                Err(Error::new(&codes::OP_NO_ENGINE, Class::Unsupported)
                    .attempted(format!("find an engine for the runtime {runtime:?}"))
                    .happened(format!(
                        "this operator runs databases by CloudNativePG or as StatefulSets, and {runtime:?} was asked for"
                    ))
                    .remedy("set spec.runtime to Auto, CloudNativePG or StatefulSet"))
            }
        }
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
        let declared = object.spec.runtime;
        match choice::of(&self.client, owner, declared, chosen).await? {
            Choice::Runs(runtime) => self.engine(runtime, object, owner).await,
            Choice::Lives(runtime) => {
                let engine = self.engine(runtime, object, owner).await?;
                Ok(barred::barred(engine, runtime, declared))
            }
        }
    }

    fn kinds(&self) -> Vec<&'static ObjectKind> {
        WATCHED.to_vec()
    }
}

/// The kinds of both runtimes, with those of CloudNativePG as ones that a cluster may lack.
static WATCHED: [&ObjectKind; 9] = [
    &SECRET,
    &CONFIG_MAP,
    &SERVICE,
    &NETWORK_POLICY,
    &sts::CLAIM,
    &sts::STATEFUL_SET,
    &CLUSTER,
    &ROLE,
    &DATABASE,
];
static CLUSTER: ObjectKind = ObjectKind::core("Cluster", "clusters", "cluster")
    .of(kinds::GROUP, "v1")
    .or_absent();
static ROLE: ObjectKind = ObjectKind::core("DatabaseRole", "databaseroles", "databaseRole")
    .of(kinds::GROUP, "v1")
    .or_absent();
static DATABASE: ObjectKind = ObjectKind::core("Database", "databases", "database")
    .of(kinds::GROUP, "v1")
    .or_absent();
