//! Load balancers: made whole in one call, where Octavia takes that.

use paas_core::{
    actuator::Ids,
    error::{Class, Error, Result},
    resource::Live,
};

use super::{OpenStackActuator, create::Making};
use crate::{
    codes::OS_CHOICE,
    load_balancer::{
        Algorithm, MonitorType, NewHealthMonitor, NewListener, NewLoadBalancer, NewMember, NewPool, PoolTree,
        Protocol,
    },
    provider::{
        kinds::{Listener, LoadBalancer},
        resource::OpenStackResource,
    },
};

impl OpenStackActuator {
    pub(super) async fn new_balancer(&self, making: &Making<'_>, want: &LoadBalancer) -> Result<String> {
        let subnet = self.id(making.ids, &want.subnet).await?;
        let mut listeners = Vec::new();
        for listener in want.listeners.iter().flatten() {
            listeners.push(self.listener(making, &subnet, listener).await?);
        }
        let new = NewLoadBalancer::new(&*making.name)
            .description(making.owner.mark())
            .vip_subnet_id(subnet)
            .listeners(listeners);
        Ok(self
            .client
            .load_balancer()
            .load_balancers()
            .create(&new)
            .await?
            .id)
    }

    /// Makes the machines behind a balancer those that are wanted: of the first listener whose machines are others, in one call.
    pub(super) async fn change_members(
        &self,
        live: &Live<OpenStackResource>,
        want: &LoadBalancer,
        ids: &Ids,
    ) -> Result<()> {
        let there = match &live.resource {
            OpenStackResource::LoadBalancer(it) => it.listeners.as_deref().unwrap_or_default(),
            _ => &[],
        };
        let Some(listener) = want.listeners.iter().flatten().find(|l| !there.contains(l)) else {
            return Ok(());
        };
        let subnet = self.id(ids, &want.subnet).await?;
        let members = self.members(ids, &subnet, listener).await?;
        let balancers = self.client.load_balancer();
        let tree = balancers.load_balancers().status(&live.id).await?;
        let serves = |pool: &&PoolTree| pool.name.ends_with(&format!("-{}", listener.port));
        let pool = tree.listeners.iter().flat_map(|l| &l.pools).find(serves);
        let pool = pool.ok_or_else(|| {
            Error::new(&OS_CHOICE, Class::Conflict)
                .attempted(format!(
                    "change the machines behind the load balancer {}",
                    live.id
                ))
                .happened(format!("it has no pool for port {} any more", listener.port))
        })?;
        balancers.members(&pool.id).replace(&members).await
    }

    async fn members(&self, ids: &Ids, subnet: &str, want: &Listener) -> Result<Vec<NewMember>> {
        let mut members = Vec::new();
        for key in &want.members {
            let port = self
                .client
                .network()
                .ports()
                .show(&self.id(ids, key).await?)
                .await?;
            let address = port
                .fixed_ips
                .into_iter()
                .find_map(|ip| ip.ip_address)
                .unwrap_or_default();
            members.push(NewMember::new(address, want.port).subnet_id(subnet));
        }
        Ok(members)
    }

    async fn listener(&self, making: &Making<'_>, subnet: &str, want: &Listener) -> Result<NewListener> {
        let members = self.members(making.ids, subnet, want).await?;
        let name = format!("{}-{}", making.name, want.port);
        let pool = NewPool::of(Protocol::Tcp, Algorithm::RoundRobin)
            .name(&*name)
            .members(members)
            .health_monitor(NewHealthMonitor::new(MonitorType::Tcp, 5_u32, 3_u32, 3_u32));
        Ok(NewListener::new(Protocol::Tcp, want.port)
            .name(&*name)
            .default_pool(pool))
    }
}
