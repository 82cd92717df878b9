//! The election itself: calls to the API server around the decisions of [`super::record`].

use std::{future::Future, sync::Arc, time::Duration};

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, api::PostParams};
use paas_core::{clock::Clock, error::Error};
use tokio_util::sync::CancellationToken;

use super::{
    LeaseFence, Timings,
    record::{Decision, Seen, decide, free, held},
};
use crate::refusal::{is_absent, is_conflict, refused};

/// One candidate for one lease.
#[derive(Debug, Clone)]
pub struct Election {
    api: Api<Lease>,
    name: String,
    identity: String,
    timings: Timings,
    clock: Arc<dyn Clock>,
}

impl Election {
    /// A candidate under `identity`, which no other candidate may have, also in another process.
    ///
    /// # Errors
    /// Times that contradict each other.
    pub fn new(
        client: Client,
        namespace: &str,
        name: &str,
        identity: &str,
        timings: Timings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        Ok(Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity: identity.to_owned(),
            timings: timings.checked()?,
            clock,
        })
    }

    /// Runs `work` whenever this candidate leads, until `stop`. The token that `work` gets ends with the lead: it then finishes the call
    /// under way and returns. The lease is let go only when it has.
    pub async fn run<F: Future<Output = ()>>(
        &self,
        stop: &CancellationToken,
        mut work: impl FnMut(LeaseFence, CancellationToken) -> F,
    ) {
        while let Some(began) = self.acquire(stop).await {
            tracing::info!(lease = self.name, identity = self.identity, "this operator leads");
            let fence = LeaseFence::closed(Arc::clone(&self.clock));
            fence.set(Some(began + self.timings.renew_deadline));
            let lead = stop.child_token();
            let done = CancellationToken::new();
            let working = async {
                work(fence.clone(), lead.clone()).await;
                done.cancel();
            };
            tokio::join!(working, self.hold(began, &fence, &lead, &done));
            let still_ours = fence.is_open();
            fence.set(None);
            if still_ours {
                self.release().await;
            }
            tracing::info!(
                lease = self.name,
                identity = self.identity,
                "this operator does not lead any more"
            );
        }
    }

    /// Waits until the lease is ours; the time right before the call that made it so. `None` if it has to stop before.
    async fn acquire(&self, stop: &CancellationToken) -> Option<Duration> {
        let mut seen = None;
        while !stop.is_cancelled() {
            let began = self.clock.elapsed();
            let wait = match self.attempt(&mut seen).await {
                Ok(None) => return Some(began),
                Ok(Some(wait)) => wait.min(self.timings.retry),
                Err(error) => {
                    tracing::warn!(%error, lease = self.name, "the lease cannot be looked at");
                    self.timings.retry
                }
            };
            tokio::select! {
                () = stop.cancelled() => return None,
                () = self.clock.sleep(wait) => {}
            }
        }
        None
    }

    /// One look, and one write if it is ours to take; `None` if we have it then, else how long the silence must still last.
    async fn attempt(&self, seen: &mut Option<Seen>) -> Result<Option<Duration>, Error> {
        let failed = |e| refused(format!("take the lease {}", self.name), e);
        let now = self.clock.now();
        let (duration, params) = (self.timings.duration, PostParams::default());
        let Some(lease) = self.api.get_opt(&self.name).await.map_err(failed)? else {
            let mut fresh = held(Lease::default(), &self.identity, duration, now);
            fresh.metadata.name = Some(self.name.clone());
            return match self.api.create(&params, &fresh).await {
                Ok(_) => Ok(None),
                Err(e) if is_conflict(&e) => Ok(Some(self.timings.retry)),
                Err(e) => Err(failed(e)),
            };
        };
        match decide(seen, &lease, &self.identity, duration, self.clock.elapsed()) {
            Decision::Wait(left) => Ok(Some(left)),
            Decision::Take | Decision::Renew => {
                // With the revision that was looked at: of two that take it, one gets a conflict.
                let ours = held(lease, &self.identity, duration, now);
                match self.api.replace(&self.name, &params, &ours).await {
                    Ok(_) => Ok(None),
                    Err(e) if is_conflict(&e) || is_absent(&e) => Ok(Some(self.timings.retry)),
                    Err(e) => Err(failed(e)),
                }
            }
        }
    }

    /// Renews until it is lost, or the work is done. Ends the lead when it is lost.
    async fn hold(
        &self,
        mut began: Duration,
        fence: &LeaseFence,
        lead: &CancellationToken,
        done: &CancellationToken,
    ) {
        loop {
            tokio::select! {
                () = done.cancelled() => return,
                () = self.clock.sleep(self.timings.retry) => {}
            }
            let started = self.clock.elapsed();
            let left = (began + self.timings.renew_deadline).saturating_sub(started);
            let renewal = tokio::select! {
                renewal = self.renew() => renewal,
                () = self.clock.sleep(left) => Ok(None),
            };
            match renewal {
                Ok(Some(true)) => {
                    began = started;
                    fence.set(Some(began + self.timings.renew_deadline));
                    continue;
                }
                Ok(Some(false)) => {
                    tracing::warn!(lease = self.name, "another operator took the lease");
                    fence.set(None);
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, lease = self.name, "the lease was not renewed"),
            }
            if !fence.is_open() {
                lead.cancel();
                done.cancelled().await;
                return;
            }
        }
    }

    /// `Some(true)` if it was renewed, `Some(false)` if another one has it, `None` if it is not known.
    async fn renew(&self) -> Result<Option<bool>, Error> {
        let failed = |e| refused(format!("renew the lease {}", self.name), e);
        let Some(lease) = self.api.get_opt(&self.name).await.map_err(failed)? else {
            return Ok(Some(false));
        };
        let holder = lease.spec.as_ref().and_then(|s| s.holder_identity.as_deref());
        if holder != Some(&self.identity) {
            return Ok(Some(false));
        }
        let ours = held(lease, &self.identity, self.timings.duration, self.clock.now());
        match self.api.replace(&self.name, &PostParams::default(), &ours).await {
            Ok(_) => Ok(Some(true)),
            Err(e) if is_conflict(&e) => Ok(None),
            Err(e) => Err(failed(e)),
        }
    }

    /// Lets the lease go, so that the next one need not wait for silence. That it fails costs the next one this wait.
    async fn release(&self) {
        let released = async {
            let Some(lease) = self.api.get_opt(&self.name).await? else {
                return Ok(());
            };
            let holder = lease.spec.as_ref().and_then(|s| s.holder_identity.as_deref());
            if holder == Some(self.identity.as_str()) {
                let free = free(lease, self.clock.now());
                self.api
                    .replace(&self.name, &PostParams::default(), &free)
                    .await?;
            }
            Ok::<_, kube::Error>(())
        };
        let in_time = async {
            tokio::select! {
                released = released => released,
                () = self.clock.sleep(self.timings.retry) => Ok(()),
            }
        };
        if let Err(error) = in_time.await {
            tracing::debug!(%error, lease = self.name, "the lease was not let go");
        }
    }
}
