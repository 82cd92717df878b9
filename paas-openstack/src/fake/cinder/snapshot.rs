//! Snapshots: enough of them to hold a volume back and to make another of.

use serde_json::{Value, json};

use super::{Object, Refusal, State, Step, Who, World, absent, micros, number, text};

impl State {
    pub(super) fn create_snapshot(
        &mut self,
        world: &World,
        who: &Who,
        sent: &Object,
    ) -> Result<Value, Refusal> {
        let volume = self.visible(who, text(sent, "volume_id"))?;
        let (id, status) = (text(volume, "id").to_owned(), text(volume, "status").to_owned());
        let forced = sent.get("force") == Some(&json!(true));
        if status != "available" && !(status == "in-use" && forced) {
            let words = format!(
                "Invalid volume: Volume {id} status must be available, but current status is: {status}."
            );
            return Err(Refusal::nova(400, &words));
        }
        let size = number(volume, "size");
        self.within_count(world, &who.project, "snapshots")?;
        self.within_gigabytes(world, &who.project, size)?;
        let new = world.id();
        let snapshot = super::super::collection::object(json!({
            "id": new, "volume_id": id, "project_id": who.project, "user_id": who.user, "size": size,
            "name": sent.get("name"), "description": sent.get("description"), "status": "creating",
            "metadata": sent.get("metadata").cloned().unwrap_or_else(|| json!({})),
            "created_at": micros(world.now()), "updated_at": null,
            "os-extended-snapshot-attributes:project_id": who.project,
            "os-extended-snapshot-attributes:progress": "0%",
        }));
        let mut body = show(&snapshot);
        if let Some(body) = body.as_object_mut() {
            body.retain(|name, _| !name.starts_with("os-extended"));
        }
        self.snapshots.insert(snapshot);
        self.coming.at(
            world.after(world.setup.times.volume),
            Step::SnapshotAvailable(new),
        );
        Ok(body)
    }

    pub(super) fn snapshot(&self, who: &Who, id: &str) -> Result<Value, Refusal> {
        self.snapshots
            .get(id)
            .filter(|snapshot| who.sees(text(snapshot, "project_id")))
            .map(show)
            .ok_or_else(|| absent("Snapshot", id))
    }

    pub(super) fn snapshots(&self, who: &Who) -> Vec<Value> {
        self.snapshots.of("project_id", &who.project).map(show).collect()
    }

    pub(super) fn delete_snapshot(&mut self, world: &World, who: &Who, id: &str) -> Result<(), Refusal> {
        self.snapshot(who, id)?;
        if let Some(snapshot) = self.snapshots.get_mut(id) {
            snapshot.insert("status".to_owned(), json!("deleting"));
        }
        self.coming.at(
            world.after(world.setup.times.volume_delete),
            Step::SnapshotGone(id.to_owned()),
        );
        Ok(())
    }
}

fn show(snapshot: &Object) -> Value {
    let mut shown = super::super::collection::shown(snapshot);
    shown.remove("project_id");
    shown.remove("user_id");
    Value::Object(shown)
}
