//! Routers and floating IPs. Source: neutron-lib `api-ref/source/v2/{routers,floatingips}.inc`.

use serde::Serialize;

use super::{FixedIp, Status};
use crate::wire::{AllTags, Stamp, filter, record, request};

record! {
    /// A router.
    pub struct Router {
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
        /// How it reaches the outside.
        #[serde(rename = "external_gateway_info")]
        gateway: Option<Gateway>,
        /// Whether it lies on every host; administrators see it.
        distributed: Option<bool>,
        /// Whether a second one stands by; administrators see it.
        ha: Option<bool>,
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

record! {
    /// How a router reaches the outside.
    #[derive(Eq, Serialize)]
    pub struct Gateway {
        /// The external network's id.
        key network_id: String,
        /// Whether what comes from inside gets the router's address.
        #[serde(skip_serializing_if = "Option::is_none")]
        enable_snat: Option<bool>,
        /// Its addresses there.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        external_fixed_ips: Vec<FixedIp>,
    }
}

impl Gateway {
    /// To this external network, with whatever address it gives.
    pub fn to(network: impl Into<String>) -> Self {
        Self {
            network_id: network.into(),
            ..Self::default()
        }
    }
}

filter! {
    /// Which routers.
    pub struct RouterFilter of Router {
        /// Exactly this name.
        name: String = "name", |it, want| it.name == *want;
        /// Exactly this description.
        description: String = "description", |it, want| it.description == *want;
        /// Of this project.
        project_id: String = "project_id", |it, want| it.project_id == *want;
        /// With all these tags.
        tags: AllTags = "tags", |it, want| want.within(&it.tags);
    }
}

request! {
    /// A router to be made.
    pub struct NewRouter {
        must {
            /// Not unique.
            name: String,
        }
        may {
            /// Up to 255 characters.
            description: String,
            /// How it reaches the outside.
            #[serde(rename = "external_gateway_info")]
            gateway: Gateway,
            /// Whether it is switched on.
            admin_state_up: bool,
        }
    }
}

request! {
    /// What is to be changed of a router.
    #[derive(Default)]
    pub struct RouterChange {
        must {}
        may {
            /// Its name.
            name: String,
            /// Said about it.
            description: String,
            /// How it reaches the outside; `None` takes that away.
            #[serde(rename = "external_gateway_info")]
            gateway: Option<Gateway>,
            /// Whether it is switched on.
            admin_state_up: bool,
        }
    }
}

/// Where a router is plugged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Plug {
    /// In this subnet, at its gateway's address. A second time is refused with 400.
    #[serde(rename = "subnet_id")]
    Subnet(String),
    /// At this port.
    #[serde(rename = "port_id")]
    Port(String),
}

record! {
    /// A router's interface, as Neutron tells it when it is added or removed.
    pub struct RouterInterface {
        /// The router's id.
        #[serde(rename = "id")]
        key router_id: String,
        /// The port that it is.
        port_id: String,
        /// The subnet that it is in.
        subnet_id: String,
        /// The network that it is in.
        network_id: String,
    }
}

record! {
    /// A floating IP: an address outside that leads to a port inside.
    pub struct FloatingIp {
        /// Its id.
        key id: String,
        /// It has no name; exact filters find this.
        description: String,
        /// The address outside.
        #[serde(rename = "floating_ip_address")]
        address: String,
        /// The external network's id.
        #[serde(rename = "floating_network_id")]
        network_id: String,
        /// The port that it leads to, if any.
        port_id: Option<String>,
        /// The address of that port.
        fixed_ip_address: Option<String>,
        /// The router in between.
        router_id: Option<String>,
        /// `DOWN` without a port.
        status: Status,
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
    /// Which floating IPs.
    pub struct FloatingIpFilter of FloatingIp {
        /// Exactly this description.
        description: String = "description", |it, want| it.description == *want;
        /// Exactly this address.
        address: String = "floating_ip_address", |it, want| it.address == *want;
        /// That lead to this port.
        port_id: String = "port_id", |it, want| it.port_id.as_deref() == Some(want.as_str());
        /// From this external network.
        network_id: String = "floating_network_id", |it, want| it.network_id == *want;
        /// Of this project.
        project_id: String = "project_id", |it, want| it.project_id == *want;
        /// With all these tags.
        tags: AllTags = "tags", |it, want| want.within(&it.tags);
    }
}

request! {
    /// A floating IP to be made. With its port from the start, a second one is refused (409); without, each create makes another.
    pub struct NewFloatingIp {
        must {
            /// The external network's id.
            #[serde(rename = "floating_network_id")]
            network_id: String,
        }
        may {
            /// Up to 255 characters.
            description: String,
            /// The port that it leads to.
            port_id: String,
            /// Which of the port's addresses.
            fixed_ip_address: String,
            /// Which subnet of the external network.
            subnet_id: String,
            /// Exactly this address; administrators may, others seldom.
            #[serde(rename = "floating_ip_address")]
            address: String,
        }
    }
}

request! {
    /// What is to be changed of a floating IP.
    #[derive(Default)]
    pub struct FloatingIpChange {
        must {}
        may {
            /// The port that it leads to; `None` takes it off.
            port_id: Option<String>,
            /// Which of the port's addresses.
            fixed_ip_address: String,
            /// Said about it.
            description: String,
        }
    }
}
