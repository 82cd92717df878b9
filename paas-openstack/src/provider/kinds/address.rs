//! Floating IPs.

use paas_core::resource::{Diff, Key, Need, View};

use super::{Kind, changed, judged, view};
use crate::provider::choice::Choice;

/// A floating IP, made with its port: a repeat is refused by Neutron.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloatingIp {
    /// The port or the load balancer that it leads to.
    pub target: Key,
    /// The leg of our router by which that is reached from outside; `None` where the way out was there already.
    pub interface: Option<Key>,
    /// The network that it is taken from.
    pub external: Choice,
    /// The address: seen only.
    pub address: Option<String>,
}

impl Kind for FloatingIp {
    const WORD: &'static str = "floatingIp";

    fn needs(&self) -> Vec<Need> {
        let keys = std::iter::once(&self.target).chain(&self.interface);
        keys.cloned().map(Need::Order).collect()
    }

    fn diff(&self, live: &Self) -> Diff {
        judged(
            [changed(
                "external",
                Some(&live.external),
                Some(&self.external),
                Choice::to_string,
            )],
            [changed(
                "target",
                Some(&live.target),
                Some(&self.target),
                Key::to_string,
            )],
        )
    }

    fn view(&self) -> View {
        view([
            ("target", Some(self.target.to_string())),
            ("address", self.address.clone()),
        ])
    }
}
