//! What the other services ask of Neutron, and what is there from the start.

use jiff::Timestamp;
use serde_json::json;

use super::{
    super::refusal::Refusal,
    Caller, Kind, Object, list,
    port::set_binding,
    text,
    world::{State, World},
};

/// External networks, each with its subnet.
pub(in crate::fake) fn seed(world: &World, state: &mut State) {
    state.neutron.default_quotas = world.setup.quotas.clone();
    let projects = &world.setup.projects;
    let owner = projects
        .iter()
        .find(|project| project.name == "admin")
        .or(projects.last())
        .map(|project| project.id.clone())
        .unwrap_or_default();
    let caller = Caller::service(world, &owner);
    for network in &world.setup.networks {
        let made = state.neutron.create(
            &caller,
            Kind::Network,
            super::super::collection::object(json!({
                "name": network.name, "router:external": true, "provider:network_type": "flat",
                "provider:physical_network": "public",
            })),
        );
        let Ok(made) = made else { continue };
        if let Some(stored) = state.neutron.get_mut(Kind::Network, text(&made, "id")) {
            stored.insert("id".to_owned(), json!(network.id));
            stored.insert("_seeded".to_owned(), json!(true));
        }
        let six = network.cidr.contains(':');
        let subnet = state.neutron.create(
            &caller,
            Kind::Subnet,
            super::super::collection::object(json!({
                "name": format!("{}-subnet", network.name), "network_id": network.id, "cidr": network.cidr,
                "ip_version": if six { 6 } else { 4 }, "enable_dhcp": false,
            })),
        );
        match subnet {
            Ok(subnet) => {
                if let Some(stored) = state.neutron.get_mut(Kind::Subnet, text(&subnet, "id")) {
                    stored.insert("_seeded".to_owned(), json!(true));
                }
            }
            Err(denial) => tracing::warn!(?denial, network = network.name, "the fake has no such subnet"),
        }
    }
}

/// Nothing here takes time.
pub(in crate::fake) fn settle(_world: &World, _state: &mut State, _now: Timestamp) {}

/// Makes a port for a server that asked for a network instead of a port. `groups` are ids of security groups; none means the
/// project's group `default`. The port's `device_id` is set by [`bind`].
///
/// # Errors
/// As Nova tells them to its caller: quota (403), no free address (400).
pub(in crate::fake) fn make_port(
    world: &World,
    state: &mut State,
    project: &str,
    network: &str,
    fixed_ip: Option<&str>,
    groups: &[String],
) -> Result<String, Refusal> {
    let mut body = Object::new();
    body.insert("network_id".to_owned(), json!(network));
    if let Some(address) = fixed_ip {
        body.insert("fixed_ips".to_owned(), json!([{"ip_address": address}]));
    }
    if !groups.is_empty() {
        body.insert("security_groups".to_owned(), json!(groups));
    }
    let made = state
        .neutron
        .create(&Caller::service(world, project), Kind::Port, body);
    made.map(|port| text(&port, "id").to_owned())
        .map_err(|denial| match denial.kind {
            "OverQuota" => Refusal::nova(403, "Maximum number of ports exceeded"),
            "IpAddressGenerationFailure" => Refusal::nova(
                400,
                &format!("No fixed IP addresses available for network: {network}"),
            ),
            "IpAddressAlreadyAllocated" => Refusal::nova(
                400,
                &format!(
                    "Fixed IP address {} is already in use.",
                    fixed_ip.unwrap_or_default()
                ),
            ),
            _ => Refusal::nova(400, &denial.message),
        })
}

/// Gives a port to a server that runs on a host: `device_id`, `device_owner` `compute:<zone>`, `binding:host_id`, ACTIVE.
pub(in crate::fake) fn bind(
    world: &World,
    state: &mut State,
    port: &str,
    server: &str,
    zone: &str,
    host: &str,
) {
    rebind(world, state, port, [server, &format!("compute:{zone}"), host]);
}

/// Takes a port away from its server.
pub(in crate::fake) fn unbind(world: &World, state: &mut State, port: &str) {
    rebind(world, state, port, ["", "", ""]);
}

fn rebind(world: &World, state: &mut State, id: &str, [device, owner, host]: [&str; 3]) {
    let Some(port) = state.neutron.get_mut(Kind::Port, id) else {
        return;
    };
    for (member, value) in [
        ("device_id", device),
        ("device_owner", owner),
        ("binding:host_id", host),
    ] {
        port.insert(member.to_owned(), json!(value));
    }
    set_binding(port);
    state.neutron.touch(&Caller::service(world, ""), Kind::Port, id);
}

/// Deletes a port that a service made, with what belongs to it.
pub(in crate::fake) fn delete_port(world: &World, state: &mut State, port: &str) {
    let caller = Caller::service(world, "");
    state.neutron.let_go_of_port(&caller, port);
    state.neutron.remove(Kind::Port, port);
}

