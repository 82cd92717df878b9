//! Clouds full of look-alikes: things with the mark, with somebody else's, and with all that comes near to one.

use std::collections::{BTreeMap, BTreeSet};

use paas_core::{names, owner::Owner, resource::Key};
use paas_openstack::{
    block_storage::NewVolume,
    client::service::Kind,
    compute::{GroupPolicy, Networks, NewKeypair, NewServer, NewServerGroup},
    fake::{Object, Setup, Snapshot},
    network::{
        Direction, Ethertype, FixedIp, Gateway, NewFloatingIp, NewNetwork, NewPort, NewRouter, NewRule,
        NewSecurityGroup, NewSubnet, Plug,
    },
};
use proptest::{collection::vec, option, prelude::*};

use crate::place::Place;

/// What something says about whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Mine,
    Others,
    Near(usize),
    Nothing,
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    networks: Vec<NetworkWish>,
    groups: Vec<(Mark, Option<usize>)>,
    volumes: Vec<Mark>,
    pairs: Vec<Mark>,
    server_groups: Vec<Mark>,
}

#[derive(Debug, Clone)]
struct NetworkWish {
    mark: Mark,
    subnet: Mark,
    /// A router, and whether its leg is somebody's own port.
    router: Option<(Mark, bool)>,
    ports: Vec<PortWish>,
}

#[derive(Debug, Clone)]
struct PortWish {
    mark: Mark,
    group: Option<usize>,
    server: Option<Mark>,
    address: Option<Mark>,
}

fn mark() -> impl Strategy<Value = Mark> {
    prop_oneof![
        6 => Just(Mark::Mine),
        1 => Just(Mark::Others),
        2 => (0_usize..20).prop_map(Mark::Near),
        1 => Just(Mark::Nothing),
    ]
}

pub(crate) fn worlds() -> impl Strategy<Value = World> {
    let port = (
        mark(),
        option::of(0_usize..3),
        option::weighted(0.4, mark()),
        option::weighted(0.3, mark()),
    )
        .prop_map(|(mark, group, server, address)| PortWish {
            mark,
            group,
            server,
            address,
        });
    let router = option::weighted(0.6, (mark(), prop::bool::weighted(0.2)));
    let network =
        (mark(), mark(), router, vec(port, 0..3)).prop_map(|(mark, subnet, router, ports)| NetworkWish {
            mark,
            subnet,
            router,
            ports,
        });
    (
        vec(network, 1..3),
        vec((mark(), option::of(0_usize..3)), 0..3),
        vec(mark(), 0..3),
        vec(mark(), 0..4),
        vec(mark(), 0..4),
    )
        .prop_map(|(networks, groups, volumes, pairs, server_groups)| World {
            networks,
            groups,
            volumes,
            pairs,
            server_groups,
        })
}

/// Whose marks they are.
#[derive(Debug)]
pub(crate) struct Whose {
    pub(crate) me: Owner,
    pub(crate) other: Owner,
}

impl Whose {
    fn description(&self, mark: Mark) -> String {
        let (me, uid) = (self.me.mark(), self.me.uid().to_string());
        match mark {
            Mark::Mine => me,
            Mark::Others => self.other.mark(),
            Mark::Nothing => String::new(),
            Mark::Near(n) => {
                let near = [
                    "paas:".to_owned(),
                    format!("paas:{}", uid.to_uppercase()),
                    format!("{me} "),
                    format!(" {me}"),
                    format!("{me}/"),
                    format!("{me}/network"),
                    format!("Paas:{uid}"),
                    format!("paas:{}", uid.replace('-', "")),
                    format!("made for {me}"),
                    uid,
                    self.me.to_string(),
                ];
                near[n % near.len()].clone()
            }
        }
    }

    fn address(&self, mark: Mark) -> String {
        let me = self.me.mark();
        match mark {
            Mark::Mine => format!("{me}/floating-ip/workers-1"),
            Mark::Others => format!("{}/floating-ip/workers-1", self.other.mark()),
            Mark::Nothing => String::new(),
            Mark::Near(n) => {
                let near = [
                    me.clone(),
                    format!("{me}/"),
                    format!("{me}/a b"),
                    format!("{me}//a"),
                    format!("{me} /a"),
                ];
                near[n % near.len()].clone()
            }
        }
    }

