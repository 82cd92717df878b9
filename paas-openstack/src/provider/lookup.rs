//! Finding what the user chose: the external network, an image, a flavor, things that are there already.

use std::{collections::BTreeMap, sync::Mutex};

use futures::{StreamExt as _, TryStreamExt as _};
use paas_core::error::{Class, Error, Result};

use super::choice::Choice;
use crate::{
    client::Client,
    codes::OS_CHOICE,
    compute::{Flavor, FlavorFilter},
    image::{Image, ImageFilter, ImageStatus},
    network::{Network, NetworkFilter, Port, SecurityGroupFilter, SubnetFilter},
};

/// What was found, remembered until something cannot be made of it: all machines of a run get the same image.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    known: Mutex<BTreeMap<String, String>>,
    /// Who comes while somebody asks waits for that answer.
    asking: Asking,
}

#[derive(Debug, Default)]
struct Asking {
    external: tokio::sync::Mutex<()>,
    image: tokio::sync::Mutex<()>,
    flavor: tokio::sync::Mutex<()>,
    there: tokio::sync::Mutex<()>,
}

impl Lookups {
    pub(super) fn known(&self, what: &str) -> Option<String> {
        self.known.lock().ok()?.get(what).cloned()
    }

    pub(super) fn keep(&self, what: String, id: &str) {
        if let Ok(mut known) = self.known.lock() {
            known.insert(what, id.to_owned());
        }
    }

    /// Takes over what was found already.
    pub(super) fn learn(&self, kind: &str, chosen: &dyn std::fmt::Display, id: &str) {
        self.keep(format!("{kind} {chosen}"), id);
    }

    /// Something was refused: what was found may not be there any more.
    pub(super) fn forget(&self) {
        if let Ok(mut known) = self.known.lock() {
            known.clear();
        }
    }

    /// The id of the external network.
    pub(crate) async fn external(&self, client: &Client, choice: &Choice) -> Result<String> {
        let what = format!("external network {choice}");
        let _alone = self.asking.external.lock().await;
        if let Some(id) = self.known(&what) {
            return Ok(id);
        }
        let id = external(client, choice).await?.id;
        self.keep(what, &id);
        Ok(id)
    }

    /// The first address of a port, which a create has told or the cloud is asked for.
    pub(super) async fn address(&self, client: &Client, port: &str) -> Result<String> {
        if let Some(address) = self.known(&format!("address of {port}")) {
            return Ok(address);
        }
        let port = client.network().ports().show(port).await?;
        self.keep_address(&port);
        let address = port.fixed_ips.into_iter().find_map(|ip| ip.ip_address);
        address.ok_or_else(|| {
            Error::new(&OS_CHOICE, Class::Internal)
                .attempted("find the address of a port")
                .happened(format!("{} has none", port.id))
        })
    }

    /// Takes over the first address of a port.
    pub(super) fn keep_address(&self, port: &Port) {
        if let Some(address) = port.fixed_ips.iter().find_map(|ip| ip.ip_address.as_deref()) {
            self.keep(format!("address of {}", port.id), address);
        }
    }

    /// The id of the image.
    pub(crate) async fn image(&self, client: &Client, choice: &Choice) -> Result<String> {
        let what = format!("image {choice}");
        let _alone = self.asking.image.lock().await;
        if let Some(id) = self.known(&what) {
            return Ok(id);
        }
        let id = image(client, choice).await?.id;
        self.keep(what, &id);
        Ok(id)
    }

    /// The id of the flavor.
    pub(crate) async fn flavor(&self, client: &Client, choice: &Choice) -> Result<String> {
        let what = format!("flavor {choice}");
        let _alone = self.asking.flavor.lock().await;
        if let Some(id) = self.known(&what) {
            return Ok(id);
        }
        let all = client.compute().flavors().all(&FlavorFilter::all()).await?;
        let id = flavor(&all, choice)?.id.clone();
        self.keep(what, &id);
        Ok(id)
    }

