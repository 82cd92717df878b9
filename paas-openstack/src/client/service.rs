//! The services that are spoken to: how catalogs name them, and how their versions are said.

use std::fmt;

/// A service of OpenStack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Keystone.
    Identity,
    /// Nova.
    Compute,
    /// Neutron.
    Network,
    /// Glance.
    Image,
    /// Cinder.
    BlockStorage,
    /// Octavia.
    LoadBalancer,
    /// Placement.
    Placement,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Identity,
        Self::Compute,
        Self::Network,
        Self::Image,
        Self::BlockStorage,
        Self::LoadBalancer,
        Self::Placement,
    ];

    /// The name by which people know it.
    pub fn project(self) -> &'static str {
        match self {
            Self::Identity => "Keystone",
            Self::Compute => "Nova",
            Self::Network => "Neutron",
            Self::Image => "Glance",
            Self::BlockStorage => "Cinder",
            Self::LoadBalancer => "Octavia",
            Self::Placement => "Placement",
        }
    }

    /// Its types in catalogs: the official one first, then what older clouds say, in the order in which openstacksdk prefers them.
    pub fn types(self) -> &'static [&'static str] {
        match self {
            Self::Identity => &["identity"],
            Self::Compute => &["compute"],
            Self::Network => &["network"],
            Self::Image => &["image"],
            Self::BlockStorage => &["block-storage", "volumev3", "volumev2", "volume", "block-store"],
            Self::LoadBalancer => &["load-balancer"],
            Self::Placement => &["placement"],
        }
    }

    /// The path of the major version that is spoken here, when the endpoint's own documents do not tell.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Identity | Self::BlockStorage => "v3",
            Self::Compute => "v2.1",
            Self::Network => "v2.0",
            Self::Image | Self::LoadBalancer => "v2",
            Self::Placement => "",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.project())
    }
}
