//! The wanted graph and the observed world.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::Timestamp;

use crate::{
    codes::{self, Code},
    error::{Class, Error},
    ledger::Applied,
    resource::{Key, Live, Need, Resource},
};

/// The wanted resources: an acyclic graph whose needs are all in it or given.
#[derive(Clone, PartialEq)]
pub struct Desired<R> {
    wanted: BTreeMap<Key, R>,
    given: BTreeMap<Key, String>,
    root: Option<Key>,
    order: Vec<Key>,
}

impl<R: Resource> Desired<R> {
    /// Nothing wanted: what `down` asks for.
    pub fn nothing() -> Self {
        Self {
            wanted: BTreeMap::new(),
            given: BTreeMap::new(),
            root: None,
            order: Vec::new(),
        }
    }

    /// Collects wanted resources.
    pub fn builder() -> Builder<R> {
        Builder {
            desired: Self::nothing(),
            twice: Vec::new(),
        }
    }

    /// What is wanted, by key.
    pub fn wanted(&self) -> &BTreeMap<Key, R> {
        &self.wanted
    }

    /// What the user gave, by key: its id.
    pub fn given(&self) -> &BTreeMap<Key, String> {
        &self.given
    }

    /// The resource that is made alone and seen again before anything else.
    pub fn root(&self) -> Option<&Key> {
        self.root.as_ref()
    }

    /// Keys of the wanted resources, each after what it needs.
    pub fn order(&self) -> &[Key] {
        &self.order
    }
}

impl<R: fmt::Debug> fmt::Debug for Desired<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desired")
            .field("wanted", &self.wanted)
            .field("given", &self.given)
            .field("root", &self.root)
            .finish()
    }
}

/// Collects wanted resources, then checks them as a whole.
#[derive(Debug, Clone)]
pub struct Builder<R> {
    desired: Desired<R>,
    twice: Vec<Key>,
}

impl<R: Resource> Builder<R> {
    /// Wants `resource` under `key`.
    #[must_use]
    pub fn want(mut self, key: Key, resource: R) -> Self {
        self.add(key, resource);
        self
    }

    /// Wants `resource` under `key`; for loops.
    pub fn add(&mut self, key: Key, resource: R) {
        if self.desired.wanted.insert(key.clone(), resource).is_some() {
            self.twice.push(key);
        }
    }

    /// Something that exists and is the user's: known by id, never changed or deleted.
    #[must_use]
    pub fn given(mut self, key: Key, id: impl Into<String>) -> Self {
        if self.desired.given.insert(key.clone(), id.into()).is_some() {
            self.twice.push(key);
        }
        self
    }

    /// The resource that is made alone first, so that two racing machines leave at most two empty roots.
    #[must_use]
    pub fn root(mut self, key: Key) -> Self {
        self.desired.root = Some(key);
        self
    }

    /// Checks and orders the graph.
    ///
    /// # Errors
    /// [`codes::CORE_GRAPH`] for a key used twice, a need that nobody provides, an unknown root, or a cycle (shown whole).
    pub fn build(self) -> Result<Desired<R>, Error> {
        let Self { mut desired, twice } = self;
        let bad = |what: String| {
            Err(Error::new(&codes::CORE_GRAPH, Class::Internal)
                .attempted("order the wanted resources")
                .happened(what))
        };
        let clash = desired.given.keys().find(|k| desired.wanted.contains_key(*k));
        if let Some(key) = twice.first().or(clash) {
            return bad(format!("'{key}' is wanted twice"));
        }
        if let Some(root) = desired.root.as_ref().filter(|r| !desired.wanted.contains_key(*r)) {
            return bad(format!("the root '{root}' is not wanted"));
        }
        let mut left: BTreeMap<&Key, usize> = BTreeMap::new();
        let mut dependants: BTreeMap<Key, Vec<&Key>> = BTreeMap::new();
        for (key, resource) in &desired.wanted {
            let needs: BTreeSet<Key> = resource.needs().into_iter().map(|n| n.key().clone()).collect();
            let mut count = 0;
            for need in needs {
                if desired.given.contains_key(&need) {
                    continue;
                }
                if !desired.wanted.contains_key(&need) {
                    return bad(format!("'{key}' needs '{need}', which nobody wants"));
                }
                count += 1;
                dependants.entry(need).or_default().push(key);
            }
            left.insert(key, count);
        }
        let mut free: BTreeSet<&Key> = left.iter().filter(|(_, n)| **n == 0).map(|(k, _)| *k).collect();
        let mut order = Vec::with_capacity(left.len());
        while let Some(key) = free.pop_first() {
            order.push(key.clone());
            for dependant in dependants.get(key).into_iter().flatten() {
                if let Some(n) = left.get_mut(*dependant) {
                    *n -= 1;
                    if *n == 0 {
                        free.insert(dependant);
                    }
                }
            }
        }
        if order.len() != desired.wanted.len() {
            let stuck: Vec<String> = left
                .iter()
                .filter(|(_, n)| **n > 0)
                .map(|(k, _)| k.to_string())
                .collect();
            return bad(format!("these need each other in a circle: {}", stuck.join(", ")));
        }
        desired.order = order;
        Ok(desired)
    }
}

