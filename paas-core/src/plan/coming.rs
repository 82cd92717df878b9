//! What stays and is updated or waited for, and what is created.

use std::collections::BTreeSet;

use super::{Action, Blocked, Plan, Step, Verb, Waiting, drift};
use crate::{
    codes,
    graph::{Desired, Observed},
    ledger::Applied,
    policy::{Drift, Policy},
    resource::{Change, Diff, Health, Key, Live, Resource},
};

/// Updates and waits of what is live and does not go.
pub(super) fn stay<R: Resource>(
    desired: &Desired<R>,
    observed: &Observed<R>,
    policy: &Policy,
    going: &BTreeSet<Key>,
    plan: &mut Plan<R>,
) {
    let told: BTreeSet<Key> = plan.blocked.iter().map(|b| b.key.clone()).collect();
    for key in desired.order() {
        let (Some(want), Some(live)) = (desired.wanted().get(key), observed.live.get(key)) else {
            continue;
        };
        if going.contains(key) || !live.is_mine() {
            continue;
        }
        let diff = match drift::difference(want, live) {
            Diff::Update(changes) if live.health != Health::Leaving => Some(changes),
            Diff::Refuse { changes, code } => {
                let words: Vec<String> = changes
                    .iter()
                    .map(|c| format!("{} {} → {}", c.field, c.from, c.to))
                    .collect();
                plan.blocked.push(Blocked {
                    key: key.clone(),
                    verb: None,
                    why: format!("{}: {}", code.title, words.join(", ")),
                    code,
                });
                continue;
            }
            Diff::Update(_) | Diff::Replace(_) | Diff::Same => None,
        };
        match &live.health {
            Health::Settling { why } => plan.waiting.push(Waiting {
                key: key.clone(),
                why: why.clone(),
            }),
            Health::Leaving => plan.waiting.push(Waiting {
                key: key.clone(),
                why: "it is leaving; it is made anew when it is gone".into(),
            }),
            Health::Broken { why, code } if diff.is_none() && !told.contains(key) => {
                plan.blocked.push(Blocked {
                    key: key.clone(),
                    verb: None,
                    why: format!("{} is broken: {why}", live.id),
                    code: code.unwrap_or(&codes::CORE_PROVIDER),
                });
            }
            Health::Broken { .. } => {}
            Health::Ready if diff.is_none() && !told.contains(key) => plan.same += 1,
            Health::Ready => {}
        }
        let Some(changes) = diff else { continue };
        let (changes, left): (Vec<Change>, Vec<Change>) = changes.into_iter().partition(|c| {
            policy.drift == Drift::Repair || drift::is_asked(key, c, want, live, observed) == Some(true)
        });
        if !left.is_empty() {
            let told = drift::only_reported(key, Verb::Update, &left, want, live, observed);
            plan.blocked.push(told);
        }
        if changes.is_empty() {
            continue;
        }
        let verb = if drift::is_outside(key, &changes, want, live, observed) {
            "was changed from outside"
        } else {
            "differs"
        };
        let reason = format!("{} {verb}", drift::fields(&changes));
        let after = want
            .needs()
            .iter()
            .map(|n| n.key())
            .filter(|k| !has_id(k, desired, observed))
            .cloned()
            .collect();
        let action = Action::Update {
            live: live.clone(),
            want: want.clone(),
            changes,
        };
        plan.push(
            observed,
            Step {
                key: key.clone(),
                action,
                reason,
                after,
                along: false,
                hold: None,
            },
        );
    }
}

/// Creates of what is not there.
pub(super) fn create<R: Resource>(
    desired: &Desired<R>,
    observed: &Observed<R>,
    policy: &Policy,
    going: &BTreeSet<Key>,
    plan: &mut Plan<R>,
) {
    let root_missing = desired.root().filter(|r| !observed.live.contains_key(*r));
    for key in desired.order() {
        let Some(want) = desired
            .wanted()
            .get(key)
            .filter(|_| !observed.live.contains_key(key))
        else {
            continue;
        };
        if let Some(bar) = observed.barred.get(key) {
            plan.blocked.push(Blocked {
                key: key.clone(),
                verb: Some(Verb::Create),
                why: bar.why.clone(),
                code: bar.code,
            });
            continue;
        }
        let deleted = matches!(observed.applied.get(key), Some(Applied::As(_)));
        if let Some(told) = drift::stays_away(key, policy).filter(|_| deleted) {
            plan.blocked.push(told);
            continue;
        }
        let needs: BTreeSet<Key> = want.needs().into_iter().map(|n| n.key().clone()).collect();
        let after = needs
            .into_iter()
            .filter(|k| !is_usable(k, desired, observed, going))
            .collect();
        let hold = root_missing
            .filter(|r| *r != key)
            .map(|root| format!("{root} is made alone and seen first"));
        let step = Step {
            key: key.clone(),
            action: Action::Create { want: want.clone() },
            reason: if deleted {
                "it was deleted from outside".into()
            } else {
                "it does not exist".into()
            },
            after,
            along: false,
            hold,
        };
        plan.push(observed, step);
    }
}

fn has_id<R: Resource>(key: &Key, desired: &Desired<R>, observed: &Observed<R>) -> bool {
    desired.given().contains_key(key) || observed.live.contains_key(key)
}

fn is_usable<R: Resource>(
    key: &Key,
    desired: &Desired<R>,
    observed: &Observed<R>,
    going: &BTreeSet<Key>,
) -> bool {
    desired.given().contains_key(key)
        || (!going.contains(key) && observed.live.get(key).is_some_and(Live::is_ready))
}
