//! What a Platform asks of OpenStack: a pure function from its spec to a graph.

use paas_core::{
    error::Result,
    graph::{Builder, Desired},
    resource::Key,
    spec::{AntiAffinity, CONTROL_PLANE, FloatingIps, OpenStack, PlatformSpec, Quantity, Role},
};

use super::{
    actuator::{CREDENTIAL, CREDENTIAL_SECRET},
    choice::Choice,
    kinds::{
        Credential, Direction, FloatingIp, Group, Interface, KeyPair, Listener, LoadBalancer, Network,
        Policy, Port, Remote, Root, Router, Rule, Server, ServerGroup, Subnet, UserData, Volume,
    },
    machine,
    resource::OpenStackResource,
    shape::{has_credential, roles},
};

const NETWORK: &str = "network";
const SUBNET: &str = "subnet";

/// The load balancer before the API.
pub(super) const BALANCER: &str = "load-balancer/api";

/// Where the API of the cluster is served.
const API: u16 = 6443;

/// What a graph depends on beside its spec.
#[derive(Debug, Clone, Copy, Default)]
pub struct Layout<'a> {
    /// Somebody says what the machines do on their first boot; else they stay bare.
    pub boots: bool,
    /// Machines whose servers are left out.
    pub without: &'a [String],
}

/// The graph of a Platform. What is there already is given by the user's own word for it, a name or an id; the actuator finds it.
///
/// # Errors
/// `PAAS-OS-0040` for machines that cannot be told apart.
pub fn desired(
    spec: &PlatformSpec,
    cloud: &OpenStack,
    layout: Layout<'_>,
) -> Result<Desired<OpenStackResource>> {
    let roles = roles(spec)?;
    let mut graph = Graph {
        cloud,
        wanted: Desired::builder(),
        given: Vec::new(),
        groups_there: Vec::new(),
        interface: None,
        layout,
    };
    graph.network()?;
    graph.security()?;
    for role in &roles {
        graph.role(role)?;
    }
    if cloud.load_balancer {
        graph.balancer(&roles)?;
    }
    if has_credential(spec, layout.boots) {
        let credential = Credential {
            secret: CREDENTIAL_SECRET.to_owned(),
            unrestricted: false,
            kept: None,
            lent: false,
        };
        graph.add(Key::new(CREDENTIAL)?, credential);
    }
    let Graph { wanted, given, .. } = graph;
    let wanted = given
        .into_iter()
        .fold(wanted, |all, (key, word)| all.given(key, word));
    match cloud.existing.as_ref().and_then(|e| e.network.as_ref()) {
        Some(_) => wanted.build(),
        None => wanted.root(Key::new(NETWORK)?).build(),
    }
}

/// The choice of the external network.
pub(super) fn external(cloud: &OpenStack) -> Choice {
    cloud.external_network.clone().map_or(Choice::Only, Choice::Named)
}

struct Graph<'a> {
    cloud: &'a OpenStack,
    wanted: Builder<OpenStackResource>,
    /// What is there already, by the user's word for it.
    given: Vec<(Key, String)>,
    /// Those of the security groups that are there already.
    groups_there: Vec<Key>,
    /// The leg of our router in our subnet, if both are ours.
    interface: Option<Key>,
    layout: Layout<'a>,
}

fn key(kind: &str, name: &str) -> Result<Key> {
    Key::new(format!("{kind}/{name}"))
}

