//! Octavia: load balancers with their listeners, pools, members and health monitors.
//!
//! A load balancer that is not ACTIVE refuses every change of itself and of what belongs to it; each change makes it PENDING_UPDATE for a
//! while. In ERROR it can only be deleted. Its address is a port of Neutron's.

mod change;
mod create;
mod http;
mod schema;
mod view;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Fake,
    collection::{Collection, Object, text},
    neutron,
    refusal::Refusal,
    who::Who,
    world::{self, World, later},
};

pub(super) use http::router;

/// What exists. Members that begin with `_` tie things together: `_lb`, `_pool`, `_vip_made`, and `_since` (when a pending change began).
#[derive(Debug, Default, Clone)]
pub(super) struct State {
    pub(super) load_balancers: Collection,
    listeners: Collection,
    pools: Collection,
    members: Collection,
    monitors: Collection,
    quotas: BTreeMap<String, BTreeMap<String, i64>>,
}

/// The kinds of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    LoadBalancer,
    Listener,
    Pool,
    Member,
    Monitor,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::LoadBalancer,
        Self::Listener,
        Self::Pool,
        Self::Member,
        Self::Monitor,
    ];

    fn singular(self) -> &'static str {
        match self {
            Self::LoadBalancer => "loadbalancer",
            Self::Listener => "listener",
            Self::Pool => "pool",
            Self::Member => "member",
            Self::Monitor => "healthmonitor",
        }
    }

    /// As Octavia's errors say it.
    fn words(self) -> &'static str {
        match self {
            Self::LoadBalancer => "Load Balancer",
            Self::Listener => "Listener",
            Self::Pool => "Pool",
            Self::Member => "Member",
            Self::Monitor => "Health Monitor",
        }
    }

    fn of_plural(plural: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| plural.strip_suffix('s') == Some(kind.singular()))
    }

    fn missing(self, id: &str) -> Refusal {
        Refusal::octavia(404, &format!("{} {id} not found.", self.words()))
    }
}

impl State {
    /// Everything, by kind, as the paths of this service name it.
    pub(super) fn everything(&self) -> Vec<(&'static str, Vec<Object>)> {
        let of = |kind: Kind| self.table(kind).iter().cloned().collect();
        vec![
            ("loadbalancers", of(Kind::LoadBalancer)),
            ("listeners", of(Kind::Listener)),
            ("pools", of(Kind::Pool)),
            ("members", of(Kind::Member)),
            ("healthmonitors", of(Kind::Monitor)),
        ]
    }

    fn table(&self, kind: Kind) -> &Collection {
        match kind {
            Kind::LoadBalancer => &self.load_balancers,
            Kind::Listener => &self.listeners,
            Kind::Pool => &self.pools,
            Kind::Member => &self.members,
            Kind::Monitor => &self.monitors,
        }
    }

    fn table_mut(&mut self, kind: Kind) -> &mut Collection {
        match kind {
            Kind::LoadBalancer => &mut self.load_balancers,
            Kind::Listener => &mut self.listeners,
            Kind::Pool => &mut self.pools,
            Kind::Member => &mut self.members,
            Kind::Monitor => &mut self.monitors,
        }
    }

    /// The resource; others' are refused with 403 and not hidden.
    fn visible(&self, who: &Who, kind: Kind, id: &str) -> Result<&Object, Refusal> {
        let object = self.table(kind).get(id).ok_or_else(|| kind.missing(id))?;
        if who.sees(text(object, "project_id")) {
            Ok(object)
        } else {
            Err(forbidden())
        }
    }

    /// The load balancer may be changed: it is, and counts as being changed from now on.
    fn lock(&mut self, world: &World, id: &str) -> Result<(), Refusal> {
        let Some(balancer) = self.load_balancers.get_mut(id) else {
            return Err(Kind::LoadBalancer.missing(id));
        };
        if text(balancer, "provisioning_status") != "ACTIVE" {
            return Err(immutable(id));
        }
        balancer.insert("provisioning_status".to_owned(), json!("PENDING_UPDATE"));
        balancer.insert("_since".to_owned(), json!(world.now().to_string()));
        Ok(())
    }

