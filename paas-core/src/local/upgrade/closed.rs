//! Servers that let nobody in but the platform: nothing is written while data is copied and compared.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use super::switch::CLOSED;
use crate::{
    codes::CORE_SECRET_MISSING,
    database::{
        connection::{Connection, SslMode},
        session,
    },
    error::{Class, Error, Result},
    local::{
        actuator::ADMIN_SECRET,
        build::Build,
        config::{ServerConfig, Written},
        data, files,
        instance::LocalInstance,
        postmaster::{self, Postmaster},
    },
};

/// Only the platform's own role, only over the socket.
const ACCESS: &str = "# Written by paas during an upgrade.\nlocal all paas_admin scram-sha-256\n";

/// How long a server may take to answer; the old one may have to recover from a crash first.
const PATIENCE: Duration = Duration::from_secs(300);

/// A folder with `data` in it, and how its server runs.
#[derive(Debug)]
pub(super) struct Closed<'a> {
    instance: &'a LocalInstance,
    /// Where `data`, the configuration and the log are.
    folder: PathBuf,
    /// What it runs with.
    pub(super) build: Build,
    port: u16,
    parameters: BTreeMap<String, String>,
}

impl<'a> Closed<'a> {
    /// For the data in `folder`, with the settings and beside the port that the instance has. There is no TCP, so the number only
    /// names a socket.
    pub(super) fn new(
        instance: &'a LocalInstance,
        folder: PathBuf,
        build: Build,
        written: &Written,
        beside: bool,
    ) -> Self {
        let port = written.port.unwrap_or(5432);
        let port = if beside { port ^ 1 } else { port };
        let mut parameters = written.parameters.clone();
        let access = folder.join(CLOSED).display().to_string();
        for (name, value) in [
            ("listen_addresses", String::new()),
            ("hba_file", access),
            ("archive_mode", "off".to_owned()),
        ] {
            parameters.insert(name.to_owned(), value);
        }
        Self {
            instance,
            folder,
            build,
            port,
            parameters,
        }
    }

    /// Writes its configuration. The next start by the platform writes the usual one again.
    pub(super) fn configure(&self) -> Result<()> {
        let machine = self.instance.machine();
        let account = machine.home.account();
        let sockets = machine.sockets(self.instance.owner());
        files::make_own_dir(&sockets, account)?;
        files::replace(&self.folder.join(CLOSED), ACCESS.as_bytes(), 0o600, account)?;
        let config = ServerConfig {
            port: self.port,
            sockets,
            major: self.build.version.major,
            // Nobody comes over the network.
            certificate: None,
            parameters: self.parameters.clone(),
        };
        config.write(&self.folder, account)
    }

    /// Starts it and comes back when it answers.
    pub(super) async fn start(&self) -> Result<Connection> {
        self.configure()?;
        let machine = self.instance.machine();
        let account = machine.home.account();
        postmaster::start(&self.build, account, &self.folder, PATIENCE, &*machine.clock).await?;
        let admin = self.admin().await?;
        session::ready(&admin).await?;
        Ok(admin)
    }

    /// Stops it, if it runs.
    pub(super) async fn stop(&self) -> Result<()> {
        match self.running()? {
            Some(server) => postmaster::stop(&server, &*self.instance.machine().clock).await,
            None => Ok(()),
        }
    }

    fn running(&self) -> Result<Option<Postmaster>> {
        postmaster::running(&self.folder, self.instance.machine().home.account())
    }

    async fn admin(&self) -> Result<Connection> {
        let machine = self.instance.machine();
        let owner = self.instance.owner();
        let password = machine.secrets.get(owner, ADMIN_SECRET).await?.ok_or_else(|| {
            Error::new(&CORE_SECRET_MISSING, Class::NotFound)
                .attempted(format!("enter {owner}"))
                .happened(format!("the secret '{ADMIN_SECRET}' of it is missing"))
        })?;
        Ok(Connection {
            host: machine.sockets(owner).display().to_string(),
            port: self.port,
            database: "postgres".to_owned(),
            user: data::ADMIN.to_owned(),
            password,
            sslmode: SslMode::Disable,
            address: None,
            ca: None,
        })
    }
}
