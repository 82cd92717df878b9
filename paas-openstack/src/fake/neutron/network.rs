//! Networks and subnets.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{Caller, Denial, Kind, Object, State, flag, ipam::Block, list, port, text};

/// What is left of 1500 bytes by an overlay.
const MTU: i64 = 1450;

impl State {
    pub(super) fn new_network(&mut self, network: &mut Object) -> Result<(), Denial> {
        let mtu = match network.get("mtu").and_then(Value::as_i64) {
            None | Some(0) => MTU,
            Some(mtu) if mtu < 68 => {
                return Err(Denial::http(format!(
                    "Invalid input for mtu. Reason: '{mtu}' is too small - must be at least '68'."
                )));
            }
            Some(mtu) => mtu,
        };
        network.insert("mtu".to_owned(), json!(mtu));
        network.insert("status".to_owned(), json!("ACTIVE"));
        network.insert("l2_adjacency".to_owned(), json!(true));
        network.insert("ipv4_address_scope".to_owned(), Value::Null);
        network.insert("ipv6_address_scope".to_owned(), Value::Null);
        if text(network, "provider:network_type").is_empty() {
            network.insert("provider:network_type".to_owned(), json!("geneve"));
            let segment = self.all(Kind::Network).count() + 1;
            network.insert("provider:segmentation_id".to_owned(), json!(segment));
        }
        Ok(())
    }

    pub(super) fn change_network(&mut self, id: &str, changes: &Object) -> Result<(), Denial> {
        if changes.get("router:external") == Some(&json!(false)) {
            let used = self.all(Kind::Port).any(|port| {
                text(port, "network_id") == id
                    && matches!(text(port, "device_owner"), port::GATEWAY | port::FLOATING)
            });
            if used {
                return Err(Denial::new(
                    409,
                    "ExternalNetworkInUse",
                    format!(
                        "External network {id} cannot be updated to be made non-external, since it has existing gateway ports."
                    ),
                ));
            }
        }
        self.merge(Kind::Network, id, changes.clone());
        Ok(())
    }

    /// What Neutron itself put into a network goes with it; anything else holds it.
    pub(super) fn delete_network(&mut self, caller: &Caller<'_>, id: &str) -> Result<(), Denial> {
        let held: Vec<&str> = self
            .all(Kind::Port)
            .filter(|port| text(port, "network_id") == id && text(port, "device_owner") != port::DHCP)
            .map(|port| text(port, "id"))
            .collect();
        if !held.is_empty() {
            let held = held.join(", ");
            return Err(Denial::new(
                409,
                "NetworkInUse",
                format!(
                    "Unable to complete operation on network {id}. There are one or more ports still in use on the network, id for these ports is: {held}."
                ),
            ));
        }
        let subnets: Vec<String> = self
            .all(Kind::Subnet)
            .filter(|subnet| text(subnet, "network_id") == id)
            .map(|subnet| text(subnet, "id").to_owned())
            .collect();
        for subnet in subnets {
            self.delete_subnet(caller, &subnet)?;
        }
        self.remove(Kind::Network, id);
        Ok(())
    }

    pub(super) fn new_subnet(&mut self, caller: &Caller<'_>, subnet: &mut Object) -> Result<(), Denial> {
        let network = text(subnet, "network_id").to_owned();
        let owner = self.visible(caller, Kind::Network, &network)?;
        if !caller.admin && text(owner, "project_id") != caller.project {
            return Err(Denial::policy("create_subnet", None));
        }
        let cidr = text(subnet, "cidr").to_owned();
        if cidr.is_empty() {
            return Err(Denial::bad(
                "subnets",
                "a subnetpool must be specified in the absence of a cidr",
            ));
        }
        let block = Block::parse(&cidr)?;
        let version = subnet.get("ip_version").and_then(Value::as_i64);
        if version != Some(if block.six { 6 } else { 4 }) {
            return Err(Denial::input(format!(
                "Mismatched ip_version '{}' for cidr '{cidr}'",
                version.unwrap_or_default()
            )));
        }
        let overlaps = self
            .all(Kind::Subnet)
            .filter(|other| text(other, "network_id") == network)
            .filter_map(|other| Block::parse(text(other, "cidr")).ok())
            .any(|other| other.overlaps(&block));
        if overlaps {
            return Err(Denial::input(format!(
                "Requested subnet with cidr: {cidr} for network: {network} overlaps with another subnet"
            )));
        }
        let gateway = match subnet.get("gateway_ip") {
            None => Some(block.gateway()),
            Some(value) => parse_gateway(value)?,
        };
        check_gateway(&block, gateway)?;
        subnet.insert("gateway_ip".to_owned(), gateway_value(gateway));
        self.set_pools(subnet, &block, gateway)?;
        for gone in ["prefixlen", "use_default_subnetpool"] {
            subnet.remove(gone);
        }
        Ok(())
    }

