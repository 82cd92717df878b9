//! What exists, for tests to look at.

use super::{
    collection::{Object, flag, text},
    world::World,
};
use crate::client::service::Kind;

/// Everything that exists at one time.
#[derive(Debug, Clone, Default)]
pub struct Snapshot(Vec<(Kind, &'static str, Vec<Object>)>);

/// Something that was made and not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Where.
    pub service: Kind,
    /// What, as the service's paths say it: `servers`, `floatingips`.
    pub kind: &'static str,
    /// Its id, or its name if it has none.
    pub id: String,
    /// Its name, empty for what has none.
    pub name: String,
}

impl Snapshot {
    /// The resources of a kind, such as `of(Kind::Compute, "servers")`, as their service shows them; the oldest first.
    pub fn of(&self, service: Kind, kind: &str) -> &[Object] {
        self.0
            .iter()
            .find(|(at, name, _)| *at == service && *name == kind)
            .map_or(&[], |(_, _, objects)| objects)
    }

    /// What was not there at the start.
    pub fn leftovers(&self) -> Vec<Leftover> {
        let all = self
            .0
            .iter()
            .flat_map(|(service, kind, objects)| objects.iter().map(move |one| (*service, *kind, one)));
        all.filter(|(_, _, one)| !flag(one, "_seeded"))
            .map(|(service, kind, one)| {
                let name = text(one, "name").to_owned();
                let id = text(one, "id");
                Leftover {
                    service,
                    kind,
                    id: if id.is_empty() {
                        name.clone()
                    } else {
                        id.to_owned()
                    },
                    name,
                }
            })
            .collect()
    }
}

pub(super) fn of(world: &World) -> Snapshot {
    let state = world.state();
    let parts = [
        (Kind::Identity, state.keystone.everything()),
        (Kind::Compute, state.nova.everything()),
        (Kind::Network, state.neutron.everything()),
        (Kind::Image, state.glance.everything()),
        (Kind::BlockStorage, state.cinder.everything()),
        (Kind::LoadBalancer, state.octavia.everything()),
    ];
    Snapshot(
        parts
            .into_iter()
            .flat_map(|(kind, part)| part.into_iter().map(move |(name, objects)| (kind, name, objects)))
            .collect(),
    )
}
