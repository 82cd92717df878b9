//! Load balancers: made whole in one call, where Octavia takes that.

use paas_core::error::Result;

use super::{OpenStackActuator, create::Making};
use crate::{
    load_balancer::{
        Algorithm, MonitorType, NewHealthMonitor, NewListener, NewLoadBalancer, NewMember, NewPool, Protocol,
    },
    provider::kinds::{Listener, LoadBalancer},
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

    async fn listener(&self, making: &Making<'_>, subnet: &str, want: &Listener) -> Result<NewListener> {
        let mut members = Vec::new();
        for key in &want.members {
            let port = self
                .client
                .network()
                .ports()
                .show(&self.id(making.ids, key).await?)
                .await?;
            let address = port
                .fixed_ips
                .into_iter()
                .find_map(|ip| ip.ip_address)
                .unwrap_or_default();
            members.push(NewMember::new(address, want.port).subnet_id(subnet));
        }
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
