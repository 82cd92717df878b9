//! The machines of a Platform, before anything of OpenStack is thought of.

use paas_core::{
    error::{Class, Error, Result},
    spec::{Kubernetes, PlatformSpec, Pool, Quantity},
};

use crate::codes::OS_SHAPE;

/// The role of the machines of a control plane, which no pool may have as its name.
pub const CONTROL_PLANE: &str = "control-plane";

/// Machines that are alike.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Role {
    /// `control-plane`, or the pool's name.
    pub(super) name: String,
    /// How many.
    pub(super) replicas: u16,
    /// Their own flavor.
    pub(super) flavor: Option<String>,
    /// Their root volume.
    pub(super) root: Option<Quantity>,
    /// Their data volume.
    pub(super) data: Option<Quantity>,
}

impl Role {
    /// The names of the machines: `workers-1`, `workers-2`.
    pub(super) fn machines(&self) -> impl Iterator<Item = String> {
        (1..=self.replicas).map(|n| format!("{}-{n}", self.name))
    }
}

/// All roles: the control plane first. Without a word about Kubernetes, one machine of each.
///
/// # Errors
/// `PAAS-OS-0040` for a pool with the control plane's name.
pub(super) fn roles(spec: &PlatformSpec) -> Result<Vec<Role>> {
    let small = Kubernetes::default();
    let kubernetes = spec.kubernetes.as_ref().unwrap_or(&small);
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
    for pool in &kubernetes.pools {
        if pool.name == CONTROL_PLANE {
            return Err(Error::new(&OS_SHAPE, Class::Invalid)
                .attempted("lay out the machines")
                .happened(format!(
                    "a pool is called {CONTROL_PLANE}, as the control plane itself"
                ))
                .remedy("give the pool another name"));
        }
        roles.push(role(pool));
    }
    Ok(roles)
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

/// True for a Platform whose cluster speaks to the cloud.
pub(super) fn has_credential(spec: &PlatformSpec) -> bool {
    let addons = spec.addons.as_ref();
    addons.and_then(|a| a.cloud_integration) == Some(true)
}
