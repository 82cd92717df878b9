//! What goes: unwanted, replaced, or built on something that goes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Blocked, Kept, Plan, Step, Verb, Waiting, is_agreed, root_cause, unavailable};
use crate::{
    codes::{self, Code},
    graph::{Desired, Observed},
    policy::{Drift, Policy, Retention},
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
        if let Some(cause) =
            root_cause(key, live, desired, policy).filter(|_| ours && live.health != Health::Leaving)
        {
            roots.insert(key, cause);
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
    let mut out = unavailable(desired, observed, &roots.keys().copied().collect());
    let mut going: BTreeMap<Key, (Vec<Change>, String, Option<String>)> = BTreeMap::new();
    // What goes first is asked first: the bound of a group must never be taken by something that waits for what it holds back.
    for key in order.iter().rev() {
        let Some((changes, why)) = roots.get(key) else {
            continue;
        };
        if obstacles.contains_key(key) {
            continue;
        }
        if let Some(taken) = going.get_mut(key) {
            // It goes anyway, with what it is built on; its own cause says more.
            taken.0.clone_from(changes);
            taken.1.clone_from(why);
            continue;
        }
        let members = closure(key, &dependants, &going);
        let above = members.iter().filter_map(|m| dependants.get(m)).flatten();
        let held = above
            .filter_map(|(k, _)| going.get(k))
            .find_map(|(_, _, hold)| hold.clone());
        let hold = held.or_else(|| too_many(&members, desired, observed, policy, &mut out));
        for member in members {
            let (changes, why) = match roots.get(&member) {
                Some(own) => own.clone(),
                None => (Vec::new(), format!("it is built on {key}, which goes")),
            };
            going.insert(member, (changes, why, hold.clone()));
        }
    }

    for key in order.iter().rev() {
        let (Some((changes, reason, hold)), Some(live)) = (going.get(key), observed.live.get(key)) else {
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
            .filter(|k| going.contains_key(*k) || is_leaving(observed, k));
        let after: BTreeSet<Key> = still.cloned().collect();
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
                hold: hold.clone(),
            },
        );
    }
    going.into_keys().collect()
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
                why: format!("{} is leaving", live.id),
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
fn needs_first<R: Resource>(
    observed: &Observed<R>,
    dependants: &BTreeMap<Key, Vec<(Key, bool)>>,
) -> Vec<Key> {
    let mut left: BTreeMap<&Key, usize> = BTreeMap::new();
    for (key, live) in &observed.live {
        let needs: Vec<Need> = live.resource.needs();
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
    dependants: &BTreeMap<Key, Vec<(Key, bool)>>,
) -> BTreeMap<Key, (Key, Obstacle)> {
    let mut found: BTreeMap<Key, (Key, Obstacle)> = BTreeMap::new();
    for key in order.iter().rev() {
        let Some(live) = observed.live.get(key) else {
            continue;
        };
        // What is leaving already is past all questions.
        let stays = live.health != Health::Leaving;
        let own = stays.then(|| obstacle(key, live, desired, policy)).flatten();
        let own = own.map(|o| (key.clone(), o));
        let above = dependants
            .get(key)
            .into_iter()
            .flatten()
            .filter(|(_, built)| *built)
            .find_map(|(k, _)| found.get(k).cloned());
        if let Some(first) = own.or(above) {
            found.insert(key.clone(), first);
        }
    }
    found
}

/// Why this one must not go, looked at alone.
fn obstacle<R: Resource>(
    key: &Key,
    live: &Live<R>,
    desired: &Desired<R>,
    policy: &Policy,
) -> Option<Obstacle> {
    let wanted = desired.wanted().contains_key(key);
    let verb = if wanted { Verb::Replace } else { Verb::Delete };
    if let Some(why) = policy.held.get(key) {
        return Some(Obstacle::Held(why.clone()));
    }
    if wanted && policy.drift == Drift::Report {
        let why = "differences are only reported".to_owned();
        return Some(Obstacle::Blocked(why, &codes::CORE_BLOCKED));
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
                &codes::CORE_BLOCKED,
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
fn closure<T>(key: &Key, dependants: &BTreeMap<Key, Vec<(Key, bool)>>, going: &BTreeMap<Key, T>) -> Vec<Key> {
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

/// Whether these replacements would take too much of a group out of service; if not, they are counted as taken.
///
/// A single cause that takes more than the bound along cannot be rolled in parts: it goes alone.
fn too_many<R: Resource>(
    members: &[Key],
    desired: &Desired<R>,
    observed: &Observed<R>,
    policy: &Policy,
    out: &mut BTreeMap<String, usize>,
) -> Option<String> {
    let bound = policy.max_unavailable.max(1);
    let mut fresh: BTreeMap<&str, usize> = BTreeMap::new();
    for live in members
        .iter()
        .filter(|k| desired.wanted().contains_key(*k))
        .filter_map(|k| observed.live.get(k))
        .filter(|l| l.is_ready())
    {
        if let Some(group) = live.resource.group() {
            *fresh.entry(group).or_insert(0) += 1;
        }
    }
    for (group, count) in &fresh {
        let already = out.get(*group).copied().unwrap_or(0);
        if already > 0 && already + count > bound {
            return Some(format!(
                "at most {bound} of {group} at a time; {already} are out of service"
            ));
        }
    }
    for (group, count) in fresh {
        *out.entry(group.to_owned()).or_insert(0) += count;
    }
    None
}
