//! `paas cloud`, as types.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Cloud {
    /// List the clouds that clouds.yaml and the variables OS_* say, without asking them anything
    List(CloudList),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas cloud list\n  paas cloud list lab -o yaml\n  OS_CLIENT_CONFIG_FILE=team.yaml paas cloud list -o name\n\nThe star marks the cloud that is used when none is named; OS_CLOUD sets it."
)]
pub(crate) struct CloudList {
    /// Only this cloud
    pub(crate) name: Option<String>,
}
