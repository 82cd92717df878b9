//! What a pass need not ask: a look that is fresh serves again, a root is looked at alone, what settles is glanced at, and what goes at
//! once needs no look to be gone.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use paas_core::{
    actuator::{Actuator, Ids, Reach},
    clock::Clock,
    driver::{Driver, Outputs},
    error::Error,
    graph::{Desired, Observed},
    ledger::{Ledger, MemoryLedger},
    owner::{Identity, Owner},
    pipeline::{Context, DriverStage, Outcome, Pipeline, Wanted},
    policy::Policy,
    resource::{Change, Health, Key, Live, Origin},
    testing::{ManualClock, Memory, Pace, Thing, tools},
};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// A cloud that counts how it is looked at.
#[derive(Debug)]
struct Seen {
    cloud: Memory,
    looks: AtomicUsize,
    rechecks: AtomicUsize,
    glances: AtomicUsize,
    /// Whether deletions are accepted, and nothing comes of it.
    deaf: AtomicBool,
}

impl Seen {
    fn counts(&self) -> [usize; 3] {
        [&self.looks, &self.rechecks, &self.glances].map(|n| n.load(Ordering::SeqCst))
    }
}

#[async_trait]
impl Actuator<Thing> for Seen {
    async fn observe(&self, owner: &Owner, hints: &Ledger, reach: Reach) -> Result<Observed<Thing>, Error> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.cloud.observe(owner, hints, reach).await
    }

    async fn recheck(
        &self,
        owner: &Owner,
        hints: &Ledger,
        seen: &Observed<Thing>,
        root: &Key,
    ) -> Result<Observed<Thing>, Error> {
        assert!(!seen.live.contains_key(root));
        self.rechecks.fetch_add(1, Ordering::SeqCst);
        self.cloud.observe(owner, hints, Reach::Own).await
    }

    async fn glance(
        &self,
        owner: &Owner,
        waited: &BTreeMap<Key, Live<Thing>>,
    ) -> Result<Option<BTreeMap<Key, Health>>, Error> {
        self.glances.fetch_add(1, Ordering::SeqCst);
        let all = self
            .cloud
            .observe(owner, &Ledger::default(), Reach::Own)
            .await?
            .live;
        let waited = all.into_iter().filter(|(key, _)| waited.contains_key(key));
        Ok(Some(waited.map(|(key, live)| (key, live.health)).collect()))
    }

    async fn create(&self, owner: &Owner, key: &Key, want: &Thing, ids: &Ids) -> Result<Live<Thing>, Error> {
        self.cloud.create(owner, key, want, ids).await
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
        self.cloud.update(owner, key, live, want, changes, ids).await
    }

    async fn delete(&self, owner: &Owner, key: &Key, live: &Live<Thing>) -> Result<(), Error> {
        match self.deaf.load(Ordering::SeqCst) {
            true => Ok(()),
            false => self.cloud.delete(owner, key, live).await,
        }
    }
}

#[derive(Debug)]
struct Cloud(Arc<Seen>);

#[async_trait]
impl Driver for Cloud {
    type Spec = Desired<Thing>;
    type Resource = Thing;

    fn stage(&self) -> &'static str {
        "cloud"
    }

    fn desired(&self, spec: &Desired<Thing>, _from: &Outputs) -> Result<Desired<Thing>, Error> {
        Ok(spec.clone())
    }

    fn gives(&self, _spec: &Desired<Thing>, _seen: &Observed<Thing>) -> Outputs {
        Outputs::default()
    }

    fn fresh(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn actuator(&self, _from: &Outputs) -> Result<Option<Arc<dyn Actuator<Thing>>>, Error> {
        Ok(Some(self.0.clone()))
    }
}

struct Place {
    seen: Arc<Seen>,
    clock: Arc<ManualClock>,
    pipeline: Pipeline,
    cx: Context,
}

impl Place {
    fn new(desired: Desired<Thing>, settle: Duration) -> Self {
        let clock = Arc::new(ManualClock::default());
        let seen = Arc::new(Seen {
            cloud: Memory::new(clock.clone()).settling(Pace::time(settle)),
            looks: AtomicUsize::new(0),
            rechecks: AtomicUsize::new(0),
            glances: AtomicUsize::new(0),
            deaf: AtomicBool::new(false),
        });
        let owner = Owner::new(&Identity::of(&["memory"]), "Platform", "default", "demo");
        let tools = tools(Arc::new(MemoryLedger::default()), clock.clone());
        Self {
            pipeline: Pipeline::new(vec![Box::new(DriverStage::new(Cloud(seen.clone()), desired))]),
            cx: Context::new(owner, Policy::default(), tools),
            seen,
            clock,
        }
    }

