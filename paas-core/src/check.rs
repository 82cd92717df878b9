//! The plan linter: an oracle that is written apart from the planner and judges its plans.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    graph::{Desired, Observed},
    plan::{Action, Plan, Verb},
    policy::{Agreed, Policy, Retention},
    resource::{Health, Key, Need, Origin, Resource},
};

/// A broken law, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where.
    pub key: Key,
    /// What is wrong.
    pub what: String,
}

/// Every law that `plan` breaks; empty for a good plan.
pub fn check<R: Resource>(
    desired: &Desired<R>,
    observed: &Observed<R>,
    policy: &Policy,
    plan: &Plan<R>,
) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut say = |key: &Key, what: &str| {
        found.push(Violation {
            key: key.clone(),
            what: what.to_owned(),
        })
    };
    let mut place: BTreeMap<&Key, usize> = BTreeMap::new();
    let mut going: BTreeSet<&Key> = BTreeSet::new();
    for (at, step) in plan.steps.iter().enumerate() {
        if place.insert(&step.key, at).is_some() {
            say(&step.key, "two steps for one key");
        }
        if step.action.verb().removes() {
            going.insert(&step.key);
        }
    }
    let clear = observed.duplicates.is_empty() && observed.unreadable.is_empty();
    if let Some(first) = plan.steps.first().filter(|_| !clear) {
        say(&first.key, "a step although it is not clear what is ours");
    }

    for step in &plan.steps {
        let key = &step.key;
        match &step.action {
            Action::Create { want } => {
                if observed.live.contains_key(key) {
                    say(key, "created although it is there");
                }
                if desired.wanted().get(key) != Some(want) {
                    say(key, "created although it is not wanted so");
                }
                if observed.barred.contains_key(key) {
                    say(key, "created although something is in the way");
                }
                if observed.waits.contains_key(key) && step.hold.is_none() {
                    say(key, "created although an earlier create is in doubt");
                }
                for need in want.needs() {
                    let usable = desired.given().contains_key(need.key())
                        || (observed
                            .live
                            .get(need.key())
                            .is_some_and(|l| l.health == Health::Ready)
                            && !going.contains(need.key()));
                    if !usable && !step.after.contains(need.key()) {
                        say(key, "created before what it needs");
                    }
                    if place.get(need.key()).is_some_and(|n| *n > place[key]) {
                        say(key, "listed before what it needs");
                    }
                }
            }
            Action::Update { live, changes, .. } => {
                if changes.is_empty() {
                    say(key, "updated without a difference");
                }
                if !matches!(live.origin, Origin::Ours | Origin::Adopted) {
                    say(key, "updated although it is not ours");
                }
            }
            Action::Replace { live, .. } | Action::Delete { live } => {
                let needs = observed.needs(key);
                let with = |k: &Key| going.contains(k) && needs.contains(&Need::Built(k.clone()));
                if step.along && (step.after.is_empty() || !step.after.iter().all(with)) {
                    say(key, "goes along with what does not go");
                }
                let able = live.resource.goes_along() && live.resource.goes_at_once();
                if step.along && (!able || live.resource.precious()) {
                    say(key, "goes along, and needs a call of its own");
                }
                let derived = live.origin == Origin::Derived && policy.sweep;
                if !matches!(live.origin, Origin::Ours | Origin::Adopted) && !derived {
                    say(key, "deleted although it is not ours");
                }
                let bar = observed.barred.get(key);
                if bar.is_some_and(|bar| !(bar.data && policy.data_may_go)) {
                    say(key, "deleted although something that is not ours is in the way");
                }
                if policy.held.contains_key(key) {
                    say(key, "deleted although it is held");
                }
                if live.resource.precious() && (!policy.data_may_go || policy.protected.is_some()) {
                    say(key, "data deleted without consent");
                }
                let wanted = desired.wanted().contains_key(key);
                if live.resource.precious() && !wanted && policy.retention == Retention::Retain {
                    say(key, "data deleted although it is retained");
                }
                let fresh = wanted && !live.was_ready && !live.resource.precious();
                if let Agreed::Shown(shown) = &policy.agreed
                    && !fresh
                    && !shown.contains(&(key.clone(), step.action.verb()))
                {
                    say(key, "deleted although that was not shown");
                }
                if wanted != (step.action.verb() == Verb::Replace) {
                    say(key, "replaced and deleted are confused");
                }
            }
        }
    }

    for (key, live) in &observed.live {
        for need in observed.needs(key) {
            if !going.contains(need.key()) {
                continue;
            }
            let mine = place.get(key).copied().filter(|_| going.contains(key));
            let above = plan.steps.get(place[need.key()]);
            if let Some(step) = mine.and_then(|m| plan.steps.get(m)).filter(|s| s.along) {
                let first = above.is_some_and(|s| s.after.contains(key));
                if first || !step.after.contains(need.key()) {
                    say(key, "goes along, and not after what it goes with");
                }
                continue;
            }
            let waited = plan
                .steps
                .get(place[need.key()])
                .is_some_and(|s| s.after.contains(key));
            let stays = mine.is_none() && live.health != Health::Leaving && !waited;
            if stays && matches!(need, Need::Built(_)) {
                say(key, "stays although what it is built on goes");
            }
            if mine.is_some_and(|m| m > place[need.key()]) {
                say(key, "goes after what it needs");
            }
            if mine.is_some() && !waited {
                say(need.key(), "does not wait for its dependant to go");
            }
        }
        let wanted = desired.wanted().contains_key(key);
        let told = place.contains_key(key)
            || plan.waiting.iter().any(|w| w.key == *key)
            || plan.blocked.iter().any(|b| b.key == *key)
            || plan.kept.iter().any(|k| k.key == *key);
        let swept = live.origin == Origin::Derived && policy.sweep;
        let foreign = !live.is_mine() && !swept;
        if !wanted && !told && !foreign && plan.blocked.is_empty() {
            say(key, "unwanted, and the plan says nothing of it");
        }
    }
    for key in desired.wanted().keys() {
        let told = place.contains_key(key)
            || plan.waiting.iter().any(|w| w.key == *key)
            || plan.blocked.iter().any(|b| b.key == *key);
        if !observed.live.contains_key(key)
            && !told
            && observed.duplicates.is_empty()
            && observed.unreadable.is_empty()
        {
            say(key, "missing, and the plan says nothing of it");
        }
    }
    found
}
