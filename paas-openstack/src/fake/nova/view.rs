//! How a server is shown: what each microversion added or changed.

use serde_json::{Value, json};
use uuid::Uuid;

use super::server::{Machine, Server};
use crate::{
    client::service::Kind,
    fake::{
        collection::{Object, micros, object, seconds, text},
        microversion::Microversion,
        who::Who,
        world::{State, World},
    },
};

/// A server with everything that its user, or an administrator, sees.
pub(super) fn whole(
    world: &World,
    state: &State,
    who: &Who,
    server: &Server,
    version: Microversion,
) -> Object {
    let mut shown = object(json!({
        "id": server.id,
        "name": server.name,
        "status": server.status(),
        "tenant_id": server.project,
        "user_id": server.user,
        "metadata": server.metadata,
        "hostId": host_id(server),
        "image": image(world, server),
        "flavor": flavor(world, server, version),
        "created": seconds(server.created),
        "updated": seconds(server.updated),
        "addresses": addresses(state, server),
        "accessIPv4": "",
        "accessIPv6": "",
        "links": links(world, "servers", &server.id),
        "OS-DCF:diskConfig": "MANUAL",
    }));
    if matches!(server.machine, Machine::Building | Machine::Active) {
        shown.insert("progress".into(), json!(0));
    }
    shown.extend(object(json!({
        "OS-EXT-AZ:availability_zone": if server.host.is_some() { server.host_zone.clone() } else { server.zone.clone().unwrap_or_default() },
        "config_drive": if server.config_drive { "True" } else { "" },
        "key_name": server.key_name,
        "OS-SRV-USG:launched_at": server.launched.map(micros),
        "OS-SRV-USG:terminated_at": null,
    })));
    let groups = security_groups(state, server);
    if !groups.is_empty() {
        let names: Vec<Value> = groups
            .iter()
            .map(|group| json!({"name": text(group, "name")}))
            .collect();
        shown.insert("security_groups".into(), names.into());
    }
    if who.is_admin() {
        shown.extend(for_administrators(server, version));
    } else if version.has(2, 90) {
        shown.insert("OS-EXT-SRV-ATTR:hostname".into(), json!(server.hostname));
    }
    shown.extend(object(json!({
        "OS-EXT-STS:task_state": server.task,
        "OS-EXT-STS:vm_state": server.machine.vm_state(),
        "OS-EXT-STS:power_state": server.machine.power_state(),
        "os-extended-volumes:volumes_attached": volumes(server, version),
    })));
    if let Some(fault) = &server.fault {
        shown.insert(
            "fault".into(),
            json!({"code": 500, "created": seconds(fault.created), "message": fault.words}),
        );
        if who.is_admin() {
            shown["fault"]["details"] = json!("Traceback (most recent call last): …");
        }
    }
    if version.has(2, 9) {
        shown.insert("locked".into(), json!(server.locked));
    }
    if version.has(2, 19) {
        shown.insert("description".into(), json!(server.description));
    }
    if version.has(2, 26) {
        shown.insert("tags".into(), json!(server.tags));
    }
    if version.has(2, 63) {
        shown.insert("trusted_image_certificates".into(), Value::Null);
    }
    if version.has(2, 73) {
        shown.insert("locked_reason".into(), Value::Null);
    }
    if version.has(2, 96) {
        shown.insert("pinned_availability_zone".into(), json!(server.zone));
    }
    shown
}

/// Id, name and links.
pub(super) fn brief(world: &World, server: &Server) -> Object {
    object(json!({"id": server.id, "name": server.name, "links": links(world, "servers", &server.id)}))
}

/// The two links that Nova puts everywhere; the second has no version.
pub(super) fn links(world: &World, what: &str, id: &str) -> Value {
    json!([
        {"rel": "self", "href": world.url(Kind::Compute, &format!("/v2.1/{what}/{id}"))},
        {"rel": "bookmark", "href": world.url(Kind::Compute, &format!("/{what}/{id}"))},
    ])
}

