//! The documents that kubeadm and kubelet read (kubeadm.k8s.io/v1beta4), as far as they are written here.

use serde::Serialize;

/// The version of kubeadm's documents.
pub const API: &str = "kubeadm.k8s.io/v1beta4";

/// What the first machine of a cluster is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InitConfiguration {
    /// [`API`].
    pub api_version: &'static str,
    /// The struct's name.
    pub kind: &'static str,
    /// The tokens of the machines that are about to join.
    pub bootstrap_tokens: Vec<Token>,
    /// The machine as a node.
    pub node_registration: NodeRegistration,
    /// Where its API server listens.
    #[serde(rename = "localAPIEndpoint")]
    pub local_api_endpoint: LocalApiEndpoint,
    /// How long it waits for what.
    pub timeouts: Timeouts,
}

/// A token by which machines may join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Token {
    /// The token.
    pub token: String,
    /// Whose it is.
    pub description: String,
    /// For how long it is good.
    pub ttl: &'static str,
}

/// A machine as a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRegistration {
    /// The node's name.
    pub name: String,
    /// Where the container runtime listens.
    pub cri_socket: &'static str,
    /// What pods have to tolerate; left out, a control plane's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taints: Option<Vec<String>>,
    /// Arguments of the kubelet.
    pub kubelet_extra_args: Vec<Arg>,
}

/// An argument of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Arg {
    /// Without dashes.
    pub name: &'static str,
    /// The value.
    pub value: String,
}

/// Where an API server listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalApiEndpoint {
    /// The address.
    pub advertise_address: String,
    /// The port.
    pub bind_port: u16,
}

/// How long kubeadm waits for what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeouts {
    /// For the control plane to be healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_component_health_check: Option<&'static str>,
    /// For the cluster to be there at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discovery: Option<&'static str>,
    /// For the kubelet to get its certificate.
    #[serde(rename = "tlsBootstrap", skip_serializing_if = "Option::is_none")]
    pub tls_bootstrap: Option<&'static str>,
}

/// What is the same for the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterConfiguration {
    /// [`API`].
    pub api_version: &'static str,
    /// The struct's name.
    pub kind: &'static str,
    /// A name that no other cluster of the project has.
    pub cluster_name: String,
    /// The version of the control plane.
    pub kubernetes_version: String,
    /// Where everybody finds the API.
    pub control_plane_endpoint: String,
    /// The registry of Kubernetes' own images; left out, upstream's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_repository: Option<String>,
    /// The kind of the keys that kubeadm makes.
    pub encryption_algorithm: &'static str,
    /// Address ranges.
    pub networking: Networking,
    /// The API server.
    pub api_server: ApiServer,
}

/// Address ranges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Networking {
    /// Of pods.
    pub pod_subnet: String,
    /// Of Services.
    pub service_subnet: String,
}

/// The API server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiServer {
    /// Names and addresses in its certificate beside those that it always has.
    #[serde(rename = "certSANs")]
    pub cert_sans: Vec<String>,
}

/// What all kubelets are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KubeletConfiguration {
    /// `kubelet.config.k8s.io/v1beta1`.
    pub api_version: &'static str,
    /// The struct's name.
    pub kind: &'static str,
    /// Who keeps the control groups: the same as the container runtime has.
    pub cgroup_driver: &'static str,
}

/// What a machine is told that joins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinConfiguration {
    /// [`API`].
    pub api_version: &'static str,
    /// The struct's name.
    pub kind: &'static str,
    /// How it finds its cluster, and knows it.
    pub discovery: Discovery,
    /// The machine as a node.
    pub node_registration: NodeRegistration,
    /// How long it waits for what.
    pub timeouts: Timeouts,
}

/// How a machine finds its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Discovery {
    /// By its token.
    pub bootstrap_token: BootstrapTokenDiscovery,
}

/// How a machine finds its cluster by its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BootstrapTokenDiscovery {
    /// The token.
    pub token: String,
    /// Where the API is.
    pub api_server_endpoint: String,
    /// By what it knows the cluster's authority.
    pub ca_cert_hashes: Vec<String>,
}
