//! Making, changing and deleting volumes.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    super::world::later, Object, Refusal, State, Step, Who, World, absent, invalid, micros, number, text,
    world,
};

/// Bytes of a GiB.
const GIB: i64 = 1 << 30;

/// What an action on a volume gives back.
pub(super) type Acted = Result<Option<Value>, Refusal>;

/// Makes a volume; its id is returned.
pub(super) fn create(
    world: &World,
    state: &mut world::State,
    (project, user): (&str, &str),
    sent: &Object,
) -> Result<String, Refusal> {
    let given = |name: &str| {
        sent.get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let source = source(state, project, sent)?;
    let size = size(sent, &source)?;
    let cinder = &mut state.cinder;
    let wanted = given("volume_type").or(source.kind.as_deref());
    let Some(kind) = cinder.type_of(wanted) else {
        let words = match wanted {
            Some(name) if uuid::Uuid::try_parse(name).is_err() => {
                format!("Volume type with name {name} could not be found.")
            }
            other => format!("Volume type {} could not be found.", other.unwrap_or_default()),
        };
        return Err(Refusal::nova(404, &words));
    };
    let (kind, kind_id) = (text(kind, "name").to_owned(), text(kind, "id").to_owned());
    let zone = given("availability_zone").unwrap_or("nova");
    if zone != "nova" && !world.setup.hypervisors.iter().any(|one| one.zone == zone) {
        return Err(invalid(&format!("Availability zone '{zone}' is invalid.")));
    }
    let metadata = metadata(sent.get("metadata"))?;
    cinder.within_quota(world, project, size)?;
    let id = world.id();
    let volume = json!({
        "id": id, "project_id": project, "user_id": user, "status": "creating", "size": size,
        "name": sent.get("name").cloned().unwrap_or_default(),
        "description": sent.get("description").cloned().unwrap_or_default(),
        "availability_zone": zone, "created_at": micros(world.now()), "updated_at": null,
        "volume_type": kind, "volume_type_id": kind_id,
        "snapshot_id": given("snapshot_id"), "source_volid": given("source_volid"),
        "metadata": metadata, "bootable": if source.bootable { "true" } else { "false" },
        "encrypted": false, "replication_status": null, "consistencygroup_id": null,
        "multiattach": sent.get("multiattach") == Some(&json!(true)), "migration_status": null,
        "group_id": null, "provider_id": null, "service_uuid": null, "shared_targets": true,
        "cluster_name": null, "consumes_quota": true, "attachments": [],
        "volume_image_metadata": source.image,
    });
    let mut volume = super::super::collection::object(volume);
    if volume["volume_image_metadata"].is_null() {
        volume.remove("volume_image_metadata");
    }
    cinder.volumes.insert(volume);
    cinder
        .coming
        .at(world.after(world.setup.times.volume), Step::Available(id.clone()));
    Ok(id)
}

/// What a volume is made of.
#[derive(Debug, Default)]
struct Source {
    /// GiB that it has at least.
    least: i64,
    bootable: bool,
    kind: Option<String>,
    image: Value,
}

fn source(state: &world::State, project: &str, sent: &Object) -> Result<Source, Refusal> {
    let given = |name: &str| {
        sent.get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    if let Some(id) = given("imageRef").or(given("image_id")) {
        let unusable = || {
            Refusal::nova(
                400,
                "Invalid image identifier or unable to access requested image.",
            )
        };
        let image = state.glance.images.get(id).ok_or_else(unusable)?;
        let ours =
            text(image, "owner") == project || matches!(text(image, "visibility"), "public" | "community");
        if !ours {
            return Err(unusable());
        }
        if text(image, "status") != "active" {
            return Err(invalid(&format!("Image {id} is not active.")));
        }
        let least = number(image, "min_disk");
        let bytes = number(image, "size");
        let wanted = sent.get("size").and_then(whole).unwrap_or_default();
        if bytes > wanted.saturating_mul(GIB) {
            let gib = (bytes + GIB - 1) / GIB;
            return Err(invalid(&format!(
                "Volume size '{wanted}'GB cannot be smaller than the image size {gib}GB. They must be >= image size {gib}GB."
            )));
        }
        if least > wanted {
            return Err(invalid(&format!(
                "Volume size {wanted}GB cannot be smaller than the image minDisk size {least}GB."
            )));
        }
        return Ok(Source {
            least,
            bootable: true,
            kind: None,
            image: json!({
                "image_id": id, "image_name": image.get("name"), "checksum": image.get("checksum"),
                "container_format": image.get("container_format"), "disk_format": image.get("disk_format"),
                "min_disk": image["min_disk"].to_string(), "min_ram": image["min_ram"].to_string(),
                "size": image["size"].to_string(), "signature_verified": "False",
            }),
        });
    }
    let (kind, id) = match (given("snapshot_id"), given("source_volid")) {
        (Some(id), _) => ("Snapshot", id),
        (None, Some(id)) => ("Volume", id),
        (None, None) => return Ok(Source::default()),
    };
    let table = if kind == "Snapshot" {
        &state.cinder.snapshots
    } else {
        &state.cinder.volumes
    };
    let origin = table
        .get(id)
        .filter(|one| text(one, "project_id") == project)
        .ok_or_else(|| absent(kind, id))?;
    let volume = if kind == "Snapshot" {
        state
            .cinder
            .volumes
            .get(text(origin, "volume_id"))
            .unwrap_or(origin)
    } else {
        origin
    };
    let named = Some(text(volume, "volume_type").to_owned()).filter(|name| !name.is_empty());
    Ok(Source {
        least: number(origin, "size"),
        bootable: text(volume, "bootable") == "true",
        kind: named,
        image: volume.get("volume_image_metadata").cloned().unwrap_or_default(),
    })
}

/// GiB, which some clients send as a string.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn size(sent: &Object, source: &Source) -> Result<i64, Refusal> {
    let size = match sent.get("size") {
        None | Some(Value::Null) => Some(source.least),
        Some(value) => whole(value),
    };
    match size {
        Some(size) if size < source.least => Err(invalid(&format!(
            "Volume size '{size}'GB cannot be smaller than original volume size  {}GB. They must be >= original volume size.",
            source.least
        ))),
        Some(size) if size > 0 => Ok(size),
        _ => Err(invalid(&format!(
            "Invalid volume size provided for create request: {} (size argument must be an integer (or string representation of an integer) and greater than zero).",
            sent.get("size")
                .map_or_else(|| "None".to_owned(), Value::to_string)
        ))),
    }
}

fn metadata(sent: Option<&Value>) -> Result<Value, Refusal> {
    match sent {
        None | Some(Value::Null) => Ok(json!({})),
        Some(Value::Object(pairs)) => {
            for (key, value) in pairs {
                let fits = value.as_str().is_some_and(|text| text.len() <= 255);
                if key.is_empty() || key.len() > 255 || !fits {
                    return Err(Refusal::nova(
                        400,
                        &format!(
                            "Invalid input for field/attribute metadata. Value: {value}. It must be a string of at most 255 characters"
                        ),
                    ));
                }
            }
            Ok(Value::Object(pairs.clone()))
        }
        Some(other) => Err(Refusal::nova(
            400,
            &format!(
                "Invalid input for field/attribute metadata. Value: {other}. {other} is not of type 'object'"
            ),
        )),
    }
}

impl State {
    pub(super) fn update(
        &mut self,
        world: &World,
        who: &Who,
        id: &str,
        sent: &Object,
    ) -> Result<(), Refusal> {
        let volume = self.visible_mut(who, id)?;
        for (old, name) in [("display_name", "name"), ("display_description", "description")] {
            if let Some(value) = sent.get(name).or(sent.get(old)) {
                volume.insert(name.to_owned(), value.clone());
            }
        }
        if sent.contains_key("metadata") {
            volume.insert("metadata".to_owned(), metadata(sent.get("metadata"))?);
        }
        volume.insert("updated_at".to_owned(), json!(micros(world.now())));
        Ok(())
    }

    /// Adds to the metadata, or replaces all of it.
    pub(super) fn set_metadata(
        &mut self,
        who: &Who,
        id: &str,
        sent: &Value,
        whole: bool,
    ) -> Result<Value, Refusal> {
        let new = metadata(Some(sent))?;
        let volume = self.visible_mut(who, id)?;
        let mut all = if whole {
            json!({})
        } else {
            volume["metadata"].clone()
        };
        if let (Some(all), Value::Object(new)) = (all.as_object_mut(), new) {
            all.extend(new);
        }
        volume.insert("metadata".to_owned(), all.clone());
        Ok(all)
    }

    pub(super) fn delete(
        &mut self,
        world: &World,
        who: &Who,
        id: &str,
        cascade: bool,
    ) -> Result<(), Refusal> {
        let volume = self.visible(who, id)?;
        let deletable = matches!(
            text(volume, "status"),
            "available" | "error" | "error_restoring" | "error_extending" | "error_managing"
        );
        let snapshots: Vec<String> = self
            .snapshots
            .of("volume_id", id)
            .map(|snapshot| text(snapshot, "id").to_owned())
            .collect();
        if !deletable || !(snapshots.is_empty() || cascade) {
            return Err(Refusal::nova(
                400,
                "Invalid volume: Volume status must be available or error or error_restoring or error_extending or error_managing and must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer.",
            ));
        }
        for snapshot in snapshots {
            self.snapshots.remove(&snapshot);
        }
        self.begin_delete(world, id, world.now());
        Ok(())
    }

    pub(super) fn begin_delete(&mut self, world: &World, id: &str, at: Timestamp) {
        self.mark(id, "deleting", at);
        let gone = later(at, world.setup.times.volume_delete);
        self.coming.at(gone, Step::Gone(id.to_owned()));
    }

    /// An action: the one member of the body names it.
    pub(super) fn act(&mut self, world: &World, who: &Who, id: &str, body: &Value) -> Acted {
        let volume = self.visible(who, id)?;
        let (status, size, project) = (
            text(volume, "status").to_owned(),
            number(volume, "size"),
            text(volume, "project_id").to_owned(),
        );
        let Some((action, sent)) = body.as_object().and_then(|body| body.iter().next()) else {
            return Err(Refusal::nova(400, "Missing required element in the request body"));
        };
        match action.as_str() {
            "os-extend" => {
                let new = whole(&sent["new_size"]).unwrap_or_default();
                if !matches!(status.as_str(), "available" | "in-use") {
                    let words = format!(
                        "Invalid volume: Volume {id} status must be 'available' or 'in-use' to extend, currently {status}."
                    );
                    return Err(Refusal::nova(400, &words));
                }
                if new <= size {
                    return Err(invalid(&format!(
                        "New size for extend must be greater than current size. (current: {size}, extended: {new})."
                    )));
                }
                self.within_gigabytes(world, &project, new - size)?;
                if status == "available" {
                    self.mark(id, "extending", world.now());
                    self.coming.at(
                        world.after(world.setup.times.volume),
                        Step::Available(id.to_owned()),
                    );
                }
                self.set(id, "size", json!(new));
            }
            "os-set_bootable" => {
                let bootable = sent["bootable"] == json!(true) || sent["bootable"] == json!("true");
                self.set(id, "bootable", json!(if bootable { "true" } else { "false" }));
                return Ok(Some(Value::Null));
            }
            "os-reset_status" if who.is_admin() => {
                self.mark(id, sent["status"].as_str().unwrap_or("available"), world.now());
            }
            "os-reset_status" | "os-force_delete" if !who.is_admin() => {
                return Err(Refusal::nova(
                    403,
                    &format!(
                        "Policy doesn't allow volume_extension:volume_admin_actions:{action} to be performed."
                    ),
                ));
            }
            "os-force_delete" => self.begin_delete(world, id, world.now()),
            // Nobody is refused, whatever the volume's state: a volume that no server has stays as it is.
            "os-update_readonly_flag" | "os-detach" | "os-roll_detaching" => {}
            "os-retype" => {
                let wanted = sent["new_type"].as_str();
                let Some(kind) = self.type_of(wanted) else {
                    return Err(absent("Volume type", wanted.unwrap_or_default()));
                };
                let (name, kind) = (kind["name"].clone(), kind["id"].clone());
                self.set(id, "volume_type", name);
                self.set(id, "volume_type_id", kind);
            }
            other => {
                return Err(Refusal::nova(400, &format!("There is no such action: {other}")));
            }
        }
        Ok(None)
    }

    fn set(&mut self, id: &str, name: &str, value: Value) {
        if let Some(volume) = self.volumes.get_mut(id) {
            volume.insert(name.to_owned(), value);
        }
    }
}
