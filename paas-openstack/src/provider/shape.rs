//! The machines of a Platform, as far as OpenStack has something to say about them.

use paas_core::{
    error::{Class, Error, Result},
    spec::{CONTROL_PLANE, PlatformSpec, Role},
};

use crate::codes::OS_SHAPE;

/// All roles: the control plane first.
///
/// # Errors
/// `PAAS-OS-0040` for a pool with the control plane's name.
pub(super) fn roles(spec: &PlatformSpec) -> Result<Vec<Role>> {
    let roles = spec.roles();
    if roles.iter().filter(|r| r.is_control_plane()).count() > 1 {
        return Err(Error::new(&OS_SHAPE, Class::Invalid)
            .attempted("lay out the machines")
            .happened(format!(
                "a pool is called {CONTROL_PLANE}, as the control plane itself"
            ))
            .remedy("give the pool another name"));
    }
    Ok(roles)
}

/// True for a Platform whose cluster speaks to the cloud. Where the machines stay bare, only if its spec says so.
pub(super) fn has_credential(spec: &PlatformSpec, boots: bool) -> bool {
    let addons = spec.addons.as_ref();
    let asked = addons.is_some_and(|a| a.cloud_controller == Some(true) || a.csi == Some(true));
    asked || (boots && spec.speaks_to_its_cloud())
}
