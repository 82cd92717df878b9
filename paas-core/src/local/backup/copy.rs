//! Copying a data directory, file by file, with the digest of what was written.
//!
//! What is left out is what PostgreSQL's manual lists under "Making a Base Backup Using the Low Level API" and its own `basebackup.c` skips.
//! Files may change while they are read: the write-ahead log, with its images of full pages, heals that.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::{
    cannot,
    manifest::{Entry, hex},
};
use crate::{
    codes::CORE_CANCELLED,
    error::{Class, Error, Result},
    local::{account::Account, control, files},
};

/// Folders that are copied empty.
const EMPTY: [&str; 8] = [
    "pg_wal",
    "pg_dynshmem",
    "pg_notify",
    "pg_replslot",
    "pg_serial",
    "pg_snapshots",
    "pg_stat_tmp",
    "pg_subtrans",
];

/// Files at the top that belong to a running server or to another backup.
const LEFT_OUT: [&str; 9] = [
    "backup_label",
    "backup_manifest",
    "current_logfiles",
    "postgresql.auto.conf.tmp",
    "postmaster.opts",
    "postmaster.pid",
    "recovery.signal",
    "standby.signal",
    "tablespace_map",
];

/// How much is read at once.
const CHUNK: usize = 256 << 10;

/// Where a copy goes, and whose it is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The folder; it exists.
    pub(super) folder: PathBuf,
    /// Whose files these are.
    pub(super) account: Account,
    /// What stops the copying between two files.
    pub(super) cancel: CancellationToken,
}

/// What was copied.
#[derive(Debug, Default)]
pub(super) struct Copied {
    pub(super) folders: Vec<String>,
    pub(super) files: Vec<Entry>,
}

impl Place {
    /// Makes a folder below.
    pub(super) fn make(&self, path: &str) -> Result<()> {
        files::make_new_dir(&self.folder.join(path), 0o700, &self.account)
    }

    /// Writes a file below.
    pub(super) fn write(&self, path: &str, bytes: &[u8]) -> Result<Entry> {
        files::write_new(&self.folder.join(path), bytes, 0o600, &self.account)?;
        Ok(Entry {
            path: path.to_owned(),
            size: bytes.len() as u64,
            sha256: hex(&Sha256::digest(bytes)),
        })
    }

    /// Copies one file; nothing if it is not there any more.
    pub(super) fn copy(&self, from: &Path, path: &str) -> Result<Option<Entry>> {
        if self.cancel.is_cancelled() {
            return Err(Error::new(&CORE_CANCELLED, Class::Cancelled).attempted(format!("copy {path}")));
        }
        let to = self.folder.join(path);
        let read = |e| files::io_error("read", from, e);
        let write = |e| files::io_error("write", &to, e);
        let mut source = match File::open(from) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(read(e)),
        };
        let mut sink = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&to)
            .map_err(write)?;
        self.account.own(&to).map_err(write)?;
        let (mut digest, mut size, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK]);
        loop {
            let count = match source.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(read(e)),
            };
            let part = chunk.get(..count).unwrap_or_default();
            digest.update(part);
            sink.write_all(part).map_err(write)?;
            size += count as u64;
        }
        Ok(Some(Entry {
            path: path.to_owned(),
            size,
            sha256: hex(&digest.finalize()),
        }))
    }
}

/// Copies a data directory, without its write-ahead log and its control file, which is copied last because recovery begins with what it says.
///
/// # Errors
/// `PAAS-LOC-0016` for what a copy cannot hold, `PAAS-LOC-0013`, `PAAS-CORE-0009`.
pub(super) fn tree(data: &Path, to: &Place) -> Result<Copied> {
    let mut copied = Copied::default();
    refuse_tablespaces(data)?;
    walk(data, "", to, &mut copied)?;
    Ok(copied)
}

