//! Of what is listed, what the cluster made: only where everything goes, or where all is to be listed.

use std::collections::BTreeMap;

use super::{
    OpenStackActuator,
    health::{STUCK, volume_health},
    lists::{Lists, Unmarked},
};
use crate::{
    block_storage::{Volume, VolumeStatus},
    codes::{OS_CONFLICT, OS_IN_THE_WAY},
    load_balancer::{LoadBalancer, ProvisioningStatus},
    network::{FloatingIp, Port, SecurityGroup, Subnet},
    provider::{
        kinds::{Derived, Made},
        made, marks,
        resource::OpenStackResource,
    },
};
use paas_core::{
    error::Result,
    graph::{Observed, Wait},
    owner::Owner,
    resource::{Health, Key, Live, Need, Origin},
};

/// What is listed in the project and around what is ours, whoever it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) balancers: &'a [LoadBalancer],
    pub(super) addresses: &'a [FloatingIp],
    pub(super) groups: &'a [SecurityGroup],
    pub(super) volumes: &'a [Volume],
    pub(super) ports: &'a [Port],
    pub(super) subnets: &'a [Subnet],
}

/// The keys of what is ours, by id.
pub(super) struct Ours<'a> {
    pub(super) owner: &'a Owner,
    pub(super) project: String,
    pub(super) keys: BTreeMap<String, Key>,
}

impl Ours<'_> {
    /// The key of our own thing of a kind with this id.
    pub(super) fn key(&self, id: &str, kind: &str) -> Option<&Key> {
        let key = self.keys.get(id)?;
        let segment = key.as_str().split('/').next();
        (segment == Some(kind)).then_some(key)
    }

    /// Where a port is, if it is in a subnet or a network of ours: the innermost.
    pub(super) fn place(&self, port: &Port) -> Option<&Key> {
        let subnets = port.fixed_ips.iter().filter_map(|ip| ip.subnet_id.as_deref());
        let mut found = subnets.filter_map(|id| self.key(id, "subnet"));
        found.next().or_else(|| self.key(&port.network_id, "network"))
    }
}

impl OpenStackActuator {
    /// Adds what the cluster made, and what others have in the way.
    pub(super) async fn derived(
        &self,
        owner: &Owner,
        (lists, unmarked): (&Lists, &Unmarked),
        seen: &mut Observed<OpenStackResource>,
    ) -> Result<()> {
        let around = Around {
            balancers: &unmarked.balancers,
            addresses: &lists.addresses,
            groups: &lists.groups,
            volumes: &unmarked.volumes,
            ports: &unmarked.ports,
            subnets: &unmarked.subnets,
        };
        let keys = seen.live.iter().map(|(key, live)| (live.id.clone(), key.clone()));
        let project = self.client.token().await?.project.as_ref().map(|p| p.id.clone());
        let ours = Ours {
            owner,
            project: project.unwrap_or_default(),
            keys: keys.collect(),
        };
        balancers(&ours, around, seen)?;
        addresses(&ours, around, seen)?;
        groups(&ours, around, seen)?;
        volumes(&ours, around, seen)?;
        self.foreign(&ours, around, seen).await
    }
}

/// The key of something that the cluster made.
fn key(made: Made, id: &str) -> Result<Key> {
    Key::new(format!("derived/{}/{id}", made.segment()))
}

/// Notes something that the cluster made.
pub(super) fn found(
    seen: &mut Observed<OpenStackResource>,
    (id, health): (&str, Health),
    derived: Derived,
) -> Result<Key> {
    let key = key(derived.made, id)?;
    let live = Live::ready(id, derived.into()).health(health);
    seen.found(key.clone(), live.origin(Origin::Derived));
    Ok(key)
}

fn also(seen: &mut Observed<OpenStackResource>, key: &Key, need: Need) {
    let needs = seen.also.entry(key.clone()).or_default();
    if !needs.contains(&need) {
        needs.push(need);
    }
}

/// It cannot be deleted before something else is over.
pub(super) fn wait(seen: &mut Observed<OpenStackResource>, key: &Key, why: String) {
    let wait = Wait {
        why,
        until: None,
        gave_up: false,
        in_doubt: false,
    };
    seen.waits.entry(key.clone()).or_insert(wait);
}

/// The leg of the router, if there is one.
fn leg(seen: &Observed<OpenStackResource>) -> Option<Key> {
    let is_leg = |live: &Live<OpenStackResource>| matches!(live.resource, OpenStackResource::Interface(_));
    seen.live
        .iter()
        .find(|(_, l)| is_leg(l))
        .map(|(key, _)| key.clone())
}

fn servers(seen: &Observed<OpenStackResource>) -> Vec<Key> {
    let is_server = |live: &Live<OpenStackResource>| matches!(live.resource, OpenStackResource::Server(_));
    let all = seen.live.iter().filter(|(_, l)| is_server(l));
    all.map(|(key, _)| key.clone()).collect()
}

