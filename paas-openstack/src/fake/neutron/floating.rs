//! Floating IPs: an address of an external network, translated to a port's.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::{Caller, Denial, Kind, Object, State, flag, list, port, text};

impl State {
    pub(super) fn new_floating_ip(
        &mut self,
        caller: &Caller<'_>,
        floating: &mut Object,
    ) -> Result<(), Denial> {
        let network_id = text(floating, "floating_network_id").to_owned();
        let network = self.visible(caller, Kind::Network, &network_id)?;
        if !flag(network, "router:external") {
            return Err(Denial::bad(
                "floatingip",
                format!("Network {network_id} is not a valid external network"),
            ));
        }
        let four = self.all(Kind::Subnet).any(|subnet| {
            text(subnet, "network_id") == network_id && subnet.get("ip_version") == Some(&json!(4))
        });
        if !four {
            return Err(Denial::bad(
                "floatingip",
                format!("Network {network_id} does not contain any IPv4 subnet"),
            ));
        }
        let id = text(floating, "id").to_owned();
        let address = floating.remove("floating_ip_address");
        let subnet = floating.remove("subnet_id");
        let mut wish = Object::new();
        wish.extend(address.map(|address| ("ip_address".to_owned(), address)));
        wish.extend(subnet.map(|subnet| ("subnet_id".to_owned(), subnet)));
        // The association is decided first: a refusal must not leave an address behind.
        let association = self.association(caller, floating, &id, None)?;
        let wish = [Value::Object(wish)];
        let asked = wish[0].as_object().is_some_and(|wish| !wish.is_empty());
        let port = self.service_port(
            caller,
            "",
            &network_id,
            asked.then_some(&wish[..]),
            (&id, port::FLOATING),
        );
        let port = port.map_err(|denial| match denial.kind {
            "IpAddressGenerationFailure" => Denial::new(
                400,
                "ExternalIpAddressExhausted",
                format!("Unable to find any IP address on external network {network_id}."),
            ),
            _ => denial,
        })?;
        let address = self
            .get(Kind::Port, &port)
            .map(|port| list(port, "fixed_ips"))
            .unwrap_or_default()
            .iter()
            .filter_map(|fixed| fixed["ip_address"].as_str())
            .find(|address| address.parse::<Ipv4Addr>().is_ok())
            .unwrap_or_default()
            .to_owned();
        floating.insert("floating_ip_address".to_owned(), json!(address));
        floating.insert("port_forwardings".to_owned(), json!([]));
        floating.extend(association);
        Ok(())
    }

    pub(super) fn change_floating_ip(
        &mut self,
        caller: &Caller<'_>,
        id: &str,
        mut changes: Object,
    ) -> Result<(), Denial> {
        let Some(current) = self.get(Kind::FloatingIp, id).cloned() else {
            return Err(Kind::FloatingIp.missing(id));
        };
        let mut floating = current.clone();
        let said = changes.contains_key("port_id") || changes.contains_key("fixed_ip_address");
        if said {
            if !changes.contains_key("fixed_ip_address") {
                floating.insert("fixed_ip_address".to_owned(), Value::Null);
            }
            floating.extend(changes.clone());
            changes.extend(self.association(caller, &floating, id, Some(&current))?);
        }
        self.merge(Kind::FloatingIp, id, changes);
        Ok(())
    }

    /// What a floating IP says of the port that it is given to: port, address, router, status.
    fn association(
        &self,
        caller: &Caller<'_>,
        floating: &Object,
        id: &str,
        current: Option<&Object>,
    ) -> Result<Object, Denial> {
        let mut said = Object::new();
        let Some(port_id) = floating.get("port_id").and_then(Value::as_str) else {
            if floating["fixed_ip_address"].is_string() {
                return Err(Denial::bad(
                    "floatingip",
                    "fixed_ip_address cannot be specified without a port_id",
                ));
            }
            for name in ["port_id", "fixed_ip_address", "router_id"] {
                said.insert(name.to_owned(), Value::Null);
            }
            said.insert("status".to_owned(), json!("DOWN"));
            return Ok(said);
        };
        let port = self.visible(caller, Kind::Port, port_id)?;
        if text(port, "project_id") != text(floating, "project_id") && !caller.admin {
            return Err(Denial::bad(
                "floatingip",
                format!(
                    "Cannot process floating IP association with Port {port_id}, since that port is owned by a different project"
                ),
            ));
        }
        let (subnet, address) = fixed_address(port, floating["fixed_ip_address"].as_str())?;
        let network = text(floating, "floating_network_id");
        let Some(router) = self.router_between(subnet, network) else {
            return Err(Denial::new(
                404,
                "ExternalGatewayForFloatingIPNotFound",
                format!(
                    "External network {network} is not reachable from subnet {subnet}.  Therefore, cannot associate Port {port_id} with a Floating IP."
                ),
            ));
        };
        let other = self.all(Kind::FloatingIp).any(|other| {
            text(other, "id") != id
                && text(other, "port_id") == port_id
                && text(other, "fixed_ip_address") == address
                && text(other, "floating_network_id") == network
        });
        if other {
            let own = current.map_or("None", |current| text(current, "floating_ip_address"));
            return Err(Denial::new(
                409,
                "FloatingIPPortAlreadyAssociated",
                format!(
                    "Cannot associate floating IP {own} ({id}) with port {port_id} using fixed IP {address}, as that fixed IP already has a floating IP on external network {network}."
                ),
            ));
        }
        for (name, value) in [
            ("port_id", port_id),
            ("fixed_ip_address", address),
            ("router_id", router),
            ("status", "ACTIVE"),
        ] {
            said.insert(name.to_owned(), json!(value));
        }
        Ok(said)
    }

