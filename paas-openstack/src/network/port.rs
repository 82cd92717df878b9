//! Ports. Source: neutron-lib `api-ref/source/v2/ports.inc`.

use std::net::IpAddr;

use super::{AddressPair, FixedIp, Status};
use crate::wire::{AllTags, Stamp, filter, open_enum, record, request};

record! {
    /// A port: a plug in a network.
    pub struct Port {
        /// Its id.
        key id: String,
        /// Not unique.
        name: String,
        /// Up to 255 characters; exact filters find it.
        description: String,
        /// Its network's id.
        network_id: String,
        /// Up once something is plugged in.
        status: Status,
        /// Whether it is switched on.
        admin_state_up: bool,
        /// Its addresses.
        fixed_ips: Vec<FixedIp>,
        /// The card's address.
        mac_address: String,
        /// Ids of its security groups.
        security_groups: Vec<String>,
        /// Addresses that it may use besides its own.
        allowed_address_pairs: Vec<AddressPair>,
        /// Whether it is guarded.
        port_security_enabled: Option<bool>,
        /// What is plugged in: the id of a server, a router, a load balancer; empty if nothing is.
        device_id: String,
        /// What kind of thing that is.
        device_owner: DeviceOwner,
        /// Its tags.
        tags: Vec<String>,
        /// The project it belongs to.
        project_id: String,
        /// Grows with each change.
        revision_number: u64,
        /// When it was made.
        created_at: Stamp,
    }
}

impl Port {
    /// Its addresses, parsed.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.fixed_ips
            .iter()
            .filter_map(|ip| ip.ip_address.as_deref()?.parse().ok())
    }
}

open_enum! {
    /// What kind of thing is plugged into a port. A server's is `compute:` and its zone.
    pub enum DeviceOwner {
        /// A router's port in a subnet.
        RouterInterface = "network:router_interface",
        /// The same of a distributed router.
        RouterInterfaceDistributed = "network:router_interface_distributed",
        /// The same of a router on several hosts.
        RouterInterfaceHa = "network:ha_router_replicated_interface",
        /// A router's port in the external network.
        RouterGateway = "network:router_gateway",
        /// The network's own DHCP.
        Dhcp = "network:dhcp",
        /// The network's own helper of OVN.
        Distributed = "network:distributed",
        /// A floating IP.
        FloatingIp = "network:floatingip",
        /// A load balancer.
        Octavia = "Octavia",
    }
}

impl DeviceOwner {
    /// True for a server.
    pub fn is_server(&self) -> bool {
        self.as_str().starts_with("compute:")
    }

    /// True for a router's port in a subnet, of whatever kind of router.
    pub fn is_router_interface(&self) -> bool {
        matches!(
            self,
            Self::RouterInterface | Self::RouterInterfaceDistributed | Self::RouterInterfaceHa
        )
    }

    /// True for what Neutron makes and takes away by itself.
    pub fn is_neutrons_own(&self) -> bool {
        matches!(self, Self::Dhcp | Self::Distributed)
    }
}

filter! {
    /// Which ports.
    pub struct PortFilter of Port {
        /// Exactly this name.
        name: String = "name", |it, want| it.name == *want;
        /// Exactly this description.
        description: String = "description", |it, want| it.description == *want;
        /// Of this network.
        network_id: String = "network_id", |it, want| it.network_id == *want;
        /// With this plugged in.
        device_id: String = "device_id", |it, want| it.device_id == *want;
        /// With this kind of thing plugged in.
        device_owner: DeviceOwner = "device_owner", |it, want| it.device_owner == *want;
        /// With this address.
        address: IpAddr = "fixed_ips" as with_address, |it, want| it.addresses().any(|ip| ip == *want);
        /// Of this project.
        project_id: String = "project_id", |it, want| it.project_id == *want;
        /// With all these tags.
        tags: AllTags = "tags", |it, want| want.within(&it.tags);
    }
}

fn with_address(address: &IpAddr) -> String {
    format!("ip_address={address}")
}

request! {
    /// A port to be made. Of all that Neutron makes it alone may have tags from the start, on newer clouds.
    pub struct NewPort {
        must {
            /// Its network's id.
            network_id: String,
        }
        may {
            /// Not unique.
            name: String,
            /// Up to 255 characters.
            description: String,
            /// Its addresses. The same address twice in a network is refused (409).
            fixed_ips: Vec<FixedIp>,
            /// The card's address.
            mac_address: String,
            /// Ids of its security groups; not said, the project's default.
            security_groups: Vec<String>,
            /// At most ten, addresses or CIDRs.
            allowed_address_pairs: Vec<AddressPair>,
            /// Whether it is guarded.
            port_security_enabled: bool,
            /// What is plugged in.
            device_id: String,
            /// What kind of thing that is.
            device_owner: DeviceOwner,
            /// With the extension `tag-ports-during-bulk-creation` only.
            tags: Vec<String>,
        }
    }
}

request! {
    /// What is to be changed of a port.
    #[derive(Default)]
    pub struct PortChange {
        must {}
        may {
            /// Its name.
            name: String,
            /// Said about it.
            description: String,
            /// Whether it is switched on.
            admin_state_up: bool,
            /// Its addresses.
            fixed_ips: Vec<FixedIp>,
            /// Ids of its security groups.
            security_groups: Vec<String>,
            /// Addresses that it may use besides its own.
            allowed_address_pairs: Vec<AddressPair>,
            /// Whether it is guarded.
            port_security_enabled: bool,
        }
    }
}
