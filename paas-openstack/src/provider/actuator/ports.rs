//! Ports: those that bear the mark, and the legs of routers, which bear none.

use std::collections::BTreeMap;

use paas_core::error::Result;

use super::{OpenStackActuator, lists::every};
use crate::network::{Port, PortFilter, Router, Subnet};

impl OpenStackActuator {
    /// All ports of the project: one list has those with the mark and the legs, and Neutron knows no filter for both.
    pub(super) async fn ports(&self) -> Result<Vec<Port>> {
        let token = self.client.token().await?;
        let of = match &token.project {
            Some(project) => PortFilter::all().project_id(&*project.id),
            None => PortFilter::all(),
        };
        every(self.client.network().ports(), of).await
    }

    /// A leg has no mark of its own: it is ours because the subnet is, and the router, where that is ours too. Neutron gives it to the
    /// project of the router; a subnet without a leg among `ports` may have one of a router elsewhere, so its network is asked, unless
    /// its ports are `known` already.
    pub(super) async fn legs(
        &self,
        subnets: &[Subnet],
        routers: &[Router],
        ports: &[Port],
        known: &BTreeMap<&str, &[Port]>,
    ) -> Result<Vec<Port>> {
        let ours = |port: &Port| {
            is_leg_in(port, &|id| subnets.iter().any(|s| s.id == id))
                && (routers.is_empty() || routers.iter().any(|r| r.id == port.device_id))
        };
        let mut legs: Vec<Port> = ports.iter().filter(|p| ours(p)).cloned().collect();
        let mut networks: Vec<&str> = subnets
            .iter()
            .filter(|s| !legs.iter().any(|leg| is_leg_in(leg, &|id| id == s.id)))
            .map(|s| s.network_id.as_str())
            .collect();
        networks.sort_unstable();
        networks.dedup();
        for network in networks {
            let all = match known.get(network) {
                Some(all) => all.to_vec(),
                None => {
                    let of = PortFilter::all().network_id(network);
                    every(self.client.network().ports(), of).await?
                }
            };
            let new = |port: &Port| ours(port) && !legs.iter().any(|leg| leg.id == port.id);
            let found: Vec<Port> = all.into_iter().filter(new).collect();
            legs.extend(found);
        }
        Ok(legs)
    }
}

fn is_leg_in(port: &Port, subnet: &dyn Fn(&str) -> bool) -> bool {
    let mut subnets = port.fixed_ips.iter().filter_map(|ip| ip.subnet_id.as_deref());
    port.device_owner.is_router_interface() && subnets.any(subnet)
}
