//! The kinds of things that can be left over.

use std::fmt;

use serde::Serialize;

/// A kind, in the order in which people think of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Kind {
    /// A server.
    Server,
    /// A volume.
    Volume,
    /// A load balancer, with everything below it.
    LoadBalancer,
    /// A floating IP.
    FloatingIp,
    /// A port.
    Port,
    /// A router's leg in a subnet.
    Interface,
    /// A router.
    Router,
    /// A subnet.
    Subnet,
    /// A network.
    Network,
    /// A security group, with its rules.
    SecurityGroup,
    /// A group of servers that are kept apart.
    ServerGroup,
    /// A key pair of the user.
    KeyPair,
    /// An application credential of the user.
    ApplicationCredential,
}

impl Kind {
    /// One of them, for people: `floating IP`.
    pub fn said(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Volume => "volume",
            Self::LoadBalancer => "load balancer",
            Self::FloatingIp => "floating IP",
            Self::Port => "port",
            Self::Interface => "router interface",
            Self::Router => "router",
            Self::Subnet => "subnet",
            Self::Network => "network",
            Self::SecurityGroup => "security group",
            Self::ServerGroup => "server group",
            Self::KeyPair => "key pair",
            Self::ApplicationCredential => "application credential",
        }
    }

    /// The first segment of its keys: `floating-ip`.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Volume => "volume",
            Self::LoadBalancer => "load-balancer",
            Self::FloatingIp => "floating-ip",
            Self::Port => "port",
            Self::Interface => "interface",
            Self::Router => "router",
            Self::Subnet => "subnet",
            Self::Network => "network",
            Self::SecurityGroup => "security-group",
            Self::ServerGroup => "server-group",
            Self::KeyPair => "key-pair",
            Self::ApplicationCredential => "credential",
        }
    }

    /// The word that [`paas_core::names::for_kind`] makes its names by.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Volume => "volume",
            Self::LoadBalancer => "loadBalancer",
            Self::FloatingIp => "floatingIp",
            Self::Port => "port",
            Self::Interface => "interface",
            Self::Router => "router",
            Self::Subnet => "subnet",
            Self::Network => "network",
            Self::SecurityGroup => "securityGroup",
            Self::ServerGroup => "serverGroup",
            Self::KeyPair => "keyPair",
            Self::ApplicationCredential => "applicationCredential",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.said())
    }
}
