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
mod cluster;
pub mod codes;
mod guard;
mod namespace;
mod pki;
mod server;

use std::{io::Write, path::PathBuf};

use tokio::sync::Mutex;

use self::{
    assets::Environment,
    codes::{TEST_KUBE_ABSENT, TEST_KUBE_BUILD},
};
pub use self::{
    cluster::ControlPlane,
    namespace::{ANNOTATION, LABEL, Namespace},
};
use crate::{error::Result, secrets::SecretString};

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

/// The folder with the programs of a control plane, built now if that is to be done. A control plane of one's own needs them also
/// where `PAAS_TEST_KUBECONFIG` names a cluster; a continuous integration calls it ahead of the tests, so that none of them waits.
///
/// # Errors
/// `PAAS-TEST-0001` if nothing here can give them, `PAAS-TEST-0002` if they cannot be built.
pub async fn programs() -> Result<PathBuf> {
    Ok(Environment::read().programs().await?.folder().to_path_buf())
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
    /// Further arguments of the controllers.
    pub controller_arguments: Vec<String>,
    /// What it stands on, where that was made before; without, everything is made for it.
    pub authorities: Option<Authorities>,
    /// A folder for its files. Without it they are in memory (`/dev/shm`) if 1 GiB is free there, else where temporary files are.
    pub folder: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            controllers: true,
            audit_log: None,
            api_server_arguments: Vec::new(),
            controller_arguments: Vec::new(),
            authorities: None,
            folder: None,
        }
    }
}

/// What a control plane stands on: whoever has it can log in ahead of the first start. With it, the controllers sign for nodes too.
#[derive(Debug, Clone)]
pub struct Authorities {
    /// The certificate of who signs for the API server and its clients, PEM.
    pub certificate: String,
    /// Its key, PEM.
    pub key: SecretString,
    /// The key that service accounts' tokens are signed with, PEM.
    pub service_account: SecretString,
    /// Names and addresses of the API server beside those that it has always.
    pub names: Vec<String>,
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

/// Straight to the terminal: a test's own output is kept back until it fails, and building takes minutes.
fn say(words: &str) {
    let _ = writeln!(std::io::stderr().lock(), "kubernetes for tests: {words}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        codes::CORE_PROVIDER,
        error::{Class, Error},
    };

    #[test]
    fn only_what_is_absent_is_passed_over_and_nothing_where_all_is_required() {
        let absent = || -> Result<()> { Err(Error::new(&TEST_KUBE_ABSENT, Class::Unsupported)) };
        let broken = || -> Result<()> { Err(Error::new(&CORE_PROVIDER, Class::Transient)) };
        assert_eq!(unless_absent_or(absent(), false).unwrap(), None);
        assert_eq!(
            unless_absent_or(absent(), true).unwrap_err().code().id,
            TEST_KUBE_ABSENT.id
        );
        assert_eq!(
            unless_absent_or(broken(), false).unwrap_err().code().id,
            CORE_PROVIDER.id
        );
        assert_eq!(unless_absent_or(Ok(1), true).unwrap(), Some(1));
    }
}
