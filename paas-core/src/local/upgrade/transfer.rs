//! Bringing the data of the old server into new data of the new major.

use std::{path::Path, process::Command};

use secrecy::ExposeSecret;
use tokio::io::BufReader;

use super::{
    builds::{Pair, Way},
    closed::Closed,
    globals,
};
use crate::{
    database::{connection::Connection, dump, load, session::Session},
    error::{Class, Error, Result},
    local::{account::Account, codes::LOC_TRANSFER, data, files, instance::LocalInstance, program},
};

/// The bytes between the two servers.
const PIPE: usize = 1 << 18;

/// How many of pg_upgrade's last lines are told.
const LAST: usize = 6;

/// Fills the new data, which initdb has made in `work`. Before and after, the old server runs closed, or may be started closed; the new
/// one runs closed afterwards.
pub(super) async fn transfer(
    instance: &LocalInstance,
    pair: &Pair,
    (old, new): (&Closed<'_>, &Closed<'_>),
    from: &Connection,
    work: &Path,
) -> Result<Connection> {
    match pair.way {
        Way::PgUpgrade => {
            old.stop().await?;
            new.configure()?;
            pg_upgrade(instance, pair, from, work).await?;
            new.start().await
        }
        Way::DumpAndLoad => {
            let to = new.start().await?;
            globals::copy(from, &to).await?;
            let session = Session::open(from).await?;
            for database in super::compare::databases(&session).await? {
                let in_it = |c: &Connection| Connection {
                    database: database.clone(),
                    ..c.clone()
                };
                contents(&in_it(from), &in_it(&to)).await?;
            }
            Ok(to)
        }
    }
}

/// One database's schema and rows, through a pipe: nothing of it lies on the disk in between.
async fn contents(from: &Connection, to: &Connection) -> Result<()> {
    let (mut write, read) = tokio::io::duplex(PIPE);
    let mut read = BufReader::with_capacity(PIPE, read);
    let reading = async {
        let dumped = dump::dump(from, &mut write).await;
        // The other side sees the end.
        drop(write);
        dumped
    };
    let writing = async {
        let loaded = load::load(to, &mut read).await;
        // A reader that gave up is seen by the writer, which then stops.
        drop(read);
        loaded
    };
    let (dumped, loaded) = tokio::join!(reading, writing);
    let failed = |e: Error| {
        let words = format!("{}: {}", e.what().unwrap_or("copy a database"), e.words());
        Error::new(&LOC_TRANSFER, e.class())
            .attempted(format!("dump and load the database {}", from.database))
            .happened(words)
            .source_error(e)
    };
    // A load that fails breaks the pipe, and the dump's complaint of that explains nothing.
    loaded.map_err(failed)?;
    dumped.map_err(failed)?;
    Ok(())
}

/// Runs pg_upgrade, which copies the files and leaves the old data as it was.
async fn pg_upgrade(instance: &LocalInstance, pair: &Pair, from: &Connection, work: &Path) -> Result<()> {
    let account = instance.machine().home.account();
    let pass = work.join("password");
    // It asks both servers, and libpq reads passwords of nobody's asking from such a file only.
    let line = format!("*:*:*:{}:{}\n", data::ADMIN, from.password.expose_secret());
    files::write_new(&pass, line.as_bytes(), 0o600, account)?;
    let run = command(instance, pair, from, work, &pass, account);
    let attempt = format!(
        "run {} from {} to {}",
        pair.new.program("pg_upgrade").display(),
        pair.old.version,
        pair.new.version
    );
    let failed = |words: String| {
        let full = words.contains("No space left on device") || words.contains("quota exceeded");
        let class = if full { Class::Quota } else { Class::Blocked };
        Error::new(&LOC_TRANSFER, class)
            .attempted(&attempt)
            .happened(words)
    };
    let ran = program::run(run).await;
    files::remove(&pass)?;
    let out = ran.map_err(|e| failed(e.to_string()))?;
    if out.status.success() {
        return Ok(());
    }
    let said = [out.stdout, out.stderr].concat();
    Err(failed(last_lines(&String::from_utf8_lossy(&said))))
}

fn command(
    instance: &LocalInstance,
    pair: &Pair,
    from: &Connection,
    work: &Path,
    pass: &Path,
    account: &Account,
) -> Command {
    let mut run = Command::new(pair.new.program("pg_upgrade"));
    run.arg("--old-bindir")
        .arg(&pair.old.bin)
        .arg("--new-bindir")
        .arg(&pair.new.bin)
        .arg("--old-datadir")
        .arg(instance.folder().join(data::FOLDER))
        .arg("--new-datadir")
        .arg(work.join(data::FOLDER))
        .args(["--username", data::ADMIN, "--socketdir", &from.host])
        .args([
            "--old-port",
            &from.port.to_string(),
            "--new-port",
            &(from.port ^ 1).to_string(),
        ]);
    // It writes its scripts and logs where it is run.
    program::quiet(&mut run, account, work);
    run.env("PGPASSFILE", pass);
    run
}

/// What explains a failure, in one line: the steps that went well are left out.
fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.ends_with(" ok") && !l.starts_with("---"))
        .collect();
    let first = lines.len().saturating_sub(LAST);
    lines.get(first..).unwrap_or_default().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_failure_only_what_explains_it_is_told() {
        let said = "Performing Consistency Checks\n-----------------------------\nChecking cluster versions          ok\n\
            Checking for presence of required libraries       fatal\n\nYour installation references loadable libraries\n";
        assert_eq!(
            last_lines(said),
            "Performing Consistency Checks; Checking for presence of required libraries       fatal; \
             Your installation references loadable libraries"
        );
    }
}
