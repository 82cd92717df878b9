//! `paas db` as types.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use paas_core::spec::{Plan, Quantity, Runtime};

use super::{
    Act, DbBackup, DbBackups, DbClone, DbDump, DbForward, DbLoad, DbLogs, DbRestart, DbRestore, DbSwitchover,
    DbTop,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Db {
    /// Make a database, or bring it up again
    Create(DbCreate),
    /// Change a database: size, settings, minor version
    Set(DbSet),
    /// Bring a database's data to a newer major version, or back
    Upgrade(DbUpgrade),
    /// List the databases, or the data that was kept of deleted ones
    List(DbList),
    /// Show one database
    Show {
        /// The database's name
        name: String,
    },
    /// Print the connection URL with its password
    #[command(after_help = "Example:\n  psql \"$(paas db url demo)\"")]
    Url(DbAt),
    /// Open psql, or a small SQL prompt where there is none
    #[command(after_help = "Examples:\n  paas db connect demo\n  paas db connect demo -- -f schema.sql")]
    Connect(DbConnect),
    /// Run SQL without psql
    #[command(
        after_help = "Examples:\n  paas db sql demo -c 'select version()'\n  paas db sql demo -o json < report.sql"
    )]
    Sql(DbSql),
    /// Print what programs need to connect, password included
    #[command(
        after_help = "Examples:\n  eval \"$(paas db env demo)\"\n  paas db env demo --format dotenv > .env\n  paas db env demo --format direnv > .envrc"
    )]
    Env(DbEnv),
    /// Change passwords with no failed login
    #[command(
        after_help = "Examples:\n  paas db rotate demo\n  paas db rotate demo --user app --overlap 1h\n  paas db rotate demo --overlap 30s --disconnect --wait"
    )]
    Rotate(DbRotate),
    /// Walk the way to the data hop by hop and name what is broken
    #[command(
        after_help = "Examples:\n  paas db check demo\n  paas db check demo -o json\n\nExits with 1 if a hop is broken."
    )]
    Check(DbCheck),
    /// Reach a database of a cluster at a port of this machine
    Forward(DbForward),
    /// Show the server's log
    Logs(DbLogs),
    /// Show what the server is doing: connections, transactions, statements, locks
    Top(DbTop),
    /// Restart the server; clients are cut off for a moment
    Restart(DbRestart),
    /// Let a standby become the primary, in a cluster
    Switchover(DbSwitchover),
    /// Back up a database, running or not
    Backup(DbBackup),
    /// List the backups
    Backups(DbBackups),
    /// Make a new database of a backup
    Restore(DbRestore),
    /// Make a new database of one as it is now
    Clone(DbClone),
    /// Write a database as plain SQL
    #[command(
        after_help = "Examples:\n  paas db dump shop --file shop.sql\n  paas db dump shop | gzip > shop.sql.gz\n\nWith pg_dump where a fitting one is here, else with the server alone."
    )]
    Dump(DbDump),
    /// Load plain SQL into a database: all of it or nothing
    #[command(
        after_help = "Examples:\n  paas db load shop shop.sql\n  gunzip -c shop.sql.gz | paas db load shop"
    )]
    Load(DbLoad),
    /// Delete a database; the data is kept unless --delete-data is given
    Delete(DbDelete),
    /// Take up data that was kept, by name
    Adopt(DbAdopt),
    /// Delete data that was kept, for good
    Purge(DbPurge),
}

