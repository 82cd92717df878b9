//! This machine as a place for instances: home, builds, secrets, and the clock and listeners that belong to a program.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use uuid::Uuid;

use super::{
    account::Account,
    binding::FileBindings,
    build::{self, Build, Choice, Found, Places},
    config::Written,
    files,
    home::Home,
    port,
    template::Templates,
};
use crate::{
    clock::{Clock, SystemClock},
    database::binding::BindingStore,
    error::{Error, Result},
    event::{EventSink, Silent},
    owner::{Identity, Owner},
    secrets::{FileSecrets, Generate, SecretStore, SystemRandom},
    spec::EngineVersion,
};

/// Everything that instances on this machine share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LocalMachine {
    /// Where everything is kept.
    pub home: Home,
    /// Where PostgreSQL is looked for.
    pub places: Places,
    /// Whether PostgreSQL may be fetched when it is not here; without the feature `local-download` it never is.
    pub fetch: bool,
    /// A folder with a short path for sockets of instances whose own path is too long.
    pub short: PathBuf,
    /// Passwords.
    pub secrets: Arc<dyn SecretStore>,
    /// What programs read to get in.
    pub bindings: Arc<dyn BindingStore>,
    /// Where passwords come from.
    pub generate: Arc<dyn Generate>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who listens.
    pub events: Arc<dyn EventSink>,
    identity: Identity,
}

impl LocalMachine {
    /// Opens the home, with PostgreSQL looked for in the system's places and fetched if it is not there, the system's clock and
    /// randomness, secrets in the home, and nobody listening.
    ///
    /// # Errors
    /// Those of [`Account::current`] and [`Home::open`].
    pub fn open(home: impl Into<PathBuf>) -> Result<Self> {
        let home = Home::open(home, Account::current()?)?;
        let id = identity(home.root())?;
        Ok(Self::of(home, &id))
    }

    /// The home as it is, for looking at it: nothing is made. `None` if it was never opened.
    ///
    /// # Errors
    /// Those of [`Account::current`]; `PAAS-LOC-0013` if it cannot be read.
    pub fn look_at(home: impl Into<PathBuf>) -> Result<Option<Self>> {
        let home = Home::at(home, Account::current()?);
        let id = files::read(&home.root().join("id"))?;
        Ok(id.map(|id| Self::of(home, id.trim())))
    }

    fn of(home: Home, id: &str) -> Self {
        Self {
            places: Places {
                cache: Some(home.cache()),
                system: true,
                ..Places::default()
            },
            fetch: cfg!(feature = "local-download"),
            short: PathBuf::from("/tmp"),
            secrets: Arc::new(FileSecrets::new(home.secrets())),
            bindings: Arc::new(FileBindings::new(home.bindings())),
            generate: Arc::new(SystemRandom),
            clock: Arc::new(SystemClock),
            events: Arc::new(Silent),
            identity: Identity::of(&["local", id]),
            home,
        }
    }

    /// What tells this home from others, wherever it is moved to.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The owner of an instance's parts.
    pub fn owner(&self, namespace: &str, name: &str) -> Owner {
        Owner::new(&self.identity, "DatabaseInstance", namespace, name)
    }

    /// The folder of an instance.
    pub fn folder(&self, owner: &Owner) -> PathBuf {
        let hash = owner.uid().simple().to_string();
        self.home
            .instances()
            .join(format!("{}-{}", owner.name(), &hash[..8]))
    }

    /// The folder of an instance's socket.
    pub fn sockets(&self, owner: &Owner) -> PathBuf {
        port::socket_folder(&self.folder(owner), &self.short, owner.uid())
    }

    /// A build for a data directory of this major, or for a new one by the wish; fetched if it must and may be.
    ///
    /// # Errors
    /// `PAAS-LOC-0001` naming what is here; `PAAS-LOC-0002` if fetching failed.
    pub(super) async fn build(
        &self,
        wish: Option<&EngineVersion>,
        major: Option<u32>,
        tell: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Build> {
        let found = self.found().await;
        let major = major.or(wish.map(EngineVersion::major));
        let exact = wish.and_then(EngineVersion::minor).zip(major);
        if let Some((minor, major)) = exact {
            let is = |b: &&Build| b.version.major == major && b.version.minor == minor;
            return match found.builds.iter().find(is) {
                Some(build) => Ok(build.clone()),
                None if self.fetch => self.fetch(major, Some(minor), tell).await,
                None => Err(build::absent(&found, Some(major))),
            };
        }
        match build::choose(&found, major, self.fetch)? {
            Choice::Here(build) => Ok(build),
            Choice::Fetch(major) => {
                let fetched = self.fetch(major, None, tell).await;
                // The majors that are here help more than the network's words alone.
                fetched.map_err(|e| {
                    let here = build::absent(&found, Some(major));
                    Error::new(e.code(), e.class())
                        .attempted(e.what().unwrap_or("fetch PostgreSQL"))
                        .happened(format!("{}; {}", e.words(), here.words()))
                })
            }
        }
    }

    /// The builds that servers here can run from.
    pub(super) async fn found(&self) -> Found {
        let mut found = build::find(&self.places).await;
        // A build in somebody's closed folder runs for root and not for the user that root drops to.
        for build in std::mem::take(&mut found.builds) {
            match self.home.account().check_reach(&build.program("postgres")) {
                Ok(()) => found.builds.push(build),
                Err(closed) => found.broken.push(closed),
            }
        }
        found
    }

    #[cfg(feature = "local-download")]
    async fn fetch(
        &self,
        major: u32,
        minor: Option<u32>,
        tell: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Build> {
        let fetch = super::fetch::Fetch {
            cache: self.home.cache(),
            clock: Arc::clone(&self.clock),
        };
        fetch
            .major(major, minor, &|progress| tell(progress.to_string()))
            .await
    }

    #[cfg(not(feature = "local-download"))]
    async fn fetch(
        &self,
        major: u32,
        _minor: Option<u32>,
        _tell: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Build> {
        Err(
            Error::new(&super::codes::LOC_NO_BUILD, crate::error::Class::Unsupported)
                .attempted(format!("fetch PostgreSQL {major}"))
                .happened("this program was built without the feature local-download"),
        )
    }

    /// How data directories are made.
    pub fn templates(&self) -> Templates {
        Templates {
            cache: self.home.cache(),
            generate: Arc::clone(&self.generate),
            clock: Arc::clone(&self.clock),
            durable: true,
            eager: false,
        }
    }

    /// The ports that other instances of this home have, running or not.
    pub(super) fn taken(&self, but: &Path) -> Result<BTreeSet<u16>> {
        let mut taken = BTreeSet::new();
        for folder in files::list(&self.home.instances())? {
            if folder != but {
                taken.extend(Written::read(&folder)?.and_then(|w| w.port));
            }
        }
        Ok(taken)
    }
}

/// The home's own id: made once, by whoever is first.
fn identity(root: &Path) -> Result<String> {
    let path = root.join("id");
    if let Some(id) = files::read(&path)? {
        return Ok(id.trim().to_owned());
    }
    #[allow(
        clippy::disallowed_methods,
        reason = "an identity is made once in the life of a home, not in a run"
    )]
    let id = Uuid::new_v4().to_string();
    files::put_if_absent(&path, id.as_bytes(), 0o600)?;
    Ok(files::read(&path)?.unwrap_or(id).trim().to_owned())
}
