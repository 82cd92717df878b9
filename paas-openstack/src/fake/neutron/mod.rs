//! Neutron: networks and their addresses, ports, routers, security groups, floating IPs.
//!
//! Every resource is a JSON object. What may be said of it stands in [`attributes`]; what belongs to one kind alone (addresses,
//! gateways, rules) is done by that kind's own file; everything else is the same for all of them and is in [`resource`].

mod attributes;
mod catalog;
mod floating;
mod http;
mod ipam;
mod lists;
mod network;
mod port;
mod quota;
mod resource;
mod router;
mod schema;
mod seam;
mod security;
mod tags;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    collection::{Collection, Object, flag, seconds, text},
    setup::Quotas,
    who::Who,
    world::{self, World},
};

pub(super) use http::router;
pub(super) use seam::{
    VipWish, bind, delete_port, make_port, release_vip, seed, sees_subnet, settle, unbind, vip,
};

/// What exists.
#[derive(Debug, Default, Clone)]
pub(super) struct State {
    pub(super) networks: Collection,
    pub(super) subnets: Collection,
    pub(super) ports: Collection,
    pub(super) routers: Collection,
    pub(super) security_groups: Collection,
    pub(super) rules: Collection,
    pub(super) floatingips: Collection,
    /// What a project may have where nothing else was said.
    default_quotas: Quotas,
    quotas: BTreeMap<String, BTreeMap<String, i64>>,
    macs: u32,
}

/// Who asks, and when.
#[derive(Debug, Clone)]
pub(super) struct Caller<'a> {
    world: &'a World,
    /// The project of the token.
    project: String,
    /// Whether policies let everything pass.
    admin: bool,
    now: Timestamp,
}

impl<'a> Caller<'a> {
    /// Whoever has the token.
    pub(super) fn of(world: &'a World, who: &Who) -> Self {
        Self {
            world,
            project: who.project.clone(),
            admin: who.is_admin(),
            now: world.now(),
        }
    }

    /// Another service, on behalf of a project.
    pub(super) fn service(world: &'a World, project: &str) -> Self {
        Self {
            world,
            project: project.to_owned(),
            admin: true,
            now: world.now(),
        }
    }

    /// Neutron itself, which may do what users may not.
    fn elevated(&self) -> Self {
        Self {
            admin: true,
            ..self.clone()
        }
    }

    fn time(&self) -> Value {
        json!(seconds(self.now))
    }
}

/// The kinds of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A layer-2 segment.
    Network,
    /// A block of addresses in a network.
    Subnet,
    /// A connection point, with a MAC and addresses.
    Port,
    /// A router between subnets, and to an external network.
    Router,
    /// A set of rules for ports.
    SecurityGroup,
    /// One rule of a group.
    Rule,
    /// An address of an external network, translated to a port's.
    FloatingIp,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Network,
        Self::Subnet,
        Self::Port,
        Self::Router,
        Self::SecurityGroup,
        Self::Rule,
        Self::FloatingIp,
    ];

    /// The kind behind a path segment.
    fn of_path(segment: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.plural().replace('_', "-") == segment)
    }

    fn singular(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Subnet => "subnet",
            Self::Port => "port",
            Self::Router => "router",
            Self::SecurityGroup => "security_group",
            Self::Rule => "security_group_rule",
            Self::FloatingIp => "floatingip",
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::Network => "networks",
            Self::Subnet => "subnets",
            Self::Port => "ports",
            Self::Router => "routers",
            Self::SecurityGroup => "security_groups",
            Self::Rule => "security_group_rules",
            Self::FloatingIp => "floatingips",
        }
    }

    fn missing(self, id: &str) -> Denial {
        let (kind, message) = match self {
            Self::Network => ("NetworkNotFound", format!("Network {id} could not be found.")),
            Self::Subnet => ("SubnetNotFound", format!("Subnet {id} could not be found.")),
            Self::Port => ("PortNotFound", format!("Port {id} could not be found.")),
            Self::Router => ("RouterNotFound", format!("Router {id} could not be found")),
            Self::SecurityGroup => (
                "SecurityGroupNotFound",
                format!("Security group {id} does not exist"),
            ),
            Self::Rule => (
                "SecurityGroupRuleNotFound",
                format!("Security group rule {id} does not exist"),
            ),
            Self::FloatingIp => (
                "FloatingIPNotFound",
                format!("Floating IP {id} could not be found"),
            ),
        };
        Denial::new(404, kind, message)
    }
}

