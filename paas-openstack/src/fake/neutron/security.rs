//! Security groups and their rules.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{Caller, Denial, Kind, Object, State, schema::python, text};

/// Protocols that Neutron knows by name.
const PROTOCOLS: &[&str] = &[
    "ah",
    "dccp",
    "egp",
    "esp",
    "gre",
    "hopopt",
    "icmp",
    "icmpv6",
    "igmp",
    "ip",
    "ipip",
    "ipv6-encap",
    "ipv6-frag",
    "ipv6-icmp",
    "ipv6-nonxt",
    "ipv6-opts",
    "ipv6-route",
    "ospf",
    "pgm",
    "rsvp",
    "sctp",
    "tcp",
    "udp",
    "udplite",
    "vrrp",
];

/// What makes two rules the same.
const TUPLE: &[&str] = &[
    "security_group_id",
    "direction",
    "ethertype",
    "protocol",
    "port_range_min",
    "port_range_max",
    "remote_ip_prefix",
    "remote_group_id",
    "remote_address_group_id",
];

impl State {
    /// Every project has a group named `default` as soon as it does anything here.
    pub(super) fn welcome(&mut self, caller: &Caller<'_>, project: &str) {
        if project.is_empty() || self.default_group(project).is_some() {
            return;
        }
        let caller = Caller {
            project: project.to_owned(),
            ..caller.elevated()
        };
        let mut group = Object::new();
        for (name, value) in [
            ("name", json!("default")),
            ("description", json!("Default security group")),
            ("stateful", json!(true)),
            ("shared", json!(false)),
            ("project_id", json!(project)),
            ("_seeded", json!(true)),
        ] {
            group.insert(name.to_owned(), value);
        }
        let id = self.insert(&caller, Kind::SecurityGroup, group);
        for ethertype in ["IPv4", "IPv6"] {
            self.insert_rule(&caller, &id, ("egress", ethertype), Value::Null, true);
            self.insert_rule(&caller, &id, ("ingress", ethertype), json!(id), true);
        }
    }

    /// The id of a project's own `default` group.
    pub(super) fn default_group(&self, project: &str) -> Option<String> {
        self.all(Kind::SecurityGroup)
            .find(|group| text(group, "project_id") == project && text(group, "name") == "default")
            .map(|group| text(group, "id").to_owned())
    }

    pub(super) fn new_security_group(
        &mut self,
        caller: &Caller<'_>,
        group: &mut Object,
    ) -> Result<(), Denial> {
        if text(group, "name") == "default" {
            return Err(Denial::new(
                409,
                "SecurityGroupDefaultAlreadyExists",
                "Default security group already exists.",
            ));
        }
        self.within_quota(Kind::Rule, text(group, "project_id"), 2)?;
        group.insert("shared".to_owned(), json!(false));
        let caller = Caller {
            project: text(group, "project_id").to_owned(),
            ..caller.clone()
        };
        for ethertype in ["IPv4", "IPv6"] {
            self.insert_rule(
                &caller,
                text(group, "id"),
                ("egress", ethertype),
                Value::Null,
                false,
            );
        }
        Ok(())
    }

    fn insert_rule(
        &mut self,
        caller: &Caller<'_>,
        group: &str,
        (direction, ethertype): (&str, &str),
        remote_group: Value,
        of_default: bool,
    ) {
        let mut rule = Object::new();
        for name in TUPLE {
            rule.insert((*name).to_owned(), Value::Null);
        }
        for (name, value) in [
            ("security_group_id", json!(group)),
            ("direction", json!(direction)),
            ("ethertype", json!(ethertype)),
            ("remote_group_id", remote_group),
            ("normalized_cidr", Value::Null),
            ("belongs_to_default_sg", json!(of_default)),
            ("description", Value::Null),
            ("project_id", json!(caller.project)),
            // Rules that Neutron made go with their group.
            ("_seeded", json!(true)),
        ] {
            rule.insert(name.to_owned(), value);
        }
        self.insert(caller, Kind::Rule, rule);
    }