impl Db {
    /// Whether the verb also does its work in a Kubernetes cluster.
    pub(crate) fn in_cluster(&self) -> bool {
        match self {
            Self::Create(_)
            | Self::Set(_)
            | Self::List(_)
            | Self::Show { .. }
            | Self::Url(_)
            | Self::Connect(_)
            | Self::Sql(_)
            | Self::Env(_)
            | Self::Rotate(_)
            | Self::Check(_)
            | Self::Forward(_)
            | Self::Logs(_)
            | Self::Top(_)
            | Self::Restart(_)
            | Self::Switchover(_)
            | Self::Dump(_)
            | Self::Load(_)
            | Self::Delete(_) => true,
            Self::Upgrade(_)
            | Self::Backup(_)
            | Self::Backups(_)
            | Self::Restore(_)
            | Self::Clone(_)
            | Self::Adopt(_)
            | Self::Purge(_) => false,
        }
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas db create shop\n  paas db create shop --version 17 --user web --database web --param max_connections=50"
)]
pub(crate) struct DbCreate {
    /// The name
    pub(crate) name: String,
    /// Major version, or an exact one; left out, the newest at hand
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<paas_core::spec::EngineVersion>,
    /// A size for memory and connections: dev, small or medium; left out, PostgreSQL's defaults
    #[arg(long, value_name = "PLAN", value_parser = plan)]
    pub(crate) plan: Option<Plan>,
    /// A database in it; may be repeated; left out, `app`
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Vec<String>,
    /// A user; may be repeated, the first owns the databases; left out, `app`
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Vec<String>,
    /// A setting of postgresql.conf; may be repeated
    #[arg(long = "param", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) params: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) room: Room,
    /// What runs it: Auto, CloudNativePG, StatefulSet, Process; left out, what fits
    #[arg(long, value_name = "RUNTIME", value_parser = runtime)]
    pub(crate) runtime: Option<Runtime>,
    #[command(flatten)]
    pub(crate) act: Act,
}

/// How many servers there are, and how much room each has.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Room {
    /// How many servers: one primary, the others standbys; more than one in a cluster only
    #[arg(long, value_name = "N")]
    pub(crate) replicas: Option<u16>,
    /// How much room each server has: 10Gi
    #[arg(long, value_name = "SIZE")]
    pub(crate) storage: Option<Quantity>,
}

#[derive(Debug, Args)]
#[command(
    group(clap::ArgGroup::new("change").required(true).multiple(true).args(["plan", "params", "unset", "version", "replicas", "storage"])),
    after_help = "Examples:\n  paas db set shop --plan small\n  paas db set shop --param work_mem=16MB --unset jit\n  paas db set shop --version 18.4"
)]
pub(crate) struct DbSet {
    /// The name
    pub(crate) name: String,
    /// A size for memory and connections: dev, small or medium
    #[arg(long, value_name = "PLAN", value_parser = plan)]
    pub(crate) plan: Option<Plan>,
    /// A setting of postgresql.conf; may be repeated
    #[arg(long = "param", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) params: Vec<(String, String)>,
    /// Declare this setting no more; may be repeated
    #[arg(long, value_name = "KEY")]
    pub(crate) unset: Vec<String>,
    /// Another minor version, such as 18.4, or a major for the newest of it
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<paas_core::spec::EngineVersion>,
    #[command(flatten)]
    pub(crate) room: Room,
    #[command(flatten)]
    pub(crate) act: Act,
}

#[derive(Debug, Args)]
#[command(
    group(clap::ArgGroup::new("do").required(true).args(["to", "back", "forget_old"])),
    after_help = "Examples:\n  paas db upgrade shop --to 18 --check\n  paas db upgrade shop --to 18 --yes\n  paas db upgrade shop --back --confirm shop"
)]
pub(crate) struct DbUpgrade {
    /// The name
    pub(crate) name: String,
    /// The newer major, or an exact version of it
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<paas_core::spec::EngineVersion>,
    /// Only look what stands in the way
    #[arg(long, requires = "to")]
    pub(crate) check: bool,
    /// Put the data from before the upgrade back; what was written since is lost
    #[arg(long)]
    pub(crate) back: bool,
    /// Delete the data from before the upgrade; there is no way back then
    #[arg(long)]
    pub(crate) forget_old: bool,
    #[command(flatten)]
    pub(crate) act: Act,
}

fn plan(text: &str) -> Result<Plan, String> {
    Plan::ALL
        .into_iter()
        .find(|p| p.as_str() == text)
        .ok_or_else(|| "the plans are dev, small and medium".to_owned())
}

