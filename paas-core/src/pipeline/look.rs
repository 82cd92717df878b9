//! One look at the world of a stage, with the plan that it leads to.

use std::{sync::Arc, time::Duration};

use crate::{
    actuator::Actuator,
    graph::{Desired, Observed},
    ledger::{Ledger, Settled},
    plan::Plan,
    policy::Policy,
    resource::Resource,
};

/// What one look at the world gives.
pub(super) struct Look<R: Resource> {
    pub(super) ledger: Ledger,
    pub(super) desired: Desired<R>,
    pub(super) observed: Observed<R>,
    /// What was observed, before the ledger had its say, and when; where it may serve again.
    pub(super) raw: Option<(Duration, Observed<R>)>,
    pub(super) policy: Policy,
    pub(super) plan: Plan<R>,
    pub(super) learned: Vec<Settled>,
    pub(super) actuator: Arc<dyn Actuator<R>>,
}
