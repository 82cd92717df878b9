//! `spec.infrastructure.openStack`: a project of an OpenStack cloud.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Quantity;

/// A project of an OpenStack cloud. All of it may be left out: what the cloud has then decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!has(self.image) || !has(self.imageDistro)", "fieldPath": ".imageDistro",
     "message": "image and imageDistro choose the same thing: remove one of them"},
    {"rule": "!has(self.flavor) || !has(self.flavorAtLeast)", "fieldPath": ".flavorAtLeast",
     "message": "flavor and flavorAtLeast choose the same thing: remove one of them"},
]))]
pub struct OpenStack {
    /// The name of the cloud in clouds.yaml, where endpoint and credential are; left out, the one of OS_CLOUD, or the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub cloud: Option<String>,
    /// The region; left out, the one of clouds.yaml.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub region: Option<String>,
    /// Name or id of the network that floating IPs come from; left out, the only external one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub external_network: Option<String>,
    /// Name or id of the image that machines boot from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub image: Option<String>,
    /// The distribution whose newest image machines boot from, such as debian; where image is left out too, ubuntu or debian.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z][a-z0-9-]*$"))]
    #[schemars(extend("x-paas-help" = "lower-case letters, digits and '-', such as debian or ubuntu"))]
    pub image_distro: Option<String>,
    /// Name or id of the flavor for machines that do not name their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub flavor: Option<String>,
    /// What a machine needs; the smallest flavor that has it is taken. Where flavor is left out too, 2 processors, 4Gi and 20Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flavor_at_least: Option<FlavorAtLeast>,
    /// The address range of the platform's own network.
    #[serde(default = "default_cidr")]
    #[schemars(regex(
        pattern = r"^(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}/(1[0-9]|2[0-8])$"
    ))]
    #[schemars(length(max = 18), extend("x-paas-help" = "an IPv4 range from /10 to /28, such as 10.20.0.0/16"))]
    pub network_cidr: String,
    /// Addresses of DNS servers; left out, those of the cloud.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5), inner(length(min = 2, max = 45)), extend("x-kubernetes-list-type" = "set"))]
    pub dns_servers: Vec<String>,
    /// Availability zones to spread machines over; left out, the cloud chooses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub availability_zones: Vec<String>,
    /// How strictly machines of one role are kept on hosts of their own.
    #[serde(default)]
    pub anti_affinity: AntiAffinity,
    /// Which machines have an address of their own outside.
    #[serde(default)]
    pub floating_ips: FloatingIps,
    /// True for a load balancer before the control plane, where the cloud has Octavia.
    #[serde(default)]
    pub load_balancer: bool,
    /// Ranges that may reach the API of the cluster from outside; left out, everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 9, max = 43)), extend("x-kubernetes-list-type" = "set"))]
    pub allowed_ranges: Vec<String>,
    /// A public key in OpenSSH's form; without it, nobody logs in to the machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 20, max = 2000),
        regex(pattern = r"^(ssh|ecdsa)-[a-z0-9-]+ [A-Za-z0-9+/=]+( .*)?$")
    )]
    #[schemars(extend("x-paas-help" = "the line of a .pub file, such as ssh-ed25519 AAAA… me@laptop"))]
    pub ssh_public_key: Option<String>,
    /// The type of the volumes; left out, the cloud's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub volume_type: Option<String>,
    /// What is there already and stays as it is; left out, all is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<Existing>,
}

fn default_cidr() -> String {
    "10.20.0.0/16".to_owned()
}

/// What a machine needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlavorAtLeast {
    /// Virtual processors.
    #[schemars(range(min = 1, max = 1024))]
    pub cpus: u32,
    /// Memory.
    pub memory: Quantity,
    /// Root disk; left out, any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<Quantity>,
}

/// How strictly machines of one role are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum AntiAffinity {
    /// Where there are enough hosts.
    #[default]
    Soft,
    /// Or the machine is not made.
    Hard,
    /// Not at all.
    Off,
}

/// Which machines have an address of their own outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum FloatingIps {
    /// Those of the control plane.
    #[default]
    ControlPlane,
    /// All.
    All,
    /// None: everything is reached from inside.
    Off,
}

/// What is there already: found by name or id, used, and never changed or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "has(self.network) || !has(self.subnet)", "fieldPath": ".subnet",
     "message": "a subnet that is there needs the network that it is in: add network"},
]))]
pub struct Existing {
    /// Name or id of a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub network: Option<String>,
    /// Name or id of a subnet of that network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub subnet: Option<String>,
    /// Name or id of a router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub router: Option<String>,
    /// Names or ids of security groups that every machine gets beside its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5), inner(length(min = 1, max = 255)), extend("x-kubernetes-list-type" = "set"))]
    pub security_groups: Vec<String>,
}
