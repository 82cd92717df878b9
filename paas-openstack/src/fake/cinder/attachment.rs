//! Attachments: what holds a volume for a server. Nova makes them; users may, and regret it.

use serde_json::{Value, json};

use super::{Object, Refusal, State, Who, World, absent, micros, text};

impl State {
    /// Reserves a volume for a server, or attaches it at once where a connector says to what.
    pub(super) fn create_attachment(
        &mut self,
        world: &World,
        who: &Who,
        sent: &Object,
    ) -> Result<Object, Refusal> {
        let id = text(sent, "volume_uuid");
        let volume = self.visible(who, id)?;
        let status = text(volume, "status").to_owned();
        if status != "available" {
            let words = format!(
                "Invalid volume: Volume {id} status must be available or in-use or downloading to reserve, but the current status is {status}."
            );
            return Err(Refusal::nova(400, &words));
        }
        let connected = sent.get("connector").is_some_and(Value::is_object);
        let attachment = super::super::collection::object(json!({
            "id": world.id(), "volume_id": id, "instance": sent.get("instance_uuid"),
            "status": if connected { "attaching" } else { "reserved" }, "attach_mode": null,
            "attached_at": if connected { micros(world.now()) } else { String::new() }, "detached_at": "",
            "connection_info": {}, "_project": text(volume, "project_id"),
        }));
        self.attachments.insert(attachment.clone());
        let state = if connected { "attaching" } else { "reserved" };
        self.mark(id, state, world.now());
        Ok(attachment)
    }

    pub(super) fn attachment(&self, who: &Who, id: &str) -> Result<&Object, Refusal> {
        self.attachments
            .get(id)
            .filter(|attachment| who.sees(text(attachment, "_project")))
            .ok_or_else(|| absent("Volume attachment", id))
    }

    /// The caller's attachments: with everything, or only with what says whose they are.
    pub(super) fn attachments(&self, who: &Who, detailed: bool) -> Vec<Object> {
        self.attachments
            .iter()
            .filter(|attachment| text(attachment, "_project") == who.project)
            .map(super::super::collection::shown)
            .map(|mut attachment| {
                let brief = ["id", "status", "instance", "volume_id"];
                attachment.retain(|name, _| detailed || brief.contains(&name.as_str()));
                attachment
            })
            .collect()
    }

    /// Says where the volume is connected.
    pub(super) fn connect(&mut self, world: &World, who: &Who, id: &str) -> Result<Object, Refusal> {
        let volume = text(self.attachment(who, id)?, "volume_id").to_owned();
        self.mark(&volume, "attaching", world.now());
        let Some(attachment) = self.attachments.get_mut(id) else {
            return Err(absent("Volume attachment", id));
        };
        attachment.insert("status".to_owned(), json!("attaching"));
        attachment.insert("attached_at".to_owned(), json!(micros(world.now())));
        attachment.insert("attach_mode".to_owned(), json!("rw"));
        Ok(attachment.clone())
    }

    /// The server has it.
    pub(super) fn complete(&mut self, world: &World, who: &Who, id: &str) -> Result<(), Refusal> {
        let attachment = self.attachment(who, id)?.clone();
        let volume = text(&attachment, "volume_id").to_owned();
        self.hold(
            world,
            &volume,
            [text(&attachment, "instance"), "/dev/vdb", ""],
            id.to_owned(),
        );
        if let Some(attachment) = self.attachments.get_mut(id) {
            attachment.insert("status".to_owned(), json!("attached"));
        }
        Ok(())
    }

    /// Lets go of a volume; what Nova attached is Nova's to detach.
    pub(super) fn delete_attachment(&mut self, world: &World, who: &Who, id: &str) -> Result<(), Refusal> {
        let attachment = self.attachment(who, id)?;
        if attachment.contains_key("_nova") {
            let words = format!(
                "Detach volume from instance {} using the Compute API",
                text(attachment, "instance")
            );
            return Err(Refusal::nova(409, &words));
        }
        let volume = text(attachment, "volume_id").to_owned();
        self.release(world, &volume);
        Ok(())
    }

    /// Marks a volume as a server's.
    pub(super) fn hold(
        &mut self,
        world: &World,
        id: &str,
        [server, device, host]: [&str; 3],
        attachment: String,
    ) {
        self.mark(id, "in-use", world.now());
        if let Some(volume) = self.volumes.get_mut(id) {
            let held = json!([{
                "server_id": server, "attachment_id": attachment, "attached_at": micros(world.now()),
                "host_name": host, "volume_id": id, "device": device, "id": id,
            }]);
            volume.insert("attachments".to_owned(), held);
        }
    }

    /// Makes a volume nobody's.
    pub(super) fn release(&mut self, world: &World, id: &str) {
        let theirs: Vec<String> = self
            .attachments
            .of("volume_id", id)
            .map(|attachment| text(attachment, "id").to_owned())
            .collect();
        for attachment in theirs {
            self.attachments.remove(&attachment);
        }
        if let Some(volume) = self.volumes.get_mut(id) {
            volume.insert("attachments".to_owned(), json!([]));
        }
        self.mark(id, "available", world.now());
    }

    /// An attachment of Nova's.
    pub(super) fn attach_for_nova(&mut self, world: &World, volume: &str, held: [&str; 3]) {
        let id = world.id();
        let project = self
            .volumes
            .get(volume)
            .map(|volume| text(volume, "project_id").to_owned());
        self.attachments.insert(super::super::collection::object(json!({
            "id": id, "volume_id": volume, "instance": held[0], "status": "attached", "attach_mode": "rw",
            "attached_at": micros(world.now()), "detached_at": "", "connection_info": {},
            "_project": project, "_nova": true,
        })));
        self.hold(world, volume, held, id);
    }
}
