//! `paas db set` in a cluster.

use paas_core::{
    error::Error,
    kube::declare::{self, merge_patch},
    spec::{Document, validate},
};
use serde_json::json;

use super::{Cluster, create};
use crate::{
    app::App,
    args::DbSet,
    commands::db::set::change,
    exit::{Exit, Failure},
};

pub(crate) async fn run(app: &App, cluster: &Cluster, args: &DbSet) -> Result<Exit, Failure> {
    let there = cluster.database(&args.name).await?;
    let old = there.document()?;
    let mut new = old.clone();
    if let Document::DatabaseInstance(object) = &mut new {
        change(&mut object.spec, args)?;
    }
    let attempt = |e: validate::Violations| Error::from(e).attempted(format!("change {}", args.name));
    validate::document(&new).map_err(attempt)?;
    validate::update(&old, &new).map_err(attempt)?;
    let patch = merge_patch(&old.to_json()["spec"], &new.to_json()["spec"]);
    let changed = patch.as_object().is_some_and(|p| !p.is_empty());
    let declared = match changed {
        true => declare::change(&cluster.client, &there, json!({ "spec": patch })).await?,
        false => there,
    };
    create::finish(
        app,
        cluster,
        declared,
        changed,
        args.act.wait.then_some(args.act.timeout),
    )
    .await
}