    async fn run(&mut self, wanted: Wanted) {
        let limit = Some(Duration::from_secs(3600));
        let outcome = self.pipeline.run(&mut self.cx, wanted, limit).await;
        assert_eq!(outcome.unwrap(), Outcome::Converged);
    }
}

fn machines(count: usize) -> Desired<Thing> {
    (0..count)
        .fold(Desired::builder(), |all, n| {
            all.want(key(&format!("server/{n}")), Thing::new("server"))
        })
        .build()
        .unwrap()
}

#[tokio::test]
async fn what_settles_is_glanced_at_and_looked_at_when_all_of_it_is_ready() {
    let mut place = Place::new(machines(3), Duration::from_secs(30));
    place.run(Wanted::Spec).await;
    let [looks, _, glances] = place.seen.counts();
    assert_eq!(looks, 2, "one before, one after");
    assert!(glances > 5, "{glances}");
    let waited = place.clock.elapsed();
    assert!(waited < Duration::from_secs(36), "{waited:?}");
}

#[tokio::test]
async fn what_was_deleted_is_glanced_at_and_looked_at_when_all_of_it_is_gone() {
    let mut place = Place::new(machines(3), Duration::ZERO);
    place.run(Wanted::Spec).await;
    let _ = place
        .seen
        .cloud
        .clone()
        .leaving(Pace::time(Duration::from_secs(30)));
    let (before, at) = (place.seen.counts()[0], place.clock.elapsed());
    let Outcome::Progressing { waiting, .. } = place.pipeline.retire(&mut place.cx).await.unwrap() else {
        panic!("three machines are gone in no time")
    };
    let told: Vec<&str> = waiting.iter().map(|w| w.key.as_str()).collect();
    assert_eq!(told, ["server/0", "server/1", "server/2"]);
    assert!(
        waiting.iter().all(|w| w.why.ends_with("is leaving")),
        "{waiting:?}"
    );
    place.clock.advance(Duration::from_secs(1));
    place.run(Wanted::Nothing).await;
    let [looks, _, glances] = place.seen.counts();
    assert_eq!(
        looks - before,
        3,
        "one to delete, one when the run was begun anew, one after"
    );
    assert!(glances > 5, "{glances}");
    let waited = place.clock.elapsed().saturating_sub(at);
    assert!(waited < Duration::from_secs(37), "{waited:?}");
}

#[tokio::test]
async fn what_can_go_meanwhile_is_not_kept_waiting_for_what_leaves() {
    let desired = Desired::builder()
        .want(key("server"), Thing::new("server"))
        .want(key("volume"), Thing::new("volume"))
        .want(key("claim"), Thing::new("claim").at_once().on(&key("volume")))
        .build()
        .unwrap();
    let mut place = Place::new(desired, Duration::ZERO);
    place.run(Wanted::Spec).await;
    let _ = place
        .seen
        .cloud
        .clone()
        .leaving(Pace::time(Duration::from_secs(30)));
    let outcome = place.pipeline.retire(&mut place.cx).await.unwrap();
    assert!(
        matches!(outcome, Outcome::Progressing { again_in, .. } if again_in.is_zero()),
        "{outcome:?}"
    );
    assert_eq!(place.seen.counts()[2], 0);
}

#[tokio::test]
async fn a_deletion_that_nothing_comes_of_is_looked_at_at_once() {
    let mut place = Place::new(machines(1), Duration::ZERO);
    place.run(Wanted::Spec).await;
    place.seen.deaf.store(true, Ordering::SeqCst);
    let outcome = place.pipeline.retire(&mut place.cx).await.unwrap();
    assert!(
        matches!(outcome, Outcome::Progressing { again_in, .. } if again_in.is_zero()),
        "{outcome:?}"
    );
    place.seen.deaf.store(false, Ordering::SeqCst);
    place.run(Wanted::Nothing).await;
    assert!(place.seen.cloud.everything().is_empty());
}

#[tokio::test]
async fn what_breaks_is_looked_at_at_once() {
    let mut place = Place::new(machines(2), Duration::from_secs(30));
    place.seen.cloud.break_next(&key("server/1"), 1);
    place.run(Wanted::Spec).await;
    let [looks, _, _] = place.seen.counts();
    assert!(looks > 2, "{looks}");
}

#[tokio::test]
async fn what_waits_for_the_first_is_made_before_the_last_is_ready() {
    let desired = Desired::builder()
        .want(key("volume"), Thing::new("volume"))
        .want(key("server"), Thing::new("server").on(&key("volume")))
        .build()
        .unwrap();
    let mut place = Place::new(desired, Duration::from_secs(10));
    place.run(Wanted::Spec).await;
    assert_eq!(place.seen.counts()[0], 3);
}

