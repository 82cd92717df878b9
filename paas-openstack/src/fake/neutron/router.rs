//! Routers: the gateway to an external network, and interfaces on subnets.

use serde_json::{Value, json};

use super::{Caller, Denial, Kind, Object, State, flag, ipam::Block, list, port, text};

impl State {
    pub(super) fn new_router(&mut self, caller: &Caller<'_>, router: &mut Object) -> Result<(), Denial> {
        router.insert("status".to_owned(), json!("ACTIVE"));
        router.insert("routes".to_owned(), json!([]));
        router.insert("conntrack_helpers".to_owned(), json!([]));
        let info = router.remove("external_gateway_info").unwrap_or_default();
        let snat = self.set_gateway(caller, text(router, "id"), &info)?;
        router.insert("_enable_snat".to_owned(), json!(snat));
        Ok(())
    }

    pub(super) fn change_router(
        &mut self,
        caller: &Caller<'_>,
        id: &str,
        mut changes: Object,
    ) -> Result<(), Denial> {
        if let Some(info) = changes.remove("external_gateway_info") {
            let snat = self.set_gateway(caller, id, &info)?;
            changes.insert("_enable_snat".to_owned(), json!(snat));
        }
        self.merge(Kind::Router, id, changes);
        Ok(())
    }

    pub(super) fn delete_router(&mut self, id: &str) -> Result<(), Denial> {
        let held: Vec<&str> = self
            .ports_of(id, port::INTERFACE)
            .map(|port| text(port, "id"))
            .collect();
        if !held.is_empty() {
            let held = held.join(", ");
            return Err(Denial::new(
                409,
                "RouterInUse",
                format!("Router {id} has ports still attached: {held}"),
            ));
        }
        self.check_gateway_free(id)?;
        self.drop_gateway(id);
        self.remove(Kind::Router, id);
        Ok(())
    }

    /// What a router says of its gateway.
    pub(super) fn gateway_info(&self, router: &str) -> Value {
        let snat = self
            .get(Kind::Router, router)
            .is_none_or(|router| flag(router, "_enable_snat"));
        self.ports_of(router, port::GATEWAY)
            .next()
            .map_or(Value::Null, |gateway| {
                json!({
                    "network_id": text(gateway, "network_id"),
                    "external_fixed_ips": list(gateway, "fixed_ips"),
                    "enable_snat": snat,
                })
            })
    }

    /// Gives the router this gateway, or takes it away; returned is whether it translates addresses.
    fn set_gateway(&mut self, caller: &Caller<'_>, router: &str, info: &Value) -> Result<bool, Denial> {
        let snat = info["enable_snat"].as_bool().unwrap_or(true);
        let current = self
            .ports_of(router, port::GATEWAY)
            .next()
            .map(|gateway| text(gateway, "network_id").to_owned());
        let Some(network_id) = info["network_id"].as_str() else {
            if current.is_some() {
                self.check_gateway_free(router)?;
                self.drop_gateway(router);
            }
            return Ok(snat);
        };
        let network = self.visible(caller, Kind::Network, network_id)?;
        if !flag(network, "router:external") {
            return Err(Denial::bad(
                "router",
                format!("Network {network_id} is not an external network"),
            ));
        }
        let asked = info["external_fixed_ips"]
            .as_array()
            .filter(|ips| !ips.is_empty());
        if current.as_deref() == Some(network_id) && asked.is_none() {
            return Ok(snat);
        }
        if asked.is_some_and(|ips| ips.iter().any(|ip| ip.get("ip_address").is_some())) && !caller.admin {
            return Err(Denial::policy(
                "create_router",
                Some("external_gateway_info:external_fixed_ips"),
            ));
        }
        if current.as_deref().is_some_and(|current| current != network_id) {
            self.check_gateway_free(router)?;
        }
        // The new port is made first, so that a refusal leaves the old gateway as it is.
        let new = self.service_port(
            caller,
            "",
            network_id,
            asked.map(Vec::as_slice),
            (router, port::GATEWAY),
        )?;
        let old: Vec<String> = self
            .ports_of(router, port::GATEWAY)
            .map(|gateway| text(gateway, "id").to_owned())
            .filter(|id| *id != new)
            .collect();
        for port in old {
            self.remove(Kind::Port, &port);
        }
        Ok(snat)
    }

