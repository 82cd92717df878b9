//! One fault at one call.

use std::{
    collections::BTreeMap,
    fmt,
    future::{Future, pending},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::locked;
use crate::{
    actuator::{Actuator, Ids, Reach},
    codes,
    error::{Class, Error},
    graph::Observed,
    ledger::Ledger,
    owner::Owner,
    resource::{Change, Key, Live, Resource},
};

/// A way in which one call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It fails before its effect, and says so: no connection.
    Unsent,
    /// The request is lost, and nobody knows: no effect, outcome unknown.
    LostRequest,
    /// The effect is there, the reply is lost.
    LostReply,
    /// 500 after the effect.
    Failed500,
    /// The process dies after the effect, and its ledger with it.
    DiesForgetting,
    /// The process dies after the effect; the ledger is kept.
    DiesRemembering,
    /// Observes do not list what this create made, for some looks; the ledger is kept. Creates only, and not of what is
    /// [natural](Resource::natural), which says of itself that lists show it at once.
    OmitsNewest,
    /// This observe gives the answer of the one before; the ledger is kept. Observes only.
    StaleList,
    /// 401, before the effect.
    Denied401,
    /// 409, before the effect.
    Conflict409,
    /// 429, before the effect.
    Throttled429,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Unsent,
        Self::LostRequest,
        Self::LostReply,
        Self::Failed500,
        Self::DiesForgetting,
        Self::DiesRemembering,
        Self::OmitsNewest,
        Self::StaleList,
        Self::Denied401,
        Self::Conflict409,
        Self::Throttled429,
    ];

    /// True if it is the listing that is wrong.
    fn lists(self) -> bool {
        matches!(self, Self::OmitsNewest | Self::StaleList)
    }

    /// True if this call can go wrong in this way.
    pub fn fits(self, call: Call) -> bool {
        match self {
            Self::OmitsNewest => call == Call::Create,
            Self::StaleList => call == Call::Observe,
            Self::Unsent
            | Self::LostRequest
            | Self::LostReply
            | Self::Failed500
            | Self::DiesForgetting
            | Self::DiesRemembering
            | Self::Denied401
            | Self::Conflict409
            | Self::Throttled429 => true,
        }
    }
}

/// The four calls of an actuator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// [`Actuator::observe`]
    Observe,
    /// [`Actuator::create`]
    Create,
    /// [`Actuator::update`]
    Update,
    /// [`Actuator::delete`]
    Delete,
}

/// Where the fault is: one fuse may be shared by the actuators of several stages, and counts the calls of all.
#[derive(Debug, Default)]
pub struct Fuse(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    log: Vec<Call>,
    armed: Option<(usize, Fault)>,
    blown: bool,
    dead: CancellationToken,
}

impl Fuse {
    /// No fault.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Counts from zero, with a fault at the n-th call from now; the first call is 0.
    pub fn arm(&self, fault: Option<(usize, Fault)>) {
        let mut state = locked(&self.0);
        state.log.clear();
        state.armed = fault;
        state.blown = false;
    }

    /// The calls since the last [`Fuse::arm`].
    pub fn calls(&self) -> Vec<Call> {
        locked(&self.0).log.clone()
    }

    /// True once the fault has happened.
    pub fn is_blown(&self) -> bool {
        locked(&self.0).blown
    }

    /// The fault that is armed.
    pub fn fault(&self) -> Option<Fault> {
        locked(&self.0).armed.map(|(_, fault)| fault)
    }

    /// Ends when the process has died; drop its future then.
    pub async fn died(&self) {
        let dead = locked(&self.0).dead.clone();
        dead.cancelled().await;
    }

    /// A new process: calls are answered again.
    pub fn revive(&self) {
        locked(&self.0).dead = CancellationToken::new();
    }

    /// Counts a call and says how it goes wrong. Never returns in a process that has died.
    async fn next(&self, call: Call, able: bool) -> Option<Fault> {
        let (fault, dead) = {
            let mut state = locked(&self.0);
            let dead = state.dead.is_cancelled();
            let at = state.log.len();
            if !dead {
                state.log.push(call);
            }
            let fault = state
                .armed
                .filter(|(n, f)| *n == at && f.fits(call) && (able || !f.lists()) && !state.blown && !dead)
                .map(|(_, f)| f);
            state.blown |= fault.is_some();
            (fault, dead)
        };
        if dead {
            pending::<()>().await;
        }
        fault
    }

