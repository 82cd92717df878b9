//! What cloud-init would make of user-data: files, and the phases of the script that it runs.

use std::{collections::BTreeMap, io::Read as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;

use crate::installer::version;

/// Where kubeadm's documents lie until the script has put the machine's own words in.
const KUBEADM: &str = "/etc/paas/kubeadm.in";

/// A first boot as far as it is played.
#[derive(Default)]
pub(super) struct FirstBoot {
    files: BTreeMap<String, String>,
    /// The phases of the script, in their order.
    pub(super) phases: Vec<String>,
    documents: Vec<Value>,
}

#[derive(Deserialize)]
struct CloudConfig {
    #[serde(default)]
    write_files: Vec<File>,
    #[serde(default)]
    runcmd: Vec<Vec<String>>,
}

#[derive(Deserialize)]
struct File {
    path: String,
    content: String,
    #[serde(default)]
    encoding: Option<String>,
    #[serde(default)]
    permissions: Option<String>,
}

impl FirstBoot {
    /// Reads what a server was given. `id` is the machine's own.
    ///
    /// # Errors
    /// In cloud-init's words.
    pub(super) fn read(user_data: &[u8], id: &str) -> Result<Self, String> {
        let text = match user_data.starts_with(&[0x1f, 0x8b]) {
            true => unpacked(user_data)?,
            false => String::from_utf8_lossy(user_data).into_owned(),
        };
        if !text.starts_with("#cloud-config\n") {
            return Err(format!(
                "Unhandled non-multipart (text/x-not-multipart) userdata: '{}...'",
                text.chars().take(24).collect::<String>()
            ));
        }
        let config: CloudConfig =
            serde_saphyr::from_str(&text).map_err(|e| format!("Failed loading yaml blob: {e}"))?;
        let mut boot = Self::default();
        for file in config.write_files {
            boot.write(file)?;
        }
        for command in &config.runcmd {
            let script = command.last().and_then(|path| boot.files.get(path));
            let lines = script.into_iter().flat_map(|s| s.lines());
            let phases = lines.filter_map(|l| l.strip_prefix("boot "));
            boot.phases.extend(phases.map(|p| p.trim().to_owned()));
        }
        let documents = boot.files.get(KUBEADM).cloned().unwrap_or_default();
        let documents = documents
            .replace("@INSTANCE_ID@", id)
            .replace("@VERSION@", &newest());
        for document in documents.split("---\n").filter(|d| !d.trim().is_empty()) {
            let read = serde_saphyr::from_str(document);
            boot.documents
                .push(read.map_err(|e| format!("error unmarshaling configuration: {e}"))?);
        }
        Ok(boot)
    }

    fn write(&mut self, file: File) -> Result<(), String> {
        let content = match file.encoding.as_deref() {
            Some("gz+b64" | "gz+base64" | "gzip+base64") => {
                let letters: String = file.content.split_ascii_whitespace().collect();
                unpacked(&STANDARD.decode(letters).map_err(|e| e.to_string())?)?
            }
            Some(other) => return Err(format!("Unknown encoding type {other}, assuming text/plain")),
            None => file.content,
        };
        let secret = content.contains("PRIVATE KEY");
        if secret && file.permissions.as_deref() != Some("0600") {
            return Err(format!("{} holds a key, and others may read it", file.path));
        }
        self.files.insert(file.path, content);
        Ok(())
    }

    /// A file.
    ///
    /// # Errors
    /// It is not there.
    pub(super) fn file(&self, path: &str) -> Result<&str, String> {
        let found = self.files.get(path);
        found
            .map(String::as_str)
            .ok_or_else(|| format!("open {path}: no such file or directory"))
    }

    /// A document of kubeadm.
    ///
    /// # Errors
    /// It is not there.
    pub(super) fn document(&self, kind: &str) -> Result<&Value, String> {
        let mut found = self.documents.iter().filter(|d| d["kind"] == kind);
        let of_version = |d: &&Value| d["apiVersion"] == "kubeadm.k8s.io/v1beta4";
        found
            .find(of_version)
            .ok_or_else(|| format!("no {kind} of kubeadm.k8s.io/v1beta4 in {KUBEADM}"))
    }
}

/// What kubeadm of the newest packages says of itself.
fn newest() -> String {
    let minor = version::MINORS.last().copied().unwrap_or_default();
    format!("v1.{minor}.0")
}

fn unpacked(bytes: &[u8]) -> Result<String, String> {
    let mut text = String::new();
    let read = GzDecoder::new(bytes).read_to_string(&mut text);
    read.map(|_| text).map_err(|e| e.to_string())
}
