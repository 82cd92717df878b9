//! What is there already, as its service tells it, and how it would look with our mark.

use std::collections::BTreeMap;

use paas_core::{owner::Owner, resource::Key};

use super::lists::Lists;
use crate::{
    block_storage::Volume,
    compute::Server,
    network::{FloatingIp, Network, Port, Router, SecurityGroup, Subnet},
    provider::{
        marks::{self, OWNER},
        tags,
    },
};

/// Something that is there, as its service tells it.
#[derive(Debug, Clone)]
pub(in crate::provider) enum There {
    Network(Network),
    Subnet(Subnet),
    Router(Router),
    Group(SecurityGroup),
    Port(Box<Port>),
    Address(FloatingIp),
    Server(Box<Server>),
    Volume(Box<Volume>),
}

/// Calls `$then` with a thing of Neutron, which all have id, description, tags and project.
macro_rules! of_neutron {
    ($it:expr, $of:ident => $then:expr, $($other:pat => $else:expr),*) => {
        match $it {
            There::Network($of) => $then,
            There::Subnet($of) => $then,
            There::Router($of) => $then,
            There::Group($of) => $then,
            There::Port($of) => $then,
            There::Address($of) => $then,
            $($other => $else,)*
        }
    };
}

impl There {
    pub(in crate::provider) fn id(&self) -> &str {
        of_neutron!(self, it => &it.id, There::Server(it) => &it.id, There::Volume(it) => &it.id)
    }

    /// Its name; of a floating IP, its address.
    pub(in crate::provider) fn name(&self) -> &str {
        match self {
            Self::Network(it) => &it.name,
            Self::Subnet(it) => &it.name,
            Self::Router(it) => &it.name,
            Self::Group(it) => &it.name,
            Self::Port(it) => &it.name,
            Self::Address(it) => &it.address,
            Self::Server(it) => &it.name,
            Self::Volume(it) => &it.name,
        }
    }

    /// The project it belongs to; empty where the service does not say.
    pub(in crate::provider) fn project(&self) -> &str {
        of_neutron!(self, it => &it.project_id, There::Server(it) => &it.project_id, There::Volume(_) => "")
    }

    pub(in crate::provider) fn description(&self) -> &str {
        of_neutron!(self, it => &it.description, There::Server(_) | There::Volume(_) => "")
    }

    pub(in crate::provider) fn tags(&self) -> &[String] {
        of_neutron!(self, it => &it.tags, There::Server(_) | There::Volume(_) => &[])
    }

    /// What servers and volumes bear beside their name; nothing else has it.
    pub(in crate::provider) fn metadata(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            Self::Server(it) => Some(&it.metadata),
            Self::Volume(it) => Some(&it.metadata),
            _ => None,
        }
    }

    /// The uid in its mark, if it bears one.
    pub(in crate::provider) fn uid(&self) -> Option<&str> {
        match self.metadata() {
            Some(metadata) => metadata.get(OWNER).map(String::as_str),
            None => self.description().strip_prefix("paas:")?.split('/').next(),
        }
    }
}

/// Something that is to be taken over.
#[derive(Debug, Clone)]
pub(in crate::provider) struct Taken {
    pub(in crate::provider) key: Key,
    pub(in crate::provider) there: There,
    /// What is written into the metadata of a server or a volume.
    pub(in crate::provider) metadata: BTreeMap<String, String>,
}

impl Taken {
    /// The description that marks it.
    pub(in crate::provider) fn mark(&self, owner: &Owner) -> String {
        match &self.there {
            There::Address(_) => marks::described(owner, &self.key),
            _ => owner.mark(),
        }
    }

    /// Puts it among what was listed, as if it bore the mark.
    pub(super) fn join(&self, owner: &Owner, lists: &mut Lists) {
        macro_rules! put {
            ($list:ident, $it:expr) => {{
                let mut it = $it.clone();
                it.description = self.mark(owner);
                it.tags.retain(|tag| !tags::is_ours(tag));
                it.tags.push(tags::key(&self.key));
                lists.$list.retain(|other| other.id != it.id);
                lists.$list.push(it);
            }};
        }
        macro_rules! tell {
            ($list:ident, $it:expr) => {{
                let mut it = $it.clone();
                it.metadata.extend(self.metadata.clone());
                lists.$list.retain(|other| other.id != it.id);
                lists.$list.push(it);
            }};
        }
        match &self.there {
            There::Network(it) => put!(networks, it),
            There::Subnet(it) => put!(subnets, it),
            There::Router(it) => put!(routers, it),
            There::Group(it) => put!(groups, it),
            There::Port(it) => put!(ports, **it),
            There::Address(it) => put!(addresses, it),
            There::Server(it) => tell!(servers, **it),
            There::Volume(it) => tell!(volumes, **it),
        }
    }
}
