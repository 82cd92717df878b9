//! PostgreSQL's own pg_dump, where there is one.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use paas_core::{
    database::connection::Connection,
    error::{Class, Error},
    local::{build, data, instance::LocalInstance},
};
use secrecy::ExposeSecret;
use tokio::io::AsyncReadExt;

use super::connect::Passfile;
use crate::{codes::CLI_PG_DUMP, session::Session};

/// How much of what it says is shown.
const SHOWN: usize = 4 << 10;

/// The pg_dump whose major is the server's or the next above it; an older one refuses a newer server. None where there is none, which is
/// an error if it `must` be there.
pub(super) async fn find(instance: &LocalInstance, must: bool) -> Result<Option<PathBuf>, Error> {
    let Some(major) = data::major(&instance.folder())? else {
        return Ok(None);
    };
    let found = build::find(&instance.machine().places).await;
    let fitting = found
        .builds
        .iter()
        .filter(|b| b.version.major >= major && b.program("pg_dump").is_file())
        .min_by_key(|b| b.version.major);
    match fitting {
        None if must => Err(Error::new(&CLI_PG_DUMP, Class::NotFound)
            .attempted("find pg_dump")
            .happened(format!(
                "there is none of major {major} or newer beside the builds here"
            ))),
        fitting => Ok(fitting.map(|b| b.program("pg_dump"))),
    }
}

/// Runs it into a file, or to our stdout. It ends with the future that waits for it.
pub(super) async fn run(
    program: &Path,
    session: &Session,
    from: &Connection,
    out: Option<std::fs::File>,
) -> Result<(), Error> {
    let failed = |why: String| {
        Error::new(&CLI_PG_DUMP, Class::Internal)
            .attempted(format!("run {}", program.display()))
            .happened(why)
    };
    let passfile = Passfile::write(&session.scratch(), from).map_err(|e| failed(e.to_string()))?;
    let mut command = tokio::process::Command::new(program);
    for (name, value) in from.env().into_iter().filter(|(name, _)| *name != "PGPASSWORD") {
        command.env(name, value.expose_secret());
    }
    let mut child = command
        .env_remove("PGPASSWORD")
        .env("PGPASSFILE", &passfile.0)
        .arg("--no-password")
        .stdin(Stdio::null())
        .stdout(out.map_or_else(Stdio::inherit, Stdio::from))
        .stderr(Stdio::piped())
        // A terminal's Ctrl-C is ours to act on.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| failed(e.to_string()))?;
    let mut said = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        // What is not text is of no use to a person.
        let _ = stderr.read_to_string(&mut said).await;
    }
    let status = child.wait().await.map_err(|e| failed(e.to_string()))?;
    if status.success() {
        return Ok(());
    }
    let said: String = said.trim().chars().take(SHOWN).collect();
    Err(failed(format!("{status}: {said}")))
}
