//! Load balancers.

use paas_core::resource::{Diff, Key, Need, View};

use super::{Kind, changed, judged, list, view};

/// An Octavia load balancer with all that is in it, made in one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancer {
    /// Where its own address is.
    pub subnet: Key,
    /// What it listens on; `None` in a live one whose children were not asked for.
    pub listeners: Option<Vec<Listener>>,
}

/// A TCP port and the ports of the machines behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The port that is listened on, and that the machines serve on.
    pub port: u16,
    /// The ports of the machines.
    pub members: Vec<Key>,
}

impl std::fmt::Display for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {}", self.port, list(&self.members))
    }
}

impl Kind for LoadBalancer {
    const WORD: &'static str = "loadBalancer";

    fn needs(&self) -> Vec<Need> {
        let members = self
            .listeners
            .iter()
            .flatten()
            .flat_map(|l| &l.members)
            .cloned()
            .map(Need::Order);
        std::iter::once(Need::Built(self.subnet.clone()))
            .chain(members)
            .collect()
    }

    /// Machines behind a listener come and go in place; another listener needs another balancer.
    fn diff(&self, live: &Self) -> Diff {
        let there = live.listeners.as_ref();
        let listeners = changed("listeners", there, self.listeners.as_ref(), |l| list(l));
        let ports =
            |of: Option<&Vec<Listener>>| -> Vec<u16> { of.into_iter().flatten().map(|l| l.port).collect() };
        let same = ports(there) == ports(self.listeners.as_ref());
        // What was not asked for is not judged.
        let (anew, in_place) = match listeners.filter(|_| there.is_some()) {
            Some(change) if same => (None, Some(change)),
            change => (change, None),
        };
        let subnet = changed("subnet", Some(&live.subnet), Some(&self.subnet), Key::to_string);
        judged([subnet, anew], [in_place])
    }

    fn view(&self) -> View {
        view([("listeners", self.listeners.as_ref().map(|l| list(l)))])
    }
}
