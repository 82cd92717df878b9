//! What a cloud tells about what a plan needs: everything is asked at once, within one deadline, and only what is needed.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use futures::{TryStreamExt as _, future::join_all};
use paas_core::{
    error::{Error, Result},
    resource::Key,
};

use super::needs::{Counted, Needs};
use crate::{
    block_storage::{VolumeQuota, VolumeType},
    client::{Client, Token},
    collection::All,
    compute::{Flavor, FlavorFilter, Limits},
    identity::ApplicationCredential,
    image::Image,
    load_balancer::LoadBalancerFilter,
    network::{Network, NetworkQuota},
    provider::{
        choice::Choice,
        lookup::{self, Found, Lookups},
    },
    wire::{Quota, Zone},
};

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Silence {
    /// It did not come in time.
    Late(Duration),
    /// It was refused, or the question failed.
    Said(Error),
}

/// An answer; `None` where nothing was asked.
pub(super) type Told<T> = Option<Result<T, Silence>>;

/// All answers.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) token: Told<Arc<Token>>,
    /// The application credential that we are, if we are one.
    pub(super) credential: Told<Option<ApplicationCredential>>,
    pub(super) external: Vec<Told<Network>>,
    pub(super) images: Vec<(Choice, Told<Image>)>,
    pub(super) flavors: Told<Vec<Flavor>>,
    pub(super) zones: Told<Vec<Zone>>,
    pub(super) volume_zones: Told<Vec<Zone>>,
    pub(super) volume_types: Told<Vec<VolumeType>>,
    pub(super) compute: Told<Limits>,
    /// How many key pairs the user has; Nova's limits do not say.
    pub(super) key_pairs: Told<i64>,
    pub(super) network: Told<NetworkQuota>,
    pub(super) storage: Told<VolumeQuota>,
    pub(super) balancers: Told<Quota>,
    /// What is there by the user's word.
    pub(super) given: Vec<(Key, Told<Found>)>,
}

/// What Neutron counts.
const OF_NETWORK: [Counted; 7] = [
    Counted::Networks,
    Counted::Subnets,
    Counted::Routers,
    Counted::Ports,
    Counted::SecurityGroups,
    Counted::SecurityGroupRules,
    Counted::FloatingIps,
];

/// What Nova counts.
const OF_COMPUTE: [Counted; 3] = [Counted::Instances, Counted::ServerGroups, Counted::KeyPairs];

impl Facts {
    /// Asks, all at once. The network's own time bounds it, not the injected clock: on a clock that tests move, every answer would be late.
    pub(super) async fn of(
        client: &Client,
        needs: &Needs<'_>,
        given: &BTreeMap<Key, String>,
        within: Duration,
    ) -> Self {
        let volumes = !needs.volumes.is_empty();
        let (nova, cinder) = (client.compute(), client.block_storage());
        // What is asked for each of several is collected in loops: a closure's future cannot be sent to another thread here.
        let mut external = Vec::new();
        for choice in &needs.external {
            external.push(ask(true, within, lookup::external(client, choice)));
        }
        let mut images = Vec::new();
        for choice in &needs.images {
            images.push(ask(true, within, lookup::image(client, choice)));
        }
        let mut there = Vec::new();
        for (key, word) in given {
            there.push(ask(
                needs.makes,
                within,
                lookup::there(client, key.as_str(), word),
            ));
        }
        let named_zone = needs.servers.iter().any(|s| s.want.zone.is_some());
        let volume_zone = needs.volumes.iter().any(|v| v.want.zone.is_some());
        let typed = needs.volumes.iter().any(|v| v.want.kind.is_some());
        let (flavors, types) = (nova.flavors(), cinder.volume_types());
        let whichever = FlavorFilter::all();
        let (first, second) = tokio::join!(
            async {
                tokio::join!(
                    ask(needs.makes, within, client.token()),
                    ask(needs.makes, within, credential(client)),
                    join_all(external),
                    join_all(images),
                    ask(!needs.servers.is_empty(), within, flavors.all(&whichever)),
                    ask(named_zone, within, nova.availability_zones()),
                    ask(
                        needs.any(&OF_COMPUTE) || !needs.servers.is_empty(),
                        within,
                        nova.limits()
                    ),
                )
            },
            async {
                tokio::join!(
                    ask(needs.any(&[Counted::KeyPairs]), within, key_pairs(client)),
                    ask(needs.any(&OF_NETWORK), within, of_network(client)),
                    ask(volumes, within, of_storage(client)),
                    ask(volume_zone, within, cinder.availability_zones()),
                    ask(typed, within, types.all(&All)),
                    ask(needs.any(&[Counted::LoadBalancers]), within, of_balancers(client)),
                    join_all(there),
                )
            },
        );
        let (token, credential, external, images, flavors, zones, compute) = first;
        let (key_pairs, network, storage, volume_zones, volume_types, balancers, there) = second;
        Self {
            token,
            credential,
            external,
            images: needs
                .images
                .iter()
                .map(|choice| (*choice).clone())
                .zip(images)
                .collect(),
            flavors,
            zones,
            volume_zones,
            volume_types,
            compute,
            key_pairs,
            network,
            storage,
            balancers,
            given: given.keys().cloned().zip(there).collect(),
        }
    }
}

