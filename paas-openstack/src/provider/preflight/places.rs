//! Whether what was chosen is there: the external network, images, flavors, zones, types of volumes, and what exists by the user's word.

use std::collections::BTreeSet;

use paas_core::preflight::Finding;

use super::{
    facts::{Facts, Silence, Told},
    needs::Needs,
    silent,
};
use crate::{
    codes::{OS_CHOICE, OS_NO_SERVICE, OS_ZONE},
    provider::lookup,
    wire::Zone,
};

pub(super) fn judge(needs: &Needs<'_>, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for told in &facts.external {
        found.extend(unanswered("the external network", told));
    }
    for (choice, told) in &facts.images {
        found.extend(unanswered(&format!("image {choice}"), told));
    }
    flavors(needs, facts, &mut found);
    let servers = needs.servers.iter().filter_map(|s| s.want.zone.as_deref());
    zones("servers", servers.collect(), &facts.zones, &mut found);
    // That there is no Cinder is told with its quota.
    let no_cinder = matches!(&facts.storage, Some(Err(Silence::Said(e))) if e.code() == &OS_NO_SERVICE);
    if !no_cinder {
        let volumes = needs.volumes.iter().filter_map(|v| v.want.zone.as_deref());
        zones("volumes", volumes.collect(), &facts.volume_zones, &mut found);
        types(needs, facts, &mut found);
    }
    given(facts, &mut found);
    found
}

fn unanswered<T>(what: &str, told: &Told<T>) -> Option<Finding> {
    match told {
        Some(Err(silence)) => Some(silent(what, silence)),
        _ => None,
    }
}

fn flavors(needs: &Needs<'_>, facts: &Facts, found: &mut Vec<Finding>) {
    found.extend(unanswered("which flavors there are", &facts.flavors));
    let Some(Ok(all)) = &facts.flavors else {
        return;
    };
    let choices: BTreeSet<_> = needs.servers.iter().map(|s| &s.want.flavor).collect();
    for choice in choices {
        match lookup::flavor(all, choice) {
            Ok(flavor) if flavor.disabled => {
                let said = format!("flavor {} is switched off", flavor.name);
                found.push(Finding::error(&OS_CHOICE, said).remedy("choose another flavor"));
            }
            Ok(_) => {}
            Err(e) => found.push(silent("the flavor", &super::Silence::Said(e))),
        }
    }
}

fn zones(of: &str, wanted: BTreeSet<&str>, told: &Told<Vec<Zone>>, found: &mut Vec<Finding>) {
    found.extend(unanswered(&format!("which zones there are for {of}"), told));
    let Some(Ok(all)) = told else {
        return;
    };
    let open = all.iter().filter(|z| z.state.available).map(|z| z.name.as_str());
    let open: Vec<&str> = open.filter(|name| *name != "internal").collect();
    for zone in wanted.into_iter().filter(|zone| !open.contains(zone)) {
        let why = if all.iter().any(|z| z.name == zone) {
            "is switched off"
        } else {
            "does not exist"
        };
        let rest = match open.as_slice() {
            [] => "none takes anything".to_owned(),
            open => format!("these take {of}: {}", open.join(", ")),
        };
        let finding = Finding::error(&OS_ZONE, format!("the zone {zone} for {of} {why}; {rest}"));
        found.push(finding.remedy("use a zone that takes them, or leave availabilityZones out"));
    }
}

fn types(needs: &Needs<'_>, facts: &Facts, found: &mut Vec<Finding>) {
    found.extend(unanswered(
        "which types of volumes there are",
        &facts.volume_types,
    ));
    let Some(Ok(all)) = &facts.volume_types else {
        return;
    };
    let wanted: BTreeSet<&str> = needs
        .volumes
        .iter()
        .filter_map(|v| v.want.kind.as_deref())
        .collect();
    for kind in wanted {
        if all.iter().any(|t| t.name == kind || t.id == kind) {
            continue;
        }
        let names: Vec<&str> = all.iter().map(|t| t.name.as_str()).collect();
        let said = format!("volume type {kind}: there are: {}", names.join(", "));
        found.push(Finding::error(&OS_CHOICE, said).remedy("choose one of these, or leave volumeType out"));
    }
}

/// What exists by the user's word must be there once, and a subnet in the network that was named with it.
fn given(facts: &Facts, found: &mut Vec<Finding>) {
    for (key, told) in &facts.given {
        found.extend(unanswered(key.as_str(), told).map(|finding| finding.about(key)));
    }
    let of = |name: &str| {
        let all = facts.given.iter();
        all.filter(|(key, _)| key.as_str() == name)
            .find_map(|(key, told)| Some((key, told.as_ref()?.as_ref().ok()?)))
    };
    if let (Some((_, network)), Some((key, subnet))) = (of("network"), of("subnet"))
        && subnet.network.as_ref().is_some_and(|its| *its != network.id)
    {
        let said = format!(
            "the subnet {} ({}) is not in the network {} ({})",
            subnet.name, subnet.id, network.name, network.id
        );
        let remedy = "name a subnet of that network under existing, or the network that the subnet is in";
        found.push(Finding::error(&OS_CHOICE, said).about(key).remedy(remedy));
    }
}
