//! Keeping instances running: what died is brought back through the normal pipeline, and chores are run when they are due.
//!
//! Laws: an instance has one supervisor (a lock of its own, beside the one of writers). What somebody took down stays down, and what an
//! `up` would ask for is told and left. Truth is read again in every round: the accepted objects, the notes of who took what down, and the
//! world itself.

mod strikes;
mod watch;

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    codes::LOC_LOCKED,
    instance::LocalInstance,
    lock::{Lock, holder},
};
use crate::{
    clock::Clock,
    error::{Error, Result},
    event::{Event, State},
    owner::Owner,
};

/// The stage that events of a supervisor bear.
pub const STAGE: &str = "supervise";

/// What is to be kept running.
pub trait Accepted: fmt::Debug + Send + Sync {
    /// All instances with their specs as they are accepted now; it is asked again in every round.
    ///
    /// # Errors
    /// What keeps them from being read. Nothing is let go because of it.
    fn instances(&self) -> Result<Vec<LocalInstance>>;
}

/// Something that has to be done to a running instance from time to time.
///
/// It is called with no lock held and takes what it needs by [`LocalInstance::lock`]. It must stop soon after the instance's token of
/// cancellation says so, and must be as safe to be cut off as every other step.
#[async_trait]
pub trait Chore: fmt::Debug + Send + Sync {
    /// A word for events: `backup`.
    fn name(&self) -> &str;

    /// Does what is due, if anything is, and says when it wants to be called next: `None` is the next round.
    ///
    /// # Errors
    /// What went wrong; it is told, and tried again after a while.
    async fn tend(&self, instance: &LocalInstance) -> Result<Option<Timestamp>>;
}

/// Keeps instances running until it is told to stop.
#[derive(Debug, Clone)]
pub struct Supervisor {
    accepted: Arc<dyn Accepted>,
    chores: Vec<Arc<dyn Chore>>,
    clock: Arc<dyn Clock>,
    every: Duration,
}

/// What became of the instances when the supervisor was told to stop.
#[derive(Debug, Default)]
pub struct Stopped {
    /// Those that were stopped; their data is kept.
    pub stopped: Vec<Owner>,
    /// Those that were not, and why.
    pub left: Vec<(Owner, Error)>,
}

impl Supervisor {
    /// A supervisor with no chores that looks every 30 seconds, and at once when a server process ends.
    pub fn new(accepted: Arc<dyn Accepted>, clock: Arc<dyn Clock>) -> Self {
        Self {
            accepted,
            chores: Vec::new(),
            clock,
            every: Duration::from_secs(30),
        }
    }

    /// How often every instance is looked at.
    #[must_use]
    pub fn every(mut self, time: Duration) -> Self {
        self.every = time;
        self
    }

    /// One more chore, for each instance.
    #[must_use]
    pub fn chore(mut self, chore: impl Chore + 'static) -> Self {
        self.chores.push(Arc::new(chore));
        self
    }

    /// Keeps them running until `cancel`, then stops those that it looked after, with a fast shutdown each, all at once.
    pub async fn run(&self, cancel: &CancellationToken) -> Stopped {
        let mut watched = BTreeSet::new();
        let mut watches: FuturesUnordered<BoxFuture<'_, watch::Ended>> = FuturesUnordered::new();
        let mut elsewhere = BTreeSet::new();
        let mut summary = Stopped::default();
        loop {
            // That the objects cannot be read is told by the watches, which have somebody to tell.
            for instance in self.accepted.instances().unwrap_or_default() {
                let uid = instance.owner().uid();
                if watched.contains(&uid) || instance.is_taken_down() {
                    continue;
                }
                if let Some(lock) = self.claim(&instance, &mut elsewhere) {
                    watched.insert(uid);
                    watches.push(Box::pin(watch::Watch::new(self, instance, lock, cancel).keep()));
                }
            }
            tokio::select! {
                () = self.clock.sleep(self.every) => {}
                Some(ended) = watches.next(), if !watches.is_empty() => {
                    watched.remove(&ended.owner.uid());
                    summary.add(ended);
                }
                () = cancel.cancelled() => break,
            }
        }
        while let Some(ended) = watches.next().await {
            summary.add(ended);
        }
        summary
    }

    /// The right to supervise one instance; who has it instead is told once.
    fn claim(&self, instance: &LocalInstance, elsewhere: &mut BTreeSet<Uuid>) -> Option<Lock> {
        let uid = instance.owner().uid();
        let path = instance
            .machine()
            .home
            .locks()
            .join(format!("supervise-{uid}.lock"));
        match Lock::try_take(&path, "paas up --foreground") {
            Ok(lock) => {
                elsewhere.remove(&uid);
                Some(lock)
            }
            Err(e) => {
                if elsewhere.insert(uid) {
                    let words = if e.code() == &LOC_LOCKED {
                        format!("{} supervises it already", holder(&path))
                    } else {
                        e.to_string()
                    };
                    tell(instance, State::Waiting, "Elsewhere", words);
                }
                None
            }
        }
    }
}

impl Stopped {
    fn add(&mut self, ended: watch::Ended) {
        match ended.stopped {
            None => {}
            Some(Ok(())) => self.stopped.push(ended.owner),
            Some(Err(e)) => self.left.push((ended.owner, e)),
        }
    }
}

fn tell(instance: &LocalInstance, state: State, reason: &str, message: String) {
    let machine = instance.machine();
    machine.events.emit(&Event {
        at: machine.clock.now(),
        owner: instance.owner().to_string(),
        stage: STAGE.to_owned(),
        key: None,
        verb: "keep".to_owned(),
        state,
        reason: reason.to_owned(),
        message,
        request_id: None,
    });
}
