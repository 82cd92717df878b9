//! What a cluster of machines needs before databases run in it, as a stage of its own: objects that are applied under the engine.
//!
//! Of a spec's addons, each is a pure function of [`Facts`] in a file of its own:
//!
//! | addon | what |
//! | --- | --- |
//! | [`flannel`] | the network of pods |
//! | [`cloud`] | the Secret by which the next two speak to the cloud |
//! | [`cloud_controller`] | OpenStack's controller manager: nodes and load balancers |
//! | [`cinder_csi`] | volumes of the cloud, with the default StorageClass |
//! | [`local_storage`] | volumes on the nodes' own disks |
//! | [`cloudnative_pg`] | the CloudNativePG operator: its own release, fetched and checked |
//! | [`operator`] | our operator, as its crate renders it |
//!
//! Versions, images and checksums stand in one table, [`pins`]. Every addon is found again by the owner's mark, so one that is no longer
//! wanted goes, pods before what they read; definitions of kinds stay, because the objects of users are in them.
//!
//! Addons do not wait for each other: pods wait for the network by themselves, since no node is ready without it, and one machine that is
//! down must not keep everything else away. Within an addon, [`wire`] says what waits for what.

pub mod cinder_csi;
pub mod cloud;
pub mod cloud_controller;
pub mod cloudnative_pg;
pub mod documents;
mod driver;
mod facts;
pub mod flannel;
mod given;
mod hands;
pub mod health;
mod inside;
pub mod kinds;
pub mod local_storage;
pub mod manifests;
pub mod operator;
pub mod pins;
pub mod pods;
pub mod wanted;
pub mod web;
pub mod wire;

pub use cloud::{CloudConfig, CloudFacts, NoCloud};
pub use driver::{AddonsDriver, STAGE};
pub use facts::{Facts, Registry, cluster_name};
pub use given::GivenCloud;
pub use hands::AddonsHands;
pub use inside::InsideCluster;
pub use manifests::{Directory, Manifests};
pub use pins::{Pin, Release};
pub use wanted::Wants;
pub use web::Web;
