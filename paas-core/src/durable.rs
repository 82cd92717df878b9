//! Files that are whole or not there, whatever happens while they are written.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Replaces a file of mode 0600 as a whole: written beside it, synced, renamed, and the folder (0700, made if missing) synced.
///
/// # Errors
/// The first of these that fails; the old content is then still there.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let fresh = beside(path, content)?;
    fs::rename(&fresh, path).inspect_err(|_| {
        let _ = fs::remove_file(&fresh);
    })?;
    sync_folder(path)
}

/// Writes a hidden file of mode 0600 beside `path`, whole and synced, under a name that [`sweep`] knows, and returns its path.
///
/// # Errors
/// The system's; nothing is left then.
pub(crate) fn beside(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let folder = folder_of(path)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("file");
    let fresh = folder.join(format!(".{name}.{}", uuid::Uuid::new_v4()));
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(content)?;
        file.sync_all()
    })();
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written.map(|()| fresh)
}

/// Makes the entries of the folder that `path` is in durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(folder_of(path)?)?.sync_all()
}

fn folder_of(path: &Path) -> io::Result<&Path> {
    path.parent()
        .ok_or_else(|| io::Error::other("a file needs a folder"))
}

/// Removes what an interrupted [`write()`] of this file left beside it. Only for who is the one writer of the file.
///
/// # Errors
/// A folder that cannot be read or changed; one that is not there has nothing left in it.
pub fn sweep(path: &Path) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str())) else {
        return Ok(());
    };
    let half = format!(".{name}.");
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|n| n.starts_with(&half)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
