//! `paas db list` in a cluster.

use paas_core::spec::{DatabaseInstanceStatus, Kind};

use super::{Cluster, look, only_here, spec};
use crate::{
    app::App,
    args::DbList,
    commands::db::list::{At, Row, print},
    exit::{Exit, Failure},
};

pub(crate) async fn run(app: &App, cluster: &Cluster, args: &DbList) -> Result<Exit, Failure> {
    only_here(&[("--retained", args.retained)])?;
    let all = cluster.all(Kind::DatabaseInstance, args.all_namespaces).await?;
    if all.is_empty() && !app.printer.for_programs() {
        let place = match args.all_namespaces {
            true => String::new(),
            false => format!(" in the namespace {}", cluster.namespace),
        };
        let command = cluster.command(app, "db create NAME");
        app.printer.talk(&format!(
            "There are no databases{place} of {} yet. `{command}` makes one.",
            cluster.name()
        ));
        return Ok(Exit::Done);
    }
    let mut rows = Vec::with_capacity(all.len());
    for declared in &all {
        let status: DatabaseInstanceStatus = declared.status().unwrap_or_default();
        rows.push(Row {
            standing: look::in_words(declared, None),
            // What this build does not understand is listed by what it says of itself.
            spec: spec(declared).ok(),
            version: status.engine_version.clone().unwrap_or_default(),
            at: At::Cluster(Box::new(status)),
        });
    }
    print(app, &rows, args.all_namespaces);
    Ok(Exit::Done)
}
