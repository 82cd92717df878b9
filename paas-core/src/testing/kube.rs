//! Kubernetes for tests: a real API server, and a namespace of its own for each test.
//!
//! ```no_run
//! # async fn a_test() -> paas_core::error::Result<()> {
//! use paas_core::testing::kube;
//!
//! let Some(cluster) = kube::unless_absent(kube::control_plane().await)? else { return Ok(()) };
//! let namespace = cluster.namespace("a sentence about the test").await?;
//! let client = namespace.client().await?; // `kube::Client`; its default namespace is the test's
//! # Ok(())
//! # }
//! ```
//!
//! Where it comes from, in this order:
//! 1. `PAAS_TEST_KUBECONFIG` names an existing cluster (kind, the lab): it is used, and only namespaces are made in it.
//! 2. `KUBEBUILDER_ASSETS` names a folder with `etcd` and `kube-apiserver`, and better `kube-controller-manager` and `kubectl` too.
//! 3. The programs are built once, from Go modules that are pinned here, into the user's cache. That takes 10 to 15 minutes on two
//!    cores and is said while it runs; two builds wait for each other, and one that was killed is gone on with.
//!
//! Without Go and without the first two there is none: [`unless_absent`] says so, and `PAAS_TEST_REQUIRE=all` makes it a failure.
//!
//! - [`control_plane()`] is one for all tests of the process. The first call starts it; it goes with the process, whichever way that
//!   ends: a small `sh` is the parent of all servers and waits for the end of a pipe that the test process holds. What is left where that
//!   `sh` was killed as well, the next run sweeps away.
//! - [`ControlPlane::start_own`] is one for a test that stops and starts servers, or wants an audit log.
//! - There are etcd, the API server with RBAC and the admission of a cluster as Kubernetes' defaults have it, and the controllers
//!   (garbage collection, the end of namespaces, service accounts). There is no node: pods stay pending.
//! - etcd does not care for power cuts (`--unsafe-no-fsync`), and everything lies in memory (`/dev/shm`) if 1 GiB is free there.
//! - A control plane takes half a gigabyte of memory and five seconds to start.

mod assets;
mod build;
pub mod codes;
mod guard;
mod namespace;
mod pki;
mod server;

use std::{
    fmt,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use tokio::sync::Mutex;

pub use self::namespace::{ANNOTATION, LABEL, Namespace};
use self::{
    assets::{Assets, Environment},
    codes::{TEST_KUBE_ABSENT, TEST_KUBE_BUILD, TEST_KUBE_FOREIGN},
    namespace::Janitor,
    server::Servers,
};
use crate::{
    clock::{Clock, SystemClock},
    codes::{CORE_PROVIDER, CORE_WAIT_OVERDUE},
    error::{Class, Error, Result},
};

/// How long a definition may take to be served.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Who writes what [`ControlPlane::define`] writes.
const FIELD_MANAGER: &str = "paas-testing";

/// The control plane of this process.
static SHARED: Mutex<Option<Result<ControlPlane>>> = Mutex::const_new(None);

/// The control plane that all tests of this process share, started now or used as it is.
///
/// # Errors
/// `PAAS-TEST-0001` if nothing here can give one, `PAAS-TEST-0002` if it cannot be built, `PAAS-TEST-0003` if it does not start.
pub async fn control_plane() -> Result<ControlPlane> {
    let mut shared = SHARED.lock().await;
    if let Some(known) = &*shared {
        // It would not go better a second time.
        return known.clone();
    }
    let environment = Environment::read();
    let made = match &environment.cluster {
        Some(kubeconfig) => ControlPlane::existing(kubeconfig).await,
        None => ControlPlane::start(&environment, Options::default()).await,
    };
    *shared = Some(made.clone());
    made
}

/// Nothing where this machine cannot have a control plane, after saying which test did not run and why; `PAAS_TEST_REQUIRE=all`
/// makes it the error that it is.
///
/// # Errors
/// Every other one, as it is.
pub fn unless_absent<T>(made: Result<T>) -> Result<Option<T>> {
    let all = std::env::var_os("PAAS_TEST_REQUIRE").is_some_and(|what| what == "all");
    unless_absent_or(made, all)
}

fn unless_absent_or<T>(made: Result<T>, required: bool) -> Result<Option<T>> {
    match made {
        Err(e) if !required && [TEST_KUBE_ABSENT.id, TEST_KUBE_BUILD.id].contains(&e.code().id) => {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("a test");
            say(&format!("did not run: {test}: {}; {}", e.sentence(), e.advice()));
            Ok(None)
        }
        made => made.map(Some),
    }
}

/// Wishes for a control plane of one's own.
///
/// ```
/// use paas_core::testing::kube::Options;
/// let audited = Options { audit_log: Some("/tmp/audit.log".into()), ..Options::default() };
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether there are controllers: garbage collection, the end of namespaces, service accounts. They are there only if their
    /// program is: a folder of envtest has none.
    pub controllers: bool,
    /// A file for the audit log, one JSON object a line: writes with their bodies, reads and whatever concerns secrets without.
    pub audit_log: Option<PathBuf>,
    /// Further arguments of the API server.
    pub api_server_arguments: Vec<String>,
    /// A folder for its files. Without it they are in memory (`/dev/shm`) if 1 GiB is free there, else where temporary files are.
    pub folder: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            controllers: true,
            audit_log: None,
            api_server_arguments: Vec::new(),
            folder: None,
        }
    }
}

