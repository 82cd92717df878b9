//! PostgreSQL for tests: an isolated database for each test, on a server that vanishes with the test process.
//!
//! ```no_run
//! # async fn a_test() -> paas_core::error::Result<()> {
//! let db = paas_core::testing::postgres().await?;
//! let url = db.url(); // any client takes it
//! # Ok(())
//! # }
//! ```
//!
//! The first call of a process starts a server of the process's own on a free port of the loopback; each call makes a database in it, with
//! an owner of its own who may do everything there and nothing elsewhere. What a test writes is dropped with its [`TestDatabase`].
//!
//! - The server does not care for power cuts (`fsync`, `synchronous_commit` and `full_page_writes` are off): never use it for data.
//! - It goes with its files when the test process ends, whichever way: a small `sh` is its parent and waits for the end of a pipe that
//!   the test process holds. What is left where that `sh` was killed as well, the next run sweeps away.
//! - Its files lie in memory where there is room, see [`Options::folder`].
//! - PostgreSQL is the newest one found on the machine; where there is none and the feature `local-download` is on, it is fetched once.
//! - As root the server runs as `postgres` or `nobody`.
//! - Any runtime will do, and none: the work is done on a thread of its own.
//!
//! Logging in costs thousands of rounds of SHA-256, which take a tenth of a second where dependencies are not optimized. Servers from
//! PostgreSQL 16 on ask for one round here; for older ones `[profile.dev.package."*"] opt-level = 1` helps.

mod builds;
mod server;
mod watch;
mod worker;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::mpsc,
};

use tokio::sync::{mpsc::UnboundedSender, oneshot};

pub use self::builds::{cache, home_with_cache, places};
use crate::{database::connection::Connection, error::Result, secrets::ExposeSecret};

/// An isolated database on the server of this process.
///
/// # Errors
/// `PAAS-LOC-0001` or `PAAS-LOC-0002` if there is no PostgreSQL; those of starting one and of its answers.
pub async fn postgres() -> Result<TestDatabase> {
    postgres_with(Options::default()).await
}

/// The same with wishes: calls with equal ones share a server.
///
/// # Errors
/// Those of [`postgres()`]; `PAAS-PG-0004` for a parameter that PostgreSQL or this platform refuses, `PAAS-PG-0005` for an extension
/// that the build does not have.
pub async fn postgres_with(options: Options) -> Result<TestDatabase> {
    let (answer, wait) = oneshot::channel();
    // Nobody waits any more: the database is dropped here, and so in its server.
    worker::ask(options, Box::new(|made| drop(answer.send(made))));
    wait.await.unwrap_or_else(|_| Err(worker::gone()))
}

/// [`postgres()`] for tests that are not async.
///
/// # Errors
/// Those of [`postgres()`].
pub fn postgres_blocking() -> Result<TestDatabase> {
    postgres_blocking_with(Options::default())
}

/// [`postgres_with`] for tests that are not async.
///
/// # Errors
/// Those of [`postgres_with`].
pub fn postgres_blocking_with(options: Options) -> Result<TestDatabase> {
    let (answer, wait) = mpsc::sync_channel(1);
    worker::ask(options, Box::new(move |made| drop(answer.send(made))));
    wait.recv().unwrap_or_else(|_| Err(worker::gone()))
}

/// Wishes for a server.
///
/// ```
/// use paas_core::testing::postgres::Options;
/// let logical = Options { parameters: [("wal_level".into(), "logical".into())].into(), ..Options::default() };
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Options {
    /// The major version, `17`; without it, the newest that is here.
    pub major: Option<u32>,
    /// Parameters of the server, by name.
    pub parameters: BTreeMap<String, String>,
    /// Extensions that every database has from the beginning.
    pub extensions: Vec<String>,
    /// A folder for its files. Without it they are in memory (`/dev/shm`) if 1 GiB is free there, else where temporary files are.
    pub folder: Option<PathBuf>,
}

/// A database of a test; it is dropped with this value, whoever is connected to it.
pub struct TestDatabase {
    connection: Connection,
    url: String,
    folder: PathBuf,
    drops: UnboundedSender<String>,
}

impl TestDatabase {
    /// Knows how to get in, and how to give it up.
    fn new(connection: Connection, folder: &Path, drops: UnboundedSender<String>) -> Self {
        Self {
            url: connection.url().expose_secret().to_owned(),
            folder: folder.to_path_buf(),
            connection,
            drops,
        }
    }

    /// `postgresql://user:password@127.0.0.1:port/database?sslmode=disable`: plain text, because it opens nothing that outlives the test.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same in parts, and in other forms.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The name of the database and of its owner.
    pub fn name(&self) -> &str {
        &self.connection.database
    }

    /// The log of the server, for a look while the test runs.
    pub fn log(&self) -> PathBuf {
        self.folder.join(crate::local::postmaster::LOG)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // Without its server, it is gone already.
        let _ = self.drops.send(self.connection.database.clone());
    }
}

impl fmt::Debug for TestDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestDatabase")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}