    /// The router that has an interface on the subnet and its gateway in the external network.
    fn router_between(&self, subnet: &str, external: &str) -> Option<&str> {
        self.all(Kind::Port)
            .filter(|port| text(port, "device_owner") == port::INTERFACE)
            .filter(|port| {
                list(port, "fixed_ips")
                    .iter()
                    .any(|fixed| fixed["subnet_id"].as_str() == Some(subnet))
            })
            .map(|port| text(port, "device_id"))
            .find(|router| {
                self.ports_of(router, port::GATEWAY)
                    .any(|gateway| text(gateway, "network_id") == external)
            })
    }

    /// Whether a floating IP needs this router's interface on this subnet.
    pub(super) fn floating_through(&self, router: &str, subnet: &str) -> bool {
        self.all(Kind::FloatingIp)
            .filter(|floating| text(floating, "router_id") == router)
            .filter_map(|floating| self.get(Kind::Port, text(floating, "port_id")))
            .flat_map(|port| list(port, "fixed_ips"))
            .any(|fixed| fixed["subnet_id"].as_str() == Some(subnet))
    }

    /// A port that goes leaves its floating IPs to their owner.
    pub(super) fn let_go_of_port(&mut self, caller: &Caller<'_>, port_id: &str) {
        let theirs: Vec<String> = self
            .all(Kind::FloatingIp)
            .filter(|floating| text(floating, "port_id") == port_id)
            .map(|floating| text(floating, "id").to_owned())
            .collect();
        for id in theirs {
            let mut changes = Object::new();
            for name in ["port_id", "fixed_ip_address", "router_id"] {
                changes.insert(name.to_owned(), Value::Null);
            }
            changes.insert("status".to_owned(), json!("DOWN"));
            self.merge(Kind::FloatingIp, &id, changes);
            self.touch(caller, Kind::FloatingIp, &id);
        }
    }

    pub(super) fn delete_floating_ip(&mut self, id: &str) -> Result<(), Denial> {
        let ports: Vec<String> = self
            .ports_of(id, port::FLOATING)
            .map(|port| text(port, "id").to_owned())
            .collect();
        for port in ports {
            self.remove(Kind::Port, &port);
        }
        self.remove(Kind::FloatingIp, id);
        Ok(())
    }

    /// What a floating IP says of its port.
    pub(super) fn port_details(&self, port_id: &str) -> Value {
        let Some(port) = self.get(Kind::Port, port_id) else {
            return Value::Null;
        };
        [
            "name",
            "network_id",
            "mac_address",
            "admin_state_up",
            "status",
            "device_id",
            "device_owner",
        ]
        .into_iter()
        .map(|name| (name.to_owned(), port.get(name).cloned().unwrap_or_default()))
        .collect::<Object>()
        .into()
    }
}

/// The IPv4 address of a port that is meant, with its subnet.
fn fixed_address<'a>(port: &'a Object, wanted: Option<&str>) -> Result<(&'a str, &'a str), Denial> {
    let id = text(port, "id");
    let four: Vec<(&str, &str)> = list(port, "fixed_ips")
        .iter()
        .filter_map(|fixed| Some((fixed["subnet_id"].as_str()?, fixed["ip_address"].as_str()?)))
        .filter(|(_, address)| address.parse::<Ipv4Addr>().is_ok())
        .collect();
    match (wanted, four.as_slice()) {
        (Some(wanted), _) => four
            .iter()
            .find(|(_, address)| *address == wanted)
            .copied()
            .ok_or_else(|| Denial::bad("floatingip", format!("Port {id} does not have fixed ip {wanted}"))),
        (None, []) => Err(Denial::bad(
            "floatingip",
            format!("Cannot add floating IP to port {id} that has no fixed IPv4 addresses"),
        )),
        (None, [only]) => Ok(*only),
        (None, _) => Err(Denial::bad(
            "floatingip",
            format!(
                "Port {id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a floating IP"
            ),
        )),
    }
}