    /// What a flavor is called, by its id; `None` if there is none of that id.
    pub(super) async fn flavor_name(&self, client: &Client, id: &str) -> Result<Option<String>> {
        let what = format!("name of flavor {id}");
        if let Some(name) = self.known(&what) {
            return Ok(Some(name));
        }
        match client.compute().flavors().show(id).await {
            Ok(flavor) => {
                self.keep(what, &flavor.name);
                Ok(Some(flavor.name))
            }
            Err(e) if e.class() == Class::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The id of something that is there already, by the user's word for it: a name, or an id.
    pub(crate) async fn there(&self, client: &Client, key: &str, word: &str) -> Result<String> {
        let what = format!("{key} '{word}'");
        let _alone = self.asking.there.lock().await;
        if let Some(id) = self.known(&what) {
            return Ok(id);
        }
        let id = there(client, key, word).await?.id;
        self.keep(what, &id);
        Ok(id)
    }
}

/// Something that is there by the user's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The network of a subnet.
    pub(crate) network: Option<String>,
}

/// The one thing of the key's kind that has this name or id.
pub(crate) async fn there(client: &Client, key: &str, word: &str) -> Result<Found> {
    let found = |id, name| Found {
        id,
        name,
        network: None,
    };
    let (net, kind) = (client.network(), key.split('/').next().unwrap_or(key));
    let all: Vec<Found> = match kind {
        "network" => net
            .networks()
            .list(&NetworkFilter::all())
            .map_ok(|n| found(n.id, n.name))
            .boxed(),
        "subnet" => net
            .subnets()
            .list(&SubnetFilter::all())
            .map_ok(|s| Found {
                network: Some(s.network_id),
                ..found(s.id, s.name)
            })
            .boxed(),
        "router" => net
            .routers()
            .list(&crate::network::RouterFilter::all())
            .map_ok(|r| found(r.id, r.name))
            .boxed(),
        _ => net
            .security_groups()
            .list(&SecurityGroupFilter::all())
            .map_ok(|g| found(g.id, g.name))
            .boxed(),
    }
    .try_collect()
    .await?;
    let kind = match kind {
        "security-group-there" => "security group",
        kind => kind,
    };
    let named = |f: &Found| f.id == word || f.name == word;
    let say = |f: &Found| format!("{} ({})", f.name, f.id);
    let found = one(&format!("{kind} '{word}'"), &all, named, say)?;
    Ok(found.clone())
}

/// The external network that was chosen.
pub(crate) async fn external(client: &Client, choice: &Choice) -> Result<Network> {
    let networks = client.network().networks();
    let all = networks.all(&NetworkFilter::all().external(true)).await?;
    let say = |n: &Network| format!("{} ({})", n.name, n.id);
    let found = match choice {
        Choice::Named(word) => {
            let named = |n: &Network| n.name == *word || n.id == *word;
            one(&format!("external network '{word}'"), &all, named, say)
        }
        _ => {
            let any = all.iter().any(|n| n.is_default);
            one("the external network", &all, |n| n.is_default || !any, say)
        }
    };
    found.cloned().map_err(|e| match all.is_empty() {
        true => e.remedy(
            "ask the operator of the cloud for one, or name a router that is there (existing.router) and set floatingIps: Off",
        ),
        false => e,
    })
}

/// The image that was chosen: one that boots.
pub(crate) async fn image(client: &Client, choice: &Choice) -> Result<Image> {
    let images = client.image().images();
    match choice {
        Choice::Named(word) => {
            let what = format!("image '{word}'");
            let mut named = images.all(&ImageFilter::all().name(word.as_str())).await?;
            // Names are not unique: the newest that boots, else one that tells why none does.
            named.sort_by_key(|i| {
                (
                    i.status != ImageStatus::Active,
                    std::cmp::Reverse(i.created_at.at()),
                )
            });
            let found = match named.into_iter().next() {
                Some(found) => found,
                None => images.show(word).await.map_err(|e| match e.class() {
                    Class::NotFound | Class::Invalid => missing(&what, "there is none of that name or id")
                        .remedy("choose an image that this project can see; those of the community go by their id"),
                    _ => e,
                })?,
            };
            match found.status {
                ImageStatus::Active => Ok(found),
                other => Err(
                    missing(&what, &format!("it is {other}, and only an active one boots"))
                        .remedy("wait until its data are there, or choose another image"),
                ),
            }
        }
        Choice::Newest { distros } => {
            let all = images
                .all(&ImageFilter::all().status(ImageStatus::Active))
                .await?;
            match distros.iter().find_map(|distro| newest(&all, distro)) {
                Some(image) => Ok(image.clone()),
                None => Err(none(
                    &format!("an image of {}", distros.join(" or ")),
                    all.iter().map(|i| i.name.clone()),
                )),
            }
        }
        _ => Err(missing("an image", "it is chosen by name, id or distribution")),
    }
}

/// The flavor that was chosen, of all that there are.
pub(crate) fn flavor<'a>(all: &'a [Flavor], choice: &Choice) -> Result<&'a Flavor> {
    let fits = match choice {
        Choice::Named(word) => all.iter().find(|f| f.id == *word || f.name == *word),
        Choice::AtLeast { cpus, memory, disk } => all
            .iter()
            .filter(|f| {
                !f.disabled && f.vcpus >= *cpus && f.ram >= u64::from(*memory) && f.disk >= u64::from(*disk)
            })
            .min_by_key(|f| (f.vcpus, f.ram, f.disk, f.name.clone())),
        _ => None,
    };
    let what = match choice {
        Choice::Named(word) => format!("flavor '{word}'"),
        other => format!("a flavor with {other}"),
    };
    let size = |f: &Flavor| format!("{} ({} × CPU, {} MiB, {} GiB)", f.name, f.vcpus, f.ram, f.disk);
    fits.ok_or_else(|| none(&what, all.iter().map(size)))
}

