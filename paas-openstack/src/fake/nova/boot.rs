//! What a server takes when it begins, and lets go of when it ends.

use jiff::Timestamp;

use super::{
    Due, hosts,
    server::{Action, Disk, Machine, Nic, Server},
    wanted::Wanted,
};
use crate::fake::{
    cinder::{self, BootVolume},
    neutron,
    refusal::Refusal,
    setup::Flavor,
    who::Who,
    world::{self, World},
};

/// What all servers of a create are made with.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) flavor: Flavor,
    /// None when they boot from a volume.
    pub(super) image: Option<String>,
    pub(super) key_name: Option<String>,
    pub(super) nics: Vec<NicWanted>,
    /// Ids of security groups for the ports that Nova makes.
    pub(super) groups: Vec<String>,
    pub(super) disks: Vec<DiskWanted>,
}

/// A port that exists, or a network to make one in.
#[derive(Debug)]
pub(super) struct NicWanted {
    pub(super) port: Option<String>,
    pub(super) network: String,
    pub(super) fixed_ip: Option<String>,
    pub(super) tag: Option<String>,
}

/// An entry of `block_device_mapping_v2`.
#[derive(Debug)]
pub(super) struct DiskWanted {
    pub(super) source: &'static str,
    pub(super) to_volume: bool,
    pub(super) reference: Option<String>,
    pub(super) size: i64,
    pub(super) kind: Option<String>,
    pub(super) boot_index: Option<i64>,
    pub(super) delete_on_termination: bool,
    pub(super) tag: Option<String>,
}

impl DiskWanted {
    pub(super) fn is_root_volume(&self) -> bool {
        self.boot_index == Some(0) && self.to_volume
    }
}

/// Begins a server, which will be ACTIVE or in ERROR. Gives its id.
pub(super) fn begin(
    world: &World,
    state: &mut world::State,
    who: &Who,
    wanted: &Wanted<'_>,
    order: &Order,
    name: String,
    request: &str,
) -> String {
    let id = world.id();
    let now = world.now();
    let zone = wanted.text("availability_zone").map(str::to_owned);
    let host = hosts::choose(world, &state.nova, &order.flavor, zone.as_deref(), wanted.group);
    let hostname = wanted
        .text("hostname")
        .map_or_else(|| host_name(&name, &id), str::to_owned);
    state.nova.servers.push(Server {
        id: id.clone(),
        name,
        project: who.project.clone(),
        user: who.user.clone(),
        description: wanted.text("description").map(str::to_owned),
        hostname,
        created: now,
        updated: now,
        launched: None,
        machine: Machine::Building,
        task: Some(if host.is_some() { "spawning" } else { "scheduling" }),
        fault: None,
        flavor: order.flavor.clone(),
        image: order.image.clone(),
        key_name: order.key_name.clone(),
        user_data: wanted.text("user_data").map(str::to_owned),
        metadata: wanted.metadata.clone(),
        tags: wanted.tags.clone(),
        config_drive: crate::fake::collection::flag(wanted.server, "config_drive"),
        locked: false,
        zone,
        host: host.as_ref().map(|host| host.name.clone()),
        host_zone: host.as_ref().map_or_else(String::new, |host| host.zone.clone()),
        group: wanted.group.map(str::to_owned),
        nics: Vec::new(),
        disks: Vec::new(),
        actions: vec![Action {
            name: "create",
            request: request.to_owned(),
            user: who.user.clone(),
            at: now,
        }],
        console: None,
    });
    // What fails on a host fails before anything else is taken.
    let outcome = match &host {
        None => Err("No valid host was found. There are not enough hosts available.".to_owned()),
        Some(host) => take(world, state, who, order, &id, host).map_err(|refusal| refusal.words()),
    };
    let at = world.after(world.setup.times.boot);
    let due = match outcome {
        Ok(()) => Due::Up(id.clone()),
        Err(words) => Due::Failed(id.clone(), words),
    };
    state.nova.schedule.at(at, due);
    id
}

