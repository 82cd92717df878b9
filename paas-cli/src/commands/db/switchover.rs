//! `paas db switchover`.

use paas_core::error::{Class, Error};

use crate::{
    app::App,
    args::DbSwitchover,
    cluster,
    codes::CLI_ELSEWHERE,
    exit::{Exit, Failure},
    site::{self, Site},
};

pub(crate) async fn run(app: &App, args: &DbSwitchover) -> Result<Exit, Failure> {
    match site::of(app).await? {
        Site::Cluster(cluster) => cluster::requests::switchover(app, &cluster, args).await,
        Site::Machine => Err(Error::new(&CLI_ELSEWHERE, Class::Invalid)
            .attempted(format!("switch {} over", args.name))
            .happened("on this machine a database has one server, and no standby that could take over")
            .remedy("restart it with `paas db restart`, or name the cluster that it is in with --cluster")
            .into()),
    }
}
