//! Machines that are played: what kubeadm's machines do on their first boot, by the user-data that they are given, with a real API server.
//!
//! For tests of whatever makes clusters, on a cloud that boots nothing. Whoever plays the hypervisor calls [`Machines::boot`] for every
//! server that runs, with what the cloud hands out to it.
//!
//! What is real:
//! - The user-data are read as cloud-init would; the script's phases are announced on the console as the script itself announces them.
//! - The machine that initialises takes authorities and settings from its user-data alone and starts etcd, the API server (RBAC, nodes'
//!   own rights, bootstrap tokens) and Kubernetes' controllers on them ([`super::kube`]). What is issued from the same authorities
//!   elsewhere logs in.
//! - The machine that joins knows the API server by the hash in its user-data, logs in with its own token, and tries again where that is
//!   not known yet or any more, as kubeadm does. A Node of its name that is ready ends it. It gets its certificate through a signing
//!   request which the controllers approve, and registers itself as a kubelet with no more rights than one.
//! - A machine without power tells nothing any more, and after a while its node is not ready.
//!
//! What is played: the scheduler and the kubelets, which let every pod run that the network of pods (flannel's own namespace) or the
//! host's network is there for. No container runs, so probes, volumes and Services do not either. kubeadm's pauses are shorter
//! ([`HURRY`]).
//!
//! Without the programs of a control plane ([`super::kube::programs`]) a first boot fails; a test asks for them first.
//!
//! Machines end with the last [`Machines`] value.

mod gate;
mod init;
mod join;
mod kubelet;
mod scheduler;
mod site;
mod trouble;
mod user_data;

use std::{net::Ipv4Addr, sync::Arc};

use tokio_util::sync::{CancellationToken, DropGuard};

use self::site::{Site, World};
pub use self::{
    site::HURRY,
    trouble::{Latch, Trouble},
};
use super::kube::{ControlPlane, Part};

/// Machines, and the one network that they are in.
#[derive(Debug, Clone)]
pub struct Machines {
    world: Arc<World>,
    power: CancellationToken,
    _power: Arc<DropGuard>,
}

/// A server that runs, as its cloud sees it.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The cloud's id of it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its address in the network of the machines.
    pub address: String,
    /// What it is told on its first boot, as the metadata service hands it out.
    pub user_data: Vec<u8>,
}

impl Default for Machines {
    fn default() -> Self {
        let power = CancellationToken::new();
        Self {
            world: Arc::default(),
            _power: Arc::new(power.clone().drop_guard()),
            power,
        }
    }
}

impl Machines {
    /// No machine yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What goes wrong with the next first boot of a machine of that name; of several the first comes first.
    pub fn trouble(&self, name: &str, trouble: Trouble) {
        self.world.trouble(name, trouble);
    }

    /// Switches a machine on. One that runs is left alone; one that ran before starts again what it had, but cloud-init does nothing
    /// a second time.
    pub async fn boot(&self, machine: Machine) {
        let Some((site, booted)) = Site::enter(&self.world, machine, &self.power) else {
            return;
        };
        match booted {
            None => drop(tokio::spawn(site.until_off(Site::first_boot))),
            Some(()) => drop(tokio::spawn(site.until_off(Site::boot_again))),
        }
    }

    /// Leads connections to that address, at the port of the API, to a machine whose API server runs: its address outside.
    pub async fn reach(&self, id: &str, outside: Ipv4Addr) {
        self.world.reach(id, outside).await;
    }

    /// The API is not reached from outside any more, or it is again. Machines among themselves are not concerned.
    pub async fn reachable(&self, reachable: bool) {
        self.world.reachable(reachable).await;
    }

    /// Takes a machine's power away. Of a control plane all servers go.
    pub async fn cut_power(&self, id: &str) {
        if let Some(plane) = self.world.cut_power(id) {
            plane.gate_shut();
            for part in Part::ALL {
                // One that is not there is off already.
                let _ = plane.servers.kill(part).await;
            }
        }
    }

    /// Forgets a machine with its disk.
    pub fn remove(&self, id: &str) {
        self.world.remove(id);
    }

    /// The ids of machines that are known, on or off.
    pub fn known(&self) -> Vec<String> {
        self.world.known()
    }

    /// Whether a machine has power.
    pub fn is_on(&self, id: &str) -> bool {
        self.world.is_on(id)
    }

    /// What a machine wrote on its console.
    pub fn console(&self, id: &str) -> String {
        self.world.console(id)
    }

    /// The servers of the cluster, as its administrator reaches them from within; `None` before a machine has brought them up.
    pub fn control_plane(&self) -> Option<ControlPlane> {
        self.world.any_plane().map(|plane| plane.servers.clone())
    }
}
