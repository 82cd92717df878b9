//! All machines of a project, by their marks alone.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use jiff::Timestamp;
use paas_core::{
    error::Result,
    owner::{Identity, Owner},
};
use serde::Serialize;
use tokio::try_join;

use super::{KIND, NAMESPACE, owner};
use crate::{
    block_storage::{Volume, VolumeFilter},
    client::Client,
    compute::{AddressKind, Server, ServerFilter},
    network::{Network, NetworkFilter, SecurityGroup, SecurityGroupFilter},
    provider::{choice::Choice, marks},
};

/// A machine in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Its name.
    pub name: String,
    /// Nova's word: `ACTIVE`, `ERROR`; none for parts without a server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What is being done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Its addresses in its network.
    pub inside: Vec<String>,
    /// Its addresses outside.
    pub outside: Vec<String>,
    /// Its flavor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flavor: Option<String>,
    /// Its image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Its zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// The server's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What its owner bears in all marks.
    pub uid: uuid::Uuid,
}

/// The machines of a project in the order of their names; also those of which only parts are there: half made, half deleted, or a
/// volume that was kept.
///
/// # Errors
/// The services'.
pub async fn list(client: &Client, project: &Identity) -> Result<Vec<Summary>> {
    let (servers, networks, groups, volumes): (Vec<Server>, Vec<Network>, Vec<SecurityGroup>, Vec<Volume>) =
        try_join!(
            Box::pin(async { client.compute().servers().all(&ServerFilter::all()).await }),
            Box::pin(async { client.network().networks().all(&NetworkFilter::all()).await }),
            Box::pin(async {
                client
                    .network()
                    .security_groups()
                    .all(&SecurityGroupFilter::all())
                    .await
            }),
            Box::pin(async { client.block_storage().all_volumes(&VolumeFilter::all()).await }),
        )?;
    let named = servers
        .iter()
        .filter_map(|s| Some((in_metadata(project, &s.metadata)?, s)));
    let servers: BTreeMap<String, &Server> = named.map(|(o, s)| (o.name().to_owned(), s)).collect();
    let images = images(client, servers.values().copied()).await;
    let mut owners: BTreeMap<String, Owner> = BTreeMap::new();
    let parts = networks
        .iter()
        .filter_map(|n| of_network(project, &n.name, &n.description))
        .chain(
            groups
                .iter()
                .filter_map(|g| of_group(project, &g.name, &g.description)),
        )
        .chain(volumes.iter().filter_map(|v| in_metadata(project, &v.metadata)));
    for part in parts {
        owners.insert(part.name().to_owned(), part);
    }
    for name in servers.keys() {
        owners.insert(name.clone(), owner(project, name));
    }
    let all = owners
        .into_iter()
        .map(|(name, owner)| summary(&owner, servers.get(&name).copied(), &images));
    Ok(all.collect())
}

/// The machine that the marks of a server or a volume name. A mark that does not belong to the name is somebody else's.
pub(super) fn in_metadata(project: &Identity, metadata: &BTreeMap<String, String>) -> Option<Owner> {
    let object = metadata.get(marks::OBJECT)?;
    let name = object.strip_prefix(KIND)?.strip_prefix('/')?;
    let found = owner(project, name.strip_prefix(NAMESPACE)?.strip_prefix('/')?);
    (metadata.get(marks::OWNER)? == &found.uid().to_string()).then_some(found)
}

/// A network bears the owner's uid, and its name in its own: `default-web-network-1a2b3c4d`.
fn of_network(project: &Identity, name: &str, description: &str) -> Option<Owner> {
    let body = body(name)?.strip_suffix("-network")?;
    marked(project, body, description)
}

/// A group has the machine's name twice in its own: `default-web-security-group-web-1a2b3c4d`.
fn of_group(project: &Identity, name: &str, description: &str) -> Option<Owner> {
    const BETWEEN: &str = "-security-group-";
    let body = body(name)?;
    let at = body.len().checked_sub(BETWEEN.len())? / 2;
    let (first, rest) = body.split_at_checked(at)?;
    (rest.strip_prefix(BETWEEN)? == first)
        .then(|| marked(project, first, description))
        .flatten()
}