/// Addresses by the network's name, the fixed ones first, as Neutron's ports have them.
pub(super) fn addresses(state: &State, server: &Server) -> Object {
    let mut all = Object::new();
    for port in server
        .nics
        .iter()
        .filter_map(|nic| state.neutron.ports.get(&nic.port))
    {
        let network = state
            .neutron
            .networks
            .get(text(port, "network_id"))
            .map_or("", |network| text(network, "name"));
        let mac = text(port, "mac_address");
        let fixed: Vec<&str> = fixed_addresses(port).collect();
        let floating = state
            .neutron
            .floatingips
            .of("port_id", text(port, "id"))
            .map(|ip| text(ip, "floating_ip_address"));
        let of = |address: &str, kind: &str| json!({"version": if address.contains(':') { 6 } else { 4 }, "addr": address, "OS-EXT-IPS:type": kind, "OS-EXT-IPS-MAC:mac_addr": mac});
        let addresses = fixed
            .iter()
            .map(|ip| of(ip, "fixed"))
            .chain(floating.map(|ip| of(ip, "floating")));
        if let Value::Array(list) = all.entry(network).or_insert_with(|| json!([])) {
            list.extend(addresses);
        }
    }
    all
}

pub(super) fn fixed_addresses(port: &Object) -> impl Iterator<Item = &str> {
    let fixed = port.get("fixed_ips").and_then(Value::as_array);
    fixed
        .into_iter()
        .flatten()
        .filter_map(|ip| ip.get("ip_address").and_then(Value::as_str))
}

/// The security groups of all its ports, each once.
pub(super) fn security_groups(state: &State, server: &Server) -> Vec<Object> {
    let mut groups: Vec<Object> = Vec::new();
    for port in server
        .nics
        .iter()
        .filter_map(|nic| state.neutron.ports.get(&nic.port))
    {
        let ids = port
            .get("security_groups")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        for group in ids.filter_map(|id| state.neutron.security_groups.get(id)) {
            if !groups.iter().any(|seen| seen.get("id") == group.get("id")) {
                groups.push(group.clone());
            }
        }
    }
    groups
}

fn image(world: &World, server: &Server) -> Value {
    let Some(id) = &server.image else {
        return json!("");
    };
    let href = world.url(Kind::Compute, &format!("/images/{id}"));
    json!({"id": id, "links": [{"rel": "bookmark", "href": href}]})
}

fn flavor(world: &World, server: &Server, version: Microversion) -> Value {
    let flavor = &server.flavor;
    if version.has(2, 47) {
        let specs: Object = flavor
            .extra_specs
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        return json!({"vcpus": flavor.vcpus, "ram": flavor.ram, "disk": flavor.disk, "ephemeral": 0, "swap": 0,
            "original_name": flavor.name, "extra_specs": specs});
    }
    let href = world.url(Kind::Compute, &format!("/flavors/{}", flavor.id));
    json!({"id": flavor.id, "links": [{"rel": "bookmark", "href": href}]})
}

fn volumes(server: &Server, version: Microversion) -> Vec<Value> {
    let disks = server.disks.iter();
    disks
        .map(|disk| {
            if version.has(2, 3) {
                json!({"id": disk.volume, "delete_on_termination": disk.delete_on_termination})
            } else {
                json!({"id": disk.volume})
            }
        })
        .collect()
}

/// The same for all servers of a project on a host, and tells nothing else.
fn host_id(server: &Server) -> String {
    let Some(host) = &server.host else {
        return String::new();
    };
    let half = |salt: &str| {
        Uuid::new_v5(
            &Uuid::NAMESPACE_OID,
            format!("{salt}{}{host}", server.project).as_bytes(),
        )
        .simple()
        .to_string()
    };
    half("a") + half("b").get(..24).unwrap_or_default()
}

fn for_administrators(server: &Server, version: Microversion) -> Object {
    let mut shown = object(json!({
        "OS-EXT-SRV-ATTR:host": server.host,
        "OS-EXT-SRV-ATTR:hypervisor_hostname": server.host,
        "OS-EXT-SRV-ATTR:instance_name": format!("instance-{}", server.id.get(..8).unwrap_or_default()),
    }));
    if version.has(2, 3) {
        shown.extend(object(json!({
            "OS-EXT-SRV-ATTR:hostname": server.hostname,
            "OS-EXT-SRV-ATTR:reservation_id": format!("r-{}", server.id.get(..8).unwrap_or_default()),
            "OS-EXT-SRV-ATTR:launch_index": 0,
            "OS-EXT-SRV-ATTR:kernel_id": "",
            "OS-EXT-SRV-ATTR:ramdisk_id": "",
            "OS-EXT-SRV-ATTR:root_device_name": "/dev/vda",
            "OS-EXT-SRV-ATTR:user_data": server.user_data,
        })));
    }
    if version.has(2, 16) {
        shown.insert("host_status".into(), json!("UP"));
    }
    shown
}
