//! Looking: one list a type, all of them at once, and from them what bears the mark.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use paas_core::{
    error::{Class, Error, Result},
    graph::Observed,
    ledger::Ledger,
    owner::Owner,
    resource::Key,
};
use tokio::try_join;

use super::{OpenStackActuator, drift, seen::Seen, taken::Taken};
use crate::{
    block_storage::{Metadata, Volume, VolumeFilter},
    client::service::Kind,
    codes::{OS_NO_SERVICE, OS_UNAVAILABLE},
    collection::{All, Collection, List},
    compute::{Keypair, Server, ServerFilter, ServerGroup},
    load_balancer::{LoadBalancer, LoadBalancerFilter, StatusTree},
    network::{
        FloatingIp, FloatingIpFilter, Network, NetworkFilter, Port, Router, RouterFilter, SecurityGroup,
        SecurityGroupFilter, Subnet, SubnetFilter,
    },
    provider::{
        marks::{self, OWNER},
        resource::OpenStackResource,
    },
};

/// All that can bear the mark of an owner, as the services tell it.
pub(super) struct Lists {
    pub(super) networks: Vec<Network>,
    pub(super) subnets: Vec<Subnet>,
    pub(super) routers: Vec<Router>,
    pub(super) ports: Vec<Port>,
    pub(super) groups: Vec<SecurityGroup>,
    pub(super) addresses: Vec<FloatingIp>,
    pub(super) servers: Vec<Server>,
    pub(super) volumes: Vec<Volume>,
    pub(super) server_groups: Vec<ServerGroup>,
    pub(super) key_pairs: Vec<Keypair>,
    pub(super) balancers: Vec<LoadBalancer>,
    /// What is in each of them, by its id.
    inside: BTreeMap<String, StatusTree>,
    /// Legs of routers in our subnets.
    pub(super) legs: Vec<Port>,
}

impl OpenStackActuator {
    pub(super) async fn look(&self, owner: &Owner, hints: &Ledger) -> Result<Observed<OpenStackResource>> {
        self.look_as_if(owner, hints, &[]).await
    }

    /// The look that there would be if these bore the mark already.
    pub(in crate::provider) async fn look_as_if(
        &self,
        owner: &Owner,
        hints: &Ledger,
        taken: &[Taken],
    ) -> Result<Observed<OpenStackResource>> {
        let mut lists = Box::pin(self.lists(owner)).await?;
        if !taken.is_empty() {
            for one in taken {
                one.join(owner, &mut lists);
            }
            lists.legs = self.legs(&lists.subnets, &lists.routers, &lists.legs).await?;
        }
        let mut seen = Seen::new(owner, hints);
        for network in &lists.networks {
            seen.network(network);
        }
        for subnet in &lists.subnets {
            seen.subnet(subnet);
        }
        for router in &lists.routers {
            let external = match &router.gateway {
                Some(gateway) => Some(self.words_for(&gateway.network_id).await?),
                None => None,
            };
            seen.router(router, external);
        }
        for leg in &lists.legs {
            seen.leg(leg)?;
        }
        for group in &lists.groups {
            seen.group(group);
        }
        for group in &lists.groups {
            seen.rules(group)?;
        }
        for pair in &lists.key_pairs {
            seen.key_pair(pair);
        }
        for group in &lists.server_groups {
            seen.server_group(group);
        }
        for port in &lists.ports {
            seen.port(port);
        }
        for volume in &lists.volumes {
            seen.volume(volume);
        }
        for balancer in &lists.balancers {
            seen.balancer(balancer, lists.inside.get(&balancer.id));
        }
        for server in &lists.servers {
            seen.server(server);
        }
        for address in &lists.addresses {
            let external = self.words_for(&address.network_id).await?;
            seen.address(address, external);
        }
        let mut observed = seen.observed;
        drift::note(owner, &lists, &mut observed);
        self.resized(&lists, &mut observed).await?;
        self.vanished(hints, &lists, &mut observed).await?;
        let noted = hints.ids.contains_key(&Key::new(super::CREDENTIAL)?);
        if self.credential || noted {
            let _ = self.credential(owner, &mut observed).await?;
        }
        Ok(observed)
    }

