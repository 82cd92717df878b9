//! Cinder: volumes.

use axum::Router;
use jiff::Timestamp;

use super::{
    collection::{Collection, Object},
    refusal::Refusal,
    world::{self, Shared, World},
};

/// What exists.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) volumes: Collection,
}

impl State {
    /// Everything, by kind, as the paths of this service name it.
    pub(super) fn everything(&self) -> Vec<(&'static str, Vec<Object>)> {
        vec![("volumes", self.volumes.iter().cloned().collect())]
    }
}

/// What is there from the start.
pub(super) fn seed(_world: &World, _state: &mut world::State) {}

/// Carries out what is due.
pub(super) fn settle(_world: &World, _state: &mut world::State, _now: Timestamp) {}

/// The calls, below this service's prefix.
pub(super) fn router() -> Router<Shared> {
    Router::new()
}

/// Makes a volume for a server that boots from it: without a name, as Nova makes them.
///
/// # Errors
/// As Nova tells them to its caller: quota (403), no such type or image (400).
pub(super) fn make_volume(
    _world: &World,
    _state: &mut world::State,
    _wanted: &BootVolume<'_>,
) -> Result<String, Refusal> {
    Err(Refusal::nova(400, "No volumes are made yet."))
}

/// What a server wants to boot from.
#[derive(Debug)]
pub(super) struct BootVolume<'a> {
    pub(super) project: &'a str,
    pub(super) user: &'a str,
    /// GiB.
    pub(super) size: i64,
    /// The image that it is made of; none makes it blank.
    pub(super) image: Option<&'a str>,
    /// The snapshot that it is made of.
    pub(super) snapshot: Option<&'a str>,
    /// Its type; none is the default.
    pub(super) kind: Option<&'a str>,
    pub(super) zone: Option<&'a str>,
}

/// Gives a volume to a server: `attachments`, status `in-use`.
pub(super) fn attach(
    world: &World,
    state: &mut world::State,
    volume: &str,
    server: &str,
    device: &str,
    host: &str,
) {
    let attachment = serde_json::json!([{
        "server_id": server, "attachment_id": world.id(), "attached_at": super::collection::micros(world.now()),
        "host_name": host, "volume_id": volume, "device": device, "id": volume,
    }]);
    if let Some(volume) = state.cinder.volumes.get_mut(volume) {
        volume.insert("status".into(), "in-use".into());
        volume.insert("attachments".into(), attachment);
    }
}

/// Takes a volume away from its server: status `available`.
pub(super) fn detach(_world: &World, state: &mut world::State, volume: &str) {
    if let Some(volume) = state.cinder.volumes.get_mut(volume) {
        volume.insert("status".into(), "available".into());
        volume.insert("attachments".into(), serde_json::json!([]));
    }
}

/// Begins to delete a volume that goes with its server.
pub(super) fn delete_volume(_world: &World, state: &mut world::State, volume: &str) {
    state.cinder.volumes.remove(volume);
}
