//! What the services tell, in the words of the graph.

use std::collections::{BTreeMap, BTreeSet};

use paas_core::{
    error::Result,
    graph::Observed,
    ledger::Ledger,
    owner::Owner,
    resource::{Health, Key, Live},
};

use super::{
    derived::wait,
    health::{STUCK, health, volume_health},
    observe::{named, remembered},
};
use crate::{
    block_storage::{self, VolumeStatus},
    codes::OS_CONFLICT,
    compute::{self, GroupPolicy, ServerStatus},
    load_balancer::{self, ProvisioningStatus},
    network,
    provider::{
        choice::Choice,
        kinds::{
            Direction, FloatingIp, Group, Interface, KeyPair, Listener, LoadBalancer, Network, Policy, Port,
            Remote, Root, Router, Rule, Server, ServerGroup, Subnet, Volume,
        },
        made, marks,
        resource::OpenStackResource,
        tags,
    },
};

/// Collects what is seen of one owner.
pub(super) struct Seen<'a> {
    owner: &'a Owner,
    hints: &'a Ledger,
    keys: BTreeMap<String, Key>,
    /// Security groups that the cluster's cloud controller made.
    of_cluster: BTreeSet<String>,
    pub(super) observed: Observed<OpenStackResource>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(owner: &'a Owner, hints: &'a Ledger) -> Self {
        Self {
            owner,
            hints,
            keys: BTreeMap::new(),
            of_cluster: BTreeSet::new(),
            observed: Observed::default(),
        }
    }

    fn add(&mut self, key: Option<Key>, id: &str, name: &str, live: Live<OpenStackResource>) {
        match key {
            Some(key) => {
                self.keys.insert(id.to_owned(), key.clone());
                self.observed.found(key, live);
            }
            None => {
                self.observed.unreadable.insert(id.to_owned(), name.to_owned());
            }
        }
    }

    fn named(&self, kind: &str, segment: &str, name: &str, id: &str) -> Option<Key> {
        named(self.owner, self.hints, kind, segment, name, id)
    }

    /// The key of what has this id; of what is there already, the one that it is given by.
    fn key(&self, id: &str, given: &str) -> Result<Key> {
        self.keys.get(id).cloned().map_or_else(|| Key::new(given), Ok)
    }

    pub(super) fn network(&mut self, it: &network::Network) {
        let key = tags::read(&it.tags).or_else(|| self.named("network", "network", &it.name, &it.id));
        self.add(
            key,
            &it.id,
            &it.name,
            Live::ready(&it.id, Network { mtu: it.mtu }.into()),
        );
    }

    pub(super) fn subnet(&mut self, it: &network::Subnet) {
        let key = tags::read(&it.tags).or_else(|| self.named("subnet", "subnet", &it.name, &it.id));
        let Ok(network) = self.key(&it.network_id, "network") else {
            return;
        };
        let subnet = Subnet {
            network,
            cidr: it.cidr.clone(),
            dns: Some(it.dns_nameservers.clone()),
        };
        self.add(key, &it.id, &it.name, Live::ready(&it.id, subnet.into()));
    }

    pub(super) fn router(&mut self, it: &network::Router, external: Option<Choice>) {
        let key = tags::read(&it.tags).or_else(|| self.named("router", "router", &it.name, &it.id));
        self.add(
            key,
            &it.id,
            &it.name,
            Live::ready(&it.id, Router { external }.into()),
        );
    }

    pub(super) fn leg(&mut self, it: &network::Port) -> Result<()> {
        let subnet = it
            .fixed_ips
            .iter()
            .find_map(|ip| ip.subnet_id.as_deref())
            .unwrap_or_default();
        let leg = Interface {
            router: self.key(&it.device_id, "router")?,
            subnet: self.key(subnet, "subnet")?,
        };
        let key = Key::new("interface")?;
        self.add(Some(key), &it.id, "interface", Live::ready(&it.id, leg.into()));
        Ok(())
    }

    pub(super) fn group(&mut self, it: &network::SecurityGroup) {
        if made::is_group_of(self.owner, &it.description) {
            self.of_cluster.insert(it.id.clone());
        }
        if it.description != self.owner.mark() {
            return;
        }
        let key =
            tags::read(&it.tags).or_else(|| self.named("securityGroup", "security-group", &it.name, &it.id));
        self.add(
            key,
            &it.id,
            &it.name,
            Live::ready(&it.id, Group::default().into()),
        );
    }

    pub(super) fn rules(&mut self, it: &network::SecurityGroup) -> Result<()> {
        let Some(group) = self.keys.get(&it.id).cloned() else {
            return Ok(());
        };
        for rule in &it.rules {
            let remote = match (&rule.remote_ip_prefix, &rule.remote_group_id) {
                (Some(range), _) => Remote::Range(range.clone()),
                (None, Some(id)) => Remote::Group(self.key(id, "security-group-there")?),
                (None, None) => Remote::Any,
            };
            let port = |port: Option<u32>| port.and_then(|p| u16::try_from(p).ok());
            let rule_seen = Rule {
                group: group.clone(),
                direction: if rule.direction == network::Direction::Egress {
                    Direction::Egress
                } else {
                    Direction::Ingress
                },
                ether_type: rule.ethertype.to_string(),
                protocol: rule.protocol.clone(),
                ports: port(rule.port_range_min).zip(port(rule.port_range_max)),
                remote,
            };
            let key = rule_seen.key()?;
            self.add(
                Some(key),
                &rule.id,
                "rule",
                Live::ready(&rule.id, rule_seen.into()),
            );
        }
        Ok(())
    }

    /// Key pairs bear no mark but their name, which has the owner's hash in it.
    pub(super) fn key_pair(&mut self, it: &compute::Keypair) {
        let Some(key) = marks::key_in_name(self.owner, "keyPair", "key-pair", &it.name) else {
            return;
        };
        let words: Vec<&str> = it.public_key.split_whitespace().take(2).collect();
        let pair = KeyPair {
            public_key: words.join(" "),
        };
        self.add(Some(key), &it.name, &it.name, Live::ready(&it.name, pair.into()));
    }

    pub(super) fn server_group(&mut self, it: &compute::ServerGroup) {
        let Some(key) = marks::key_in_name(self.owner, "serverGroup", "server-group", &it.name) else {
            return;
        };
        let policy = match it.policy() {
            Some(GroupPolicy::AntiAffinity) => Policy::AntiAffinity,
            _ => Policy::SoftAntiAffinity,
        };
        self.add(
            Some(key),
            &it.id,
            &it.name,
            Live::ready(&it.id, ServerGroup { policy }.into()),
        );
    }

    pub(super) fn port(&mut self, it: &network::Port) {
        let key = tags::read(&it.tags).or_else(|| self.named("port", "port", &it.name, &it.id));
        let first = it.fixed_ips.first();
        let subnet = first.and_then(|ip| ip.subnet_id.as_deref()).unwrap_or_default();
        let Ok(subnet) = self.key(subnet, "subnet") else {
            return;
        };
        let mut there = 0;
        let mut groups: Vec<Key> = Vec::new();
        // What the cluster's cloud controller adds is its own affair.
        let groups_of = it.security_groups.iter();
        for id in groups_of.filter(|id| !self.of_cluster.contains(*id)) {
            let key = self.keys.get(id).cloned().or_else(|| {
                there += 1;
                Key::new(format!("security-group-there/{there}")).ok()
            });
            groups.extend(key);
        }
        groups.sort();
        let port = Port {
            subnet,
            groups: Some(groups),
            address: first.and_then(|ip| ip.ip_address.clone()),
            also: Some(
                it.allowed_address_pairs
                    .iter()
                    .map(|p| p.ip_address.clone())
                    .collect(),
            ),
        };
        self.add(key, &it.id, &it.name, Live::ready(&it.id, port.into()));
    }

    pub(super) fn volume(&mut self, it: &block_storage::Volume) {
        let Some(read) = marks::key_in_metadata(self.owner, &it.metadata) else {
            return;
        };
        let volume = Volume {
            size: u32::try_from(it.size).unwrap_or(u32::MAX),
            kind: it.volume_type.clone(),
            zone: it.availability_zone.clone(),
            image: marks::choice(&it.metadata, marks::IMAGE),
        };
        let live = Live::ready(&it.id, volume.into());
        let health = volume_health(it);
        let key = read.ok().or_else(|| remembered(self.hints, &it.id));
        if let (Some(key), VolumeStatus::ErrorDeleting) = (&key, &it.status) {
            self.observed.bar(key.clone(), &OS_CONFLICT, STUCK);
        }
        let live = Live {
            was_ready: !matches!(health, Health::Settling { .. }),
            ..live.health(health)
        };
        self.add(key, &it.id, &it.name, live);
    }

    pub(super) fn server(&mut self, it: &compute::Server) {
        let Some(read) = marks::key_in_metadata(self.owner, &it.metadata) else {
            return;
        };
        if matches!(it.status, ServerStatus::Deleted | ServerStatus::SoftDeleted) {
            return;
        }
        let key = read.ok().or_else(|| remembered(self.hints, &it.id));
        let name = key
            .as_ref()
            .and_then(|k| k.as_str().rsplit('/').next())
            .unwrap_or_default()
            .to_owned();
        let pool = name
            .rsplit_once('-')
            .map_or(name.as_str(), |(pool, _)| pool)
            .to_owned();
        let volumes: Vec<Key> = it
            .volumes
            .iter()
            .filter_map(|v| self.keys.get(&v.id).cloned())
            .collect();
        let (roots, data): (Vec<Key>, Vec<Key>) =
            volumes.into_iter().partition(|k| k.as_str().ends_with("-root"));
        let Ok(port) = Key::new(format!("port/{name}")) else {
            return;
        };
        let unknown = || Choice::Named("unknown".to_owned());
        let server = Server {
            port,
            flavor: marks::choice(&it.metadata, marks::FLAVOR).unwrap_or_else(unknown),
            image: marks::choice(&it.metadata, marks::IMAGE).unwrap_or_else(unknown),
            root: roots.into_iter().next().map_or(Root::Image, Root::Volume),
            volumes: data,
            key_pair: None,
            group: it.server_groups.first().and_then(|id| self.keys.get(id).cloned()),
            zone: it.availability_zone.clone().filter(|z| !z.is_empty()),
            user_data: None,
            pool,
        };
        let live = Live::settling(&it.id, server.into(), "it is being made");
        let live = Live {
            was_ready: it.launched_at.is_some(),
            ..live
        };
        let health = health(it);
        self.add(key, &it.id, &it.name, live.health(health));
    }

    pub(super) fn balancer(
        &mut self,
        it: &load_balancer::LoadBalancer,
        inside: Option<&load_balancer::StatusTree>,
    ) {
        if it.provisioning_status == ProvisioningStatus::Deleted {
            return;
        }
        let key = self.named("loadBalancer", "load-balancer", &it.name, &it.id);
        let Ok(subnet) = self.key(&it.vip_subnet_id, "subnet") else {
            return;
        };
        self.keys.insert(
            it.vip_port_id.clone(),
            key.clone().unwrap_or_else(|| subnet.clone()),
        );
        let balancer = LoadBalancer {
            listeners: inside.map(|tree| self.listeners(tree, &subnet)),
            subnet,
        };
        let live = Live::settling(&it.id, balancer.into(), "it is being made");
        let live = live.health(match &it.provisioning_status {
            ProvisioningStatus::Active => Health::Ready,
            ProvisioningStatus::PendingDelete => Health::Leaving,
            ProvisioningStatus::Error => Health::broken("Octavia says that it is in ERROR"),
            other => Health::Settling {
                why: format!("it is {other}"),
            },
        });
        if let (Some(key), Health::Settling { why }) = (&key, &live.health) {
            // Until then Octavia refuses every change of it.
            wait(&mut self.observed, key, why.clone());
        }
        self.add(key, &it.id, &it.name, live);
    }

    /// What a balancer of ours listens on. Our pools are named after the port that they serve.
    fn listeners(&self, tree: &load_balancer::StatusTree, subnet: &Key) -> Vec<Listener> {
        let pools = tree.listeners.iter().flat_map(|l| &l.pools);
        let mut all: Vec<Listener> = pools
            .filter_map(|pool| {
                let named = pool.name.rsplit('-').next()?.parse().ok();
                let port = named.or_else(|| pool.members.first().map(|m| m.protocol_port))?;
                let here = pool.members.iter().filter(|m| m.protocol_port == port);
                let mut members: Vec<Key> = here.filter_map(|m| self.member(&m.address, subnet)).collect();
                members.sort();
                Some(Listener { port, members })
            })
            .collect();
        all.sort_by_key(|l| l.port);
        all
    }

    /// The port of ours with an address; of an address that no port has any more, the address.
    fn member(&self, address: &str, in_subnet: &Key) -> Option<Key> {
        let has = |live: &Live<OpenStackResource>| match &live.resource {
            OpenStackResource::Port(port) => {
                port.subnet == *in_subnet && port.address.as_deref() == Some(address)
            }
            _ => false,
        };
        let port = self.observed.live.iter().find(|(_, live)| has(live));
        let key = port.map(|(key, _)| key.clone());
        key.or_else(|| Key::new(format!("address/{}", address.replace(':', "_"))).ok())
    }

    pub(super) fn address(&mut self, it: &network::FloatingIp, external: Choice) {
        let Some(read) = marks::key_in_description(self.owner, &it.description) else {
            return;
        };
        let target = it.port_id.as_ref().and_then(|id| self.keys.get(id).cloned());
        let Ok(nowhere) = Key::new("nowhere") else {
            return;
        };
        let address = FloatingIp {
            target: target.unwrap_or(nowhere),
            interface: self
                .observed
                .live
                .keys()
                .find(|k| k.as_str() == "interface")
                .cloned(),
            external,
            address: Some(it.address.clone()),
        };
        let key = read.ok().or_else(|| remembered(self.hints, &it.id));
        self.add(key, &it.id, &it.address, Live::ready(&it.id, address.into()));
    }
}
