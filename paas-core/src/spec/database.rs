//! `DatabaseInstance`: one managed database server with its databases and users.

use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::{Binding, BlockedStatus, Condition, Cpu, LocalRef, Quantity, document::text_or_integer};

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
    {"rule": "!has(self.plan) || !has(self.resources)", "fieldPath": ".resources",
     "message": "give either a plan or resources, not both"},
    {"rule": "self.databases.all(d, !has(d.owner) || self.users.exists(u, u.name == d.owner))", "fieldPath": ".databases",
     "message": "the owner of a database must be one of spec.users"},
    {"rule": "!has(self.parameters) || self.parameters.all(k, k.matches('^[A-Za-z_][A-Za-z0-9_]*(\\\\.[A-Za-z_][A-Za-z0-9_]*)?$'))",
     "fieldPath": ".parameters",
     "message": "a parameter's name has letters, digits and '_', and at most one '.'"},
    {"rule": "!has(self.parameters) || !['port', 'listen_addresses', 'unix_socket_directories', 'unix_socket_permissions', 'unix_socket_group', 'data_directory', 'config_file', 'hba_file', 'ident_file', 'external_pid_file', 'cluster_name', 'password_encryption', 'fsync', 'full_page_writes', 'ssl', 'ssl_cert_file', 'ssl_key_file', 'ssl_ca_file'].exists(p, p in self.parameters)",
     "fieldPath": ".parameters",
     "message": "port, addresses, file locations, ssl, password_encryption, fsync, full_page_writes and cluster_name are set by the platform: remove them from parameters"},
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
    /// What becomes of the data when the object is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Refuse to delete this instance while true.
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

/// The database software and its version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.type == oldSelf.type", "fieldPath": ".type",
     "message": "an instance cannot change its engine; make a new DatabaseInstance"},
]))]
pub struct Engine {
    /// The database software.
    #[serde(rename = "type", default)]
    pub type_: EngineType,
    /// A major version such as 18, or an exact one such as "18.4"; left out, the newest that is at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<EngineVersion>,
}

/// The database software.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum EngineType {
    /// PostgreSQL.
    #[default]
    #[serde(rename = "PostgreSQL")]
    PostgreSql,
}

/// A major version, or major and minor: `18`, `18.4`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct EngineVersion(String);

impl EngineVersion {
    /// The major version.
    pub fn major(&self) -> u32 {
        self.0.split('.').next().and_then(|m| m.parse().ok()).unwrap_or(0)
    }

    /// The minor version, if one is asked for.
    pub fn minor(&self) -> Option<u32> {
        self.0.split_once('.').and_then(|(_, m)| m.parse().ok())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EngineVersion {
    type Err = EngineVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = |s: &str, n: std::ops::RangeInclusive<usize>| {
            n.contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit())
        };
        let (major, minor) = text.split_once('.').map_or((text, None), |(a, b)| (a, Some(b)));
        let fits = digits(major, 2..=2) && !major.starts_with('0') && minor.is_none_or(|m| digits(m, 1..=2));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(EngineVersionError(text.to_owned()))
        }
    }
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a version: write a major version such as 18, or an exact one in quotes such as \"18.4\""
)]
pub struct EngineVersionError(String);

impl fmt::Display for EngineVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EngineVersion {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        text_or_integer(d)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for EngineVersion {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "EngineVersion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true, "maxLength": 5, "pattern": r"^[1-9][0-9](\.[0-9]{1,2})?$",
            "minimum": 10, "maximum": 99,
            "x-paas-help": "a major version such as 18, or an exact one in quotes such as \"18.4\"",
        })
    }
}

/// What runs the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum Runtime {
    /// What fits the platform; the choice is kept in status.runtime.
    #[default]
    Auto,
    /// The CloudNativePG operator in a cluster: replicas, failover, backups.
    CloudNativePG,
    /// One plain server in a cluster.
    StatefulSet,
    /// One server as a process of this machine.
    Process,
    /// The managed PostgreSQL Flex of STACKIT.
    StackitFlex,
}

/// A ready-made size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    /// A quarter of a processor, 512Mi of memory.
    Dev,
    /// One processor, 2Gi of memory.
    Small,
    /// Two processors, 8Gi of memory.
    Medium,
}

impl Plan {
    /// What the plan stands for.
    pub fn resources(self) -> Resources {
        let (cpu, memory) = match self {
            Self::Dev => ("250m", "512Mi"),
            Self::Small => ("1", "2Gi"),
            Self::Medium => ("2", "8Gi"),
        };
        Resources {
            cpu: cpu.parse().ok(),
            memory: memory.parse().ok(),
        }
    }
}

