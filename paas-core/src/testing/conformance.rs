//! The laws of an actuator, as a suite that every actuator passes: ours, and those of third parties.
//!
//! Write a [`Fixture`] for your world (a fake of your cloud, or a real one in which a test may work), then one test:
//!
//! ```
//! use paas_core::testing::{conformance, shapes::{Shape, Shaped}, Pace};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let report = conformance::run(&Shaped::new(Shape::TwoNodes, Pace::looks(1))).await;
//! assert!(report.is_good(), "{report}");
//! # });
//! ```
//!
//! What it checks, each in a world of its own:
//! - an empty world is observed as empty, and looking changes nothing;
//! - what a create made is found, under the id it told, by hands that remember nothing, and each key is one thing outside;
//! - a look that reaches all shows what bears the mark as the look at that alone does, and adds only what is derived;
//! - a fresh engine with an empty ledger has nothing to do in a converged world;
//! - an update in place reaches what is wanted with updates alone, and a changed wish is reached;
//! - deleting something deletes nothing else, and deleting what is gone is `Ok`;
//! - a second owner and what bears no mark are not seen, not changed and not deleted, whatever happens to the first;
//! - `down` leaves nothing that bears the mark;
//! - no canary is in any output.
//!
//! What it cannot see (one mutating call each, no blind repetition of a create) is what [`super::matrix`] is for.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;

use super::{Counting, Fixed, Fixture, Outside, Variant, World, locked, matrix::exactly, tools};
use crate::{
    actuator::{Actuator, Ids, Reach},
    error::Error,
    graph::{Desired, Observed},
    ledger::{Ledger, MemoryLedger},
    owner::Owner,
    pipeline::{Context, Outcome, Wanted},
    plan::plan,
    policy::{Consent, Policy, Retention},
    resource::{Change, Health, Key, Live, Origin, Resource},
    view::StageView,
};

/// What the suite found.
#[derive(Debug, Default)]
pub struct Report {
    /// Laws that hold.
    pub held: Vec<&'static str>,
    /// Laws that are broken, and how.
    pub broken: Vec<(&'static str, String)>,
}

impl Report {
    /// True if all laws hold.
    pub fn is_good(&self) -> bool {
        self.broken.is_empty() && !self.held.is_empty()
    }

    fn note(&mut self, law: &'static str, end: Result<(), String>) {
        match end {
            Ok(()) => self.held.push(law),
            Err(why) => self.broken.push((law, why)),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for law in &self.held {
            writeln!(f, "holds   {law}")?;
        }
        for (law, why) in &self.broken {
            writeln!(f, "BROKEN  {law}: {why}")?;
        }
        Ok(())
    }
}

/// Checks every law.
pub async fn run<F: Fixture>(fixture: &F) -> Report {
    let mut report = Report::default();
    report.note("looking at an empty world changes nothing", empty(fixture).await);
    report.note(
        "what was made is found again by hands that remember nothing",
        found(fixture).await,
    );
    report.note(
        "looking for all takes nothing from what bears the mark",
        reached(fixture).await,
    );
    report.note("a converged world is left alone", alone(fixture).await);
    report.note("updates in place reach what is wanted", updated(fixture).await);
    report.note("a changed wish is reached", changed(fixture).await);
    report.note(
        "deleting what is gone is fine, and deletes nothing else",
        gone(fixture).await,
    );
    report.note("owners do not touch each other", owners(fixture).await);
    report.note(
        "down leaves nothing of ours and everything else",
        down(fixture).await,
    );
    report.note("no secret is in any output", secrets(fixture).await);
    report
}

/// One world, and what was foreign in it from the start.
struct Setting<R: Resource> {
    world: Arc<dyn World<R>>,
    foreign: Vec<Outside>,
}

fn words(e: Error) -> String {
    e.to_string()
}

impl<R: Resource> Setting<R> {
    async fn new<F: Fixture<Resource = R>>(fixture: &F) -> Result<Self, String> {
        let world = fixture.world().await.map_err(words)?;
        let mut foreign = world.outside().await.map_err(words)?;
        foreign.sort();
        Ok(Self { world, foreign })
    }

    /// Everything but what these owners have is as it was.
    async fn untouched(&self, owners: &[&Owner]) -> Result<(), String> {
        let mut now = self.world.outside().await.map_err(words)?;
        now.retain(|o| !owners.iter().any(|owner| o.owner == Some(owner.uid())));
        now.sort();
        if now == self.foreign {
            return Ok(());
        }
        Err(format!("foreign things were {:?} and are {now:?}", self.foreign))
    }

    async fn to(
        &self,
        owner: &Owner,
        desired: Option<Desired<R>>,
        hands: Arc<dyn Actuator<R>>,
    ) -> Result<(), String> {
        let wanted = if desired.is_some() {
            Wanted::Spec
        } else {
            Wanted::Nothing
        };
        let pipeline = Fixed::pipeline(hands, desired.unwrap_or_else(Desired::nothing));
        let policy = Policy {
            retention: Retention::Delete,
            ..Policy::default()
        };
        let tools = tools(Arc::new(MemoryLedger::default()), self.world.clock());
        let mut cx = Context::new(owner.clone(), policy, tools);
        cx.consent = Consent::none().and(owner.name(), owner);
        match pipeline
            .run(&mut cx, wanted, Some(Duration::from_secs(300)))
            .await
        {
            Ok(Outcome::Converged) => Ok(()),
            end => Err(format!("it ends with {end:?}")),
        }
    }

