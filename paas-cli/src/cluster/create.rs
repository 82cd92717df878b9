//! `paas db create` in a cluster.

use paas_core::{
    error::{Class, Error},
    kube::{
        Declared,
        declare::{self, How},
    },
    spec::{Document, Kind, LocalRef, validate},
};

use super::{
    Cluster, follow,
    meant::moved,
    tell::{self, Done},
};
use crate::{
    app::App,
    args::DbCreate,
    codes::CLI_DIFFERS,
    commands::db::create::{document, wishes},
    exit::{Exit, Failure},
    ui::progress::Progress,
};

pub(crate) async fn run(app: &App, cluster: &Cluster, args: &DbCreate) -> Result<Exit, Failure> {
    let mut document = moved(document(args), &cluster.namespace);
    if let (Document::DatabaseInstance(object), Some(platform)) = (&mut document, &cluster.platform) {
        object.spec.platform_ref = Some(LocalRef {
            name: platform.clone(),
        });
    }
    let attempt = format!("create {}", args.name);
    validate::document(&document).map_err(|e| Error::from(e).attempted(&attempt))?;
    let (client, namespace) = (&cluster.client, cluster.namespace.as_str());
    let there = Declared::get(client, Kind::DatabaseInstance, namespace, &args.name).await?;
    let (declared, changed) = match there {
        Some(there) if there.deleting() => {
            return Err(Error::new(&CLI_DIFFERS, Class::Conflict)
                .attempted(attempt)
                .happened("one of that name is being deleted; its data can be taken up when it is gone")
                .remedy("wait until it is gone, and run the same command again")
                .into());
        }
        Some(there) if wishes(args) && !is_same(&there, &document) => {
            return Err(Error::new(&CLI_DIFFERS, Class::Conflict)
                .attempted(attempt)
                .happened("it exists, and its spec is not what was asked for now")
                .remedy(format!(
                    "change it with `{}`",
                    cluster.command(app, &format!("db set {}", args.name))
                ))
                .into());
        }
        Some(there) => (there, false),
        None => (
            declare::apply(client, &document.to_json(), How::default()).await?,
            true,
        ),
    };
    finish(
        app,
        cluster,
        declared,
        changed,
        args.act.wait.then_some(args.act.timeout),
    )
    .await
}

/// What is asked for is what is there, whoever wrote the defaults.
fn is_same(there: &Declared, document: &Document) -> bool {
    match (there.document(), document) {
        (Ok(Document::DatabaseInstance(there)), Document::DatabaseInstance(asked)) => {
            there.spec == asked.spec
        }
        _ => false,
    }
}

/// Waits for one object where that is wanted, and tells what it came to.
pub(super) async fn finish(
    app: &App,
    cluster: &Cluster,
    declared: Declared,
    changed: bool,
    patience: Option<std::time::Duration>,
) -> Result<Exit, Failure> {
    let progress = Progress::new(app.printer.clone());
    let mut done = Done {
        declared,
        changed,
        result: None,
    };
    if let Some(patience) = patience {
        let one = std::slice::from_ref(&done.declared);
        let waited = follow::all_ready(app, cluster, &progress, one, patience).await;
        for result in waited {
            done.result = Some(result.map(|seen| done.declared = seen));
        }
    }
    let all = [done];
    let exit = tell::failures(app, &all);
    tell::finish(app, cluster, &all).await;
    Ok(exit)
}
