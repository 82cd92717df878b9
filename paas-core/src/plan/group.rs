//! The bound of a group: how many of its members may be out of service at once.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    graph::{Dependants, Desired, Observed},
    policy::Policy,
    resource::{Change, Key, Live, Resource},
};

/// Which of these must wait so that not too much of a group is out of service, and why.
///
/// What goes first is asked first, and what waits for something held is held too: the bound of a group is never taken by something
/// that waits for what it holds back. So something can always go, and in the end all of it.
pub(super) fn holds<R: Resource>(
    desired: &Desired<R>,
    observed: &Observed<R>,
    policy: &Policy,
    (order, dependants): (&[Key], &Dependants),
    going: &BTreeMap<Key, (Vec<Change>, String)>,
) -> BTreeMap<Key, String> {
    let mut out = unavailable(desired, observed, &going.keys().collect());
    let bound = policy.max_unavailable.max(1);
    let mut holds: BTreeMap<Key, String> = BTreeMap::new();
    for key in order.iter().rev().filter(|k| going.contains_key(*k)) {
        let above = dependants.get(key).into_iter().flatten();
        if let Some(hold) = above.filter_map(|(k, _)| holds.get(k)).next().cloned() {
            holds.insert(key.clone(), hold);
            continue;
        }
        let live = observed.live.get(key).filter(|l| l.is_ready());
        let Some(group) = live.and_then(|l| l.resource.group()) else {
            continue;
        };
        if !desired.wanted().contains_key(key) {
            continue;
        }
        let already = out.entry(group.to_owned()).or_insert(0);
        if *already >= bound {
            let why = format!("at most {bound} of {group} at a time; {already} are out of service");
            holds.insert(key.clone(), why);
        } else {
            *already += 1;
        }
    }
    holds
}

/// How many wanted members of each group are out of service now.
///
/// One that can only come back after something in `going` does not count: it would wait for what waits for it.
fn unavailable<R: Resource>(
    desired: &Desired<R>,
    observed: &Observed<R>,
    going: &BTreeSet<&Key>,
) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let mut behind: BTreeSet<&Key> = BTreeSet::new();
    for key in desired.order() {
        let Some(want) = desired.wanted().get(key) else {
            continue;
        };
        let needs = want.needs();
        if needs
            .iter()
            .any(|n| going.contains(n.key()) || behind.contains(n.key()))
        {
            behind.insert(key);
        } else if let Some(group) = want.group()
            && !observed.live.get(key).is_some_and(Live::is_ready)
        {
            *counts.entry(group.to_owned()).or_insert(0) += 1;
        }
    }
    counts
}
