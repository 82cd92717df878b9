//! OpenStack: a client that one can trust, and a fake cloud that other people's clients accept.
//!
//! - [`config`] finds clouds.yaml and its neighbours and resolves them to one [`Cloud`], as openstacksdk does.
//! - [`client`] has authentication, catalog, versions, retries, pages and errors; the services' calls are in modules of their own.
//! - `fake`, with the feature of that name, is a stateful OpenStack on loopback, for tests.
//!
//! The provider that implements [`paas_core::driver::InfrastructureProvider`] is not here yet: a `Platform` with
//! `infrastructure.type: OpenStack` is understood by the loader and refused with words by `paas up`.

pub mod client;
pub mod cloud;
pub mod codes;
pub mod config;
#[cfg(feature = "fake")]
pub mod fake;
pub mod provider;

pub use cloud::Cloud;
