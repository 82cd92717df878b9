//! `paas events` in a cluster: what happened to objects and to what was made for them.

use std::{collections::BTreeSet, time::Duration};

use paas_core::{
    event::Event,
    kube::happenings::{self, Known},
    spec::Kind,
};

use super::Cluster;
use crate::{
    app::App,
    args::Events,
    commands::events::{is_of, print, silence},
    exit::{Exit, Failure},
};

/// How often new events are looked for.
const LOOK: Duration = Duration::from_secs(1);

pub(crate) async fn run(app: &App, cluster: &Cluster, args: &Events) -> Result<Exit, Failure> {
    let mut told = BTreeSet::new();
    let mut known = Known::new();
    for name in &args.names {
        // What is deleted may still have events; all that is known of it is its name.
        known.add(Kind::DatabaseInstance, name);
    }
    let mut first = true;
    loop {
        for kind in Kind::ALL {
            for declared in cluster.all(kind, false).await? {
                known.add(kind, declared.name());
            }
        }
        let all = happenings::list(&cluster.client, &cluster.namespace, &known).await?;
        let mut fresh: Vec<Event> = Vec::new();
        for one in all {
            if told.insert(one.mark) && is_of(&one.event, &args.names) {
                fresh.push(one.event);
            }
        }
        if let (true, Some(last)) = (first, args.last) {
            fresh.drain(..fresh.len().saturating_sub(last));
        }
        if first && fresh.is_empty() && !args.follow && !app.printer.for_programs() {
            silence(app, &args.names);
        }
        print(app, &fresh, args.follow);
        first = false;
        if !args.follow {
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = app.interrupt.cancel.cancelled() => return Ok(Exit::Interrupted),
        }
    }
}
