//! What Nova asks of Cinder.

use jiff::Timestamp;
use serde_json::json;

use super::{
    super::{
        collection::object,
        refusal::Refusal,
        world::{State, World},
    },
    text, volume,
};

/// What a server wants to boot from.
#[derive(Debug)]
pub(in crate::fake) struct BootVolume<'a> {
    pub(in crate::fake) project: &'a str,
    pub(in crate::fake) user: &'a str,
    /// GiB.
    pub(in crate::fake) size: i64,
    /// The image that it is made of; none makes it blank.
    pub(in crate::fake) image: Option<&'a str>,
    /// The snapshot that it is made of.
    pub(in crate::fake) snapshot: Option<&'a str>,
    /// Its type; none is the default.
    pub(in crate::fake) kind: Option<&'a str>,
    pub(in crate::fake) zone: Option<&'a str>,
}

/// Makes a volume for a server that boots from it: without a name, as Nova makes them.
///
/// # Errors
/// As Nova tells them to its caller: quota (403), no such type or image (400).
pub(in crate::fake) fn make_volume(
    world: &World,
    state: &mut State,
    wanted: &BootVolume<'_>,
) -> Result<String, Refusal> {
    let over = state
        .cinder
        .within_quota(world, wanted.project, wanted.size)
        .is_err();
    if over {
        return Err(Refusal::nova(403, "Volume resource quota exceeded"));
    }
    if let Some(kind) = wanted
        .kind
        .filter(|kind| state.cinder.type_of(Some(kind)).is_none())
    {
        let words = format!("Volume type {kind} could not be found.");
        return Err(Refusal::nova(400, &words));
    }
    let sent = object(json!({
        "name": "", "description": "", "size": wanted.size, "imageRef": wanted.image,
        "snapshot_id": wanted.snapshot, "volume_type": wanted.kind,
    }));
    volume::create(world, state, (wanted.project, wanted.user), &sent)
        .inspect(|id| {
            if let (Some(zone), Some(volume)) = (wanted.zone, state.cinder.volumes.get_mut(id)) {
                volume.insert("availability_zone".to_owned(), json!(zone));
            }
        })
        .map_err(|_| {
            let words = format!(
                "Image {} is unacceptable: a volume of {} GiB cannot be made of it.",
                wanted.image.or(wanted.snapshot).unwrap_or_default(),
                wanted.size
            );
            Refusal::nova(400, &words)
        })
}

/// Gives a volume to a server: `attachments`, status `in-use`.
pub(in crate::fake) fn attach(
    world: &World,
    state: &mut State,
    volume: &str,
    server: &str,
    device: &str,
    host: &str,
) {
    state
        .cinder
        .attach_for_nova(world, volume, [server, device, host]);
}

/// Takes a volume away from its server: status `available`.
pub(in crate::fake) fn detach(world: &World, state: &mut State, volume: &str) {
    state.cinder.release(world, volume);
}

/// Begins to delete a volume that goes with its server.
pub(in crate::fake) fn delete_volume(world: &World, state: &mut State, volume: &str, at: Timestamp) {
    let there = state
        .cinder
        .volumes
        .get(volume)
        .is_some_and(|volume| text(volume, "status") != "deleting");
    if there {
        state.cinder.release(world, volume);
        state.cinder.begin_delete(world, volume, at);
    }
}
