//! A stateful cloud in memory, as unhelpful as real ones.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::{ManualClock, Outside, Thing, World, locked};
use crate::{
    actuator::{Actuator, Ids, Reach},
    clock::Clock,
    codes,
    error::{Class, Error},
    graph::Observed,
    ledger::{Ledger, later},
    owner::Owner,
    resource::{Change, Health, Key, Live, Need, Origin},
};

/// A cloud shared by handle: clones see the same things.
///
/// What it has in common with real clouds: ids are its own, names are not unique (two creates make two things, unless the kind is
/// natural), things settle and leave with time, what something is built on cannot be deleted, what a create refers to must be
/// ready, deleting what is gone is fine, and there are things in it that are nobody's business here.
#[derive(Clone)]
pub struct Memory {
    inner: Arc<Mutex<Inner>>,
    clock: Arc<dyn Clock>,
}

/// How long something takes: so many looks *and* so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace {
    /// Observes that still see it on its way.
    pub looks: u64,
    /// Time.
    pub time: Duration,
}

impl Pace {
    /// So many observes still see it on its way.
    pub fn looks(looks: u64) -> Self {
        Self {
            looks,
            time: Duration::ZERO,
        }
    }

    /// It takes so much time.
    pub fn time(time: Duration) -> Self {
        Self { looks: 0, time }
    }
}

#[derive(Debug, Default)]
struct Inner {
    things: BTreeMap<u64, Item>,
    next: u64,
    looks: u64,
    settle: Pace,
    leave: Pace,
    breaking: BTreeMap<Key, u32>,
}

#[derive(Debug, Clone)]
struct Item {
    id: String,
    mark: Option<Uuid>,
    key: Option<Key>,
    thing: Thing,
    origin: Origin,
    phase: Phase,
    on: Vec<String>,
    was_ready: bool,
}

#[derive(Debug, Clone)]
enum Phase {
    Settling(u64, Timestamp),
    Ready,
    Leaving(u64, Timestamp),
    Broken(String),
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(Arc::new(ManualClock::default()))
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("things", &locked(&self.inner).things.len())
            .finish_non_exhaustive()
    }
}

impl Memory {
    /// An empty cloud in which everything is done at once.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Arc::default(),
            clock,
        }
    }

    /// What is made from now on settles at this pace.
    #[must_use]
    pub fn settling(self, pace: Pace) -> Self {
        locked(&self.inner).settle = pace;
        self
    }

    /// What is deleted from now on leaves at this pace.
    #[must_use]
    pub fn leaving(self, pace: Pace) -> Self {
        locked(&self.inner).leave = pace;
        self
    }

    /// The next `times` creates under this key break instead of becoming ready.
    pub fn break_next(&self, key: &Key, times: u32) {
        locked(&self.inner).breaking.insert(key.clone(), times);
    }

    /// Puts something there without a call of ours: a duplicate, something derived, something of another owner. Returns its id.
    pub fn plant(&self, owner: &Owner, key: &Key, thing: Thing, origin: Origin) -> String {
        self.put(Some(owner.uid()), Some(key.clone()), thing, origin)
    }

    /// Puts something there that bears no mark. Returns its id.
    pub fn foreign(&self, name: &str, thing: Thing) -> String {
        self.put(None, Key::new(name).ok(), thing, Origin::External)
    }

    fn put(&self, mark: Option<Uuid>, key: Option<Key>, thing: Thing, origin: Origin) -> String {
        let mut inner = locked(&self.inner);
        let on = inner.built_on(mark, &thing);
        inner.add(Item {
            id: String::new(),
            mark,
            key,
            thing,
            origin,
            phase: Phase::Ready,
            on,
            was_ready: true,
        })
    }

    /// Changes what is there behind everybody's back; false if it is not there.
    pub fn meddle(&self, id: &str, f: impl FnOnce(&mut Thing)) -> bool {
        locked(&self.inner).find(id).map(|i| f(&mut i.thing)).is_some()
    }

    /// Takes the readable name off something; its mark stays.
    pub fn rename(&self, id: &str) {
        if let Some(item) = locked(&self.inner).find(id) {
            item.key = None;
        }
    }

    /// Breaks something that is there.
    pub fn break_now(&self, id: &str, why: &str) {
        if let Some(item) = locked(&self.inner).find(id) {
            item.phase = Phase::Broken(why.to_owned());
        }
    }

    /// Takes something away behind everybody's back.
    pub fn vanish(&self, id: &str) {
        locked(&self.inner).things.retain(|_, i| i.id != id);
    }

    /// The ids that answer to a key of an owner.
    pub fn ids(&self, owner: &Owner, key: &Key) -> Vec<String> {
        let inner = locked(&self.inner);
        let mine = |i: &&Item| i.mark == Some(owner.uid()) && i.key.as_ref() == Some(key);
        inner.things.values().filter(mine).map(|i| i.id.clone()).collect()
    }

    /// Everything there is.
    pub fn everything(&self) -> Vec<Outside> {
        let inner = locked(&self.inner);
        let outside = |i: &Item| Outside {
            id: i.id.clone(),
            owner: i.mark,
            state: format!("{:?} {:?} {:?}", i.key, i.thing, i.origin),
        };
        inner.things.values().map(outside).collect()
    }
}