/// Tablespaces lie elsewhere, where this program has no say.
///
/// # Errors
/// `PAAS-LOC-0016` naming the first one.
pub(super) fn refuse_tablespaces(data: &Path) -> Result<()> {
    for entry in files::list(&data.join("pg_tblspc"))? {
        if entry.is_symlink() {
            let to = fs::read_link(&entry).unwrap_or_default();
            return Err(cannot(format!("it has a tablespace in {}", to.display()))
                .remedy("move its tables into the default tablespace and drop it, or use `paas db dump`"));
        }
    }
    Ok(())
}

fn walk(folder: &Path, below: &str, to: &Place, copied: &mut Copied) -> Result<()> {
    let entries = match files::list(folder) {
        // A database that is being dropped.
        Err(e) if e.class() == Class::NotFound => return Ok(()),
        entries => entries?,
    };
    for from in entries {
        let Some(name) = from.file_name().and_then(|n| n.to_str()) else {
            return Err(cannot(format!("the name of {} is no text", from.display())));
        };
        let path = if below.is_empty() {
            name.to_owned()
        } else {
            format!("{below}/{name}")
        };
        let top = below.is_empty();
        if name.starts_with("pgsql_tmp")
            || name.starts_with("pg_internal.init")
            || path == control::FILE
            || (top && LEFT_OUT.contains(&name))
        {
            continue;
        }
        let Ok(kind) = fs::symlink_metadata(&from) else {
            continue;
        };
        // The log may lie on another disk, behind a link.
        let is_folder = kind.is_dir() || (top && name == "pg_wal");
        if is_folder {
            to.make(&path)?;
            copied.folders.push(path.clone());
            if !(top && EMPTY.contains(&name)) {
                walk(&from, &path, to, copied)?;
            }
        } else if kind.is_file() || (kind.is_symlink() && from.is_file()) {
            copied.files.extend(to.copy(&from, &path)?);
        } else if kind.is_symlink() {
            return Err(cannot(format!(
                "{} is a link to a folder, or to nothing",
                from.display()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::local::codes::LOC_BACKUP;

    fn place(folder: &Path) -> Place {
        let place = Place {
            folder: folder.join("to"),
            account: Account::Myself { uid: 0 },
            cancel: CancellationToken::new(),
        };
        fs::create_dir(&place.folder).unwrap();
        place
    }

    #[test]
    fn what_belongs_to_a_running_server_is_left_out_and_a_linked_file_is_copied_as_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        for folder in [
            "base/1/pgsql_tmp",
            "pg_wal",
            "pg_replslot/slot",
            "global",
            "pg_tblspc",
        ] {
            fs::create_dir_all(data.join(folder)).unwrap();
        }
        for file in [
            "PG_VERSION",
            "postmaster.pid",
            "base/1/2",
            "base/1/pg_internal.init",
            "global/pg_control",
            "pg_wal/0",
        ] {
            fs::write(data.join(file), file).unwrap();
        }
        symlink(data.join("PG_VERSION"), data.join("linked.conf")).unwrap();
        let to = place(dir.path());
        let copied = tree(&data, &to).unwrap();
        let paths: Vec<&str> = copied.files.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(paths, ["PG_VERSION", "base/1/2", "linked.conf"]);
        assert!(
            copied.folders.contains(&"pg_wal".to_owned())
                && !copied.folders.contains(&"pg_replslot/slot".to_owned())
        );
        assert!(!to.folder.join("linked.conf").is_symlink());
        assert_eq!(copied.files[0].sha256, hex(&Sha256::digest(b"PG_VERSION")));

        symlink("/srv/fast", data.join("pg_tblspc/16400")).unwrap();
        let e = refuse_tablespaces(&data).unwrap_err();
        assert_eq!(e.code().id, LOC_BACKUP.id);
        assert!(e.words().contains("/srv/fast"), "{e}");
    }

    #[test]
    fn a_file_that_vanished_is_no_failure_and_a_cancelled_copy_stops() {
        let dir = tempfile::tempdir().unwrap();
        let to = place(dir.path());
        assert!(to.copy(&dir.path().join("gone"), "gone").unwrap().is_none());
        to.cancel.cancel();
        assert_eq!(
            to.copy(&dir.path().join("gone"), "gone").unwrap_err().class(),
            Class::Cancelled
        );
    }
}
