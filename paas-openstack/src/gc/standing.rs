//! What stands on what, in the network.

use super::{Kind, Ref, lists::Lists};
use crate::network::{FloatingIp, Port, SecurityGroup};

/// What a port stands on.
pub(super) fn stands_on(port: &Port) -> Vec<Ref> {
    let subnets = port.fixed_ips.iter().filter_map(|ip| ip.subnet_id.as_deref());
    let mut on: Vec<Ref> = subnets.map(|id| Ref::new(Kind::Subnet, id)).collect();
    on.push(Ref::new(Kind::Network, &port.network_id));
    on.extend(
        port.security_groups
            .iter()
            .map(|id| Ref::new(Kind::SecurityGroup, id)),
    );
    on
}

/// What a floating IP leads to, and the legs of the router that it goes through.
pub(super) fn led_to(lists: &Lists, address: &FloatingIp) -> Vec<Ref> {
    let mut on: Vec<Ref> = Vec::new();
    if let Some(port) = &address.port_id {
        let balancer = lists.balancers.iter().find(|it| it.vip_port_id == *port);
        on.push(balancer.map_or_else(
            || Ref::new(Kind::Port, port),
            |it| Ref::new(Kind::LoadBalancer, &it.id),
        ));
    }
    let through = |port: &&Port| {
        port.device_owner.is_router_interface() && address.router_id.as_deref() == Some(&*port.device_id)
    };
    on.extend(
        lists
            .ports
            .iter()
            .filter(through)
            .map(|port| Ref::new(Kind::Interface, &port.id)),
    );
    on
}

/// The addresses of a port, for people.
pub(super) fn addresses(port: &Port) -> String {
    let all: Vec<&str> = port
        .fixed_ips
        .iter()
        .filter_map(|ip| ip.ip_address.as_deref())
        .collect();
    all.join(", ")
}

/// The other groups that a group's rules name: Neutron deletes such a rule with the group that it names.
pub(super) fn named_by(group: &SecurityGroup) -> Vec<Ref> {
    let named = group
        .rules
        .iter()
        .filter_map(|rule| rule.remote_group_id.as_deref());
    let others = named.filter(|id| *id != group.id);
    others.map(|id| Ref::new(Kind::SecurityGroup, id)).collect()
}
