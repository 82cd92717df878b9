//! `paas status` in a cluster.

use paas_core::spec::Kind;

use super::{Cluster, look};
use crate::{
    app::App,
    args::Status,
    commands::status::print,
    exit::{Exit, Failure},
    input,
};

pub(crate) async fn run(app: &App, cluster: &Cluster, args: &Status) -> Result<Exit, Failure> {
    let meant = super::meant::if_named(app, cluster, &args.files)?;
    let mut all = Vec::new();
    for kind in Kind::ALL {
        all.extend(cluster.all(kind, args.all_namespaces).await?);
    }
    if let Some(meant) = meant {
        all.retain(|d| {
            meant.iter().any(|m| {
                (m.document.kind(), m.document.namespace(), m.document.name())
                    == (d.kind, d.namespace(), d.name())
            })
        });
    }
    for name in &args.names {
        if !all.iter().any(|d| d.name() == name) {
            let there: Vec<&str> = all.iter().map(|d| d.name()).collect();
            return Err(input::among(name, &there).into());
        }
    }
    all.retain(|d| args.names.is_empty() || args.names.iter().any(|n| n == d.name()));
    if all.is_empty() && !app.printer.for_programs() {
        let command = cluster.command(app, "db create NAME");
        app.printer.talk(&format!(
            "Nothing is in the namespace {} of {} yet. `{command}` makes a database.",
            cluster.namespace,
            cluster.name()
        ));
        return Ok(Exit::Done);
    }
    let mut standings = Vec::with_capacity(all.len());
    for declared in &all {
        standings.push(look::standing(cluster, declared).await?);
    }
    print(app, &standings);
    Ok(Exit::Done)
}
