//! `paas operator`: what is installed in a cluster, by server-side apply under a field manager of its own.

mod api;
mod changes;
mod check;
mod choose;
mod install;
mod rollout;
mod status;
mod tell;
mod uninstall;

use std::path::PathBuf;

use kube::Client;
use paas_core::{error::Error, kube::access};
use paas_operator::install::NAMESPACE;

use crate::{
    app::App,
    args::Operator,
    exit::{Exit, Failure},
};

/// The field manager of everything that is installed.
const MANAGER: &str = "paas-install";

pub(crate) fn run(app: &App, command: &Operator) -> Result<Exit, Failure> {
    match command {
        Operator::Install(args) => app.block_on(install::install(app, args)),
        Operator::Upgrade(args) => app.block_on(install::upgrade(app, args)),
        Operator::Status => app.block_on(status::run(app)),
        Operator::Uninstall(args) => app.block_on(uninstall::run(app, args)),
    }
}

/// Which installation is meant: by the flags that every command of a cluster knows.
#[derive(Debug, Clone)]
struct Place {
    context: Option<String>,
    kubeconfig: Option<PathBuf>,
    /// The namespace that the operator runs in.
    namespace: String,
}

impl Place {
    fn of(app: &App) -> Self {
        let flags = app.global.cluster.clone();
        Self {
            context: flags.context,
            kubeconfig: flags.kubeconfig,
            namespace: flags.namespace.unwrap_or_else(|| NAMESPACE.to_owned()),
        }
    }
}

/// A client for the cluster that is meant.
async fn connect(place: &Place) -> Result<Client, Error> {
    let chosen = access::choose(place.kubeconfig.as_deref(), place.context.as_deref()).await?;
    Ok(chosen.client)
}
