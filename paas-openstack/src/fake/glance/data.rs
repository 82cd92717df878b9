//! An image's bytes: uploaded at once, or staged and imported.

use axum::body::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use super::{Import, Refusal, State, Who, World, seconds, text};

/// SHA-512 in hexadecimal digits.
pub(super) fn hash(bytes: &[u8]) -> String {
    Sha512::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl State {
    /// The bytes of a queued image.
    pub(super) fn upload(&mut self, world: &World, who: &Who, id: &str, bytes: Bytes) -> Result<(), Refusal> {
        self.expect(who, id, "upload_image", &["queued"])?;
        self.complete(who, id)?;
        self.fill(id, bytes, world.now());
        Ok(())
    }

    /// The bytes of an image that an import will take.
    pub(super) fn stage(&mut self, world: &World, who: &Who, id: &str, bytes: Bytes) -> Result<(), Refusal> {
        self.expect(who, id, "modify_image", &["queued"])?;
        self.bytes.insert(id.to_owned(), bytes);
        self.mark(id, "uploading", world.now());
        Ok(())
    }

    /// Begins an import: of staged bytes, or (for `web-download`) of as many as the URI has characters.
    pub(super) fn import(&mut self, world: &World, who: &Who, id: &str, body: &Value) -> Result<(), Refusal> {
        let bytes = match body["method"]["name"].as_str() {
            Some("glance-direct") => {
                self.expect(who, id, "modify_image", &["uploading"])
                    .map_err(|refusal| {
                        if self.visible(who, id).is_ok() {
                            Refusal::glance(
                                409,
                                "Image needs to be staged before 'glance-direct' method can be used",
                            )
                        } else {
                            refusal
                        }
                    })?;
                self.complete(who, id)?;
                self.bytes.get(id).cloned().unwrap_or_default()
            }
            Some("web-download") => {
                self.expect(who, id, "modify_image", &["queued"])
                    .map_err(|refusal| {
                        if self.visible(who, id).is_ok() {
                            Refusal::glance(
                                409,
                                "Image needs to be in 'queued' state to use 'web-download' method",
                            )
                        } else {
                            refusal
                        }
                    })?;
                self.complete(who, id)?;
                Bytes::from(body["method"]["uri"].as_str().unwrap_or_default().to_owned())
            }
            other => {
                let words = format!("Unknown import method name '{}'.", other.unwrap_or_default());
                return Err(Refusal::glance(400, &words));
            }
        };
        self.mark(id, "importing", world.now());
        let image = id.to_owned();
        self.imports
            .at(world.after(world.setup.times.image), Import { image, bytes });
        Ok(())
    }

    /// The image is whole.
    pub(super) fn fill(&mut self, id: &str, bytes: Bytes, at: Timestamp) {
        if let Some(image) = self.images.get_mut(id) {
            image.insert("size".to_owned(), json!(bytes.len()));
            if text(image, "disk_format") == "raw" {
                image.insert("virtual_size".to_owned(), json!(bytes.len()));
            }
            image.insert("os_hash_algo".to_owned(), json!("sha512"));
            image.insert("os_hash_value".to_owned(), json!(hash(&bytes)));
            self.bytes.insert(id.to_owned(), bytes);
        }
        self.mark(id, "active", at);
    }

    pub(super) fn bytes_of(&self, who: &Who, id: &str) -> Result<Option<Bytes>, Refusal> {
        let image = self.visible(who, id)?;
        if text(image, "status") == "deactivated" && !who.is_admin() {
            return Err(Refusal::glance(
                403,
                "The requested image has been deactivated. Image data download is forbidden.",
            ));
        }
        Ok(self
            .bytes
            .get(id)
            .filter(|_| text(image, "status") == "active")
            .cloned())
    }

    pub(super) fn mark(&mut self, id: &str, status: &str, at: Timestamp) {
        if let Some(image) = self.images.get_mut(id) {
            image.insert("status".to_owned(), json!(status));
            image.insert("updated_at".to_owned(), json!(seconds(at)));
        }
    }

    fn expect(&mut self, who: &Who, id: &str, action: &str, states: &[&str]) -> Result<(), Refusal> {
        let status = text(self.ours(who, id, action)?, "status").to_owned();
        if states.contains(&status.as_str()) {
            return Ok(());
        }
        Err(Refusal::glance(
            409,
            &format!("Image status transition from {status} to saving is not allowed"),
        ))
    }

    /// Both formats must be known before there are bytes.
    fn complete(&mut self, who: &Who, id: &str) -> Result<(), Refusal> {
        let image = self.ours(who, id, "modify_image")?;
        let missing: Vec<&str> = ["disk_format", "container_format"]
            .into_iter()
            .filter(|name| text(image, name).is_empty())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let words = format!(
            "Properties {} must be set prior to saving data.",
            missing.join(", ")
        );
        Err(Refusal::glance(400, &words))
    }
}
