//! Changing in place, and deleting.

use paas_core::{
    actuator::Ids,
    error::{Class, Error, Result},
    owner::Owner,
    resource::{Change, Live, Resource as _},
};

use super::{OpenStackActuator, create::pairs, drift};
use crate::{
    block_storage::VolumeChange,
    client::ApiError,
    codes::OS_UNSUPPORTED,
    compute::{ServerChange, ServerStatus},
    network::{
        FloatingIpChange, Gateway, NetworkChange, Plug, PortChange, RouterChange, SecurityGroupChange,
        SubnetChange,
    },
    provider::{kinds::Made, resource::OpenStackResource},
};

impl OpenStackActuator {
    /// Sends what is asked for and nothing else: one call, also where two differ that need two; the next look shows the other.
    pub(super) async fn change(
        &self,
        _owner: &Owner,
        live: &Live<OpenStackResource>,
        want: &OpenStackResource,
        changes: &[Change],
        ids: &Ids,
    ) -> Result<()> {
        let (net, id) = (self.client.network(), live.id.as_str());
        let asked = |field: &str| changes.iter().any(|c| c.field == field);
        let name = changes
            .iter()
            .find(|c| c.field == drift::NAME)
            .map(|c| c.to.clone());
        match want {
            OpenStackResource::Network(it) => {
                let change = NetworkChange {
                    name,
                    mtu: it.mtu.filter(|_| asked("mtu")),
                    ..NetworkChange::default()
                };
                net.networks().update(id, &change).await.map(drop)
            }
            OpenStackResource::Subnet(it) => {
                let change = SubnetChange {
                    name,
                    dns_nameservers: it.dns.clone().filter(|_| asked("dns")),
                    ..SubnetChange::default()
                };
                net.subnets().update(id, &change).await.map(drop)
            }
            OpenStackResource::Router(it) => {
                let mut change = RouterChange {
                    name,
                    ..RouterChange::default()
                };
                if let Some(external) = it.external.as_ref().filter(|_| asked("external")) {
                    let network = self.lookups.external(&self.client, external).await?;
                    change = change.gateway(Gateway::to(network));
                }
                net.routers().update(id, &change).await.map(drop)
            }
            OpenStackResource::Group(_) => {
                let change = SecurityGroupChange {
                    name,
                    ..SecurityGroupChange::default()
                };
                net.security_groups().update(id, &change).await.map(drop)
            }
            OpenStackResource::Port(it) => {
                let mut change = PortChange {
                    name,
                    ..PortChange::default()
                };
                if let Some(groups) = it.groups.as_ref().filter(|_| asked("groups")) {
                    change = change.security_groups(self.ids(ids, groups).await?);
                }
                if let Some(also) = it.also.as_ref().filter(|_| asked("also")) {
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
                if asked("size") {
                    return volumes.extend(id, u64::from(it.size)).await;
                }
                let change = VolumeChange {
                    name,
                    ..VolumeChange::default()
                };
                volumes.update(id, &change).await.map(drop)
            }
            OpenStackResource::Server(_) => self.bring_back(id, changes, name).await,
            OpenStackResource::LoadBalancer(it) => self.change_members(live, it, ids).await,
            other => Err(Error::new(&OS_UNSUPPORTED, Class::Unsupported)
                .attempted(format!("change {}", other.kind()))
                .happened("it cannot be changed in place")),
        }
    }

    /// A machine that somebody switched off runs again; one that was renamed has its name again.
    async fn bring_back(&self, id: &str, changes: &[Change], name: Option<String>) -> Result<()> {
        let servers = self.client.compute().servers();
        let state = changes.iter().find(|c| c.field == drift::STATE);
        if let Some(action) = state.and_then(|c| drift::back(&ServerStatus::from(c.from.as_str()))) {
            return servers.act(id, action).await;
        }
        let change = ServerChange {
            name,
            ..ServerChange::default()
        };
        servers.update(id, &change).await.map(drop)
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
