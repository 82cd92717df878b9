//! The conformance suite: the cloud in memory passes it, and worlds that break a law do not.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail, and may show its table"
)]

use std::sync::Arc;

use async_trait::async_trait;
use paas_core::{
    actuator::{Actuator, Ids, Reach},
    clock::Clock,
    error::Error,
    graph::{Desired, Observed},
    ledger::Ledger,
    owner::Owner,
    resource::{Change, Key, Live},
    testing::{
        Fixture, Outside, Pace, Thing, Variant, World, conformance,
        shapes::{Shape, Shaped},
    },
};

#[tokio::test]
async fn the_cloud_in_memory_passes_in_every_shape_and_pace() {
    for shape in [Shape::Chain, Shape::FanOut, Shape::TwoNodes] {
        for pace in [Pace::default(), Pace::looks(2)] {
            let report = conformance::run(&Shaped::new(shape, pace)).await;
            assert!(report.is_good(), "{report}");
            assert_eq!(report.held.len(), 10);
        }
    }
}

/// How the hands lie.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lie {
    SeesEverybody,
    MissesSome,
    MissesSomeOfAll,
    ForgetsUpdates,
    TellsAnotherId,
    DeletesTwoAtOnce,
    ChattersSecrets,
    FailsOnGone,
}

#[derive(Debug, Clone)]
struct Liars(Shaped, Lie);

#[derive(Debug)]
struct LyingWorld(Arc<dyn World<Thing>>, Lie, Owner);

struct Hands(Arc<dyn Actuator<Thing>>, Lie, Owner);

impl std::fmt::Debug for Hands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let chatters = self.1 == Lie::ChattersSecrets;
        f.write_str(if chatters { "token hunter2" } else { "hands" })
    }
}

#[async_trait]
impl Fixture for Liars {
    type Resource = Thing;
    fn name(&self) -> &str {
        "liars"
    }
    async fn world(&self) -> Result<Arc<dyn World<Thing>>, Error> {
        Ok(Arc::new(LyingWorld(
            self.0.world().await?,
            self.1,
            self.0.owner(9),
        )))
    }
    fn owner(&self, n: u8) -> Owner {
        self.0.owner(n)
    }
    fn desired(&self, variant: Variant) -> Result<Desired<Thing>, Error> {
        self.0.desired(variant)
    }
    fn canaries(&self) -> Vec<String> {
        vec!["hunter2".to_owned()]
    }
}

#[async_trait]
impl World<Thing> for LyingWorld {
    fn actuator(&self) -> Arc<dyn Actuator<Thing>> {
        Arc::new(Hands(self.0.actuator(), self.1, self.2.clone()))
    }
    fn clock(&self) -> Arc<dyn Clock> {
        self.0.clock()
    }
    async fn outside(&self) -> Result<Vec<Outside>, Error> {
        self.0.outside().await
    }
}

#[async_trait]
impl Actuator<Thing> for Hands {
    async fn observe(&self, owner: &Owner, hints: &Ledger, reach: Reach) -> Result<Observed<Thing>, Error> {
        let mut seen = self.0.observe(owner, hints, reach).await?;
        if self.1 == Lie::SeesEverybody {
            seen.live
                .extend(self.0.observe(&self.2, hints, reach).await?.live);
        }
        if self.1 == Lie::MissesSome || (self.1 == Lie::MissesSomeOfAll && reach == Reach::All) {
            seen.live.retain(|k, _| !k.as_str().ends_with('3'));
        }
        Ok(seen)
    }
    async fn create(&self, owner: &Owner, key: &Key, want: &Thing, ids: &Ids) -> Result<Live<Thing>, Error> {
        let mut live = self.0.create(owner, key, want, ids).await?;
        if self.1 == Lie::TellsAnotherId && key.as_str().ends_with('7') {
            live.id.push('x');
        }
        Ok(live)
    }
    async fn update(
        &self,
        owner: &Owner,
        key: &Key,
        live: &Live<Thing>,
        want: &Thing,
        changes: &[Change],
        ids: &Ids,
    ) -> Result<(), Error> {
        if self.1 == Lie::ForgetsUpdates {
            return Ok(());
        }
        self.0.update(owner, key, live, want, changes, ids).await
    }
    async fn delete(&self, owner: &Owner, key: &Key, live: &Live<Thing>) -> Result<(), Error> {
        let before = self.0.observe(owner, &Ledger::default(), Reach::Own).await?;
        if self.1 == Lie::FailsOnGone && !before.live.values().any(|l| l.id == live.id) {
            let error = Error::new(
                &paas_core::codes::CORE_PROVIDER,
                paas_core::error::Class::NotFound,
            );
            return Err(error);
        }
        if self.1 == Lie::DeletesTwoAtOnce
            && let Some((other, two)) = before
                .live
                .iter()
                .find(|(k, _)| *k != key && k.as_str().starts_with("leaf"))
        {
            self.0.delete(owner, other, two).await?;
        }
        self.0.delete(owner, key, live).await
    }
}

#[tokio::test]
async fn every_lie_is_found_out() {
    for lie in [
        Lie::SeesEverybody,
        Lie::MissesSome,
        Lie::MissesSomeOfAll,
        Lie::ForgetsUpdates,
        Lie::TellsAnotherId,
        Lie::DeletesTwoAtOnce,
        Lie::ChattersSecrets,
        Lie::FailsOnGone,
    ] {
        let report = conformance::run(&Liars(Shaped::new(Shape::FanOut, Pace::default()), lie)).await;
        assert!(!report.is_good(), "{lie:?} passes:\n{report}");
    }
}
