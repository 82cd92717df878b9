//! What others have in the way of a deletion: it is named, and never touched.

use std::collections::{BTreeMap, BTreeSet};

use paas_core::{
    error::Result,
    graph::Observed,
    resource::{Health, Key, Need},
};

use super::{
    OpenStackActuator,
    derived::{Around, Ours, found, said},
};
use crate::{
    codes::OS_IN_THE_WAY,
    network::{DeviceOwner, Port},
    provider::{
        kinds::{Derived, Made},
        resource::OpenStackResource,
    },
};

/// Servers of others whose names are asked for, to say in whose way we would be; of more, the ids are told.
const ASKED: usize = 8;

/// What a port is to us.
enum Standing {
    /// Ours, Neutron's own, or it goes with something that goes.
    Fine,
    /// Left behind by a balancer that is gone.
    Leftover,
    /// Somebody else's.
    Foreign,
    /// The leg of our router in somebody else's subnet.
    StrangeLeg,
}

impl OpenStackActuator {
    pub(super) async fn foreign(
        &self,
        ours: &Ours<'_>,
        around: Around<'_>,
        seen: &mut Observed<OpenStackResource>,
    ) -> Result<()> {
        for subnet in around.subnets.iter().filter(|s| !ours.keys.contains_key(&s.id)) {
            if let Some(network) = ours.key(&subnet.network_id, "network") {
                let why = format!("the subnet {} in it is not ours", said(&subnet.name, &subnet.id));
                seen.bar(network.clone(), &OS_IN_THE_WAY, why);
            }
        }
        let mut strangers: Vec<(Key, &Port)> = Vec::new();
        for port in around.ports {
            match standing(ours, around, port) {
                Standing::Fine => {}
                Standing::Leftover => leftover(ours, seen, port)?,
                Standing::Foreign => strangers.extend(ours.place(port).cloned().map(|at| (at, port))),
                Standing::StrangeLeg => {
                    if let Some(router) = ours.key(&port.device_id, "router") {
                        let why = format!(
                            "it has a leg in the network {}, which is not ours (port {})",
                            port.network_id, port.id
                        );
                        seen.bar(router.clone(), &OS_IN_THE_WAY, why);
                    }
                }
            }
        }
        let names = self.names(&strangers).await;
        for (place, port) in strangers {
            let why = format!(
                "the port {}{} is in it and is not ours",
                said(&port.name, &port.id),
                device(port, &names)
            );
            seen.bar(place, &OS_IN_THE_WAY, why);
            // Without the leg it would be cut off.
            let leg = seen
                .live
                .iter()
                .find(|(_, l)| matches!(l.resource, OpenStackResource::Interface(_)));
            if let Some(leg) = leg.map(|(key, _)| key.clone()) {
                let why = format!("the port {} needs it and is not ours", said(&port.name, &port.id));
                seen.bar(leg, &OS_IN_THE_WAY, why);
            }
        }
        Ok(())
    }

    /// The names of the servers at these ports, as far as they are told.
    async fn names(&self, strangers: &[(Key, &Port)]) -> BTreeMap<String, String> {
        let servers: BTreeSet<&str> = strangers
            .iter()
            .filter(|(_, port)| port.device_owner.is_server())
            .map(|(_, port)| port.device_id.as_str())
            .collect();
        let mut names = BTreeMap::new();
        for id in servers.into_iter().take(ASKED) {
            // A name is a kindness: the id says it too.
            if let Ok(server) = self.client.compute().servers().show(id).await {
                names.insert(id.to_owned(), server.name);
            }
        }
        names
    }
}

fn standing(ours: &Ours<'_>, around: Around<'_>, port: &Port) -> Standing {
    let owner = &port.device_owner;
    if ours.keys.contains_key(&port.id) || port.description == ours.owner.mark() {
        return Standing::Fine;
    }
    if owner.is_router_interface() && ours.key(&port.device_id, "router").is_some() {
        return if ours.place(port).is_some() {
            Standing::Fine
        } else {
            Standing::StrangeLeg
        };
    }
    if ours.place(port).is_none() || is_neutrons_own(owner) {
        return Standing::Fine;
    }
    // A port that somebody gave to a machine of ours goes with it, or is looked at when the machine is gone.
    if ours.key(&port.device_id, "server").is_some() {
        return Standing::Fine;
    }
    if !is_octavias(port) {
        return Standing::Foreign;
    }
    let id = port.device_id.strip_prefix("lb-").unwrap_or(&port.device_id);
    let served = |b: &crate::load_balancer::LoadBalancer| {
        b.id == id || b.vip_port_id == port.id || b.vip_network_id == port.network_id
    };
    // Of a balancer that is there: it goes with that one, or that one is in the way.
    if around.balancers.iter().any(served) {
        Standing::Fine
    } else if port.project_id == ours.project {
        Standing::Leftover
    } else {
        Standing::Foreign
    }
}

/// What Neutron makes in a network and takes away with it; the legs of routers are made by people.
fn is_neutrons_own(owner: &DeviceOwner) -> bool {
    owner.as_str().starts_with("network:") && !owner.is_router_interface()
}

/// Octavia says so in the owner, and for the ports of its own machines and of its provider OVN in the name.
fn is_octavias(port: &Port) -> bool {
    let owner = port.device_owner.as_str().to_ascii_lowercase();
    owner.starts_with("octavia")
        || ["octavia-lb-", "ovn-lb-"]
            .iter()
            .any(|p| port.name.starts_with(p))
}

fn leftover(ours: &Ours<'_>, seen: &mut Observed<OpenStackResource>, port: &Port) -> Result<()> {
    let place = ours.place(port).cloned();
    let derived = Derived {
        made: Made::Port,
        name: port.name.clone(),
        about: Some("left behind by a load balancer that is gone".to_owned()),
        needs: place.into_iter().map(Need::Built).collect(),
    };
    found(seen, (&port.id, Health::Ready), derived).map(drop)
}

/// What is plugged into a port, in words.
fn device(port: &Port, names: &BTreeMap<String, String>) -> String {
    if port.device_id.is_empty() {
        return ", which nothing is plugged into,".to_owned();
    }
    if port.device_owner.is_server() {
        let name = names.get(&port.device_id).map_or("", String::as_str);
        return format!(" of the server {}", said(name, &port.device_id));
    }
    if port.device_owner.is_router_interface() {
        return format!(" of the router {}", port.device_id);
    }
    format!(" of {} {}", port.device_owner, port.device_id)
}