fn body(name: &str) -> Option<&str> {
    let body = name.strip_prefix(NAMESPACE)?.strip_prefix('-')?;
    body.rsplit_once('-').map(|(body, _hash)| body)
}

fn marked(project: &Identity, name: &str, description: &str) -> Option<Owner> {
    let found = owner(project, name);
    (description == found.mark()).then_some(found)
}

/// The names of the servers' images, each asked for once; one that is gone has none.
pub(super) async fn images<'a>(
    client: &Client,
    servers: impl Iterator<Item = &'a Server>,
) -> BTreeMap<String, String> {
    let ids: BTreeSet<String> = servers.filter_map(|s| s.image.0.clone()).collect();
    let one = |id: String| async move {
        let image = client.image().images().show(&id).await.ok()?;
        Some((id, image.name))
    };
    join_all(ids.into_iter().map(one))
        .await
        .into_iter()
        .flatten()
        .collect()
}

fn summary(owner: &Owner, server: Option<&Server>, images: &BTreeMap<String, String>) -> Summary {
    let addresses = |kind: &AddressKind| server.map_or(Vec::new(), |s| addresses(s, kind));
    Summary {
        name: owner.name().to_owned(),
        status: server.map(|s| s.status.to_string()),
        task: server.and_then(|s| s.task_state.clone()),
        inside: addresses(&AddressKind::Fixed),
        outside: addresses(&AddressKind::Floating),
        flavor: server.and_then(flavor),
        image: server.and_then(|s| image(s, images)),
        zone: server
            .and_then(|s| s.availability_zone.clone())
            .filter(|z| !z.is_empty()),
        created: server.and_then(|s| s.created.at()),
        id: server.map(|s| s.id.clone()),
        uid: owner.uid(),
    }
}

pub(super) fn addresses(server: &Server, kind: &AddressKind) -> Vec<String> {
    let all = server.addresses.values().flatten();
    all.filter(|a| a.kind == *kind)
        .map(|a| a.address.clone())
        .collect()
}

/// The flavor's name; below 2.47 Nova has its id alone.
pub(super) fn flavor(server: &Server) -> Option<String> {
    let flavor = &server.flavor;
    flavor.original_name.clone().or_else(|| flavor.id.clone())
}

/// The image's name, else what was chosen: a server with a root volume has no image.
pub(super) fn image(server: &Server, images: &BTreeMap<String, String>) -> Option<String> {
    let known = server.image.0.as_ref().and_then(|id| images.get(id)).cloned();
    known
        .or_else(|| marks::choice(&server.metadata, marks::IMAGE).map(|c: Choice| c.to_string()))
        .or_else(|| server.image.0.clone())
}

#[cfg(test)]
mod tests {
    use paas_core::{names, resource::Key};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_machine_is_read_back_from_its_parts_and_from_nobody_elses(name in "[a-z]([a-z0-9-]{0,40}[a-z0-9])?") {
            let project = Identity::of(&["openstack", "p"]);
            let (ours, other) = (owner(&project, &name), owner(&Identity::of(&["openstack", "q"]), &name));
            let named = |kind: &str, key: &str| names::for_kind(&ours, kind, &Key::new(key).unwrap());
            let network = named("network", "network");
            let group = named("securityGroup", &format!("security-group/{name}"));
            prop_assert_eq!(of_network(&project, &network, &ours.mark()), Some(ours.clone()));
            prop_assert_eq!(of_group(&project, &group, &ours.mark()), Some(ours.clone()));
            prop_assert_eq!(of_network(&project, &network, &other.mark()), None);
            let metadata = marks::metadata(&ours, &Key::new("server/x").unwrap());
            prop_assert_eq!(in_metadata(&project, &metadata), Some(ours));
            prop_assert_eq!(in_metadata(&Identity::of(&["openstack", "q"]), &metadata), None);
        }

        #[test]
        fn no_name_of_a_stranger_panics(name in "\\PC{0,60}", text in "\\PC{0,60}") {
            let project = Identity::of(&["openstack", "p"]);
            prop_assert_eq!(of_network(&project, &name, &text), None);
            prop_assert_eq!(of_group(&project, &name, &text), None);
        }
    }
}