    fn metadata(&self, mark: Mark, key: &str) -> BTreeMap<String, String> {
        let me = self.me.uid().to_string();
        let pairs: Vec<(&str, String)> = match mark {
            Mark::Mine => vec![("paas-owner", me), ("paas-key", key.into())],
            Mark::Others => vec![
                ("paas-owner", self.other.uid().to_string()),
                ("paas-key", key.into()),
            ],
            Mark::Nothing => vec![("paas-object", self.me.to_string())],
            Mark::Near(n) => match n % 6 {
                0 => vec![("paas-owner", me)],
                1 => vec![("paas-key", key.into())],
                2 => vec![("paas-owner", me.to_uppercase()), ("paas-key", key.into())],
                3 => vec![("paas-owner", me), ("paas-key", "a b".into())],
                4 => vec![("paas-owner", self.me.mark()), ("paas-key", key.into())],
                _ => vec![("paas-Owner", me), ("paas-Key", key.into())],
            },
        };
        pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
    }

    fn name(&self, mark: Mark, kind: &str, key: &str) -> String {
        let key = Key::new(key).unwrap();
        let mine = names::for_kind(&self.me, kind, &key);
        let (bare, _) = mine.rsplit_once('-').unwrap();
        match mark {
            Mark::Mine => mine,
            Mark::Others => names::for_kind(&self.other, kind, &key),
            Mark::Nothing => bare.to_owned(),
            Mark::Near(n) => {
                let near = [
                    format!("{bare}-00000000"),
                    mine.to_uppercase(),
                    format!("{mine}-1"),
                    format!("my-{mine}"),
                    mine.replace("me", "we"),
                    format!("{bare}-copy-{}", &mine[bare.len() + 1..]),
                ];
                near[n % near.len()].clone()
            }
        }
    }
}