/// The newest that says this distribution: by its property, or by how its name begins or goes on after a dash.
fn newest<'a>(all: &'a [Image], distro: &str) -> Option<&'a Image> {
    let says = |image: &&Image| match image.property("os_distro") {
        Some(said) => said.eq_ignore_ascii_case(distro),
        None => image
            .name
            .to_ascii_lowercase()
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| word == distro),
    };
    all.iter()
        .filter(|i| !i.hidden)
        .filter(says)
        .max_by_key(|i| i.created_at.at())
}

fn missing(what: &str, why: &str) -> Error {
    Error::new(&OS_CHOICE, Class::NotFound)
        .attempted(format!("find {what}"))
        .happened(why)
}

/// What there is instead.
fn none(what: &str, all: impl Iterator<Item = String>) -> Error {
    let names: Vec<String> = all.take(20).collect();
    if names.is_empty() {
        missing(what, "there is none at all").remedy("make one, or choose something else")
    } else {
        missing(what, &format!("there are: {}", names.join(", "))).remedy("choose one of these")
    }
}

/// Exactly one, or what there is instead.
fn one<'a, T>(
    what: &str,
    all: &'a [T],
    fits: impl Fn(&T) -> bool,
    say: impl Fn(&T) -> String,
) -> Result<&'a T> {
    let fits: Vec<&T> = all.iter().filter(|it| fits(it)).collect();
    match fits.as_slice() {
        [it] => Ok(it),
        [] => Err(none(what, all.iter().map(say))),
        several => {
            let several: Vec<String> = several.iter().map(|it| say(it)).collect();
            Err(Error::new(&OS_CHOICE, Class::Blocked)
                .attempted(format!("find {what}"))
                .happened(format!("several fit: {}", several.join(", ")))
                .remedy("name the one that is meant by its id"))
        }
    }
}
