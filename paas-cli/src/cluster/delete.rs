//! `paas db delete` in a cluster, and what `paas down` does with each object.

use std::{ops::ControlFlow, time::Duration};

use paas_core::{
    error::Error,
    kube::{Declared, declare, standing::Stand},
    spec::{DeletionPolicy, Document, Kind},
};
use serde_json::json;

use super::{
    Cluster, consent, down,
    follow::{Watch, moving, stalled},
    spec,
};
use crate::{
    app::App,
    args::{Act, DbDelete},
    commands::down::unprotected,
    exit::{Exit, Failure},
    ui::{ask, progress::Progress},
};

pub(crate) async fn run(app: &App, cluster: &Cluster, args: &DbDelete) -> Result<Exit, Failure> {
    let declared = cluster.database(&args.name).await?;
    down::take_down(app, cluster, vec![declared], &args.act, args.delete_data).await
}

/// Asks whatever has to be asked before anything is deleted: protection, data, and whether it may go at all.
pub(super) fn agreed(
    app: &App,
    cluster: &Cluster,
    all: &[Declared],
    act: &Act,
    delete_data: bool,
) -> Result<(), Error> {
    let documents: Vec<Document> = all.iter().map(Declared::document).collect::<Result<_, _>>()?;
    unprotected("delete", &documents)?;
    let protected = |d: &&Document| matches!(d, Document::Platform(p) if p.spec.deletion_protection);
    if let Some(platform) = documents.iter().find(protected) {
        return Err(crate::commands::down::protected_words("delete", platform));
    }
    let mut asked = false;
    for declared in all.iter().filter(|d| loses_data(d, delete_data)) {
        consent::confirmed(app, act, declared.name())?;
        asked = true;
    }
    if asked || act.yes {
        return Ok(());
    }
    let names: Vec<String> = all.iter().map(Declared::title).collect();
    let names = names.join(", ");
    if !ask::possible(app.global.no_input) {
        return Err(ask::nobody(&format!("delete {names}"))
            .happened("nothing was changed: it would stop, and nobody to ask")
            .remedy("run the same command with --yes; data is kept"));
    }
    let question = format!("Delete {names} from {}? The data is kept.", cluster.name());
    ask::agree(&app.printer, &app.interrupt, &question)
}

/// True if an object's data is to go with it.
fn loses_data(declared: &Declared, delete_data: bool) -> bool {
    declared.kind == Kind::DatabaseInstance
        && (delete_data || spec(declared).is_ok_and(|s| s.deletion_policy == DeletionPolicy::Delete))
}

/// Begins the deletion: a database whose data is to go says so first, for the operator goes by its spec.
pub(super) async fn begin(cluster: &Cluster, declared: &Declared, delete_data: bool) -> Result<(), Error> {
    let retains = spec(declared).is_ok_and(|s| s.deletion_policy == DeletionPolicy::Retain);
    if loses_data(declared, delete_data) && retains {
        let patch = json!({"spec": {"deletionPolicy": DeletionPolicy::Delete}});
        declare::change(&cluster.client, declared, patch).await?;
    }
    declare::delete(&cluster.client, declared).await
}

/// Waits until an object is gone, giving the word for its data where that was agreed to: what the operator said in the end.
pub(super) async fn gone(
    app: &App,
    cluster: &Cluster,
    progress: &Progress,
    declared: &Declared,
    act: &Act,
    patience: Duration,
) -> Result<Option<String>, Error> {
    let mut watch = Watch::begin(app, cluster, progress, declared.clone()).await;
    let waits = watch.until(
        patience,
        || Ok(()),
        async |seen, said, _| {
            if let Some(steps) = consent::asked(seen) {
                let new = seen.annotation(paas_operator::CONSENT) != Some(steps.plan_hash.as_str());
                if new {
                    progress.clear();
                    consent::give(app, cluster, act, seen, &steps).await?;
                }
                return Ok(ControlFlow::Continue(()));
            }
            match said.stand {
                Stand::Stalled | Stand::Paused => Err(stalled(seen, said)),
                _ => Ok(ControlFlow::Continue(())),
            }
        },
    );
    moving(progress, waits).await?;
    Ok(watch.last_word().await)
}
