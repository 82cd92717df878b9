//! One token for many tasks: asked for once however many want it, renewed before it ends and when a service refuses it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use paas_core::error::{Class, Error};
use url::Url;

use super::{Client, auth, token::Token, transport::Transport};
use crate::cloud::{Identity, Scope};

/// With less than this left a token is renewed: what was begun with it must also end with it. The number is keystoneauth's.
const MARGIN: Duration = Duration::from_secs(120);

/// How long a refusal of the credentials stands. Asking again at once would only bring Keystone to lock the account.
const REFUSAL_STANDS: Duration = Duration::from_secs(10);

/// Where tokens come from.
pub(crate) enum Source {
    /// From the cloud's own credentials.
    Credentials(Identity),
    /// From the token of another client, for another scope.
    Parent(Client),
}

/// The token of one client.
pub(crate) struct Session {
    transport: Arc<Transport>,
    keystone: Url,
    source: Source,
    scope: Scope,
    slot: Mutex<Slot>,
}

type Outcome = Result<Arc<Token>, Error>;
type Flight = Shared<BoxFuture<'static, Outcome>>;

#[derive(Default)]
struct Slot {
    held: Option<Held>,
    /// Weak: when all who wait for it are gone, so is the request.
    flight: Option<WeakShared<BoxFuture<'static, Outcome>>>,
    refused: Option<(Duration, Error)>,
    /// The credential was accepted at some time.
    accepted: bool,
}

#[derive(Clone)]
struct Held {
    token: Arc<Token>,
    /// On the clock that only goes forward, counted from the request: a token ends rather too early than too late.
    renew_at: Option<Duration>,
    ends_at: Option<Duration>,
}

impl Session {
    pub(crate) fn new(transport: Arc<Transport>, keystone: Url, source: Source, scope: Scope) -> Arc<Self> {
        Arc::new(Self {
            transport,
            keystone,
            source,
            scope,
            slot: Mutex::default(),
        })
    }

    /// The token that is valid now.
    pub(crate) async fn token(self: &Arc<Self>) -> Outcome {
        let now = self.transport.clock.elapsed();
        let (flight, held) = {
            let mut slot = self.slot();
            let held = slot
                .held
                .clone()
                .filter(|held| held.ends_at.is_none_or(|end| now < end));
            if let Some(held) = &held
                && held.renew_at.is_none_or(|at| now < at)
            {
                return Ok(held.token.clone());
            }
            (self.flight(&mut slot, now)?, held)
        };
        match (flight.await, held) {
            // Keystone is away for a moment, and the old token still holds.
            (Err(e), Some(held))
                if matches!(e.class(), Class::Transient | Class::TimedOut | Class::Throttled) =>
            {
                tracing::warn!(error = %e, "the token could not be renewed yet; it still holds");
                Ok(held.token)
            }
            (outcome, _) => outcome,
        }
    }

    /// A token other than `stale`, which a service refused. Who comes second gets what the first one got.
    pub(crate) async fn renewed(self: &Arc<Self>, stale: &Arc<Token>) -> Outcome {
        let flight = {
            let mut slot = self.slot();
            match slot.held.take() {
                Some(held) if !Arc::ptr_eq(&held.token, stale) => {
                    let token = held.token.clone();
                    slot.held = Some(held);
                    return Ok(token);
                }
                _ => self.flight(&mut slot, self.transport.clock.elapsed())?,
            }
        };
        flight.await
    }

    /// The request that is under way, or a new one; or the refusal that still stands.
    fn flight(self: &Arc<Self>, slot: &mut Slot, now: Duration) -> Result<Flight, Error> {
        if let Some((until, refusal)) = &slot.refused
            && now < *until
        {
            return Err(refusal.clone());
        }
        if let Some(flight) = slot.flight.as_ref().and_then(WeakShared::upgrade)
            && flight.peek().is_none()
        {
            return Ok(flight);
        }
        let this = self.clone();
        let flight = async move { this.ask().await }.boxed().shared();
        slot.flight = flight.downgrade();
        Ok(flight)
    }

    async fn ask(&self) -> Outcome {
        let clock = &self.transport.clock;
        let asked = clock.elapsed();
        let outcome = match &self.source {
            Source::Credentials(identity) => self.with(identity).await,
            Source::Parent(parent) => self.from(parent).await,
        };
        let mut slot = self.slot();
        match outcome {
            Ok(token) => {
                let token = Arc::new(token);
                slot.held = Some(self.held(token.clone(), asked));
                slot.refused = None;
                slot.accepted = true;
                Ok(token)
            }
            Err(e) => {
                if e.class() == Class::Denied {
                    slot.refused = Some((clock.elapsed() + REFUSAL_STANDS, e.clone()));
                }
                Err(e)
            }
        }
    }

    async fn from(&self, parent: &Client) -> Result<Token, Error> {
        let theirs = parent.token().await?;
        match self.with(&Identity::Token(theirs.secret.clone())).await {
            // It may have been revoked while its own time was not over.
            Err(e) if e.class() == Class::Denied => {
                let theirs = parent.session().renewed(&theirs).await?;
                self.with(&Identity::Token(theirs.secret.clone())).await
            }
            outcome => outcome,
        }
    }

    async fn with(&self, identity: &Identity) -> Result<Token, Error> {
        let before = self.slot().accepted;
        auth::token(&self.transport, &self.keystone, identity, &self.scope, before).await
    }

    fn held(&self, token: Arc<Token>, asked: Duration) -> Held {
        let lifetime = token.lifetime().or_else(|| {
            let now = self.transport.clock.now();
            Duration::try_from(token.expires?.duration_since(now)).ok()
        });
        let ends_at = lifetime.map(|time| asked + time);
        // A token that was made from a given one ends with it: asking again gains nothing.
        let renewable = !matches!(self.source, Source::Credentials(Identity::Token(_)));
        let renew_at = lifetime
            .filter(|_| renewable)
            .map(|time| asked + time.saturating_sub(MARGIN.min(time / 4)));
        Held {
            token,
            renew_at,
            ends_at,
        }
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
