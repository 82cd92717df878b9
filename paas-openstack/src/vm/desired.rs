//! What a machine asks of OpenStack: a pure function from its spec to a graph of the provider's kinds.

use std::collections::BTreeSet;

use paas_core::{
    error::Result,
    graph::{Builder, Desired},
    resource::Key,
};

use super::spec::{Allowed, Place, VmSpec, range};
use crate::provider::{
    OpenStackResource,
    kinds::{
        Direction, FloatingIp, Group, Interface, KeyPair, Network, Port, Remote, Root, Router, Rule, Server,
        Subnet, UserData, Volume,
    },
};

/// The key of the key pair.
pub(super) const KEY_PAIR: &str = "key-pair";

/// The graph of a machine. A network that is there is given by its id.
///
/// # Errors
/// `PAAS-OS-0044` for what no machine can be.
pub fn desired(spec: &VmSpec) -> Result<Desired<OpenStackResource>> {
    spec.check()?;
    let (network, subnet) = (Key::new("network")?, Key::new("subnet")?);
    let mut all = Desired::builder();
    let mut interface = None;
    match &spec.place {
        Place::Existing {
            network: there,
            subnet: part,
        } => all = all.given(network, there).given(subnet.clone(), part),
        Place::Own { cidr } => {
            let (router, leg) = (Key::new("router")?, Key::new("interface")?);
            add(&mut all, &network, Network::default());
            let wanted = Subnet {
                network: network.clone(),
                cidr: cidr.clone(),
                dns: None,
            };
            add(&mut all, &subnet, wanted);
            let external = Some(spec.external.clone());
            add(&mut all, &router, Router { external });
            let plugged = Interface {
                router,
                subnet: subnet.clone(),
            };
            add(&mut all, &leg, plugged);
            interface = Some(leg);
            all = all.root(network);
        }
    }
    let group = security(spec, &mut all)?;
    let port = key("port", spec)?;
    let plug = Port {
        subnet,
        groups: Some(vec![group]),
        address: None,
        also: None,
    };
    add(&mut all, &port, plug);
    if spec.floating_ip {
        let outside = FloatingIp {
            target: port.clone(),
            interface,
            external: spec.external.clone(),
            address: None,
        };
        add(&mut all, &key("floating-ip", spec)?, outside);
    }
    server(spec, &mut all, port)?;
    all.build()
}

fn key(kind: &str, spec: &VmSpec) -> Result<Key> {
    Key::new(format!("{kind}/{}", spec.name))
}

fn add(all: &mut Builder<OpenStackResource>, key: &Key, resource: impl Into<OpenStackResource>) {
    all.add(key.clone(), resource.into());
}

/// The machine's own group: everything out, in only what is allowed.
fn security(spec: &VmSpec, all: &mut Builder<OpenStackResource>) -> Result<Key> {
    let group = key("security-group", spec)?;
    add(all, &group, Group::default());
    // Neutron makes these with the group; they are wanted, so that nobody takes them for leftovers.
    for ether_type in ["IPv4", "IPv6"] {
        let out = Rule {
            group: group.clone(),
            direction: Direction::Egress,
            ether_type: ether_type.to_owned(),
            protocol: None,
            ports: None,
            remote: Remote::Any,
        };
        add(all, &out.key()?, out);
    }
    let once: BTreeSet<&Allowed> = spec.allow.iter().collect();
    for allowed in once {
        let (kind, from, _) = range(&allowed.from).map_err(|why| spec.bad(why))?;
        let rule = Rule {
            group: group.clone(),
            direction: Direction::Ingress,
            ether_type: kind.to_owned(),
            protocol: Some("tcp".to_owned()),
            ports: Some(allowed.ports),
            remote: Remote::Range(from),
        };
        add(all, &rule.key()?, rule);
    }
    Ok(group)
}

fn server(spec: &VmSpec, all: &mut Builder<OpenStackResource>, port: Key) -> Result<()> {
    let mut volume = |name: &str, size: u32, image| -> Result<Key> {
        let key = Key::new(format!("volume/{}-{name}", spec.name))?;
        let volume = Volume {
            size,
            kind: None,
            zone: None,
            image,
        };
        add(all, &key, volume);
        Ok(key)
    };
    let root = match spec.root_volume {
        None => Root::Image,
        Some(size) => Root::Volume(volume("root", size, Some(spec.image.clone()))?),
    };
    let volumes = match spec.data_volume {
        None => Vec::new(),
        Some(size) => vec![volume("data", size, None)?],
    };
    let key_pair = match &spec.ssh_key {
        None => None,
        Some(line) => {
            let key = Key::new(KEY_PAIR)?;
            // The comment is nobody's business and is not compared.
            let public_key: Vec<&str> = line.split_whitespace().take(2).collect();
            let pair = KeyPair {
                public_key: public_key.join(" "),
            };
            add(all, &key, pair);
            Some(key)
        }
    };
    let machine = Server {
        port,
        flavor: spec.flavor.clone(),
        image: spec.image.clone(),
        root,
        volumes,
        key_pair,
        group: None,
        zone: spec.zone.clone(),
        user_data: spec.user_data.clone().map(UserData::Stored),
        pool: spec.name.clone(),
    };
    add(all, &key("server", spec)?, machine);
    Ok(())
}
