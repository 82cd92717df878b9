//! `DatabaseInstance`: one managed database server with its databases and users.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    BackupPlan, Binding, BlockedStatus, Condition, Database, Engine, LocalRef, MaintenanceWindow,
    ParameterValue, Plan, Quantity, Requests, Resources, Runtime, User,
};

/// One managed database server. An empty spec gives a small PostgreSQL with a database `app` owned by a user `app`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "crd", derive(kube::CustomResource))]
#[cfg_attr(
    feature = "crd",
    kube(
        group = "paas.rs",
        version = "v1alpha1",
        kind = "DatabaseInstance",
        namespaced
    )
)]
#[cfg_attr(
    feature = "crd",
    kube(
        status = "DatabaseInstanceStatus",
        shortname = "dbi",
        category = "paas",
        schema = "disabled"
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!(self.runtime in ['Process', 'StatefulSet']) || self.replicas == 1", "fieldPath": ".replicas",
     "message": "the runtimes Process and StatefulSet run one server: set replicas to 1, or choose the runtime CloudNativePG"},
    {"rule": "!(self.runtime in ['Process', 'StatefulSet']) || !has(self.exposure) || !has(self.exposure.loadBalancer)",
     "fieldPath": ".exposure.loadBalancer",
     "message": "the runtimes Process and StatefulSet have no load balancer: remove it, or choose the runtime CloudNativePG"},
    {"rule": "!(self.runtime in ['Process', 'StatefulSet']) || !has(self.pooler)", "fieldPath": ".pooler",
     "message": "the runtimes Process and StatefulSet have no pooler: remove it, or choose the runtime CloudNativePG"},
    {"rule": "!(self.runtime in ['Process', 'StatefulSet']) || !has(self.stopped) || !self.stopped", "fieldPath": ".stopped",
     "message": "the runtimes Process and StatefulSet do not rest: remove it (on this machine `paas down` stops), or choose the runtime CloudNativePG"},
    {"rule": "!has(self.plan) || !has(self.resources)", "fieldPath": ".resources",
     "message": "give either a plan or resources, not both"},
    {"rule": "self.databases.all(d, !has(d.owner) || self.users.exists(u, u.name == d.owner))", "fieldPath": ".databases",
     "message": "the owner of a database must be one of spec.users"},
    {"rule": "!has(self.parameters) || self.parameters.all(k, k.matches('^[A-Za-z_][A-Za-z0-9_]*(\\\\.[A-Za-z_][A-Za-z0-9_]*)?$'))",
     "fieldPath": ".parameters",
     "message": "a parameter's name has letters, digits and '_', and at most one '.'"},
    {"rule": "!has(self.parameters) || self.parameters.all(k, !(k.lowerAscii() in ['port', 'listen_addresses', 'unix_socket_directories', 'unix_socket_permissions', 'unix_socket_group', 'data_directory', 'config_file', 'hba_file', 'ident_file', 'external_pid_file', 'include', 'include_dir', 'include_if_exists', 'cluster_name', 'lc_messages', 'password_encryption', 'fsync', 'full_page_writes', 'ssl', 'ssl_cert_file', 'ssl_key_file', 'ssl_ca_file']) && !k.lowerAscii().startsWith('paas.'))",
     "fieldPath": ".parameters",
     "message": "port, addresses, file locations, include, ssl, password_encryption, fsync, full_page_writes, lc_messages, cluster_name and names that begin with paas. are set by the platform: remove them from parameters"},
]))]
pub struct DatabaseInstanceSpec {
    /// The Platform that it runs on; left out, the only one in the file, or the cluster that the object is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_ref: Option<LocalRef>,
    /// The database software and its version.
    #[serde(default)]
    pub engine: Engine,
    /// What runs the servers.
    #[serde(default)]
    pub runtime: Runtime,
    /// A ready-made size, instead of resources; with neither, dev.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Processors and memory of each server, instead of a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// How many servers: one primary, the others standbys.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 9))]
    pub replicas: u16,
    /// Where the data is kept.
    #[serde(default)]
    pub storage: Storage,
    /// The databases in the server; left out, one named app.
    #[serde(default = "default_databases")]
    #[schemars(length(min = 1, max = 100))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub databases: Vec<Database>,
    /// The users; each gets a generated password. Left out, one named app.
    #[serde(default = "default_users")]
    #[schemars(length(min = 1, max = 100))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub users: Vec<User>,
    /// Settings of the server, by the names of postgresql.conf; values are texts or whole numbers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 200))]
    pub parameters: BTreeMap<String, ParameterValue>,
    /// Backups by schedule; left out, none are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupPlan>,
    /// When restarts and upgrades that nobody asked for may happen; left out, at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_window: Option<MaintenanceWindow>,
    /// How clients reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<Exposure>,
    /// A pool of connections in front of the primary, for programs that open many; left out, there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pooler: Option<Pooler>,
    /// True: no server runs and the data stays where it is; false starts them again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// What becomes of the data when the object is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Refuse to delete this instance while true, whatever is confirmed or agreed to.
    #[serde(default)]
    pub deletion_protection: bool,
}

