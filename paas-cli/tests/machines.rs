//! A cluster on a cloud whose machines are played: from nothing to nodes with addons, everything that happens to it, and what goes wrong.
//! Its API server is a real one.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "machines/addons.rs"]
mod addons;
#[path = "machines/births.rs"]
mod births;
#[path = "machines/bridge.rs"]
mod bridge;
#[path = "machines/joins.rs"]
mod joins;
#[path = "machines/life.rs"]
mod life;
#[path = "machines/place.rs"]
mod place;
#[path = "machines/process.rs"]
mod process;
#[path = "machines/table.rs"]
mod table;
