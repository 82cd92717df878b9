//! Whether flavor, image and disk fit together, as Nova and Cinder judge when the machine is made.

use std::collections::BTreeMap;

use paas_core::{graph::Desired, preflight::Finding, resource::Key};

use super::{
    facts::Facts,
    needs::{Made, Needs},
};
use crate::{
    codes::{OS_FIT, OS_SHAPE},
    compute::Flavor,
    image::Image,
    provider::{
        choice::Choice,
        kinds::{Root, Server, Volume},
        lookup,
        resource::OpenStackResource,
    },
};

pub(super) fn judge(needs: &Needs<'_>, facts: &Facts, desired: &Desired<OpenStackResource>) -> Vec<Finding> {
    let mut found = Found::default();
    for server in &needs.servers {
        if let Some(Ok(flavors)) = &facts.flavors
            && let Ok(flavor) = lookup::flavor(flavors, &server.want.flavor)
        {
            machine(server, flavor, facts, &mut found);
        }
    }
    for volume in &needs.volumes {
        disk(volume, facts, &mut found);
    }
    let crowded = needs.makes.then(|| addresses(desired)).flatten();
    found.told().into_iter().chain(crowded).collect()
}

/// Of a range, its own name, its broadcast and the router are no machine's.
const NOBODYS: u64 = 3;

/// Whether our own subnet has an address for each port in it.
fn addresses(desired: &Desired<OpenStackResource>) -> Option<Finding> {
    let cidr = desired.wanted().values().find_map(|it| match it {
        OpenStackResource::Subnet(subnet) => Some(&subnet.cidr),
        _ => None,
    })?;
    let bits: u32 = cidr.rsplit_once('/')?.1.parse().ok()?;
    let has = (1_u64 << 32_u32.checked_sub(bits)?).saturating_sub(NOBODYS);
    let takes = |it: &&OpenStackResource| {
        matches!(
            it,
            OpenStackResource::Port(_) | OpenStackResource::LoadBalancer(_)
        )
    };
    let wanted = desired.wanted().values().filter(takes).count() as u64;
    if wanted <= has {
        return None;
    }
    let what = format!("the network {cidr} has {has} addresses, {wanted} are wanted");
    Some(Finding::error(&OS_SHAPE, what).remedy("set a larger networkCidr, or want fewer machines"))
}

fn machine(server: &Made<'_, Server>, flavor: &Flavor, facts: &Facts, found: &mut Found) {
    let name = &flavor.name;
    if server.want.root == Root::Image && flavor.disk == 0 && !is_admin(facts) {
        let what = format!("flavor {name} has no disk, and the machines have no root volume");
        let remedy = "give the pool a volumeSize, or choose a flavor with a disk";
        found.add(what, remedy.to_owned(), server.key);
    }
    let Some(image) = image(facts, &server.want.image) else {
        return;
    };
    if flavor.ram < image.min_ram {
        let (has, needs) = (flavor.ram, image.min_ram);
        let what = format!(
            "flavor {name} has {has} MiB of memory, image {} needs {needs} MiB",
            image.name
        );
        let remedy = format!("choose a flavor with at least {needs} MiB, or another image");
        found.add(what, remedy, server.key);
    }
    let needs = disk_of(image);
    if server.want.root == Root::Image && flavor.disk > 0 && flavor.disk < needs {
        let has = flavor.disk;
        let what = format!(
            "flavor {name} has a disk of {has} GiB, image {} needs {needs} GiB",
            image.name
        );
        let remedy = format!("choose a flavor with at least {needs} GiB, or give the pool a volumeSize");
        found.add(what, remedy, server.key);
    }
}

fn disk(volume: &Made<'_, Volume>, facts: &Facts, found: &mut Found) {
    let choice = volume.want.image.as_ref();
    let Some(image) = choice.and_then(|choice| image(facts, choice)) else {
        return;
    };
    let (has, needs) = (u64::from(volume.want.size), disk_of(image));
    if has < needs {
        let what = format!(
            "the root volume has {has} GiB, image {} needs {needs} GiB",
            image.name
        );
        let remedy = format!("set volumeSize to at least {needs}Gi");
        found.add(what, remedy, volume.key);
    }
}

/// GiB of disk that an image needs: what it says, and what it becomes, where that is known.
fn disk_of(image: &Image) -> u64 {
    let whole = match image.disk_format.as_deref() {
        Some("raw") => image.virtual_size.or(image.size),
        _ => image.virtual_size,
    };
    image.min_disk.max(whole.unwrap_or(0).div_ceil(1 << 30))
}

fn image<'a>(facts: &'a Facts, choice: &Choice) -> Option<&'a Image> {
    let (_, told) = facts.images.iter().find(|(asked, _)| asked == choice)?;
    told.as_ref()?.as_ref().ok()
}

/// Administrators may make machines on flavors without a disk.
fn is_admin(facts: &Facts) -> bool {
    matches!(&facts.token, Some(Ok(token)) if token.roles.iter().any(|r| r.name == "admin"))
}

/// Findings with the machines that they are about: many machines are alike.
#[derive(Default)]
struct Found(BTreeMap<(String, String), Vec<String>>);

/// So many are told by name.
const NAMED: usize = 3;

impl Found {
    fn add(&mut self, what: String, remedy: String, key: &Key) {
        let name = key.as_str().rsplit('/').next().unwrap_or_default();
        self.0.entry((what, remedy)).or_default().push(name.to_owned());
    }

    fn told(self) -> Vec<Finding> {
        let said = |((what, remedy), names): ((String, String), Vec<String>)| {
            let mut for_whom = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            if names.len() > NAMED {
                for_whom = format!("{for_whom} and {} more", names.len() - NAMED);
            }
            Finding::error(&OS_FIT, format!("{what} ({for_whom})")).remedy(remedy)
        };
        self.0.into_iter().map(said).collect()
    }
}