/// Binds its ports and attaches its volumes, making those that are to be made.
fn take(
    world: &World,
    state: &mut world::State,
    who: &Who,
    order: &Order,
    id: &str,
    host: &hosts::Host,
) -> Result<(), Refusal> {
    for wanted in &order.nics {
        let (port, made) = match &wanted.port {
            Some(port) => (port.clone(), false),
            None => {
                let ip = wanted.fixed_ip.as_deref();
                let groups: Vec<String> = order.groups.iter().filter(|id| !id.is_empty()).cloned().collect();
                (
                    neutron::make_port(world, state, &who.project, &wanted.network, ip, &groups)?,
                    true,
                )
            }
        };
        neutron::bind(world, state, &port, id, &host.zone, &host.name);
        let nic = Nic {
            port,
            made,
            tag: wanted.tag.clone(),
        };
        if let Some(server) = state.nova.server_mut(id) {
            server.nics.push(nic);
        }
    }
    for wanted in order.disks.iter().filter(|disk| disk.to_volume) {
        let volume = match (wanted.source, &wanted.reference) {
            ("volume", Some(volume)) => volume.clone(),
            (source, reference) => cinder::make_volume(
                world,
                state,
                &BootVolume {
                    project: &who.project,
                    user: &who.user,
                    size: wanted.size,
                    image: reference.as_deref().filter(|_| source == "image"),
                    snapshot: reference.as_deref().filter(|_| source == "snapshot"),
                    kind: wanted.kind.as_deref(),
                    zone: None,
                },
            )?,
        };
        attach(
            world,
            state,
            id,
            &volume,
            wanted.is_root_volume(),
            wanted.delete_on_termination,
            wanted.tag.clone(),
        );
    }
    Ok(())
}

/// Attaches a volume under the next free name of a device, and gives that name.
pub(super) fn attach(
    world: &World,
    state: &mut world::State,
    id: &str,
    volume: &str,
    boots: bool,
    delete_on_termination: bool,
    tag: Option<String>,
) -> String {
    let attachment = world.id();
    let Some(server) = state.nova.server_mut(id) else {
        return String::new();
    };
    let host = server.host.clone().unwrap_or_default();
    let device = if boots {
        "/dev/vda".to_owned()
    } else {
        let letters = ('b'..='z').map(|letter| format!("/dev/vd{letter}"));
        let free = letters
            .into_iter()
            .find(|device| !server.disks.iter().any(|disk| disk.device == *device));
        free.unwrap_or_else(|| "/dev/vdz".to_owned())
    };
    server.disks.push(Disk {
        volume: volume.to_owned(),
        device: device.clone(),
        boots,
        delete_on_termination,
        tag,
        attachment,
    });
    cinder::attach(world, state, volume, id, &device, &host);
    device
}

/// The end of a server: ports that Nova made go with it, others are free again; so with volumes.
pub(super) fn let_go(world: &World, state: &mut world::State, id: &str, at: Timestamp) {
    let Some(index) = state.nova.servers.iter().position(|server| server.id == id) else {
        return;
    };
    let server = state.nova.servers.remove(index);
    for nic in server.nics {
        if nic.made {
            neutron::delete_port(world, state, &nic.port);
        } else {
            neutron::unbind(world, state, &nic.port);
        }
    }
    for disk in server.disks {
        cinder::detach(world, state, &disk.volume);
        if disk.delete_on_termination {
            cinder::delete_volume(world, state, &disk.volume, at);
        }
    }
}

/// Nova makes host names of names: letters, digits and hyphens, in lower case.
fn host_name(name: &str, id: &str) -> String {
    let clean: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_whitespace() || c == '_' { '-' } else { c })
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
        .take(63)
        .collect();
    let trimmed = clean.trim_matches(['-', '.']);
    if trimmed.is_empty() {
        format!("server-{id}")
    } else {
        trimmed.to_owned()
    }
}
