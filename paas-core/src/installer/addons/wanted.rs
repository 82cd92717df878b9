//! Which addons a spec asks for, and what is to be said of its words.

use super::{manifests::SUMS, pins};
use crate::{
    installer::codes::INS_MIRROR,
    preflight::Finding,
    spec::{Addons, Installer, PlatformSpec},
};

/// The addons that a cluster gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wants {
    /// The network of pods.
    pub cni: bool,
    /// The cloud's controller manager.
    pub cloud_controller: bool,
    /// Volumes of the cloud.
    pub csi: bool,
    /// Volumes on the nodes' own disks.
    pub local_storage: bool,
    /// The CloudNativePG operator.
    pub cloud_native_pg: bool,
    /// Our operator.
    pub operator: bool,
}

impl Wants {
    /// Those of a spec. What it leaves out: of machines that we set up, a network where kubeadm does (k3s has its own), the cloud's controller and
    /// volumes, and volumes on the nodes' disks only where the cloud gives none; the operators everywhere.
    pub fn of(spec: &PlatformSpec) -> Self {
        let said = |of: fn(&Addons) -> Option<bool>| spec.addons.as_ref().and_then(of);
        let installer = spec.installer();
        let ours = installer.is_some();
        let csi = said(|a| a.csi).unwrap_or(ours);
        Self {
            cni: said(|a| a.cni).unwrap_or(installer == Some(Installer::Kubeadm)),
            cloud_controller: said(|a| a.cloud_controller).unwrap_or(ours),
            csi,
            local_storage: said(|a| a.local_storage).unwrap_or(ours && !csi),
            cloud_native_pg: said(|a| a.cloud_native_pg).unwrap_or(true),
            operator: said(|a| a.operator).unwrap_or(true),
        }
    }

    /// True if something of it speaks to the cloud.
    pub fn cloud(self) -> bool {
        self.cloud_controller || self.csi
    }
}

/// The minor version of Kubernetes that a spec names; without one, the newest that there is a release of the cloud's controller for.
pub fn minor(spec: &PlatformSpec) -> u32 {
    let named = spec.kubernetes.as_ref().and_then(|k| k.version.as_deref());
    let minor = named
        .and_then(|v| v.split('.').nth(1))
        .and_then(|m| m.parse().ok());
    minor.unwrap_or_else(pins::newest_openstack)
}

/// What is to be said of a spec's words before anything is made of them. Pure.
pub fn findings(spec: &PlatformSpec) -> Vec<Finding> {
    let wants = Wants::of(spec);
    let mut found = Vec::new();
    let mut warn =
        |what: String, remedy: &str| found.push(Finding::warning(&INS_MIRROR, what).remedy(remedy));
    if spec.installer().is_some() && !wants.csi && !wants.local_storage {
        warn(
            "addons.csi and addons.localStorage are both false: there is no StorageClass, and databases get no volumes".to_owned(),
            "turn one of them on, or install a StorageClass of your own before the first database",
        );
    }
    if wants.local_storage && !wants.csi {
        warn(
            "volumes lie on the machines' own disks: a machine that goes takes its databases' data with it"
                .to_owned(),
            "take backups, give databases replicas, or set addons.csi where the cloud has volumes",
        );
    }
    if spec.installer() == Some(Installer::K3s) && wants.cni {
        warn(
            "addons.cni is true, and k3s brings a network of its own: pods would have two".to_owned(),
            "leave addons.cni out",
        );
    }
    let newest = pins::newest_openstack();
    if wants.cloud() && minor(spec) > newest {
        warn(
            format!(
                "the newest release that speaks to OpenStack is for Kubernetes 1.{newest}, and the cluster is 1.{}: it is taken all the same",
                minor(spec)
            ),
            "set kubernetes.version to the minor version of the release, if nodes stay uninitialized",
        );
    }
    let addons = spec.addons.clone().unwrap_or_default();
    if let (Some(registry), Some(mirror), true) =
        (&addons.image_registry, &addons.mirror, wants.cloud_native_pg)
    {
        warn(
            format!(
                "images are taken from {registry}, also those of the manifests in {mirror}: where these name other images already, both are renamed"
            ),
            &format!(
                "name the images' own hosts in the mirror, or leave addons.imageRegistry out; a changed manifest needs its sum in {SUMS}"
            ),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec(kubernetes: Value, addons: Value) -> PlatformSpec {
        let infrastructure = json!({"type": "OpenStack", "openStack": {}});
        serde_json::from_value(
            json!({"infrastructure": infrastructure, "kubernetes": kubernetes, "addons": addons}),
        )
        .unwrap()
    }

    fn told(kubernetes: Value, addons: Value) -> String {
        let found = findings(&spec(kubernetes, addons));
        assert!(found.iter().all(|f| !f.is_error() && f.code == INS_MIRROR.id));
        found
            .iter()
            .map(|f| f.what.as_str())
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn what_is_left_out_depends_on_who_sets_the_cluster_up() {
        let kubeadm = Wants::of(&spec(json!({}), json!({})));
        assert!(kubeadm.cni && kubeadm.cloud_controller && kubeadm.csi && !kubeadm.local_storage);
        let k3s = Wants::of(&spec(json!({"installer": "K3s"}), json!({})));
        assert!(!k3s.cni && k3s.cloud_controller && k3s.csi);
        let lab = Wants::of(&spec(json!({}), json!({"cloudController": false, "csi": false})));
        assert!(lab.local_storage && !lab.cloud() && lab.cloud_native_pg && lab.operator);
        let managed: PlatformSpec = serde_json::from_value(json!({"infrastructure": {"type": "Stackit", "stackit": {"projectId": "6f1b2d2e-0d2c-4f57-8c39-0f2a54c7c001"}}})).unwrap();
        let managed = Wants::of(&managed);
        assert!(!managed.cni && !managed.cloud() && !managed.local_storage && managed.operator);
    }

    #[test]
    fn words_that_do_not_go_together_are_told() {
        assert_eq!(told(json!({}), json!({})), "");
        assert!(told(json!({}), json!({"csi": false, "localStorage": false})).contains("no StorageClass"));
        assert!(told(json!({}), json!({"csi": false})).contains("machines' own disks"));
        assert!(told(json!({"installer": "K3s"}), json!({"cni": true})).contains("of its own"));
        assert!(told(json!({"version": "1.37.2"}), json!({})).contains("1.37"));
        assert!(
            told(json!({}), json!({"mirror": "/m", "imageRegistry": "r.example"}))
                .contains("both are renamed")
        );
    }

    #[test]
    fn the_minor_version_is_read_from_either_form() {
        let of = |version: Value| minor(&spec(json!({"version": version}), json!({})));
        assert_eq!((of(json!("1.34")), of(json!("1.35.2"))), (34, 35));
        assert_eq!(minor(&spec(json!({}), json!({}))), pins::newest_openstack());
    }
}
