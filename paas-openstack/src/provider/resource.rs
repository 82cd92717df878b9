//! One thing on OpenStack.

use std::time::Duration;

use paas_core::resource::{Diff, Need, Resource, View};

use super::kinds::{
    Credential, Derived, FloatingIp, Group, Interface, KeyPair, Kind, LoadBalancer, Made, Network, Port,
    Router, Rule, Server, ServerGroup, Subnet, Volume,
};

macro_rules! resource {
    ($($(#[$doc:meta])* $kind:ident,)*) => {
        /// One thing on OpenStack, wanted or live.
        #[derive(Debug, Clone, PartialEq)]
        pub enum OpenStackResource {
            $($(#[$doc])* $kind($kind),)*
        }

        impl OpenStackResource {
            fn word(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => $kind::WORD,)*
                }
            }

            fn wants(&self) -> Vec<Need> {
                match self {
                    $(Self::$kind(it) => it.needs(),)*
                }
            }

            fn differs(&self, live: &Self) -> Option<Diff> {
                match (self, live) {
                    $((Self::$kind(want), Self::$kind(live)) => Some(want.diff(live)),)*
                    _ => None,
                }
            }

            fn shown(&self) -> View {
                match self {
                    $(Self::$kind(it) => it.view(),)*
                }
            }
        }

        $(impl From<$kind> for OpenStackResource {
            fn from(it: $kind) -> Self {
                Self::$kind(it)
            }
        })*
    };
}

resource! {
    /// A network.
    Network,
    /// A subnet.
    Subnet,
    /// A router.
    Router,
    /// A leg of a router.
    Interface,
    /// A security group.
    Group,
    /// A rule of a security group.
    Rule,
    /// A public key.
    KeyPair,
    /// Servers that are kept apart.
    ServerGroup,
    /// A port.
    Port,
    /// A volume.
    Volume,
    /// A server.
    Server,
    /// A floating IP.
    FloatingIp,
    /// A load balancer.
    LoadBalancer,
    /// An application credential.
    Credential,
    /// What the cluster made.
    Derived,
}

impl Resource for OpenStackResource {
    fn kind(&self) -> &'static str {
        match self {
            Self::Derived(it) => it.made.word(),
            other => other.word(),
        }
    }

    fn needs(&self) -> Vec<Need> {
        self.wants()
    }

    /// A key names one kind only; if another lies there, nothing but a new one helps.
    fn diff(&self, live: &Self) -> Diff {
        self.differs(live).unwrap_or_else(|| {
            let change = paas_core::resource::Change::new("kind", live.kind(), self.kind());
            Diff::Replace(vec![change])
        })
    }

    fn precious(&self) -> bool {
        match self {
            Self::Volume(volume) => volume.holds_data(),
            Self::Derived(it) => it.made == Made::Volume,
            _ => false,
        }
    }

    fn group(&self) -> Option<&str> {
        match self {
            Self::Server(server) => Some(&server.pool),
            _ => None,
        }
    }

    fn natural(&self) -> bool {
        matches!(self, Self::Interface(_) | Self::Rule(_) | Self::KeyPair(_))
    }

    /// What Neutron deletes is gone with its answer, and so are Nova's keys and groups.
    fn goes_at_once(&self) -> bool {
        match self {
            Self::Network(_)
            | Self::Subnet(_)
            | Self::Router(_)
            | Self::Interface(_)
            | Self::Group(_)
            | Self::Rule(_)
            | Self::KeyPair(_)
            | Self::ServerGroup(_)
            | Self::Port(_)
            | Self::FloatingIp(_) => true,
            Self::Volume(_)
            | Self::Server(_)
            | Self::LoadBalancer(_)
            | Self::Credential(_)
            | Self::Derived(_) => false,
        }
    }

    /// Neutron deletes the rules of a security group with it, and those that name it as their remote group.
    fn goes_along(&self) -> bool {
        matches!(self, Self::Rule(_))
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(match self {
            Self::Server(_) | Self::Volume(_) | Self::LoadBalancer(_) | Self::Derived(_) => 900,
            _ => 120,
        })
    }

    fn view(&self) -> View {
        self.shown()
    }
}
