//! What a run costs.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;

use crate::{
    actuator::{Actuator, Ids, Reach},
    error::Error,
    graph::Observed,
    ledger::{Intent, Ledger, LedgerStore, Scope, Settled},
    owner::Owner,
    resource::{Change, Key, Live, Resource},
};

/// How often each verb was called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Looks.
    pub observes: usize,
    /// Creates, refused ones too.
    pub creates: usize,
    /// Updates, refused ones too.
    pub updates: usize,
    /// Deletes, refused ones too.
    pub deletes: usize,
}

impl Counts {
    /// Calls that may change something.
    pub fn mutating(&self) -> usize {
        self.creates + self.updates + self.deletes
    }
}

#[derive(Debug, Default)]
struct Tally {
    observes: AtomicUsize,
    creates: AtomicUsize,
    updates: AtomicUsize,
    deletes: AtomicUsize,
}

/// An actuator that counts its calls.
#[derive(Debug)]
pub struct Counting<R: Resource> {
    inner: Arc<dyn Actuator<R>>,
    tally: Tally,
}

impl<R: Resource> Counting<R> {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Actuator<R>>) -> Self {
        Self {
            inner,
            tally: Tally::default(),
        }
    }

    /// The counts since the last take, which begin anew.
    pub fn take(&self) -> Counts {
        let Tally {
            observes,
            creates,
            updates,
            deletes,
        } = &self.tally;
        Counts {
            observes: observes.swap(0, Ordering::Relaxed),
            creates: creates.swap(0, Ordering::Relaxed),
            updates: updates.swap(0, Ordering::Relaxed),
            deletes: deletes.swap(0, Ordering::Relaxed),
        }
    }
}

#[async_trait]
impl<R: Resource> Actuator<R> for Counting<R> {
    async fn observe(&self, owner: &Owner, hints: &Ledger, reach: Reach) -> Result<Observed<R>, Error> {
        self.tally.observes.fetch_add(1, Ordering::Relaxed);
        self.inner.observe(owner, hints, reach).await
    }

    async fn create(&self, owner: &Owner, key: &Key, want: &R, ids: &Ids) -> Result<Live<R>, Error> {
        self.tally.creates.fetch_add(1, Ordering::Relaxed);
        self.inner.create(owner, key, want, ids).await
    }

    async fn update(
        &self,
        owner: &Owner,
        key: &Key,
        live: &Live<R>,
        want: &R,
        changes: &[Change],
        ids: &Ids,
    ) -> Result<(), Error> {
        self.tally.updates.fetch_add(1, Ordering::Relaxed);
        self.inner.update(owner, key, live, want, changes, ids).await
    }

    async fn delete(&self, owner: &Owner, key: &Key, live: &Live<R>) -> Result<(), Error> {
        self.tally.deletes.fetch_add(1, Ordering::Relaxed);
        self.inner.delete(owner, key, live).await
    }
}

/// A ledger store that counts its writes: calls that a file would have to be written for.
#[derive(Debug)]
pub struct CountedLedger {
    inner: Arc<dyn LedgerStore>,
    writes: AtomicUsize,
}

impl CountedLedger {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn LedgerStore>) -> Self {
        Self {
            inner,
            writes: AtomicUsize::new(0),
        }
    }

    /// The writes since the last take, which begin anew.
    pub fn take(&self) -> usize {
        self.writes.swap(0, Ordering::Relaxed)
    }

    fn count(&self, something: bool) {
        self.writes.fetch_add(usize::from(something), Ordering::Relaxed);
    }
}

#[async_trait]
impl LedgerStore for CountedLedger {
    async fn load(&self, scope: &Scope) -> Result<Ledger, Error> {
        self.inner.load(scope).await
    }

    async fn note(&self, scope: &Scope, intents: &[Intent]) -> Result<(), Error> {
        self.count(!intents.is_empty());
        self.inner.note(scope, intents).await
    }

    async fn settle(&self, scope: &Scope, settled: &[Settled]) -> Result<(), Error> {
        self.count(!settled.is_empty());
        self.inner.settle(scope, settled).await
    }

    async fn forget(&self, scope: &Scope) -> Result<(), Error> {
        self.count(true);
        self.inner.forget(scope).await
    }
}
