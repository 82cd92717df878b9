//! `paas cloud`, as types.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Cloud {
    /// List the clouds that clouds.yaml and the variables OS_* say, without asking them anything
    List(CloudList),
    /// Ask a cloud: who am I, which services and versions, what is left of the quota
    Show(CloudShow),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas cloud list\n  paas cloud list lab -o yaml\n  OS_CLIENT_CONFIG_FILE=team.yaml paas cloud list -o name\n\nThe star marks the cloud that is used when none is named; OS_CLOUD sets it."
)]
pub(crate) struct CloudList {
    /// Only this cloud
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas cloud show\n  paas cloud show lab -o yaml\n  paas cloud show lab -v\n  paas cloud show lab --trace calls.jsonl\n\nExits with 1 if there is no token, or a service that is needed is missing, cannot be reached or refuses."
)]
pub(crate) struct CloudShow {
    /// The cloud; left out, OS_CLOUD or the only one
    pub(crate) name: Option<String>,
    /// Another region of it
    #[arg(long, value_name = "NAME")]
    pub(crate) region: Option<String>,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// How a cloud is spoken to.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reach {
    /// Append every call to a file, as lines of JSON; it has no tokens and no bodies
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// How long one call may take, with its repetitions: 30s, 2m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = super::duration)]
    pub(crate) timeout: Duration,
}
