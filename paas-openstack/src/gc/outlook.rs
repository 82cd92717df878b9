//! What would go and what would stay, and why: the plan of a sweep, before it or after it.

use std::collections::BTreeMap;

use paas_core::{
    error::Result,
    graph::Desired,
    plan::plan,
    policy::{Bounds, Policy},
};

use super::{
    Chosen, Findings, Leftover, Ref,
    graph::{self, chosen_of},
};

/// Why a volume stays that nobody gave up.
pub const HOLDS_DATA: &str = "it holds data";

/// What a sweep of the chosen owners would do now. Pure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlook {
    /// What goes, what stands on something before it.
    pub goes: Vec<Ref>,
    /// What stays, and why.
    pub stays: BTreeMap<Ref, String>,
}

/// What a sweep of the chosen owners would do now.
///
/// # Errors
/// Something has an id that is none.
pub fn outlook(findings: &Findings, chosen: &Chosen) -> Result<Outlook> {
    let graph = graph::of(findings, chosen)?;
    let plan = plan(&Desired::nothing(), &graph.observed, &policy());
    let things: BTreeMap<_, &Ref> = graph.keys.iter().map(|(it, key)| (key, it)).collect();
    let mut outlook = Outlook {
        goes: plan
            .steps
            .iter()
            .filter_map(|step| things.get(&step.key))
            .map(|it| (*it).clone())
            .collect(),
        stays: BTreeMap::new(),
    };
    let stays = (plan.blocked.iter().map(|it| (&it.key, &it.why)))
        .chain(plan.kept.iter().map(|it| (&it.key, &it.why)));
    for (key, why) in stays {
        if let Some(it) = things.get(key) {
            let why = directly(findings, chosen, it).unwrap_or_else(|| why.clone());
            outlook.stays.insert((*it).clone(), why);
        }
    }
    for (_, it) in chosen_of(findings, chosen) {
        if let Some(why) = &it.stays {
            outlook.stays.insert(it.it.clone(), why.clone());
        }
    }
    Ok(outlook)
}

/// How a sweep is carried out: data stays unless the graph says otherwise, and what is in use is tried until the time is over.
pub(super) fn policy() -> Policy {
    Policy {
        bounds: Bounds {
            attempts: u32::MAX,
            backoff_max: std::time::Duration::from_secs(10),
            ..Bounds::default()
        },
        ..Policy::default()
    }
}

/// Why this one stays, where the reason is its own or stands right on it.
fn directly(findings: &Findings, chosen: &Chosen, it: &Ref) -> Option<String> {
    let outsider = findings
        .outsiders
        .iter()
        .find(|outsider| outsider.on.contains(it));
    if let Some(outsider) = outsider {
        return Some(format!("{} is not ours and stands on it", outsider.said));
    }
    let others = findings
        .owners
        .iter()
        .filter(|remains| !chosen.owners.contains(&remains.uid));
    for remains in others {
        if let Some(other) = remains.leftovers.iter().find(|other| other.on.contains(it)) {
            return Some(format!("{} of {} stands on it", other.said(), remains.short()));
        }
    }
    let all = || chosen_of(findings, chosen).map(|(_, leftover)| leftover);
    if all().any(|leftover| leftover.it == *it && leftover.holds_data) {
        return Some(HOLDS_DATA.to_owned());
    }
    let above: Option<&Leftover> =
        all().find(|leftover| leftover.on.contains(it) && directly(findings, chosen, &leftover.it).is_some());
    above.map(|leftover| format!("{} stands on it and stays", leftover.said()))
}
