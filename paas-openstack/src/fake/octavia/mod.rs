//! Octavia: load balancers.

use axum::Router;
use jiff::Timestamp;

use super::{
    collection::{Collection, Object},
    world::{self, Shared, World},
};

/// What exists.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) load_balancers: Collection,
}

impl State {
    /// Everything, by kind, as the paths of this service name it.
    pub(super) fn everything(&self) -> Vec<(&'static str, Vec<Object>)> {
        vec![("loadbalancers", self.load_balancers.iter().cloned().collect())]
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
