//! Hypervisors: who runs what, and where the next server goes.

use std::cmp::Reverse;

use axum::extract::State;
use serde_json::{Value, json};

use super::{forbidden, groups::Rule};
use crate::fake::{
    collection::object,
    refusal::{Answer, Refusal},
    request::json,
    setup::{Flavor, Hypervisor},
    who::Who,
    world::{Shared, World},
};

/// Nova's default: four virtual processors on each real one.
pub(in crate::fake) const PROCESSOR_RATIO: u64 = 4;

/// Where a server goes.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) zone: String,
}

/// What the servers on a hypervisor take together.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::fake) struct Usage {
    pub(in crate::fake) servers: u64,
    pub(in crate::fake) vcpus: u64,
    pub(in crate::fake) ram: u64,
    pub(in crate::fake) disk: u64,
}

/// What the servers on a hypervisor take together.
pub(in crate::fake) fn usage(nova: &super::State, host: &str) -> Usage {
    let there = nova
        .servers
        .iter()
        .filter(|server| server.host.as_deref() == Some(host));
    there.fold(Usage::default(), |all, server| Usage {
        servers: all.servers + 1,
        vcpus: all.vcpus + server.flavor.vcpus,
        ram: all.ram + server.flavor.ram,
        disk: all.disk
            + if server.image.is_some() {
                server.flavor.disk
            } else {
                0
            },
    })
}

/// The hypervisor with the most free memory of those that have room and that the server's group allows.
pub(super) fn choose(
    world: &World,
    nova: &super::State,
    flavor: &Flavor,
    zone: Option<&str>,
    group: Option<&str>,
) -> Option<Host> {
    let group = group.and_then(|id| nova.groups.iter().find(|group| group.id == id));
    // How many of the group run on a hypervisor, and how many anywhere.
    let members = |host: &Hypervisor| {
        let placed = nova.servers.iter().filter(|server| server.host.is_some());
        let of_group = placed
            .filter(|server| group.is_some_and(|group| server.group.as_deref() == Some(group.id.as_str())));
        let here = of_group
            .clone()
            .filter(|server| server.host.as_deref() == Some(host.name.as_str()))
            .count();
        (here, of_group.count())
    };
    let fits = |host: &&Hypervisor| {
        let used = usage(nova, &host.name);
        let room = used.vcpus + flavor.vcpus <= host.vcpus * PROCESSOR_RATIO
            && flavor.vcpus <= host.vcpus
            && used.ram + flavor.ram <= host.ram
            && used.disk + flavor.disk <= host.disk;
        let (here, all) = members(host);
        let allowed = match group.map(|group| group.rule) {
            Some(Rule::AntiAffinity(most)) => here < most,
            Some(Rule::Affinity) => all == 0 || here > 0,
            Some(Rule::SoftAntiAffinity | Rule::SoftAffinity) | None => true,
        };
        room && allowed && zone.is_none_or(|zone| zone == host.zone)
    };
    let liked = |host: &&Hypervisor| {
        let (here, _) = members(host);
        let apart = match group.map(|group| group.rule) {
            Some(Rule::SoftAntiAffinity | Rule::AntiAffinity(_)) => here,
            Some(Rule::SoftAffinity) => usize::MAX - here,
            Some(Rule::Affinity) | None => 0,
        };
        (
            apart,
            Reverse(host.ram.saturating_sub(usage(nova, &host.name).ram)),
        )
    };
    let best = world.setup.hypervisors.iter().filter(fits).min_by_key(liked)?;
    Some(Host {
        name: best.name.clone(),
        zone: best.zone.clone(),
    })
}

/// Refuses a zone that no hypervisor is in, or whose services are switched off.
pub(super) fn has_zone(world: &World, zone: Option<&str>) -> Result<(), Refusal> {
    let known = zone.is_none_or(|zone| {
        is_open(world, zone) && world.setup.hypervisors.iter().any(|host| host.zone == zone)
    });
    if known {
        Ok(())
    } else {
        Err(Refusal::nova(
            400,
            "The requested availability zone is not available",
        ))
    }
}

/// `GET /os-availability-zone`.
pub(super) async fn zones(State(world): State<Shared>, _who: Who) -> Answer {
    Ok(json(
        200,
        json!({"availabilityZoneInfo": zone_names(&world).iter().map(|zone| {
        json!({"zoneName": zone, "zoneState": {"available": is_open(&world, zone)}, "hosts": null})
    }).collect::<Vec<_>>()}),
    ))
}

/// `GET /os-availability-zone/detail`, for administrators.
pub(super) async fn zones_detail(State(world): State<Shared>, who: Who) -> Answer {
    if !who.is_admin() {
        return Err(forbidden("os_compute_api:os-availability-zone:detail"));
    }
    let zones: Vec<Value> = zone_names(&world)
        .iter()
        .map(|zone| {
            let hosts = world.setup.hypervisors.iter().filter(|host| host.zone == **zone);
            let hosts = hosts.map(|host| (host.name.clone(), json!({"nova-compute": {"available": true, "active": true, "updated_at": null}})));
            json!({"zoneName": zone, "zoneState": {"available": is_open(&world, zone)}, "hosts": hosts.collect::<serde_json::Map<_, _>>()})
        })
        .collect();
    Ok(json(200, json!({"availabilityZoneInfo": zones})))
}

fn is_open(world: &World, zone: &str) -> bool {
    !world.setup.shape.closed_zones.iter().any(|closed| closed == zone)
}

fn zone_names(world: &World) -> Vec<&str> {
    let mut names: Vec<&str> = world
        .setup
        .hypervisors
        .iter()
        .map(|host| host.zone.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// `GET /os-hypervisors` and `/os-hypervisors/detail`, for administrators.
pub(super) async fn hypervisors(State(world): State<Shared>, who: Who) -> Answer {
    if !who.is_admin() {
        return Err(forbidden("os_compute_api:os-hypervisors:list"));
    }
    let state = world.state();
    let all: Vec<_> = world
        .setup
        .hypervisors
        .iter()
        .enumerate()
        .map(|(n, host)| {
            let used = usage(&state.nova, &host.name);
            object(json!({
                "id": n + 1, "hypervisor_hostname": host.name, "state": "up", "status": "enabled", "host_ip": "127.0.0.1",
                "hypervisor_type": "fake", "hypervisor_version": 1000, "vcpus": host.vcpus, "vcpus_used": used.vcpus,
                "memory_mb": host.ram, "memory_mb_used": used.ram, "free_ram_mb": host.ram.saturating_sub(used.ram),
                "local_gb": host.disk, "local_gb_used": used.disk, "free_disk_gb": host.disk.saturating_sub(used.disk),
                "disk_available_least": 0, "running_vms": used.servers, "current_workload": 0, "cpu_info": {},
                "service": {"id": n + 1, "host": host.name, "disabled_reason": null},
            }))
        })
        .collect();
    Ok(json(200, json!({"hypervisors": all})))
}

/// `GET /os-services`, for administrators.
pub(super) async fn services(State(world): State<Shared>, who: Who) -> Answer {
    if !who.is_admin() {
        return Err(forbidden("os_compute_api:os-services:list"));
    }
    let hosts = world.setup.hypervisors.iter().enumerate();
    let all: Vec<Value> = hosts
        .map(|(n, host)| json!({"id": n + 1, "binary": "nova-compute", "host": host.name, "zone": host.zone, "status": "enabled", "state": "up",
            "updated_at": null, "disabled_reason": null}))
        .collect();
    Ok(json(200, json!({"services": all})))
}
