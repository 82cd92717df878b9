//! Volumes and ports that come to a server later, or leave it.

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::{
    boot, order,
    server::{Disk, Nic, Server},
};
use crate::fake::{
    cinder,
    collection::{Object, flag, object, text},
    microversion::Microversion,
    neutron,
    refusal::{Answer, Refusal},
    request::{Sent, empty, json},
    who::Who,
    world::{Shared, State as All},
};

/// `GET …/os-volume_attachments`.
pub(super) async fn volumes(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    let state = world.state();
    let server = state.nova.server(&who, &id)?;
    let all: Vec<Object> = server
        .disks
        .iter()
        .map(|disk| disk_shown(server, disk, version))
        .collect();
    Ok(json(200, json!({"volumeAttachments": all})))
}

/// `GET …/os-volume_attachments/{volume}`.
pub(super) async fn volume(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path((id, volume)): Path<(String, String)>,
) -> Answer {
    let state = world.state();
    let server = state.nova.server(&who, &id)?;
    let disk = server
        .disks
        .iter()
        .find(|disk| disk.volume == volume)
        .ok_or_else(|| not_attached(&id, &volume))?;
    Ok(json(
        200,
        json!({"volumeAttachment": disk_shown(server, disk, version)}),
    ))
}

/// `POST …/os-volume_attachments`: 200, and 202 without a body from 2.101 on.
pub(super) async fn attach_volume(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let wanted = sent.member("volumeAttachment")?;
    let volume = text(wanted, "volumeId");
    let mut state = world.state();
    let server = state.nova.server(&who, &id)?;
    settled(server, "attach_volume")?;
    let found = state
        .cinder
        .volumes
        .get(volume)
        .filter(|found| who.sees(text(found, "project_id")));
    let found = found.ok_or_else(|| Refusal::nova(404, &format!("Volume {volume} could not be found.")))?;
    let status = text(found, "status");
    if status == "in-use" {
        let words = format!(
            "Invalid volume: volume {volume} is already attached to instances: {}",
            holders(found)
        );
        return Err(Refusal::nova(400, &words));
    }
    if status != "available" {
        let words = format!(
            "Invalid volume: Volume {volume} status must be available or downloading to reserve, but the current status is {status}."
        );
        return Err(Refusal::nova(400, &words));
    }
    let tag = wanted
        .get("tag")
        .and_then(Value::as_str)
        .filter(|_| version.has(2, 49))
        .map(str::to_owned);
    let goes = version.has(2, 79) && flag(wanted, "delete_on_termination");
    boot::attach(&world, &mut state, &id, volume, false, goes, tag);
    if version.has(2, 101) {
        return Ok(empty(202));
    }
    let server = state.nova.server(&who, &id)?;
    let disk = server
        .disks
        .iter()
        .find(|disk| disk.volume == volume)
        .ok_or_else(|| not_attached(&id, volume))?;
    Ok(json(
        200,
        json!({"volumeAttachment": just_attached(server, disk, version)}),
    ))
}

/// `DELETE …/os-volume_attachments/{volume}`.
pub(super) async fn detach_volume(
    State(world): State<Shared>,
    who: Who,
    Path((id, volume)): Path<(String, String)>,
) -> Answer {
    let mut state = world.state();
    let server = state.nova.own(&who, &id)?;
    settled(server, "detach_volume")?;
    let at = server
        .disks
        .iter()
        .position(|disk| disk.volume == volume)
        .ok_or_else(|| not_attached(&id, &volume))?;
    if server.disks[at].boots {
        return Err(Refusal::nova(403, "Cannot detach a root device volume"));
    }
    server.disks.remove(at);
    cinder::detach(&world, &mut state, &volume);
    Ok(empty(202))
}

/// As it is listed; the answer to the attaching itself keeps its old shape.
fn disk_shown(server: &Server, disk: &Disk, version: Microversion) -> Object {
    let mut shown = just_attached(server, disk, version);
    if version.has(2, 89) {
        shown.shift_remove("id");
        shown.extend(object(
            json!({"attachment_id": disk.attachment, "bdm_uuid": disk.attachment}),
        ));
    }
    shown
}

fn just_attached(server: &Server, disk: &Disk, version: Microversion) -> Object {
    let mut shown = object(
        json!({"device": disk.device, "id": disk.volume, "serverId": server.id, "volumeId": disk.volume}),
    );
    if version.has(2, 70) {
        shown.insert("tag".into(), json!(disk.tag));
    }
    if version.has(2, 79) {
        shown.insert("delete_on_termination".into(), json!(disk.delete_on_termination));
    }
    shown
}

/// The servers that have a volume.
fn holders(volume: &Object) -> String {
    let attachments = volume
        .get("attachments")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let servers: Vec<&str> = attachments
        .filter_map(|one| one.get("server_id").and_then(Value::as_str))
        .collect();
    servers.join(", ")
}

