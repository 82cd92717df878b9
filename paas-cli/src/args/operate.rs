//! Operating what runs, as types.

use std::time::Duration;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Service {
    /// Start the databases with this machine, and keep them running
    #[command(after_help = "Examples:\n  paas service install\n  paas service install --print")]
    Install {
        /// Only print the unit
        #[arg(long)]
        print: bool,
    },
    /// Stop the service and remove its unit; databases and data stay
    Uninstall,
    /// How the service is doing
    Status,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas db logs shop --last 20\n  paas db logs shop -f\n  paas db logs shop -o json\n\nA message of several lines counts as one. In a cluster, the pods' logs as PostgreSQL would write them."
)]
pub(crate) struct DbLogs {
    /// The name
    pub(crate) name: String,
    /// Go on with new messages until Ctrl-C
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only the last N messages
    #[arg(short = 'n', long, visible_alias = "tail", value_name = "N")]
    pub(crate) last: Option<usize>,
    /// In a cluster, also what CloudNativePG says in the pods
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  paas db restart shop\n  paas db restart shop --yes -o json")]
pub(crate) struct DbRestart {
    /// The name
    pub(crate) name: String,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// How long to wait for another writer, and then for the server: 90s, 5m, 1h
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = super::duration)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas --cluster db switchover shop\n  paas --cluster db switchover shop --to shop-2 --yes"
)]
pub(crate) struct DbSwitchover {
    /// The name
    pub(crate) name: String,
    /// The pod that becomes the primary; left out, a standby that is ready
    #[arg(long, value_name = "POD")]
    pub(crate) to: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// How long to wait: 90s, 5m, 1h
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = super::duration)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas db top shop\n  paas db top shop --once -o json\n\nOn a terminal it is shown anew every 2 seconds until q or Ctrl-C, elsewhere once."
)]
pub(crate) struct DbTop {
    /// The name
    pub(crate) name: String,
    /// Show it once
    #[arg(long)]
    pub(crate) once: bool,
}
