//! One machine with everything that is known of it.

use jiff::Timestamp;
use paas_core::{
    error::{ErrorView, Result},
    owner::Owner,
};
use serde::Serialize;
use tokio::try_join;

use super::{
    list,
    login::{login, login_by_volume},
};
use crate::{
    block_storage::{Metadata, Volume, VolumeFilter},
    client::Client,
    compute::{AddressKind, Server, ServerFilter, ServerStatus},
    network::{Direction, SecurityGroup, SecurityGroupFilter},
    provider::marks,
};

/// A machine.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Vm {
    /// Its name.
    pub name: String,
    /// The server's id.
    pub id: String,
    /// Nova's word: `ACTIVE`, `ERROR`.
    pub status: String,
    /// What is being done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What the hypervisor says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<&'static str>,
    /// Why it is in `ERROR`, in Nova's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Its addresses in its network.
    pub inside: Vec<String>,
    /// Its addresses outside.
    pub outside: Vec<String>,
    /// Who logs in, where image or distribution say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The image's name, or what was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The flavor's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flavor: Option<String>,
    /// Virtual processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<u32>,
    /// Memory in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// The flavor's root disk in GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<u64>,
    /// Its zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// An opaque name of its host, the same for machines of one project on one host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// The name of its key pair in Nova.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its volumes.
    pub volumes: Vec<VolumeSeen>,
    /// What may reach it.
    pub open: Vec<Opening>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When it was first powered on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launched: Option<Timestamp>,
    /// What its owner bears in all marks.
    pub uid: uuid::Uuid,
    /// The end of what it wrote to its console; none if it was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console: Option<Console>,
}

/// A volume of a machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeSeen {
    /// Its id.
    pub id: String,
    /// In GiB.
    pub size: u64,
    /// Cinder's word: `in-use`.
    pub status: String,
    /// True for what outlives the machine.
    pub data: bool,
    /// Its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Where the hypervisor guesses that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// Something that may come in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Opening {
    /// `tcp`, `icmp`; `any`.
    pub protocol: String,
    /// `22`, `8000-8100`; none for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<String>,
    /// A range of addresses, or a group's id; `anybody`.
    pub from: String,
}

/// What a machine wrote to its console.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Console {
    /// Its last lines. They may hold secrets that programs printed there.
    Text(String),
    /// Why there is none.
    None(Box<ErrorView>),
}

/// The machine of an owner; `None` if it has no server. `lines` of its console are asked for if they are more than none.
///
/// # Errors
/// The services'. That there is no console is no error of the whole.
pub async fn show(client: &Client, owner: &Owner, lines: u32) -> Result<Option<Vm>> {
    let mark = owner.mark();
    let by_owner = Metadata::from((marks::OWNER, owner.uid().to_string().as_str()));
    let (servers, groups, volumes) = try_join!(
        Box::pin(async { client.compute().servers().all(&ServerFilter::all()).await }),
        Box::pin(async {
            let ours = SecurityGroupFilter::all().description(mark.as_str());
            client.network().security_groups().all(&ours).await
        }),
        Box::pin(async {
            let ours = VolumeFilter::all().metadata(by_owner);
            client.block_storage().all_volumes(&ours).await
        }),
    )?;
    let ours = |s: &&Server| {
        let deleted = matches!(s.status, ServerStatus::Deleted | ServerStatus::SoftDeleted);
        !deleted && s.metadata.get(marks::OWNER) == Some(&owner.uid().to_string())
    };
    let Some(server) = servers.iter().find(ours) else {
        return Ok(None);
    };
    let image = Box::pin(async {
        let id = server.image.0.as_ref()?;
        client.image().images().show(id).await.ok()
    });
    let console = Box::pin(async {
        if lines == 0 {
            return None;
        }
        let text = client.compute().servers().console_output(&server.id, lines).await;
        Some(match text {
            Ok(text) => Console::Text(text),
            Err(e) => Console::None(Box::new(ErrorView::from(&e))),
        })
    });
    let (image, console) = tokio::join!(image, console);
    let root = volumes.iter().find(|v| v.metadata.contains_key(marks::IMAGE));
    let written = root
        .and_then(|v| v.image.get("image_name")?.as_str())
        .map(str::to_owned);
    let named = image.iter().map(|i| (i.id.clone(), i.name.clone())).collect();
    Ok(Some(Vm {
        name: owner.name().to_owned(),
        id: server.id.clone(),
        status: server.status.to_string(),
        task: server.task_state.clone(),
        power: server.power_state.and_then(power),
        fault: server.fault.as_ref().map(|f| f.message.clone()),
        inside: list::addresses(server, &AddressKind::Fixed),
        outside: list::addresses(server, &AddressKind::Floating),
        user: match (&image, root) {
            (Some(image), _) => login(image),
            (None, root) => root.and_then(|v| login_by_volume(&v.image)),
        },
        image: written.or_else(|| list::image(server, &named)),
        flavor: list::flavor(server),
        cpus: server.flavor.vcpus,
        memory: server.flavor.ram,
        disk: server.flavor.disk,
        zone: server.availability_zone.clone().filter(|z| !z.is_empty()),
        host_id: Some(server.host_id.clone()).filter(|h| !h.is_empty()),
        key: server.key_name.clone(),
        volumes: volumes.iter().map(|v| volume(v, server)).collect(),
        open: open(&groups),
        created: server.created.at(),
        launched: server.launched_at.as_ref().and_then(|at| at.at()),
        uid: owner.uid(),
        console,
    }))
}

/// Nova's numbers as words. Source: nova `nova/compute/power_state.py`.
fn power(state: u8) -> Option<&'static str> {
    Some(match state {
        1 => "running",
        3 => "paused",
        4 => "off",
        6 => "crashed",
        7 => "suspended",
        _ => return None,
    })
}

fn volume(it: &Volume, server: &Server) -> VolumeSeen {
    let here = it.attachments.iter().find(|a| a.server_id == server.id);
    VolumeSeen {
        id: it.id.clone(),
        size: it.size,
        status: it.status.to_string(),
        data: !it.metadata.contains_key(marks::IMAGE),
        kind: it.volume_type.clone(),
        device: here.and_then(|a| a.device.clone()),
    }
}

fn open(groups: &[SecurityGroup]) -> Vec<Opening> {
    let rules = groups
        .iter()
        .flat_map(|g| &g.rules)
        .filter(|r| r.direction == Direction::Ingress);
    let mut all: Vec<Opening> = rules
        .map(|r| Opening {
            protocol: r.protocol.clone().unwrap_or_else(|| "any".to_owned()),
            ports: r.port_range_min.zip(r.port_range_max).map(|(first, last)| {
                if first == last {
                    first.to_string()
                } else {
                    format!("{first}-{last}")
                }
            }),
            from: r
                .remote_ip_prefix
                .clone()
                .or_else(|| r.remote_group_id.clone())
                .unwrap_or_else(|| "anybody".to_owned()),
        })
        .collect();
    all.sort();
    all
}
