//! Databases of a Kubernetes cluster: what `session` is for this machine.

mod check;
mod database;
mod env;
mod folder;
mod forward;
mod logs;
mod way;

use std::{fmt, path::Path};

use kube::Client;
use paas_core::{error::Error, kube::access};

pub(crate) use check::check;
pub(crate) use database::Database;
pub(crate) use env::{env, url};
pub(crate) use folder::Folder;
pub(crate) use forward::forward;
pub(crate) use logs::logs;
pub(crate) use way::Way;

/// A cluster, and what of it is meant.
#[derive(Clone)]
pub(crate) struct Cluster {
    /// The way to its API server.
    pub(crate) client: Client,
    /// The context that led here; `None` in a pod.
    pub(crate) context: Option<String>,
    /// The namespace that is meant where none is said.
    pub(crate) namespace: String,
    /// Only what is on this Platform of the cluster; `None` for whatever there is.
    pub(crate) platform: Option<String>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("context", &self.context)
            .field("namespace", &self.namespace)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// The cluster of a context of a kubeconfig, each the current one where none is named. Nothing is asked of it yet.
    pub(crate) async fn open(
        kubeconfig: Option<&Path>,
        context: Option<&str>,
        namespace: Option<&str>,
    ) -> Result<Self, Error> {
        let chosen = access::choose(kubeconfig, context).await?;
        Ok(Self {
            namespace: namespace.unwrap_or(chosen.client.default_namespace()).to_owned(),
            client: chosen.client,
            context: chosen.context,
            platform: None,
        })
    }

    /// The cluster as people know it.
    pub(crate) fn name(&self) -> &str {
        self.context.as_deref().unwrap_or("this cluster")
    }
}
