//! `paas db forward` as types.

use std::ffi::OsString;

use clap::Args;

use super::DbAt;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  paas db forward shop --cluster --port 15432\n  paas db forward shop --cluster -- psql -c 'select 1'\n  paas db forward shop --cluster --pooler -- ./migrate\n\nThe URL is the first line on stdout; it stays until Ctrl-C. After a failover, new connections reach the new primary.\nCOMMAND gets PGHOST, PGPORT, PGDATABASE, PGUSER, PGSSLMODE, PGPASSFILE and DATABASE_URL, and ends it with its own end."
)]
pub(crate) struct DbForward {
    #[command(flatten)]
    pub(crate) at: DbAt,
    /// This port of the loopback; left out, a free one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// To the pool of connections instead of the server
    #[arg(long)]
    pub(crate) pooler: bool,
    /// Hand out the password too: in the URL, and in the environment of COMMAND
    #[arg(long)]
    pub(crate) with_password: bool,
    /// A command that is run meanwhile, after --
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}
