//! `paas db forward`.

use paas_core::error::{Class, Error};

use crate::{
    app::App,
    args::DbForward,
    cluster,
    codes::CLI_NO_FORWARD,
    exit::{Exit, Failure},
    site::{self, Site},
};

pub(crate) async fn run(app: &App, args: &DbForward) -> Result<Exit, Failure> {
    match site::of(app).await? {
        Site::Cluster(at) => cluster::forward(app, &at, args).await,
        Site::Machine => Err(Error::new(&CLI_NO_FORWARD, Class::Invalid)
            .attempted(format!("forward a port to {}", args.at.name))
            .happened("it is on this machine, where every program reaches it")
            .into()),
    }
}