impl World {
    /// Makes it. Names of everything look like ours; whose things are, their marks say.
    pub(crate) async fn plant(&self, place: &Place, whose: &Whose) {
        let (net, nova) = (place.client.network(), place.client.compute());
        let named = |kind: &str, key: &str| names::for_kind(&whose.me, kind, &Key::new(key).unwrap());
        let mut groups: Vec<String> = Vec::new();
        for (mark, _) in &self.groups {
            let new = NewSecurityGroup::new(named("securityGroup", "security-group/nodes"))
                .description(whose.description(*mark));
            groups.push(net.security_groups().create(&new).await.unwrap().id);
        }
        for (n, (_, remote)) in self.groups.iter().enumerate() {
            if let Some(remote) = remote.and_then(|r| groups.get(r)) {
                let new =
                    NewRule::new(&*groups[n], Direction::Ingress, Ethertype::Ipv4).remote_group_id(&**remote);
                net.security_group_rules().create(&new).await.unwrap();
            }
        }
        let outside = Setup::default().networks[0].id.clone();
        let image = Setup::default().images[0].id.clone();
        for (n, wish) in self.networks.iter().enumerate() {
            let new = NewNetwork::new(named("network", "network")).description(whose.description(wish.mark));
            let network = net.networks().create(&new).await.unwrap().id;
            let new = NewSubnet::new(&*network, 4, format!("10.{n}.0.0/16"))
                .name(named("subnet", "subnet"))
                .description(whose.description(wish.subnet));
            let subnet = net.subnets().create(&new).await.unwrap().id;
            if let Some((mark, by_port)) = wish.router {
                let new = NewRouter::new(named("router", "router"))
                    .description(whose.description(mark))
                    .gateway(Gateway::to(&*outside));
                let router = net.routers().create(&new).await.unwrap().id;
                let plug = if by_port {
                    let new = NewPort::new(&*network)
                        .name("uplink")
                        .fixed_ips(vec![FixedIp::in_subnet(&*subnet)]);
                    Plug::Port(net.ports().create(&new).await.unwrap().id)
                } else {
                    Plug::Subnet(subnet.clone())
                };
                net.routers().add_interface(&router, &plug).await.unwrap();
            }
            for wish_port in &wish.ports {
                let mut new = NewPort::new(&*network)
                    .name(named("port", "port/workers-1"))
                    .description(whose.description(wish_port.mark));
                new.security_groups = Some(
                    wish_port
                        .group
                        .and_then(|g| groups.get(g))
                        .cloned()
                        .into_iter()
                        .collect(),
                );
                let port = net.ports().create(&new).await.unwrap().id;
                if let Some(mark) = wish_port.server {
                    let mut new = NewServer::new("workers-1", "m1.tiny", Networks::port(&*port));
                    new.image = Some(image.clone());
                    nova.servers()
                        .create(&new.metadata(whose.metadata(mark, "server/workers-1")))
                        .await
                        .unwrap();
                }
                if let (Some(mark), true) = (wish_port.address, wish.router.is_some()) {
                    let new = NewFloatingIp::new(&*outside)
                        .port_id(port)
                        .description(whose.address(mark));
                    net.floating_ips().create(&new).await.unwrap();
                }
            }
        }
        for mark in &self.volumes {
            let mut metadata = whose.metadata(*mark, "volume/workers-1-root");
            metadata.insert("paas-image".into(), r#""only""#.into());
            let new = NewVolume::new(1_u64)
                .name(named("volume", "volume/workers-1-root"))
                .metadata(metadata);
            place.client.block_storage().volumes().create(&new).await.unwrap();
        }
        let mut taken = BTreeSet::new();
        for mark in &self.pairs {
            let name = whose.name(*mark, "keyPair", "key-pair");
            if taken.insert(name.clone()) {
                nova.keypairs()
                    .create(&NewKeypair::new(name, PUBLIC_KEY))
                    .await
                    .unwrap();
            }
        }
        for mark in &self.server_groups {
            let name = whose.name(*mark, "serverGroup", "server-group/workers");
            nova.server_groups()
                .create(&NewServerGroup::new(name, GroupPolicy::SoftAntiAffinity))
                .await
                .unwrap();
        }
    }
}

const PUBLIC_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Yq0fGv0YB1cqTYKHYkVwhBJyVVxkBHvLPs1Yb0tQK";

/// Where a thing is: `networks`, and its id.
pub(crate) type Place1 = (&'static str, String);

/// What there is, read without the code under test: each thing with whether it bears my mark, and what it stands on.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) things: BTreeMap<Place1, Thing>,
}

#[derive(Debug)]
pub(crate) struct Thing {
    pub(crate) mine: bool,
    pub(crate) on: Vec<Place1>,
    /// What it says, without what changes by the way.
    pub(crate) says: String,
}

const KINDS: [(Kind, &str); 10] = [
    (Kind::Network, "networks"),
    (Kind::Network, "subnets"),
    (Kind::Network, "routers"),
    (Kind::Network, "ports"),
    (Kind::Network, "security-groups"),
    (Kind::Network, "floatingips"),
    (Kind::Compute, "servers"),
    (Kind::Compute, "os-keypairs"),
    (Kind::Compute, "os-server-groups"),
    (Kind::BlockStorage, "volumes"),
];

fn text<'a>(it: &'a Object, field: &str) -> &'a str {
    it.get(field).and_then(|v| v.as_str()).unwrap_or_default()
}

