//! Operating what runs, as types.

use clap::Subcommand;

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
