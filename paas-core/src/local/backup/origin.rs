//! Where restored data comes from. It shares its system identifier with the instance that it was copied of, so their archived logs must not meet.

use std::{collections::BTreeMap, path::Path};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::control;
use crate::{
    error::{Class, Error, Result},
    local::{
        account::Account,
        codes::{LOC_MARK, LOC_SHARED},
        data, files,
    },
};

/// The file's name, in the instance's folder.
const FILE: &str = "origin.json";

/// Where an instance's data was taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::local) struct Origin {
    version: u32,
    /// A backup's id, or the instance that was cloned.
    pub(in crate::local) from: String,
    /// The identifier that both have.
    system_identifier: String,
    at: Timestamp,
}

impl Origin {
    pub(super) fn new(from: &str, system_identifier: &str, at: Timestamp) -> Self {
        Self {
            version: 1,
            from: from.to_owned(),
            system_identifier: system_identifier.to_owned(),
            at,
        }
    }

    pub(super) fn write(&self, instance: &Path, account: &Account) -> Result<()> {
        let path = instance.join(FILE);
        let text = serde_json::to_vec_pretty(self).map_err(|e| unreadable(&path, &e.to_string()))?;
        files::replace(&path, &text, 0o600, account)
    }

    /// The origin of an instance; nothing if its data was made for it.
    pub(super) fn read(instance: &Path) -> Result<Option<Self>> {
        let path = instance.join(FILE);
        let text = files::read(&path)?;
        text.map(|t| serde_json::from_str(&t).map_err(|e| unreadable(&path, &e.to_string())))
            .transpose()
    }
}

/// Refuses parameters that would archive the log of an instance that shares its system identifier: two histories in one archive look
/// like one, and a restore from it would mix them.
///
/// # Errors
/// `PAAS-LOC-0019` naming the parameter; `PAAS-LOC-0012` if the origin cannot be read, `PAAS-LOC-0013`.
pub(in crate::local) fn check_archiving(
    instance: &Path,
    parameters: &BTreeMap<String, String>,
) -> Result<()> {
    let off = |name: &str, value: &str| match name {
        "archive_mode" => ["off", "false", "no", "0"].contains(&value.to_ascii_lowercase().as_str()),
        _ => value.trim().is_empty(),
    };
    let archiving = |name: &&str| parameters.get(*name).is_some_and(|value| !off(name, value));
    let Some(name) = ["archive_mode", "archive_command", "archive_library"]
        .into_iter()
        .find(archiving)
    else {
        return Ok(());
    };
    let Some(origin) = Origin::read(instance)? else {
        return Ok(());
    };
    // Data that was made anew since then has an identifier of its own.
    let now = control::read(&instance.join(data::FOLDER))?
        .system_identifier
        .to_string();
    if now != origin.system_identifier {
        return Ok(());
    }
    Err(Error::new(&LOC_SHARED, Class::Blocked)
        .attempted(format!("set {name}"))
        .happened(format!(
            "the data comes from {} and has its system identifier, {now}",
            origin.from
        )))
}

fn unreadable(path: &Path, why: &str) -> Error {
    Error::new(&LOC_MARK, Class::Blocked)
        .attempted(format!("read {}", path.display()))
        .happened(why)
}
