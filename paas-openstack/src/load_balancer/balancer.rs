//! Load balancers. Source: octavia `api-ref/source/v2/loadbalancer.inc`, `octavia/common/constants.py`.

use super::{Listener, NewListener, NewPool, Pool};
use crate::wire::{AllTags, Stamp, filter, open_enum, record, request};

open_enum! {
    /// How far the wish and the world are apart. While it is not `ACTIVE`, every write to the balancer and its children is refused (409).
    pub enum ProvisioningStatus {
        /// Done.
        Active = "ACTIVE",
        /// Being made.
        PendingCreate = "PENDING_CREATE",
        /// Being changed.
        PendingUpdate = "PENDING_UPDATE",
        /// About to go.
        PendingDelete = "PENDING_DELETE",
        /// Failed: it can be deleted, and nothing else.
        Error = "ERROR",
        /// Gone.
        Deleted = "DELETED",
    }
}

open_enum! {
    /// How it works.
    pub enum OperatingStatus {
        /// Works.
        Online = "ONLINE",
        /// Takes nothing new.
        Draining = "DRAINING",
        /// Does not work, or is switched off.
        Offline = "OFFLINE",
        /// Works in part.
        Degraded = "DEGRADED",
        /// Nothing behind it works.
        Error = "ERROR",
        /// Nobody looks.
        NoMonitor = "NO_MONITOR",
    }
}

record! {
    /// Something of Octavia, by id.
    pub struct Reference {
        /// Its id.
        key id: String,
    }
}

record! {
    /// A load balancer.
    pub struct LoadBalancer {
        /// Its id.
        key id: String,
        /// Not unique.
        name: String,
        /// Said about it.
        description: String,
        /// How far wish and world are apart.
        provisioning_status: ProvisioningStatus,
        /// How it works.
        operating_status: OperatingStatus,
        /// Whether it is switched on.
        admin_state_up: bool,
        /// Its address.
        vip_address: String,
        /// The port of its address. If it was given, it survives the balancer.
        vip_port_id: String,
        /// The subnet of its address.
        vip_subnet_id: String,
        /// The network of its address.
        vip_network_id: String,
        /// What makes it: `amphora`, `ovn`.
        provider: String,
        /// Its listeners: ids only, but for the answer to a full create.
        listeners: Vec<Listener>,
        /// Its pools: ids only, but for the answer to a full create.
        pools: Vec<Pool>,
        /// Its tags; from 2.5.
        tags: Vec<String>,
        /// The project it belongs to.
        project_id: String,
        /// When it was made.
        created_at: Stamp,
    }
}

filter! {
    /// Which load balancers.
    pub struct LoadBalancerFilter of LoadBalancer {
        /// Exactly this name.
        name: String = "name", |it, want| it.name == *want;
        /// Exactly this description.
        description: String = "description", |it, want| it.description == *want;
        /// With this port as its address.
        vip_port_id: String = "vip_port_id", |it, want| it.vip_port_id == *want;
        /// With its address in this network.
        vip_network_id: String = "vip_network_id", |it, want| it.vip_network_id == *want;
        /// Of this project.
        project_id: String = "project_id", |it, want| it.project_id == *want;
        /// With all these tags.
        tags: AllTags = "tags", |it, want| want.within(&it.tags);
    }
}

request! {
    /// A load balancer to be made, with everything in it: one call. Its address is a subnet, a network or a port that was made before; a
    /// port can have one balancer, so it is the one way that a repeated create cannot make a second.
    pub struct NewLoadBalancer {
        must {
            /// Not unique.
            name: String,
        }
        may {
            /// Said about it.
            description: String,
            /// The subnet of its address.
            vip_subnet_id: String,
            /// The network of its address.
            vip_network_id: String,
            /// The port of its address.
            vip_port_id: String,
            /// The address itself.
            vip_address: String,
            /// What makes it; not said, the cloud's default.
            provider: String,
            /// A flavor of Octavia.
            flavor_id: String,
            /// Where to.
            availability_zone: String,
            /// Whether it is switched on.
            admin_state_up: bool,
            /// From 2.5.
            tags: Vec<String>,
            /// Its listeners, each with its pool.
            listeners: Vec<NewListener>,
            /// Pools that listeners name.
            pools: Vec<NewPool>,
        }
    }
}

request! {
    /// What is to be changed of a load balancer, or of a listener or pool: only what is said.
    #[derive(Default)]
    pub struct LoadBalancerChange {
        must {}
        may {
            /// Its name.
            name: String,
            /// Said about it.
            description: String,
            /// Whether it is switched on.
            admin_state_up: bool,
            /// All its tags.
            tags: Vec<String>,
        }
    }
}

record! {
    /// A load balancer with everything in it and how it works.
    pub struct StatusTree {
        /// Its id.
        key id: String,
        /// Its name.
        name: String,
        /// How far wish and world are apart.
        provisioning_status: ProvisioningStatus,
        /// How it works.
        operating_status: OperatingStatus,
        /// Its listeners.
        listeners: Vec<ListenerTree>,
        /// All its pools.
        pools: Vec<PoolTree>,
    }
}

record! {
    /// A listener with its pools.
    pub struct ListenerTree {
        /// Its id.
        key id: String,
        /// Its name.
        name: String,
        /// How far wish and world are apart.
        provisioning_status: ProvisioningStatus,
        /// How it works.
        operating_status: OperatingStatus,
        /// Its pools.
        pools: Vec<PoolTree>,
    }
}

record! {
    /// A pool with its members.
    pub struct PoolTree {
        /// Its id.
        key id: String,
        /// Its name.
        name: String,
        /// How far wish and world are apart.
        provisioning_status: ProvisioningStatus,
        /// How it works.
        operating_status: OperatingStatus,
        /// Its members.
        members: Vec<MemberTree>,
        /// Its health monitor; empty where there is none.
        #[serde(rename = "healthmonitor")]
        health_monitor: MonitorTree,
    }
}

record! {
    /// A member and how it works.
    pub struct MemberTree {
        /// Its id.
        key id: String,
        /// Its name.
        name: String,
        /// Its address.
        address: String,
        /// Its port.
        protocol_port: u16,
        /// How far wish and world are apart.
        provisioning_status: ProvisioningStatus,
        /// How it works.
        operating_status: OperatingStatus,
    }
}

record! {
    /// A health monitor and how far it is.
    pub struct MonitorTree {
        /// Its id; none where there is no monitor.
        id: Option<String>,
        /// Its name.
        name: String,
        /// How far wish and world are apart.
        provisioning_status: ProvisioningStatus,
    }
}
