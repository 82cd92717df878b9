//! Which image and which flavor a machine is made of.

use paas_core::spec::{OpenStack, Quantity, Role};

use super::choice::Choice;

/// What is taken where nothing is said: kubeadm refuses less than two processors and wants 2 GiB for a control plane.
const ANY_FLAVOR: Choice = Choice::AtLeast {
    cpus: 2,
    memory: 4096,
    disk: 20,
};

/// The image that a spec chooses.
pub(super) fn image(cloud: &OpenStack) -> Choice {
    match (&cloud.image, &cloud.image_distro) {
        (Some(named), _) => Choice::Named(named.clone()),
        (None, Some(distro)) => Choice::Newest {
            distros: vec![distro.clone()],
        },
        (None, None) => Choice::Newest {
            distros: vec!["ubuntu".to_owned(), "debian".to_owned()],
        },
    }
}

/// The flavor that a spec chooses for the machines of a role.
pub(super) fn flavor(cloud: &OpenStack, role: &Role) -> Choice {
    if let Some(named) = role.flavor.as_ref().or(cloud.flavor.as_ref()) {
        return Choice::Named(named.clone());
    }
    let Some(least) = &cloud.flavor_at_least else {
        return match role.root {
            // The root is a volume: the flavor's disk is not used.
            Some(_) => Choice::AtLeast {
                cpus: 2,
                memory: 4096,
                disk: 0,
            },
            None => ANY_FLAVOR,
        };
    };
    let disk = least.disk.as_ref().filter(|_| role.root.is_none());
    Choice::AtLeast {
        cpus: least.cpus,
        memory: mebibytes(&least.memory),
        disk: disk.map_or(0, gibibytes),
    }
}

/// Whole gibibytes, rounded up.
pub(super) fn gibibytes(size: &Quantity) -> u32 {
    u32::try_from(size.bytes().div_ceil(1 << 30)).unwrap_or(u32::MAX)
}

fn mebibytes(size: &Quantity) -> u32 {
    u32::try_from(size.bytes().div_ceil(1 << 20)).unwrap_or(u32::MAX)
}
