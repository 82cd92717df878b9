//! The verbs of backups as types.

use clap::{Args, Subcommand};

use super::Act;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(
    after_help = "Examples:\n  paas db backup shop\n  paas db backup shop --verify\n  paas db backup verify 20261122T221500Z-shop-1a2b3c4d"
)]
pub(crate) struct DbBackup {
    /// The name of the database
    #[arg(required = true)]
    pub(crate) name: Option<String>,
    /// Prove it by a throw-away restore
    #[arg(long)]
    pub(crate) verify: bool,
    #[command(subcommand)]
    pub(crate) verb: Option<DbBackupVerb>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DbBackupVerb {
    /// Prove a backup by a throw-away restore
    Verify {
        /// The backup's id; a database's name for its newest
        backup: String,
    },
    /// Remove a backup for good
    Delete {
        /// The backup's id
        backup: String,
        /// Agree that it is lost: its id again
        #[arg(long, value_name = "ID")]
        confirm: Option<String>,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  paas db backups\n  paas db backups shop -o name")]
pub(crate) struct DbBackups {
    /// Only those of this database; those of deleted ones are listed too
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas db restore 20261122T221500Z-shop-1a2b3c4d --to shop2\n  paas db restore shop --to shop2     the newest backup of shop"
)]
pub(crate) struct DbRestore {
    /// The backup's id; a database's name for its newest
    pub(crate) backup: String,
    /// The name of the new database
    #[arg(long, value_name = "NAME")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) act: Act,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  paas db clone shop --to shop-test")]
pub(crate) struct DbClone {
    /// The name of the database that is copied
    pub(crate) name: String,
    /// The name of the new database
    #[arg(long, value_name = "NAME")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) act: Act,
}
