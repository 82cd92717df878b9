//! What the matrix is run on.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{
    actuator::Reach,
    clock::Clock,
    error::Error,
    graph::Desired,
    ledger::Ledger,
    owner::Owner,
    pipeline::Pipeline,
    plan::plan,
    policy::Policy,
    resource::Resource,
    testing::{Faulty, Fixed, Fixture, Fuse, Outside, Variant, World},
};

/// Makes fresh worlds with a fuse in them.
#[async_trait]
pub trait Scene: fmt::Debug + Send + Sync {
    /// A name for the table.
    fn name(&self) -> &str;

    /// A fresh world, all of whose calls go through the fuse.
    ///
    /// # Errors
    /// It cannot be made here.
    async fn fresh(&self, fuse: &Arc<Fuse>) -> Result<Box<dyn Stand>, Error>;
}

/// One world of a [`Scene`].
#[async_trait]
pub trait Stand: fmt::Debug + Send + Sync {
    /// Whose run it is.
    fn owner(&self) -> Owner;

    /// The clock of this world.
    fn clock(&self) -> Arc<dyn Clock>;

    /// A fresh engine.
    ///
    /// # Errors
    /// The variant cannot be wanted.
    fn pipeline(&self, variant: Variant) -> Result<Pipeline, Error>;

    /// How many observes an idle pass towards the variant, or towards nothing, makes.
    fn looks(&self, _variant: Option<Variant>) -> usize {
        1
    }

    /// Everything outside, seen past the fuse.
    ///
    /// # Errors
    /// It cannot be seen.
    async fn outside(&self) -> Result<Vec<Outside>, Error>;

    /// Whether the world is exactly what the variant wants, seen past the fuse; with no variant, whether nothing of ours is left.
    ///
    /// # Errors
    /// What is wrong, in words.
    async fn judge(&self, variant: Option<Variant>) -> Result<(), String>;
}

/// The scene of one stage over the worlds of a [`Fixture`].
#[derive(Debug)]
pub struct OneStage<F>(F);

impl<F: Fixture> OneStage<F> {
    /// A stage that wants what the fixture wants.
    pub fn new(fixture: F) -> Self {
        Self(fixture)
    }
}

#[async_trait]
impl<F: Fixture + Clone + 'static> Scene for OneStage<F> {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn fresh(&self, fuse: &Arc<Fuse>) -> Result<Box<dyn Stand>, Error> {
        let world = self.0.world().await?;
        let faulty = Arc::new(Faulty::new(world.actuator(), fuse.clone()));
        Ok(Box::new(OneWorld {
            fixture: self.0.clone(),
            world,
            faulty,
        }))
    }
}

#[derive(Debug)]
struct OneWorld<F: Fixture> {
    fixture: F,
    world: Arc<dyn World<F::Resource>>,
    faulty: Arc<Faulty<F::Resource>>,
}

#[async_trait]
impl<F: Fixture + Clone + 'static> Stand for OneWorld<F> {
    fn owner(&self) -> Owner {
        self.fixture.owner(0)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.world.clock()
    }

    fn pipeline(&self, variant: Variant) -> Result<Pipeline, Error> {
        Ok(Fixed::pipeline(
            self.faulty.clone(),
            self.fixture.desired(variant)?,
        ))
    }

    async fn outside(&self) -> Result<Vec<Outside>, Error> {
        self.world.outside().await
    }

    async fn judge(&self, variant: Option<Variant>) -> Result<(), String> {
        let wanted = match variant {
            Some(variant) => self.fixture.desired(variant).map_err(|e| e.to_string())?,
            None => Desired::nothing(),
        };
        exactly(&*self.world, &self.owner(), &wanted).await
    }
}

/// Whether a world has exactly what is wanted for an owner: each key once, as wanted, nothing else that bears the mark.
///
/// # Errors
/// What is wrong, in words.
pub(crate) async fn exactly<R: Resource>(
    world: &dyn World<R>,
    owner: &Owner,
    wanted: &Desired<R>,
) -> Result<(), String> {
    let words = |e: Error| e.to_string();
    let seen = world
        .actuator()
        .observe(owner, &Ledger::default(), Reach::Own)
        .await
        .map_err(words)?;
    if !seen.duplicates.is_empty() || !seen.unreadable.is_empty() {
        return Err(format!(
            "duplicates {:?}, unreadable {:?}",
            seen.duplicates, seen.unreadable
        ));
    }
    let left = plan(wanted, &seen, &Policy::default());
    if !left.is_empty() || !left.kept.is_empty() {
        return Err(format!("not as wanted: {left:?}"));
    }
    let (have, want): (Vec<_>, Vec<_>) = (seen.live.keys().collect(), wanted.wanted().keys().collect());
    if have != want {
        return Err(format!("there are {have:?}, wanted are {want:?}"));
    }
    let marked = world.outside().await.map_err(words)?;
    let marked: Vec<_> = marked.iter().filter(|o| o.owner == Some(owner.uid())).collect();
    if marked.len() != seen.live.len() {
        return Err(format!("{} things bear the mark: {marked:?}", marked.len()));
    }
    Ok(())
}