/// Balancers of the cluster's services. They go after the machines: as long as one runs, its cloud controller makes them again.
fn balancers(ours: &Ours<'_>, around: Around<'_>, seen: &mut Observed<OpenStackResource>) -> Result<()> {
    let mark = ours.owner.mark();
    for it in around.balancers {
        let why = match &it.provisioning_status {
            ProvisioningStatus::Deleted => continue,
            ProvisioningStatus::Active | ProvisioningStatus::Error | ProvisioningStatus::PendingDelete => {
                None
            }
            busy => Some(format!(
                "Octavia is at work on it ({busy}) and refuses to delete it until that is done"
            )),
        };
        if it.description == mark {
            continue;
        }
        let place = ours.key(&it.vip_subnet_id, "subnet");
        let place = place.or_else(|| ours.key(&it.vip_network_id, "network")).cloned();
        // In a network of ours any cloud controller's is our cluster's, whatever name somebody gave that.
        let made_here = place.is_some() && made::is_balancer(&it.name);
        if !made_here && !made::is_balancer_of(ours.owner, &it.name) {
            if let Some(place) = place {
                let why = format!(
                    "the load balancer {} has its address there and is not ours",
                    said(&it.name, &it.id)
                );
                seen.bar(place, &OS_IN_THE_WAY, why);
            }
            continue;
        }
        let derived = Derived {
            made: Made::LoadBalancer,
            name: it.name.clone(),
            about: made::purpose(&it.description),
            needs: place.into_iter().map(Need::Built).collect(),
        };
        let health = match &it.provisioning_status {
            ProvisioningStatus::PendingDelete => Health::Leaving,
            ProvisioningStatus::Error => Health::broken("Octavia says that it is in ERROR"),
            _ => Health::Ready,
        };
        let key = found(seen, (&it.id, health), derived)?;
        if let Some(why) = why {
            wait(seen, &key, why);
        }
        for server in servers(seen) {
            also(seen, &server, Need::Order(key.clone()));
        }
    }
    Ok(())
}

/// Their floating IPs. Those of somebody else on something of ours stay, and keep the router's leg until that is gone.
fn addresses(ours: &Ours<'_>, around: Around<'_>, seen: &mut Observed<OpenStackResource>) -> Result<()> {
    let leg = leg(seen);
    for it in around.addresses {
        if marks::key_in_description(ours.owner, &it.description).is_some() {
            continue;
        }
        let port = it.port_id.as_deref();
        let balancer = around
            .balancers
            .iter()
            .find(|b| port == Some(b.vip_port_id.as_str()));
        let balancer = match balancer {
            Some(balancer) => Some(key(Made::LoadBalancer, &balancer.id)?),
            None => None,
        };
        let balancer = balancer.filter(|key| seen.live.contains_key(key));
        let of_balancer = balancer.is_some() && made::is_address(&it.description);
        if of_balancer || made::is_address_of(ours.owner, &it.description) {
            let derived = Derived {
                made: Made::FloatingIp,
                name: it.address.clone(),
                about: made::purpose(&it.description),
                needs: balancer.into_iter().chain(leg.clone()).map(Need::Order).collect(),
            };
            let key = found(seen, (&it.id, Health::Ready), derived)?;
            for server in servers(seen) {
                also(seen, &server, Need::Order(key.clone()));
            }
        } else if let (Some(leg), Some(on)) = (
            &leg,
            balancer.or_else(|| port.and_then(|id| ours.keys.get(id).cloned())),
        ) {
            also(seen, &on, Need::Order(leg.clone()));
        }
    }
    Ok(())
}

/// Security groups that the cloud controller put on ports of ours: those have to go first.
fn groups(ours: &Ours<'_>, around: Around<'_>, seen: &mut Observed<OpenStackResource>) -> Result<()> {
    for it in around.groups {
        if !made::is_group_of(ours.owner, &it.description) {
            continue;
        }
        let derived = Derived {
            made: Made::SecurityGroup,
            name: it.name.clone(),
            about: made::purpose(&it.description),
            needs: Vec::new(),
        };
        let key = found(seen, (&it.id, Health::Ready), derived)?;
        for port in around.ports.iter().filter(|p| p.security_groups.contains(&it.id)) {
            match ours.keys.get(&port.id) {
                Some(port) => also(seen, port, Need::Order(key.clone())),
                None => {
                    let why = format!("the port {} uses it and is not ours", said(&port.name, &port.id));
                    seen.bar(key.clone(), &OS_IN_THE_WAY, why);
                }
            }
        }
        for server in servers(seen) {
            also(seen, &server, Need::Order(key.clone()));
        }
    }
    Ok(())
}

/// Volumes of claims: they hold data. One that is attached waits for its server to go.
fn volumes(ours: &Ours<'_>, around: Around<'_>, seen: &mut Observed<OpenStackResource>) -> Result<()> {
    for it in around.volumes {
        if it.metadata.contains_key(marks::OWNER) {
            continue;
        }
        let claim = |part: &str| it.metadata.get(&format!("csi.storage.k8s.io/pvc/{part}"));
        let derived = Derived {
            made: Made::Volume,
            name: it.name.clone(),
            about: claim("namespace")
                .zip(claim("name"))
                .map(|(namespace, name)| format!("the claim {namespace}/{name}, {} GiB", it.size)),
            needs: Vec::new(),
        };
        let key = found(seen, (&it.id, volume_health(it)), derived)?;
        for attached in &it.attachments {
            match ours.key(&attached.server_id, "server") {
                Some(server) => also(seen, server, Need::Order(key.clone())),
                None => {
                    let why = format!(
                        "it is attached to the server {}, which is not ours",
                        attached.server_id
                    );
                    seen.bar(key.clone(), &OS_IN_THE_WAY, why);
                }
            }
        }
        let free = matches!(
            it.status,
            VolumeStatus::Available | VolumeStatus::Error | VolumeStatus::ErrorExtending
        );
        if it.status == VolumeStatus::ErrorDeleting {
            seen.bar(key, &OS_CONFLICT, STUCK);
        } else if it.attachments.is_empty() && !free {
            wait(seen, &key, format!("it is {}", it.status));
        }
    }
    Ok(())
}

/// A thing for people: its name and its id, or its id alone.
pub(super) fn said(name: &str, id: &str) -> String {
    if name.is_empty() {
        id.to_owned()
    } else {
        format!("{name} ({id})")
    }
}
