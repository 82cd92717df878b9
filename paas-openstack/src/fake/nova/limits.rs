//! How much a project may have, and has.

use axum::extract::{Path, State};
use serde_json::json;

use super::forbidden;
use crate::fake::{
    collection::Object,
    microversion::Microversion,
    refusal::{Answer, Refusal},
    request::{Sent, empty, json},
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

/// The quotas of a project.
pub(super) fn of(world: &World, nova: &super::State, project: &str) -> Quotas {
    nova.quotas.get(project).unwrap_or(&world.setup.quotas).clone()
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
    let quotas = of(world, nova, &who.project);
    let count = count as i64;
    let mut over = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for (name, wanted, has, most) in [
        ("cores", flavor.vcpus as i64 * count, used.cores, quotas.cores),
        ("instances", count, used.instances, quotas.instances),
        ("ram", flavor.ram as i64 * count, used.ram, quotas.ram),
    ] {
        if most >= 0 && has + wanted > most {
            let row = [
                name.to_owned(),
                wanted.to_string(),
                has.to_string(),
                most.to_string(),
            ];
            over.iter_mut()
                .zip(row)
                .for_each(|(column, cell)| column.push(cell));
        }
    }
    let [names, wanted, has, most] = over.map(|column| column.join(", "));
    if names.is_empty() {
        return Ok(());
    }
    let words =
        format!("Quota exceeded for {names}: Requested {wanted}, but already used {has} of {most} {names}");
    Err(Refusal::nova(403, &words))
}

/// Refuses servers that would be too many in their group.
pub(super) fn members(
    world: &World,
    nova: &super::State,
    who: &Who,
    group: &str,
    count: usize,
) -> Result<(), Refusal> {
    let most = of(world, nova, &who.project).server_group_members;
    let has = nova
        .servers
        .iter()
        .filter(|server| server.group.as_deref() == Some(group))
        .count();
    if most >= 0 && (has + count) as i64 > most {
        return Err(Refusal::nova(403, "Quota exceeded, too many servers in group"));
    }
    Ok(())
}

/// `GET /limits`.
pub(super) async fn limits(State(world): State<Shared>, who: Who, version: Microversion) -> Answer {
    let state = world.state();
    let (used, quotas) = (
        used(&state.nova, &who.project),
        of(&world, &state.nova, &who.project),
    );
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

fn shown(quotas: &Quotas) -> Object {
    quota_set(quotas)
        .into_iter()
        .map(|(name, limit)| (name.to_owned(), json!(limit)))
        .collect()
}

/// `GET /os-quota-sets/{project}`.
pub(super) async fn quotas(State(world): State<Shared>, who: Who, Path(project): Path<String>) -> Answer {
    own(&who, &project)?;
    let mut set = shown(&of(&world, &world.state().nova, &project));
    set.insert("id".into(), json!(project));
    Ok(json(200, json!({"quota_set": set})))
}

/// `GET /os-quota-sets/{project}/defaults`.
pub(super) async fn default_quotas(
    State(world): State<Shared>,
    who: Who,
    Path(project): Path<String>,
) -> Answer {
    own(&who, &project)?;
    let mut set = shown(&world.setup.quotas);
    set.insert("id".into(), json!(project));
    Ok(json(200, json!({"quota_set": set})))
}

/// `PUT /os-quota-sets/{project}`, for administrators.
pub(super) async fn set_quotas(
    State(world): State<Shared>,
    who: Who,
    Path(project): Path<String>,
    sent: Sent,
) -> Answer {
    if !who.is_admin() {
        return Err(forbidden("os_compute_api:os-quota-sets:update"));
    }
    let wanted = sent.member("quota_set")?;
    let mut state = world.state();
    let mut quotas = of(&world, &state.nova, &project);
    for (name, limit) in wanted {
        let Some(limit) = limit.as_i64().or_else(|| limit.as_str()?.parse().ok()) else {
            continue;
        };
        match name.as_str() {
            "instances" => quotas.instances = limit,
            "cores" => quotas.cores = limit,
            "ram" => quotas.ram = limit,
            "metadata_items" => quotas.metadata_items = limit,
            "key_pairs" => quotas.key_pairs = limit,
            "server_groups" => quotas.server_groups = limit,
            "server_group_members" => quotas.server_group_members = limit,
            _ => {}
        }
    }
    let set = shown(&quotas);
    state.nova.quotas.insert(project, quotas);
    Ok(json(200, json!({"quota_set": set})))
}

/// `DELETE /os-quota-sets/{project}`, for administrators: the defaults again.
pub(super) async fn reset_quotas(
    State(world): State<Shared>,
    who: Who,
    Path(project): Path<String>,
) -> Answer {
    if !who.is_admin() {
        return Err(forbidden("os_compute_api:os-quota-sets:delete"));
    }
    world.state().nova.quotas.remove(&project);
    Ok(empty(202))
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
    let mut set: Object = quota_set(&of(&world, &state.nova, &project))
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
