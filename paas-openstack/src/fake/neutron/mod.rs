//! Neutron: networks, subnets, ports, routers, security groups, floating IPs.

use axum::Router;
use jiff::Timestamp;

use super::{
    collection::{Collection, Object},
    refusal::Refusal,
    world::{self, Shared, World},
};

/// What exists.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) networks: Collection,
    pub(super) subnets: Collection,
    pub(super) ports: Collection,
    pub(super) security_groups: Collection,
    pub(super) floatingips: Collection,
}

impl State {
    /// Everything, by kind, as the paths of this service name it.
    pub(super) fn everything(&self) -> Vec<(&'static str, Vec<Object>)> {
        vec![
            ("networks", self.networks.iter().cloned().collect()),
            ("subnets", self.subnets.iter().cloned().collect()),
            ("ports", self.ports.iter().cloned().collect()),
            ("security-groups", self.security_groups.iter().cloned().collect()),
            ("floatingips", self.floatingips.iter().cloned().collect()),
        ]
    }
}

/// What is there from the start.
pub(super) fn seed(_world: &World, _state: &mut world::State) {}

/// Carries out what is due.
pub(super) fn settle(_world: &World, _state: &mut world::State, _now: Timestamp) {}

/// The calls, below this service's prefix.
pub(super) fn router() -> Router<Shared> {
    Router::new()
}

/// Makes a port for a server that asked for a network instead of a port. `groups` are ids of security groups; none means the
/// project's group `default`. The port's `device_id` is set by [`bind`].
///
/// # Errors
/// As Nova tells them to its caller: quota (403), no free address (400).
pub(super) fn make_port(
    _world: &World,
    _state: &mut world::State,
    _project: &str,
    _network: &str,
    _fixed_ip: Option<&str>,
    _groups: &[String],
) -> Result<String, Refusal> {
    Err(Refusal::nova(400, "No ports are made yet."))
}

/// Gives a port to a server that runs on a host: `device_id`, `device_owner` `compute:<zone>`, `binding:host_id`, ACTIVE.
pub(super) fn bind(
    _world: &World,
    state: &mut world::State,
    port: &str,
    server: &str,
    zone: &str,
    host: &str,
) {
    if let Some(port) = state.neutron.ports.get_mut(port) {
        port.insert("device_id".into(), server.into());
        port.insert("device_owner".into(), format!("compute:{zone}").into());
        port.insert("binding:host_id".into(), host.into());
        port.insert("status".into(), "ACTIVE".into());
    }
}

/// Takes a port away from its server.
pub(super) fn unbind(_world: &World, state: &mut world::State, port: &str) {
    if let Some(port) = state.neutron.ports.get_mut(port) {
        for member in ["device_id", "device_owner", "binding:host_id"] {
            port.insert(member.into(), "".into());
        }
        port.insert("status".into(), "DOWN".into());
    }
}

/// Deletes a port that was made by [`make_port`], with what belongs to it.
pub(super) fn delete_port(_world: &World, state: &mut world::State, port: &str) {
    state.neutron.ports.remove(port);
}
