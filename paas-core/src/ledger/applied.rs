//! What was carried out the last time: with it a changed spec is told from a changed world.

use serde::{Deserialize, Serialize};

use super::{Ledger, Settled};
use crate::{
    graph::{Desired, Observed},
    plan::Plan,
    resource::{Diff, Resource, View},
};

/// What was carried out the last time for one key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Applied {
    /// It was seen as this asked for.
    As(View),
    /// We are removing it ourselves: that it is gone, or still there, is nobody else's doing.
    Removing,
}

/// What the ledger learns about what was carried out, to be durable before the plan is: of a removal, before it is sent. Pure.
pub fn applied<R: Resource>(
    ledger: &Ledger,
    desired: &Desired<R>,
    observed: &Observed<R>,
    plan: &Plan<R>,
) -> Vec<Settled> {
    let mut settled = Vec::new();
    for (key, want) in desired.wanted() {
        let Some(live) = observed.live.get(key).filter(|l| l.is_mine()) else {
            continue;
        };
        let view = Applied::As(want.view());
        if want.diff(&live.resource) == Diff::Same && ledger.applied.get(key) != Some(&view) {
            settled.push(Settled::Applied(key.clone(), view));
        }
    }
    let removed = plan
        .steps
        .iter()
        .filter(|s| s.hold.is_none() && s.action.verb().removes());
    for step in removed.filter(|s| matches!(ledger.applied.get(&s.key), Some(Applied::As(_)))) {
        settled.push(Settled::Applied(step.key.clone(), Applied::Removing));
    }
    let unwanted = ledger
        .applied
        .keys()
        .filter(|k| !desired.wanted().contains_key(*k) && !observed.live.contains_key(*k));
    settled.extend(unwanted.cloned().map(Settled::Forgotten));
    settled
}
