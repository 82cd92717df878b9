//! Finding the thing that is meant, and whether it may be taken over.

use paas_core::{
    actuator::Ids,
    error::Result,
    graph::Observed,
    owner::Owner,
    resource::{Key, Resource as _},
};

use super::{OpenStackActuator, OpenStackResource, Taken, There, refused};
use crate::{
    block_storage::VolumeFilter,
    compute::{Server, ServerFilter},
    network::{FloatingIpFilter, NetworkFilter, PortFilter, RouterFilter, SecurityGroupFilter, SubnetFilter},
};

/// True for kinds that can bear their mark after they were made. What has it in its name cannot.
pub(super) fn can_be_taken(want: &OpenStackResource) -> bool {
    matches!(
        want,
        OpenStackResource::Network(_)
            | OpenStackResource::Subnet(_)
            | OpenStackResource::Router(_)
            | OpenStackResource::Group(_)
            | OpenStackResource::Port(_)
            | OpenStackResource::FloatingIp(_)
            | OpenStackResource::Server(_)
            | OpenStackResource::Volume(_)
    )
}

/// The field's word for it.
pub(super) fn word(there: &There) -> &'static str {
    match there {
        There::Network(_) => "network",
        There::Subnet(_) => "subnet",
        There::Router(_) => "router",
        There::Group(_) => "securityGroup",
        There::Port(_) => "port",
        There::Address(_) => "floatingIp",
        There::Server(_) => "server",
        There::Volume(_) => "volume",
    }
}

impl OpenStackActuator {
    /// The one thing of the wanted kind that has this id or this name.
    pub(super) async fn find(&self, key: &Key, want: &OpenStackResource, said: &str) -> Result<There> {
        let (net, nova) = (self.client.network(), self.client.compute());
        macro_rules! all {
            ($of:expr, $filter:expr, $make:expr) => {
                $of.all(&$filter).await?.into_iter().map($make).collect()
            };
        }
        let all: Vec<There> = match want {
            OpenStackResource::Network(_) => all!(net.networks(), NetworkFilter::all(), There::Network),
            OpenStackResource::Subnet(_) => all!(net.subnets(), SubnetFilter::all(), There::Subnet),
            OpenStackResource::Router(_) => all!(net.routers(), RouterFilter::all(), There::Router),
            OpenStackResource::Group(_) => {
                all!(net.security_groups(), SecurityGroupFilter::all(), There::Group)
            }
            OpenStackResource::Port(_) => all!(net.ports(), PortFilter::all(), |p| There::Port(Box::new(p))),
            OpenStackResource::FloatingIp(_) => {
                all!(net.floating_ips(), FloatingIpFilter::all(), There::Address)
            }
            OpenStackResource::Server(_) => {
                all!(nova.servers(), ServerFilter::all(), |s| There::Server(Box::new(
                    s
                )))
            }
            OpenStackResource::Volume(_) => {
                let volumes = self.client.block_storage().volumes();
                all!(volumes, VolumeFilter::all(), |v| There::Volume(Box::new(v)))
            }
            _ => Vec::new(),
        };
        let attempt = || refused(format!("take over the {} {said} as {key}", want.kind()));
        let with_id = all.iter().find(|it| it.id() == said);
        let fits: Vec<&There> = match with_id {
            Some(one) => vec![one],
            None => all.iter().filter(|it| it.name() == said).collect(),
        };
        match fits.as_slice() {
            [one] => Ok((*one).clone()),
            [] => {
                let there: Vec<String> = all
                    .iter()
                    .filter(|it| it.uid().is_none())
                    .take(20)
                    .map(|it| format!("{} ({})", it.name(), it.id()))
                    .collect();
                let there = if there.is_empty() {
                    "none that could be taken over".to_owned()
                } else {
                    there.join(", ")
                };
                Err(attempt().happened(format!(
                    "no {} has this name or id; there are: {there}",
                    want.kind()
                )))
            }
            several => {
                let ids: Vec<&str> = several.iter().map(|it| it.id()).collect();
                Err(attempt()
                    .happened(format!("several have this name: {}", ids.join(", ")))
                    .remedy("say the id of the one that is meant"))
            }
        }
    }

    /// The port of a server: the first one where it has several.
    pub(super) async fn port_of(&self, server: &Server, said: &str) -> Result<There> {
        let ports = self.client.network().ports();
        let all = ports.all(&PortFilter::all().device_id(&*server.id)).await?;
        match all.into_iter().next() {
            Some(port) => Ok(There::Port(Box::new(port))),
            None => Err(refused(format!("take over the server {said}"))
                .happened(format!("{} has no port", server.id))),
        }
    }

    /// Whose it is, and whether its key is free.
    pub(super) async fn check(
        &self,
        owner: &Owner,
        one: &Taken,
        observed: &Observed<OpenStackResource>,
    ) -> Result<()> {
        let (there, key) = (&one.there, &one.key);
        let attempt = || refused(format!("take over {} {} as {key}", word(there), there.name()));
        if let Some(live) = observed.live.get(key).filter(|l| l.id != there.id()) {
            return Err(attempt()
                .happened(format!("the platform has a {key} already: {}", live.id))
                .remedy("there is one thing a key; use another key, or be rid of the one that is there"));
        }
        let other = observed
            .live
            .iter()
            .find(|(k, l)| l.id == there.id() && *k != key);
        if let Some((other, _)) = other {
            return Err(attempt().happened(format!("{} is the platform's {other} already", there.id())));
        }
        if let Some(uid) = there.uid().filter(|uid| *uid != owner.uid().to_string()) {
            return Err(attempt()
                .happened(format!("{} belongs to another owner: {uid}", there.id()))
                .remedy(
                    "its owner gives it back with `paas adopt --release`; nothing is taken from an owner",
                ));
        }
        let project = self.client.token().await?.project.clone().map(|p| p.id);
        if let Some(project) = project.filter(|p| !there.project().is_empty() && p != there.project()) {
            return Err(attempt().happened(format!(
                "{} belongs to the project {} and not to {project}",
                there.id(),
                there.project()
            )));
        }
        Ok(())
    }

    /// That it lies where the platform is: a subnet in its network, a port in its subnet.
    pub(super) async fn check_place(&self, one: &Taken, ids: &Ids) -> Result<()> {
        let (kind, inside) = match &one.there {
            There::Subnet(it) => ("network", it.network_id.as_str()),
            There::Port(it) => {
                let subnet = it.fixed_ips.first().and_then(|ip| ip.subnet_id.as_deref());
                ("subnet", subnet.unwrap_or_default())
            }
            _ => return Ok(()),
        };
        let key = Key::new(kind)?;
        let ours = match ids.get(&key) {
            Some(_) => Some(self.id(ids, &key).await?),
            None => None,
        };
        if ours.as_deref() == Some(inside) {
            return Ok(());
        }
        let ours = ours.map_or_else(|| "has none yet".to_owned(), |id| format!("has {id}"));
        Err(refused(format!(
            "take over {} {} as {}",
            word(&one.there),
            one.there.name(),
            one.key
        ))
        .happened(format!("it is in the {kind} {inside}, and the platform {ours}"))
        .remedy(format!(
            "take over the {kind} first: `paas adopt PLATFORM {kind} {inside}`"
        )))
    }
}
