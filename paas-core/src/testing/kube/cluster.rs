//! A control plane as a test sees it.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use tokio::sync::Mutex;

use super::{
    Options, Part,
    assets::{Assets, Environment},
    codes::TEST_KUBE_FOREIGN,
    guard,
    namespace::{Janitor, Namespace},
    say,
    server::{self, Servers},
};
use crate::{
    clock::{Clock, SystemClock},
    codes::{CORE_PROVIDER, CORE_WAIT_OVERDUE},
    error::{Class, Error, Result},
};

/// How long a definition may take to be served.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who writes what [`ControlPlane::define`] writes.
const FIELD_MANAGER: &str = "paas-testing";

/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// A Kubernetes API server with what belongs to it. Clones are the same one; it stops with the last of them.
#[derive(Clone)]
pub struct ControlPlane(Arc<Inner>);

struct Inner {
    kubeconfig: PathBuf,
    assets: Option<Assets>,
    janitor: OnceLock<Janitor>,
    /// None: an existing cluster.
    servers: Option<Mutex<Servers>>,
    address: Option<SocketAddr>,
    folder: Option<PathBuf>,
}

impl ControlPlane {
    /// One for this caller alone, never the existing cluster of `PAAS_TEST_KUBECONFIG`.
    ///
    /// # Errors
    /// Those of [`super::control_plane()`].
    pub async fn start_own(options: Options) -> Result<Self> {
        Self::start(&Environment::read(), options).await
    }

    pub(super) async fn start(environment: &Environment, options: Options) -> Result<Self> {
        let assets = environment.programs().await?;
        let servers = Servers::start(assets.clone(), options).await?;
        Ok(Self(Arc::new(Inner {
            kubeconfig: servers.kubeconfig(),
            folder: Some(servers.folder().to_path_buf()),
            address: Some(servers.address()),
            assets: Some(assets),
            janitor: OnceLock::new(),
            servers: Some(Mutex::new(servers)),
        })))
    }

    pub(super) async fn existing(kubeconfig: &Path) -> Result<Self> {
        let cluster = Self(Arc::new(Inner {
            kubeconfig: kubeconfig.to_path_buf(),
            assets: None,
            janitor: OnceLock::new(),
            servers: None,
            address: None,
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

    /// Where its API server listens; `None` for an existing cluster.
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.address
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
                SystemClock.sleep(LOOK).await;
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

    /// Deletes a namespace, and comes back when the API server knows.
    pub(super) fn forget(&self, namespace: &str) {
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
pub(super) fn answered(attempted: &str, e: kube::Error) -> Error {
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