    fn drop_gateway(&mut self, router: &str) {
        let gateways: Vec<String> = self
            .ports_of(router, port::GATEWAY)
            .map(|gateway| text(gateway, "id").to_owned())
            .collect();
        for port in gateways {
            self.remove(Kind::Port, &port);
        }
    }

    fn check_gateway_free(&self, router: &str) -> Result<(), Denial> {
        let used = self
            .all(Kind::FloatingIp)
            .find(|floating| text(floating, "router_id") == router);
        match used {
            None => Ok(()),
            Some(floating) => Err(Denial::new(
                409,
                "RouterExternalGatewayInUseByFloatingIp",
                format!(
                    "Gateway cannot be updated for router {router}, since a gateway to external network {} is required by one or more floating IPs.",
                    text(floating, "floating_network_id")
                ),
            )),
        }
    }

    /// The ports of a router with this role.
    pub(super) fn ports_of<'a>(
        &'a self,
        router: &'a str,
        owner: &'a str,
    ) -> impl Iterator<Item = &'a Object> {
        self.all(Kind::Port)
            .filter(move |port| text(port, "device_id") == router && text(port, "device_owner") == owner)
    }

    /// Puts the router on a subnet, with the subnet's gateway address or with a port that was made before.
    pub(super) fn add_interface(
        &mut self,
        caller: &Caller<'_>,
        router_id: &str,
        body: &Value,
    ) -> Result<Object, Denial> {
        let router = self
            .ours(caller, Kind::Router, router_id, "add_router_interface")?
            .clone();
        let port_id = match (body["subnet_id"].as_str(), body["port_id"].as_str()) {
            (None, None) => {
                return Err(Denial::bad(
                    "router",
                    "Either subnet_id or port_id must be specified",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(Denial::bad("router", "Cannot specify both subnet-id and port-id"));
            }
            (Some(subnet_id), None) => {
                let subnet = self.visible(caller, Kind::Subnet, subnet_id)?.clone();
                let gateway = text(&subnet, "gateway_ip");
                if gateway.is_empty() {
                    return Err(Denial::bad(
                        "router",
                        "Subnet for router interface must have a gateway IP",
                    ));
                }
                if !caller.admin && text(&subnet, "project_id") != caller.project {
                    return Err(Denial::bad(
                        "router",
                        format!(
                            "Cannot add interface to router because subnet {subnet_id} is not owned by project making the request"
                        ),
                    ));
                }
                self.check_new_interface(router_id, &subnet)?;
                self.within_quota(Kind::Port, text(&router, "project_id"), 1)?;
                let wish = [json!({"subnet_id": subnet_id, "ip_address": gateway})];
                self.service_port(
                    caller,
                    text(&router, "project_id"),
                    text(&subnet, "network_id"),
                    Some(&wish),
                    (router_id, port::INTERFACE),
                )?
            }
            (None, Some(port_id)) => {
                self.take_port(caller, router_id, port_id)?;
                port_id.to_owned()
            }
        };
        self.touch(caller, Kind::Router, router_id);
        Ok(self.interface_info(&router, &port_id, body["subnet_id"].as_str()))
    }

    fn take_port(&mut self, caller: &Caller<'_>, router: &str, port_id: &str) -> Result<(), Denial> {
        let port = self.visible(caller, Kind::Port, port_id)?.clone();
        let device = text(&port, "device_id");
        if !device.is_empty() && device != router {
            return Err(Denial::new(
                409,
                "PortInUse",
                format!(
                    "Unable to complete operation on port {port_id} for network {}. Port already has an attached device {device}.",
                    text(&port, "network_id")
                ),
            ));
        }
        if list(&port, "fixed_ips").is_empty() {
            return Err(Denial::bad(
                "router",
                "Router port must have at least one fixed IP",
            ));
        }
        for fixed in list(&port, "fixed_ips") {
            if let Some(subnet) = fixed["subnet_id"]
                .as_str()
                .and_then(|id| self.get(Kind::Subnet, id))
            {
                self.check_new_interface(router, &subnet.clone())?;
            }
        }
        let mut changes = Object::new();
        changes.insert("device_id".to_owned(), json!(router));
        changes.insert("device_owner".to_owned(), json!(port::INTERFACE));
        changes.insert("status".to_owned(), json!("ACTIVE"));
        self.merge(Kind::Port, port_id, changes);
        self.touch(caller, Kind::Port, port_id);
        Ok(())
    }

    fn check_new_interface(&self, router: &str, subnet: &Object) -> Result<(), Denial> {
        let new_id = text(subnet, "id");
        let new = Block::parse(text(subnet, "cidr"))?;
        for fixed in self
            .ports_of(router, port::INTERFACE)
            .flat_map(|port| list(port, "fixed_ips"))
        {
            let id = fixed["subnet_id"].as_str().unwrap_or_default();
            if id == new_id {
                return Err(Denial::bad(
                    "router",
                    format!("Router already has a port on subnet {id}"),
                ));
            }
            let other = self.get(Kind::Subnet, id).map(|subnet| text(subnet, "cidr"));
            if let Some(cidr) =
                other.filter(|cidr| Block::parse(cidr).is_ok_and(|block| block.overlaps(&new)))
            {
                return Err(Denial::bad(
                    "router",
                    format!(
                        "Cidr {} of subnet {new_id} overlaps with cidr {cidr} of subnet {id}",
                        text(subnet, "cidr")
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Takes the router off a subnet; its port goes with it.
    pub(super) fn remove_interface(
        &mut self,
        caller: &Caller<'_>,
        router_id: &str,
        body: &Value,
    ) -> Result<Object, Denial> {
        let router = self
            .ours(caller, Kind::Router, router_id, "remove_router_interface")?
            .clone();
        let (subnet, port) = (body["subnet_id"].as_str(), body["port_id"].as_str());
        if subnet.is_none() && port.is_none() {
            return Err(Denial::bad(
                "router",
                "Either subnet_id or port_id must be specified",
            ));
        }
        let on_subnet = |object: &Object, subnet: &str| {
            list(object, "fixed_ips")
                .iter()
                .any(|fixed| fixed["subnet_id"].as_str() == Some(subnet))
        };
        let found = self
            .ports_of(router_id, port::INTERFACE)
            .find(|object| {
                port.is_none_or(|port| text(object, "id") == port)
                    && subnet.is_none_or(|subnet| on_subnet(object, subnet))
            })
            .cloned();
        let Some(found) = found else {
            return Err(match (port, subnet) {
                (Some(port), _) => Denial::new(
                    404,
                    "RouterInterfaceNotFound",
                    format!("Router {router_id} does not have an interface with id {port}"),
                ),
                (None, subnet) => Denial::new(
                    404,
                    "RouterInterfaceNotFoundForSubnet",
                    format!(
                        "Router {router_id} has no interface on subnet {}",
                        subnet.unwrap_or_default()
                    ),
                ),
            });
        };
        for fixed in list(&found, "fixed_ips") {
            let subnet = fixed["subnet_id"].as_str().unwrap_or_default();
            if self.floating_through(router_id, subnet) {
                return Err(Denial::new(
                    409,
                    "RouterInterfaceInUseByFloatingIP",
                    format!(
                        "Router interface for subnet {subnet} on router {router_id} cannot be deleted, as it is required by one or more floating IPs."
                    ),
                ));
            }
        }
        let info = self.interface_info(&router, text(&found, "id"), subnet);
        self.remove(Kind::Port, text(&found, "id"));
        self.touch(caller, Kind::Router, router_id);
        Ok(info)
    }

    fn interface_info(&self, router: &Object, port_id: &str, subnet: Option<&str>) -> Object {
        let port = self.get(Kind::Port, port_id);
        let subnets: Vec<&str> = port
            .map(|port| list(port, "fixed_ips"))
            .unwrap_or_default()
            .iter()
            .filter_map(|fixed| fixed["subnet_id"].as_str())
            .collect();
        let mut info = Object::new();
        info.insert("id".to_owned(), json!(text(router, "id")));
        info.insert("tenant_id".to_owned(), json!(text(router, "project_id")));
        info.insert("project_id".to_owned(), json!(text(router, "project_id")));
        info.insert("port_id".to_owned(), json!(port_id));
        info.insert(
            "network_id".to_owned(),
            json!(port.map(|port| text(port, "network_id"))),
        );
        info.insert(
            "subnet_id".to_owned(),
            json!(subnet.or_else(|| subnets.first().copied())),
        );
        info.insert("subnet_ids".to_owned(), json!(subnets));
        info.insert("tags".to_owned(), json!(list(router, "tags")));
        info
    }
}
