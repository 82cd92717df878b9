//! What a plan is going to make, in what projects count: pure.

use std::collections::BTreeMap;

use paas_core::{
    graph::Observed,
    plan::{Action, Plan},
    resource::Key,
};

use crate::provider::{
    choice::Choice,
    kinds::{Root, Server, Volume},
    resource::OpenStackResource,
};

/// Something that projects have a quota of, one by one. What servers and volumes have in them is counted elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Counted {
    Networks,
    Subnets,
    Routers,
    Ports,
    SecurityGroups,
    SecurityGroupRules,
    FloatingIps,
    Instances,
    ServerGroups,
    KeyPairs,
    Volumes,
    LoadBalancers,
}

/// How much more there will be, and what becomes free by what the plan deletes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Amount {
    /// Needed beside what there is.
    pub(super) more: u64,
    /// Free once what is deleted is gone.
    pub(super) freed: u64,
}

/// A resource that is made, and what goes before it comes.
#[derive(Debug)]
pub(super) struct Made<'a, T> {
    pub(super) key: &'a Key,
    pub(super) want: &'a T,
    /// What it replaces, or what it is before it grows.
    pub(super) instead_of: Option<&'a T>,
}

/// What a plan needs of a project.
///
/// What is replaced goes before it comes again, so a replacement needs no more than what it is larger by, however many of a group may be
/// away at once. What is only deleted may go later than other things come: it is counted apart.
#[derive(Debug)]
pub(super) struct Needs<'a> {
    /// True if anything is made, or made anew.
    pub(super) makes: bool,
    pub(super) counts: BTreeMap<Counted, Amount>,
    pub(super) servers: Vec<Made<'a, Server>>,
    pub(super) servers_gone: Vec<&'a Server>,
    /// Volumes that are made, or that grow.
    pub(super) volumes: Vec<Made<'a, Volume>>,
    pub(super) volumes_gone: Vec<&'a Volume>,
    /// External networks that routers and addresses are made with.
    pub(super) external: Vec<&'a Choice>,
    /// Images that something is filled from.
    pub(super) images: Vec<&'a Choice>,
}

impl<'a> Needs<'a> {
    /// What may be there already, although no list shows it yet, is in what the project has: it is not counted again.
    pub(super) fn of(plan: &'a Plan<OpenStackResource>, seen: &Observed<OpenStackResource>) -> Self {
        let mut needs = Self {
            makes: false,
            counts: BTreeMap::new(),
            servers: Vec::new(),
            servers_gone: Vec::new(),
            volumes: Vec::new(),
            volumes_gone: Vec::new(),
            external: Vec::new(),
            images: Vec::new(),
        };
        let in_doubt = |key: &Key| seen.waits.get(key).is_some_and(|wait| wait.in_doubt);
        for step in plan.steps.iter().filter(|step| !in_doubt(&step.key)) {
            match &step.action {
                Action::Create { want } => needs.made(&step.key, want, None),
                Action::Replace { live, want, .. } => needs.made(&step.key, want, Some(&live.resource)),
                Action::Update { live, want, .. } => needs.changed(&step.key, want, &live.resource),
                Action::Delete { live } => needs.gone(&live.resource),
            }
        }
        needs
    }

    /// How much of something is needed.
    pub(super) fn amount(&self, of: Counted) -> Amount {
        self.counts.get(&of).copied().unwrap_or_default()
    }

    /// True if anything of these is made.
    pub(super) fn any(&self, of: &[Counted]) -> bool {
        of.iter().any(|of| self.amount(*of).more > 0)
    }

    fn made(&mut self, key: &'a Key, want: &'a OpenStackResource, instead_of: Option<&'a OpenStackResource>) {
        self.makes = true;
        if instead_of.is_none() {
            for of in counted(want) {
                self.counts.entry(*of).or_default().more += 1;
            }
        }
        match want {
            OpenStackResource::Server(want) => {
                if want.root == Root::Image {
                    self.images.push(&want.image);
                }
                let instead_of = instead_of.and_then(|old| match old {
                    OpenStackResource::Server(old) => Some(old),
                    _ => None,
                });
                self.servers.push(Made {
                    key,
                    want,
                    instead_of,
                });
            }
            OpenStackResource::Volume(want) => {
                self.images.extend(&want.image);
                self.volume(key, want, instead_of);
            }
            OpenStackResource::Router(want) => self.external.extend(&want.external),
            OpenStackResource::FloatingIp(want) => self.external.push(&want.external),
            _ => {}
        }
        self.images.sort();
        self.images.dedup();
        self.external.sort();
        self.external.dedup();
    }

    fn changed(&mut self, key: &'a Key, want: &'a OpenStackResource, live: &'a OpenStackResource) {
        match want {
            OpenStackResource::Volume(want) => self.volume(key, want, Some(live)),
            OpenStackResource::Router(want) => self.external.extend(&want.external),
            _ => {}
        }
    }

    fn volume(&mut self, key: &'a Key, want: &'a Volume, instead_of: Option<&'a OpenStackResource>) {
        let instead_of = instead_of.and_then(|old| match old {
            OpenStackResource::Volume(old) => Some(old),
            _ => None,
        });
        self.volumes.push(Made {
            key,
            want,
            instead_of,
        });
    }

    fn gone(&mut self, live: &'a OpenStackResource) {
        for of in counted(live) {
            self.counts.entry(*of).or_default().freed += 1;
        }
        match live {
            OpenStackResource::Server(live) => self.servers_gone.push(live),
            OpenStackResource::Volume(live) => self.volumes_gone.push(live),
            _ => {}
        }
    }
}

/// What one resource counts as. The leg of a router and the address of a load balancer are ports; a gateway and a floating IP have ports
/// that belong to no project.
fn counted(resource: &OpenStackResource) -> &'static [Counted] {
    match resource {
        OpenStackResource::Network(_) => &[Counted::Networks],
        OpenStackResource::Subnet(_) => &[Counted::Subnets],
        OpenStackResource::Router(_) => &[Counted::Routers],
        OpenStackResource::Interface(_) | OpenStackResource::Port(_) => &[Counted::Ports],
        OpenStackResource::Group(_) => &[Counted::SecurityGroups],
        OpenStackResource::Rule(_) => &[Counted::SecurityGroupRules],
        OpenStackResource::KeyPair(_) => &[Counted::KeyPairs],
        OpenStackResource::ServerGroup(_) => &[Counted::ServerGroups],
        OpenStackResource::Volume(_) => &[Counted::Volumes],
        OpenStackResource::Server(_) => &[Counted::Instances],
        OpenStackResource::FloatingIp(_) => &[Counted::FloatingIps],
        OpenStackResource::LoadBalancer(_) => &[Counted::LoadBalancers, Counted::Ports],
        // Keystone tells no limit of credentials, and what the cluster made is never made by us.
        OpenStackResource::Credential(_) | OpenStackResource::Derived(_) => &[],
    }
}