/// Everything that bears the owner's mark: the answer of a total observe (law 2).
#[derive(Debug, Clone, PartialEq)]
pub struct Observed<R> {
    /// What is live, by key.
    pub live: BTreeMap<Key, Live<R>>,
    /// Keys that more than one live resource answers to, with all ids (law 3).
    pub duplicates: BTreeMap<Key, Vec<String>>,
    /// Marked resources whose key cannot be read: id and what is known.
    pub unreadable: BTreeMap<String, String>,
    /// Keys that must not be touched in this pass: a create whose outcome is unknown, or a back-off, both from the ledger; or what the
    /// other side is at work on and refuses to have changed, from the actuator.
    pub waits: BTreeMap<Key, Wait>,
    /// What was carried out the last time, which tells a changed spec from a changed world. Set from the ledger, never by an actuator.
    pub applied: BTreeMap<Key, Applied>,
    /// Needs that only a look shows, beside those that a resource tells of itself: a server has a volume of its cluster attached.
    pub also: BTreeMap<Key, Vec<Need>>,
    /// Keys that can neither be made nor go, because of something that is not ours to change.
    pub barred: BTreeMap<Key, Bar>,
}

/// What stands in the way of a key, and is not ours to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// What it is, by name and id, and why it is in the way.
    pub why: String,
    /// The code that explains it.
    pub code: &'static Code,
    /// True if it is data, which may go with consent by name; what else is in the way stays there.
    pub data: bool,
}

/// By key: the live resources that need it, each with whether it is built on it.
pub type Dependants = BTreeMap<Key, Vec<(Key, bool)>>;

/// Why a key that is not live is left alone for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// What is waited for.
    pub why: String,
    /// When it will be decided, if that is known.
    pub until: Option<Timestamp>,
    /// True if waiting will not help: a person is needed.
    pub gave_up: bool,
    /// True if something may be there that no listing shows yet: it is waited for even if nobody wants it any more.
    pub in_doubt: bool,
}

impl<R: Resource> Default for Observed<R> {
    fn default() -> Self {
        Self {
            live: BTreeMap::new(),
            duplicates: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            waits: BTreeMap::new(),
            applied: BTreeMap::new(),
            also: BTreeMap::new(),
            barred: BTreeMap::new(),
        }
    }
}

impl<R: Resource> Observed<R> {
    /// Notes one live resource; a second one under the same key becomes a duplicate, and both ids are kept.
    pub fn found(&mut self, key: Key, live: Live<R>) {
        if let Some(first) = self.live.get(&key) {
            let ids = self
                .duplicates
                .entry(key)
                .or_insert_with(|| vec![first.id.clone()]);
            if !ids.contains(&live.id) {
                ids.push(live.id);
            }
            ids.sort();
        } else {
            self.live.insert(key, live);
        }
    }

    /// Notes that `key` can neither be made nor go; several reasons are told together.
    pub fn bar(&mut self, key: Key, code: &'static Code, why: impl Into<String>) {
        let why = why.into();
        match self.barred.get_mut(&key) {
            Some(bar) if bar.why.contains(&why) => bar.data = false,
            Some(bar) => {
                bar.why = format!("{}; {why}", bar.why);
                bar.data = false;
            }
            None => {
                let data = false;
                self.barred.insert(key, Bar { why, code, data });
            }
        }
    }

    /// Notes that `key` does not go without consent by name, because of the data that goes with it.
    pub fn bar_for_data(&mut self, key: Key, why: impl Into<String>) {
        let data = self.barred.get(&key).is_none_or(|bar| bar.data);
        self.bar(key.clone(), &codes::CORE_BLOCKED, why);
        if let Some(bar) = self.barred.get_mut(&key) {
            bar.data = data;
        }
    }

    /// All that the live resource of a key needs: what it tells of itself, and what only the look shows.
    pub fn needs(&self, key: &Key) -> Vec<Need> {
        let own = self.live.get(key).map(|l| l.resource.needs());
        let mut all = own.unwrap_or_default();
        for need in self.also.get(key).into_iter().flatten() {
            if !all.contains(need) {
                all.push(need.clone());
            }
        }
        all
    }

    /// The live resources that need `key`, with how they need it.
    pub fn dependants(&self) -> Dependants {
        let mut all = Dependants::new();
        for key in self.live.keys() {
            for need in self.needs(key) {
                let built = matches!(need, Need::Built(_));
                all.entry(need.key().clone())
                    .or_default()
                    .push((key.clone(), built));
            }
        }
        all
    }
}