    /// What was pending for a load balancer is done. Given back is the VIP's port to release, if the load balancer is gone.
    fn finish(&mut self, id: &str, at: Timestamp) -> Option<(String, bool)> {
        let time = json!(moment(at));
        for kind in [Kind::Monitor, Kind::Member, Kind::Listener, Kind::Pool] {
            let gone: Vec<String> = self
                .table(kind)
                .of("_lb", id)
                .filter(|one| text(one, "provisioning_status") == "PENDING_DELETE")
                .map(|one| text(one, "id").to_owned())
                .collect();
            for one in gone {
                self.table_mut(kind).remove(&one);
            }
            for one in self
                .table_mut(kind)
                .iter_mut()
                .filter(|one| text(one, "_lb") == id)
            {
                if text(one, "provisioning_status").starts_with("PENDING") {
                    one.insert("provisioning_status".to_owned(), json!("ACTIVE"));
                    one.insert("updated_at".to_owned(), time.clone());
                }
            }
        }
        let balancer = self.load_balancers.get_mut(id)?;
        match text(balancer, "provisioning_status") {
            "PENDING_DELETE" => {
                let gone = self.load_balancers.remove(id)?;
                Some((
                    text(&gone, "vip_port_id").to_owned(),
                    gone.get("_vip_made") == Some(&Value::Bool(true)),
                ))
            }
            "PENDING_CREATE" | "PENDING_UPDATE" => {
                balancer.insert("provisioning_status".to_owned(), json!("ACTIVE"));
                balancer.insert("operating_status".to_owned(), json!("ONLINE"));
                balancer.insert("updated_at".to_owned(), time);
                None
            }
            _ => None,
        }
    }
}

fn forbidden() -> Refusal {
    Refusal::octavia(403, "Policy does not allow this request to be performed.")
}

fn immutable(id: &str) -> Refusal {
    Refusal::octavia(
        409,
        &format!("Load Balancer {id} is immutable and cannot be updated."),
    )
}

fn invalid(words: &str) -> Refusal {
    Refusal::octavia(400, &format!("Validation failure: {words}"))
}

/// What is said when the load balancer itself, and not something in it, is to be changed.
fn pending(id: &str, status: &str) -> Refusal {
    Refusal::octavia(
        409,
        &format!("Invalid state {status} of loadbalancer resource {id}"),
    )
}

/// A time as Octavia says it: without a zone.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

impl Fake {
    /// A load balancer goes to ERROR, as when no amphora boots: from then on it can only be deleted.
    pub fn break_load_balancer(&self, id: &str) {
        if let Some(balancer) = self.world.state().octavia.load_balancers.get_mut(id) {
            balancer.insert("provisioning_status".to_owned(), json!("ERROR"));
            balancer.insert("operating_status".to_owned(), json!("ERROR"));
        }
    }
}

/// Nothing is there from the start.
pub(super) fn seed(_world: &World, _state: &mut world::State) {}

/// Finishes what was begun.
pub(super) fn settle(world: &World, state: &mut world::State, now: Timestamp) {
    while let Some(id) = due(world, &state.octavia, now) {
        let at = pending_until(world, &state.octavia, &id).unwrap_or(now);
        if let Some((port, made)) = state.octavia.finish(&id, at) {
            neutron::release_vip(world, state, &port, made);
        }
    }
}

/// A load balancer whose pending change is over.
fn due(world: &World, octavia: &State, now: Timestamp) -> Option<String> {
    octavia
        .load_balancers
        .iter()
        .filter(|balancer| text(balancer, "provisioning_status").starts_with("PENDING"))
        .map(|balancer| text(balancer, "id").to_owned())
        .find(|id| pending_until(world, octavia, id).is_none_or(|until| until <= now))
}

/// When a pending change is over: `_since` and the time that changes take.
fn pending_until(world: &World, octavia: &State, id: &str) -> Option<Timestamp> {
    let since: Timestamp = text(octavia.load_balancers.get(id)?, "_since").parse().ok()?;
    let takes: Duration = world.setup.times.load_balancer;
    Some(later(since, takes))
}