/// Why Neutron says no: the class of its exception is the best discriminator that it offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Denial {
    /// The HTTP status.
    pub(super) status: u16,
    /// The class.
    pub(super) kind: &'static str,
    /// Neutron's words.
    pub(super) message: String,
}

impl Denial {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            message: message.into(),
        }
    }

    fn http(message: impl Into<String>) -> Self {
        Self::new(400, "HTTPBadRequest", message)
    }

    fn bad(resource: &str, message: impl std::fmt::Display) -> Self {
        Self::new(400, "BadRequest", format!("Bad {resource} request: {message}."))
    }

    fn input(message: impl std::fmt::Display) -> Self {
        Self::new(
            400,
            "InvalidInput",
            format!("Invalid input for operation: {message}."),
        )
    }

    fn policy(action: &str, attribute: Option<&str>) -> Self {
        let rule = attribute.map_or_else(
            || format!("rule:{action}"),
            |attribute| format!("(rule:{action} and rule:{action}:{attribute})"),
        );
        Self::new(
            403,
            "PolicyNotAuthorized",
            format!("{rule} is disallowed by policy"),
        )
    }
}

impl State {
    /// Everything, by kind, as the paths of this service name it.
    pub(super) fn everything(&self) -> Vec<(&'static str, Vec<Object>)> {
        let of = |kind: Kind| self.all(kind).cloned().collect();
        vec![
            ("networks", of(Kind::Network)),
            ("subnets", of(Kind::Subnet)),
            ("ports", of(Kind::Port)),
            ("routers", of(Kind::Router)),
            ("security-groups", of(Kind::SecurityGroup)),
            ("security-group-rules", of(Kind::Rule)),
            ("floatingips", of(Kind::FloatingIp)),
        ]
    }

    fn table(&self, kind: Kind) -> &Collection {
        match kind {
            Kind::Network => &self.networks,
            Kind::Subnet => &self.subnets,
            Kind::Port => &self.ports,
            Kind::Router => &self.routers,
            Kind::SecurityGroup => &self.security_groups,
            Kind::Rule => &self.rules,
            Kind::FloatingIp => &self.floatingips,
        }
    }

    fn table_mut(&mut self, kind: Kind) -> &mut Collection {
        match kind {
            Kind::Network => &mut self.networks,
            Kind::Subnet => &mut self.subnets,
            Kind::Port => &mut self.ports,
            Kind::Router => &mut self.routers,
            Kind::SecurityGroup => &mut self.security_groups,
            Kind::Rule => &mut self.rules,
            Kind::FloatingIp => &mut self.floatingips,
        }
    }

    /// The resource of this kind and id, whoever owns it.
    pub(super) fn get(&self, kind: Kind, id: &str) -> Option<&Object> {
        self.table(kind).get(id)
    }

    /// All resources of a kind, whoever owns them.
    fn all(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.table(kind).iter()
    }

    fn get_mut(&mut self, kind: Kind, id: &str) -> Option<&mut Object> {
        self.table_mut(kind).get_mut(id)
    }

    fn remove(&mut self, kind: Kind, id: &str) -> Option<Object> {
        self.table_mut(kind).remove(id)
    }
}

/// A member that is a list; empty if it is not.
fn list<'a>(object: &'a Object, name: &str) -> &'a [Value] {
    object
        .get(name)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

impl From<Denial> for super::refusal::Refusal {
    fn from(refusal: Denial) -> Self {
        Self::neutron(refusal.status, refusal.kind, &refusal.message)
    }
}
