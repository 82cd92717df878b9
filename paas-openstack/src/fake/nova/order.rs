//! What a create names, found: Nova says 400, not 404, to who names what is not there.

use serde_json::Value;

use super::{
    boot::{DiskWanted, NicWanted, Order},
    wanted::{Networks, Wanted},
};
use crate::fake::{
    collection::{Object, flag, number, text},
    refusal::Refusal,
    setup::Flavor,
    who::Who,
    world,
};

/// Everything that is named.
pub(super) fn find(state: &world::State, who: &Who, wanted: &Wanted<'_>) -> Result<Order, Refusal> {
    let flavor_id = last(wanted.text("flavorRef").unwrap_or_default());
    let flavor = state.nova.flavors.iter().find(|flavor| flavor.id == flavor_id);
    let flavor = flavor
        .ok_or_else(|| bad(&format!("Flavor {flavor_id} could not be found.")))?
        .clone();
    let key_name = wanted.text("key_name").map(str::to_owned);
    if let Some(key) = &key_name
        && !state
            .nova
            .keypairs
            .iter()
            .any(|pair| pair.user == who.user && pair.name == *key)
    {
        return Err(bad("Invalid key_name provided."));
    }
    if let Some(group) = wanted.group
        && !state
            .nova
            .groups
            .iter()
            .any(|one| one.id == group && who.sees(&one.project))
    {
        return Err(bad(&format!("Instance group {group} could not be found.")));
    }
    let image = wanted.text("imageRef").map(|image| last(image).to_owned());
    let disks = wanted
        .disks
        .iter()
        .map(|disk| disk_wanted(state, who, disk))
        .collect::<Result<Vec<_>, _>>()?;
    let boots_from_volume = disks.iter().any(DiskWanted::is_root_volume);
    if image.is_none() && !disks.iter().any(|disk| disk.boot_index == Some(0)) {
        return Err(bad("Missing imageRef attribute"));
    }
    if let Some(image) = &image {
        usable_image(state, image, &flavor, boots_from_volume)?;
    }
    if disks
        .iter()
        .any(|disk| disk.boot_index == Some(0) && disk.source == "blank")
    {
        return Err(bad(
            "Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping combination is not valid.",
        ));
    }
    Ok(Order {
        flavor,
        image: image.filter(|_| !boots_from_volume),
        key_name,
        nics: nics(state, who, wanted)?,
        groups: groups(state, who, wanted.server)?,
        disks,
    })
}

fn bad(words: &str) -> Refusal {
    Refusal::nova(400, words)
}

/// References may be whole addresses.
fn last(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or_default()
}

fn usable_image(
    state: &world::State,
    id: &str,
    flavor: &Flavor,
    boots_from_volume: bool,
) -> Result<(), Refusal> {
    let image = state
        .glance
        .images
        .get(id)
        .ok_or_else(|| bad("Can not find requested image"))?;
    if text(image, "status") != "active" {
        return Err(bad(&format!("Image {id} is not active.")));
    }
    if number(image, "min_ram") > flavor.ram as i64 {
        return Err(bad("Flavor's memory is too small for requested image."));
    }
    let least = (number(image, "min_disk") << 30).max(number(image, "size"));
    let has = (flavor.disk as i64) << 30;
    if !boots_from_volume && has > 0 && least > has {
        return Err(bad(&format!(
            "Flavor's disk is too small for requested image. Flavor disk is {has} bytes, image is {least} bytes."
        )));
    }
    Ok(())
}

fn disk_wanted(state: &world::State, who: &Who, disk: &Object) -> Result<DiskWanted, Refusal> {
    let reference = disk.get("uuid").and_then(Value::as_str).map(str::to_owned);
    let source = match text(disk, "source_type") {
        "" => {
            if reference.is_some() {
                "volume"
            } else {
                "blank"
            }
        }
        "volume" => "volume",
        "image" => "image",
        "snapshot" => "snapshot",
        "blank" => "blank",
        other => {
            return Err(bad(&format!(
                "Invalid input for field/attribute source_type. Value: {other}."
            )));
        }
    };
    let to_volume = match text(disk, "destination_type") {
        "" => matches!(source, "volume" | "snapshot"),
        place => place == "volume",
    };
    let wanted = DiskWanted {
        source,
        to_volume,
        reference,
        size: number(disk, "volume_size"),
        kind: disk.get("volume_type").and_then(Value::as_str).map(str::to_owned),
        boot_index: disk
            .get("boot_index")
            .and_then(|n| n.as_i64().or_else(|| n.as_str()?.parse().ok())),
        delete_on_termination: flag(disk, "delete_on_termination"),
        tag: disk.get("tag").and_then(Value::as_str).map(str::to_owned),
    };
    match (source, &wanted.reference) {
        ("volume", Some(id)) => {
            let volume = state.cinder.volumes.get(id).filter(|volume| {
                who.sees(text(volume, "project_id")) || text(volume, "project_id").is_empty()
            });
            let volume = volume.ok_or_else(|| {
                bad(&format!(
                    "Block Device Mapping is Invalid: failed to get volume {id}."
                ))
            })?;
            if text(volume, "status") != "available" {
                return Err(bad(&format!(
                    "Block Device Mapping is Invalid: failed to get volume {id}."
                )));
            }
        }
        ("image", Some(id)) => {
            if state.glance.images.get(id).is_none() {
                return Err(bad(&format!(
                    "Block Device Mapping is Invalid: failed to get image {id}."
                )));
            }
            if to_volume && wanted.size <= 0 {
                return Err(bad(
                    "Block Device Mapping is Invalid: Images with destination_type 'volume' need to have a non-zero size specified",
                ));
            }
        }
        ("volume" | "image" | "snapshot", None) => {
            return Err(bad("Block Device Mapping is Invalid: Missing device UUID."));
        }
        _ => {}
    }
    Ok(wanted)
}