impl Inner {
    fn add(&mut self, mut item: Item) -> String {
        self.next += 1;
        item.id = format!("{}-{}", item.thing.kind, self.next);
        let id = item.id.clone();
        self.things.insert(self.next, item);
        id
    }

    fn built_on(&self, mark: Option<Uuid>, thing: &Thing) -> Vec<String> {
        let built = |n: &Need| matches!(n, Need::Built(_)).then(|| n.key().clone());
        let keys: Vec<Key> = thing.needs.iter().filter_map(built).collect();
        let under = |i: &&Item| i.mark == mark && i.key.as_ref().is_some_and(|k| keys.contains(k));
        self.things.values().filter(under).map(|i| i.id.clone()).collect()
    }

    /// Time has passed and somebody looks.
    fn look(&mut self, now: Timestamp) {
        self.looks += 1;
        let looks = self.looks;
        let over = |pace: Pace, since: u64, at: Timestamp| {
            looks > since.saturating_add(pace.looks) && now >= later(at, pace.time)
        };
        let (settle, leave) = (self.settle, self.leave);
        self.things
            .retain(|_, i| !matches!(i.phase, Phase::Leaving(since, at) if over(leave, since, at)));
        for item in self.things.values_mut() {
            if matches!(item.phase, Phase::Settling(since, at) if over(settle, since, at)) {
                let breaks = item.key.as_ref().and_then(|k| self.breaking.get_mut(k));
                if let Some(left) = breaks.filter(|n| **n > 0) {
                    *left -= 1;
                    item.phase = Phase::Broken("the image does not boot".to_owned());
                } else {
                    item.phase = Phase::Ready;
                    item.was_ready = true;
                }
            }
        }
    }

    fn find(&mut self, id: &str) -> Option<&mut Item> {
        self.things.values_mut().find(|i| i.id == id)
    }
}

impl Item {
    fn live(&self) -> Live<Thing> {
        let health = match &self.phase {
            Phase::Settling(..) => Health::Settling {
                why: "it is being built".to_owned(),
            },
            Phase::Ready => Health::Ready,
            Phase::Leaving(..) => Health::Leaving,
            Phase::Broken(why) => Health::broken(why),
        };
        Live {
            health,
            origin: self.origin,
            was_ready: self.was_ready,
            ..Live::ready(&*self.id, self.thing.clone())
        }
    }
}

fn refused(class: Class, what: String, words: String) -> Error {
    Error::new(&codes::CORE_PROVIDER, class)
        .attempted(what)
        .happened(words)
        .request_id("req-memory")
}

#[async_trait]
impl Actuator<Thing> for Memory {
    async fn observe(&self, owner: &Owner, _hints: &Ledger, reach: Reach) -> Result<Observed<Thing>, Error> {
        let mut inner = locked(&self.inner);
        inner.look(self.clock.now());
        let mut observed = Observed::default();
        let reached = |i: &Item| reach == Reach::All || i.origin != Origin::Derived;
        let shown = |i: &&Item| i.mark == Some(owner.uid()) && reached(i);
        for item in inner.things.values().filter(shown) {
            match &item.key {
                Some(key) => observed.found(key.clone(), item.live()),
                None => {
                    let known = format!("a {} without a name", item.thing.kind);
                    observed.unreadable.insert(item.id.clone(), known);
                }
            }
        }
        Ok(observed)
    }

