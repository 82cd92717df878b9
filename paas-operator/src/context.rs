//! What all reconciles share.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kube::{Api, Client, ResourceExt, api::DynamicObject, runtime::reflector::ObjectRef};
use paas_core::{
    clock::Clock,
    error::Error,
    event::EventSink,
    execute::{Fence, Tools},
    ledger::LedgerStore,
    owner::{Identity, Owner},
    policy::Bounds,
    spec::Kind,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    engines::Engines,
    events::Events,
    fresh::OwnWrites,
    metrics::Metrics,
    object::{api_resource, title},
    refusal::refused,
    status::Pace,
};

/// Makes the ledger of a namespace.
pub(crate) type Ledgers = Arc<dyn Fn(&str) -> Arc<dyn LedgerStore> + Send + Sync>;

/// What all reconciles of one lead share.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) engines: Arc<dyn Engines>,
    pub(crate) ledgers: Ledgers,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) identity: Identity,
    /// The role is of the namespaces that are reconciled: nothing of the cluster may be asked.
    pub(crate) asks_own_namespaces_alone: bool,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: Events,
    pub(crate) fence: Arc<dyn Fence>,
    pub(crate) cancel: CancellationToken,
    pub(crate) turns: Semaphore,
    pub(crate) pace: Pace,
    pub(crate) bounds: Bounds,
    pub(crate) chance: fn() -> f64,
    pub(crate) own: OwnWrites,
    pub(crate) owners: Owners,
    pub(crate) failures: Failures,
    pub(crate) void: Told,
    pub(crate) unwritten: Told,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("engines", &self.engines)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// The API of one kind in one namespace.
    pub(crate) fn api(&self, kind: Kind, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &api_resource(kind))
    }

    /// True while we may write.
    pub(crate) async fn may_write(&self) -> bool {
        !self.cancel.is_cancelled() && self.fence.check().await.is_ok()
    }

    /// The object as it is, at least as new as our own last write to it; `None` if it is gone.
    ///
    /// # Errors
    /// It had to be read, and cannot be.
    pub(crate) async fn fresh(
        &self,
        kind: Kind,
        shown: Arc<DynamicObject>,
    ) -> Result<Option<Arc<DynamicObject>>, Error> {
        let uid = shown.uid().unwrap_or_default();
        if !self
            .own
            .is_stale(&uid, &shown.resource_version().unwrap_or_default())
        {
            return Ok(Some(shown));
        }
        let api = self.api(kind, &shown.namespace().unwrap_or_default());
        let now = api.get_opt(&shown.name_any()).await;
        let now = now.map_err(|e| refused(format!("read {}", title(kind, &shown)), e))?;
        if now.is_none() {
            self.forget(kind, &uid);
        }
        Ok(now.map(Arc::new))
    }

    /// Remembers our own write.
    pub(crate) fn wrote(&self, object: &DynamicObject) {
        if let (Some(uid), Some(revision)) = (object.uid(), object.resource_version()) {
            self.own.wrote(&uid, &revision);
        }
    }

    /// Forgets an object that is gone.
    pub(crate) fn forget(&self, kind: Kind, uid: &str) {
        self.own.forget(uid);
        self.failures.over(uid);
        self.void.forget(uid);
        self.unwritten.forget(uid);
        self.metrics.is_broken(kind, uid, false);
    }

    /// The owner that stands for an object: the same for another object of that name later, so that what was kept is found again.
    pub(crate) fn owner(&self, kind: Kind, object: &DynamicObject) -> Owner {
        let namespace = object.namespace().unwrap_or_default();
        Owner::new(&self.identity, kind.as_str(), &namespace, &object.name_any())
    }

    /// What a pass works with.
    pub(crate) fn tools(&self, owner: &Owner, fence: Arc<dyn Fence>, events: Arc<dyn EventSink>) -> Tools {
        Tools {
            ledger: (self.ledgers)(owner.namespace()),
            fence,
            clock: Arc::clone(&self.clock),
            events,
            cancel: self.cancel.clone(),
        }
    }
}

/// Objects by the uid that the marks of what they own carry.
#[derive(Debug, Clone, Default)]
pub(crate) struct Owners(Arc<Mutex<HashMap<String, ObjectRef<DynamicObject>>>>);

impl Owners {
    /// Notes who an owner is.
    pub(crate) fn note(&self, owner: &Owner, object: ObjectRef<DynamicObject>) {
        locked(&self.0).insert(owner.uid().to_string(), object);
    }

    /// Forgets an owner that has nothing any more.
    pub(crate) fn forget(&self, owner: &Owner) {
        locked(&self.0).remove(&owner.uid().to_string());
    }

    /// The object of a mark.
    pub(crate) fn of(&self, mark: &str) -> Option<ObjectRef<DynamicObject>> {
        locked(&self.0).get(mark).cloned()
    }
}

/// How often the passes of an object failed, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<HashMap<String, u32>>);

impl Failures {
    /// One more; how many it is now.
    pub(crate) fn another(&self, uid: &str) -> u32 {
        let mut all = locked(&self.0);
        let count = all.entry(uid.to_owned()).or_default();
        *count = count.saturating_add(1);
        *count
    }

    /// It succeeded.
    pub(crate) fn over(&self, uid: &str) {
        locked(&self.0).remove(uid);
    }
}

/// What was told of an object and does not stand in its status, by its uid: each is told once.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<HashMap<String, String>>);

impl Told {
    /// True if this is news of the object.
    pub(crate) fn is_news(&self, uid: &str, words: &str) -> bool {
        let before = locked(&self.0).insert(uid.to_owned(), words.to_owned());
        before.is_none_or(|before| before != words)
    }

    /// Forgets an object that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        locked(&self.0).remove(uid);
    }
}

/// The bounds of a pass in a cluster: what settles there takes seconds, and watches tell of it sooner.
pub(crate) fn bounds() -> Bounds {
    Bounds {
        backoff: Duration::from_secs(1),
        poll: Duration::from_secs(1),
        poll_max: Duration::from_secs(15),
        ..Bounds::default()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