    fn set_pools(&self, subnet: &mut Object, block: &Block, gateway: Option<IpAddr>) -> Result<(), Denial> {
        match subnet.get("allocation_pools").and_then(Value::as_array) {
            Some(pools) if !pools.is_empty() => block.check_pools(pools, gateway)?,
            _ => {
                let pools: Vec<Value> = block
                    .pools(gateway)
                    .into_iter()
                    .map(|(start, end)| json!({"start": start.to_string(), "end": end.to_string()}))
                    .collect();
                subnet.insert("allocation_pools".to_owned(), Value::Array(pools));
            }
        }
        Ok(())
    }

    /// What follows from a new subnet: its network's revision, and perhaps a DHCP agent's port.
    pub(super) fn subnet_made(&mut self, caller: &Caller<'_>, id: &str) -> Result<(), Denial> {
        let Some(subnet) = self.get(Kind::Subnet, id).cloned() else {
            return Ok(());
        };
        let network = text(&subnet, "network_id");
        self.touch(caller, Kind::Network, network);
        if caller.world.setup.shape.dhcp_ports && flag(&subnet, "enable_dhcp") {
            let wish = [json!({"subnet_id": id})];
            self.service_port(
                caller,
                text(&subnet, "project_id"),
                network,
                Some(&wish),
                ("dhcp-agent", port::DHCP),
            )?;
        }
        Ok(())
    }

    pub(super) fn change_subnet(&mut self, id: &str, mut changes: Object) -> Result<(), Denial> {
        let Some(subnet) = self.get(Kind::Subnet, id) else {
            return Err(Kind::Subnet.missing(id));
        };
        let block = Block::parse(text(subnet, "cidr"))?;
        let old = text(subnet, "gateway_ip").to_owned();
        if let Some(value) = changes.get("gateway_ip") {
            let gateway = parse_gateway(value)?;
            let router = self.all(Kind::Port).find(|port| {
                text(port, "device_owner") == port::INTERFACE
                    && list(port, "fixed_ips").iter().any(|fixed| {
                        fixed["subnet_id"].as_str() == Some(id) && fixed["ip_address"].as_str() == Some(&old)
                    })
            });
            if let Some(port) = router.filter(|_| gateway_value(gateway).as_str() != Some(&old)) {
                return Err(Denial::new(
                    409,
                    "GatewayIpInUse",
                    format!(
                        "Current gateway ip {old} already in use by port {}. Unable to update.",
                        text(port, "id")
                    ),
                ));
            }
            let pools = changes
                .get("allocation_pools")
                .and_then(Value::as_array)
                .map_or(list(subnet, "allocation_pools"), Vec::as_slice);
            check_gateway(&block, gateway)?;
            block.check_pools(pools, gateway)?;
            changes.insert("gateway_ip".to_owned(), gateway_value(gateway));
        } else if let Some(pools) = changes.get("allocation_pools").and_then(Value::as_array) {
            block.check_pools(pools, old.parse().ok())?;
        }
        self.merge(Kind::Subnet, id, changes);
        Ok(())
    }

    pub(super) fn delete_subnet(&mut self, caller: &Caller<'_>, id: &str) -> Result<(), Denial> {
        let on_it = |port: &&Object| {
            list(port, "fixed_ips")
                .iter()
                .any(|fixed| fixed["subnet_id"].as_str() == Some(id))
        };
        if self
            .all(Kind::Port)
            .filter(on_it)
            .any(|port| text(port, "device_owner") != port::DHCP)
        {
            return Err(Denial::new(
                409,
                "SubnetInUse",
                format!(
                    "Unable to complete operation on subnet {id}: One or more ports have an IP allocation from this subnet."
                ),
            ));
        }
        let own: Vec<String> = self
            .all(Kind::Port)
            .filter(on_it)
            .map(|port| text(port, "id").to_owned())
            .collect();
        for port in own {
            self.remove(Kind::Port, &port);
        }
        if let Some(subnet) = self.remove(Kind::Subnet, id) {
            self.touch(caller, Kind::Network, text(&subnet, "network_id"));
        }
        Ok(())
    }
}

fn parse_gateway(value: &Value) -> Result<Option<IpAddr>, Denial> {
    match value.as_str() {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            Denial::http(format!(
                "Invalid input for gateway_ip. Reason: '{text}' is not a valid IP address."
            ))
        }),
    }
}

/// An IPv4 gateway is an address that a port of the subnet may have; an IPv6 gateway may be link-local.
fn check_gateway(block: &Block, gateway: Option<IpAddr>) -> Result<(), Denial> {
    match gateway {
        Some(gateway) if !block.six && !block.has(gateway) => {
            Err(Denial::input("Gateway is not valid on subnet"))
        }
        _ => Ok(()),
    }
}

fn gateway_value(gateway: Option<IpAddr>) -> Value {
    gateway.map_or(Value::Null, |gateway| json!(gateway.to_string()))
}
