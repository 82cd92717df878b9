//! Deleting: one call each, by the id that a look has just shown.

use paas_core::error::{Class, Result};

use super::{Kind, Ref};
use crate::{
    client::{ApiError, Client},
    network::Plug,
};

/// Deletes it, or begins to. What is gone is gone.
pub(super) async fn remove(client: &Client, it: &Ref) -> Result<()> {
    let (net, nova, id) = (client.network(), client.compute(), it.id.as_str());
    let gone = match it.kind {
        Kind::Server => nova.servers().delete(id).await,
        Kind::Volume => client.block_storage().volumes().delete(id).await,
        Kind::LoadBalancer => client.load_balancer().load_balancers().delete_cascade(id).await,
        Kind::FloatingIp => net.floating_ips().delete(id).await,
        Kind::Port => net.ports().delete(id).await,
        Kind::Interface => unplug(client, id).await,
        Kind::Router => net.routers().delete(id).await,
        Kind::Subnet => net.subnets().delete(id).await,
        Kind::Network => net.networks().delete(id).await,
        Kind::SecurityGroup => net.security_groups().delete(id).await,
        Kind::ServerGroup => nova.server_groups().delete(id).await,
        Kind::KeyPair => nova.keypairs().delete(id).await,
        Kind::ApplicationCredential => {
            let user = client.token().await?.user.id.clone();
            client.identity().application_credentials(&user).delete(id).await
        }
    };
    match gone {
        // The service itself says that there is no such thing; a proxy's 404 is not that.
        Err(e)
            if e.class() == Class::NotFound && ApiError::of(&e).is_some_and(|api| !api.words.is_empty()) =>
        {
            Ok(())
        }
        other => other,
    }
}

/// Takes a router out of a subnet; Neutron refuses to delete the port of its leg alone.
async fn unplug(client: &Client, port: &str) -> Result<()> {
    let leg = client.network().ports().show(port).await?;
    let routers = client.network().routers();
    routers
        .remove_interface(&leg.device_id, &Plug::Port(port.to_owned()))
        .await
        .map(drop)
}
