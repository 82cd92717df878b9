//! Ports: addresses, security, and what they are bound to.

use serde_json::{Value, json};

use super::{Caller, Denial, Kind, Object, State, flag, list, text};

pub(super) const DHCP: &str = "network:dhcp";
pub(super) const INTERFACE: &str = "network:router_interface";
pub(super) const GATEWAY: &str = "network:router_gateway";
pub(super) const FLOATING: &str = "network:floatingip";

/// The most address pairs that a port may have, where nobody configured another number.
const PAIRS: usize = 10;

impl State {
    pub(super) fn new_port(&mut self, caller: &Caller<'_>, port: &mut Object) -> Result<(), Denial> {
        let network_id = text(port, "network_id").to_owned();
        let network = self.visible(caller, Kind::Network, &network_id)?.clone();
        let owner = caller.admin || text(&network, "project_id") == caller.project;
        let chosen = list(port, "fixed_ips")
            .iter()
            .any(|fixed| fixed.get("ip_address").is_some());
        if !owner && chosen {
            return Err(Denial::policy("create_port", Some("fixed_ips")));
        }
        if !owner && port.contains_key("mac_address") {
            return Err(Denial::policy("create_port", Some("mac_address")));
        }
        let mac = match text(port, "mac_address") {
            "" => self.fresh_mac(),
            mac => mac.to_lowercase(),
        };
        let taken = self
            .all(Kind::Port)
            .any(|other| text(other, "network_id") == network_id && text(other, "mac_address") == mac);
        if taken {
            return Err(Denial::new(
                409,
                "MacAddressInUse",
                format!(
                    "Unable to complete operation for network {network_id}. The mac address {mac} is in use."
                ),
            ));
        }
        port.insert("mac_address".to_owned(), json!(mac));
        let asked = port.get("fixed_ips").and_then(Value::as_array).map(Vec::as_slice);
        let fixed = self.allocate(&network_id, asked, &[])?;
        port.insert("fixed_ips".to_owned(), fixed);
        port.entry("port_security_enabled")
            .or_insert_with(|| json!(flag(&network, "port_security_enabled")));
        if !port.contains_key("security_groups") {
            let theirs = text(port, "device_owner").starts_with("network:");
            let project = text(port, "project_id").to_owned();
            let groups = match self.default_group(&project) {
                Some(group) if !theirs && flag(port, "port_security_enabled") => json!([group]),
                _ => json!([]),
            };
            port.insert("security_groups".to_owned(), groups);
        }
        self.check_security(caller, port)?;
        finish_pairs(port)?;
        // Where the extension is missing, tags in a POST are accepted and forgotten.
        if caller
            .world
            .setup
            .shape
            .without_extensions
            .iter()
            .any(|absent| absent == "tag-ports-during-bulk-creation")
        {
            port.insert("tags".to_owned(), json!([]));
        }
        for absent in ["qos_network_policy_id", "resource_request"] {
            port.insert(absent.to_owned(), Value::Null);
        }
        port.insert("ip_allocation".to_owned(), json!("immediate"));
        set_binding(port);
        Ok(())
    }

    /// A port that a service makes for itself; its id is returned.
    pub(super) fn service_port(
        &mut self,
        caller: &Caller<'_>,
        project: &str,
        network: &str,
        fixed_ips: Option<&[Value]>,
        (device, owner): (&str, &str),
    ) -> Result<String, Denial> {
        let mut body = Object::new();
        body.insert("network_id".to_owned(), json!(network));
        body.insert("project_id".to_owned(), json!(project));
        body.insert("device_id".to_owned(), json!(device));
        body.insert("device_owner".to_owned(), json!(owner));
        body.insert("security_groups".to_owned(), json!([]));
        if let Some(fixed) = fixed_ips {
            body.insert("fixed_ips".to_owned(), json!(fixed));
        }
        let mut port = super::schema::accept_create(Kind::Port, &caller.elevated(), body)?;
        self.new_port(&caller.elevated(), &mut port)?;
        port.insert(
            "status".to_owned(),
            json!(if owner == FLOATING { "N/A" } else { "ACTIVE" }),
        );
        // It comes and goes with what it belongs to.
        port.insert("_seeded".to_owned(), json!(true));
        Ok(self.insert(caller, Kind::Port, port))
    }

    pub(super) fn change_port(
        &mut self,
        caller: &Caller<'_>,
        id: &str,
        mut changes: Object,
    ) -> Result<(), Denial> {
        let Some(mut port) = self.get(Kind::Port, id).cloned() else {
            return Err(Kind::Port.missing(id));
        };
        if let Some(asked) = changes.get("fixed_ips").and_then(Value::as_array) {
            let fixed = self.allocate(text(&port, "network_id"), Some(asked), list(&port, "fixed_ips"))?;
            changes.insert("fixed_ips".to_owned(), fixed);
        }
        let rebind = changes.contains_key("binding:host_id");
        port.extend(changes);
        self.check_security(caller, &port)?;
        finish_pairs(&mut port)?;
        if rebind {
            set_binding(&mut port);
        }
        if let Some(stored) = self.get_mut(Kind::Port, id) {
            *stored = port;
        }
        Ok(())
    }

