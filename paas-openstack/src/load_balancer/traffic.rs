//! What a load balancer does with traffic: listeners, pools, members, health monitors. Source: octavia
//! `api-ref/source/v2/{listener,pool,member,healthmonitor}.inc`.

use super::{OperatingStatus, ProvisioningStatus, Reference};
use crate::wire::{filter, open_enum, record, request};

open_enum! {
    /// What is spoken.
    pub enum Protocol {
        /// Plain TCP.
        Tcp = "TCP",
        /// Plain UDP.
        Udp = "UDP",
        /// SCTP.
        Sctp = "SCTP",
        /// HTTP.
        Http = "HTTP",
        /// HTTPS, passed through.
        Https = "HTTPS",
        /// HTTPS, ended here.
        TerminatedHttps = "TERMINATED_HTTPS",
        /// TCP with the PROXY protocol, version 1; pools only.
        Proxy = "PROXY",
        /// TCP with the PROXY protocol, version 2; pools only.
        ProxyV2 = "PROXYV2",
    }
}

open_enum! {
    /// Who gets the next connection. The provider `ovn` has `SOURCE_IP_PORT` only.
    pub enum Algorithm {
        /// In turn.
        RoundRobin = "ROUND_ROBIN",
        /// Whoever has the fewest.
        LeastConnections = "LEAST_CONNECTIONS",
        /// The same address to the same member.
        SourceIp = "SOURCE_IP",
        /// The same address and port to the same member.
        SourceIpPort = "SOURCE_IP_PORT",
    }
}

open_enum! {
    /// How a member is looked at.
    pub enum MonitorType {
        /// A request.
        Http = "HTTP",
        /// A request over TLS.
        Https = "HTTPS",
        /// A connection.
        Tcp = "TCP",
        /// An echo.
        Ping = "PING",
        /// The beginning of TLS.
        TlsHello = "TLS-HELLO",
        /// A datagram that is not refused.
        UdpConnect = "UDP-CONNECT",
        /// The beginning of SCTP.
        Sctp = "SCTP",
    }
}

record! {
    /// Where a load balancer listens. Inside a list of a balancer, only its id.
    pub struct Listener {
        /// Its id.
        key id: String,
        /// Not unique.
        name: String,
        /// What is spoken.
        protocol: Protocol,
        /// The port.
        protocol_port: u16,
        /// The pool that gets the traffic.
        default_pool_id: Option<String>,
        /// The balancers that it is of.
        loadbalancers: Vec<Reference>,
        /// Who may connect; empty for everybody.
        allowed_cidrs: Vec<String>,
        /// The most connections; -1 for no limit.
        connection_limit: i64,
        /// How far wish and world are apart.
        provisioning_status: ProvisioningStatus,
        /// How it works.
        operating_status: OperatingStatus,
        /// Its tags.
        tags: Vec<String>,
    }
}

filter! {
    /// Which listeners.
    pub struct ListenerFilter of Listener {
        /// Exactly this name.
        name: String = "name", |it, want| it.name == *want;
        /// Of this balancer.
        loadbalancer_id: String = "loadbalancer_id", |it, want| it.loadbalancers.iter().any(|lb| lb.id == *want);
        /// On this port.
        protocol_port: u16 = "protocol_port", |it, want| it.protocol_port == *want;
    }
}

request! {
    /// A listener to be made. The same protocol and port a second time is refused (409).
    pub struct NewListener {
        must {
            /// What is spoken.
            protocol: Protocol,
            /// The port.
            protocol_port: u16,
        }
        may {
            /// Its balancer; not said inside a full create.
            loadbalancer_id: String,
            /// Not unique.
            name: String,
            /// Said about it.
            description: String,
            /// The pool that gets the traffic, by id.
            default_pool_id: String,
            /// The pool that gets the traffic, made with it; in a full create.
            default_pool: NewPool,
            /// Who may connect; from 2.12.
            allowed_cidrs: Vec<String>,
            /// The most connections; -1 for no limit.
            connection_limit: i64,
            /// How long a client may be silent, in milliseconds.
            timeout_client_data: u32,
            /// How long a member may be silent, in milliseconds.
            timeout_member_data: u32,
            /// From 2.5.
            tags: Vec<String>,
        }
    }
}

record! {
    /// Those that get the traffic. Inside a list of a balancer, only its id.
    pub struct Pool {
        /// Its id.
        key id: String,
        /// Not unique.
        name: String,
        /// What is spoken to members.
        protocol: Protocol,
        /// Who gets the next connection.
        #[serde(rename = "lb_algorithm")]
        algorithm: Algorithm,
        /// The balancers that it is of.
        loadbalancers: Vec<Reference>,
        /// The listeners that feed it.
        listeners: Vec<Reference>,
        /// Its members: ids only.
        members: Vec<Reference>,
        /// Its health monitor.
        healthmonitor_id: Option<String>,
        /// How far wish and world are apart.
        provisioning_status: ProvisioningStatus,
        /// How it works.
        operating_status: OperatingStatus,
        /// Its tags.
        tags: Vec<String>,
    }
}

