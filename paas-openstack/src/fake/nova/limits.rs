//! How much a project may have, and has.

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::forbidden;
use crate::fake::{
    microversion::Microversion,
    refusal::{Answer, Refusal},
    request::json,
    setup::{Flavor, Quotas},
    who::Who,
    world::{Shared, World},
};

/// What a project has.
struct Used {
    instances: i64,
    cores: i64,
    ram: i64,
    groups: i64,
}

fn used(nova: &super::State, project: &str) -> Used {
    let servers = nova.servers.iter().filter(|server| server.project == project);
    Used {
        instances: servers.clone().count() as i64,
        cores: servers.clone().map(|server| server.flavor.vcpus as i64).sum(),
        ram: servers.map(|server| server.flavor.ram as i64).sum(),
        groups: nova
            .groups
            .iter()
            .filter(|group| group.project == project)
            .count() as i64,
    }
}

/// Refuses servers that a project may not have, in Nova's words.
pub(super) fn servers(
    world: &World,
    nova: &super::State,
    who: &Who,
    flavor: &Flavor,
    count: usize,
) -> Result<(), Refusal> {
    let used = used(nova, &who.project);
    let quotas = &world.setup.quotas;
    let count = count as i64;
    let over: Vec<(&str, i64, i64, i64)> = [
        ("cores", flavor.vcpus as i64 * count, used.cores, quotas.cores),
        ("instances", count, used.instances, quotas.instances),
        ("ram", flavor.ram as i64 * count, used.ram, quotas.ram),
    ]
    .into_iter()
    .filter(|(_, wanted, has, most)| *most >= 0 && has + wanted > *most)
    .collect();
    if over.is_empty() {
        return Ok(());
    }
    let list =
        |of: &dyn Fn(&(&str, i64, i64, i64)) -> String| over.iter().map(of).collect::<Vec<_>>().join(", ");
    let names = list(&|one| one.0.to_owned());
    Err(Refusal::nova(
        403,
        &format!(
            "Quota exceeded for {names}: Requested {}, but already used {} of {} {names}",
            list(&|one| one.1.to_string()),
            list(&|one| one.2.to_string()),
            list(&|one| one.3.to_string()),
        ),
    ))
}

/// `GET /limits`.
pub(super) async fn limits(State(world): State<Shared>, who: Who, version: Microversion) -> Answer {
    let state = world.state();
    let (used, quotas) = (used(&state.nova, &who.project), &world.setup.quotas);
    let mut absolute = json!({
        "maxServerMeta": quotas.metadata_items, "maxTotalInstances": quotas.instances, "maxTotalCores": quotas.cores,
        "maxTotalRAMSize": quotas.ram, "maxTotalKeypairs": quotas.key_pairs, "maxServerGroups": quotas.server_groups,
        "maxServerGroupMembers": quotas.server_group_members, "totalInstancesUsed": used.instances, "totalCoresUsed": used.cores,
        "totalRAMUsed": used.ram, "totalServerGroupsUsed": used.groups,
    });
    if !version.has(2, 57) {
        absolute["maxPersonality"] = json!(5);
        absolute["maxPersonalitySize"] = json!(10240);
    }
    if !version.has(2, 39) {
        absolute["maxImageMeta"] = json!(quotas.metadata_items);
    }
    Ok(json(200, json!({"limits": {"rate": [], "absolute": absolute}})))
}

fn quota_set(quotas: &Quotas) -> Vec<(&'static str, i64)> {
    vec![
        ("instances", quotas.instances),
        ("cores", quotas.cores),
        ("ram", quotas.ram),
        ("metadata_items", quotas.metadata_items),
        ("key_pairs", quotas.key_pairs),
        ("server_groups", quotas.server_groups),
        ("server_group_members", quotas.server_group_members),
    ]
}

/// `GET /os-quota-sets/{project}`, and `/defaults`.
pub(super) async fn quotas(State(world): State<Shared>, who: Who, Path(project): Path<String>) -> Answer {
    own(&who, &project)?;
    let mut set: serde_json::Map<String, Value> = quota_set(&world.setup.quotas)
        .into_iter()
        .map(|(name, limit)| (name.to_owned(), json!(limit)))
        .collect();
    set.insert("id".into(), json!(project));
    Ok(json(200, json!({"quota_set": set})))
}

/// `GET /os-quota-sets/{project}/detail`.
pub(super) async fn quota_detail(
    State(world): State<Shared>,
    who: Who,
    Path(project): Path<String>,
) -> Answer {
    own(&who, &project)?;
    let state = world.state();
    let used = used(&state.nova, &project);
    let in_use = |name: &str| match name {
        "instances" => used.instances,
        "cores" => used.cores,
        "ram" => used.ram,
        "server_groups" => used.groups,
        _ => 0,
    };
    let mut set: serde_json::Map<String, Value> = quota_set(&world.setup.quotas)
        .into_iter()
        .map(|(name, limit)| {
            (
                name.to_owned(),
                json!({"limit": limit, "in_use": in_use(name), "reserved": 0}),
            )
        })
        .collect();
    set.insert("id".into(), json!(project));
    Ok(json(200, json!({"quota_set": set})))
}

fn own(who: &Who, project: &str) -> Result<(), Refusal> {
    if who.sees(project) {
        Ok(())
    } else {
        Err(forbidden("os_compute_api:os-quota-sets:show"))
    }
}
