//! The lists of a look: one a type, all of them at once, and after them only what could not be asked without their answers.

use std::collections::{BTreeMap, BTreeSet};

use futures::{TryStreamExt as _, future::try_join_all};
use paas_core::{
    actuator::Reach,
    error::{Class, Error, Result},
    owner::Owner,
};
use tokio::try_join;

use super::OpenStackActuator;
use crate::{
    block_storage::{Metadata, Volume, VolumeFilter},
    client::service::Kind,
    codes::{OS_NO_SERVICE, OS_UNAVAILABLE},
    collection::{All, Collection, List},
    compute::{Keypair, Server, ServerFilter, ServerGroup},
    identity::ApplicationCredential,
    load_balancer::{LoadBalancer, LoadBalancerFilter, StatusTree},
    network::{
        FloatingIp, FloatingIpFilter, Network, NetworkFilter, Port, PortFilter, Router, RouterFilter,
        SecurityGroup, SecurityGroupFilter, Subnet, SubnetFilter,
    },
    provider::{
        made,
        marks::{self, OWNER},
    },
};

/// All that can bear the mark of an owner, as the services tell it.
pub(super) struct Lists {
    pub(super) networks: Vec<Network>,
    pub(super) subnets: Vec<Subnet>,
    pub(super) routers: Vec<Router>,
    pub(super) ports: Vec<Port>,
    /// All of the project's: those of the cluster's balancers are on ports of ours too.
    pub(super) groups: Vec<SecurityGroup>,
    /// All of the project's.
    pub(super) addresses: Vec<FloatingIp>,
    pub(super) servers: Vec<Server>,
    pub(super) volumes: Vec<Volume>,
    pub(super) server_groups: Vec<ServerGroup>,
    pub(super) key_pairs: Vec<Keypair>,
    pub(super) balancers: Vec<LoadBalancer>,
    /// What is in each of them, by its id.
    pub(super) inside: BTreeMap<String, StatusTree>,
    /// Legs of routers in our subnets.
    pub(super) legs: Vec<Port>,
    /// Those of the user, where they are looked for.
    pub(super) credentials: Option<Vec<ApplicationCredential>>,
    /// What bears no mark, where all is looked for.
    pub(super) unmarked: Option<Unmarked>,
}

/// What is listed beyond what can bear the mark.
pub(super) struct Unmarked {
    /// All of the project's.
    pub(super) balancers: Vec<LoadBalancer>,
    /// Those that the storage driver of our cluster made.
    pub(super) volumes: Vec<Volume>,
    /// All of the project's, and everybody's in our networks.
    pub(super) ports: Vec<Port>,
    /// All in our networks.
    pub(super) subnets: Vec<Subnet>,
}

/// What is in a network, whoever it belongs to.
struct Within {
    subnets: Vec<Subnet>,
    ports: Vec<Port>,
}

