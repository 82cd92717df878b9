//! `paas up` in a cluster: the objects of files by server-side apply, as kubectl would.

use std::collections::BTreeSet;

use paas_core::{
    error::Error,
    kube::{
        Declared,
        declare::{self, How},
    },
    spec::Kind,
};

use super::{
    Cluster, consent, down, follow,
    meant::{self, Meant},
    only_here,
    tell::{self, Done},
};
use crate::{
    app::App,
    args::Up,
    exit::{Exit, Failure},
    ui::progress::Progress,
};

pub(crate) async fn run(app: &App, cluster: &Cluster, args: &Up) -> Result<Exit, Failure> {
    only_here(&[
        ("--foreground", args.foreground),
        ("--adopt", !args.adopt.is_empty()),
        ("--trace", args.calls.trace.is_some()),
    ])?;
    let meant = meant::by_files(app, cluster, &args.files)?;
    let force = args.conflicts.force_conflicts;
    // All of it is judged before the first of it is written.
    for one in &meant {
        declare::apply(&cluster.client, &one.written, How { dry_run: true, force }).await?;
    }
    let progress = Progress::new(app.printer.clone());
    let mut done = Vec::with_capacity(meant.len());
    for kind in [Kind::Platform, Kind::DatabaseInstance, Kind::DatabaseBackup] {
        let of_kind: Vec<&Meant> = meant.iter().filter(|m| m.document.kind() == kind).collect();
        done.extend(bring_up(app, cluster, &progress, &of_kind, args, force).await?);
        if done.iter().any(|d| matches!(&d.result, Some(Err(_)))) {
            break;
        }
    }
    let mut exit = tell::failures(app, &done);
    if args.prune && exit == Exit::Done {
        exit = prune(app, cluster, &meant, args).await?;
    }
    tell::finish(app, cluster, &done).await;
    Ok(exit)
}

/// Applies objects of one kind and waits for all of them.
async fn bring_up(
    app: &App,
    cluster: &Cluster,
    progress: &Progress,
    meant: &[&Meant],
    args: &Up,
    force: bool,
) -> Result<Vec<Done>, Error> {
    let mut done = Vec::with_capacity(meant.len());
    for one in meant {
        let d = &one.document;
        let before = Declared::get(&cluster.client, d.kind(), d.namespace(), d.name()).await?;
        let declared = declare::apply(
            &cluster.client,
            &one.written,
            How {
                dry_run: false,
                force,
            },
        )
        .await?;
        let same =
            before.is_some_and(|b| b.object.metadata.generation == declared.object.metadata.generation);
        done.push(Done {
            declared,
            changed: !same,
            result: None,
        });
    }
    if !args.act.wait {
        return Ok(done);
    }
    let mut open: Vec<usize> = (0..done.len()).collect();
    while !open.is_empty() {
        let all: Vec<Declared> = open.iter().map(|n| done[*n].declared.clone()).collect();
        let waited = follow::all_ready(app, cluster, progress, &all, args.act.timeout).await;
        let mut again = Vec::new();
        for (position, result) in open.into_iter().zip(waited) {
            let one = &mut done[position];
            one.result = Some(match result {
                Ok(seen) => {
                    one.declared = seen;
                    Ok(())
                }
                Err(error) => match agree(app, cluster, args, one).await {
                    Ok(true) => {
                        again.push(position);
                        continue;
                    }
                    Ok(false) => Err(error),
                    Err(refused) => Err(refused),
                },
            });
        }
        open = again;
    }
    Ok(done)
}

/// Gives the word for what an object waits with; true if it was given now, so that it goes on.
async fn agree(app: &App, cluster: &Cluster, args: &Up, one: &Done) -> Result<bool, Error> {
    let (kind, d) = (one.declared.kind, &one.declared);
    let Some(now) = Declared::get(&cluster.client, kind, d.namespace(), d.name()).await? else {
        return Ok(false);
    };
    match consent::asked(&now) {
        Some(steps) if now.uid() == d.uid() => consent::give(app, cluster, &args.act, &now, &steps).await,
        _ => Ok(false),
    }
}

/// Deletes what the command line applied in the same namespaces and the files do not have; data is kept.
async fn prune(app: &App, cluster: &Cluster, meant: &[Meant], args: &Up) -> Result<Exit, Failure> {
    let namespaces: BTreeSet<String> = meant.iter().map(|m| m.document.namespace().to_owned()).collect();
    let namespaces: Vec<String> = namespaces.into_iter().collect();
    let mut surplus = down::ours(cluster, &namespaces, false).await?;
    surplus.retain(|d| {
        !d.deleting()
            && !meant.iter().any(|m| {
                (m.document.kind(), m.document.namespace(), m.document.name())
                    == (d.kind, d.namespace(), d.name())
            })
    });
    match surplus.is_empty() {
        true => Ok(Exit::Done),
        false => down::take_down(app, cluster, surplus, &args.act, false).await,
    }
}