    pub(super) fn change_security_group(&mut self, id: &str, changes: Object) -> Result<(), Denial> {
        let default = self
            .get(Kind::SecurityGroup, id)
            .is_some_and(|group| text(group, "name") == "default");
        if default && changes.contains_key("name") {
            return Err(Denial::new(
                409,
                "SecurityGroupCannotUpdateDefault",
                "Updating default security group not allowed.",
            ));
        }
        let stateful = self
            .get(Kind::SecurityGroup, id)
            .and_then(|group| group.get("stateful"));
        let flips = changes
            .get("stateful")
            .is_some_and(|wanted| Some(wanted) != stateful);
        if flips {
            self.check_group_free(id)?;
        }
        self.merge(Kind::SecurityGroup, id, changes);
        Ok(())
    }

    pub(super) fn delete_security_group(&mut self, caller: &Caller<'_>, id: &str) -> Result<(), Denial> {
        self.check_group_free(id)?;
        let default = self
            .get(Kind::SecurityGroup, id)
            .is_some_and(|group| text(group, "name") == "default");
        if default && !caller.admin {
            return Err(Denial::new(
                409,
                "SecurityGroupCannotRemoveDefault",
                "Insufficient rights for removing default security group.",
            ));
        }
        // Rules that name the group as their remote go with it, as the database's cascade has it.
        let rules: Vec<String> = self
            .all(Kind::Rule)
            .filter(|rule| text(rule, "security_group_id") == id || text(rule, "remote_group_id") == id)
            .map(|rule| text(rule, "id").to_owned())
            .collect();
        for rule in rules {
            self.remove(Kind::Rule, &rule);
        }
        self.remove(Kind::SecurityGroup, id);
        Ok(())
    }

    fn check_group_free(&self, id: &str) -> Result<(), Denial> {
        if self
            .all(Kind::Port)
            .any(|port| Self::names(port, "security_groups", id))
        {
            return Err(Denial::new(
                409,
                "SecurityGroupInUse",
                format!("Security Group {id} in use."),
            ));
        }
        Ok(())
    }

    pub(super) fn new_rule(&mut self, caller: &Caller<'_>, rule: &mut Object) -> Result<(), Denial> {
        let group = text(rule, "security_group_id").to_owned();
        self.ours(caller, Kind::SecurityGroup, &group, "update")?;
        one_of(rule, "direction", &["ingress", "egress"])?;
        one_of(rule, "ethertype", &["IPv4", "IPv6"])?;
        let ethertype = text(rule, "ethertype").to_owned();
        let protocol = protocol(rule)?;
        check_ports(rule, protocol.as_deref())?;
        rule.insert("protocol".to_owned(), json!(protocol));
        let prefix = remote_prefix(rule, &ethertype)?;
        rule.insert("remote_ip_prefix".to_owned(), json!(prefix));
        rule.insert("normalized_cidr".to_owned(), json!(prefix));
        let remotes = ["remote_ip_prefix", "remote_group_id", "remote_address_group_id"];
        if remotes.iter().filter(|name| !rule[**name].is_null()).count() > 1 {
            return Err(Denial::new(
                400,
                "SecurityGroupMultipleRemoteEntites",
                "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.",
            ));
        }
        if let Some(remote) = rule["remote_group_id"].as_str() {
            self.visible(caller, Kind::SecurityGroup, remote)?;
        }
        let same = self
            .all(Kind::Rule)
            .find(|other| TUPLE.iter().all(|name| other.get(*name) == rule.get(*name)));
        if let Some(other) = same {
            return Err(Denial::new(
                409,
                "SecurityGroupRuleExists",
                format!(
                    "Security group rule already exists. Rule id is {}.",
                    text(other, "id")
                ),
            ));
        }
        let of_default = self
            .get(Kind::SecurityGroup, &group)
            .is_some_and(|group| text(group, "name") == "default");
        rule.insert("belongs_to_default_sg".to_owned(), json!(of_default));
        self.touch(caller, Kind::SecurityGroup, &group);
        Ok(())
    }

    pub(super) fn delete_rule(&mut self, caller: &Caller<'_>, id: &str) -> Result<(), Denial> {
        if let Some(rule) = self.remove(Kind::Rule, id) {
            self.touch(caller, Kind::SecurityGroup, text(&rule, "security_group_id"));
        }
        Ok(())
    }
}

fn one_of(rule: &Object, name: &str, allowed: &[&str]) -> Result<(), Denial> {
    let given = text(rule, name);
    if allowed.contains(&given) {
        return Ok(());
    }
    Err(Denial::http(format!(
        "Invalid input for {name}. Reason: {} is not in valid_values.",
        rule.get(name).map(python).unwrap_or_default()
    )))
}

