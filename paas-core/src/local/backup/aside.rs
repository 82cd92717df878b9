//! A server of our own on a restored copy, for a moment: on a Unix socket only, with an access that nobody else has.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use postgres_protocol::escape::{escape_identifier, escape_literal};
use rustix::process::Signal;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::cannot_restore;
use crate::{
    codes::CORE_CANCELLED,
    database::{
        connection::{Connection, SslMode},
        parameters,
        session::Session,
    },
    error::{Class, Error, Result},
    local::{
        build::Build,
        config,
        data::{self, ADMIN},
        files,
        machine::LocalMachine,
        port,
        postmaster::{self, LOG},
        program,
    },
};

/// Names the socket's file; no TCP port is opened.
const PORT: u16 = 5432;

/// The access rules' file, in the folder.
const RULES: &str = "hba.conf";

/// How long the server may take after its recovery is done.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often an ending process is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A copy of a data directory in a folder of its own, laid out as an instance's.
#[derive(Debug)]
pub(super) struct Aside<'a> {
    pub(super) machine: &'a LocalMachine,
    pub(super) build: &'a Build,
    pub(super) folder: &'a Path,
    pub(super) cancel: &'a CancellationToken,
}

impl Aside<'_> {
    /// Recovers the copy until it is consistent and gives it another administrator's password; nobody else can log in by password then.
    ///
    /// The server's single-user mode does both: it needs no access rules, and recovers as every start does. It ends with its input, and so
    /// with us.
    ///
    /// # Errors
    /// `PAAS-LOC-0017` with the server's words; `PAAS-LOC-0013`, `PAAS-CORE-0009`.
    pub(super) async fn recover(
        &self,
        parameters: &BTreeMap<String, String>,
        password: &SecretString,
    ) -> Result<()> {
        self.configure(parameters)?;
        let verifier = postgres_protocol::password::scram_sha_256(password.expose_secret().as_bytes());
        let admin = escape_identifier(ADMIN);
        // A line is a statement.
        let sql = format!(
            "DO $$DECLARE r text; BEGIN FOR r IN SELECT rolname FROM pg_authid WHERE rolpassword IS NOT NULL LOOP \
             EXECUTE format('ALTER ROLE %I PASSWORD NULL', r); END LOOP; END$$\n\
             ALTER ROLE {admin} LOGIN PASSWORD {} VALID UNTIL 'infinity'\n",
            escape_literal(&verifier)
        );
        let mut command = Command::new(self.build.program("postgres"));
        command
            .args(["--single", "-c", "exit_on_error=on", "-D"])
            .arg(self.folder.join(data::FOLDER))
            .arg("postgres");
        program::quiet(&mut command, self.machine.home.account(), self.folder);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let failed = |words: String| cannot_restore("a data directory", words);
        let work = async {
            let mut child = tokio::process::Command::from(command)
                .kill_on_drop(true)
                .spawn()?;
            if let Some(mut input) = child.stdin.take() {
                // That it ended without reading is told by its words.
                let _ = input.write_all(sql.as_bytes()).await;
            }
            child.wait_with_output().await
        };
        let out = tokio::select! {
            out = work => out.map_err(|e| failed(e.to_string()))?,
            () = self.cancel.cancelled() => {
                return Err(Error::new(&CORE_CANCELLED, Class::Cancelled).attempted("recover a copy"));
            }
        };
        let said = String::from_utf8_lossy(&out.stderr);
        let bad = |l: &&str| ["FATAL:", "PANIC:", "ERROR:"].iter().any(|w| l.contains(w));
        let words: Vec<&str> = said
            .lines()
            .filter(bad)
            .map(|l| l.split_once("] ").map_or(l, |(_, r)| r))
            .collect();
        if out.status.success() && words.is_empty() {
            return Ok(());
        }
        Err(failed(if words.is_empty() {
            format!("postgres --single ended with {}", out.status)
        } else {
            words.join("; ")
        }))
    }

    /// Starts the server.
    ///
    /// # Errors
    /// Those of [`postmaster::start`].
    pub(super) async fn start(&self) -> Result<()> {
        files::make_own_dir(&self.sockets(), self.machine.home.account())?;
        let (account, clock) = (self.machine.home.account(), &*self.machine.clock);
        postmaster::start(self.build, account, self.folder, PATIENCE, clock)
            .await
            .map(|_| ())
    }

    /// A session with one of its databases, as the administrator.
    pub(super) async fn session(&self, database: &str, password: &SecretString) -> Result<Session> {
        Session::open(&Connection {
            host: self.sockets().display().to_string(),
            port: PORT,
            database: database.to_owned(),
            user: ADMIN.to_owned(),
            password: password.clone(),
            sslmode: SslMode::Disable,
            address: None,
            ca: None,
        })
        .await
    }

    /// Stops the server and takes away everything but the mark and the data.
    pub(super) async fn finish(&self) -> Result<()> {
        stop(self.machine, self.folder).await?;
        for name in [config::FILE, RULES, LOG] {
            files::remove(&self.folder.join(name))?;
        }
        files::remove(&self.sockets())
    }

    fn sockets(&self) -> PathBuf {
        sockets(self.machine, self.folder)
    }

    fn configure(&self, parameters: &BTreeMap<String, String>) -> Result<()> {
        let account = self.machine.home.account();
        let rules = self.folder.join(RULES);
        files::replace(&rules, b"local all all scram-sha-256\n", 0o600, account)?;
        let mut text = String::new();
        // Some have to be as they were, or recovery refuses: max_prepared_transactions, shared_preload_libraries.
        for (name, value) in parameters {
            text += &format!("{name} = {}\n", parameters::quote(name, value)?);
        }
        let sockets = self.sockets();
        let own = [
            ("listen_addresses", ""),
            ("port", &PORT.to_string()),
            ("unix_socket_directories", &sockets.to_string_lossy()),
            ("hba_file", &rules.to_string_lossy()),
            ("password_encryption", "scram-sha-256"),
            ("ssl", "off"),
            ("archive_mode", "off"),
            ("autovacuum", "off"),
            ("logging_collector", "off"),
            ("log_destination", "stderr"),
            ("log_line_prefix", "%m [%p] "),
            ("lc_messages", "C"),
            // The whole file system is brought to disk once, when the copy is done.
            ("fsync", "off"),
        ];
        for (name, value) in own {
            text += &format!("{name} = {}\n", parameters::quote(name, value)?);
        }
        files::replace(&self.folder.join(config::FILE), text.as_bytes(), 0o600, account)
    }
}

