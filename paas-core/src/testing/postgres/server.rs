//! The server of a test process: a copy of a template, configured for speed, that nobody will miss.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use uuid::Uuid;

use super::{
    Options, builds,
    watch::{self, Watch},
};
use crate::{
    clock::{Clock, SystemClock},
    database::{
        connection::{Connection, SslMode},
        parameters,
    },
    error::Result,
    local::{
        account::Account, build::Build, codes::LOC_PORT, config, data, files, port, template::Templates,
    },
    secrets::{Generate, SecretString, SystemRandom},
    testing::place::{self, Place},
};

/// How long a server may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often another port is tried.
const PORTS: usize = 8;

/// What is right for data that nobody needs tomorrow. Dynamic shared memory lies in the data directory, so that it goes with it.
const THROW_AWAY: &str = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n\
    dynamic_shared_memory_type = mmap\nmax_connections = 500\n\
    min_wal_size = 32MB\nmax_wal_size = 256MB\n";

/// A running server; it goes with this value, and with this process.
pub(super) struct Server {
    /// Where everything of it lies.
    pub(super) folder: PathBuf,
    /// Its version.
    pub(super) major: u32,
    port: u16,
    password: SecretString,
    _watch: Watch,
}

impl Server {
    pub(super) async fn start(options: &Options) -> Result<Self> {
        let account = Account::current()?;
        let parameters = options.parameters.iter();
        let parameters =
            parameters::declared(parameters.map(|(name, value)| (name.as_str(), value.clone())))?;
        let servers = servers(options.folder.as_deref(), &account).await?;
        let build = builds::build(&account, options.major).await?;
        let mut left = PORTS;
        loop {
            left -= 1;
            match Self::attempt(&servers, &build, &account, &parameters).await {
                Err(e) if e.code() == &LOC_PORT && left > 0 => {}
                started => return started,
            }
        }
    }

    async fn attempt(
        servers: &Path,
        build: &Build,
        account: &Account,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let place = Place::new(servers, account)?;
        let folder = place.folder().to_path_buf();
        let password = SystemRandom.secret();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let templates = Templates {
            cache: builds::cache()?,
            generate: Arc::new(SystemRandom),
            clock: Arc::clone(&clock),
            durable: false,
            eager: true,
        };
        templates.make(build, account, &folder, &password).await?;
        config::check(build, account, &folder, parameters).await?;
        let chance = Uuid::new_v5(&Uuid::NAMESPACE_OID, folder.as_os_str().as_encoded_bytes());
        let port = port::choose(chance, &BTreeSet::new())?;
        let text = configuration(port, build.version.major, parameters)?;
        files::replace_unsynced(&folder.join(config::FILE), text.as_bytes(), 0o600, account)?;
        let watch = Watch::start(place, build, account, PATIENCE, &*clock).await?;
        Ok(Self {
            folder,
            major: build.version.major,
            port,
            password,
            _watch: watch,
        })
    }

    /// The platform's own way into a database of this server.
    pub(super) fn admin(&self, database: &str) -> Connection {
        Connection {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            database: database.to_owned(),
            user: data::ADMIN.to_owned(),
            password: self.password.clone(),
            sslmode: SslMode::Disable,
            address: None,
            ca: None,
        }
    }
}

/// The folder of the servers of this account, which it can remove them from, swept of what others left.
async fn servers(named: Option<&Path>, account: &Account) -> Result<PathBuf> {
    let parents = place::parents(named, "paas-test-servers", account)?;
    for folder in &parents.all {
        watch::sweep(folder, account, &SystemClock).await;
    }
    Ok(parents.chosen)
}

fn configuration(port: u16, major: u32, parameters: &BTreeMap<String, String>) -> Result<String> {
    let mut text = format!(
        "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\n\
        password_encryption = 'scram-sha-256'\n{THROW_AWAY}"
    );
    if major >= 16 {
        // More rounds make guessing slow, and 190 bits of chance cannot be guessed.
        text.push_str("scram_iterations = 1\n");
    }
    for (name, value) in parameters {
        let _ = writeln!(text, "{name} = {}", parameters::quote(name, value)?);
    }
    Ok(text)
}
