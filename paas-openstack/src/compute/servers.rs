//! What is done with one server beyond making and deleting it.

use std::collections::BTreeMap;

use paas_core::{error::Result, secrets::SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{Action, CEILING, InstanceAction, Interface, NewAttachment, Server, VolumeAttachment};
use crate::{
    client::{Call, Need, segment, service::Kind},
    collection::Collection,
};

/// A kind of console that a browser shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsoleKind {
    /// The screen, over VNC.
    NoVnc,
    /// The screen, over SPICE.
    Spice,
    /// The serial port.
    Serial,
}

impl ConsoleKind {
    /// Nova's words: protocol and type.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NoVnc => ("vnc", "novnc"),
            Self::Spice => ("spice", "spice-html5"),
            Self::Serial => ("serial", "serial"),
        }
    }
}

#[derive(Deserialize)]
struct RemoteConsole {
    url: String,
}

impl Collection<'_, Server> {
    /// Asks for an action. Nova answers at once and works on.
    ///
    /// # Errors
    ///
    /// Class `Conflict` if the server is in another state, or locked.
    pub async fn act(&self, id: &str, action: Action) -> Result<()> {
        let call = self.post(action.operation(), id, "/action")?.body(action.body());
        self.client.send(call).await.map(drop)
    }

    /// The last `lines` of what the server wrote to its console. It may hold secrets that programs printed there.
    ///
    /// # Errors
    ///
    /// Class `NotFound` or `Conflict` while the server has no console, `Unsupported` where the hypervisor has none.
    pub async fn console_output(&self, id: &str, lines: u32) -> Result<String> {
        let call = self
            .post("show console output", id, "/action")?
            .body(json!({ "os-getConsoleOutput": { "length": lines } }))
            .reads();
        self.client.fetch(call, "output").await
    }

    /// A URL that shows its screen or its serial port in a browser; whoever has it is in. From 2.6. It ends by itself, as a rule after
    /// ten minutes.
    ///
    /// # Errors
    ///
    /// Class `Invalid` where the cloud has no consoles of that kind, `Conflict` while the server has none.
    pub async fn remote_console(&self, id: &str, kind: ConsoleKind) -> Result<SecretString> {
        let (protocol, kind) = kind.words();
        let call = Call::post(
            Kind::Compute,
            "open remote console",
            self.one("open the console of", id, "/remote-consoles")?,
        )
        .body(json!({ "remote_console": { "protocol": protocol, "type": kind } }))
        .microversion(Need::between("2.6", CEILING));
        let console: RemoteConsole = self.client.fetch(call, "remote_console").await?;
        Ok(SecretString::from(console.url))
    }

    /// Its ports.
    ///
    /// # Errors
    ///
    /// Class `NotFound` if there is no such server.
    pub async fn interfaces(&self, id: &str) -> Result<Vec<Interface>> {
        self.read(
            "list server interfaces",
            id,
            "/os-interface",
            "interfaceAttachments",
        )
        .await
    }

    /// Plugs a port in.
    ///
    /// # Errors
    ///
    /// Class `Conflict` if the port is in use or the server is busy.
    pub async fn attach_port(&self, id: &str, port: &str) -> Result<Interface> {
        let call = self
            .post("attach port", id, "/os-interface")?
            .body(json!({ "interfaceAttachment": { "port_id": port } }));
        self.client.fetch(call, "interfaceAttachment").await
    }

    /// Takes a port out. Nova only begins to.
    ///
    /// # Errors
    ///
    /// Class `NotFound` if it is not plugged in.
    pub async fn detach_port(&self, id: &str, port: &str) -> Result<()> {
        let path = self.one(
            "detach port from",
            id,
            &format!("/os-interface/{}", segment(port)),
        )?;
        self.client
            .send(Call::delete(Kind::Compute, "detach port", path))
            .await
            .map(drop)
    }

    /// Its volumes.
    ///
    /// # Errors
    ///
    /// Class `NotFound` if there is no such server.
    pub async fn volumes(&self, id: &str) -> Result<Vec<VolumeAttachment>> {
        self.read(
            "list volume attachments",
            id,
            "/os-volume_attachments",
            "volumeAttachments",
        )
        .await
    }

    /// Attaches a volume. Nova works on: the volume is `in-use` when it is done.
    ///
    /// # Errors
    ///
    /// Class `Invalid` or `Conflict` if the volume is not available.
    pub async fn attach_volume(&self, id: &str, new: &NewAttachment) -> Result<VolumeAttachment> {
        let call = self
            .post("attach volume", id, "/os-volume_attachments")?
            .body(json!({ "volumeAttachment": new }));
        self.client.fetch(call, "volumeAttachment").await
    }

    /// Detaches a volume. Nova only begins to.
    ///
    /// # Errors
    ///
    /// Class `NotFound` if it is not attached.
    pub async fn detach_volume(&self, id: &str, volume: &str) -> Result<()> {
        let below = format!("/os-volume_attachments/{}", segment(volume));
        let path = self.one("detach volume from", id, &below)?;
        self.client
            .send(Call::delete(Kind::Compute, "detach volume", path))
            .await
            .map(drop)
    }

    /// Sets these metadata and leaves the others; all of them are returned.
    ///
    /// # Errors
    ///
    /// Class `Quota` if there would be too many.
    pub async fn set_metadata(
        &self,
        id: &str,
        metadata: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>> {
        let call = self
            .post("set server metadata", id, "/metadata")?
            .body(json!({ "metadata": metadata }));
        self.client.fetch(call, "metadata").await
    }

    /// Takes one of its metadata away.
    ///
    /// # Errors
    ///
    /// Class `NotFound` if there is none of that name.
    pub async fn delete_metadata(&self, id: &str, key: &str) -> Result<()> {
        let path = self.one("delete metadata of", id, &format!("/metadata/{}", segment(key)))?;
        let call = Call::delete(Kind::Compute, "delete server metadata", path);
        self.client.send(call).await.map(drop)
    }

    /// Gives it exactly these tags. From 2.26.
    ///
    /// # Errors
    ///
    /// Class `Invalid` for a tag with `/` or `,`, or longer than 60 characters.
    pub async fn replace_tags(&self, id: &str, tags: &[String]) -> Result<Vec<String>> {
        let call = Call::put(
            Kind::Compute,
            "replace server tags",
            self.one("tag", id, "/tags")?,
        )
        .body(json!({ "tags": tags }))
        .microversion(Need::between("2.26", CEILING));
        self.client.fetch(call, "tags").await
    }

    /// What was asked of it, the newest first; also of a server that is gone.
    ///
    /// # Errors
    ///
    /// Class `NotFound` if Nova has forgotten it.
    pub async fn actions(&self, id: &str) -> Result<Vec<InstanceAction>> {
        self.read(
            "list server actions",
            id,
            "/os-instance-actions",
            "instanceActions",
        )
        .await
    }

    /// One of the actions, with its steps.
    ///
    /// # Errors
    ///
    /// Class `NotFound` if there is no such action.
    pub async fn action(&self, id: &str, request: &str) -> Result<InstanceAction> {
        let below = format!("/os-instance-actions/{}", segment(request));
        self.read("show server action", id, &below, "instanceAction")
            .await
    }

    fn post(&self, operation: &'static str, id: &str, below: &str) -> Result<Call> {
        let path = self.one(operation, id, below)?;
        Ok(Call::post(Kind::Compute, operation, path).microversion(Need::up_to(CEILING)))
    }

    async fn read<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        id: &str,
        below: &str,
        member: &'static str,
    ) -> Result<T> {
        let call = Call::get(Kind::Compute, operation, self.one(operation, id, below)?);
        self.client
            .fetch(call.microversion(Need::up_to(CEILING)), member)
            .await
    }
}
