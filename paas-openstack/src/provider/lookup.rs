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
    network::{NetworkFilter, SecurityGroupFilter, SubnetFilter},
};

/// What was found, remembered until something cannot be made of it: all machines of a run get the same image.
#[derive(Debug, Default)]
pub(super) struct Lookups {
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

    /// Something was refused: what was found may not be there any more.
    pub(super) fn forget(&self) {
        if let Ok(mut known) = self.known.lock() {
            known.clear();
        }
    }

    /// The id of the external network.
    pub(super) async fn external(&self, client: &Client, choice: &Choice) -> Result<String> {
        let what = format!("external network {choice}");
        let _alone = self.asking.external.lock().await;
        if let Some(id) = self.known(&what) {
            return Ok(id);
        }
        let all = client
            .network()
            .networks()
            .all(&NetworkFilter::all().external(true))
            .await?;
        let fits: Vec<_> = match choice {
            Choice::Named(word) => all.iter().filter(|n| n.name == *word || n.id == *word).collect(),
            _ => {
                let default: Vec<_> = all.iter().filter(|n| n.is_default).collect();
                if default.is_empty() {
                    all.iter().collect()
                } else {
                    default
                }
            }
        };
        let names = all.iter().map(|n| format!("{} ({})", n.name, n.id));
        let id = one(&what, fits.into_iter().map(|n| n.id.clone()), names)?;
        self.keep(what, &id);
        Ok(id)
    }

    /// The image.
    pub(super) async fn image(&self, client: &Client, choice: &Choice) -> Result<String> {
        let what = format!("image {choice}");
        let _alone = self.asking.image.lock().await;
        if let Some(id) = self.known(&what) {
            return Ok(id);
        }
        let active = ImageFilter::all().status(ImageStatus::Active);
        let id = match choice {
            Choice::Named(word) => {
                let named: Vec<Image> = client
                    .image()
                    .images()
                    .all(&ImageFilter::all().name(word.as_str()))
                    .await?;
                let mut usable: Vec<&Image> =
                    named.iter().filter(|i| i.status == ImageStatus::Active).collect();
                usable.sort_by_key(|i| std::cmp::Reverse(i.created_at.at()));
                match (usable.first(), named.first()) {
                    (Some(newest), _) => newest.id.clone(),
                    (None, Some(other)) => {
                        return Err(missing(
                            &what,
                            &format!("it is {}, and only an active one boots", other.status),
                        ));
                    }
                    (None, None) => {
                        let shown = client.image().images().show(word).await;
                        shown
                            .map_err(|e| {
                                if e.class() == Class::NotFound {
                                    missing(&what, "there is none of that name or id")
                                } else {
                                    e
                                }
                            })?
                            .id
                    }
                }
            }
            Choice::Newest { distros } => {
                let all: Vec<Image> = client.image().images().all(&active).await?;
                let of = |distro: &String| newest(&all, distro);
                match distros.iter().find_map(of) {
                    Some(image) => image.id.clone(),
                    None => {
                        let names: Vec<&str> = all.iter().map(|i| i.name.as_str()).take(20).collect();
                        return Err(missing(&what, &format!("there are: {}", names.join(", "))));
                    }
                }
            }
            _ => return Err(missing(&what, "an image is chosen by name, id or distribution")),
        };
        self.keep(what, &id);
        Ok(id)
    }

    /// The flavor.
    pub(super) async fn flavor(&self, client: &Client, choice: &Choice) -> Result<String> {
        let what = format!("flavor {choice}");
        let _alone = self.asking.flavor.lock().await;
        if let Some(id) = self.known(&what) {
            return Ok(id);
        }
        let all: Vec<Flavor> = client.compute().flavors().all(&FlavorFilter::all()).await?;
        let names = all
            .iter()
            .map(|f| format!("{} ({} CPUs, {} MiB, {} GiB)", f.name, f.vcpus, f.ram, f.disk));
        let fits: Option<&Flavor> = match choice {
            Choice::Named(word) => all.iter().find(|f| f.id == *word || f.name == *word),
            Choice::AtLeast { cpus, memory, disk } => all
                .iter()
                .filter(|f| {
                    !f.disabled
                        && f.vcpus >= *cpus
                        && f.ram >= u64::from(*memory)
                        && f.disk >= u64::from(*disk)
                })
                .min_by_key(|f| (f.vcpus, f.ram, f.disk, f.name.clone())),
            _ => None,
        };
        let id = one(&what, fits.map(|f| f.id.clone()), names)?;
        self.keep(what, &id);
        Ok(id)
    }

    /// The id of something that is there already, by the user's word for it: a name, or an id.
    pub(super) async fn there(&self, client: &Client, key: &str, word: &str) -> Result<String> {
        let what = format!("{key} '{word}'");
        let _alone = self.asking.there.lock().await;
        if let Some(id) = self.known(&what) {
            return Ok(id);
        }
        let net = client.network();
        let kind = key.split('/').next().unwrap_or(key);
        let all: Vec<(String, String)> = match kind {
            "network" => net
                .networks()
                .list(&NetworkFilter::all())
                .map_ok(|n| (n.id, n.name))
                .boxed(),
            "subnet" => net
                .subnets()
                .list(&SubnetFilter::all())
                .map_ok(|s| (s.id, s.name))
                .boxed(),
            "router" => net
                .routers()
                .list(&crate::network::RouterFilter::all())
                .map_ok(|r| (r.id, r.name))
                .boxed(),
            _ => net
                .security_groups()
                .list(&SecurityGroupFilter::all())
                .map_ok(|g| (g.id, g.name))
                .boxed(),
        }
        .try_collect()
        .await?;
        let fits = all
            .iter()
            .filter(|(id, name)| id == word || name == word)
            .map(|(id, _)| id.clone());
        let id = one(&what, fits, all.iter().map(|(id, name)| format!("{name} ({id})")))?;
        self.keep(what, &id);
        Ok(id)
    }
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

/// Exactly one, or what there is instead.
fn one(
    what: &str,
    fits: impl IntoIterator<Item = String>,
    all: impl Iterator<Item = String>,
) -> Result<String> {
    let fits: Vec<String> = fits.into_iter().collect();
    match fits.as_slice() {
        [id] => Ok(id.clone()),
        [] => {
            let names: Vec<String> = all.take(20).collect();
            let there = if names.is_empty() {
                "there is none at all".to_owned()
            } else {
                format!("there are: {}", names.join(", "))
            };
            Err(missing(what, &there))
        }
        several => Err(Error::new(&OS_CHOICE, Class::Blocked)
            .attempted(format!("find {what}"))
            .happened(format!("several fit: {}", several.join(", ")))
            .remedy("name the one that is meant by its id")),
    }
}
