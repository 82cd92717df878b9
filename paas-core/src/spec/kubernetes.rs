//! `spec.kubernetes` and `spec.addons`: the cluster of a Platform, and what is installed into it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Quantity,
    meta::{LABEL_HELP, LABEL_VALUE},
};

/// IPv4 ranges from /8 to /24, for pods and Services.
const RANGE: &str =
    r"^(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}/([89]|1[0-9]|2[0-4])$";

/// The Kubernetes cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!has(self.mirror) || (has(self.packages) && self.packages == 'Mirror')", "fieldPath": ".mirror",
     "message": "a mirror is used with packages: Mirror only: set that, or remove mirror"},
    {"rule": "!has(self.packages) || self.packages != 'Mirror' || has(self.mirror)", "fieldPath": ".packages",
     "message": "packages: Mirror needs the mirror's URL in mirror"},
]))]
pub struct Kubernetes {
    /// Minor version, or an exact one; left out, the newest that is known to work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12), regex(pattern = r"^1\.[0-9]{2}(\.[0-9]{1,2})?$"))]
    #[schemars(extend("x-paas-help" = "a version in quotes such as \"1.34\" or \"1.34.2\""))]
    pub version: Option<String>,
    /// What sets the cluster up; left out, Kubeadm. A managed cluster needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installer: Option<Installer>,
    /// Where the machines get the installer's packages from; left out, Upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
    /// The URL of a mirror of the packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500), regex(pattern = r"^https?://[^ ]+$"), extend("x-paas-help" = "a URL such as https://mirror.example/kubernetes"))]
    pub mirror: Option<String>,
    /// The registry of Kubernetes' own images; left out, upstream's. Images that the machines have already are not fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([a-z0-9.:/_-]*[a-z0-9])?$")
    )]
    #[schemars(extend("x-paas-help" = "a host with an optional path, such as registry.example/k8s"))]
    pub image_registry: Option<String>,
    /// The addresses of pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 18), regex(pattern = RANGE), extend("x-paas-help" = "an IPv4 range from /8 to /24, such as 10.244.0.0/16"))]
    pub pod_cidr: Option<String>,
    /// The addresses of Services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 18), regex(pattern = RANGE), extend("x-paas-help" = "an IPv4 range from /8 to /24, such as 10.96.0.0/16"))]
    pub service_cidr: Option<String>,
    /// Further names and addresses by which the API is reached, for its certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub api_names: Vec<String>,
    /// The machines of the control plane; a managed cluster has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<ControlPlane>,
    /// The groups of machines that workloads run on; left out, one group `workers` of one machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub pools: Vec<Pool>,
}

/// What sets a cluster up on bare machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Installer {
    /// The upstream tool, with a stacked etcd.
    Kubeadm,
    /// A single small binary, for small platforms.
    K3s,
    /// Nothing: the machines stay bare.
    None,
}

/// Where machines get the installer's packages from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum Packages {
    /// The project's own repositories.
    #[default]
    Upstream,
    /// A mirror of them.
    Mirror,
    /// Nowhere: the image has them.
    Preinstalled,
}

/// The machines of the control plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.replicas % 2 == 1", "fieldPath": ".replicas",
     "message": "a control plane needs an odd number of machines: 1, 3 or 5"},
]))]
pub struct ControlPlane {
    /// How many machines: 1, 3 or 5.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 5))]
    pub replicas: u16,
    /// The flavor or machine type; left out, the platform's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub machine_type: Option<String>,
}

/// A group of machines that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pool {
    /// The group's name, at most 15 characters.
    #[schemars(length(min = 1, max = 15), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    #[schemars(extend("x-paas-help" = "lower-case letters, digits and '-', beginning with a letter, such as workers"))]
    pub name: String,
    /// How many machines.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 500))]
    pub replicas: u16,
    /// The flavor or machine type; left out, the platform's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub machine_type: Option<String>,
    /// The size of the machines' root volume; left out, the flavor's own disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_size: Option<Quantity>,
    /// The size of a further volume for each machine, kept when the machine is replaced; left out, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_volume_size: Option<Quantity>,
    /// Labels that the nodes carry.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("additionalProperties" = {"type": "string", "maxLength": 63, "pattern": LABEL_VALUE, "x-paas-help": LABEL_HELP}, "maxProperties" = 50))]
    pub labels: BTreeMap<String, String>,
}

fn one() -> u16 {
    1
}

/// What is installed into the cluster beside the databases.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Addons {
    /// The network of pods (flannel); left out, where the cluster is made of machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cni: Option<bool>,
    /// The cloud's controller manager, for nodes and load balancers; left out, where the cluster is made of machines of a cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_controller: Option<bool>,
    /// The driver of the cloud's volumes, with a default StorageClass; left out, where the cluster is made of machines of a cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csi: Option<bool>,
    /// Volumes on the nodes' own disks, with a StorageClass that is the default where csi is false: their data goes with the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_storage: Option<bool>,
    /// The CloudNativePG operator, for replicated databases; left out, true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_native_pg: Option<bool>,
    /// The operator of this platform itself; left out, true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<bool>,
    /// The image of the operator; left out, the one of this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = r"^[^ ]+$"), extend("x-paas-help" = "an image such as registry.example/paas-operator:0.1.0"))]
    pub operator_image: Option<String>,
    /// Where manifests that are not part of this program are read from: a directory or a URL; left out, the projects' releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = r"^(https?://[^ ]+|[^:]+)$"))]
    #[schemars(extend("x-paas-help" = "a directory, or a URL such as https://mirror.example/addons"))]
    pub mirror: Option<String>,
    /// The registry of the addons' images, in the place of the host that each names; left out, theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([a-z0-9.:/_-]*[a-z0-9])?$")
    )]
    #[schemars(extend("x-paas-help" = "a host with an optional path, such as registry.example/mirror"))]
    pub image_registry: Option<String>,
}
