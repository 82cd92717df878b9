//! Networks, subnets and ports. Source: neutron-lib `api-ref/source/v2/{networks,subnets,ports}.inc`.

use std::net::IpAddr;

use serde::Serialize;

use crate::wire::{AllTags, Stamp, filter, open_enum, record, request};

open_enum! {
    /// How a resource of Neutron is.
    pub enum Status {
        /// Works.
        Active = "ACTIVE",
        /// Not plugged in, or switched off.
        Down = "DOWN",
        /// Being made.
        Build = "BUILD",
        /// Failed.
        Error = "ERROR",
    }
}

record! {
    /// A network.
    pub struct Network {
        /// Its id.
        key id: String,
        /// Not unique.
        name: String,
        /// Up to 255 characters; exact filters find it.
        description: String,
        /// How it is.
        status: Status,
        /// Whether it is switched on.
        admin_state_up: bool,
        /// Whether floating IPs and gateways come from it.
        #[serde(rename = "router:external")]
        external: bool,
        /// Whether other projects may use it.
        shared: bool,
        /// Among several external networks, the one to take.
        is_default: bool,
        /// The largest packet in bytes.
        mtu: Option<u32>,
        /// Whether ports are guarded unless they say otherwise.
        port_security_enabled: Option<bool>,
        /// Ids of its subnets.
        subnets: Vec<String>,
        /// Zones of its DHCP.
        availability_zones: Vec<String>,
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

filter! {
    /// Which networks.
    pub struct NetworkFilter of Network {
        /// Exactly this name.
        name: String = "name", |it, want| it.name == *want;
        /// Exactly this description.
        description: String = "description", |it, want| it.description == *want;
        /// Whether floating IPs come from it.
        external: bool = "router:external", |it, want| it.external == *want;
        /// Of this project.
        project_id: String = "project_id", |it, want| it.project_id == *want;
        /// With all these tags.
        tags: AllTags = "tags", |it, want| want.within(&it.tags);
    }
}

request! {
    /// A network to be made. Tags cannot be said here.
    #[derive(Default)]
    pub struct NewNetwork {
        must {
            /// Not unique.
            name: String,
        }
        may {
            /// Up to 255 characters.
            description: String,
            /// Whether it is switched on.
            admin_state_up: bool,
            /// The largest packet in bytes; smaller than the cloud's own.
            mtu: u32,
            /// Whether ports are guarded unless they say otherwise.
            port_security_enabled: bool,
        }
    }
}

request! {
    /// What is to be changed of a network.
    #[derive(Default)]
    pub struct NetworkChange {
        must {}
        may {
            /// Its name.
            name: String,
            /// Said about it.
            description: String,
            /// Whether it is switched on.
            admin_state_up: bool,
            /// The largest packet in bytes.
            mtu: u32,
        }
    }
}

record! {
    /// Addresses from and to, both included.
    #[derive(Eq, Serialize)]
    pub struct Pool {
        /// The first.
        key start: String,
        /// The last.
        end: String,
    }
}

record! {
    /// A route that DHCP tells.
    #[derive(Eq, Serialize)]
    pub struct Route {
        /// Where to, as CIDR.
        key destination: String,
        /// Over which address.
        nexthop: String,
    }
}

record! {
    /// A subnet. In its network, its CIDR is unique.
    pub struct Subnet {
        /// Its id.
        key id: String,
        /// Not unique.
        name: String,
        /// Up to 255 characters.
        description: String,
        /// Its network's id.
        network_id: String,
        /// 4 or 6.
        ip_version: u8,
        /// Its addresses.
        cidr: String,
        /// The gateway's address, if it has one.
        gateway_ip: Option<String>,
        /// Whether its network tells addresses.
        enable_dhcp: bool,
        /// Addresses that ports get.
        allocation_pools: Vec<Pool>,
        /// Name servers that DHCP tells.
        dns_nameservers: Vec<String>,
        /// Routes that DHCP tells.
        host_routes: Vec<Route>,
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

filter! {
    /// Which subnets.
    pub struct SubnetFilter of Subnet {
        /// Exactly this name.
        name: String = "name", |it, want| it.name == *want;
        /// Exactly this description.
        description: String = "description", |it, want| it.description == *want;
        /// Of this network.
        network_id: String = "network_id", |it, want| it.network_id == *want;
        /// Exactly these addresses.
        cidr: String = "cidr", |it, want| it.cidr == *want;
        /// With all these tags.
        tags: AllTags = "tags", |it, want| want.within(&it.tags);
    }
}

request! {
    /// A subnet to be made. One that overlaps another of its network is refused with 400.
    pub struct NewSubnet {
        must {
            /// Its network's id.
            network_id: String,
            /// 4 or 6.
            ip_version: u8,
            /// Its addresses.
            cidr: String,
        }
        may {
            /// Not unique.
            name: String,
            /// Up to 255 characters.
            description: String,
            /// The gateway's address; `None` for no gateway; not said, the first address.
            gateway_ip: Option<String>,
            /// Whether its network tells addresses.
            enable_dhcp: bool,
            /// Addresses that ports get.
            allocation_pools: Vec<Pool>,
            /// Name servers that DHCP tells.
            dns_nameservers: Vec<String>,
            /// Routes that DHCP tells.
            host_routes: Vec<Route>,
        }
    }
}

request! {
    /// What is to be changed of a subnet.
    #[derive(Default)]
    pub struct SubnetChange {
        must {}
        may {
            /// Its name.
            name: String,
            /// Said about it.
            description: String,
            /// The gateway's address; `None` takes it away.
            gateway_ip: Option<String>,
            /// Whether its network tells addresses.
            enable_dhcp: bool,
            /// Addresses that ports get.
            allocation_pools: Vec<Pool>,
            /// Name servers that DHCP tells.
            dns_nameservers: Vec<String>,
            /// Routes that DHCP tells.
            host_routes: Vec<Route>,
        }
    }
}

record! {
    /// An address of a port, or one that it shall have: a subnet, an address, or both.
    #[derive(Eq, Serialize)]
    pub struct FixedIp {
        /// The subnet's id.
        #[serde(skip_serializing_if = "Option::is_none")]
        subnet_id: Option<String>,
        /// The address.
        #[serde(skip_serializing_if = "Option::is_none")]
        ip_address: Option<String>,
    }
}

impl FixedIp {
    /// Any address of this subnet.
    pub fn in_subnet(id: impl Into<String>) -> Self {
        Self {
            subnet_id: Some(id.into()),
            ip_address: None,
        }
    }

    /// This address of this subnet: a second port with it is refused (409).
    pub fn at(subnet: impl Into<String>, address: IpAddr) -> Self {
        Self {
            subnet_id: Some(subnet.into()),
            ip_address: Some(address.to_string()),
        }
    }
}

record! {
    /// An address that a port may use besides its own.
    #[derive(Eq, Serialize)]
    pub struct AddressPair {
        /// An address or a CIDR.
        key ip_address: String,
        /// Not said, the port's own.
        #[serde(skip_serializing_if = "Option::is_none")]
        mac_address: Option<String>,
    }
}