filter! {
    /// Which pools.
    pub struct PoolFilter of Pool {
        /// Exactly this name.
        name: String = "name", |it, want| it.name == *want;
        /// Of this balancer.
        loadbalancer_id: String = "loadbalancer_id", |it, want| it.loadbalancers.iter().any(|lb| lb.id == *want);
    }
}

request! {
    /// A pool to be made. In a full create it needs a name, and is said once; [`NewPool::named`] refers to it.
    pub struct NewPool {
        must {}
        may {
            /// Unique in a full create.
            name: String,
            /// What is spoken to members.
            protocol: Protocol,
            /// Who gets the next connection.
            #[serde(rename = "lb_algorithm")]
            algorithm: Algorithm,
            /// Its balancer; not said inside a full create.
            loadbalancer_id: String,
            /// Its listener, instead of a balancer.
            listener_id: String,
            /// Said about it.
            description: String,
            /// Its members; in a full create.
            members: Vec<NewMember>,
            /// Its health monitor; in a full create.
            #[serde(rename = "healthmonitor")]
            health_monitor: NewHealthMonitor,
            /// From 2.5.
            tags: Vec<String>,
        }
    }
}

impl NewPool {
    /// A pool of this protocol and algorithm.
    pub fn of(protocol: Protocol, algorithm: Algorithm) -> Self {
        Self::new().protocol(protocol).algorithm(algorithm)
    }

    /// The pool of this name in the same full create.
    pub fn named(name: impl Into<String>) -> Self {
        Self::new().name(name)
    }
}

record! {
    /// One that gets traffic.
    pub struct Member {
        /// Its id.
        key id: String,
        /// Not unique.
        name: String,
        /// Its address.
        address: String,
        /// Its port.
        protocol_port: u16,
        /// The subnet over which it is reached.
        subnet_id: Option<String>,
        /// Its share, 0 to 256; 0 takes nothing new.
        weight: u32,
        /// Whether it waits until all others are down.
        backup: bool,
        /// Whether it is switched on.
        admin_state_up: bool,
        /// How far wish and world are apart.
        provisioning_status: ProvisioningStatus,
        /// How it works.
        operating_status: OperatingStatus,
        /// Its tags.
        tags: Vec<String>,
    }
}

filter! {
    /// Which members.
    pub struct MemberFilter of Member {
        /// With this address.
        address: String = "address", |it, want| it.address == *want;
        /// Exactly this name.
        name: String = "name", |it, want| it.name == *want;
    }
}

request! {
    /// A member to be made. The same address and port a second time is refused (409).
    pub struct NewMember {
        must {
            /// Its address.
            address: String,
            /// Its port.
            protocol_port: u16,
        }
        may {
            /// Not unique.
            name: String,
            /// The subnet over which it is reached.
            subnet_id: String,
            /// Its share, 0 to 256.
            weight: u32,
            /// Whether it waits until all others are down; from 2.1.
            backup: bool,
            /// From 2.5.
            tags: Vec<String>,
        }
    }
}

request! {
    /// What is to be changed of a member.
    #[derive(Default)]
    pub struct MemberChange {
        must {}
        may {
            /// Its name.
            name: String,
            /// Its share, 0 to 256; 0 takes nothing new.
            weight: u32,
            /// Whether it is switched on.
            admin_state_up: bool,
        }
    }
}

record! {
    /// What looks at the members of a pool.
    pub struct HealthMonitor {
        /// Its id.
        key id: String,
        /// Not unique.
        name: String,
        /// How it looks.
        #[serde(rename = "type")]
        kind: MonitorType,
        /// Seconds between looks.
        delay: u32,
        /// Seconds until a look has failed.
        timeout: u32,
        /// Good looks until a member is up.
        max_retries: u32,
        /// Bad looks until a member is down.
        max_retries_down: u32,
        /// What is asked for, with HTTP.
        url_path: Option<String>,
        /// What answers are good, with HTTP.
        expected_codes: Option<String>,
        /// The pools that it looks at.
        pools: Vec<Reference>,
        /// How far wish and world are apart.
        provisioning_status: ProvisioningStatus,
        /// Its tags.
        tags: Vec<String>,
    }
}

request! {
    /// A health monitor to be made.
    pub struct NewHealthMonitor {
        must {
            /// How it looks.
            #[serde(rename = "type")]
            kind: MonitorType,
            /// Seconds between looks; not less than the timeout.
            delay: u32,
            /// Seconds until a look has failed.
            timeout: u32,
            /// Good looks until a member is up: 1 to 10.
            max_retries: u32,
        }
        may {
            /// Its pool; not said inside a full create.
            pool_id: String,
            /// Not unique.
            name: String,
            /// Bad looks until a member is down: 1 to 10.
            max_retries_down: u32,
            /// What is asked for, with HTTP.
            url_path: String,
            /// What answers are good, with HTTP.
            expected_codes: String,
            /// From 2.5.
            tags: Vec<String>,
        }
    }
}

request! {
    /// What is to be changed of a health monitor.
    #[derive(Default)]
    pub struct HealthMonitorChange {
        must {}
        may {
            /// Its name.
            name: String,
            /// Seconds between looks.
            delay: u32,
            /// Seconds until a look has failed.
            timeout: u32,
            /// Good looks until a member is up.
            max_retries: u32,
        }
    }
}