impl Facts {
    /// Tells what was found to those who are going to use it.
    pub(super) fn tell(&self, needs: &Needs<'_>, given: &BTreeMap<Key, String>, lookups: &Lookups) {
        for (choice, told) in needs.external.iter().zip(&self.external) {
            if let Some(Ok(network)) = told {
                lookups.learn("external network", choice, &network.id);
            }
        }
        for (choice, told) in &self.images {
            if let Some(Ok(image)) = told {
                lookups.learn("image", choice, &image.id);
            }
        }
        for server in &needs.servers {
            if let Some(Ok(all)) = &self.flavors
                && let Ok(flavor) = lookup::flavor(all, &server.want.flavor)
            {
                lookups.learn("flavor", &server.want.flavor, &flavor.id);
            }
        }
        for (key, told) in &self.given {
            if let (Some(word), Some(Ok(found))) = (given.get(key), told) {
                lookups.learn(key.as_str(), &format_args!("'{word}'"), &found.id);
            }
        }
    }
}

async fn ask<T>(when: bool, within: Duration, call: impl Future<Output = Result<T>>) -> Told<T> {
    if !when {
        return None;
    }
    Some(match tokio::time::timeout(within, call).await {
        Ok(told) => told.map_err(Silence::Said),
        Err(_) => Err(Silence::Late(within)),
    })
}

/// Only its own user may look at an application credential, and that is who we are then.
async fn credential(client: &Client) -> Result<Option<ApplicationCredential>> {
    let token = client.token().await?;
    let Some(ours) = &token.application_credential else {
        return Ok(None);
    };
    let all = client.identity().application_credentials(&token.user.id);
    all.show(&ours.id).await.map(Some)
}

async fn key_pairs(client: &Client) -> Result<i64> {
    let all = client.compute().keypairs();
    all.list().try_fold(0, |n, _| async move { Ok(n + 1) }).await
}

async fn project(client: &Client) -> Result<String> {
    let token = client.token().await?;
    Ok(token.project.as_ref().map(|p| p.id.clone()).unwrap_or_default())
}

async fn of_network(client: &Client) -> Result<NetworkQuota> {
    client.network().quota(&project(client).await?).await
}

async fn of_storage(client: &Client) -> Result<VolumeQuota> {
    client.block_storage().quota(&project(client).await?).await
}

/// Octavia tells the limit alone: what there is has to be counted.
async fn of_balancers(client: &Client) -> Result<Quota> {
    let project = project(client).await?;
    let octavia = client.load_balancer();
    let filter = LoadBalancerFilter::all().project_id(&*project);
    let count = octavia.load_balancers();
    let count = count.list(&filter).try_fold(0, |n, _| async move { Ok(n + 1) });
    let (limits, in_use) = tokio::try_join!(octavia.quota(&project), count)?;
    Ok(Quota {
        limit: limits.loadbalancer.unwrap_or(-1),
        in_use,
        reserved: 0,
    })
}
