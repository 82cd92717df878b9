//! What a cloud's Neutron can do, and what a project may have there.

use crate::wire::{Quota, record};

record! {
    /// An extension: a feature of Neutron that not every cloud has.
    pub struct Extension {
        /// What it is asked for by: `standard-attr-tag`.
        key alias: String,
        /// Its name.
        name: String,
        /// What it does.
        description: String,
    }
}

record! {
    /// A project's quota in Neutron, with what is in use.
    pub struct NetworkQuota {
        /// Networks.
        network: Quota,
        /// Subnets.
        subnet: Quota,
        /// Ports.
        port: Quota,
        /// Routers.
        router: Quota,
        /// Floating IPs.
        #[serde(rename = "floatingip")]
        floating_ip: Quota,
        /// Security groups.
        security_group: Quota,
        /// Rules of all security groups.
        security_group_rule: Quota,
    }
}
