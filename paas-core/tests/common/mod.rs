//! A machine of one test: a home in a temporary folder, whose servers end with it.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "a module of many tests, each of which uses a part"
)]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use paas_core::{
    database::{connection::Connection, session::Session},
    error::{Error, Result},
    event::Kept,
    local::{account::Account, build::Places, instance::LocalInstance, machine::LocalMachine, postmaster},
    spec::DatabaseInstanceSpec,
    testing::postgres,
};

/// A machine whose home lies in a temporary folder.
pub struct Place {
    pub dir: tempfile::TempDir,
    pub machine: LocalMachine,
    /// What was told of the machine's instances.
    pub events: Arc<Kept>,
}

impl Place {
    /// With the PostgreSQL of this machine, or one that is fetched.
    pub async fn new() -> Self {
        Self::with(&std::env::temp_dir(), postgres::places().await.unwrap())
    }

    /// Below this folder, with builds from these places only.
    pub fn with(folder: &Path, places: Places) -> Self {
        let dir = tempfile::tempdir_in(folder).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut machine = LocalMachine::open(dir.path().join("home")).unwrap();
        machine.places = places;
        machine.fetch = false;
        let events = Arc::new(Kept::default());
        machine.events = events.clone();
        Self { dir, machine, events }
    }

    /// An instance of the namespace `default`.
    pub fn named(&self, name: &str, spec: DatabaseInstanceSpec) -> LocalInstance {
        LocalInstance::new(self.machine.clone(), "default", name, spec)
    }

    /// The folder of `default/demo`.
    pub fn folder(&self) -> PathBuf {
        self.machine.folder(&self.machine.owner("default", "demo"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for entry in fs::read_dir(self.machine.home.instances())
            .into_iter()
            .flatten()
            .flatten()
        {
            let folder = entry.path();
            for place in [folder.join(".paas-tmp-upgrade"), folder] {
                stop(&place);
            }
        }
    }
}

/// Ends the server of a folder at once.
pub fn stop(folder: &Path) {
    if let Ok(Some(server)) = postmaster::running(folder, &Account::current().unwrap()) {
        let _ = server.process.signal(rustix::process::Signal::QUIT);
        while server.process.is_alive() {
            std::thread::yield_now();
        }
    }
}

/// The text that a query answers.
pub async fn text(to: &Connection, sql: &str) -> Result<String> {
    let rows = Session::open(to).await?.rows(sql, &[], "ask").await?;
    Ok(rows[0].get::<_, String>(0))
}

/// The code of what failed.
pub fn code(e: &Error) -> &'static str {
    e.code().id
}
