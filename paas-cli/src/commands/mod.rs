//! One verb a file.

mod adopt;
pub(crate) mod cloud;
mod cluster;
mod completions;
mod crds;
pub(crate) mod db;
mod doctor;
pub(crate) mod down;
pub(crate) mod events;
mod explain;
mod foreground;
mod gc;
mod init;
mod kubeconfig;
mod operator;
mod plan;
mod service;
pub(crate) mod status;
mod up;
pub(crate) mod vm;

use paas_core::error::{Class, Error};

use crate::{
    app::App,
    args::{Cloud, ClusterVerb, Command, Db, Vm},
    codes::CLI_NO_CLUSTER,
    exit::{Exit, Failure},
};

/// Runs one command. Those that only print start no runtime.
pub(crate) fn run(app: &App, command: Command) -> Result<Exit, Failure> {
    if app.global.cluster.named() && !command.in_cluster() {
        let error = Error::new(&CLI_NO_CLUSTER, Class::Invalid)
            .happened("it is about this machine or a cloud, and a Kubernetes cluster was named");
        return Err(error.into());
    }
    match command {
        Command::Init(args) => init::run(app, &args),
        Command::Up(args) => app.block_on(up::run(app, &args)),
        Command::Plan(args) => app.block_on(plan::run(app, &args)),
        Command::Down(args) => app.block_on(down::run(app, &args)),
        Command::Adopt(args) => app.block_on(adopt::run(app, &args)),
        Command::Status(args) => app.block_on(status::run(app, &args)),
        Command::Events(args) => app.block_on(events::run(app, &args)),
        Command::Gc(args) => app.block_on(gc::run(app, &args)),
        Command::Cluster(ClusterVerb::Show(at)) => app.block_on(cluster::show::run(app, &at)),
        Command::Cluster(ClusterVerb::Doctor(at)) => app.block_on(cluster::doctor::run(app, &at)),
        Command::Cluster(ClusterVerb::Replace(args)) => app.block_on(cluster::replace::run(app, &args)),
        Command::Kubeconfig(args) => app.block_on(kubeconfig::run(app, &args)),
        Command::Explain(args) => explain::run(app, &args),
        Command::Operator(command) => operator::run(app, &command),
        Command::Crds { policies } => Ok(crds::run(app, policies)),
        Command::Completions { shell } => Ok(completions::run(app, shell)),
        Command::Db(Db::Create(args)) => app.block_on(db::create::run(app, &args)),
        Command::Db(Db::Set(args)) => app.block_on(db::set::run(app, &args)),
        Command::Db(Db::Upgrade(args)) => app.block_on(db::upgrade::run(app, &args)),
        Command::Db(Db::List(args)) => app.block_on(db::list::run(app, &args)),
        Command::Db(Db::Show { name }) => app.block_on(db::show::run(app, &name)),
        Command::Db(Db::Url(args)) => app.block_on(db::url::run(app, &args)),
        Command::Db(Db::Connect(args)) => app.block_on(db::connect::run(app, &args)),
        Command::Db(Db::Sql(args)) => app.block_on(db::sql::run(app, &args)),
        Command::Db(Db::Env(args)) => app.block_on(db::env::run(app, &args)),
        Command::Db(Db::Rotate(args)) => app.block_on(db::rotate::run(app, &args)),
        Command::Db(Db::Forward(args)) => app.block_on(db::forward::run(app, &args)),
        Command::Db(Db::Check(args)) => app.block_on(db::check::run(app, &args)),
        Command::Db(Db::Backup(args)) => app.block_on(db::backup::run(app, &args)),
        Command::Db(Db::Backups(args)) => db::backups::run(app, &args),
        Command::Db(Db::Restore(args)) => app.block_on(db::restore::run(app, &args)),
        Command::Db(Db::Clone(args)) => app.block_on(db::restore::clone(app, &args)),
        Command::Db(Db::Dump(args)) => app.block_on(db::dump::run(app, &args)),
        Command::Db(Db::Load(args)) => app.block_on(db::load::run(app, &args)),
        Command::Doctor => app.block_on(doctor::run(app)),
        Command::Db(Db::Logs(args)) => app.block_on(db::logs::run(app, &args)),
        Command::Db(Db::Top(args)) => app.block_on(db::top::run(app, &args)),
        Command::Db(Db::Restart(args)) => app.block_on(db::restart::run(app, &args)),
        Command::Db(Db::Switchover(args)) => app.block_on(db::switchover::run(app, &args)),
        Command::Cloud(Cloud::List(args)) => cloud::list::run(app, &args),
        Command::Cloud(Cloud::Show(args)) => app.block_on(cloud::show::run(app, &args)),
        Command::Vm(Vm::Create(args)) => app.block_on(vm::create::run(app, &args)),
        Command::Vm(Vm::List(args)) => app.block_on(vm::list::run(app, &args)),
        Command::Vm(Vm::Show(args)) => app.block_on(vm::show::run(app, &args)),
        Command::Vm(Vm::Console(args)) => app.block_on(vm::console::run(app, &args)),
        Command::Vm(Vm::Delete(args)) => app.block_on(vm::delete::run(app, &args)),
        Command::Service(args) => app.block_on(service::run(app, &args)),
        Command::Db(Db::Delete(args)) => app.block_on(db::delete::run(app, &args)),
        Command::Db(Db::Adopt(args)) => app.block_on(db::adopt::run(app, &args)),
        Command::Db(Db::Purge(args)) => app.block_on(db::purge::run(app, &args)),
    }
}
