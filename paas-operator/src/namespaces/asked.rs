//! The label of one namespace, by an operator whose role is of that namespace alone: it may look at it and patch it, and nothing else.
//!
//! It is looked at when what the label is to say changes, and each minute, for a person may have taken it off meanwhile.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use tokio_util::sync::CancellationToken;

use super::{AGAIN, Settled, Shown, settle};
use crate::context::Context;

/// So often the namespace is looked at where nothing else leads to it.
const LOOK: Duration = Duration::from_secs(60);

/// Keeps the label right until `stop`.
pub(super) async fn guard(cx: &Context, namespace: &str, shown: Shown, stop: CancellationToken) {
    tokio::select! {
        listed = shown.listed() => if listed.is_err() { return },
        () = stop.cancelled() => return,
    }
    let api: Api<Namespace> = Api::all(cx.client.clone());
    let mut settled = None;
    while !stop.is_cancelled() {
        let mut is_done = true;
        if let Some(all) = shown.wanted() {
            let want = all.get(namespace).copied();
            if settled != Some(want) {
                is_done = match api.get_metadata(namespace).await {
                    Ok(now) => settle(cx, &now, want).await == Settled::Done,
                    Err(error) => {
                        tracing::warn!(%error, namespace, "the namespace cannot be looked at; its label is not kept");
                        false
                    }
                };
                settled = is_done.then_some(want);
            }
        }
        tokio::select! {
            () = shown.changed.notified(), if is_done => {}
            () = cx.clock.sleep(AGAIN), if !is_done => {}
            () = cx.clock.sleep(LOOK), if is_done => settled = None,
            () = stop.cancelled() => {}
        }
    }
}
