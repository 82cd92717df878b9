//! Security groups and their rules.

use std::fmt;

use paas_core::{
    error::Error,
    resource::{Diff, Key, Need, View},
};

use super::{Kind, judged, view};

/// A security group. Neutron puts two rules into each new one, which let everything out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {}

impl Kind for Group {
    const WORD: &'static str = "securityGroup";

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn diff(&self, _live: &Self) -> Diff {
        Diff::Same
    }

    fn view(&self) -> View {
        View::new()
    }
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Into the machine.
    Ingress,
    /// Out of it.
    Egress,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        })
    }
}

/// Whom a rule lets in, or out to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Remote {
    /// Everybody.
    Any,
    /// A range of addresses.
    Range(String),
    /// The machines of a group.
    Group(Key),
}

/// A rule. It cannot be changed, and its whole tuple is unique in its group: it cannot be made twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its group.
    pub group: Key,
    /// Which way.
    pub direction: Direction,
    /// `IPv4` or `IPv6`.
    pub ether_type: String,
    /// `tcp`, `udp`, `icmp`, a number; `None` for any.
    pub protocol: Option<String>,
    /// The first and the last port; `None` for all.
    pub ports: Option<(u16, u16)>,
    /// Whom it lets.
    pub remote: Remote,
}

impl Rule {
    /// The key, which the whole tuple is in: two rules with the same key are the same rule.
    ///
    /// # Errors
    /// A range or a protocol that no key can hold.
    pub fn key(&self) -> Result<Key, Error> {
        let tail = self.group.as_str().rsplit('/').next().unwrap_or_default();
        let ports = self
            .ports
            .map_or("all".to_owned(), |(from, to)| format!("{from}-{to}"));
        let remote = match &self.remote {
            Remote::Any => "any".to_owned(),
            Remote::Range(range) => range.replace(['/', ':'], "_"),
            Remote::Group(key) => key.as_str().replace('/', "."),
        };
        let protocol = self.protocol.as_deref().unwrap_or("any");
        Key::new(format!(
            "rule/{tail}/{}-{}-{protocol}-{ports}-{remote}",
            self.direction, self.ether_type
        ))
    }
}

impl Kind for Rule {
    const WORD: &'static str = "securityGroupRule";

    fn needs(&self) -> Vec<Need> {
        let remote = match &self.remote {
            Remote::Group(key) if *key != self.group => Some(Need::Built(key.clone())),
            _ => None,
        };
        std::iter::once(Need::Built(self.group.clone()))
            .chain(remote)
            .collect()
    }

    /// The key says all of it.
    fn diff(&self, _live: &Self) -> Diff {
        judged([], [])
    }

    fn view(&self) -> View {
        view([
            ("direction", Some(self.direction.to_string())),
            ("protocol", self.protocol.clone()),
            (
                "ports",
                self.ports.map(|(from, to)| {
                    if from == to {
                        from.to_string()
                    } else {
                        format!("{from}-{to}")
                    }
                }),
            ),
            (
                "remote",
                match &self.remote {
                    Remote::Any => None,
                    Remote::Range(range) => Some(range.clone()),
                    Remote::Group(key) => Some(key.to_string()),
                },
            ),
        ])
    }
}