impl Seen {
    pub(crate) fn of(world: &Snapshot, whose: &Whose) -> Self {
        let mut things = BTreeMap::new();
        let bears_my_mark = |kind: &str, it: &Object| match kind {
            "floatingips" => text(it, "description") == format!("{}/floating-ip/workers-1", whose.me.mark()),
            "servers" | "volumes" => {
                let at = |key: &str| {
                    it["metadata"]
                        .get(key)
                        .and_then(|v| v.as_str())
                        .unwrap_or_default()
                        .to_owned()
                };
                at("paas-owner") == whose.me.uid().to_string() && at("paas-key").contains('/')
            }
            "os-keypairs" => text(it, "name") == whose.name(Mark::Mine, "keyPair", "key-pair"),
            "os-server-groups" => {
                text(it, "name") == whose.name(Mark::Mine, "serverGroup", "server-group/workers")
            }
            _ => text(it, "description") == whose.me.mark(),
        };
        let my_subnets: BTreeSet<&str> = world
            .of(Kind::Network, "subnets")
            .iter()
            .filter(|it| bears_my_mark("subnets", it))
            .map(|it| text(it, "id"))
            .collect();
        for (service, kind) in KINDS {
            for it in world.of(service, kind) {
                let owner = text(it, "device_owner");
                let leg = owner == "network:router_interface";
                if !leg && (it.get("_seeded").is_some() || owner.starts_with("network:")) {
                    continue;
                }
                let subnets = || {
                    it["fixed_ips"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(|ip| ip["subnet_id"].as_str())
                };
                let mut on: Vec<Place1> = Vec::new();
                let mut mine = bears_my_mark(kind, it);
                match kind {
                    "subnets" => on.push(("networks", text(it, "network_id").into())),
                    "ports" => {
                        on.push(("networks", text(it, "network_id").into()));
                        on.extend(subnets().map(|id| ("subnets", id.to_owned())));
                        let groups = it["security_groups"].as_array().into_iter().flatten();
                        on.extend(groups.filter_map(|id| Some(("security-groups", id.as_str()?.to_owned()))));
                        if leg {
                            on.push(("routers", text(it, "device_id").into()));
                            mine = text(it, "name").is_empty() && subnets().any(|id| my_subnets.contains(id));
                        }
                    }
                    "servers" => {
                        let ports = world.of(Kind::Network, "ports").iter();
                        let plugged = ports.filter(|port| text(port, "device_id") == text(it, "id"));
                        on.extend(plugged.map(|port| ("ports", text(port, "id").to_owned())));
                    }
                    "floatingips" if !mine => {
                        on.push(("ports", text(it, "port_id").into()));
                        let ports = world.of(Kind::Network, "ports").iter();
                        let legs = ports.filter(|port| {
                            text(port, "device_owner") == "network:router_interface"
                                && text(port, "device_id") == text(it, "router_id")
                        });
                        on.extend(legs.map(|port| ("ports", text(port, "id").to_owned())));
                    }
                    "security-groups" if !mine => {
                        let rules = world.of(Kind::Network, "security-group-rules").iter();
                        let rules = rules.filter(|rule| text(rule, "security_group_id") == text(it, "id"));
                        on.extend(
                            rules.map(|rule| ("security-groups", text(rule, "remote_group_id").to_owned())),
                        );
                        on.retain(|(_, id)| !id.is_empty() && id != text(it, "id"));
                    }
                    _ => {}
                }
                let id = match text(it, "id") {
                    "" => text(it, "name"),
                    id => id,
                };
                let mut says = it.clone();
                // A server that goes lets go of the port that it was plugged into.
                let of_server = [
                    "device_id",
                    "device_owner",
                    "status",
                    "binding:host_id",
                    "binding:vif_type",
                    "binding:vif_details",
                    "port_details",
                ];
                let unplugged = if leg { &[][..] } else { &of_server[..] };
                for volatile in ["revision_number", "updated_at", "subnets", "_revision", "updated"]
                    .iter()
                    .chain(unplugged)
                {
                    says.remove(*volatile);
                }
                let says = serde_json::to_string(&says).unwrap();
                things.insert((kind, id.to_owned()), Thing { mine, on, says });
            }
        }
        Self { things }
    }

    pub(crate) fn mine(&self) -> BTreeSet<Place1> {
        self.things
            .iter()
            .filter(|(_, it)| it.mine)
            .map(|(at, _)| at.clone())
            .collect()
    }

    /// Mine, without what something that stays stands on.
    pub(crate) fn to_go(&self) -> BTreeSet<Place1> {
        let mut go = self.mine();
        loop {
            let before = go.len();
            for (at, it) in &self.things {
                if !go.contains(at) {
                    for on in &it.on {
                        go.remove(on);
                    }
                }
            }
            if go.len() == before {
                return go;
            }
        }
    }
}
