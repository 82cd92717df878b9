//! What a project and a user have in Nova: flavors, key pairs, limits. Source: api-ref `flavors.inc`, `os-keypairs.inc`, `limits.inc`,
//! `os-quota-sets.inc`.

use std::collections::BTreeMap;

use crate::wire::{Quota, Stamp, filter, record, request};

record! {
    /// A size of servers.
    pub struct Flavor {
        /// Its id: not always a UUID.
        key id: String,
        /// Its name, unique in the cloud.
        name: String,
        /// Virtual CPUs.
        vcpus: u32,
        /// Memory in MiB.
        ram: u64,
        /// Root disk in GiB; 0 takes the image's size, or a volume.
        disk: u64,
        /// A second disk in GiB.
        #[serde(rename = "OS-FLV-EXT-DATA:ephemeral")]
        ephemeral: u64,
        /// Whether every project has it.
        #[serde(rename = "os-flavor-access:is_public")]
        is_public: Option<bool>,
        /// Whether it may not be used any more.
        #[serde(rename = "OS-FLV-DISABLED:disabled")]
        disabled: bool,
        /// What hosts must have; from 2.61.
        extra_specs: BTreeMap<String, String>,
        /// From 2.55.
        description: Option<String>,
    }
}

filter! {
    /// Which flavors.
    pub struct FlavorFilter of Flavor {
        /// At least this much memory in MiB.
        min_ram: u64 = "minRam", |flavor, want| flavor.ram >= *want;
        /// At least this much root disk in GiB.
        min_disk: u64 = "minDisk", |flavor, want| flavor.disk >= *want;
    }
}

request! {
    /// A key pair to be imported. It belongs to the *user* who asks, not to the project.
    pub struct NewKeypair {
        must {
            /// Unique for this user: a second create is a conflict.
            name: String,
            /// In OpenSSH's form.
            public_key: String,
        }
        may {}
    }
}

record! {
    /// A key pair: its public half.
    pub struct Keypair {
        /// Unique for its user.
        key name: String,
        /// The public key in OpenSSH's form.
        public_key: String,
        /// MD5, in pairs of hexadecimal digits.
        fingerprint: String,
        /// `ssh`; from 2.2.
        #[serde(rename = "type")]
        kind: Option<String>,
        /// Whose it is; not in lists.
        user_id: Option<String>,
        /// When it was made; not in lists.
        created_at: Option<Stamp>,
    }
}

record! {
    /// What a project may have and has, as Nova counts. A limit of -1 is none.
    pub struct Limits {
        /// Servers.
        #[serde(rename = "maxTotalInstances")]
        max_instances: Option<i64>,
        /// Servers that there are.
        #[serde(rename = "totalInstancesUsed")]
        instances_used: i64,
        /// Virtual CPUs.
        #[serde(rename = "maxTotalCores")]
        max_cores: Option<i64>,
        /// Virtual CPUs in use.
        #[serde(rename = "totalCoresUsed")]
        cores_used: i64,
        /// Memory in MiB.
        #[serde(rename = "maxTotalRAMSize")]
        max_ram: Option<i64>,
        /// Memory in use, in MiB.
        #[serde(rename = "totalRAMUsed")]
        ram_used: i64,
        /// Key pairs of a user.
        #[serde(rename = "maxTotalKeypairs")]
        max_keypairs: Option<i64>,
        /// Server groups.
        #[serde(rename = "maxServerGroups")]
        max_server_groups: Option<i64>,
        /// Server groups that there are.
        #[serde(rename = "totalServerGroupsUsed")]
        server_groups_used: i64,
        /// Servers in a group.
        #[serde(rename = "maxServerGroupMembers")]
        max_server_group_members: Option<i64>,
        /// Metadata of a server.
        #[serde(rename = "maxServerMeta")]
        max_server_meta: Option<i64>,
    }
}

record! {
    /// A project's quota in Nova, with what is in use.
    pub struct ComputeQuota {
        /// Servers.
        instances: Quota,
        /// Virtual CPUs.
        cores: Quota,
        /// Memory in MiB.
        ram: Quota,
        /// Key pairs of a user; Nova does not count them here.
        key_pairs: Quota,
        /// Server groups.
        server_groups: Quota,
        /// Servers in a group; Nova does not count them here.
        server_group_members: Quota,
        /// Metadata of a server.
        metadata_items: Quota,
    }
}

record! {
    /// `{"keypair": {…}}`: how a key pair stands in a list.
    pub(super) struct Listed {
        /// It.
        keypair: Keypair,
    }
}

record! {
    /// `{"absolute": {…}}`: what stands around limits.
    pub(super) struct Absolute {
        /// They.
        absolute: Limits,
    }
}
