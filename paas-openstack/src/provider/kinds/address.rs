//! Floating IPs.

use paas_core::resource::{Diff, Key, Need, View};

use super::{Kind, changed, judged, view};
use crate::provider::choice::Choice;

/// A floating IP, made with its port: a repeat is refused by Neutron.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloatingIp {
    /// The port that it leads to.
    pub port: Key,
    /// The leg of the router by which the port is reached from outside.
    pub interface: Key,
    /// The network that it is taken from.
    pub external: Choice,
    /// The address: seen only.
    pub address: Option<String>,
}

impl Kind for FloatingIp {
    const WORD: &'static str = "floatingIp";

    fn needs(&self) -> Vec<Need> {
        vec![
            Need::Order(self.port.clone()),
            Need::Order(self.interface.clone()),
        ]
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
                "port",
                Some(&live.port),
                Some(&self.port),
                Key::to_string,
            )],
        )
    }

    fn view(&self) -> View {
        view([
            ("port", Some(self.port.to_string())),
            ("address", self.address.clone()),
        ])
    }
}
