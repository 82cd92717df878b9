//! Cinder: volumes, their types, snapshots and attachments.
//!
//! A volume is `creating` for a while, `available` until a server takes it, `in-use` with it, and `deleting` for a while. What it is made
//! of (an image, a snapshot, another volume) must be there when it is asked for; `bootable` is a string.

mod attachment;
mod http;
mod quota;
mod seam;
mod snapshot;
mod view;
mod volume;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::{
    collection::{Collection, Object, Schedule, micros, number, text},
    refusal::Refusal,
    who::Who,
    world::{self, World},
};

pub(super) use http::router;
pub(super) use seam::{BootVolume, attach, delete_volume, detach, make_volume};

/// What exists. Volumes and snapshots have a `project_id` that is not shown.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) volumes: Collection,
    snapshots: Collection,
    attachments: Collection,
    types: Collection,
    /// What an administrator said of a project's limits.
    quotas: BTreeMap<String, BTreeMap<String, i64>>,
    coming: Schedule<Step>,
}

/// What is to happen.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Available(String),
    Gone(String),
    SnapshotAvailable(String),
    SnapshotGone(String),
}

impl State {
    /// Everything, by kind, as the paths of this service name it.
    pub(super) fn everything(&self) -> Vec<(&'static str, Vec<Object>)> {
        vec![
            ("volumes", self.volumes.iter().cloned().collect()),
            ("snapshots", self.snapshots.iter().cloned().collect()),
        ]
    }

    /// The volume, if the caller may see it: others' do not exist.
    fn visible(&self, who: &Who, id: &str) -> Result<&Object, Refusal> {
        self.volumes
            .get(id)
            .filter(|volume| who.sees(text(volume, "project_id")))
            .ok_or_else(|| absent("Volume", id))
    }

    fn visible_mut(&mut self, who: &Who, id: &str) -> Result<&mut Object, Refusal> {
        self.volumes
            .get_mut(id)
            .filter(|volume| who.sees(text(volume, "project_id")))
            .ok_or_else(|| absent("Volume", id))
    }

    /// The type of this name or id, or the default one.
    fn type_of(&self, wanted: Option<&str>) -> Option<&Object> {
        match wanted {
            None => self.types.iter().next(),
            Some(wanted) => self
                .types
                .iter()
                .find(|one| text(one, "id") == wanted || text(one, "name") == wanted),
        }
    }

    fn mark(&mut self, id: &str, status: &str, at: Timestamp) {
        if let Some(volume) = self.volumes.get_mut(id) {
            volume.insert("status".to_owned(), json!(status));
            volume.insert("updated_at".to_owned(), json!(micros(at)));
        }
    }
}

fn absent(what: &str, id: &str) -> Refusal {
    Refusal::nova(404, &format!("{what} {id} could not be found."))
}

fn invalid(words: &str) -> Refusal {
    Refusal::nova(400, &format!("Invalid input received: {words}"))
}

/// The volume types of the setup.
pub(super) fn seed(world: &World, state: &mut world::State) {
    for name in &world.setup.volume_types {
        let id = world.id();
        state.cinder.types.insert(super::collection::object(json!({
            "id": id, "name": name, "is_public": true, "description": null, "extra_specs": {},
            "os-volume-type-access:is_public": true, "_seeded": true,
        })));
    }
}

/// Finishes what was begun.
pub(super) fn settle(_world: &World, state: &mut world::State, now: Timestamp) {
    let cinder = &mut state.cinder;
    while let Some((at, step)) = cinder.coming.due(now) {
        match step {
            // A volume that somebody deletes meanwhile stays `deleting`.
            Step::Available(id) => {
                let creating = cinder.volumes.get(&id).is_some_and(|volume| {
                    matches!(text(volume, "status"), "creating" | "downloading" | "extending")
                });
                if creating {
                    cinder.mark(&id, "available", at);
                }
            }
            Step::Gone(id) => {
                cinder.volumes.remove(&id);
            }
            Step::SnapshotAvailable(id) => {
                if let Some(snapshot) = cinder.snapshots.get_mut(&id) {
                    snapshot.insert("status".to_owned(), json!("available"));
                    snapshot.insert("updated_at".to_owned(), json!(micros(at)));
                    snapshot.insert(
                        "os-extended-snapshot-attributes:progress".to_owned(),
                        json!("100%"),
                    );
                }
            }
            Step::SnapshotGone(id) => {
                cinder.snapshots.remove(&id);
            }
        }
    }
}