/// Processors and memory of each server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// Processors: 2, "0.5" or 500m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Memory: 2Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Quantity>,
}

/// Where the data is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0", "fieldPath": ".size",
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

/// One database in the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!(self.name in ['postgres', 'template0', 'template1']) && !self.name.startsWith('pg_')", "fieldPath": ".name",
     "message": "postgres, template0, template1 and names that begin with pg_ are PostgreSQL's own: choose another name"},
]))]
pub struct Database {
    /// The database's name.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z_][a-z0-9_]*$"))]
    #[schemars(extend("x-paas-help" = "lower-case letters, digits and '_', not beginning with a digit, such as app"))]
    pub name: String,
    /// The user that owns it, one of spec.users; left out, the first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 56))]
    pub owner: Option<String>,
    /// The extensions that are created in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 50),
        inner(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9_][-a-z0-9_]*$"))
    )]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub extensions: Vec<String>,
}

/// One user. It is an owner role without login and two login roles that take turns, so that passwords can be changed
/// with no failed login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!(self.name in ['postgres', 'public', 'none']) && !self.name.startsWith('pg_')", "fieldPath": ".name",
     "message": "postgres, public, none and names that begin with pg_ are PostgreSQL's own: choose another name"},
]))]
pub struct User {
    /// The user's name; at most 56 characters, so that the names of its login roles fit into 63.
    #[schemars(length(min = 1, max = 56), regex(pattern = r"^[a-z_][a-z0-9_]*$"))]
    #[schemars(extend("x-paas-help" = "lower-case letters, digits and '_', not beginning with a digit, such as app"))]
    pub name: String,
    /// How many connections it may have at once; left out, as many as the server takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub connection_limit: Option<u32>,
}

/// The value of a parameter: a text, or a whole number.
///
/// Booleans and decimal numbers are written in quotes: a structural schema has no type for them beside these two, and
/// the same file must mean the same here and in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a text or a whole number")]
pub enum ParameterValue {
    /// A whole number.
    Integer(i64),
    /// Anything else.
    Text(String),
}

impl fmt::Display for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(n) => write!(f, "{n}"),
            Self::Text(s) => f.write_str(s),
        }
    }
}

impl JsonSchema for ParameterValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ParameterValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The value: a text, or a whole number. Write on, off and decimal numbers in quotes.",
            "x-kubernetes-int-or-string": true, "maxLength": 4096,
            "x-paas-help": "a text or a whole number; write on, off and decimal numbers in quotes, such as \"off\" or \"1.1\"",
        })
    }
}

/// Backups by schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackupPlan {
    /// When, as five cron fields in UTC.
    #[serde(default = "default_schedule")]
    #[schemars(
        length(max = 100),
        regex(pattern = r"^[0-9*/,-]+( [0-9*/,-]+){2} [0-9A-Za-z*/,-]+ [0-9A-Za-z*/,-]+$")
    )]
    #[schemars(extend("x-paas-help" = "five cron fields, such as \"0 2 * * *\" for every day at 02:00 UTC"))]
    pub schedule: String,
    /// How long backups are kept: days, weeks or months, such as 14d.
    #[serde(default = "default_retention")]
    #[schemars(length(max = 5), regex(pattern = r"^[1-9][0-9]{0,3}[dwm]$"))]
    #[schemars(extend("x-paas-help" = "a number of days, weeks or months, such as 14d, 4w or 3m"))]
    pub retention: String,
}

impl Default for BackupPlan {
    fn default() -> Self {
        Self {
            schedule: default_schedule(),
            retention: default_retention(),
        }
    }
}

fn default_schedule() -> String {
    "0 2 * * *".to_owned()
}

fn default_retention() -> String {
    "14d".to_owned()
}

/// When restarts and upgrades that nobody asked for may happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MaintenanceWindow {
    /// The days of the week; left out, every day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 7), extend("x-kubernetes-list-type" = "set"))]
    pub days: Vec<Weekday>,
    /// When it begins, hours and minutes in UTC.
    #[schemars(length(max = 5), regex(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    #[schemars(extend("x-paas-help" = "hours and minutes in UTC, in quotes, such as \"03:00\""))]
    pub start: String,
    /// How many hours it lasts.
    #[serde(default = "default_hours")]
    #[schemars(range(min = 1, max = 24))]
    pub hours: u16,
}

fn default_hours() -> u16 {
    2
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// How clients reach the instance.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exposure {
    /// The TCP port; left out, a free one on this machine, 5432 in a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1024, max = 65535))]
    pub port: Option<u16>,
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
    /// Steps that wait for consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<BlockedStatus>,
}
