//! Kubernetes on the platform's own machines: what their first boot does, the cluster as a stage, and what is installed into it.
//!
//! - [`boot`] answers what a machine does on its first boot: a recipe of typed parts ([`cloud_init`]) for [`kubeadm`] or `k3s`, with
//!   keys and certificates that we made ([`pki`]) and a token of the machine's own ([`token`]).
//! - [`cluster`] is the stage whose resources are nodes; to delete one is to cordon, drain and remove it.
//! - [`addons`] is the stage after it: what a cluster needs before databases run in it.
//! - [`login`] gives access to the cluster, from the authorities in the secret store.

pub mod addons;
pub mod boot;
pub mod certificates;
pub mod cloud_init;
pub mod cluster;
pub mod codes;
pub mod content;
pub mod declared;
pub mod examine;
mod k3s;
pub mod kubeadm;
pub mod leaks;
pub mod login;
mod machine;
pub mod pki;
pub mod script;
pub mod token;
pub mod validate;
pub mod version;
mod yaml;
