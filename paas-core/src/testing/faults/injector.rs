//! What strikes, and what was struck.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use http::Request;
use kube::{Client, client::Body};
use tokio_util::sync::CancellationToken;
use tower::Layer;

use super::{Call, Fault, FaultLayer, Plan};
use crate::testing::locked;

/// A call that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The call.
    pub call: Call,
    /// How it went wrong.
    pub fault: Fault,
    /// Its number, from nought, among those that its rule counted.
    pub at: usize,
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, fault, at } = self;
        write!(f, "{fault} at {} {at}: {call}", fault.counts())
    }
}

/// Strikes calls by a plan, and writes down what it struck. Clones are the same one.
///
/// # Laws
/// - Without a plan, every call goes through as it is.
/// - After a call at which the process dies, no call of its clients is answered any more, also not after [`Injector::revive`]: a
///   task of it that still runs somewhere does no more than a dead one.
/// - A plan strikes by the number of a call and never by time or chance.
#[derive(Clone, Default)]
pub struct Injector(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    plan: Plan,
    counts: Vec<usize>,
    calls: Vec<Call>,
    hits: Vec<Hit>,
    life: CancellationToken,
    watches: CancellationToken,
    oldest: Option<u64>,
}

impl Injector {
    /// One without a plan.
    pub fn new() -> Self {
        Self::default()
    }

    /// The layer for a stack of one's own, by [`kube::client::ClientBuilder::with_layer`] for example. It lives as long as the process
    /// that it is made for: after [`Injector::revive`], make another one.
    pub fn layer(&self) -> FaultLayer {
        FaultLayer::new(self.clone(), locked(&self.0).life.clone())
    }

    /// The same client with faults before everything that it does, its own repetitions included.
    pub fn client(&self, client: Client) -> Client {
        let namespace = client.default_namespace().to_owned();
        let calls = tower::service_fn(move |request: Request<Body>| {
            let client = client.clone();
            async move { client.send(request).await }
        });
        Client::new(self.layer().layer(calls), namespace)
    }

    /// Takes another plan. Calls, hits and the oldest revision are forgotten, and counted anew; a process that died is another one now.
    pub fn arm(&self, plan: Plan) {
        let mut state = locked(&self.0);
        state.plan = plan;
        state.counts.clear();
        state.calls.clear();
        state.hits.clear();
        state.oldest = None;
        if state.life.is_cancelled() {
            state.life = CancellationToken::new();
        }
    }

    /// All calls since the last [`Injector::arm`].
    pub fn calls(&self) -> Vec<Call> {
        locked(&self.0).calls.clone()
    }

    /// Those that change something.
    pub fn writes(&self) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(Call::writes);
        calls
    }

    /// What went wrong since the last [`Injector::arm`].
    pub fn hits(&self) -> Vec<Hit> {
        locked(&self.0).hits.clone()
    }

    /// Says which revision is old: what is stale is served from it. Without it, it is the oldest from which a watch began.
    pub fn remember(&self, revision: u64) {
        locked(&self.0).oldest = Some(revision);
    }

    /// Ends every watch that runs now, as an API server does that is restarted. What happens meanwhile is told by the next watch.
    pub fn cut(&self) {
        std::mem::take(&mut locked(&self.0).watches).cancel();
    }

    /// Ends the watches that run.
    pub(super) fn watches(&self) -> CancellationToken {
        locked(&self.0).watches.clone()
    }

    /// Ends when the process has died; drop its futures then.
    pub async fn died(&self) {
        let life = locked(&self.0).life.clone();
        life.cancelled().await;
    }

    /// True if the process has died and there is no other one yet.
    pub fn is_dead(&self) -> bool {
        locked(&self.0).life.is_cancelled()
    }

    /// A new process: layers and clients that are made from now on are answered.
    pub fn revive(&self) {
        locked(&self.0).life = CancellationToken::new();
    }

    /// Counts a call, and says how it goes wrong, and which revision is old.
    pub(super) fn strike(&self, call: &Call, begins_at: Option<u64>) -> Option<(Fault, u64)> {
        let state = &mut *locked(&self.0);
        state.calls.push(call.clone());
        let oldest = state.oldest;
        let (fault, at) = state
            .plan
            .strike(&mut state.counts, call, |fault| {
                !fault.is_stale() || oldest.is_some()
            })
            .map_or((None, 0), |(fault, at)| (Some(fault), at));
        if let Some(revision) = begins_at {
            let older = oldest.map_or(revision, |oldest| oldest.min(revision));
            state.oldest = Some(older);
        }
        let fault = fault?;
        state.hits.push(Hit {
            call: call.clone(),
            fault,
            at,
        });
        Some((fault, oldest.unwrap_or_default()))
    }
}

impl fmt::Debug for Injector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = locked(&self.0);
        f.debug_struct("Injector")
            .field("plan", &state.plan)
            .field("hits", &state.hits)
            .finish_non_exhaustive()
    }
}
