//! `paas db dump` and `paas db load` as types.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct DbDump {
    /// The name of the instance
    pub(crate) name: String,
    /// This database in it; left out, the first one
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Option<String>,
    /// Into this file, readable by you alone; left out or -, to stdout
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<std::path::PathBuf>,
    /// With the server alone, also where there is a pg_dump
    #[arg(long, conflicts_with = "pg_dump")]
    pub(crate) native: bool,
    /// With pg_dump, or not at all
    #[arg(long)]
    pub(crate) pg_dump: bool,
    /// Leave out what the dump has no words for; the file's head names it. Implies --native
    #[arg(long, conflicts_with = "pg_dump")]
    pub(crate) allow_missing: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DbLoad {
    /// The name of the instance
    pub(crate) name: String,
    /// The file; left out or -, stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<std::path::PathBuf>,
    /// Into this database in it; left out, the first one
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Option<String>,
    /// Load although the database has objects already; if a name is taken, nothing is changed
    #[arg(long)]
    pub(crate) into_existing: bool,
    /// As the platform's administrator and not as the owner: for event triggers and objects of several owners
    #[arg(long)]
    pub(crate) admin: bool,
}
