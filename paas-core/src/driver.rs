//! The traits that the outside implements: what a spec wants, what a stage gives, and hands made from what earlier stages gave.

use std::{collections::BTreeSet, fmt, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    actuator::Actuator,
    error::Error,
    graph::{Desired, Observed},
    owner::Owner,
    pipeline::Wanted,
    preflight::{Ahead, Finding},
    resource::{Key, Resource},
    secrets::{SecretRef, SecretString},
};

/// One stage's knowledge of its world. Pure but for the actuator it makes.
///
/// Laws: `desired` and `gives` are functions of their arguments alone; with the same spec and outputs the keys are the same, known
/// inputs or not, so that a plan can show them early.
#[async_trait]
pub trait Driver: fmt::Debug + Send + Sync + 'static {
    /// What the user writes.
    type Spec: fmt::Debug + Send + Sync;
    /// What there is in this world.
    type Resource: Resource;

    /// The stage's name: `network`, `machines`, `cluster`, `database`.
    fn stage(&self) -> &'static str;

    /// The kinds of resources that it looks for, in the words of [`Resource::kind`] and in the order in which they are listed; so that a
    /// listing can say of which there are none.
    fn kinds(&self) -> &'static [&'static str] {
        &[]
    }

    /// What the spec asks for.
    ///
    /// # Errors
    /// A spec that cannot be had here, with the field and what is allowed.
    fn desired(&self, spec: &Self::Spec, from: &Outputs) -> Result<Desired<Self::Resource>, Error>;

    /// What is wanted next on the way to `desired` (with [`Wanted::Nothing`], nothing), by what is seen: where a thing moves in steps
    /// that are one state each, such as a rotation or a stop before what stays is left alone, the world says how far it is.
    ///
    /// Laws: a function of its arguments; it asks nobody; once the last step is seen, what it wants stays the same.
    ///
    /// # Errors
    /// As [`Driver::desired`].
    fn next(
        &self,
        _spec: &Self::Spec,
        _wanted: Wanted,
        desired: Desired<Self::Resource>,
        _from: &Outputs,
        _seen: &Observed<Self::Resource>,
        _now: Timestamp,
    ) -> Result<Desired<Self::Resource>, Error> {
        Ok(desired)
    }

    /// What stands in the way by the spec alone: told also while the world of the stage is not known yet.
    fn foresees(&self, _spec: &Self::Spec) -> Vec<Finding> {
        Vec::new()
    }

    /// What later stages get, by what is seen.
    fn gives(&self, spec: &Self::Spec, seen: &Observed<Self::Resource>) -> Outputs;

    /// What later stages have to know of what is about to go here: a machine has to be emptied first. `going` are keys that the plan
    /// deletes or replaces; of a pass, only those whose turn it is.
    fn foretells(&self, _going: &BTreeSet<Key>, _outputs: &mut Outputs) {}

    /// Keys of earlier stages that must stay for now: a node not yet drained holds its server.
    fn holds(&self, _spec: &Self::Spec, _seen: &Observed<Self::Resource>) -> Vec<Hold> {
        Vec::new()
    }

    /// For how long a look serves: the pass or the listing that follows a plan within this time, with nothing written in between, takes
    /// what the plan saw. Zero where a look costs next to nothing.
    fn fresh(&self) -> Duration {
        Duration::ZERO
    }

    /// The hands, or `None` while what they need is not known yet.
    ///
    /// # Errors
    /// What is known cannot be used: credentials refused, a folder that cannot be read.
    async fn actuator(&self, from: &Outputs) -> Result<Option<Arc<dyn Actuator<Self::Resource>>>, Error>;

    /// What stands in the way of the plan, or may: asked before the first write, only if something is to be made, changed or replaced.
    ///
    /// Laws: it reads only, and only what this plan needs; it ends within seconds of its own accord; it finds everything at once; what
    /// it cannot see is a warning, not an error.
    ///
    /// # Errors
    /// Nothing can be asked at all.
    async fn preflight(
        &self,
        _spec: &Self::Spec,
        _ahead: Ahead<'_, Self::Resource>,
    ) -> Result<Vec<Finding>, Error> {
        Ok(Vec::new())
    }
}

/// A driver that gives networks and machines, a managed cluster, or this machine.
pub trait InfrastructureProvider: Driver {}

/// A driver that makes a Kubernetes cluster of machines: by what their first boot does, and `Node` resources.
pub trait ClusterInstaller: Driver {
    /// What the machines do on their first boot: for the provider that makes them.
    fn boot(&self) -> Arc<dyn Boot>;
}

