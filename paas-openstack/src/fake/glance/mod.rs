//! Glance: images.
//!
//! An image is `queued` until its bytes come, and then `active`. Its id may be chosen by who creates it, and a repeat is 409. Sizes and
//! hashes are those of the bytes; `checksum` stays null, as on clouds that no longer use MD5.

mod data;
mod http;
mod lists;
mod patch;

use std::collections::BTreeMap;

use axum::body::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    collection::{Collection, Object, Schedule, flag, seconds, text},
    refusal::Refusal,
    who::Who,
    world::{self, World},
};

pub(super) use http::router;

/// What exists.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) images: Collection,
    bytes: BTreeMap<String, Bytes>,
    imports: Schedule<Import>,
}

/// An image whose bytes are on their way.
#[derive(Debug)]
struct Import {
    image: String,
    bytes: Bytes,
}

impl State {
    /// Everything, by kind, as the paths of this service name it.
    pub(super) fn everything(&self) -> Vec<(&'static str, Vec<Object>)> {
        vec![("images", self.images.iter().cloned().collect())]
    }

    /// The image, if the caller may see it.
    fn visible(&self, who: &Who, id: &str) -> Result<&Object, Refusal> {
        self.images
            .get(id)
            .filter(|image| may_see(who, image))
            .ok_or_else(|| Refusal::glance(404, &format!("No image found with ID {id}")))
    }

    /// The image, if the caller may change it: what is seen but not owned is refused with 403.
    fn ours(&mut self, who: &Who, id: &str, action: &str) -> Result<&mut Object, Refusal> {
        let image = self.visible(who, id)?;
        if !who.sees(text(image, "owner")) {
            return Err(denied(action));
        }
        self.images
            .get_mut(id)
            .ok_or_else(|| Refusal::glance(404, &format!("No image found with ID {id}")))
    }

    fn create(&mut self, world: &World, who: &Who, mut sent: Object) -> Result<Object, Refusal> {
        for name in READ_ONLY {
            if sent.contains_key(*name) {
                return Err(Refusal::glance(403, &format!("Attribute '{name}' is read-only.")));
            }
        }
        let id = match sent.remove("id") {
            None => world.id(),
            Some(Value::String(id)) if uuid::Uuid::try_parse(&id).is_ok() => id,
            Some(other) => {
                let words = format!(
                    "Provided object does not match schema 'image': {other} does not match pattern for a UUID: Failed validating 'pattern' in schema['properties']['id']"
                );
                return Err(Refusal::glance(400, &words));
            }
        };
        if self.images.get(&id).is_some() {
            return Err(Refusal::glance(409, &format!("Image ID {id} already exists!")));
        }
        let mut image = blank(world, &id, &who.project);
        for (name, value) in sent {
            if name == "owner" && !who.is_admin() && value != json!(who.project) {
                return Err(denied("create_image"));
            }
            check(who, &name, &value)?;
            image.insert(name, value);
        }
        self.images.insert(image.clone());
        Ok(image)
    }

    fn delete(&mut self, who: &Who, id: &str) -> Result<(), Refusal> {
        if self.visible(who, id).is_err() {
            let words = format!("Failed to find image {id} to delete");
            return Err(Refusal::glance(404, &words));
        }
        let image = self.ours(who, id, "delete_image")?;
        if flag(image, "protected") {
            let words = format!("Image {id} is protected and cannot be deleted.");
            return Err(Refusal::glance(403, &words));
        }
        self.images.remove(id);
        self.bytes.remove(id);
        self.imports.forget(|import| import.image == id);
        Ok(())
    }
}

/// What only Glance itself writes.
const READ_ONLY: &[&str] = &[
    "checksum",
    "created_at",
    "direct_url",
    "file",
    "os_hash_algo",
    "os_hash_value",
    "schema",
    "self",
    "size",
    "status",
    "updated_at",
    "virtual_size",
];

fn may_see(who: &Who, image: &Object) -> bool {
    who.sees(text(image, "owner")) || matches!(text(image, "visibility"), "public" | "community")
}

fn denied(action: &str) -> Refusal {
    Refusal::glance(
        403,
        &format!("You are not authorized to complete {action} action."),
    )
}

/// An image of which nothing is known yet.
fn blank(world: &World, id: &str, owner: &str) -> Object {
    let now = seconds(world.now());
    super::collection::object(json!({
        "status": "queued", "name": null, "tags": [], "container_format": null, "disk_format": null,
        "created_at": now, "updated_at": now, "visibility": "shared", "self": format!("/v2/images/{id}"),
        "min_disk": 0, "min_ram": 0, "protected": false, "id": id, "file": format!("/v2/images/{id}/file"),
        "checksum": null, "os_hash_algo": null, "os_hash_value": null, "os_hidden": false, "owner": owner,
        "size": null, "virtual_size": null, "schema": "/v2/schemas/image",
    }))
}

/// Whether a member may have this value.
fn check(who: &Who, name: &str, value: &Value) -> Result<(), Refusal> {
    let fits = match name {
        "min_disk" | "min_ram" => value.is_u64(),
        "protected" | "os_hidden" => value.is_boolean(),
        "tags" => value
            .as_array()
            .is_some_and(|tags| tags.iter().all(Value::is_string)),
        "locations" => value.is_array(),
        "visibility" => ["public", "private", "shared", "community"]
            .iter()
            .any(|one| value == one),
        "disk_format" => {
            [
                "ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop",
            ]
            .iter()
            .any(|one| value == one)
                || value.is_null()
        }
        "container_format" => {
            ["ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"]
                .iter()
                .any(|one| value == one)
                || value.is_null()
        }
        "name" => value.is_null() || value.as_str().is_some_and(|name| name.chars().count() <= 255),
        _ => value.is_string() || value.is_null() && matches!(name, "owner"),
    };
    if !fits {
        return Err(Refusal::glance(
            400,
            &format!(
                "Provided object does not match schema 'image': {value} is not valid for property '{name}'"
            ),
        ));
    }
    if name == "visibility" && value == "public" && !who.is_admin() {
        return Err(denied("publicize_image"));
    }
    Ok(())
}

/// The public images of the setup.
pub(super) fn seed(world: &World, state: &mut world::State) {
    let owner = world
        .setup
        .projects
        .iter()
        .find(|project| project.name == "admin")
        .or(world.setup.projects.last())
        .map(|project| project.id.clone())
        .unwrap_or_default();
    for image in &world.setup.images {
        let mut made = blank(world, &image.id, &owner);
        for (name, value) in [
            ("name", json!(image.name)),
            ("status", json!("active")),
            ("visibility", json!("public")),
            ("container_format", json!("bare")),
            ("disk_format", json!("qcow2")),
            ("size", json!(image.size)),
            ("virtual_size", json!(image.size)),
            ("min_disk", json!(image.min_disk)),
            ("min_ram", json!(image.min_ram)),
            ("os_hash_algo", json!("sha512")),
            ("os_hash_value", json!(data::hash(image.id.as_bytes()))),
            ("_seeded", json!(true)),
        ] {
            made.insert(name.to_owned(), value);
        }
        for (name, value) in &image.properties {
            made.insert(name.clone(), json!(value));
        }
        state.glance.images.insert(made);
    }
}

/// Finishes imports.
pub(super) fn settle(_world: &World, state: &mut world::State, now: Timestamp) {
    while let Some((at, import)) = state.glance.imports.due(now) {
        state.glance.fill(&import.image, import.bytes, at);
    }
}