impl Graph<'_> {
    fn add(&mut self, key: Key, resource: impl Into<OpenStackResource>) {
        self.wanted.add(key, resource.into());
    }

    fn give(&mut self, key: Key, word: &str) {
        self.given.push((key, word.to_owned()));
    }

    fn network(&mut self) -> Result<()> {
        let cloud = self.cloud;
        let there = cloud.existing.clone().unwrap_or_default();
        let (network, subnet, router) = (Key::new(NETWORK)?, Key::new(SUBNET)?, Key::new("router")?);
        match &there.network {
            Some(word) => self.give(network.clone(), word),
            None => self.add(network.clone(), Network::default()),
        }
        let ours = there.subnet.is_none();
        match &there.subnet {
            Some(word) => self.give(subnet.clone(), word),
            None => self.add(
                subnet.clone(),
                Subnet {
                    network,
                    cidr: cloud.network_cidr.clone(),
                    dns: (!cloud.dns_servers.is_empty()).then(|| cloud.dns_servers.clone()),
                },
            ),
        }
        match &there.router {
            Some(word) => self.give(router.clone(), word),
            // A subnet that is there has its way out already.
            None if !ours => return Ok(()),
            None => self.add(
                router.clone(),
                Router {
                    external: Some(external(self.cloud)),
                },
            ),
        }
        if ours {
            let leg = Key::new("interface")?;
            self.add(leg.clone(), Interface { router, subnet });
            self.interface = Some(leg);
        }
        Ok(())
    }

    fn security(&mut self) -> Result<()> {
        let (nodes, plane) = (
            key("security-group", "nodes")?,
            key("security-group", CONTROL_PLANE)?,
        );
        let ranges: Vec<Remote> = match self.cloud.allowed_ranges.as_slice() {
            [] => vec![Remote::Range("0.0.0.0/0".to_owned())],
            some => some.iter().cloned().map(Remote::Range).collect(),
        };
        for group in [&nodes, &plane] {
            self.add(group.clone(), Group::default());
            // Neutron makes these with the group; they are wanted, so that nobody takes them for leftovers.
            for ether_type in ["IPv4", "IPv6"] {
                self.rule(group, Direction::Egress, ether_type, None, None, Remote::Any)?;
            }
        }
        self.rule(
            &nodes,
            Direction::Ingress,
            "IPv4",
            None,
            None,
            Remote::Group(nodes.clone()),
        )?;
        for range in &ranges {
            self.rule(
                &plane,
                Direction::Ingress,
                "IPv4",
                Some("tcp"),
                Some((API, API)),
                range.clone(),
            )?;
            if self.cloud.ssh_public_key.is_some() {
                self.rule(
                    &nodes,
                    Direction::Ingress,
                    "IPv4",
                    Some("tcp"),
                    Some((22, 22)),
                    range.clone(),
                )?;
            }
        }
        let there = self.cloud.existing.iter().flat_map(|e| &e.security_groups);
        for (word, number) in there.zip(1..) {
            let group = key("security-group-there", &number.to_string())?;
            self.give(group.clone(), word);
            self.groups_there.push(group);
        }
        if let Some(line) = &self.cloud.ssh_public_key {
            // The comment is nobody's business and is not compared.
            let public_key: Vec<&str> = line.split_whitespace().take(2).collect();
            self.add(
                Key::new("key-pair")?,
                KeyPair {
                    public_key: public_key.join(" "),
                },
            );
        }
        Ok(())
    }

    fn rule(
        &mut self,
        group: &Key,
        direction: Direction,
        ether_type: &str,
        protocol: Option<&str>,
        ports: Option<(u16, u16)>,
        remote: Remote,
    ) -> Result<()> {
        let rule = Rule {
            group: group.clone(),
            direction,
            ether_type: ether_type.to_owned(),
            protocol: protocol.map(str::to_owned),
            ports,
            remote,
        };
        self.add(rule.key()?, rule);
        Ok(())
    }

    fn role(&mut self, role: &Role) -> Result<()> {
        let cloud = self.cloud;
        let group = match cloud.anti_affinity {
            AntiAffinity::Off => None,
            // One machine is apart by itself.
            _ if role.replicas < 2 => None,
            AntiAffinity::Soft => Some(Policy::SoftAntiAffinity),
            AntiAffinity::Hard => Some(Policy::AntiAffinity),
        };
        let group = match group {
            None => None,
            Some(policy) => {
                let key = key("server-group", &role.name)?;
                self.add(key.clone(), ServerGroup { policy });
                Some(key)
            }
        };
        for (number, name) in role.machines().enumerate() {
            let zones = &cloud.availability_zones;
            let zone = (!zones.is_empty()).then(|| zones[number % zones.len()].clone());
            self.machine(role, &name, group.clone(), zone)?;
        }
        Ok(())
    }

    fn machine(&mut self, role: &Role, name: &str, group: Option<Key>, zone: Option<String>) -> Result<()> {
        let (cloud, plane) = (self.cloud, role.name == CONTROL_PLANE);
        let port = key("port", name)?;
        let mut groups = vec![key("security-group", "nodes")?];
        if plane {
            groups.push(key("security-group", CONTROL_PLANE)?);
        }
        groups.extend(self.groups_there.iter().cloned());
        // Neutron keeps them in no order.
        groups.sort();
        self.add(
            port.clone(),
            Port {
                subnet: Key::new(SUBNET)?,
                groups: Some(groups),
                address: None,
                also: None,
            },
        );
        let outside = match cloud.floating_ips {
            FloatingIps::All => true,
            FloatingIps::ControlPlane => plane && !cloud.load_balancer,
            FloatingIps::Off => false,
        };
        if outside {
            self.outside(name, port.clone())?;
        }
        let image = machine::image(self.cloud);
        let root = match &role.root {
            None => Root::Image,
            Some(size) => Root::Volume(self.volume(&format!("{name}-root"), size, Some(image.clone()))?),
        };
        let data = match &role.data {
            None => Vec::new(),
            Some(size) => vec![self.volume(&format!("{name}-data"), size, None)?],
        };
        if self.layout.without.iter().any(|w| w == name) {
            return Ok(());
        }
        let user_data = match self.layout.boots {
            true => Some(UserData::Boot {
                control_plane: key("port", &format!("{CONTROL_PLANE}-1"))?,
            }),
            false => None,
        };
        self.add(
            key("server", name)?,
            Server {
                port,
                flavor: machine::flavor(self.cloud, role),
                image,
                root,
                volumes: data,
                key_pair: match cloud.ssh_public_key {
                    Some(_) => Some(Key::new("key-pair")?),
                    None => None,
                },
                group,
                zone,
                user_data,
                pool: role.name.clone(),
            },
        );
        Ok(())
    }

    fn outside(&mut self, name: &str, target: Key) -> Result<()> {
        let address = FloatingIp {
            target,
            interface: self.interface.clone(),
            external: external(self.cloud),
            address: None,
        };
        self.add(key("floating-ip", name)?, address);
        Ok(())
    }

    fn volume(&mut self, name: &str, size: &Quantity, image: Option<Choice>) -> Result<Key> {
        let key = key("volume", name)?;
        let volume = Volume {
            size: machine::gibibytes(size),
            kind: self.cloud.volume_type.clone(),
            zone: None,
            image,
        };
        self.add(key.clone(), volume);
        Ok(key)
    }

    fn balancer(&mut self, roles: &[Role]) -> Result<()> {
        let plane = roles
            .iter()
            .filter(|r| r.name == CONTROL_PLANE)
            .flat_map(Role::machines);
        let mut members = plane
            .map(|name| key("port", &name))
            .collect::<Result<Vec<Key>>>()?;
        // Octavia tells them in no order.
        members.sort();
        let balancer = Key::new(BALANCER)?;
        self.add(
            balancer.clone(),
            LoadBalancer {
                subnet: Key::new(SUBNET)?,
                listeners: Some(vec![Listener { port: API, members }]),
            },
        );
        if self.cloud.floating_ips != FloatingIps::Off {
            self.outside("api", balancer)?;
        }
        Ok(())
    }
}