    async fn die<T>(&self) -> T {
        let dead = locked(&self.0).dead.clone();
        dead.cancel();
        pending().await
    }
}

/// An actuator whose n-th call goes wrong.
#[derive(Debug)]
pub struct Faulty<R: Resource> {
    inner: Arc<dyn Actuator<R>>,
    fuse: Arc<Fuse>,
    /// The answer of the last look of each reach.
    seen: Mutex<BTreeMap<Reach, Observed<R>>>,
    hidden: Mutex<BTreeMap<String, u32>>,
}

/// So many observes do not list what [`Fault::OmitsNewest`] hides.
const HIDDEN_LOOKS: u32 = 5;

impl<R: Resource> Faulty<R> {
    /// Wraps `inner`; the fuse says when.
    pub fn new(inner: Arc<dyn Actuator<R>>, fuse: Arc<Fuse>) -> Self {
        Self {
            inner,
            fuse,
            seen: Mutex::default(),
            hidden: Mutex::default(),
        }
    }

    async fn around<T, F>(&self, call: Call, able: bool, effect: F) -> Result<(T, Option<Fault>), Error>
    where
        T: Send,
        F: Future<Output = Result<T, Error>> + Send,
    {
        let fail = |class, words: &str| {
            Error::new(&codes::CORE_PROVIDER, class)
                .attempted(Words(call).to_string())
                .happened(words)
                .request_id("req-faulty")
        };
        let fault = self.fuse.next(call, able).await;
        match fault {
            None | Some(Fault::OmitsNewest | Fault::StaleList) => Ok((effect.await?, fault)),
            Some(Fault::Unsent) => Err(fail(Class::Transient, "connection refused")),
            Some(Fault::LostRequest) => Err(fail(Class::Transient, "connection reset").effect_unknown()),
            Some(Fault::LostReply) => {
                let _ = effect.await;
                Err(fail(Class::Transient, "connection reset while reading the reply").effect_unknown())
            }
            Some(Fault::Failed500) => {
                let _ = effect.await;
                Err(fail(Class::Transient, "500 Internal Server Error").effect_unknown())
            }
            Some(Fault::DiesForgetting | Fault::DiesRemembering) => {
                let _ = effect.await;
                self.fuse.die().await
            }
            Some(Fault::Denied401) => Err(fail(Class::Denied, "401 Unauthorized")),
            Some(Fault::Conflict409) => Err(fail(Class::Conflict, "409 Conflict")),
            Some(Fault::Throttled429) => Err(fail(Class::Throttled, "429 Too Many Requests")),
        }
    }
}

struct Words(Call);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Call::Observe => "list everything",
            Call::Create => "create",
            Call::Update => "update",
            Call::Delete => "delete",
        })
    }
}

#[async_trait]
impl<R: Resource> Actuator<R> for Faulty<R> {
    async fn observe(&self, owner: &Owner, hints: &Ledger, reach: Reach) -> Result<Observed<R>, Error> {
        let before = locked(&self.seen).get(&reach).cloned();
        let effect = self.inner.observe(owner, hints, reach);
        let (fresh, fault) = self.around(Call::Observe, before.is_some(), effect).await?;
        let mut seen = match (fault, before) {
            (Some(Fault::StaleList), Some(before)) => before,
            _ => fresh,
        };
        locked(&self.hidden).retain(|id, left| {
            seen.live.retain(|_, l| l.id != *id);
            *left -= 1;
            *left > 0
        });
        locked(&self.seen).insert(reach, seen.clone());
        Ok(seen)
    }

    async fn create(&self, owner: &Owner, key: &Key, want: &R, ids: &Ids) -> Result<Live<R>, Error> {
        let effect = self.inner.create(owner, key, want, ids);
        let (live, fault) = self.around(Call::Create, !want.natural(), effect).await?;
        if fault == Some(Fault::OmitsNewest) {
            locked(&self.hidden).insert(live.id.clone(), HIDDEN_LOOKS);
        }
        Ok(live)
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
        let effect = self.inner.update(owner, key, live, want, changes, ids);
        self.around(Call::Update, true, effect).await.map(|((), _)| ())
    }

    async fn delete(&self, owner: &Owner, key: &Key, live: &Live<R>) -> Result<(), Error> {
        let effect = self.inner.delete(owner, key, live);
        self.around(Call::Delete, true, effect).await.map(|((), _)| ())
    }
}