impl Default for DatabaseInstanceSpec {
    fn default() -> Self {
        Self {
            platform_ref: None,
            engine: Engine::default(),
            runtime: Runtime::default(),
            plan: None,
            resources: None,
            replicas: one(),
            storage: Storage::default(),
            databases: default_databases(),
            users: default_users(),
            parameters: BTreeMap::new(),
            backup: None,
            maintenance_window: None,
            exposure: None,
            pooler: None,
            stopped: false,
            deletion_policy: DeletionPolicy::default(),
            deletion_protection: false,
        }
    }
}

impl DatabaseInstanceSpec {
    /// The owner of one of its databases: the declared one, else the first user.
    pub fn owner_of<'a>(&'a self, database: &'a Database) -> &'a str {
        database
            .owner
            .as_deref()
            .or_else(|| self.users.first().map(|u| u.name.as_str()))
            .unwrap_or("app")
    }

    /// Processors and memory of each server: the declared ones, else the plan's, else those of [`Plan::Dev`].
    pub fn sized(&self) -> Resources {
        self.resources
            .clone()
            .unwrap_or_else(|| self.plan.unwrap_or(Plan::Dev).resources())
    }
}

fn one() -> u16 {
    1
}

fn default_databases() -> Vec<Database> {
    vec![Database {
        name: "app".to_owned(),
        owner: None,
        extensions: Vec::new(),
    }]
}

fn default_users() -> Vec<User> {
    vec![User {
        name: "app".to_owned(),
        connection_limit: None,
    }]
}

/// Where the data is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    // Of an amount that is none, stored under an older definition, everything is a correction; without this, not even the status of
    // such an object could be written.
    {"rule": "!oldSelf.size.matches('^[0-9]+(\\\\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)$') || quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0",
     "fieldPath": ".size",
     "message": "storage cannot shrink: keep the size or make it larger"},
]))]
pub struct Storage {
    /// How much room each server has: 10Gi.
    #[serde(default = "default_size")]
    pub size: Quantity,
    /// The storage class of the cluster; left out, its default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class: Option<String>,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            size: default_size(),
            class: None,
        }
    }
}

fn default_size() -> Quantity {
    Quantity::gibibytes(1)
}

/// How clients reach the instance.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exposure {
    /// The TCP port; left out, a free one on this machine, 5432 in a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1024, max = 65535))]
    pub port: Option<u16>,
    /// Lets clients from outside the cluster in, by a load balancer of the cloud; left out, only programs in the cluster reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer>,
}

/// A load balancer, and whom it lets in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadBalancer {
    /// The networks that may connect, such as 203.0.113.0/24; everybody is 0.0.0.0/0, and has to be written.
    #[schemars(length(min = 1, max = 100))]
    #[schemars(extend("items" = {"type": "string", "maxLength": 43, "pattern": NETWORK,
        "x-paas-help": "an address and its bits, such as 203.0.113.0/24 or 2001:db8::/32"}))]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub source_ranges: Vec<String>,
}

/// An IPv4 or an IPv6 network. Whether the latter's address is one is left to the API server.
const NETWORK: &str = r"^(((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])/([12]?[0-9]|3[0-2])|[0-9a-f:]{2,39}/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))$";

/// A pool of connections in front of the primary: PgBouncer. Bindings tell it by the keys that begin with pooler-.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pooler {
    /// When a connection to the server is free for another client.
    #[serde(default)]
    pub mode: PoolMode,
    /// How many poolers run, each with pools of its own.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 9))]
    pub replicas: u16,
    /// Connections to the server that each pooler has at most for a user in a database.
    #[serde(default = "pool_size")]
    #[schemars(range(min = 1, max = 1000))]
    pub pool_size: u16,
    /// Clients that each pooler lets in at most.
    #[serde(default = "max_clients")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_clients: u32,
}

impl Default for Pooler {
    fn default() -> Self {
        Self {
            mode: PoolMode::default(),
            replicas: one(),
            pool_size: pool_size(),
            max_clients: max_clients(),
        }
    }
}

fn pool_size() -> u16 {
    20
}

fn max_clients() -> u32 {
    1000
}

/// When a connection to the server is free for another client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum PoolMode {
    /// When its client leaves: everything works as without a pooler.
    #[default]
    Session,
    /// When its transaction ends: far more clients, without what outlives a transaction (SET, LISTEN, advisory locks).
    Transaction,
}

/// What becomes of the data when the object is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The data stays where it is.
    #[default]
    Retain,
    /// The data is deleted too, after consent.
    Delete,
}

/// What is observed of an instance.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseInstanceStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Progressing, Paused, Deleting and their reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The runtime that runs it, chosen or declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Runtime>,
    /// The version of the engine that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_version: Option<String>,
    /// How many servers there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u16>,
    /// How many of them answer queries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<u16>,
    /// The label selector of the servers' pods, for autoscalers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// The Secret with the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// Restarts and switchovers that were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Requests>,
    /// Steps that wait for consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<BlockedStatus>,
}