#[tokio::test]
async fn a_pass_acts_on_the_look_of_its_plan_while_that_is_fresh() {
    let mut place = Place::new(machines(1), Duration::ZERO);
    place.pipeline.plan(&mut place.cx, Wanted::Spec).await.unwrap();
    place.pipeline.advance(&mut place.cx).await.unwrap();
    assert_eq!(place.seen.counts()[0], 1);
    place.pipeline.advance(&mut place.cx).await.unwrap();
    assert_eq!(place.seen.counts()[0], 2, "a look serves once");
    place.pipeline.plan(&mut place.cx, Wanted::Spec).await.unwrap();
    place.clock.advance(Duration::from_secs(5));
    place.pipeline.advance(&mut place.cx).await.unwrap();
    assert_eq!(place.seen.counts()[0], 4, "an old one does not serve");
    place.pipeline.plan(&mut place.cx, Wanted::Spec).await.unwrap();
    place.pipeline.retire(&mut place.cx).await.unwrap();
    assert_eq!(place.seen.counts()[0], 6, "nor one for another purpose");
}

#[tokio::test]
async fn a_plan_of_a_plan_s_look_does_not_make_that_younger() {
    let mut place = Place::new(machines(1), Duration::ZERO);
    for _ in 0..2 {
        place.pipeline.plan(&mut place.cx, Wanted::Spec).await.unwrap();
        place.clock.advance(Duration::from_secs(3));
    }
    assert_eq!(place.seen.counts()[0], 1);
    place.pipeline.advance(&mut place.cx).await.unwrap();
    assert_eq!(place.seen.counts()[0], 2);
}

#[tokio::test]
async fn the_listing_after_a_plan_to_take_all_down_is_of_the_same_look() {
    let mut place = Place::new(machines(1), Duration::ZERO);
    place.run(Wanted::Spec).await;
    let owner = place.cx.owner.clone();
    let balancer = Thing::new("loadBalancer");
    place
        .seen
        .cloud
        .plant(&owner, &key("derived/lb"), balancer, Origin::Derived);
    let before = place.seen.counts()[0];
    place.pipeline.plan(&mut place.cx, Wanted::Nothing).await.unwrap();
    let all = place.pipeline.inventory(&mut place.cx).await.unwrap();
    assert_eq!(place.seen.counts()[0] - before, 1);
    let found: Vec<&str> = all[0].found.iter().map(|f| f.key.as_str()).collect();
    assert_eq!(found, ["derived/lb", "server/0"]);
}

#[tokio::test]
async fn a_listing_by_itself_looks_afresh() {
    let mut place = Place::new(machines(1), Duration::ZERO);
    let second = Duration::from_secs(1);
    place.pipeline.inventory(&mut place.cx).await.unwrap();
    place.pipeline.inventory(&mut place.cx).await.unwrap();
    assert_eq!(place.seen.counts()[0], 2, "it keeps nothing");
    for (wanted, age) in [(Wanted::Spec, second), (Wanted::Nothing, 5 * second)] {
        let before = place.seen.counts()[0];
        place.pipeline.plan(&mut place.cx, wanted).await.unwrap();
        place.clock.advance(age);
        place.pipeline.inventory(&mut place.cx).await.unwrap();
        assert_eq!(place.seen.counts()[0] - before, 2, "{wanted:?}, {age:?} ago");
    }
}

#[tokio::test]
async fn after_the_root_only_the_root_is_looked_at_again() {
    let desired = Desired::builder()
        .want(key("network"), Thing::new("network"))
        .want(key("subnet"), Thing::new("subnet").on(&key("network")))
        .root(key("network"))
        .build()
        .unwrap();
    let mut place = Place::new(desired, Duration::ZERO);
    place.run(Wanted::Spec).await;
    assert_eq!(place.seen.counts(), [2, 1, 0]);
}

#[tokio::test]
async fn what_goes_at_once_takes_what_it_needed_along_in_the_same_pass() {
    for (at_once, passes) in [(true, 1), (false, 3)] {
        let thing = |kind| match at_once {
            true => Thing::new(kind).at_once(),
            false => Thing::new(kind),
        };
        let desired = Desired::builder()
            .want(key("network"), thing("network"))
            .want(key("subnet"), thing("subnet").on(&key("network")))
            .want(key("port"), thing("port").on(&key("subnet")))
            .build()
            .unwrap();
        let mut place = Place::new(desired, Duration::ZERO);
        place.run(Wanted::Spec).await;
        let before = place.seen.counts()[0];
        place.run(Wanted::Nothing).await;
        assert!(place.seen.cloud.everything().is_empty());
        assert_eq!(place.seen.counts()[0] - before, passes + 1);
    }
}
