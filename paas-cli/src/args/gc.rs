//! `paas gc`, as types.

use std::{path::PathBuf, time::Duration};

use clap::{ArgGroup, Args};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whose").args(["owner", "all"]))]
#[command(
    after_help = "Examples:\n  paas gc\n  paas gc -o wide --cloud lab\n  paas gc --all --older-than 2h --yes\n  paas gc --owner Platform/default/demo --yes\n  paas gc --owner demo --yes --delete-data --confirm demo\n\nNothing is deleted without --yes, and then only of the owners that --owner names, or --all that can be found. What has no mark of ours is never touched, and what it stands on stays. Owners that are known on this machine are left alone unless --owner names them."
)]
pub(crate) struct Gc {
    /// The cloud; left out, OS_CLOUD or the only one
    #[arg(long, value_name = "NAME")]
    pub(crate) cloud: Option<String>,
    /// Another region of it
    #[arg(long, value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// Only what is left of these: a uid, an object's name, or kind/namespace/name
    #[arg(long, value_name = "OWNER", value_delimiter = ',')]
    pub(crate) owner: Vec<String>,
    /// Everybody that this machine does not know: also what colleagues' machines look after
    #[arg(long)]
    pub(crate) all: bool,
    /// Only owners whose youngest thing is older than this: 30m, 2h
    #[arg(long, value_name = "TIME", value_parser = super::duration)]
    pub(crate) older_than: Option<Duration>,
    /// Delete it; needs --owner or --all
    #[arg(long, requires = "whose")]
    pub(crate) yes: bool,
    /// Delete volumes with data too; needs --confirm NAME, or typing the name on a terminal
    #[arg(long)]
    pub(crate) delete_data: bool,
    /// Agree that the data of these owners may be lost
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "delete_data")]
    pub(crate) confirm: Vec<String>,
    /// How long to wait: 90s, 5m, 1h
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = super::duration)]
    pub(crate) timeout: Duration,
    /// Exit with 3 if there is something to delete
    #[arg(long, conflicts_with = "yes")]
    pub(crate) detailed_exitcode: bool,
    /// Append every call to a file, as lines of JSON; it has no tokens and no bodies
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
}
