//! What is installed: versions, images, and the checksums of what is fetched. One table.

/// An addon in one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// The addon's name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its images, each with its host.
    pub images: &'static [&'static str],
    /// Its manifest, if that is no part of this program.
    pub release: Option<Release>,
    /// Where its makers tell what belongs to it.
    pub source: &'static str,
}

/// A manifest that is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// The name of the file, here and in a mirror.
    pub file: &'static str,
    /// Where its makers publish it.
    pub url: &'static str,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: &'static str,
}

/// The network of pods. The second image holds the plugin that the node's container runtime calls.
pub static FLANNEL: Pin = Pin {
    name: "flannel",
    version: "0.28.10",
    images: &[
        "ghcr.io/flannel-io/flannel:v0.28.10",
        "ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel3",
    ],
    release: None,
    source: "https://github.com/flannel-io/flannel/blob/v0.28.10/Documentation/kube-flannel.yml",
};

/// Volumes on the nodes' own disks. The second image runs for a moment on a node to make or remove a folder.
pub static LOCAL_STORAGE: Pin = Pin {
    name: "local-path-provisioner",
    version: "0.0.37",
    images: &[
        "docker.io/rancher/local-path-provisioner:v0.0.37",
        "docker.io/library/busybox:1.37",
    ],
    release: None,
    source: "https://github.com/rancher/local-path-provisioner/blob/v0.0.37/deploy/local-path-storage.yaml",
};

/// The CloudNativePG operator.
pub static CLOUDNATIVE_PG: Pin = Pin {
    name: "cloudnative-pg",
    version: "1.30.0",
    images: &["ghcr.io/cloudnative-pg/cloudnative-pg:1.30.0"],
    release: Some(Release {
        file: "cnpg-1.30.0.yaml",
        url: "https://raw.githubusercontent.com/cloudnative-pg/cloudnative-pg/v1.30.0/releases/cnpg-1.30.0.yaml",
        sha256: "f8bede43fe4ee0d478c2355b204a36876b2ae4faac60f2a9452280b293da3b88",
    }),
    source: "https://github.com/cloudnative-pg/cloudnative-pg/blob/v1.30.0/releases/cnpg-1.30.0.yaml",
};

/// What speaks to OpenStack, by the minor version of Kubernetes that it is made for: the controller manager's image, then the storage
/// driver's.
pub static OPENSTACK: [(u32, Pin); 4] = [
    (
        33,
        openstack(
            "1.33.1",
            &[
                "registry.k8s.io/provider-os/openstack-cloud-controller-manager:v1.33.1",
                "registry.k8s.io/provider-os/cinder-csi-plugin:v1.33.1",
            ],
        ),
    ),
    (
        34,
        openstack(
            "1.34.1",
            &[
                "registry.k8s.io/provider-os/openstack-cloud-controller-manager:v1.34.1",
                "registry.k8s.io/provider-os/cinder-csi-plugin:v1.34.1",
            ],
        ),
    ),
    (
        35,
        openstack(
            "1.35.0",
            &[
                "registry.k8s.io/provider-os/openstack-cloud-controller-manager:v1.35.0",
                "registry.k8s.io/provider-os/cinder-csi-plugin:v1.35.0",
            ],
        ),
    ),
    (
        36,
        openstack(
            "1.36.0",
            &[
                "registry.k8s.io/provider-os/openstack-cloud-controller-manager:v1.36.0",
                "registry.k8s.io/provider-os/cinder-csi-plugin:v1.36.0",
            ],
        ),
    ),
];

const fn openstack(version: &'static str, images: &'static [&'static str]) -> Pin {
    Pin {
        name: "cloud-provider-openstack",
        version,
        images,
        release: None,
        source: "https://github.com/kubernetes/cloud-provider-openstack/tree/v1.36.0/manifests",
    }
}

/// What stands beside a storage driver, made by Kubernetes' storage group: the same for all versions of [`OPENSTACK`].
pub static SIDECARS: Pin = Pin {
    name: "csi-sidecars",
    version: "2026-07",
    images: &[
        "registry.k8s.io/sig-storage/csi-attacher:v4.10.0",
        "registry.k8s.io/sig-storage/csi-provisioner:v5.3.0",
        "registry.k8s.io/sig-storage/csi-resizer:v1.14.0",
        "registry.k8s.io/sig-storage/livenessprobe:v2.17.0",
        "registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.15.0",
    ],
    release: None,
    source: "https://github.com/kubernetes/cloud-provider-openstack/tree/v1.36.0/manifests/cinder-csi-plugin",
};

/// What speaks to OpenStack in a cluster of Kubernetes 1.`minor`: the release made for it, else the nearest one. Neighbouring releases
/// differ in the libraries of Kubernetes that they are built with.
pub fn openstack_for(minor: u32) -> &'static Pin {
    let [(_, oldest), ..] = &OPENSTACK;
    let older = OPENSTACK.iter().rev().find(|(of, _)| *of <= minor);
    older.map_or(oldest, |(_, pin)| pin)
}

/// The newest minor version of Kubernetes that there is a release for.
pub fn newest_openstack() -> u32 {
    OPENSTACK.iter().map(|(of, _)| *of).max().unwrap_or_default()
}

/// Every pin.
pub fn all() -> impl Iterator<Item = &'static Pin> {
    [&FLANNEL, &LOCAL_STORAGE, &CLOUDNATIVE_PG, &SIDECARS]
        .into_iter()
        .chain(OPENSTACK.iter().map(|(_, pin)| pin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_names_its_host_and_a_version_and_every_release_its_sum() {
        for pin in all() {
            for image in pin.images {
                let (host, rest) = image.split_once('/').unwrap();
                assert!(
                    host.contains('.') && rest.contains(':') && !rest.ends_with(":latest"),
                    "{image}"
                );
            }
            if let Some(release) = pin.release {
                assert!(
                    release.sha256.len() == 64 && release.url.ends_with(release.file),
                    "{release:?}"
                );
                assert!(release.url.contains(pin.version));
            }
        }
    }

    #[test]
    fn a_cluster_gets_the_release_that_is_made_for_it_or_the_nearest() {
        let of = |minor| openstack_for(minor).version;
        assert_eq!(
            [of(20), of(34), of(36), of(37)],
            ["1.33.1", "1.34.1", "1.36.0", "1.36.0"]
        );
    }
}
