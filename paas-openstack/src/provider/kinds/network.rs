//! Networks, subnets, routers, their interfaces, and ports.

use paas_core::resource::{Diff, Key, Need, View};

use super::{Kind, changed, judged, list, view};
use crate::provider::choice::Choice;

/// A Neutron network: the root of a platform.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    /// Bytes of a packet; `None` for what the cloud thinks best.
    pub mtu: Option<u32>,
}

impl Kind for Network {
    const WORD: &'static str = "network";

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn diff(&self, live: &Self) -> Diff {
        judged(
            [],
            [changed(
                "mtu",
                live.mtu.as_ref(),
                self.mtu.as_ref(),
                u32::to_string,
            )],
        )
    }

    fn view(&self) -> View {
        view([("mtu", self.mtu.map(|m| m.to_string()))])
    }
}

/// A subnet with DHCP. Neutron refuses a second one of an overlapping range in the same network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its network.
    pub network: Key,
    /// Its range, such as `10.20.0.0/16`.
    pub cidr: String,
    /// DNS servers; `None` for the cloud's.
    pub dns: Option<Vec<String>>,
}

impl Kind for Subnet {
    const WORD: &'static str = "subnet";

    fn needs(&self) -> Vec<Need> {
        vec![Need::Built(self.network.clone())]
    }

    fn diff(&self, live: &Self) -> Diff {
        judged(
            [changed("cidr", Some(&live.cidr), Some(&self.cidr), String::clone)],
            [changed("dns", live.dns.as_ref(), self.dns.as_ref(), |d| list(d))],
        )
    }

    fn view(&self) -> View {
        view([
            ("cidr", Some(self.cidr.clone())),
            ("dns", self.dns.as_ref().map(|d| list(d))),
        ])
    }
}

/// A router, with its way out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Router {
    /// The external network; `None` for a platform without a way out.
    pub external: Option<Choice>,
}

impl Kind for Router {
    const WORD: &'static str = "router";

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn diff(&self, live: &Self) -> Diff {
        judged(
            [],
            [changed(
                "external",
                live.external.as_ref(),
                self.external.as_ref(),
                Choice::to_string,
            )],
        )
    }

    fn view(&self) -> View {
        view([("external", self.external.as_ref().map(Choice::to_string))])
    }
}

/// The leg of a router in a subnet. Made by a PUT on the router, and a subnet has one: it cannot be made twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The router.
    pub router: Key,
    /// The subnet.
    pub subnet: Key,
}

impl Kind for Interface {
    const WORD: &'static str = "interface";

    fn needs(&self) -> Vec<Need> {
        vec![Need::Built(self.router.clone()), Need::Built(self.subnet.clone())]
    }

    fn diff(&self, live: &Self) -> Diff {
        judged(
            [
                changed("router", Some(&live.router), Some(&self.router), Key::to_string),
                changed("subnet", Some(&live.subnet), Some(&self.subnet), Key::to_string),
            ],
            [],
        )
    }

    fn view(&self) -> View {
        view([
            ("router", Some(self.router.to_string())),
            ("subnet", Some(self.subnet.to_string())),
        ])
    }
}

/// A port. A server is always made on one that was there before: Nova refuses a second server on it, so a repeated create is no duplicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its subnet.
    pub subnet: Key,
    /// Its security groups.
    pub groups: Option<Vec<Key>>,
    /// Its address; `None` for any of the subnet's.
    pub address: Option<String>,
    /// Further ranges that its machine may send from, for the networks of pods.
    pub also: Option<Vec<String>>,
}

impl Kind for Port {
    const WORD: &'static str = "port";

    fn needs(&self) -> Vec<Need> {
        let groups = self.groups.iter().flatten().cloned().map(Need::Order);
        std::iter::once(Need::Built(self.subnet.clone()))
            .chain(groups)
            .collect()
    }

    fn diff(&self, live: &Self) -> Diff {
        judged(
            [
                changed("subnet", Some(&live.subnet), Some(&self.subnet), Key::to_string),
                changed(
                    "address",
                    live.address.as_ref(),
                    self.address.as_ref(),
                    String::clone,
                ),
            ],
            [
                changed("groups", live.groups.as_ref(), self.groups.as_ref(), |g| list(g)),
                changed("also", live.also.as_ref(), self.also.as_ref(), |a| list(a)),
            ],
        )
    }

    fn view(&self) -> View {
        view([
            ("subnet", Some(self.subnet.to_string())),
            ("address", self.address.clone()),
            ("groups", self.groups.as_ref().map(|g| list(g))),
            ("also", self.also.as_ref().map(|a| list(a))),
        ])
    }
}