/// A server of a control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Where objects are kept.
    Etcd,
    /// The API server.
    ApiServer,
    /// The controllers of Kubernetes itself.
    Controllers,
}

impl Part {
    /// All, in the order of starting.
    pub const ALL: [Self; 3] = [Self::Etcd, Self::ApiServer, Self::Controllers];

    fn program(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::Controllers => "kube-controller-manager",
        }
    }

    /// Letters only: it is part of a variable's name in a shell.
    fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "apiserver",
            Self::Controllers => "controllers",
        }
    }
}

/// A Kubernetes API server with what belongs to it. Clones are the same one; it stops with the last of them.
#[derive(Clone)]
pub struct ControlPlane(Arc<Inner>);

struct Inner {
    kubeconfig: PathBuf,
    assets: Option<Assets>,
    janitor: OnceLock<Janitor>,
    /// None: an existing cluster.
    servers: Option<Mutex<Servers>>,
    folder: Option<PathBuf>,
}

impl ControlPlane {
    /// One for this caller alone, never the existing cluster of `PAAS_TEST_KUBECONFIG`.
    ///
    /// # Errors
    /// Those of [`control_plane()`].
    pub async fn start_own(options: Options) -> Result<Self> {
        Self::start(&Environment::read(), options).await
    }

    async fn start(environment: &Environment, options: Options) -> Result<Self> {
        let assets = environment.programs().await?;
        let servers = Servers::start(assets.clone(), options).await?;
        Ok(Self(Arc::new(Inner {
            kubeconfig: servers.kubeconfig(),
            folder: Some(servers.folder().to_path_buf()),
            assets: Some(assets),
            janitor: OnceLock::new(),
            servers: Some(Mutex::new(servers)),
        })))
    }

    async fn existing(kubeconfig: &Path) -> Result<Self> {
        let cluster = Self(Arc::new(Inner {
            kubeconfig: kubeconfig.to_path_buf(),
            assets: None,
            janitor: OnceLock::new(),
            servers: None,
            folder: None,
        }));
        let attempted = format!("use the cluster of PAAS_TEST_KUBECONFIG={}", kubeconfig.display());
        let version = cluster.client().await?.apiserver_version().await;
        let version = version.map_err(|e| answered(&attempted, e))?;
        say(&format!("using an existing cluster, {}", version.git_version));
        Ok(cluster)
    }

    /// A client with all rights. It belongs to the runtime that it is made in, so each test makes its own.
    ///
    /// # Errors
    /// `PAAS-TEST-0003` or `PAAS-LOC-0013` if the kubeconfig cannot be used.
    pub async fn client(&self) -> Result<Client> {
        server::client(&self.kubeconfig(), None).await
    }

    /// The file that `kubectl` and others take as `KUBECONFIG`, with all rights; only this user can read it.
    pub fn kubeconfig(&self) -> PathBuf {
        self.0.kubeconfig.clone()
    }

    /// The program `kubectl` of the same version, if it is there.
    pub fn kubectl(&self) -> Option<PathBuf> {
        self.0.assets.as_ref()?.program("kubectl")
    }

    /// The log of a server, for a look while the test runs; an existing cluster shows none.
    pub fn log(&self, part: Part) -> Option<PathBuf> {
        Some(guard::log(self.0.folder.as_ref()?, part.name()))
    }

