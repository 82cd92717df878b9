//! Everything that there is in a project, as the services tell it: each list once, all at the same time, with every page.

use futures::{TryStreamExt as _, future::try_join_all};
use paas_core::{
    error::{Class, Error, Result},
    owner::Identity,
};
use tokio::try_join;

use super::{Kind, Unseen};
use crate::{
    block_storage::{Volume, VolumeFilter},
    client::{Client, Token, service},
    codes::{OS_NO_SERVICE, OS_UNAVAILABLE},
    collection::All,
    compute::{Keypair, Server, ServerFilter, ServerGroup},
    identity::{ApplicationCredential, ApplicationCredentialFilter},
    load_balancer::{LoadBalancer, LoadBalancerFilter},
    network::{
        FloatingIp, FloatingIpFilter, Network, NetworkFilter, Port, PortFilter, Router, RouterFilter,
        SecurityGroup, SecurityGroupFilter, Subnet, SubnetFilter,
    },
    provider,
};

/// What the services told. An administrator's lists have things of other projects too; the reader leaves those out.
#[derive(Debug)]
pub(super) struct Lists {
    /// The project's id and name.
    pub(super) project: (String, String),
    /// What the uids of its objects are made with.
    pub(super) identity: Identity,
    /// The application credential that this login is by.
    pub(super) login: Option<String>,
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
    pub(super) credentials: Vec<ApplicationCredential>,
    pub(super) unseen: Vec<Unseen>,
}

pub(super) async fn all(client: &Client) -> Result<Lists> {
    let identity = provider::identity(client).await?;
    let token = client.token().await?;
    let (net, nova) = (client.network(), client.compute());
    let (networks, subnets, routers, ports) = (net.networks(), net.subnets(), net.routers(), net.ports());
    let (groups, addresses) = (net.security_groups(), net.floating_ips());
    let (servers, server_groups) = (nova.servers(), nova.server_groups());
    let cinder = client.block_storage();
    let filters = (
        NetworkFilter::all(),
        SubnetFilter::all(),
        RouterFilter::all(),
        PortFilter::all(),
        SecurityGroupFilter::all(),
        FloatingIpFilter::all(),
        ServerFilter::all(),
        VolumeFilter::all(),
    );
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
        credentials,
    ) = try_join!(
        networks.all(&filters.0),
        subnets.all(&filters.1),
        routers.all(&filters.2),
        ports.all(&filters.3),
        groups.all(&filters.4),
        addresses.all(&filters.5),
        servers.all(&filters.6),
        cinder.all_volumes(&filters.7),
        server_groups.all(&All),
        nova.keypairs().list().try_collect::<Vec<Keypair>>(),
        balancers(client),
        credentials(client, &token),
    )?;
    if let Some(partial) = servers.iter().find(|server| server.is_partial()) {
        return Err(Error::new(&OS_UNAVAILABLE, Class::Transient)
            .attempted("look for leftovers")
            .happened(format!(
                "Nova cannot tell what the server {} is: its cell is down, and it may be marked",
                partial.id
            )));
    }
    let project = token.project.clone().unwrap_or_default();
    let mut lists = Lists {
        project: (project.id, project.name),
        identity,
        login: token.application_credential.as_ref().map(|c| c.id.clone()),
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
        balancers: Vec::new(),
        credentials: Vec::new(),
        unseen: Vec::new(),
    };
    (lists.balancers, lists.credentials) = (
        lists.seen(Kind::LoadBalancer, balancers),
        lists.seen(Kind::ApplicationCredential, credentials),
    );
    Ok(lists)
}

impl Lists {
    fn seen<T>(&mut self, kind: Kind, told: std::result::Result<Vec<T>, String>) -> Vec<T> {
        told.unwrap_or_else(|why| {
            self.unseen.push(Unseen { kind, why });
            Vec::new()
        })
    }
}

/// None where the cloud has no Octavia; the refusal where it wants a role that this login does not have.
async fn balancers(client: &Client) -> Result<std::result::Result<Vec<LoadBalancer>, String>> {
    match client.endpoint(service::Kind::LoadBalancer).await {
        Ok(_) => {}
        Err(e) if e.code() == &OS_NO_SERVICE => return Ok(Ok(Vec::new())),
        Err(e) => return Err(e),
    }
    allowed(
        client
            .load_balancer()
            .load_balancers()
            .all(&LoadBalancerFilter::all())
            .await,
    )
}

async fn credentials(
    client: &Client,
    token: &Token,
) -> Result<std::result::Result<Vec<ApplicationCredential>, String>> {
    let of_user = client.identity().application_credentials(&token.user.id);
    match of_user.all(&ApplicationCredentialFilter::all()).await {
        // A Keystone that is too old for them has none.
        Err(e) if e.class() == Class::Unsupported => Ok(Ok(Vec::new())),
        told => allowed(told),
    }
}

fn allowed<T>(told: Result<Vec<T>>) -> Result<std::result::Result<Vec<T>, String>> {
    match told {
        Ok(all) => Ok(Ok(all)),
        Err(e) if e.class() == Class::Denied => Ok(Err(e.sentence())),
        Err(e) => Err(e),
    }
}

/// Of these key pairs the times at which they were made, which lists do not have; one that is gone meanwhile has none.
pub(super) async fn made(client: &Client, names: &[String]) -> Result<Vec<Option<Keypair>>> {
    try_join_all(names.iter().map(|name| async move {
        match client.compute().keypairs().show(name).await {
            Ok(pair) => Ok(Some(pair)),
            Err(e) if e.class() == Class::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }))
    .await
}
