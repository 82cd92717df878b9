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

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use paas_core::{
    error::{Class, Error},
    kube::{access, codes::K8S_ACCESS},
};

use crate::{
    app::App,
    args::{Operator, Place},
    exit::{Exit, Failure},
};

/// The field manager of everything that is installed.
const MANAGER: &str = "paas-install";

pub(crate) fn run(app: &App, command: &Operator) -> Result<Exit, Failure> {
    match command {
        Operator::Install(args) => app.block_on(install::install(app, args)),
        Operator::Upgrade(args) => app.block_on(install::upgrade(app, args)),
        Operator::Status(args) => app.block_on(status::run(app, args)),
        Operator::Uninstall(args) => app.block_on(uninstall::run(app, args)),
    }
}

/// A client for the cluster that is meant.
async fn connect(place: &Place) -> Result<Client, Error> {
    let Some(file) = &place.kubeconfig else {
        return access::ambient(place.context.as_deref()).await;
    };
    let unusable = |words: String| {
        Error::new(&K8S_ACCESS, Class::Invalid)
            .attempted(format!("read the kubeconfig {}", file.display()))
            .happened(words)
    };
    // A parser's words show the lines around the place, with tokens in them.
    let read = Kubeconfig::read_from(file);
    let read = read.map_err(|_| unusable("it cannot be read, or is not YAML of a kubeconfig".to_owned()))?;
    let options = KubeConfigOptions {
        context: place.context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(read, &options).await;
    access::client(config.map_err(|e| unusable(e.to_string()))?)
}
