//! The graphs of the fault matrix, as a [`Fixture`] on [`Memory`].

use std::sync::Arc;

use async_trait::async_trait;

use super::{Fixture, ManualClock, Memory, Pace, Thing, Variant, World};
use crate::{
    error::Error,
    graph::{Builder, Desired},
    owner::{Identity, Owner},
    resource::{Key, Origin},
};

/// A shape of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Six things, each built on the one before.
    Chain,
    /// A root and eight things built on it.
    FanOut,
    /// A network with its parts, two servers with ports and volumes, two nodes.
    TwoNodes,
}

/// A shape in a [`Memory`] cloud where things take a look to settle and another to leave.
#[derive(Debug, Clone, Copy)]
pub struct Shaped {
    shape: Shape,
    pace: Pace,
}

impl Shaped {
    /// The shape, in a cloud where everything takes `pace`.
    pub fn new(shape: Shape, pace: Pace) -> Self {
        Self { shape, pace }
    }
}

#[async_trait]
impl Fixture for Shaped {
    type Resource = Thing;

    fn name(&self) -> &str {
        match self.shape {
            Shape::Chain => "chain",
            Shape::FanOut => "fan-out",
            Shape::TwoNodes => "two nodes",
        }
    }

    async fn world(&self) -> Result<Arc<dyn World<Thing>>, Error> {
        let cloud = Memory::new(Arc::new(ManualClock::default()))
            .settling(self.pace)
            .leaving(self.pace);
        cloud.foreign("network", Thing::new("network").size(7));
        cloud.foreign("somebody", Thing::new("server").image("theirs"));
        let other = self.owner(9);
        cloud.plant(&other, &Key::new("network")?, Thing::new("network"), Origin::Ours);
        Ok(Arc::new(cloud))
    }

    fn owner(&self, n: u8) -> Owner {
        Owner::new(
            &Identity::of(&["memory"]),
            "Platform",
            "default",
            &format!("p{n}"),
        )
    }

    fn desired(&self, variant: Variant) -> Result<Desired<Thing>, Error> {
        match self.shape {
            Shape::Chain => chain(6, variant),
            Shape::FanOut => fan_out(8, variant),
            Shape::TwoNodes => two_nodes(variant),
        }
    }
}

fn sized(variant: Variant) -> u32 {
    if variant == Variant::First { 1 } else { 2 }
}

fn image(variant: Variant) -> &'static str {
    if variant == Variant::Changed { "b" } else { "a" }
}

/// `link/0` … `link/n-1`, each built on the one before. Updated: the first. Changed: the third is replaced, the last one goes.
///
/// # Errors
/// None for any `n`.
pub fn chain(n: usize, variant: Variant) -> Result<Desired<Thing>, Error> {
    let mut graph = Desired::builder();
    let mut before: Option<Key> = None;
    let n = if variant == Variant::Changed {
        n.saturating_sub(1)
    } else {
        n
    };
    for i in 0..n {
        let key = Key::new(format!("link/{i}"))?;
        let mut thing = Thing::new("link").size(if i == 0 { sized(variant) } else { 1 });
        thing = thing.image(if i == 2 { image(variant) } else { "a" });
        if let Some(before) = &before {
            thing = thing.on(before);
        }
        graph.add(key.clone(), thing);
        before = Some(key);
    }
    graph.build()
}

/// `root` and `leaf/0` … `leaf/n-1`. Updated: root and first leaf. Changed: two leaves are replaced, one goes, one is new.
///
/// # Errors
/// None for any `n`.
pub fn fan_out(n: usize, variant: Variant) -> Result<Desired<Thing>, Error> {
    let root = Key::new("root")?;
    let mut graph = Desired::builder()
        .want(root.clone(), Thing::new("root").size(sized(variant)))
        .root(root.clone());
    let changed = variant == Variant::Changed;
    for i in usize::from(changed)..n + usize::from(changed) {
        let size = if i == 1 { sized(variant) } else { 1 };
        let image = if i < 4 { image(variant) } else { "a" };
        let leaf = Thing::new("leaf")
            .group("leaves")
            .size(size)
            .image(image)
            .on(&root);
        graph.add(Key::new(format!("leaf/{i}"))?, leaf);
    }
    graph.build()
}

/// Network, subnet, router, interface, group, rules, key pair, load balancer; two servers with port, volume (precious), attachment,
/// floating address, member and node. The group goes at once, its rules along with it. Changed: the second server is replaced, a rule goes, another is new, the subnet is updated.
///
/// # Errors
/// None.
pub fn two_nodes(variant: Variant) -> Result<Desired<Thing>, Error> {
    let changed = variant == Variant::Changed;
    let network = Key::new("network")?;
    let (subnet, router) = (Key::new("subnet")?, Key::new("router")?);
    let (interface, group) = (Key::new("interface")?, Key::new("group")?);
    let balancer = Key::new("balancer")?;
    let mut graph = Desired::builder()
        .want(network.clone(), Thing::new("network"))
        .root(network.clone())
        .want(
            subnet.clone(),
            Thing::new("subnet").size(sized(variant)).on(&network),
        )
        .want(router.clone(), Thing::new("router"))
        .want(
            interface.clone(),
            Thing::new("interface").natural().on(&subnet).on(&router),
        )
        .want(group.clone(), Thing::new("securityGroup").at_once())
        .want(Key::new("keys")?, Thing::new("keyPair"))
        .want(balancer.clone(), Thing::new("loadBalancer").on(&subnet));
    for rule in if changed { ["ssh", "https"] } else { ["ssh", "api"] } {
        let rule = Key::new(format!("rule/{rule}"))?;
        graph.add(rule, Thing::new("rule").natural().along().on(&group));
    }
    for i in 1..=2 {
        graph = node(
            graph,
            i,
            [&subnet, &interface, &group, &balancer],
            if i == 2 { image(variant) } else { "a" },
        )?;
    }
    graph.build()
}

fn node(
    mut graph: Builder<Thing>,
    i: u8,
    [subnet, interface, group, balancer]: [&Key; 4],
    image: &str,
) -> Result<Builder<Thing>, Error> {
    let of = |what: &str| Key::new(format!("{what}/{i}"));
    let (port, server, volume, attachment) = (of("port")?, of("server")?, of("volume")?, of("attachment")?);
    graph.add(port.clone(), Thing::new("port").on(subnet).on(group));
    let address = Thing::new("floatingIp").on(&port).later_than(interface);
    graph.add(of("address")?, address);
    graph.add(
        server.clone(),
        Thing::new("server").image(image).on(&port).group("nodes"),
    );
    graph.add(volume.clone(), Thing::new("volume").size(10).precious());
    graph.add(
        of("member")?,
        Thing::new("member").natural().on(balancer).on(&port),
    );
    let attached = Thing::new("attachment").natural().on(&server).on(&volume);
    graph.add(attachment.clone(), attached);
    graph.add(
        of("node")?,
        Thing::new("node").natural().on(&server).later_than(&attachment),
    );
    Ok(graph)
}
