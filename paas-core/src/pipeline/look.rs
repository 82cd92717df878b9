//! One look at the world of a stage, with the plan that it leads to.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    actuator::Actuator,
    graph::{Desired, Observed},
    ledger::{Ledger, Settled},
    plan::Plan,
    policy::Policy,
    resource::{Key, Resource},
};

/// What one look at the world gives.
pub(super) struct Look<R: Resource> {
    pub(super) ledger: Ledger,
    pub(super) desired: Desired<R>,
    pub(super) observed: Observed<R>,
    pub(super) policy: Policy,
    pub(super) plan: Plan<R>,
    pub(super) learned: Vec<Settled>,
    pub(super) actuator: Arc<dyn Actuator<R>>,
}

/// Troubles that no step and no block of the plan is about any more.
pub(super) fn over<R: Resource>(ledger: &Ledger, plan: &Plan<R>) -> Vec<Settled> {
    if ledger.troubles.is_empty() {
        return Vec::new();
    }
    let steps = plan.steps.iter().map(|s| &s.key);
    let open: BTreeSet<&Key> = steps.chain(plan.blocked.iter().map(|b| &b.key)).collect();
    let over = ledger.troubles.keys().filter(|k| !open.contains(k));
    over.cloned().map(Settled::Cured).collect()
}