fn nics(state: &world::State, who: &Who, wanted: &Wanted<'_>) -> Result<Vec<NicWanted>, Refusal> {
    let these = match &wanted.networks {
        Networks::None => return Ok(Vec::new()),
        Networks::Auto => return found(state, who),
        Networks::These(these) => these,
    };
    let mut nics = Vec::new();
    for one in these {
        let tag = one.get("tag").and_then(Value::as_str).map(str::to_owned);
        if let Some(id) = one.get("port").and_then(Value::as_str) {
            free_port(state, who, id)?;
            nics.push(NicWanted {
                port: Some(id.to_owned()),
                network: String::new(),
                fixed_ip: None,
                tag,
            });
            continue;
        }
        let id = one
            .get("uuid")
            .and_then(Value::as_str)
            .ok_or_else(|| bad("Bad networks format: missing 'uuid'"))?;
        usable_network(state, who, id)?;
        let fixed_ip = one.get("fixed_ip").and_then(Value::as_str).map(str::to_owned);
        nics.push(NicWanted {
            port: None,
            network: id.to_owned(),
            fixed_ip,
            tag,
        });
    }
    Ok(nics)
}

/// A port that a server may get.
pub(super) fn free_port(state: &world::State, who: &Who, id: &str) -> Result<(), Refusal> {
    let port = state
        .neutron
        .ports
        .get(id)
        .filter(|port| who.sees(text(port, "project_id")));
    let port = port.ok_or_else(|| bad(&format!("Port id {id} could not be found.")))?;
    if !text(port, "device_id").is_empty() {
        return Err(Refusal::nova(409, &format!("Port {id} is still in use.")));
    }
    if port
        .get("fixed_ips")
        .and_then(Value::as_array)
        .is_none_or(Vec::is_empty)
    {
        return Err(bad(&format!("Port {id} requires a FixedIP in order to be used.")));
    }
    Ok(())
}

pub(super) fn usable_network(state: &world::State, who: &Who, id: &str) -> Result<(), Refusal> {
    let network = state
        .neutron
        .networks
        .get(id)
        .filter(|network| is_for(network, who));
    let network = network.ok_or_else(|| bad(&format!("Network {id} could not be found.")))?;
    if flag(network, "router:external") && !who.is_admin() {
        return Err(Refusal::nova(
            403,
            &format!("It is not allowed to create an interface on external network {id}"),
        ));
    }
    if state.neutron.subnets.of("network_id", id).next().is_none() {
        return Err(bad(&format!(
            "Network {id} requires a subnet in order to boot instances on."
        )));
    }
    Ok(())
}

fn is_for(network: &Object, who: &Who) -> bool {
    who.sees(text(network, "project_id")) || flag(network, "shared") || flag(network, "router:external")
}

/// Without a word about networks: the project's only one, or none if it has none.
fn found(state: &world::State, who: &Who) -> Result<Vec<NicWanted>, Refusal> {
    let own: Vec<&str> = state
        .neutron
        .networks
        .iter()
        .filter(|network| {
            (text(network, "project_id") == who.project || flag(network, "shared"))
                && !flag(network, "router:external")
        })
        .map(|network| text(network, "id"))
        .collect();
    match own.as_slice() {
        [] => Ok(Vec::new()),
        [one] => {
            usable_network(state, who, one)?;
            Ok(vec![NicWanted {
                port: None,
                network: (*one).to_owned(),
                fixed_ip: None,
                tag: None,
            }])
        }
        _ => Err(Refusal::nova(
            409,
            "Multiple possible networks found, use a Network ID to be more specific.",
        )),
    }
}

/// The ids of the security groups that are named, by name or id.
fn groups(state: &world::State, who: &Who, server: &Object) -> Result<Vec<String>, Refusal> {
    let named = server
        .get("security_groups")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    named
        .filter_map(|group| group.get("name").and_then(Value::as_str))
        .map(|name| group(state, who, name))
        .collect()
}

fn group(state: &world::State, who: &Who, name: &str) -> Result<String, Refusal> {
    let own = || {
        state
            .neutron
            .security_groups
            .iter()
            .filter(|group| text(group, "project_id") == who.project)
    };
    if let Some(found) = own().find(|group| text(group, "id") == name) {
        return Ok(text(found, "id").to_owned());
    }
    let named: Vec<&str> = own()
        .filter(|group| text(group, "name") == name)
        .map(|group| text(group, "id"))
        .collect();
    match named.as_slice() {
        [one] => Ok((*one).to_owned()),
        // Every project has this group; Neutron makes it when it is first needed.
        [] if name == "default" => Ok(String::new()),
        [] => Err(bad(&format!("Security group {name} not found."))),
        _ => Err(Refusal::nova(
            409,
            &format!("Multiple security groups found matching '{name}'. Use an ID to be more specific."),
        )),
    }
}
