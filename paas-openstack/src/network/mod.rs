//! Neutron: networks, subnets, ports, routers, security groups, floating IPs. It has no microversions but extensions: see
//! [`Networking::extensions`].

mod fabric;
mod port;
mod project;
mod routing;
mod security;

use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use paas_core::error::Result;
use serde_json::json;

pub use fabric::{
    AddressPair, FixedIp, Network, NetworkChange, NetworkFilter, NewNetwork, NewSubnet, Pool, Route, Status,
    Subnet, SubnetChange, SubnetFilter,
};
pub use port::{DeviceOwner, NewPort, Port, PortChange, PortFilter};
pub use project::{Extension, NetworkQuota};
pub use routing::{
    FloatingIp, FloatingIpChange, FloatingIpFilter, Gateway, NewFloatingIp, NewRouter, Plug, Router,
    RouterChange, RouterFilter, RouterInterface,
};
pub use security::{
    Direction, Ethertype, NewRule, NewSecurityGroup, RuleFilter, SecurityGroup, SecurityGroupChange,
    SecurityGroupFilter, SecurityGroupRule,
};

use crate::{
    client::{Call, Client, segment, service::Kind},
    collection::{Collection, Create, Delete, List, Resource, Show, Update},
};

/// Neutron, over a client.
#[derive(Debug, Clone, Copy)]
pub struct Networking<'c>(&'c Client);

impl Client {
    /// Neutron.
    pub fn network(&self) -> Networking<'_> {
        Networking(self)
    }
}

impl<'c> Networking<'c> {
    /// Networks of the project, shared ones and external ones.
    pub fn networks(self) -> Collection<'c, Network> {
        Collection::new(self.0)
    }

    /// Subnets.
    pub fn subnets(self) -> Collection<'c, Subnet> {
        Collection::new(self.0)
    }

    /// Ports.
    pub fn ports(self) -> Collection<'c, Port> {
        Collection::new(self.0)
    }

    /// Routers.
    pub fn routers(self) -> Collection<'c, Router> {
        Collection::new(self.0)
    }

    /// Security groups.
    pub fn security_groups(self) -> Collection<'c, SecurityGroup> {
        Collection::new(self.0)
    }

    /// Rules of all security groups.
    pub fn security_group_rules(self) -> Collection<'c, SecurityGroupRule> {
        Collection::new(self.0)
    }

    /// Floating IPs.
    pub fn floating_ips(self) -> Collection<'c, FloatingIp> {
        Collection::new(self.0)
    }

    /// What this Neutron can do, by alias.
    ///
    /// # Errors
    ///
    /// The service's refusal.
    pub async fn extensions(self) -> Result<BTreeSet<String>> {
        let call = Call::get(Kind::Network, "list extensions", "extensions");
        let pages = self.0.pages::<Extension>(call, "extensions");
        pages.map_ok(|extension| extension.alias).try_collect().await
    }

    /// A project's quota with what is in use.
    ///
    /// # Errors
    ///
    /// Class `Denied` for another project than the token's.
    pub async fn quota(self, project: &str) -> Result<NetworkQuota> {
        let path = format!("quotas/{}/details.json", segment(project));
        self.0
            .fetch(Call::get(Kind::Network, "show network quota", path), "quota")
            .await
    }
}

/// What can bear tags. Tags come with a second call, so they are decoration: a mark belongs into name or description.
pub trait Tagged: Resource {}