    async fn lists(&self, owner: &Owner) -> Result<Lists> {
        let (net, nova) = (self.client.network(), self.client.compute());
        let mark = owner.mark();
        let token = self.client.token().await?;
        let project = token.project.as_ref().map_or("", |p| p.id.as_str());
        let ours = LoadBalancerFilter::all().description(&*mark);
        let cinder = self.client.block_storage();
        let in_metadata = Metadata::from((OWNER, owner.uid().to_string().as_str()));
        let our_volumes = VolumeFilter::all().metadata(in_metadata);
        let (
            networks,
            subnets,
            routers,
            ports,
            groups,
            addresses,
            servers,
            volumes,
            server_groups,
            key_pairs,
            balancers,
        ) = try_join!(
            every(net.networks(), NetworkFilter::all().description(&*mark)),
            every(net.subnets(), SubnetFilter::all().description(&*mark)),
            every(net.routers(), RouterFilter::all().description(&*mark)),
            self.ports(),
            // All of the project's: those of the cluster's balancers are on ports of ours too.
            every(
                net.security_groups(),
                SecurityGroupFilter::all().project_id(project)
            ),
            every(net.floating_ips(), FloatingIpFilter::all()),
            every(nova.servers(), ServerFilter::all()),
            cinder.all_volumes(&our_volumes),
            every(nova.server_groups(), All),
            nova.keypairs().list().try_collect::<Vec<Keypair>>(),
            self.all_balancers(&ours),
        )?;
        if let Some(partial) = servers.iter().find(|s| s.is_partial()) {
            // Its mark cannot be read: it may be ours.
            return Err(Error::new(&OS_UNAVAILABLE, Class::Transient)
                .attempted("list servers")
                .happened(format!(
                    "Nova cannot tell what the server {} is: its cell is down",
                    partial.id
                )));
        }
        let legs = self.legs(&subnets, &routers, &ports).await?;
        let ports = ports
            .into_iter()
            .filter(|port| port.description == mark)
            .collect();
        Ok(Lists {
            networks,
            subnets,
            routers,
            ports,
            groups,
            addresses,
            servers,
            volumes,
            server_groups,
            key_pairs,
            inside: self.inside(&balancers).await?,
            balancers,
            legs,
        })
    }

    /// None where the cloud has no Octavia.
    pub(super) async fn all_balancers(&self, of: &LoadBalancerFilter) -> Result<Vec<LoadBalancer>> {
        match self.client.endpoint(Kind::LoadBalancer).await {
            Ok(_) => self.client.load_balancer().load_balancers().all(of).await,
            Err(e) if e.code() == &OS_NO_SERVICE => Ok(Vec::new()),
            Err(e) => Err(e),
        }
    }

    /// What is in balancers: one call each, and only where there are any.
    async fn inside(&self, balancers: &[LoadBalancer]) -> Result<BTreeMap<String, StatusTree>> {
        let mut inside = BTreeMap::new();
        for it in balancers {
            match self.client.load_balancer().load_balancers().status(&it.id).await {
                Ok(tree) => {
                    inside.insert(it.id.clone(), tree);
                }
                // It went between the two calls.
                Err(e) if e.class() == Class::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(inside)
    }
}

pub(super) async fn every<R: List>(all: Collection<'_, R>, of: R::Filter) -> Result<Vec<R>> {
    all.all(&of).await
}

/// The key of something whose name cannot be read back, if the ledger knows its id.
pub(super) fn remembered(hints: &Ledger, id: &str) -> Option<Key> {
    let known = hints.ids.iter().find(|(_, known)| known.as_str() == id);
    let noted = || {
        hints
            .intents
            .iter()
            .find(|(_, intent)| intent.id.as_deref() == Some(id))
            .map(|(key, _)| key)
    };
    known.map(|(key, _)| key).or_else(noted).cloned()
}

/// The key that a name was made of.
pub(super) fn named(
    owner: &Owner,
    hints: &Ledger,
    kind: &str,
    segment: &str,
    name: &str,
    id: &str,
) -> Option<Key> {
    marks::key_in_name(owner, kind, segment, name).or_else(|| remembered(hints, id))
}
