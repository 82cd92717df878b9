//! A network that is there already.

use paas_core::error::{Class, Error, Result};

use super::Place;
use crate::{
    client::Client,
    codes::OS_CHOICE,
    network::{Subnet, SubnetFilter},
    provider::lookup::Lookups,
};

/// The network of this name or id, with its only IPv4 subnet, or the one that is named.
///
/// # Errors
/// `PAAS-OS-0041` with what there is.
pub async fn place(client: &Client, network: &str, subnet: Option<&str>) -> Result<Place> {
    let network_id = Lookups::default().there(client, "network", network).await?;
    let of = SubnetFilter::all().network_id(network_id.as_str());
    let all: Vec<Subnet> = client.network().subnets().all(&of).await?;
    let fits: Vec<&Subnet> = all
        .iter()
        .filter(|s| s.ip_version == 4)
        .filter(|s| subnet.is_none_or(|word| s.id == word || s.name == word))
        .collect();
    let what = match subnet {
        Some(word) => format!("find the subnet {word} of the network {network}"),
        None => format!("find the subnet of the network {network}"),
    };
    let shown = |all: &[&Subnet]| {
        let each = all.iter().map(|s| format!("{} ({}, {})", s.name, s.cidr, s.id));
        each.collect::<Vec<_>>().join(", ")
    };
    match fits.as_slice() {
        [only] => Ok(Place::Existing {
            network: network_id,
            subnet: only.id.clone(),
        }),
        [] => {
            let there = if all.is_empty() {
                "it has none".to_owned()
            } else {
                format!("it has: {}", shown(&all.iter().collect::<Vec<_>>()))
            };
            Err(Error::new(&OS_CHOICE, Class::NotFound)
                .attempted(what)
                .happened(there)
                .remedy("name a network that has an IPv4 subnet"))
        }
        several => Err(Error::new(&OS_CHOICE, Class::Blocked)
            .attempted(what)
            .happened(format!("several fit: {}", shown(several)))
            .remedy("name the one that is meant with --subnet, by its id")),
    }
}
