//! What is not ours and stands on something marked, or would be changed when that goes: it is in the way, and is told.
//!
//! Neutron deletes subnets with their network and rules with the group that they name, and takes floating IPs off a port that goes; Nova
//! lets groups go from under their members. So the services alone do not keep strangers' things safe.

use super::{
    Kind, Outsider, Ref,
    lists::Lists,
    read::{Found, is_gone},
    standing::{led_to, named_by, stands_on},
};
use crate::network::{DeviceOwner, Port, SecurityGroup};

/// Those that stand on something found.
pub(super) fn of(lists: &Lists, found: &Found) -> Vec<Outsider> {
    let mut all = Vec::new();
    all.extend(
        lists
            .ports
            .iter()
            .filter(|it| !is_neutrons(it))
            .map(|it| port(lists, it)),
    );
    all.extend(lists.subnets.iter().map(|it| {
        let on = vec![Ref::new(Kind::Network, &it.network_id)];
        plain(Kind::Subnet, &it.id, &it.name, on)
    }));
    all.extend(
        lists
            .addresses
            .iter()
            .map(|it| plain(Kind::FloatingIp, &it.id, &it.address, led_to(lists, it))),
    );
    all.extend(lists.servers.iter().filter(|it| !is_gone(it)).map(|it| {
        let mut on: Vec<Ref> = it
            .volumes
            .iter()
            .map(|volume| Ref::new(Kind::Volume, &volume.id))
            .collect();
        let plugged = lists.ports.iter().filter(|port| port.device_id == it.id);
        on.extend(plugged.map(|port| Ref::new(Kind::Port, &port.id)));
        let member = |group: &&crate::compute::ServerGroup| group.members.contains(&it.id);
        on.extend(
            lists
                .server_groups
                .iter()
                .filter(member)
                .map(|group| Ref::new(Kind::ServerGroup, &group.id)),
        );
        plain(Kind::Server, &it.id, &it.name, on)
    }));
    all.extend(lists.balancers.iter().map(|it| {
        let on = vec![
            Ref::new(Kind::Subnet, &it.vip_subnet_id),
            Ref::new(Kind::Network, &it.vip_network_id),
        ];
        plain(Kind::LoadBalancer, &it.id, &it.name, on)
    }));
    let group = |it: &SecurityGroup| plain(Kind::SecurityGroup, &it.id, &it.name, named_by(it));
    all.extend(lists.groups.iter().map(group));
    all.retain_mut(|(it, outsider)| {
        outsider.on.retain(|on| found.contains_key(on));
        outsider.goes_with.retain(|with| found.contains_key(with));
        outsider.on.sort();
        outsider.on.dedup();
        !found.contains_key(it) && !outsider.on.is_empty()
    });
    all.into_iter().map(|(_, outsider)| outsider).collect()
}

/// DHCP, metadata and the like come and go with what they serve; a router's gateway goes with the router.
fn is_neutrons(port: &Port) -> bool {
    port.device_owner.as_str().starts_with("network:") && !port.device_owner.is_router_interface()
}

fn plain(kind: Kind, id: &str, name: &str, on: Vec<Ref>) -> (Ref, Outsider) {
    let outsider = Outsider {
        said: said(kind, id, name),
        id: id.to_owned(),
        on,
        goes_with: Vec::new(),
    };
    (Ref::new(kind, id), outsider)
}

fn said(kind: Kind, id: &str, name: &str) -> String {
    match name {
        "" => format!("{kind} {id}"),
        name => format!("{kind} {name} ({id})"),
    }
}

fn port(lists: &Lists, it: &Port) -> (Ref, Outsider) {
    let leg = it.device_owner.is_router_interface();
    let kind = if leg { Kind::Interface } else { Kind::Port };
    let (reference, mut outsider) = plain(kind, &it.id, &it.name, stands_on(it));
    let device = it.device_id.as_str();
    if leg {
        outsider.on.push(Ref::new(Kind::Router, device));
    }
    if it.device_owner.is_server() {
        // What Nova makes for a server goes with it, and has no name; what somebody made before stays.
        if it.name.is_empty() && it.description.is_empty() {
            outsider.goes_with.push(Ref::new(Kind::Server, device));
        }
        if !device.is_empty() {
            let server = lists.servers.iter().find(|server| server.id == device);
            let name = server.map_or("", |server| server.name.as_str());
            outsider.said += &format!(" of {}", said(Kind::Server, device, name));
        }
    } else if it.device_owner == DeviceOwner::Octavia || it.name.starts_with("octavia-lb-") {
        // The address, and the amphorae's own ports beside it, which name no balancer that a user can see.
        let near = lists.balancers.iter().filter(|lb| {
            lb.vip_port_id == it.id
                || (lb.vip_network_id == it.network_id && it.name.starts_with("octavia-lb-"))
        });
        outsider
            .goes_with
            .extend(near.map(|lb| Ref::new(Kind::LoadBalancer, &lb.id)));
    }
    (reference, outsider)
}
