//! Looking: one list a type, all of them at once, and from them what bears the mark.

use futures::TryStreamExt as _;
use paas_core::{
    error::{Class, Error, Result},
    graph::Observed,
    ledger::Ledger,
    owner::Owner,
    resource::Key,
};
use tokio::try_join;

use super::{OpenStackActuator, seen::Seen};
use crate::{
    block_storage::{Metadata, Volume, VolumeFilter},
    client::service::Kind,
    codes::{OS_NO_SERVICE, OS_UNAVAILABLE},
    collection::{All, Collection, List},
    compute::{Keypair, Server, ServerFilter, ServerGroup},
    load_balancer::{LoadBalancer, LoadBalancerFilter},
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
struct Lists {
    networks: Vec<Network>,
    subnets: Vec<Subnet>,
    routers: Vec<Router>,
    ports: Vec<Port>,
    groups: Vec<SecurityGroup>,
    addresses: Vec<FloatingIp>,
    servers: Vec<Server>,
    volumes: Vec<Volume>,
    server_groups: Vec<ServerGroup>,
    key_pairs: Vec<Keypair>,
    balancers: Vec<LoadBalancer>,
    /// Legs of routers in our subnets.
    legs: Vec<Port>,
}

impl OpenStackActuator {
    pub(super) async fn look(&self, owner: &Owner, hints: &Ledger) -> Result<Observed<OpenStackResource>> {
        let lists = Box::pin(self.lists(owner)).await?;
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
            seen.balancer(balancer);
        }
        for server in &lists.servers {
            seen.server(server);
        }
        for address in &lists.addresses {
            let external = self.words_for(&address.network_id).await?;
            seen.address(address, external);
        }
        Ok(seen.observed)
    }

    async fn lists(&self, owner: &Owner) -> Result<Lists> {
        let (net, nova) = (self.client.network(), self.client.compute());
        let mark = owner.mark();
        let in_metadata = Metadata::from((OWNER, owner.uid().to_string().as_str()));
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
            every(
                net.security_groups(),
                SecurityGroupFilter::all().description(&*mark)
            ),
            every(net.floating_ips(), FloatingIpFilter::all()),
            every(nova.servers(), ServerFilter::all()),
            every(
                self.client.block_storage().volumes(),
                VolumeFilter::all().metadata(in_metadata)
            ),
            every(nova.server_groups(), All),
            nova.keypairs().list().try_collect::<Vec<Keypair>>(),
            self.balancers(&mark),
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
        let legs = self.legs(&subnets, &ports).await?;
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
            balancers,
            legs,
        })
    }

    /// None where the cloud has no Octavia.
    async fn balancers(&self, mark: &str) -> Result<Vec<LoadBalancer>> {
        match self.client.endpoint(Kind::LoadBalancer).await {
            Ok(_) => {
                let ours = LoadBalancerFilter::all().description(mark);
                self.client.load_balancer().load_balancers().all(&ours).await
            }
            Err(e) if e.code() == &OS_NO_SERVICE => Ok(Vec::new()),
            Err(e) => Err(e),
        }
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