impl OpenStackActuator {
    pub(super) async fn lists(&self, owner: &Owner, reach: Reach, credential: bool) -> Result<Lists> {
        let (net, nova) = (self.client.network(), self.client.compute());
        let cinder = self.client.block_storage();
        let mark = owner.mark();
        let token = self.client.token().await?;
        let project = token.project.as_ref().map_or("", |p| p.id.as_str());
        let of_balancers = match reach {
            Reach::Own => LoadBalancerFilter::all().description(&*mark),
            Reach::All => LoadBalancerFilter::all(),
        };
        let of_cluster = Metadata::from((made::CSI_CLUSTER, marks::cluster(owner).as_str()));
        let in_metadata = Metadata::from((OWNER, owner.uid().to_string().as_str()));
        let our_volumes = VolumeFilter::all().metadata(in_metadata);
        let volumes_of_claims = VolumeFilter::all().metadata(of_cluster);
        let (
            networks,
            subnets,
            routers,
            all_ports,
            groups,
            addresses,
            servers,
            volumes,
            of_claims,
            server_groups,
            key_pairs,
            all_balancers,
            credentials,
        ) = try_join!(
            every(net.networks(), NetworkFilter::all().description(&*mark)),
            every(net.subnets(), SubnetFilter::all().description(&*mark)),
            every(net.routers(), RouterFilter::all().description(&*mark)),
            self.ports(),
            every(
                net.security_groups(),
                SecurityGroupFilter::all().project_id(project)
            ),
            every(net.floating_ips(), FloatingIpFilter::all()),
            every(nova.servers(), ServerFilter::all()),
            cinder.all_volumes(&our_volumes),
            asked(reach == Reach::All, cinder.all_volumes(&volumes_of_claims)),
            every(nova.server_groups(), All),
            nova.keypairs().list().try_collect::<Vec<Keypair>>(),
            self.all_balancers(&of_balancers),
            asked(
                credential || reach == Reach::All,
                self.credentials(&token.user.id)
            ),
        )?;
        readable(&servers)?;
        let balancers: Vec<LoadBalancer> = all_balancers
            .iter()
            .filter(|b| b.description == mark)
            .cloned()
            .collect();
        let around = async {
            match reach {
                Reach::Own => Ok(BTreeMap::new()),
                Reach::All => self.within(&networks).await,
            }
        };
        let (inside, within) = try_join!(self.inside(&balancers), around)?;
        let crowd = within.iter().map(|(id, it)| (*id, it.ports.as_slice())).collect();
        let legs = self.legs(&subnets, &routers, &all_ports, &crowd).await?;
        let is_ours = |port: &&Port| port.description == mark;
        let ports = all_ports.iter().filter(is_ours).cloned().collect();
        let unmarked = of_claims.map(|volumes| Unmarked::new(all_balancers, volumes, all_ports, within));
        Ok(Lists {
            unmarked,
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
            inside,
            legs,
            credentials,
        })
    }

    /// None where the cloud has no Octavia.
    async fn all_balancers(&self, of: &LoadBalancerFilter) -> Result<Vec<LoadBalancer>> {
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

    /// What is in these networks, by the network's id.
    async fn within<'a>(&self, networks: &'a [Network]) -> Result<BTreeMap<&'a str, Within>> {
        let net = self.client.network();
        let one = |network: &'a Network| {
            let id = network.id.as_str();
            let (subnets, ports) = (net.subnets(), net.ports());
            async move {
                let (subnets, ports) = try_join!(
                    every(subnets, SubnetFilter::all().network_id(id)),
                    every(ports, PortFilter::all().network_id(id)),
                )?;
                Ok::<_, Error>((id, Within { subnets, ports }))
            }
        };
        Ok(try_join_all(networks.iter().map(one))
            .await?
            .into_iter()
            .collect())
    }
}

impl Unmarked {
    fn new(
        balancers: Vec<LoadBalancer>,
        volumes: Vec<Volume>,
        mut ports: Vec<Port>,
        within: BTreeMap<&str, Within>,
    ) -> Self {
        let mut subnets = Vec::new();
        for it in within.into_values() {
            subnets.extend(it.subnets);
            ports.extend(it.ports);
        }
        let mut known = BTreeSet::new();
        ports.retain(|port| known.insert(port.id.clone()));
        Self {
            balancers,
            volumes,
            ports,
            subnets,
        }
    }
}

/// The mark of a server that Nova cannot tell about cannot be read: it may be ours.
fn readable(servers: &[Server]) -> Result<()> {
    match servers.iter().find(|s| s.is_partial()) {
        None => Ok(()),
        Some(partial) => Err(Error::new(&OS_UNAVAILABLE, Class::Transient)
            .attempted("list servers")
            .happened(format!(
                "Nova cannot tell what the server {} is: its cell is down",
                partial.id
            ))),
    }
}

/// A list that only some looks need.
async fn asked<T>(needed: bool, list: impl Future<Output = Result<T>>) -> Result<Option<T>> {
    match needed {
        true => list.await.map(Some),
        false => Ok(None),
    }
}

pub(super) async fn every<R: List>(all: Collection<'_, R>, of: R::Filter) -> Result<Vec<R>> {
    all.all(&of).await
}
