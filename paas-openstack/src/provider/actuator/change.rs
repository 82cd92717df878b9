//! Changing in place, and deleting.

use paas_core::{
    actuator::Ids,
    error::{Class, Error, Result},
    owner::Owner,
    resource::{Live, Resource as _},
};

use super::{OpenStackActuator, create::pairs};
use crate::{
    client::ApiError,
    codes::OS_UNSUPPORTED,
    network::{FloatingIpChange, Gateway, NetworkChange, Plug, PortChange, RouterChange, SubnetChange},
    provider::{kinds::Made, resource::OpenStackResource},
};

impl OpenStackActuator {
    pub(super) async fn change(
        &self,
        _owner: &Owner,
        live: &Live<OpenStackResource>,
        want: &OpenStackResource,
        ids: &Ids,
    ) -> Result<()> {
        let (net, id) = (self.client.network(), live.id.as_str());
        match want {
            OpenStackResource::Network(it) => {
                let change = NetworkChange {
                    mtu: it.mtu,
                    ..NetworkChange::default()
                };
                net.networks().update(id, &change).await.map(drop)
            }
            OpenStackResource::Subnet(it) => {
                let change = SubnetChange {
                    dns_nameservers: it.dns.clone(),
                    ..SubnetChange::default()
                };
                net.subnets().update(id, &change).await.map(drop)
            }
            OpenStackResource::Router(it) => {
                let Some(external) = &it.external else {
                    return Ok(());
                };
                let network = self.lookups.external(&self.client, external).await?;
                let change = RouterChange::default().gateway(Gateway::to(network));
                net.routers().update(id, &change).await.map(drop)
            }
            OpenStackResource::Port(it) => {
                let mut change = PortChange::default();
                if let Some(groups) = &it.groups {
                    change = change.security_groups(self.ids(ids, groups).await?);
                }
                if let Some(also) = &it.also {
                    change = change.allowed_address_pairs(pairs(also));
                }
                net.ports().update(id, &change).await.map(drop)
            }
            OpenStackResource::FloatingIp(it) => {
                let port = self.target(ids, &it.target).await?;
                let change = FloatingIpChange::default().port_id(port);
                net.floating_ips().update(id, &change).await.map(drop)
            }
            OpenStackResource::Volume(it) => {
                let volumes = self.client.block_storage().volumes();
                volumes.extend(id, u64::from(it.size)).await
            }
            OpenStackResource::LoadBalancer(it) => self.change_members(live, it, ids).await,
            other => Err(Error::new(&OS_UNSUPPORTED, Class::Unsupported)
                .attempted(format!("change {}", other.kind()))
                .happened("it cannot be changed in place")),
        }
    }

    pub(super) async fn remove(&self, owner: &Owner, live: &Live<OpenStackResource>) -> Result<()> {
        let (net, nova, id) = (self.client.network(), self.client.compute(), live.id.as_str());
        let balancers = self.client.load_balancer().load_balancers();
        let gone = match &live.resource {
            OpenStackResource::Network(_) => net.networks().delete(id).await,
            OpenStackResource::Subnet(_) => net.subnets().delete(id).await,
            OpenStackResource::Router(_) => net.routers().delete(id).await,
            OpenStackResource::Interface(_) => self.unplug(id).await,
            OpenStackResource::Group(_) => net.security_groups().delete(id).await,
            OpenStackResource::Rule(_) => net.security_group_rules().delete(id).await,
            OpenStackResource::KeyPair(_) => nova.keypairs().delete(id).await,
            OpenStackResource::ServerGroup(_) => nova.server_groups().delete(id).await,
            OpenStackResource::Port(_) => net.ports().delete(id).await,
            OpenStackResource::Volume(_) => self.client.block_storage().volumes().delete(id).await,
            OpenStackResource::Server(_) => nova.servers().delete(id).await,
            OpenStackResource::FloatingIp(_) => net.floating_ips().delete(id).await,
            OpenStackResource::LoadBalancer(_) => balancers.delete_cascade(id).await,
            OpenStackResource::Credential(it) => self.remove_credential(owner, id, it).await,
            OpenStackResource::Derived(it) => match it.made {
                Made::LoadBalancer => balancers.delete_cascade(id).await,
                Made::FloatingIp => net.floating_ips().delete(id).await,
                Made::SecurityGroup => net.security_groups().delete(id).await,
                Made::Volume => self.client.block_storage().volumes().delete(id).await,
                Made::Port => net.ports().delete(id).await,
            },
        };
        match gone {
            Err(e) if is_gone(&e) => Ok(()),
            other => other,
        }
    }

    async fn unplug(&self, port: &str) -> Result<()> {
        let leg = self.client.network().ports().show(port).await?;
        let plug = Plug::Port(port.to_owned());
        let routers = self.client.network().routers();
        routers.remove_interface(&leg.device_id, &plug).await.map(drop)
    }
}

/// The service itself says that there is no such thing; a proxy's 404 is not that.
pub(super) fn is_gone(e: &Error) -> bool {
    e.class() == Class::NotFound && ApiError::of(e).is_some_and(|api| !api.words.is_empty())
}
