//! What a backup holds: written last, so that a backup with a manifest is a whole one.

use std::{collections::BTreeMap, path::Path};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    error::{Class, Error, Result},
    local::{account::Account, codes::LOC_CORRUPT, files},
};

/// The manifest's file name, in the backup's folder.
pub const FILE: &str = "manifest.json";

/// The version of the format that this program writes.
const VERSION: u32 = 1;

/// The member that holds the SHA-256 of all others.
const SEAL: &str = "seal";

/// Why a backup was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// Somebody asked for it; it stays until somebody removes it.
    Asked,
    /// The spec's schedule; it goes by the spec's retention.
    Schedule,
    /// A `DatabaseBackup`, as `namespace/name`; it stays until somebody removes it.
    Object(String),
}

/// One copied file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it belongs, below the data directory.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The format's version.
    pub version: u32,
    /// The backup's id: the time of its beginning, the instance, and the begin of the owner's uid.
    pub id: String,
    /// The uid of the instance's owner.
    pub owner: String,
    /// The instance's namespace.
    pub namespace: String,
    /// The instance's name.
    pub name: String,
    /// Why it was made.
    pub cause: Cause,
    /// When the copy began.
    pub began: Timestamp,
    /// When it was whole.
    pub finished: Timestamp,
    /// Whether the server ran while it was copied.
    pub running: bool,
    /// PostgreSQL's major version.
    pub major: u32,
    /// The server's own version, if it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// What tells this cluster's write-ahead log from others', in decimal digits.
    pub system_identifier: String,
    /// The timeline of the write-ahead log.
    pub timeline: u32,
    /// Where recovery begins.
    pub start_lsn: String,
    /// Where the copy is consistent.
    pub stop_lsn: String,
    /// The declared parameters that the server ran with.
    pub parameters: BTreeMap<String, String>,
    /// The instance's spec, for whoever restores it after its object is gone.
    pub spec: Value,
    /// Folders below the data directory.
    pub folders: Vec<String>,
    /// Files, with what they must look like.
    pub files: Vec<Entry>,
}

impl Manifest {
    /// Today's format.
    pub const VERSION: u32 = VERSION;

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|f| f.size).sum()
    }

    /// Its text, sealed.
    ///
    /// # Errors
    /// Never; texts and numbers have a form in JSON.
    pub fn to_text(&self) -> Result<String> {
        let broken = |e: serde_json::Error| corrupt(&self.id, e.to_string());
        let mut value = serde_json::to_value(self).map_err(broken)?;
        value[SEAL] = seal(&value).into();
        serde_json::to_string_pretty(&value).map_err(broken)
    }

    /// Understands a text, and checks its seal: a manifest that was damaged must not bless damaged files.
    ///
    /// # Errors
    /// `PAAS-LOC-0018`.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let broken = |why: String| corrupt(&format!("{name}/{FILE}"), why);
        let mut value: Value = serde_json::from_str(text).map_err(|e| broken(e.to_string()))?;
        let said = value.as_object_mut().and_then(|o| o.remove(SEAL));
        if said.as_ref().and_then(Value::as_str) != Some(&seal(&value)) {
            return Err(broken("its seal is broken".to_owned()));
        }
        if value["version"].as_u64().is_none_or(|v| v > u64::from(VERSION)) {
            return Err(broken(format!(
                "its version {} is not one of ours, {VERSION}",
                value["version"]
            )));
        }
        serde_json::from_value(value).map_err(|e| broken(e.to_string()))
    }

    /// The manifest of a backup's folder.
    ///
    /// # Errors
    /// `PAAS-LOC-0018` if it is missing or damaged, `PAAS-LOC-0013`.
    pub fn read(folder: &Path) -> Result<Self> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        match files::read(&folder.join(FILE))? {
            Some(text) => Self::parse(&name, &text),
            None => Err(corrupt(&name, "it has no manifest".to_owned())),
        }
    }

    /// Writes it; everything else must be there.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let us = Account::Myself { uid: 0 };
        files::replace(&folder.join(FILE), self.to_text()?.as_bytes(), 0o600, &us)
    }
}

/// A backup that is not what was written.
pub(super) fn corrupt(what: &str, why: String) -> Error {
    Error::new(&LOC_CORRUPT, Class::Blocked)
        .attempted(format!("read the backup {what}"))
        .happened(why)
}

fn seal(value: &Value) -> String {
    hex(&Sha256::digest(value.to_string().as_bytes()))
}

pub(super) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn manifest(files: Vec<Entry>) -> Manifest {
        Manifest {
            version: VERSION,
            id: "20261122T221500Z-demo-1a2b3c4d".into(),
            owner: "uid".into(),
            namespace: "default".into(),
            name: "demo".into(),
            cause: Cause::Object("default/first".into()),
            began: Timestamp::UNIX_EPOCH,
            finished: Timestamp::UNIX_EPOCH,
            running: true,
            major: 15,
            server: Some("15.18".into()),
            system_identifier: u64::MAX.to_string(),
            timeline: 1,
            start_lsn: "0/2000028".into(),
            stop_lsn: "0/2000100".into(),
            parameters: BTreeMap::from([("work_mem".into(), "8MB".into())]),
            spec: serde_json::json!({"replicas": 1}),
            folders: vec!["base".into()],
            files,
        }
    }

    proptest! {
        #[test]
        fn a_manifest_is_read_as_it_was_written_and_a_changed_byte_breaks_its_seal(
            sizes in prop::collection::vec((any::<u32>(), "[0-9a-f]{64}"), 0..5), at in any::<prop::sample::Index>()
        ) {
            let files = sizes.into_iter().enumerate().map(|(n, (size, sha256))| Entry {
                path: format!("base/1/{n}"), size: size.into(), sha256,
            });
            let it = manifest(files.collect());
            let text = it.to_text().unwrap();
            prop_assert_eq!(&Manifest::parse("x", &text).unwrap(), &it);
            let mut bytes = text.into_bytes();
            let at = at.index(bytes.len());
            prop_assume!(!bytes[at].is_ascii_whitespace());
            bytes[at] = if bytes[at] == b'7' { b'8' } else { b'7' };
            let e = Manifest::parse("x", &String::from_utf8(bytes).unwrap()).unwrap_err();
            prop_assert_eq!(e.code().id, LOC_CORRUPT.id);
        }
    }

    #[test]
    fn a_manifest_of_a_later_program_is_refused() {
        let it = Manifest {
            version: 2,
            ..manifest(Vec::new())
        };
        let e = Manifest::parse("x", &it.to_text().unwrap()).unwrap_err();
        assert!(e.words().contains("version 2"), "{e}");
    }
}