fn not_attached(id: &str, volume: &str) -> Refusal {
    Refusal::nova(404, &format!("Instance {id} is not attached to volume {volume}"))
}

/// Nothing is attached to what is being built, deleted or changed.
fn settled(server: &Server, action: &str) -> Result<(), Refusal> {
    if server.task.is_none() {
        return Ok(());
    }
    let task = server.task.unwrap_or_default();
    Err(Refusal::nova(
        409,
        &format!(
            "Cannot '{action}' instance {} while it is in task_state {task}",
            server.id
        ),
    ))
}

/// `GET …/os-interface`.
pub(super) async fn interfaces(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    let state = world.state();
    let server = state.nova.server(&who, &id)?;
    let all: Vec<Object> = server
        .nics
        .iter()
        .filter_map(|nic| nic_shown(&state, nic, version))
        .collect();
    Ok(json(200, json!({"interfaceAttachments": all})))
}

/// `GET …/os-interface/{port}`.
pub(super) async fn interface(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path((id, port)): Path<(String, String)>,
) -> Answer {
    let state = world.state();
    let nic = state
        .nova
        .server(&who, &id)?
        .nics
        .iter()
        .find(|nic| nic.port == port);
    let shown = nic
        .and_then(|nic| nic_shown(&state, nic, version))
        .ok_or_else(|| no_port(&id, &port))?;
    Ok(json(200, json!({"interfaceAttachment": shown})))
}

/// `POST …/os-interface`: a port, or a network to make one in.
pub(super) async fn attach_port(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let wanted = sent.member("interfaceAttachment")?;
    let mut state = world.state();
    let server = state.nova.server(&who, &id)?;
    settled(server, "attach_interface")?;
    let (host, zone) = (server.host.clone().unwrap_or_default(), server.host_zone.clone());
    let (port, made) = match (text(wanted, "port_id"), text(wanted, "net_id")) {
        ("", "") => return Err(Refusal::nova(400, "Either port_id or net_id is needed.")),
        ("", network) => {
            order::usable_network(&state, &who, network)?;
            let ip = wanted
                .get("fixed_ips")
                .and_then(|ips| ips.get(0)?.get("ip_address")?.as_str());
            (
                neutron::make_port(&world, &mut state, &who.project, network, ip, &[])?,
                true,
            )
        }
        (port, _) => {
            // Here, unlike at create, a port that is not there is 404.
            if state.neutron.ports.get(port).is_none() {
                return Err(Refusal::nova(404, &format!("Port {port} could not be found.")));
            }
            order::free_port(&state, &who, port)?;
            (port.to_owned(), false)
        }
    };
    neutron::bind(&world, &mut state, &port, &id, &zone, &host);
    let tag = wanted
        .get("tag")
        .and_then(Value::as_str)
        .filter(|_| version.has(2, 49))
        .map(str::to_owned);
    let nic = Nic { port, made, tag };
    let shown = nic_shown(&state, &nic, version);
    state.nova.own(&who, &id)?.nics.push(nic);
    Ok(json(200, json!({"interfaceAttachment": shown})))
}

/// `DELETE …/os-interface/{port}`.
pub(super) async fn detach_port(
    State(world): State<Shared>,
    who: Who,
    Path((id, port)): Path<(String, String)>,
) -> Answer {
    let mut state = world.state();
    let server = state.nova.own(&who, &id)?;
    settled(server, "detach_interface")?;
    let at = server
        .nics
        .iter()
        .position(|nic| nic.port == port)
        .ok_or_else(|| no_port(&id, &port))?;
    let nic = server.nics.remove(at);
    if nic.made {
        neutron::delete_port(&world, &mut state, &port);
    } else {
        neutron::unbind(&world, &mut state, &port);
    }
    Ok(empty(202))
}

fn nic_shown(state: &All, nic: &Nic, version: Microversion) -> Option<Object> {
    let port = state.neutron.ports.get(&nic.port)?;
    let addresses: Vec<Value> = port
        .get("fixed_ips")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|ip| json!({"ip_address": ip.get("ip_address"), "subnet_id": ip.get("subnet_id")}))
        .collect();
    let mut shown = object(
        json!({"port_id": nic.port, "net_id": text(port, "network_id"), "mac_addr": text(port, "mac_address"),
        "port_state": text(port, "status"), "fixed_ips": addresses}),
    );
    if version.has(2, 70) {
        shown.insert("tag".into(), json!(nic.tag));
    }
    Some(shown)
}

fn no_port(id: &str, port: &str) -> Refusal {
    Refusal::nova(404, &format!("Port {port} is not attached to instance {id}."))
}