impl<R: Tagged> Collection<'_, R> {
    /// Gives it exactly these tags: at most 50, up to 255 characters each. With the extension `standard-attr-tag`.
    ///
    /// # Errors
    ///
    /// The service's refusal.
    pub async fn replace_tags(&self, id: &str, tags: &[String]) -> Result<Vec<String>> {
        let call = Call::put(
            R::KIND,
            format!("replace {} tags", R::SAID),
            self.one("tag", id, "/tags")?,
        );
        self.client
            .fetch(call.body(json!({ "tags": tags })), "tags")
            .await
    }

    /// Gives it one tag more.
    ///
    /// # Errors
    ///
    /// The service's refusal.
    pub async fn add_tag(&self, id: &str, tag: &str) -> Result<()> {
        let path = self.one("tag", id, &format!("/tags/{}", segment(tag)))?;
        self.client
            .send(Call::put(R::KIND, format!("tag {}", R::SAID), path))
            .await
            .map(drop)
    }

    /// Takes one tag away.
    ///
    /// # Errors
    ///
    /// Class `NotFound` if it does not have it.
    pub async fn remove_tag(&self, id: &str, tag: &str) -> Result<()> {
        let path = self.one("untag", id, &format!("/tags/{}", segment(tag)))?;
        self.client
            .send(Call::delete(R::KIND, format!("untag {}", R::SAID), path))
            .await
            .map(drop)
    }
}

impl Collection<'_, Router> {
    /// Plugs the router in. In a subnet where it is already this is refused with 400, not 409.
    ///
    /// # Errors
    ///
    /// Class `Invalid` if it is there already, `Conflict` if the address is taken.
    pub async fn add_interface(&self, id: &str, plug: &Plug) -> Result<RouterInterface> {
        self.plug("add router interface", id, "/add_router_interface", plug)
            .await
    }

    /// Takes the router out.
    ///
    /// # Errors
    ///
    /// Class `NotFound` if it is not there, `Conflict` while a floating IP needs it.
    pub async fn remove_interface(&self, id: &str, plug: &Plug) -> Result<RouterInterface> {
        self.plug("remove router interface", id, "/remove_router_interface", plug)
            .await
    }

    async fn plug(
        &self,
        operation: &'static str,
        id: &str,
        below: &str,
        plug: &Plug,
    ) -> Result<RouterInterface> {
        let path = self.one(operation, id, below)?;
        self.client
            .fetch(Call::put(Kind::Network, operation, path).body(json!(plug)), "")
            .await
    }
}

/// All that is Neutron's is said alike.
macro_rules! resource {
    ($of:ty, $said:literal, $many_said:literal, $path:literal, $one:literal, $many:literal, $filter:ty, $new:ty $(, $change:ty)?) => {
        impl Resource for $of {
            const KIND: Kind = Kind::Network;
            const SAID: &'static str = $said;
            const SAID_MANY: &'static str = $many_said;
            const PATH: &'static str = $path;
            const ONE: Option<&'static str> = Some($one);
        }
        impl List for $of {
            const MANY: &'static str = $many;
            type Filter = $filter;
        }
        impl Show for $of {}
        impl Create for $of {
            type New = $new;
        }
        $(impl Update for $of {
            type Change = $change;
        })?
        impl Delete for $of {}
        impl Tagged for $of {}
    };
}

resource!(
    Network,
    "network",
    "networks",
    "networks",
    "network",
    "networks",
    NetworkFilter,
    NewNetwork,
    NetworkChange
);
resource!(
    Subnet,
    "subnet",
    "subnets",
    "subnets",
    "subnet",
    "subnets",
    SubnetFilter,
    NewSubnet,
    SubnetChange
);
resource!(
    Port, "port", "ports", "ports", "port", "ports", PortFilter, NewPort, PortChange
);
resource!(
    Router,
    "router",
    "routers",
    "routers",
    "router",
    "routers",
    RouterFilter,
    NewRouter,
    RouterChange
);
resource!(
    SecurityGroup,
    "security group",
    "security groups",
    "security-groups",
    "security_group",
    "security_groups",
    SecurityGroupFilter,
    NewSecurityGroup,
    SecurityGroupChange
);
resource!(
    SecurityGroupRule,
    "security group rule",
    "security group rules",
    "security-group-rules",
    "security_group_rule",
    "security_group_rules",
    RuleFilter,
    NewRule
);
resource!(
    FloatingIp,
    "floating IP",
    "floating IPs",
    "floatingips",
    "floatingip",
    "floatingips",
    FloatingIpFilter,
    NewFloatingIp,
    FloatingIpChange
);
