//! What a machine takes at its first boot and never again.

use paas_core::{
    error::{Class, Error, Result},
    step::Verb,
    view::PlanView,
};

use super::{VmSpec, desired::KEY_PAIR};
use crate::codes::OS_VM;

/// Refuses a plan that would change, on a machine that stays, what it took when it was made: the change would be without effect.
///
/// # Errors
/// `PAAS-OS-0044` with what it is.
pub fn fixed(spec: &VmSpec, plan: &PlanView) -> Result<()> {
    let steps = || plan.stages.iter().flat_map(|s| &s.steps);
    let server = format!("server/{}", spec.name);
    // It is always wanted: without a step it is there.
    if steps().any(|s| s.key.as_str() == server) {
        return Ok(());
    }
    let data = format!("volume/{}-data", spec.name);
    let what = steps().find_map(|s| match (s.key.as_str(), s.verb) {
        (KEY_PAIR, Verb::Create | Verb::Replace) => Some("its SSH key is written at its first boot"),
        (key, Verb::Create) if key == data => Some("a data volume is attached when it is made"),
        _ => None,
    });
    match what {
        None => Ok(()),
        Some(why) => Err(Error::new(&OS_VM, Class::Blocked)
            .attempted(format!("change the virtual machine {}", spec.name))
            .happened(format!(
                "{why}, and the machine is there already; nothing was changed"
            ))),
    }
}
