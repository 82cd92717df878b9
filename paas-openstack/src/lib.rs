//! OpenStack: a client that one can trust, and a fake cloud that other people's clients accept.
//!
//! - [`config`] finds clouds.yaml and its neighbours and resolves them to one [`Cloud`], as openstacksdk does.
//! - [`client`] has authentication, catalog, versions, retries, pages and errors.
//! - The services' typed calls stand on it, a module a service: [`identity`], [`compute`], [`network`], [`image`], [`block_storage`],
//!   [`load_balancer`], [`placement`]. What they have in common is in [`collection`] and [`wire`].
//! - `fake`, with the feature of that name, is a stateful OpenStack on loopback, for tests.
//! - [`provider`] makes a Platform of it: networks and machines, planned, made once, taken down to nothing; `paas up` drives it, and so
//!   can any program.
//! - [`gc`] finds and takes away what was left over, from outside.
//! - [`vm`] makes one virtual machine of the same kinds with the same engine.

pub mod block_storage;
pub mod client;
pub mod cloud;
pub mod codes;
pub mod collection;
pub mod compute;
pub mod config;
#[cfg(feature = "fake")]
pub mod fake;
pub mod gc;
pub mod identity;
pub mod image;
pub mod load_balancer;
pub mod network;
pub mod overview;
pub mod placement;
pub mod provider;
pub mod vm;
pub mod wire;

pub use client::Client;
pub use cloud::Cloud;
