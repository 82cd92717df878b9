//! The machines of a Platform, before anything of a cloud is thought of.

use super::{Infrastructure, InfrastructureType, Installer, Kubernetes, PlatformSpec, Pool, Quantity};

/// The role of the machines of a control plane, which no pool may have as its name.
pub const CONTROL_PLANE: &str = "control-plane";

/// Machines that are alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// `control-plane`, or the pool's name.
    pub name: String,
    /// How many.
    pub replicas: u16,
    /// Their own flavor.
    pub flavor: Option<String>,
    /// Their root volume.
    pub root: Option<Quantity>,
    /// Their data volume.
    pub data: Option<Quantity>,
}

impl Role {
    /// The names of the machines, which are those of their nodes: `workers-1`, `workers-2`.
    pub fn machines(&self) -> impl Iterator<Item = String> {
        (1..=self.replicas).map(|n| format!("{}-{n}", self.name))
    }

    /// True for the control plane.
    pub fn is_control_plane(&self) -> bool {
        self.name == CONTROL_PLANE
    }
}

impl PlatformSpec {
    /// All roles: the control plane first. Without a word about Kubernetes, one machine of each.
    pub fn roles(&self) -> Vec<Role> {
        let small = Kubernetes::default();
        let kubernetes = self.kubernetes.as_ref().unwrap_or(&small);
        let plane = kubernetes.control_plane.as_ref();
        let mut roles = vec![Role {
            name: CONTROL_PLANE.to_owned(),
            replicas: plane.map_or(1, |p| p.replicas),
            flavor: plane.and_then(|p| p.machine_type.clone()),
            root: None,
            data: None,
        }];
        if kubernetes.pools.is_empty() {
            roles.push(Role {
                name: "workers".to_owned(),
                replicas: 1,
                flavor: None,
                root: None,
                data: None,
            });
        }
        roles.extend(kubernetes.pools.iter().map(role));
        roles
    }

    /// What sets the cluster up on machines of ours; `None` for bare machines and for clusters that the infrastructure gives.
    pub fn installer(&self) -> Option<Installer> {
        let Infrastructure { type_, .. } = &self.infrastructure;
        if *type_ != InfrastructureType::OpenStack {
            return None;
        }
        let chosen = self.kubernetes.as_ref().and_then(|k| k.installer);
        match chosen.unwrap_or(Installer::Kubeadm) {
            Installer::None => None,
            some => Some(some),
        }
    }

    /// The addresses of pods.
    pub fn pod_cidr(&self) -> &str {
        let said = self.kubernetes.as_ref().and_then(|k| k.pod_cidr.as_deref());
        said.unwrap_or("10.244.0.0/16")
    }

    /// The addresses of Services.
    pub fn service_cidr(&self) -> &str {
        let said = self.kubernetes.as_ref().and_then(|k| k.service_cidr.as_deref());
        said.unwrap_or("10.96.0.0/16")
    }

    /// True if the cluster speaks to its cloud, by its controller manager or its storage driver.
    pub fn speaks_to_its_cloud(&self) -> bool {
        let asked = |of: fn(&super::Addons) -> Option<bool>| self.addons.as_ref().and_then(of);
        let left_out = self.installer().is_some();
        asked(|a| a.cloud_controller).unwrap_or(left_out) || asked(|a| a.csi).unwrap_or(left_out)
    }
}

fn role(pool: &Pool) -> Role {
    Role {
        name: pool.name.clone(),
        replicas: pool.replicas,
        flavor: pool.machine_type.clone(),
        root: pool.volume_size.clone(),
        data: pool.data_volume_size.clone(),
    }
}
