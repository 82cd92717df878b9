//! One binding's directory: whose it is, and how its entries are switched.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::{MetadataExt, OpenOptionsExt, symlink},
    path::{Path, PathBuf},
};

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::{
    database::binding::Entries,
    error::{Class, Error, Result},
    local::{
        account::Account,
        codes::LOC_BINDING,
        files::{self, io_error},
    },
    owner::Owner,
};

/// The mark's name; readers of a binding pass over what begins with two dots, as they do in Kubernetes.
pub(super) const MARK_FILE: &str = "..paas.json";

/// The link that is switched.
pub(super) const CURRENT: &str = "..data";

/// Whose a directory is.
#[derive(Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) owner: String,
    pub(super) user: String,
}

/// Whose a directory is; nothing if that cannot be told.
pub(super) fn mark(place: &Path) -> Option<Mark> {
    let text = fs::read(place.join(MARK_FILE)).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Whether a directory is this owner's or a damaged one of it, and nobody else's.
pub(super) fn is_ours(place: &Path, owner: &Owner) -> bool {
    match mark(place) {
        Some(mark) => mark.owner == owner.uid().to_string(),
        None => is_half_made(place) || current(place).is_some() || is_empty(place),
    }
}

fn is_half_made(place: &Path) -> bool {
    let name = place.file_name().unwrap_or_default();
    name.to_string_lossy().starts_with(files::HALF_MADE)
}

fn is_empty(place: &Path) -> bool {
    files::list(place).is_ok_and(|all| all.is_empty())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut f| f.write_all(bytes))
        .map_err(|e| io_error("write", path, e))
}

/// Makes `path` a link to `to`, whatever was there, in one move.
fn link(path: &Path, to: &Path) -> Result<()> {
    if fs::read_link(path).is_ok_and(|now| now == to) {
        return Ok(());
    }
    let half = files::half_made(path);
    files::remove(&half)?;
    if path.symlink_metadata().is_ok_and(|m| m.is_dir()) {
        files::remove(path)?;
    }
    symlink(to, &half)
        .and_then(|()| fs::rename(&half, path))
        .map_err(|e| io_error("link", path, e))
}

/// The folder of the entries that readers see now.
fn current(place: &Path) -> Option<PathBuf> {
    fs::read_link(place.join(CURRENT)).ok()
}

/// The folders of all publications, by their numbers.
fn publications(place: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let all = files::list(place)?;
    let numbered = all.into_iter().filter_map(|path| {
        let number = path.file_name()?.to_str()?.strip_prefix("..")?.parse().ok()?;
        Some((number, path))
    });
    Ok(numbered.collect())
}

/// Removes publications that are not the current one.
pub(super) fn sweep(place: &Path) -> Result<()> {
    let now = current(place);
    for (_, path) in publications(place)? {
        if now.as_deref() != path.file_name().map(Path::new) {
            files::remove(&path)?;
        }
    }
    Ok(())
}

/// Writes a new publication into a binding's directory and switches to it. The former one stays for readers that had begun with it.
pub(super) fn switch(place: &Path, entries: &Entries) -> Result<()> {
    sweep(place)?;
    let number = publications(place)?
        .last()
        .map_or(1, |(n, _)| n.saturating_add(1));
    let name = format!("..{number}");
    let folder = place.join(&name);
    files::make_new_dir(&folder, 0o700, &Account::Myself { uid: 0 })?;
    for (key, value) in entries {
        write(&folder.join(key), value.expose_secret().as_bytes())?;
    }
    link(&place.join(CURRENT), Path::new(&name))?;
    for key in entries.keys() {
        link(&place.join(key), &Path::new(CURRENT).join(key))?;
    }
    for path in files::list(place)? {
        let key = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if !key.starts_with("..") && !entries.contains_key(key) {
            files::remove(&path)?;
        }
    }
    Ok(())
}

/// Says whose a directory is.
pub(super) fn set_mark(place: &Path, mark: &Mark) -> Result<()> {
    let text = serde_json::to_vec(mark).map_err(|e| refused(place, &e.to_string()))?;
    let half = place.join("..paas.json.new");
    files::remove(&half)?;
    write(&half, &text)?;
    let there = place.join(MARK_FILE);
    fs::rename(&half, &there).map_err(|e| io_error("write", &there, e))
}

/// An entry as it is found; one that others can read counts as lost, so that it is published anew.
pub(super) fn read(path: &Path) -> Option<String> {
    let closed = fs::metadata(path).is_ok_and(|m| m.is_file() && m.mode() & 0o077 == 0);
    closed.then(|| fs::read_to_string(path).ok()).flatten()
}

/// Why a directory cannot be used.
pub(super) fn refused(path: &Path, why: &str) -> Error {
    Error::new(&LOC_BINDING, Class::Blocked)
        .attempted(format!("use the binding directory {}", path.display()))
        .happened(why)
}
