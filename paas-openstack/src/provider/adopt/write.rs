//! The calls that write a mark or take it away.

use std::{collections::BTreeMap, fmt};

use paas_core::{error::Result, owner::Owner, plan::Action};

use super::{OpenStackActuator, OpenStackResource, Taken, There, find, tags};
use crate::{
    block_storage::VolumeChange,
    network::{FloatingIpChange, NetworkChange, PortChange, RouterChange, SecurityGroupChange, SubnetChange},
};

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The field's word for what it is done to.
    pub kind: &'static str,
    /// The id of it.
    pub id: String,
    /// What is written.
    pub what: What,
}

/// What a call writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// One tag more.
    Tag(String),
    /// One tag less.
    Untag(String),
    /// The description.
    Describe(String),
    /// Metadata beside those that are there.
    Metadata(BTreeMap<String, String>),
    /// One of the metadata less.
    Unmark(String),
    /// All metadata of a volume, which Cinder takes as a whole.
    AllMetadata(BTreeMap<String, String>),
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, id, what } = self;
        let names = |all: &BTreeMap<String, String>| all.keys().cloned().collect::<Vec<_>>().join(", ");
        match what {
            What::Tag(tag) => write!(f, "{kind} {id}: tag {tag}"),
            What::Untag(tag) => write!(f, "{kind} {id}: no tag {tag}"),
            What::Describe(text) => write!(f, "{kind} {id}: description '{text}'"),
            What::Metadata(all) => write!(f, "{kind} {id}: metadata {}", names(all)),
            What::Unmark(name) => write!(f, "{kind} {id}: no metadata {name}"),
            What::AllMetadata(all) => write!(f, "{kind} {id}: metadata {}", names(all)),
        }
    }
}

/// What of the mark is not there yet: tags first, which say nothing alone.
pub(super) fn marking(owner: &Owner, taken: &Taken) -> Vec<Write> {
    let there = &taken.there;
    let one = |what| Write {
        kind: find::word(there),
        id: there.id().to_owned(),
        what,
    };
    match there {
        There::Server(_) => vec![one(What::Metadata(taken.metadata.clone()))],
        There::Volume(it) => {
            let mut all = it.metadata.clone();
            all.extend(taken.metadata.clone());
            vec![one(What::AllMetadata(all))]
        }
        _ => {
            let mut wanted = vec![tags::key(&taken.key)];
            if there.uid().is_none() {
                wanted.extend(tags::was(there.description()));
            }
            let has = there.tags();
            let stale = has.iter().filter(|t| tags::is_ours(t) && !wanted.contains(t));
            let missing = wanted.iter().filter(|t| !has.contains(t));
            let stale = stale.map(|t| one(What::Untag(t.clone())));
            let missing = missing.map(|t| one(What::Tag(t.clone())));
            let describe = one(What::Describe(taken.mark(owner)));
            stale.chain(missing).chain([describe]).collect()
        }
    }
}

/// What takes the mark away: itself first, so that what is left says nothing.
pub(super) fn unmarking(there: &There) -> Vec<Write> {
    let one = |what| Write {
        kind: find::word(there),
        id: there.id().to_owned(),
        what,
    };
    let ours = |name: &&String| name.starts_with("paas-");
    match there {
        There::Server(it) => {
            let mut names: Vec<String> = it.metadata.keys().filter(ours).cloned().collect();
            names.sort_by_key(|name| name != super::marks::OWNER);
            names.into_iter().map(|name| one(What::Unmark(name))).collect()
        }
        There::Volume(it) => {
            let rest = it.metadata.iter().filter(|(name, _)| !ours(name));
            let rest = rest.map(|(k, v)| (k.clone(), v.clone())).collect();
            vec![one(What::AllMetadata(rest))]
        }
        _ => {
            let describe = one(What::Describe(tags::description(there.tags())));
            let left = there.tags().iter().filter(|t| tags::is_ours(t)).cloned();
            std::iter::once(describe)
                .chain(left.map(|t| one(What::Untag(t))))
                .collect()
        }
    }
}

/// ` (image is debian-12, wanted is ubuntu)`, of a step.
pub(super) fn changes(action: &Action<OpenStackResource>) -> String {
    let (Action::Update { changes, .. } | Action::Replace { changes, .. }) = action else {
        return String::new();
    };
    let told: Vec<String> = changes
        .iter()
        .map(|c| format!("{} is {}, wanted is {}", c.field, c.from, c.to))
        .collect();
    if told.is_empty() {
        String::new()
    } else {
        format!(" ({})", told.join("; "))
    }
}

impl OpenStackActuator {
    pub(super) async fn write(&self, write: &Write) -> Result<()> {
        let (net, id) = (self.client.network(), write.id.as_str());
        macro_rules! neutron {
            ($of:expr, $change:ident) => {
                match &write.what {
                    What::Tag(tag) => $of.add_tag(id, tag).await,
                    What::Untag(tag) => $of.remove_tag(id, tag).await,
                    What::Describe(text) => {
                        let change = $change::default().description(text.as_str());
                        $of.update(id, &change).await.map(drop)
                    }
                    What::Metadata(_) | What::Unmark(_) | What::AllMetadata(_) => Ok(()),
                }
            };
        }
        match write.kind {
            "network" => neutron!(net.networks(), NetworkChange),
            "subnet" => neutron!(net.subnets(), SubnetChange),
            "router" => neutron!(net.routers(), RouterChange),
            "securityGroup" => neutron!(net.security_groups(), SecurityGroupChange),
            "port" => neutron!(net.ports(), PortChange),
            "floatingIp" => neutron!(net.floating_ips(), FloatingIpChange),
            "volume" => match &write.what {
                What::AllMetadata(all) => {
                    let change = VolumeChange::default().metadata(all.clone());
                    let volumes = self.client.block_storage().volumes();
                    volumes.update(id, &change).await.map(drop)
                }
                _ => Ok(()),
            },
            _ => {
                let servers = self.client.compute().servers();
                match &write.what {
                    What::Metadata(all) => servers.set_metadata(id, all).await.map(drop),
                    What::Unmark(name) => servers.delete_metadata(id, name).await,
                    _ => Ok(()),
                }
            }
        }
    }
}