    pub(super) fn delete_port(&mut self, caller: &Caller<'_>, id: &str) -> Result<(), Denial> {
        let Some(port) = self.get(Kind::Port, id) else {
            return Err(Kind::Port.missing(id));
        };
        let owner = text(port, "device_owner");
        let of_router =
            matches!(owner, INTERFACE | GATEWAY) && self.get(Kind::Router, text(port, "device_id")).is_some();
        let of_floating = owner == FLOATING && self.get(Kind::FloatingIp, text(port, "device_id")).is_some();
        if of_router || of_floating {
            return Err(Denial::new(
                409,
                "ServicePortInUse",
                format!("Port {id} cannot be deleted directly via the port API: has device owner {owner}."),
            ));
        }
        self.let_go_of_port(caller, id);
        self.remove(Kind::Port, id);
        Ok(())
    }

    fn fresh_mac(&mut self) -> String {
        self.macs += 1;
        let [_, a, b, c] = self.macs.to_be_bytes();
        format!("fa:16:3e:{a:02x}:{b:02x}:{c:02x}")
    }

    fn check_security(&self, caller: &Caller<'_>, port: &Object) -> Result<(), Denial> {
        let secured = flag(port, "port_security_enabled");
        for group in list(port, "security_groups") {
            let id = group.as_str().unwrap_or_default();
            self.visible(caller, Kind::SecurityGroup, id)?;
            if !secured {
                return Err(Denial::new(
                    409,
                    "PortSecurityPortHasSecurityGroup",
                    "Port has security group associated. Cannot disable port security or IP address until security group is removed.",
                ));
            }
        }
        if !secured && !list(port, "allowed_address_pairs").is_empty() {
            return Err(Denial::new(
                409,
                "AddressPairAndPortSecurityRequired",
                "Port Security must be enabled in order to have allowed address pairs on a port.",
            ));
        }
        Ok(())
    }

    /// What is shown of a port beside what is stored.
    pub(super) fn finish_port(&self, port: &mut Object) {
        let (name, domain) = match text(port, "dns_name") {
            "" => (String::new(), "openstacklocal."),
            name => (name.to_owned(), "openstacklocal."),
        };
        let assignments: Vec<Value> = list(port, "fixed_ips")
            .iter()
            .filter_map(|fixed| fixed["ip_address"].as_str())
            .map(|address| {
                let host = if name.is_empty() {
                    format!("host-{}", address.replace(['.', ':'], "-"))
                } else {
                    name.clone()
                };
                json!({"ip_address": address, "hostname": host, "fqdn": format!("{host}.{domain}")})
            })
            .collect();
        port.insert("dns_assignment".to_owned(), Value::Array(assignments));
    }
}

/// A port is up where it is bound to a host; what a virtual switch would say of it follows from that.
pub(super) fn set_binding(port: &mut Object) {
    let bound = !text(port, "binding:host_id").is_empty();
    let (kind, details) = if bound {
        ("ovs", json!({"port_filter": true, "ovs_hybrid_plug": false}))
    } else {
        ("unbound", json!({}))
    };
    port.insert("binding:vif_type".to_owned(), json!(kind));
    port.insert("binding:vif_details".to_owned(), details);
    port.insert("status".to_owned(), json!(if bound { "ACTIVE" } else { "DOWN" }));
}

/// A pair without a MAC has the port's.
fn finish_pairs(port: &mut Object) -> Result<(), Denial> {
    let mac = port.get("mac_address").cloned().unwrap_or_default();
    let mut seen: Vec<Value> = Vec::new();
    for pair in list(port, "allowed_address_pairs") {
        if pair["ip_address"].as_str().is_none_or(str::is_empty) {
            return Err(Denial::new(
                400,
                "AllowedAddressPairsMissingIP",
                "AllowedAddressPair must contain ip_address.",
            ));
        }
        let mut pair = pair.clone();
        if pair["mac_address"].is_null() {
            pair["mac_address"] = mac.clone();
        }
        if seen.contains(&pair) {
            return Err(Denial::new(
                400,
                "DuplicateAddressPairInRequest",
                format!(
                    "Request contains duplicate address pair: mac_address {} ip_address {}.",
                    super::schema::python(&pair["mac_address"]),
                    super::schema::python(&pair["ip_address"])
                ),
            ));
        }
        seen.push(pair);
    }
    if seen.len() > PAIRS {
        return Err(Denial::new(
            400,
            "AllowedAddressPairExhausted",
            format!("The number of allowed address pair exceeds the maximum {PAIRS}."),
        ));
    }
    port.insert("allowed_address_pairs".to_owned(), Value::Array(seen));
    Ok(())
}