/// What machines do on their first boot, for the provider that makes them.
#[async_trait]
pub trait Boot: fmt::Debug + Send + Sync {
    /// The user-data of a machine, whole and with its secrets; asked right before the call that makes the machine, and kept nowhere.
    ///
    /// Laws: what it needs is stored before this returns; asked again about the same machine, it gives the same, until the machine has
    /// joined its cluster.
    ///
    /// # Errors
    /// [`crate::codes::CORE_SECRET_MISSING`] where [`NewMachine::first`] is false and a secret that the cluster stands on is gone; what
    /// does not fit into [`NewMachine::limit`].
    async fn user_data(&self, owner: &Owner, machine: &NewMachine) -> Result<SecretString, Error>;

    /// What stands in the way by the spec alone, found before the first machine is made.
    fn findings(&self) -> Vec<Finding> {
        Vec::new()
    }
}

/// What machines wrote on their consoles: the one thing that tells of a machine which never got as far as its cluster.
#[async_trait]
pub trait Consoles: fmt::Debug + Send + Sync {
    /// The last lines of a machine's console, by the infrastructure's id of the machine. Empty where it wrote nothing yet.
    ///
    /// # Errors
    /// The infrastructure cannot tell.
    async fn tail(&self, machine: &str) -> Result<String, Error>;
}

/// A machine that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMachine {
    /// Its name, which will be its node's.
    pub name: String,
    /// `control-plane`, or the worker pool's name.
    pub role: String,
    /// The address of the first machine of the control plane, inside the network.
    pub control_plane: String,
    /// True if no machine of its owner is there: what the cluster stands on may be generated then, and only then.
    pub first: bool,
    /// How long user-data may be, in bytes before any encoding.
    pub limit: usize,
}

/// A driver that makes a managed database: CloudNativePG, a StatefulSet, processes on this machine, a cloud's service.
pub trait DatabaseEngine: Driver {
    /// The binding of the instance as far as it is known.
    fn binding(&self, spec: &Self::Spec, seen: &Observed<Self::Resource>) -> Option<Binding>;
}

/// A key of an earlier stage that must stay, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The earlier stage.
    pub stage: String,
    /// The key there.
    pub key: Key,
    /// Why.
    pub why: String,
}

/// How a database is reached; the password is a reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// A host name or address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The login role that is active now.
    pub username: String,
    /// The password.
    pub password: SecretRef,
}

/// What stages give to later ones. All optional: what is not known yet is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Outputs {
    /// Machines that can be logged in to or that boot by user-data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<Host>>,
    /// Where the API of a cluster on the hosts is reached, if not at one of them: a load balancer's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_address: Option<String>,
    /// What a cluster on the hosts has to know of its cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud: Option<CloudAccess>,
    /// A Kubernetes cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterAccess>,
    /// This machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// A project of a cloud that offers managed databases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<Project>,
    /// A database server, with the login of its administrator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Binding>,
    /// How programs get into the first database, once they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
}

impl Outputs {
    /// Takes over what `later` knows.
    pub fn merge(&mut self, later: Self) {
        let Self {
            hosts,
            api_address,
            cloud,
            cluster,
            machine,
            project,
            server,
            binding,
        } = later;
        self.hosts = hosts.or(self.hosts.take());
        self.api_address = api_address.or(self.api_address.take());
        self.cloud = cloud.or(self.cloud.take());
        self.cluster = cluster.or(self.cluster.take());
        self.machine = machine.or(self.machine.take());
        self.project = project.or(self.project.take());
        self.server = server.or(self.server.take());
        self.binding = binding.or(self.binding.take());
    }
}

/// A machine of an infrastructure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// The machine's name, which is its node's name.
    pub name: String,
    /// The address inside its network.
    pub address: String,
    /// The address from outside, if it has one.
    pub public_address: Option<String>,
    /// `control-plane`, or the worker pool's name.
    pub role: String,
    /// The infrastructure's own id of the machine, such as Nova's; another one is another machine by the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// True if the infrastructure is about to delete or replace it: what runs on it should be elsewhere first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub going: bool,
}

/// What a cluster has to know of the cloud that it is on, to speak to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudAccess {
    /// Where one logs in.
    pub auth_url: String,
    /// The region.
    pub region: String,
    /// The id of the credential that was made for the cluster.
    pub credential_id: SecretRef,
    /// Its secret.
    pub credential_secret: SecretRef,
    /// The id of the subnet that the machines are in.
    pub subnet: String,
}

/// How a cluster is reached. What is needed to log in is asked for where it is used ([`crate::secrets`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterAccess {
    /// The API server's URL.
    pub endpoint: String,
    /// The name in the API server's certificate, where it is not the URL's host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
}

/// This machine as infrastructure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The folder that holds the instances.
    pub instances: PathBuf,
}

/// A project of a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// The project's id.
    pub id: String,
    /// The region.
    pub region: String,
}
