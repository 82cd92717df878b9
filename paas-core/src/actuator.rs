//! The hands: the one effect trait.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;

use crate::{
    error::Error,
    graph::Observed,
    ledger::Ledger,
    owner::Owner,
    resource::{Change, Health, Key, Live, Resource},
};

/// The ids of everything that is live or given, by key: what a create refers to.
pub type Ids = BTreeMap<Key, String>;

/// How far a look goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// What bears the owner's mark.
    Own,
    /// That, and what the things of the owner made in their turn and nothing marks as ours (design law 5): load balancers of a cluster's
    /// cloud controller, volumes of its storage driver. Asked only where everything goes, or where all is to be listed.
    All,
}

/// Does one thing at a time to one kind of world.
///
/// The laws, each checked by the suite `testing::conformance`:
///
/// 1. `create`, `update` and `delete` make **at most one** mutating call each, and the call that creates carries the owner's mark
///    in itself; nothing that can fail comes after it. So a crash at any point is healed by running again.
/// 2. `observe` is **total**: every resource that bears the mark, of all kinds and from all pages, or an error. It changes
///    nothing. A world that cannot be reached is never an empty world. [`Reach::All`] is total for what it adds too, and takes nothing
///    from what [`Reach::Own`] shows: it adds only what is [`crate::resource::Origin::Derived`].
/// 3. Two resources that answer to one key are both reported (through [`Observed::found`]).
/// 4. No mutating call is repeated below this trait unless it was clearly refused. A reply that was lost is an error with
///    [`crate::error::Effect::Unknown`].
/// 5. `delete` of what is already gone is `Ok`. `Ok` means accepted: the resource may be listed as
///    [`crate::resource::Health::Leaving`] for a while. It never touches what `live.id` does not name.
/// 6. Errors keep the other side's own words and request id.
/// 7. Secrets are resolved at call time and appear nowhere else.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Actuator<R: Resource>: fmt::Debug + Send + Sync {
    /// Everything that bears the owner's mark, and for [`Reach::All`] what that made in its turn: one look, so that both are of one moment
    /// and nothing is asked twice. `hints` may save calls, never decide what exists.
    ///
    /// What needs what beyond the resources' own words is told in [`Observed::also`], what is somebody else's and in the way in
    /// [`Observed::barred`]. Where things make nothing in their turn, both reaches are the same.
    async fn observe(&self, owner: &Owner, hints: &Ledger, reach: Reach) -> Result<Observed<R>, Error>;

    /// What [`Actuator::observe`] shows with [`Reach::Own`], again, after `seen` and the making of `root` and nothing else. Only the root's kind need be asked for anew:
    /// whoever else makes the same object begins with its root too, and one of them sees both.
    async fn recheck(
        &self,
        owner: &Owner,
        hints: &Ledger,
        _seen: &Observed<R>,
        _root: &Key,
    ) -> Result<Observed<R>, Error> {
        self.observe(owner, hints, Reach::Own).await
    }

    /// How those that are waited for are by now, for much less than [`Actuator::observe`] costs; who is not in the answer is gone. It says
    /// only whether it is worth while to observe: nothing is decided by it. `None` where there is no cheaper way.
    async fn glance(
        &self,
        _owner: &Owner,
        _waited: &BTreeMap<Key, Live<R>>,
    ) -> Result<Option<BTreeMap<Key, Health>>, Error> {
        Ok(None)
    }

    /// Makes one resource; what it needs is in `ids`. If the answer says that it is usable, what needs it starts in this pass.
    async fn create(&self, owner: &Owner, key: &Key, want: &R, ids: &Ids) -> Result<Live<R>, Error>;

    /// Changes one resource in place.
    async fn update(
        &self,
        owner: &Owner,
        key: &Key,
        live: &Live<R>,
        want: &R,
        changes: &[Change],
        ids: &Ids,
    ) -> Result<(), Error>;

    /// Deletes one resource, by id and, where the interface takes one, revision.
    async fn delete(&self, owner: &Owner, key: &Key, live: &Live<R>) -> Result<(), Error>;
}