/// Removes such a folder, and stops the server that a killed program left on it.
///
/// # Errors
/// `PAAS-LOC-0009`, `PAAS-LOC-0010`, `PAAS-LOC-0013`.
pub(super) async fn sweep(machine: &LocalMachine, folder: &Path) -> Result<()> {
    if let Some(server) = postmaster::running(folder, machine.home.account())? {
        // Nobody wants its data on disk; and in single-user mode it knows no other way to end than this or its input's end.
        server.process.signal(Signal::QUIT)?;
        let deadline = machine.clock.elapsed() + PATIENCE;
        while server.process.is_alive() && machine.clock.elapsed() < deadline {
            machine.clock.sleep(LOOK).await;
        }
    }
    files::remove(&sockets(machine, folder))?;
    files::remove(folder)
}

async fn stop(machine: &LocalMachine, folder: &Path) -> Result<()> {
    match postmaster::running(folder, machine.home.account())? {
        Some(server) => postmaster::stop(&server, &*machine.clock).await,
        None => Ok(()),
    }
}

fn sockets(machine: &LocalMachine, folder: &Path) -> PathBuf {
    let name = Uuid::new_v5(&Uuid::NAMESPACE_OID, folder.as_os_str().as_encoded_bytes());
    port::socket_folder(folder, &machine.short, name)
}