fn runtime(text: &str) -> Result<Runtime, String> {
    serde_json::from_value(text.into())
        .map_err(|_| "the runtimes are Auto, CloudNativePG, StatefulSet, Process and StackitFlex".to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE, such as max_connections=50".to_owned()),
    }
}

/// A way into one database.
#[derive(Debug, Args)]
pub(crate) struct DbAt {
    /// The name of the instance
    pub(crate) name: String,
    /// As this user; left out, the first one
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// To this database in it; left out, the first one
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Option<String>,
    /// With TLS, the server verified against this home's authority, in a cluster the binding's (sslmode=verify-full)
    #[arg(long)]
    pub(crate) tls: bool,
}

impl DbAt {
    /// The way of the first user to this database, or to the first one.
    pub(crate) fn of(name: &str, database: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            user: None,
            database: database.map(str::to_owned),
            tls: false,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DbCheck {
    /// The name of the instance
    pub(crate) name: String,
    /// As this user; left out, the first one
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// To this database in it; left out, the first one
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DbEnv {
    #[command(flatten)]
    pub(crate) at: DbAt,
    /// In which form; left out, shell, and with -o json, json
    #[arg(long, value_name = "FORM")]
    pub(crate) format: Option<EnvFormat>,
}

/// The forms of `paas db env`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EnvFormat {
    /// Exports for sh, bash and zsh
    Shell,
    /// A .env file
    Dotenv,
    /// A JSON object of the variables
    Json,
    /// An .envrc that reads the binding directory
    Direnv,
    /// JDBC's URL
    Jdbc,
    /// A line of a .pgpass file
    Pgpass,
    /// The path of the binding directory
    Binding,
}

#[derive(Debug, Args)]
pub(crate) struct DbRotate {
    /// The name of the instance
    pub(crate) name: String,
    /// Only this user's password; left out, everybody's
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// How long the former login still works: 30s, 10m, 1h
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = super::duration)]
    pub(crate) overlap: Duration,
    /// End the former login's sessions when it is locked
    #[arg(long)]
    pub(crate) disconnect: bool,
    /// Lock a former login that still works at once, instead of refusing
    #[arg(long)]
    pub(crate) now: bool,
    /// Wait for the end of the overlap and lock the former login
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DbConnect {
    #[command(flatten)]
    pub(crate) at: DbAt,
    /// Further arguments for psql, after --
    #[arg(last = true, value_name = "PSQL_ARGS")]
    pub(crate) psql: Vec<std::ffi::OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct DbSql {
    #[command(flatten)]
    pub(crate) at: DbAt,
    /// The statements; may be repeated; left out, they are read from stdin
    #[arg(short, long, value_name = "SQL")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas db delete shop --yes\n  paas db delete shop --delete-data --confirm shop"
)]
pub(crate) struct DbDelete {
    /// The name
    pub(crate) name: String,
    /// Delete the data too; needs --confirm NAME, or typing the name on a terminal
    #[arg(long)]
    pub(crate) delete_data: bool,
    #[command(flatten)]
    pub(crate) act: Act,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  paas db list\n  paas db list --retained")]
pub(crate) struct DbList {
    /// The data that was kept of deleted databases, and what lies about
    #[arg(long)]
    pub(crate) retained: bool,
    /// Those of all namespaces of the cluster
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paas db list --retained\n  paas db adopt shop")]
pub(crate) struct DbAdopt {
    /// The name, or NAMESPACE/NAME where it is not the only one
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) act: Act,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paas db purge shop --confirm shop")]
pub(crate) struct DbPurge {
    /// The name, or NAMESPACE/NAME where it is not the only one
    pub(crate) name: String,
    /// The name once more: its data is lost for good
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm: Option<String>,
    /// How long to wait for another writer: 90s, 5m, 1h
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = super::duration)]
    pub(crate) timeout: std::time::Duration,
}
