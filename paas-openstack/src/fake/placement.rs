//! Placement: resource providers, inventories and usages, to be read.

use axum::Router;

use super::world::Shared;

/// The calls, below this service's prefix.
pub(super) fn router() -> Router<Shared> {
    Router::new()
}