    /// Whether it was there before: others may work in it, and its definitions and servers stay as they are.
    pub fn is_existing(&self) -> bool {
        self.0.servers.is_none()
    }

    /// A namespace of its own for a test, named after a sentence about it; deleted with the value.
    ///
    /// # Errors
    /// `PAAS-CORE-0001` with the API server's words.
    pub async fn namespace(&self, sentence: &str) -> Result<Namespace> {
        Namespace::make(self.clone(), sentence).await
    }

    /// Makes sure that these definitions are there and served. They belong to the whole cluster and stay.
    ///
    /// # Errors
    /// `PAAS-CORE-0001` with the API server's words, `PAAS-CORE-0012` if one is not served in time.
    pub async fn define(&self, definitions: &[CustomResourceDefinition]) -> Result<()> {
        let all: Api<CustomResourceDefinition> = Api::all(self.client().await?);
        for definition in definitions {
            let name = definition.metadata.name.clone().unwrap_or_default();
            let attempted = format!("define {name}");
            let manner = PatchParams::apply(FIELD_MANAGER).force();
            let applied = all.patch(&name, &manner, &Patch::Apply(definition)).await;
            let mut now = applied.map_err(|e| answered(&attempted, e))?;
            let deadline = SystemClock.elapsed().saturating_add(PATIENCE);
            while !is_served(&now) {
                if SystemClock.elapsed() > deadline {
                    return Err(Error::new(&CORE_WAIT_OVERDUE, Class::Transient)
                        .attempted(attempted)
                        .happened(format!("not served within {} s", PATIENCE.as_secs())));
                }
                SystemClock.sleep(std::time::Duration::from_millis(20)).await;
                now = all.get(&name).await.map_err(|e| answered(&attempted, e))?;
            }
        }
        Ok(())
    }

    /// Kills a server, as a crash would, and waits for its end.
    ///
    /// # Errors
    /// `PAAS-TEST-0004` for an existing cluster.
    pub async fn kill(&self, part: Part) -> Result<()> {
        self.servers(part, "kill")?.lock().await.kill_part(part).await
    }

    /// Starts a server that was killed; comes back when the API server is ready again.
    ///
    /// # Errors
    /// `PAAS-TEST-0004` for an existing cluster, `PAAS-TEST-0003` if it does not start.
    pub async fn start_again(&self, part: Part) -> Result<()> {
        let servers = self.servers(part, "start")?;
        let mut servers = servers.lock().await;
        servers.kill_part(part).await?;
        servers.start_part(part).await
    }

    /// Kills the API server and starts it again at the same address.
    ///
    /// # Errors
    /// Those of [`ControlPlane::start_again`].
    pub async fn restart_api_server(&self) -> Result<()> {
        self.start_again(Part::ApiServer).await
    }

    fn servers(&self, part: Part, verb: &str) -> Result<&Mutex<Servers>> {
        self.0.servers.as_ref().ok_or_else(|| {
            Error::new(&TEST_KUBE_FOREIGN, Class::Unsupported)
                .attempted(format!("{verb} {}", part.program()))
                .happened(format!("{} is an existing cluster", self.kubeconfig().display()))
        })
    }

    fn forget(&self, namespace: &str) {
        let janitor = || Janitor::new(self.kubeconfig());
        self.0.janitor.get_or_init(janitor).delete(namespace);
    }
}

impl fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlPlane")
            .field("kubeconfig", &self.0.kubeconfig)
            .finish_non_exhaustive()
    }
}

fn is_served(definition: &CustomResourceDefinition) -> bool {
    let conditions = definition.status.as_ref().and_then(|s| s.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|c| c.type_ == "Established" && c.status == "True")
}

/// The words of an API server as an error of ours.
fn answered(attempted: &str, e: kube::Error) -> Error {
    let class = match &e {
        kube::Error::Api(status) if status.code == 404 => Class::NotFound,
        kube::Error::Api(status) if status.code == 409 => Class::Conflict,
        kube::Error::Api(status) if status.code < 500 => Class::Denied,
        _ => Class::Transient,
    };
    Error::new(&CORE_PROVIDER, class)
        .attempted(attempted)
        .happened(e.to_string())
        .source_error(e)
}

/// Straight to the terminal: a test's own output is kept back until it fails, and building takes minutes.
fn say(words: &str) {
    let _ = writeln!(std::io::stderr().lock(), "kubernetes for tests: {words}");
}
