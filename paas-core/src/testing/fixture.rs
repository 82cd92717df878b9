//! What a world brings so that the suites can be run on it.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    actuator::Actuator, clock::Clock, error::Error, graph::Desired, owner::Owner, resource::Resource,
};

/// Brings worlds and wishes to [`super::conformance`] and [`super::matrix`].
#[async_trait]
pub trait Fixture: fmt::Debug + Send + Sync {
    /// What there is in these worlds.
    type Resource: Resource;

    /// A name for reports.
    fn name(&self) -> &str;

    /// A fresh world with nothing of ours in it, and with foreign things in it if it can have any: things that bear no mark or
    /// another owner's.
    ///
    /// # Errors
    /// It cannot be made here.
    async fn world(&self) -> Result<Arc<dyn World<Self::Resource>>, Error>;

    /// The owner number `n`; 0 and 1 are used. Both must be able to live in the same world at the same time.
    fn owner(&self, n: u8) -> Owner;

    /// A small graph, the same for every owner. See [`Variant`] for what must differ.
    ///
    /// # Errors
    /// The graph is none.
    fn desired(&self, variant: Variant) -> Result<Desired<Self::Resource>, Error>;

    /// The same graph for one of the owners, where names are shared by all who live in a world.
    ///
    /// # Errors
    /// The graph is none.
    fn desired_by(&self, _owner: &Owner, variant: Variant) -> Result<Desired<Self::Resource>, Error> {
        self.desired(variant)
    }

    /// Secrets that the world's actuator works with: their text must appear in no output.
    fn canaries(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Which graph of a [`Fixture`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// The first wish.
    First,
    /// The same keys, with at least one difference, all of which can be changed in place.
    Updated,
    /// The wish changed for good: something updated, something replaced, something gone, something new, as far as the world can.
    Changed,
}

/// One world: a cloud, a fake of one, a folder.
#[async_trait]
pub trait World<R: Resource>: fmt::Debug + Send + Sync {
    /// Fresh hands on it, which remember nothing.
    fn actuator(&self) -> Arc<dyn Actuator<R>>;

    /// The clock of this world: [`super::ManualClock`] for fakes, the system's own where things really take time.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Everything that is there, whoever it belongs to, seen without the actuator. What is leaving may be listed.
    ///
    /// # Errors
    /// It cannot be seen.
    async fn outside(&self) -> Result<Vec<Outside>, Error>;
}

/// Something that exists, as seen from outside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outside {
    /// The provider's id.
    pub id: String,
    /// The uid in its mark, if it bears one.
    pub owner: Option<Uuid>,
    /// All else that can be seen of it, as text; compared to find out whether a foreign thing was touched.
    pub state: String,
}