/// Where the address of a load balancer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::fake) struct Vip {
    pub(in crate::fake) port: String,
    pub(in crate::fake) network: String,
    pub(in crate::fake) subnet: String,
    pub(in crate::fake) address: String,
    /// Whether Octavia made the port, and so deletes it.
    pub(in crate::fake) made: bool,
}

/// What is said of the address of a load balancer: one of port, subnet and network at least.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::fake) struct VipWish<'a> {
    pub(in crate::fake) port: Option<&'a str>,
    pub(in crate::fake) subnet: Option<&'a str>,
    pub(in crate::fake) network: Option<&'a str>,
    pub(in crate::fake) address: Option<&'a str>,
}

/// Finds or makes the port that a load balancer listens on.
///
/// # Errors
/// Octavia's: what is named is not there (400), the port has a device already (409), the address is taken (409).
pub(in crate::fake) fn vip(
    world: &World,
    state: &mut State,
    project: &str,
    (balancer, name): (&str, &str),
    wish: VipWish<'_>,
) -> Result<Vip, Refusal> {
    let absent = |kind: &str, id: &str| Refusal::octavia(400, &format!("{kind} {id} not found."));
    let caller = Caller {
        admin: false,
        ..Caller::service(world, project)
    };
    let neutron = &mut state.neutron;
    let (port, made) = match (wish.port, wish.subnet, wish.network) {
        (Some(port), _, _) => {
            let found = neutron
                .visible(&caller, Kind::Port, port)
                .map_err(|_| absent("Port", port))?;
            let device = text(found, "device_id");
            if !device.is_empty() {
                let words = format!("VIP port {port} is already in use by device {device}.");
                return Err(Refusal::octavia(409, &words));
            }
            (port.to_owned(), false)
        }
        (None, None, None) => {
            return Err(Refusal::octavia(
                400,
                "Validation failure: VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id.",
            ));
        }
        (None, subnet, network) => {
            let network = match subnet {
                Some(id) => {
                    let found = neutron
                        .visible(&caller, Kind::Subnet, id)
                        .map_err(|_| absent("Subnet", id))?;
                    text(found, "network_id").to_owned()
                }
                None => {
                    let id = network.unwrap_or_default();
                    neutron
                        .visible(&caller, Kind::Network, id)
                        .map_err(|_| absent("Network", id))?;
                    id.to_owned()
                }
            };
            let mut fixed = Object::new();
            fixed.extend(subnet.map(|subnet| ("subnet_id".to_owned(), json!(subnet))));
            fixed.extend(
                wish.address
                    .map(|address| ("ip_address".to_owned(), json!(address))),
            );
            let mut body = Object::new();
            body.insert("network_id".to_owned(), json!(network));
            body.insert("name".to_owned(), json!(format!("octavia-lb-{balancer}")));
            if !fixed.is_empty() {
                body.insert("fixed_ips".to_owned(), json!([fixed]));
            }
            let made = neutron
                .create(&caller.elevated(), Kind::Port, body)
                .map_err(|denial| match denial.status {
                    409 if denial.kind == "OverQuota" => Refusal::octavia(403, &denial.message),
                    409 => Refusal::octavia(
                        409,
                        &format!("The VIP IP address is already in use: {}", denial.message),
                    ),
                    status => Refusal::octavia(status, &denial.message),
                })?;
            (text(&made, "id").to_owned(), true)
        }
    };
    let mut changes = Object::new();
    changes.insert("device_id".to_owned(), json!(format!("lb-{balancer}")));
    changes.insert("device_owner".to_owned(), json!("Octavia"));
    if made {
        changes.insert("_seeded".to_owned(), json!(true));
    }
    neutron.merge(Kind::Port, &port, changes);
    neutron.touch(&caller, Kind::Port, &port);
    let found = neutron.get(Kind::Port, &port).cloned().unwrap_or_default();
    let fixed = list(&found, "fixed_ips")
        .iter()
        .find(|fixed| {
            wish.subnet
                .is_none_or(|subnet| fixed["subnet_id"] == json!(subnet))
        })
        .cloned()
        .unwrap_or_default();
    tracing::trace!(balancer, name, port, "a load balancer has its address");
    Ok(Vip {
        network: text(&found, "network_id").to_owned(),
        subnet: fixed["subnet_id"].as_str().unwrap_or_default().to_owned(),
        address: fixed["ip_address"].as_str().unwrap_or_default().to_owned(),
        port,
        made,
    })
}

/// A load balancer is gone: its port too, unless it was there before.
pub(in crate::fake) fn release_vip(world: &World, state: &mut State, port: &str, made: bool) {
    if made {
        delete_port(world, state, port);
    } else {
        rebind(world, state, port, ["", "", ""]);
    }
}

/// Whether something may put a member of a load balancer there.
pub(in crate::fake) fn sees_subnet(world: &World, state: &State, project: &str, subnet: &str) -> bool {
    let caller = Caller {
        admin: false,
        ..Caller::service(world, project)
    };
    state.neutron.visible(&caller, Kind::Subnet, subnet).is_ok()
}
