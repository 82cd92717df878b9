//! What holds data in this cluster, as far as it bears our mark: the engines' own objects, also those that an object left behind when it
//! went. Known from the watches of their metadata that lead to looks anyway.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kube::{
    ResourceExt,
    api::DynamicObject,
    core::PartialObjectMeta,
    runtime::watcher::{self, Event},
};
use paas_core::kube::{DATA, ObjectKind};
use tokio::sync::Notify;

/// The namespace of each object that holds data, by its uid.
type ByUid = HashMap<String, String>;

/// Group and plural of a kind.
type Id = (&'static str, &'static str);

/// What holds data in one place.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    kinds: Mutex<HashMap<Id, Kind>>,
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Kind {
    is_listed: bool,
    now: ByUid,
    /// What a list that is not complete yet has brought.
    coming: ByUid,
}

impl Holdings {
    /// Nothing of any kind; `changed` is told when that changes.
    pub(crate) fn new(changed: &Arc<Notify>) -> Self {
        Self {
            kinds: Mutex::default(),
            changed: Arc::clone(changed),
        }
    }

    /// Expects a kind: nothing is known before it is listed.
    pub(crate) fn expect(&self, kind: &'static ObjectKind) {
        self.all().entry((kind.group, kind.plural)).or_default();
    }

    /// Takes note of what a watch of a kind brought.
    pub(crate) fn saw(
        &self,
        kind: &'static ObjectKind,
        event: &watcher::Result<Event<PartialObjectMeta<DynamicObject>>>,
    ) {
        let mut all = self.all();
        let of = all.entry((kind.group, kind.plural)).or_default();
        let is_news = match event {
            Ok(Event::Init) => {
                of.coming.clear();
                false
            }
            Ok(Event::InitApply(object)) => {
                note(&mut of.coming, object);
                false
            }
            Ok(Event::InitDone) => {
                let now = std::mem::take(&mut of.coming);
                of.listed(now)
            }
            Ok(Event::Apply(object)) => note(&mut of.now, object),
            Ok(Event::Delete(object)) => of.now.remove(&object.uid().unwrap_or_default()).is_some(),
            // The cluster does not have the kind, so nothing is of it.
            Err(watcher::Error::InitialListFailed(kube::Error::Api(status))) if status.code == 404 => {
                of.listed(ByUid::new())
            }
            Err(_) => false,
        };
        if is_news {
            self.changed.notify_one();
        }
    }

    /// The namespaces in which something holds data; `None` while some kind is not listed.
    pub(crate) fn namespaces(&self) -> Option<BTreeSet<String>> {
        let all = self.all();
        let is_listed = all.values().all(|k| k.is_listed);
        is_listed.then(|| all.values().flat_map(|k| k.now.values().cloned()).collect())
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Id, Kind>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kind {
    /// True if the list differs from what was known.
    fn listed(&mut self, now: ByUid) -> bool {
        let is_news = !self.is_listed || self.now != now;
        (self.now, self.is_listed) = (now, true);
        is_news
    }
}

/// True if it was not known so.
fn note(all: &mut ByUid, object: &PartialObjectMeta<DynamicObject>) -> bool {
    let uid = object.uid().unwrap_or_default();
    match object
        .namespace()
        .filter(|_| object.annotations().contains_key(DATA))
    {
        Some(namespace) => all.insert(uid, namespace.clone()) != Some(namespace),
        None => all.remove(&uid).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use paas_core::kube::kind::{CONFIG_MAP, SECRET};
    use serde_json::json;

    use super::*;

    fn object(uid: &str, namespace: &str, holds: bool) -> PartialObjectMeta<DynamicObject> {
        let annotations = if holds { json!({ DATA: "true" }) } else { json!({}) };
        serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": uid, "uid": uid, "namespace": namespace, "annotations": annotations },
        }))
        .unwrap()
    }

    fn names(holdings: &Holdings) -> Option<Vec<String>> {
        holdings.namespaces().map(|all| all.into_iter().collect())
    }

    #[test]
    fn nothing_is_known_before_every_kind_is_listed_or_lacking() {
        let holdings = Holdings::default();
        holdings.expect(&CONFIG_MAP);
        holdings.expect(&SECRET);
        for event in [
            Event::Init,
            Event::InitApply(object("1", "shop", true)),
            Event::InitDone,
        ] {
            assert_eq!(names(&holdings), None);
            holdings.saw(&CONFIG_MAP, &Ok(event));
        }
        assert_eq!(names(&holdings), None, "the other kind may hold data too");
        let lacking = Status::failure("no such kind", "NotFound").with_code(404);
        let lacking = watcher::Error::InitialListFailed(kube::Error::Api(lacking.boxed()));
        holdings.saw(&SECRET, &Err(lacking));
        assert_eq!(names(&holdings), Some(vec!["shop".to_owned()]));
    }

    #[test]
    fn what_goes_while_it_is_not_watched_is_missed_by_the_next_list() {
        let holdings = Holdings::default();
        let saw = |event| holdings.saw(&CONFIG_MAP, &Ok(event));
        saw(Event::InitDone);
        assert_eq!(names(&holdings), Some(Vec::new()));
        saw(Event::Apply(object("1", "a", true)));
        saw(Event::Apply(object("2", "b", true)));
        saw(Event::Apply(object("3", "c", false)));
        assert_eq!(names(&holdings).unwrap(), ["a", "b"]);
        saw(Event::Apply(object("2", "b", false)));
        assert_eq!(names(&holdings).unwrap(), ["a"], "it holds none any more");
        saw(Event::Apply(object("4", "d", true)));
        saw(Event::Delete(object("1", "a", true)));
        assert_eq!(names(&holdings).unwrap(), ["d"]);
        saw(Event::Init);
        saw(Event::InitApply(object("5", "e", true)));
        assert_eq!(names(&holdings).unwrap(), ["d"], "half a list tells nothing");
        saw(Event::InitDone);
        assert_eq!(names(&holdings).unwrap(), ["e"]);
    }
}