    async fn create(&self, owner: &Owner, key: &Key, want: &Thing, ids: &Ids) -> Result<Live<Thing>, Error> {
        let what = || format!("create {} {key}", want.kind);
        let mut inner = locked(&self.inner);
        let mut on = Vec::new();
        for need in &want.needs {
            let Some(id) = ids.get(need.key()) else {
                let words = format!("'{}' is not known", need.key());
                return Err(refused(Class::Invalid, what(), words));
            };
            match inner.find(id).map(|i| i.phase.clone()) {
                Some(Phase::Ready) => {}
                Some(phase) => return Err(refused(Class::Conflict, what(), format!("{id} is {phase:?}"))),
                None => return Err(refused(Class::NotFound, what(), format!("{id} does not exist"))),
            }
            if matches!(need, Need::Built(_)) {
                on.push(id.clone());
            }
        }
        let taken = |i: &Item| i.mark == Some(owner.uid()) && i.key.as_ref() == Some(key);
        if want.natural && inner.things.values().any(taken) {
            return Err(refused(Class::Conflict, what(), "it exists already".to_owned()));
        }
        let now = inner.settle == Pace::default() && inner.breaking.get(key).is_none_or(|n| *n == 0);
        let phase = if now {
            Phase::Ready
        } else {
            Phase::Settling(inner.looks, self.clock.now())
        };
        let mut item = Item {
            id: String::new(),
            mark: Some(owner.uid()),
            key: Some(key.clone()),
            thing: want.clone(),
            origin: Origin::Ours,
            phase,
            on,
            was_ready: now,
        };
        item.id = inner.add(item.clone());
        Ok(item.live())
    }

    async fn update(
        &self,
        owner: &Owner,
        key: &Key,
        live: &Live<Thing>,
        want: &Thing,
        _changes: &[Change],
        _ids: &Ids,
    ) -> Result<(), Error> {
        let what = || format!("update {} {key}", want.kind);
        let mut inner = locked(&self.inner);
        let uid = owner.uid();
        match inner.find(&live.id).filter(|i| i.mark == Some(uid)) {
            None => Err(refused(
                Class::NotFound,
                what(),
                format!("{} does not exist", live.id),
            )),
            Some(item) if matches!(item.phase, Phase::Leaving(..)) => Err(refused(
                Class::Conflict,
                what(),
                format!("{} is leaving", live.id),
            )),
            Some(item) => {
                item.thing.size = want.size.or(item.thing.size);
                Ok(())
            }
        }
    }

    async fn delete(&self, owner: &Owner, key: &Key, live: &Live<Thing>) -> Result<(), Error> {
        let mut inner = locked(&self.inner);
        let stays = |i: &&Item| i.on.contains(&live.id) && !i.thing.along;
        if let Some(user) = inner.things.values().find(stays) {
            let words = format!("{} is in use by {}", live.id, user.id);
            return Err(refused(Class::Conflict, format!("delete {key}"), words));
        }
        let (since, at, leave) = (inner.looks, self.clock.now(), inner.leave);
        let uid = owner.uid();
        let Some(item) = inner.find(&live.id).filter(|i| i.mark == Some(uid)) else {
            return Ok(());
        };
        let slowly = leave != Pace::default() && !item.thing.at_once;
        if slowly && !matches!(item.phase, Phase::Leaving(..)) {
            item.phase = Phase::Leaving(since, at);
        }
        let goes = |i: &Item| i.on.contains(&live.id) || (i.id == live.id && !slowly);
        inner.things.retain(|_, i| !goes(i));
        Ok(())
    }
}

#[async_trait]
impl World<Thing> for Memory {
    fn actuator(&self) -> Arc<dyn Actuator<Thing>> {
        Arc::new(self.clone())
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    async fn outside(&self) -> Result<Vec<Outside>, Error> {
        Ok(self.everything())
    }
}
