//! Databases of a Kubernetes cluster: what `session` is for this machine.

mod check;
mod consent;
pub(crate) mod create;
mod database;
pub(crate) mod delete;
pub(crate) mod down;
mod env;
pub(crate) mod events;
pub(crate) mod explain;
mod folder;
mod follow;
mod forward;
pub(crate) mod list;
mod logs;
mod look;
mod meant;
pub(crate) mod plan;
pub(crate) mod requests;
pub(crate) mod rotate;
pub(crate) mod set;
pub(crate) mod show;
pub(crate) mod status;
mod tell;
pub(crate) mod up;
mod way;

use std::{fmt, path::Path, sync::Arc, time::Duration};

use kube::Client;
use paas_core::{
    clock::SystemClock,
    error::{Class, Error},
    kube::{Declared, access, wait::Wait},
    spec::{DatabaseInstanceSpec, Kind},
};

use crate::{app::App, codes::CLI_ELSEWHERE, input};

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
    /// The Platform of this machine that made the cluster, if that is how we came here.
    pub(crate) made_by: Option<String>,
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
            made_by: None,
        })
    }

    /// The cluster as people know it.
    pub(crate) fn name(&self) -> &str {
        let names = [self.context.as_deref(), self.made_by.as_deref()];
        names.into_iter().flatten().next().unwrap_or("this cluster")
    }

    /// Patience with what happens in it.
    pub(crate) fn wait(&self, app: &App, patience: Duration) -> Wait {
        Wait {
            client: self.client.clone(),
            clock: Arc::new(SystemClock),
            cancel: app.interrupt.cancel.clone(),
            patience,
        }
    }

    /// All objects of a kind, of the namespace that is meant or of all; with a Platform, only the databases that name it.
    pub(crate) async fn all(&self, kind: Kind, everywhere: bool) -> Result<Vec<Declared>, Error> {
        let namespace = (!everywhere).then_some(self.namespace.as_str());
        let mut all = Declared::list(&self.client, kind, namespace).await?;
        if let Some(platform) = &self.platform {
            all.retain(|d| match kind {
                Kind::Platform => d.name() == platform,
                Kind::DatabaseInstance => d.object.data["spec"]["platformRef"]["name"] == platform.as_str(),
                Kind::DatabaseBackup => true,
            });
        }
        Ok(all)
    }

    /// The database of that name.
    pub(crate) async fn database(&self, name: &str) -> Result<Declared, Error> {
        let (client, namespace) = (&self.client, self.namespace.as_str());
        if let Some(found) = Declared::get(client, Kind::DatabaseInstance, namespace, name).await? {
            return Ok(found);
        }
        let all = self.all(Kind::DatabaseInstance, false).await?;
        let names: Vec<&str> = all.iter().map(Declared::name).collect();
        Err(input::among(name, &names).attempted(format!(
            "find {name:?} in the namespace {namespace} of {}",
            self.name()
        )))
    }

    /// The command as people type it for this cluster: `kubectl paas db url shop`, or `paas db url shop --cluster`.
    pub(crate) fn command(&self, app: &App, words: &str) -> String {
        let flags = &app.global.cluster;
        let mut command = if app.plugin {
            format!("kubectl paas {words}")
        } else {
            format!("paas {words}")
        };
        match (&flags.context, &self.made_by) {
            (Some(context), _) => command += &format!(" --context {context}"),
            (None, Some(platform)) => command += &format!(" --platform {platform}"),
            (None, None) if !app.plugin => command += " --cluster",
            (None, None) => {}
        }
        if let Some(namespace) = &flags.namespace {
            command += &format!(" --namespace {namespace}");
        }
        command
    }
}

/// The spec of a database.
fn spec(declared: &Declared) -> Result<DatabaseInstanceSpec, Error> {
    declared.spec()
}

/// Refuses a flag that is for databases of this machine only.
fn only_here(flags: &[(&str, bool)]) -> Result<(), Error> {
    match flags.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((flag, _)) => Err(Error::new(&CLI_ELSEWHERE, Class::Invalid)
            .attempted("do it in a cluster")
            .happened(format!("{flag} is for databases on this machine only"))
            .remedy(format!("leave {flag} out"))),
    }
}
