//! Who sees everything that happens in a namespace, past all faults.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use futures::StreamExt;
use kube::{
    Client,
    api::DynamicObject,
    runtime::{WatchStreamExt, watcher},
};
use paas_core::{
    database::cnpg::kinds,
    kube::{ObjectKind, STORE, kind::SECRET},
};
use tokio::task::JoinHandle;

use super::cnpg::api;

/// What was seen, by kind and name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// The uids that an object had.
    pub(crate) uids: BTreeMap<String, BTreeSet<String>>,
    /// The values that a stored password had.
    pub(crate) passwords: BTreeMap<String, BTreeSet<String>>,
    /// What was deleted.
    pub(crate) deleted: BTreeSet<String>,
}

/// Watches a namespace until it is dropped.
pub(crate) struct Witness {
    seen: Arc<Mutex<Seen>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Witness {
    /// Begins to watch; what is there already is seen too.
    pub(crate) fn new(client: &Client, namespace: &str) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let kinds = [&SECRET, &kinds::CLUSTER, &kinds::DATABASE, &kinds::ROLE];
        let tasks = kinds.map(|kind| {
            let seen = Arc::clone(&seen);
            let mut changes = watcher(api(client, namespace, kind), watcher::Config::default())
                .default_backoff()
                .boxed();
            tokio::spawn(async move {
                while let Some(change) = changes.next().await {
                    if let Ok(change) = change {
                        seen.lock().unwrap().note(kind, change);
                    }
                }
            })
        });
        Self {
            seen,
            tasks: tasks.into(),
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Seen {
    fn note(&mut self, kind: &ObjectKind, change: watcher::Event<DynamicObject>) {
        let (object, deleted) = match change {
            watcher::Event::Apply(object) | watcher::Event::InitApply(object) => (object, false),
            watcher::Event::Delete(object) => (object, true),
            watcher::Event::Init | watcher::Event::InitDone => return,
        };
        let name = format!("{}/{}", kind.kind, object.metadata.name.unwrap());
        if deleted {
            self.deleted.insert(name);
            return;
        }
        let labels = object.metadata.labels.unwrap_or_default();
        if *kind == SECRET && labels.contains_key(STORE) {
            let value = object.data["data"]["value"].to_string();
            self.passwords.entry(name.clone()).or_default().insert(value);
        }
        self.uids
            .entry(name)
            .or_default()
            .insert(object.metadata.uid.unwrap());
    }
}