fn protocol(rule: &Object) -> Result<Option<String>, Denial> {
    let given = match &rule["protocol"] {
        Value::Null => return Ok(None),
        other => python(other).to_lowercase(),
    };
    let known = PROTOCOLS.contains(&given.as_str()) || given.parse::<u8>().is_ok();
    match given.as_str() {
        "any" => Ok(None),
        // The deprecated name is stored as the one that replaced it.
        "icmpv6" => Ok(Some("ipv6-icmp".to_owned())),
        _ if known => Ok(Some(given)),
        _ => Err(Denial::new(
            400,
            "SecurityGroupRuleInvalidProtocol",
            format!(
                "Security group rule protocol {given} not supported. Only protocol values {} and integer representations [0 to 255] are supported.",
                quoted(PROTOCOLS)
            ),
        )),
    }
}

fn check_ports(rule: &Object, protocol: Option<&str>) -> Result<(), Denial> {
    let number = |name: &str| rule[name].as_i64();
    let (min, max) = (number("port_range_min"), number("port_range_max"));
    if min.is_none() && max.is_none() {
        return Ok(());
    }
    match protocol {
        None => Err(Denial::new(
            400,
            "SecurityGroupProtocolRequiredWithPorts",
            "Must also specify protocol if port range is given.",
        )),
        Some("tcp" | "udp" | "sctp" | "dccp" | "udplite" | "6" | "17" | "132" | "33" | "136") => {
            match (min, max) {
                (Some(min), Some(max)) if (1..=65535).contains(&min) && min <= max && max <= 65535 => Ok(()),
                (Some(min), Some(max)) if (1..=65535).contains(&min) && (1..=65535).contains(&max) => {
                    Err(invalid_range())
                }
                (Some(min), Some(max)) => {
                    let wrong = if (1..=65535).contains(&min) { max } else { min };
                    Err(Denial::new(
                        400,
                        "SecurityGroupInvalidPortValue",
                        format!("Invalid value for port {wrong}"),
                    ))
                }
                _ => Err(invalid_range()),
            }
        }
        Some("icmp" | "ipv6-icmp" | "icmpv6" | "1" | "58") => {
            let fields = [("port_range_min", "type", min), ("port_range_max", "code", max)];
            for (attribute, field, value) in fields {
                if let Some(value) = value.filter(|value| !(0..=255).contains(value)) {
                    return Err(Denial::new(
                        400,
                        "SecurityGroupInvalidIcmpValue",
                        format!("Invalid value for ICMP {field} ({attribute}) {value}. It must be 0 to 255."),
                    ));
                }
            }
            match (min, max) {
                (None, Some(code)) => Err(Denial::new(
                    400,
                    "SecurityGroupMissingIcmpType",
                    format!(
                        "ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is missing."
                    ),
                )),
                _ => Ok(()),
            }
        }
        Some(other) => Err(Denial::new(
            400,
            "SecurityGroupInvalidProtocolForPort",
            format!(
                "Ports cannot be specified for protocol {other}. Ports are only supported for ['dccp', 'sctp', 'tcp', 'udp', 'udplite']."
            ),
        )),
    }
}

fn invalid_range() -> Denial {
    Denial::new(
        400,
        "SecurityGroupInvalidPortRange",
        "For TCP/UDP protocols, port_range_min must be <= port_range_max",
    )
}

/// The remote prefix with its length, which an address alone lacks.
fn remote_prefix(rule: &Object, ethertype: &str) -> Result<Option<String>, Denial> {
    let Some(given) = rule["remote_ip_prefix"].as_str().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let wrong = || {
        Denial::new(
            400,
            "InvalidCIDR",
            format!("Invalid CIDR {given} given as IP prefix."),
        )
    };
    let (address, length) = given.split_once('/').unwrap_or((given, ""));
    let parsed: IpAddr = address.parse().map_err(|_| wrong())?;
    let longest: u8 = if parsed.is_ipv4() { 32 } else { 128 };
    let length = match length {
        "" => longest,
        length => length.parse().map_err(|_| wrong())?,
    };
    if length > longest {
        return Err(wrong());
    }
    if parsed.is_ipv4() != (ethertype == "IPv4") {
        return Err(Denial::new(
            400,
            "SecurityGroupRuleParameterConflict",
            format!("Conflicting value ethertype {ethertype} for CIDR {given}"),
        ));
    }
    Ok(Some(format!("{parsed}/{length}")))
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", names.join(", "))
}
