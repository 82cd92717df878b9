//! The label of all namespaces of a place, by a watch of their metadata.

use std::sync::Arc;

use futures::StreamExt;
use kube::{
    Api, ResourceExt,
    runtime::{
        WatchStreamExt,
        reflector::{Store, store::Writer},
        watcher,
    },
};
use tokio_util::sync::CancellationToken;

use super::{AGAIN, Meta, Settled, Shown, settle};
use crate::{context::Context, watch::Place};

/// Keeps the label right until `stop`.
pub(super) async fn guard(cx: Arc<Context>, place: Place, shown: Shown, stop: CancellationToken) {
    let changed = &shown.changed;
    let writer = Writer::<Meta>::new(());
    let namespaces = writer.as_reader();
    let one = place.map(|name| format!("metadata.name={name}"));
    let which = watcher::Config {
        field_selector: one,
        ..watcher::Config::default()
    };
    let watched = watcher(Api::<Meta>::all(cx.client.clone()), which)
        .default_backoff()
        .reflect(writer)
        .for_each(|event| {
            match event {
                Ok(_) => changed.notify_one(),
                Err(error) => tracing::warn!(%error, "namespaces cannot be watched; their label is not kept"),
            }
            std::future::ready(())
        });
    let keeping = async {
        let listed = async {
            shown.listed().await?;
            namespaces.wait_until_ready().await
        };
        tokio::select! {
            listed = listed => if listed.is_err() { return },
            () = stop.cancelled() => return,
        }
        while !stop.is_cancelled() {
            let is_done = label(&cx, &shown, &namespaces).await;
            tokio::select! {
                () = changed.notified(), if is_done => {}
                () = cx.clock.sleep(AGAIN), if !is_done => {}
                () = stop.cancelled() => {}
            }
        }
    };
    tokio::select! {
        () = watched => {}
        () = keeping => {}
    }
}

/// Writes what is due; false if some of it could not be written.
async fn label(cx: &Context, shown: &Shown, namespaces: &Store<Meta>) -> bool {
    let Some(wanted) = shown.wanted() else {
        return true;
    };
    let mut is_done = true;
    for namespace in namespaces.state() {
        let want = wanted.get(&namespace.name_any()).copied();
        match settle(cx, &namespace, want).await {
            Settled::Done => {}
            Settled::Failed => is_done = false,
            Settled::NotOurs => return false,
        }
    }
    is_done
}
