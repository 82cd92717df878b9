//! File operations that either happen whole or not at all, with errors that name the path.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use super::{
    account::Account,
    codes::{LOC_FOREIGN, LOC_IO},
};
use crate::error::{Class, Error, Result};

/// What begins the name of everything half-made; such names are never read.
pub(crate) const HALF_MADE: &str = ".paas-tmp-";

/// Turns the system's error into ours: what was done, to which path.
pub(crate) fn io_error(verb: &str, path: &Path, e: io::Error) -> Error {
    let class = match e.kind() {
        io::ErrorKind::NotFound => Class::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Class::Denied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Class::Quota,
        io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => Class::Conflict,
        _ => Class::Transient,
    };
    Error::new(&LOC_IO, class)
        .attempted(format!("{verb} {}", path.display()))
        .happened(e.to_string())
        .source_error(e)
}

/// Makes a folder and its missing parents with this mode; one that exists keeps its own.
pub(crate) fn make_dir(path: &Path, mode: u32) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(|e| io_error("create folder", path, e))
}

/// Makes one new folder with this mode, for this user; fails if it is there.
pub(crate) fn make_new_dir(path: &Path, mode: u32, account: &Account) -> Result<()> {
    DirBuilder::new()
        .mode(mode)
        .create(path)
        .map_err(|e| io_error("create folder", path, e))?;
    account
        .own(path)
        .map_err(|e| io_error("change the owner of", path, e))
}

/// Makes sure that there is a folder of this user's that nobody else can use, in a place where others may have been before.
pub(crate) fn make_own_dir(path: &Path, account: &Account) -> Result<()> {
    match make_new_dir(path, 0o700, account) {
        Err(e) if e.class() == Class::Conflict => {}
        made => return made,
    }
    let meta = fs::symlink_metadata(path).map_err(|e| io_error("look at", path, e))?;
    if meta.is_dir() && meta.uid() == account.uid() && meta.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::new(&LOC_FOREIGN, Class::Blocked)
        .attempted(format!("use {}", path.display()))
        .happened("it is not a folder of ours that is closed to others"))
}

/// Writes a file that did not exist, with this mode, for this user.
pub(crate) fn write_new(path: &Path, bytes: &[u8], mode: u32, account: &Account) -> Result<()> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path)?;
        account.own(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|e| io_error("write", path, e))
}

/// Replaces a file in one move: readers see the old or the new content, never a part, also after a power loss.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32, account: &Account) -> Result<()> {
    let half = half_made(path);
    let _ = fs::remove_file(&half);
    write_new(&half, bytes, mode, account)?;
    rename(&half, path)
}

/// Replaces a file in one move, for what can be made again: after a power loss it may be empty. A sync would wait for everything that
/// others are writing.
pub(crate) fn replace_unsynced(path: &Path, bytes: &[u8], mode: u32, account: &Account) -> Result<()> {
    let half = half_made(path);
    let _ = fs::remove_file(&half);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&half)?;
        account.own(&half)?;
        file.write_all(bytes)?;
        fs::rename(&half, path)
    };
    write().map_err(|e| io_error("write", path, e))
}

/// Writes a file of ours unless there is one: of many who come at once, in this process and in others, one wins.
pub(crate) fn put_if_absent(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    static ATTEMPT: AtomicU32 = AtomicU32::new(0);
    let attempt = ATTEMPT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mine = path.with_file_name(format!("{HALF_MADE}{name}-{}-{attempt}", std::process::id()));
    remove(&mine)?;
    write_new(&mine, bytes, mode, &Account::Myself { uid: 0 })?;
    let linked = fs::hard_link(&mine, path);
    remove(&mine)?;
    match linked {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(io_error("write", path, e)),
        Ok(()) => sync_parent(path),
    }
}

/// Moves a finished file or folder to its place.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|e| io_error("move into place", to, e))?;
    sync_parent(to)
}

fn sync_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    File::open(parent)
        .and_then(|d| d.sync_all())
        .map_err(|e| io_error("sync folder", parent, e))
}

/// Where `path` is built before it is moved into place, and moved to before it is removed: beside it, always the same,
/// so that what a crash left is found again. Its users hold a lock.
pub(crate) fn half_made(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{HALF_MADE}{name}"))
}

/// Removes a folder so that after a crash it is either whole or at its half-made place.
pub(crate) fn discard(path: &Path) -> Result<()> {
    let half = half_made(path);
    remove(&half)?;
    match fs::rename(path, &half) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(io_error("remove", path, e)),
        Ok(()) => remove(&half),
    }
}

/// Removes a file, a link or a folder with all below it; what is not there is removed already.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let gone = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match gone {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path, e)),
        _ => Ok(()),
    }
}

/// Everything in a folder, sorted; a folder that is not there is empty, one that cannot be read is an error.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(io_error("list folder", folder, e)),
    };
    let paths: io::Result<Vec<PathBuf>> = entries.map(|e| e.map(|e| e.path())).collect();
    let mut paths = paths.map_err(|e| io_error("list folder", folder, e))?;
    paths.sort();
    Ok(paths)
}

/// A file's text, or nothing if it is not there.
pub(crate) fn read(path: &Path) -> Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(io_error("read", path, e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_is_whole_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let me = Account::Myself { uid: 0 };
        let path = dir.path().join("a.conf");
        replace(&path, b"one", 0o600, &me).unwrap();
        fs::write(half_made(&path), "left by a crash").unwrap();
        replace(&path, b"two", 0o600, &me).unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), "two");
        assert_eq!(list(dir.path()).unwrap(), [path]);
    }

    #[test]
    fn an_unreadable_folder_is_an_error_and_a_missing_one_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        assert!(list(&dir.path().join("none")).unwrap().is_empty());
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let e = list(&file).unwrap_err();
        assert_eq!(e.code().id, LOC_IO.id);
        assert!(e.to_string().contains("list folder"), "{e}");
    }

    #[test]
    fn a_discarded_folder_is_gone_with_what_a_crash_left_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        fs::create_dir(&path).unwrap();
        fs::create_dir_all(half_made(&path).join("base")).unwrap();
        discard(&path).unwrap();
        discard(&path).unwrap();
        assert!(list(dir.path()).unwrap().is_empty());
    }
}
