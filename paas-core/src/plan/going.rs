//! What goes: unwanted, replaced, or built on something that goes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Blocked, Kept, Plan, Step, Verb, Waiting, drift, group, is_agreed, leaving, root_cause};
use crate::{
    codes::{self, Code},
    graph::{Dependants, Desired, Observed},
    policy::{Policy, Retention},
    resource::{Change, Health, Key, Live, Need, Origin, Resource},
};

/// Why something that should go does not.
#[derive(Clone)]
enum Obstacle {
    Kept(String),
    Held(String),
    Blocked(String, &'static Code),
}

/// Decides what goes, writes the steps into `plan`, and returns all keys that go, now or later.
pub(super) fn decide<R: Resource>(
    desired: &Desired<R>,
    observed: &Observed<R>,
    policy: &Policy,
    plan: &mut Plan<R>,
) -> BTreeSet<Key> {
    let mut roots: BTreeMap<&Key, (Vec<Change>, String)> = BTreeMap::new();
    for (key, live) in &observed.live {
        let ours = live.is_mine() || (live.origin == Origin::Derived && policy.sweep);
        if !ours || live.health == Health::Leaving {
            continue;
        }
        let Some(cause) = root_cause(key, live, desired, observed, policy) else {
            continue;
        };
        match drift::stays(key, live, desired, observed, policy) {
            Some(blocked) => plan.blocked.push(blocked),
            None => {
                roots.insert(key, cause);
            }
        }
    }
    leaving_unwanted(desired, observed, policy, plan);
    if roots.is_empty() {
        return BTreeSet::new();
    }

    let dependants = observed.dependants();
    let order = needs_first(observed, &dependants);
    let obstacles = obstacles(desired, observed, policy, &order, &dependants);
    for key in &order {
        if let (Some((_, why)), Some((at, obstacle))) = (roots.get(key), obstacles.get(key)) {
            let replaced = desired.wanted().contains_key(key);
            let verb = if replaced { Verb::Replace } else { Verb::Delete };
            report(key, verb, why, at, obstacle, observed, plan);
        }
    }
    let mut going: BTreeMap<Key, (Vec<Change>, String)> = BTreeMap::new();
    for key in &order {
        let Some(cause) = roots.get(key).filter(|_| !obstacles.contains_key(key)) else {
            continue;
        };
        for member in closure(key, &dependants, &going) {
            let along = || (Vec::new(), format!("it is built on {key}, which goes"));
            let cause = roots.get(&member).cloned().unwrap_or_else(along);
            going.insert(member, cause);
        }
        // It may go anyway, with what it is built on; its own cause says more.
        going.insert(key.clone(), cause.clone());
    }
    let along = along((desired, observed), &order, &dependants, &going);
    let holds = group::holds(desired, observed, policy, (&order, &dependants), &going);

    for key in order.iter().rev() {
        let (Some((changes, reason)), Some(live)) = (going.get(key), observed.live.get(key)) else {
            continue;
        };
        if live.health == Health::Leaving {
            continue;
        }
        let still = dependants
            .get(key)
            .into_iter()
            .flatten()
            .map(|(k, _)| k)
            .filter(|k| going.contains_key(*k) || is_leaving(observed, k))
            .filter(|k| !along.contains_key(*k));
        let after: BTreeSet<Key> = match along.get(key) {
            Some(with) => with.clone(),
            None => still.cloned().collect(),
        };
        let action = match desired.wanted().get(key) {
            Some(want) => Action::Replace {
                live: live.clone(),
                want: want.clone(),
                changes: changes.clone(),
            },
            None => Action::Delete { live: live.clone() },
        };
        let after = after.into_iter().collect();
        plan.push(
            observed,
            Step {
                key: key.clone(),
                action,
                reason: reason.clone(),
                after,
                along: along.contains_key(key),
                hold: holds.get(key).cloned(),
            },
        );
    }
    going.into_keys().collect()
}

/// What goes along with something else that goes for good, each with what that is. Not what others wait for that need a call.
fn along<R: Resource, T>(
    (desired, observed): (&Desired<R>, &Observed<R>),
    order: &[Key],
    dependants: &Dependants,
    going: &BTreeMap<Key, T>,
) -> BTreeMap<Key, BTreeSet<Key>> {
    let goes_for_good = |key: &Key| {
        let live = observed.live.get(key).filter(|l| l.health != Health::Leaving);
        let at_once = live.is_some_and(|l| l.resource.goes_at_once());
        at_once && going.contains_key(key) && !desired.wanted().contains_key(key)
    };
    let mut along: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
    for key in order.iter().rev().filter(|k| goes_for_good(k)) {
        let live = observed.live.get(key).map(|l| &l.resource);
        let may = live.is_some_and(|r| r.goes_along() && !r.precious());
        let mut needing = dependants.get(key).into_iter().flatten();
        if !may || !needing.all(|(k, _)| along.contains_key(k)) {
            continue;
        }
        let needs = observed.needs(key);
        let above: Vec<&Need> = needs.iter().filter(|n| going.contains_key(n.key())).collect();
        let carries = |need: &&Need| matches!(need, Need::Built(k) if goes_for_good(k));
        if !above.is_empty() && above.iter().all(carries) {
            along.insert(key.clone(), above.into_iter().map(|n| n.key().clone()).collect());
        }
    }
    along
}

/// What is on its way out and not wanted back is waited for.
fn leaving_unwanted<R: Resource>(
    desired: &Desired<R>,
    observed: &Observed<R>,
    policy: &Policy,
    plan: &mut Plan<R>,
) {
    for (key, live) in &observed.live {
        let ours = live.is_mine() || policy.sweep;
        if ours && live.health == Health::Leaving && !desired.wanted().contains_key(key) {
            plan.waiting.push(Waiting {
                key: key.clone(),
                why: leaving(live),
            });
        }
    }
}

fn is_leaving<R: Resource>(observed: &Observed<R>, key: &Key) -> bool {
    observed
        .live
        .get(key)
        .is_some_and(|l| l.health == Health::Leaving)
}

/// Live keys, each after what it needs; keys in a circle come last, in key order.
fn needs_first<R: Resource>(observed: &Observed<R>, dependants: &Dependants) -> Vec<Key> {
    let mut left: BTreeMap<&Key, usize> = BTreeMap::new();
    for key in observed.live.keys() {
        let needs: Vec<Need> = observed.needs(key);
        left.insert(
            key,
            needs
                .iter()
                .filter(|n| observed.live.contains_key(n.key()))
                .count(),
        );
    }
    let mut free: BTreeSet<&Key> = left.iter().filter(|(_, n)| **n == 0).map(|(k, _)| *k).collect();
    let mut order = Vec::with_capacity(left.len());
    while let Some(key) = free.pop_first() {
        order.push(key.clone());
        left.remove(key);
        for (dependant, _) in dependants.get(key).into_iter().flatten() {
            if let Some(n) = left.get_mut(dependant) {
                *n = n.saturating_sub(1);
                if *n == 0 {
                    free.insert(dependant);
                }
            }
        }
    }
    order.extend(left.into_keys().cloned());
    order
}

/// For every live key: the first reason why it, or something built on it, must not go. Dependants are looked at first.
fn obstacles<R: Resource>(
    desired: &Desired<R>,
    observed: &Observed<R>,
    policy: &Policy,
    order: &[Key],
    dependants: &Dependants,
) -> BTreeMap<Key, (Key, Obstacle)> {
    let mut found: BTreeMap<Key, (Key, Obstacle)> = BTreeMap::new();
    for key in order.iter().rev() {
        let Some(live) = observed.live.get(key) else {
            continue;
        };
        // What is leaving already is past all questions.
        let stays = live.health != Health::Leaving;
        let own = stays
            .then(|| obstacle(key, live, (desired, observed), policy))
            .flatten();
        let own = own.map(|o| (key.clone(), o));
        let above = dependants
            .get(key)
            .into_iter()
            .flatten()
            .filter(|(_, built)| *built)
            .find_map(|(k, _)| found.get(k).cloned());
        // What stays for another reason was shown as staying: that it was not shown as going says nothing.
        let first = match own {
            Some((_, Obstacle::Blocked(_, code))) if code == &codes::CORE_PLAN_CHANGED => above.or(own),
            own => own.or(above),
        };
        if let Some(first) = first {
            found.insert(key.clone(), first);
        }
    }
    found
}

/// Why this one must not go, looked at alone.
fn obstacle<R: Resource>(
    key: &Key,
    live: &Live<R>,
    (desired, observed): (&Desired<R>, &Observed<R>),
    policy: &Policy,
) -> Option<Obstacle> {
    let wanted = desired.wanted().contains_key(key);
    let verb = if wanted { Verb::Replace } else { Verb::Delete };
    if let Some(why) = policy.held.get(key) {
        return Some(Obstacle::Held(why.clone()));
    }
    let retained = live.resource.precious() && !wanted && policy.retention == Retention::Retain;
    // What stays anyway is in nobody's way.
    let bar = observed.barred.get(key).filter(|_| !retained);
    if let Some(bar) = bar.filter(|bar| !(bar.data && policy.data_may_go)) {
        return Some(Obstacle::Blocked(bar.why.clone(), bar.code));
    }
    if live.origin == Origin::External || (live.origin == Origin::Derived && !policy.sweep) {
        return Some(Obstacle::Blocked(
            format!("{} is not ours", live.id),
            &codes::CORE_BLOCKED,
        ));
    }
    if live.resource.precious() {
        if !wanted && policy.retention == Retention::Retain {
            return Some(Obstacle::Kept("it holds data".to_owned()));
        }
        if let Some(why) = &policy.protected {
            return Some(Obstacle::Blocked(
                format!("it holds data and is protected: {why}"),
                &codes::CORE_PROTECTED,
            ));
        }
        if !policy.data_may_go {
            let why = format!("{} holds data; to {verb} it needs consent by name", live.id);
            return Some(Obstacle::Blocked(why, &codes::CORE_BLOCKED));
        }
    }
    if !is_agreed(key, live, verb, policy) {
        let why = format!(
            "to {verb} {} was not part of the plan that was agreed to",
            live.id
        );
        return Some(Obstacle::Blocked(why, &codes::CORE_PLAN_CHANGED));
    }
    None
}

/// Says once, at its cause, why `key` stays.
fn report<R: Resource>(
    key: &Key,
    verb: Verb,
    why: &str,
    at: &Key,
    obstacle: &Obstacle,
    observed: &Observed<R>,
    plan: &mut Plan<R>,
) {
    let id = observed.live.get(key).map(|l| l.id.clone()).unwrap_or_default();
    let (key, itself) = (key.clone(), key == at);
    match obstacle {
        // What is wanted otherwise is not kept: it stays wrong until somebody decides.
        Obstacle::Kept(reason) if verb == Verb::Replace => {
            plan.blocked.push(Blocked {
                key,
                verb: Some(verb),
                why: format!("{why}, but {at} would go with it: {reason}"),
                code: &codes::CORE_BLOCKED,
            });
        }
        Obstacle::Kept(reason) => {
            let why = if itself {
                reason.clone()
            } else {
                format!("{at} stands on it: {reason}")
            };
            plan.kept.push(Kept { key, id, why });
        }
        Obstacle::Held(reason) => {
            let why = if itself {
                reason.clone()
            } else {
                format!("{at} stands on it: {reason}")
            };
            plan.waiting.push(Waiting { key, why });
        }
        Obstacle::Blocked(reason, code) => {
            let why = if itself {
                format!("{why}, but {reason}")
            } else {
                format!("{why}, but {at} would go with it: {reason}")
            };
            plan.blocked.push(Blocked {
                key,
                verb: Some(verb),
                why,
                code,
            });
        }
    }
}

/// `key` and everything live that is built on it, without what goes already.
fn closure<T>(key: &Key, dependants: &Dependants, going: &BTreeMap<Key, T>) -> Vec<Key> {
    let mut seen = BTreeSet::from([key.clone()]);
    let mut stack = vec![key.clone()];
    let mut members = Vec::new();
    while let Some(next) = stack.pop() {
        for (dependant, _) in dependants
            .get(&next)
            .into_iter()
            .flatten()
            .filter(|(k, built)| *built && !going.contains_key(k))
        {
            if seen.insert(dependant.clone()) {
                stack.push(dependant.clone());
            }
        }
        members.push(next);
    }
    members
}
