//! `paas db`: one verb a file.

pub(crate) mod adopt;
mod amount;
pub(crate) mod backup;
pub(crate) mod backups;
pub(crate) mod check;
pub(crate) mod connect;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod dump;
pub(crate) mod env;
pub(crate) mod forward;
pub(crate) mod list;
pub(crate) mod load;
pub(crate) mod logs;
mod open;
mod pg_dump;
pub(crate) mod purge;
pub(crate) mod restart;
pub(crate) mod restore;
pub(crate) mod retained;
pub(crate) mod rotate;
pub(crate) mod set;
pub(crate) mod show;
pub(crate) mod sql;
pub(crate) mod switchover;
pub(crate) mod top;
pub(crate) mod upgrade;
pub(crate) mod url;

use paas_core::{
    error::{Class, Error},
    spec::{Document, Kind},
};

use crate::{
    codes::CLI_ONLY_HERE,
    exit::Failure,
    input,
    session::{Session, Target},
};

/// The command that opens a prompt.
pub(crate) fn connect_command(name: &str) -> String {
    format!("paas db connect {name}")
}

/// What a flag asks for is on this machine alone.
fn only_here(flag: &str) -> Error {
    Error::new(&CLI_ONLY_HERE, Class::Unsupported)
        .attempted(format!("use {flag}"))
        .happened("the database is in a cluster")
}

/// The accepted databases.
fn databases(session: &Session) -> Result<Vec<Document>, Failure> {
    let all = session.objects().all()?;
    Ok(all
        .into_iter()
        .filter(|d| d.kind() == Kind::DatabaseInstance)
        .collect())
}

/// The accepted database of that name.
fn named(session: &Session, name: &str) -> Result<Target, Failure> {
    let all = databases(session)?;
    let one = input::only(all, &[name.to_owned()])?;
    let target = session
        .targets(&one)?
        .into_iter()
        .find(|t| t.kind() == Some(Kind::DatabaseInstance));
    target.ok_or_else(|| input::unknown(name, &[]).into())
}