    async fn seen(&self, owner: &Owner) -> Result<Observed<R>, String> {
        self.reaching(owner, Reach::Own).await
    }

    async fn reaching(&self, owner: &Owner, reach: Reach) -> Result<Observed<R>, String> {
        let (hands, hints) = (self.world.actuator(), Ledger::default());
        hands.observe(owner, &hints, reach).await.map_err(words)
    }
}

async fn empty<F: Fixture>(fixture: &F) -> Result<(), String> {
    let setting = Setting::new(fixture).await?;
    for reach in [Reach::Own, Reach::All, Reach::Own, Reach::All] {
        let seen = setting.reaching(&fixture.owner(0), reach).await?;
        if seen != Observed::default() {
            return Err(format!("an empty world shows {seen:?}"));
        }
    }
    setting.untouched(&[]).await
}

async fn found<F: Fixture>(fixture: &F) -> Result<(), String> {
    let (setting, owner) = (Setting::new(fixture).await?, fixture.owner(0));
    let desired = fixture.desired(Variant::First).map_err(words)?;
    let hands = Arc::new(Recording {
        inner: setting.world.actuator(),
        made: Mutex::default(),
    });
    setting.to(&owner, Some(desired.clone()), hands.clone()).await?;
    exactly(&*setting.world, &owner, &desired).await?;
    let seen = setting.seen(&owner).await?;
    for (key, id) in locked(&hands.made).iter() {
        let live = seen.live.get(key).map(|l| l.id.as_str());
        if live != Some(id.as_str()) {
            return Err(format!("{key} was created as {id} and is listed as {live:?}"));
        }
    }
    setting.untouched(&[&owner]).await
}

async fn reached<F: Fixture>(fixture: &F) -> Result<(), String> {
    let (setting, owner) = (Setting::new(fixture).await?, fixture.owner(0));
    let desired = fixture.desired(Variant::First).map_err(words)?;
    setting
        .to(&owner, Some(desired), setting.world.actuator())
        .await?;
    let own = setting.reaching(&owner, Reach::Own).await?.live;
    let all = setting.reaching(&owner, Reach::All).await?.live;
    let is_derived = |live: &Live<F::Resource>| live.origin == Origin::Derived;
    if let Some((key, _)) = own.iter().find(|(_, live)| is_derived(live)) {
        return Err(format!("{key} bears no mark and is shown"));
    }
    for (key, live) in &own {
        let there = all.get(key).map(|l| (&l.id, &l.resource));
        if there != Some((&live.id, &live.resource)) {
            return Err(format!("{key} is {live:?} and with all that there is {there:?}"));
        }
    }
    let more = |(key, live): &(&Key, &Live<_>)| !own.contains_key(*key) && !is_derived(live);
    if let Some((key, _)) = all.iter().find(more) {
        return Err(format!("{key} is shown only with all that there is"));
    }
    setting.untouched(&[&owner]).await
}

async fn alone<F: Fixture>(fixture: &F) -> Result<(), String> {
    let (setting, owner) = (Setting::new(fixture).await?, fixture.owner(0));
    let desired = fixture.desired(Variant::First).map_err(words)?;
    setting
        .to(&owner, Some(desired.clone()), setting.world.actuator())
        .await?;
    let hands = Arc::new(Counting::new(setting.world.actuator()));
    setting.to(&owner, Some(desired), hands.clone()).await?;
    let counts = hands.take();
    if counts.mutating() > 0 || counts.observes != 1 {
        return Err(format!("a fresh engine calls {counts:?}"));
    }
    Ok(())
}

async fn updated<F: Fixture>(fixture: &F) -> Result<(), String> {
    let (setting, owner) = (Setting::new(fixture).await?, fixture.owner(0));
    let [first, second] = [Variant::First, Variant::Updated].map(|v| fixture.desired(v));
    setting
        .to(&owner, Some(first.map_err(words)?), setting.world.actuator())
        .await?;
    let second = second.map_err(words)?;
    let hands = Arc::new(Counting::new(setting.world.actuator()));
    setting.to(&owner, Some(second.clone()), hands.clone()).await?;
    let counts = hands.take();
    if counts.updates == 0 || counts.creates + counts.deletes > 0 {
        return Err(format!("an update in place calls {counts:?}"));
    }
    exactly(&*setting.world, &owner, &second).await?;
    setting.untouched(&[&owner]).await
}

async fn changed<F: Fixture>(fixture: &F) -> Result<(), String> {
    let (setting, owner) = (Setting::new(fixture).await?, fixture.owner(0));
    for variant in [Variant::First, Variant::Changed, Variant::First] {
        let desired = fixture.desired(variant).map_err(words)?;
        setting
            .to(&owner, Some(desired.clone()), setting.world.actuator())
            .await?;
        exactly(&*setting.world, &owner, &desired).await?;
    }
    setting.untouched(&[&owner]).await
}

async fn gone<F: Fixture>(fixture: &F) -> Result<(), String> {
    let (setting, owner) = (Setting::new(fixture).await?, fixture.owner(0));
    let desired = fixture.desired(Variant::First).map_err(words)?;
    setting
        .to(&owner, Some(desired), setting.world.actuator())
        .await?;
    let before = setting.seen(&owner).await?;
    let needed = before.dependants();
    let last = before.live.iter().find(|(k, _)| !needed.contains_key(*k));
    let Some((key, live)) = last else {
        return Err("there is nothing that nothing needs".to_owned());
    };
    let hands = setting.world.actuator();
    hands.delete(&owner, key, live).await.map_err(words)?;
    let mut after = setting.seen(&owner).await?;
    for _ in 0..3000 {
        match after.live.get(key).map(|l| &l.health) {
            None => break,
            Some(Health::Leaving) => {}
            Some(health) => return Err(format!("{key} was deleted and is {health:?}")),
        }
        setting.world.clock().sleep(Duration::from_millis(100)).await;
        after = setting.seen(&owner).await?;
    }
    let again = setting.world.actuator().delete(&owner, key, live).await;
    again.map_err(|e| format!("deleting {key} again: {e}"))?;
    let (mut left, mut want) = (after.live, before.live.clone());
    want.remove(key);
    left.retain(|_, l| l.health != Health::Leaving);
    if left.keys().ne(want.keys()) {
        return Err(format!("after deleting {key} there are {:?}", left.keys()));
    }
    setting.untouched(&[&owner]).await
}

async fn owners<F: Fixture>(fixture: &F) -> Result<(), String> {
    let (setting, one, two) = (Setting::new(fixture).await?, fixture.owner(0), fixture.owner(1));
    let desired = fixture.desired(Variant::First).map_err(words)?;
    setting
        .to(&one, Some(desired.clone()), setting.world.actuator())
        .await?;
    setting
        .to(&two, Some(desired.clone()), setting.world.actuator())
        .await?;
    exactly(&*setting.world, &one, &desired).await?;
    exactly(&*setting.world, &two, &desired).await?;
    setting.to(&one, None, setting.world.actuator()).await?;
    exactly(&*setting.world, &one, &Desired::nothing()).await?;
    exactly(&*setting.world, &two, &desired).await?;
    setting.untouched(&[&one, &two]).await
}

async fn down<F: Fixture>(fixture: &F) -> Result<(), String> {
    let (setting, owner) = (Setting::new(fixture).await?, fixture.owner(0));
    let desired = fixture.desired(Variant::First).map_err(words)?;
    setting
        .to(&owner, Some(desired), setting.world.actuator())
        .await?;
    // Once with what is there, once with nothing.
    for _ in 0..2 {
        setting.to(&owner, None, setting.world.actuator()).await?;
        exactly(&*setting.world, &owner, &Desired::nothing()).await?;
    }
    setting.untouched(&[]).await
}

async fn secrets<F: Fixture>(fixture: &F) -> Result<(), String> {
    let (setting, owner) = (Setting::new(fixture).await?, fixture.owner(0));
    let desired = fixture.desired(Variant::First).map_err(words)?;
    let hands = setting.world.actuator();
    let before = plan(&desired, &Observed::default(), &Policy::default());
    setting.to(&owner, Some(desired.clone()), hands.clone()).await?;
    let seen = setting.seen(&owner).await?;
    let after = plan(&Desired::nothing(), &seen, &Policy::default());
    let mut outputs = format!("{hands:?} {desired:?} {seen:?} {before:?} {after:?}");
    for view in [StageView::of("stage", &before), StageView::of("stage", &after)] {
        outputs += &serde_json::to_string(&view).map_err(|e| e.to_string())?;
    }
    let told = fixture
        .canaries()
        .iter()
        .position(|c| outputs.contains(c.as_str()));
    told.map_or(Ok(()), |n| Err(format!("canary {n} is in an output")))
}

/// Keeps what creates answered.
#[derive(Debug)]
struct Recording<R: Resource> {
    inner: Arc<dyn Actuator<R>>,
    made: Mutex<BTreeMap<Key, String>>,
}

#[async_trait]
impl<R: Resource> Actuator<R> for Recording<R> {
    async fn observe(&self, owner: &Owner, hints: &Ledger, reach: Reach) -> Result<Observed<R>, Error> {
        self.inner.observe(owner, hints, reach).await
    }

    async fn create(&self, owner: &Owner, key: &Key, want: &R, ids: &Ids) -> Result<Live<R>, Error> {
        let live = self.inner.create(owner, key, want, ids).await?;
        locked(&self.made).insert(key.clone(), live.id.clone());
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
        self.inner.update(owner, key, live, want, changes, ids).await
    }

    async fn delete(&self, owner: &Owner, key: &Key, live: &Live<R>) -> Result<(), Error> {
        locked(&self.made).remove(key);
        self.inner.delete(owner, key, live).await
    }
}
