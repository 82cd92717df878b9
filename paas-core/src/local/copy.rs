//! Copies of a data directory that was shut down, each with an identity of its own.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, fchown, lchown},
    path::{Path, PathBuf},
    thread,
};

use postgres_protocol::password::scram_sha_256;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::{
    account::Account,
    control::{self, Control},
    files::io_error,
    verifier,
};
use crate::error::Result;

/// The folder of the write-ahead log.
const LOG: &str = "pg_wal";

/// Threads that copy: opening and closing a thousand files is most of the work.
const THREADS: usize = 4;

/// What a copy has that no other one has.
pub(super) struct Fresh {
    identifier: u64,
    nonce: [u8; 32],
    verifier: SecretString,
}

impl Fresh {
    /// For the copy of `instance` with this password; `seed` is a secret that was made for it.
    pub(super) fn new(password: &SecretString, seed: &SecretString, instance: &Path) -> Self {
        let digest = |what: &str| -> [u8; 32] {
            let mut hash = Sha256::new();
            for part in [
                what.as_bytes(),
                seed.expose_secret().as_bytes(),
                instance.as_os_str().as_encoded_bytes(),
            ] {
                hash.update(Sha256::digest(part));
            }
            hash.finalize().into()
        };
        let mut identifier = [0; 8];
        identifier.copy_from_slice(&digest("identifier")[..8]);
        Self {
            // PostgreSQL shows it as a signed number.
            identifier: u64::from_ne_bytes(identifier) >> 1,
            nonce: digest("nonce"),
            verifier: scram_sha_256(password.expose_secret().as_bytes()).into(),
        }
    }
}

/// The files that a copy has in place of those of its original.
struct Renewed {
    control: Vec<u8>,
    roles: Vec<u8>,
    logs: Vec<(PathBuf, Vec<u8>)>,
}

/// Copies `from` to `to`, which must not exist, for `account`; false, with nothing made, if it is not known how to renew what must differ.
///
/// Where `to` lies, nobody else may get in: as root, links that others put there would be followed.
pub(super) fn tree(from: &Path, to: &Path, account: &Account, fresh: &Fresh) -> Result<bool> {
    let mut folders = Vec::new();
    let mut plain = Vec::new();
    let mut logs = Vec::new();
    walk(from, &mut |path, is_folder| {
        let name = path.strip_prefix(from).unwrap_or(path).to_path_buf();
        if is_folder {
            folders.push(name);
        } else if name.parent() == Some(Path::new(LOG)) {
            logs.push(name);
        } else if name != Path::new(control::FILE) && name != Path::new(verifier::FILE) {
            plain.push(name);
        }
        Ok(())
    })?;
    let Some(renewed) = renew(from, logs, fresh)? else {
        return Ok(false);
    };
    for folder in &folders {
        let path = to.join(folder);
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.and_then(|()| account.own(&path))
            .map_err(|e| io_error("create folder", &path, e))?;
    }
    write(&to.join(control::FILE), &renewed.control, account)?;
    write(&to.join(verifier::FILE), &renewed.roles, account)?;
    for (name, bytes) in &renewed.logs {
        write_log(&to.join(name), bytes, account)?;
    }
    let share = plain.len().div_ceil(THREADS).max(1);
    thread::scope(|scope| {
        let work: Vec<_> = plain
            .chunks(share)
            .map(|names| {
                scope.spawn(move || -> Result<()> {
                    let mut buffer = Vec::new();
                    names
                        .iter()
                        .try_for_each(|name| file(&from.join(name), &to.join(name), account, &mut buffer))
                })
            })
            .collect();
        work.into_iter().try_for_each(|thread| match thread.join() {
            Ok(done) => done,
            Err(_) => Err(io_error("copy", from, io::Error::other("a thread ended early"))),
        })
    })?;
    Ok(true)
}

/// Gives all of it to us and to nobody else, from the outside inwards.
pub(super) fn close(folder: &Path) -> Result<()> {
    let (uid, gid) = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    walk(folder, &mut |path, _| {
        lchown(path, Some(uid), Some(gid)).map_err(|e| io_error("change the owner of", path, e))
    })
}

/// Tells every folder, before what is in it, and every file. Anything else has no place in what initdb made.
fn walk(path: &Path, tell: &mut dyn FnMut(&Path, bool) -> Result<()>) -> Result<()> {
    let failed = |e| io_error("read", path, e);
    tell(path, true)?;
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
        if kind.is_dir() {
            walk(&path, tell)?;
        } else if kind.is_file() {
            tell(&path, false)?;
        } else {
            return Err(io_error(
                "copy",
                &path,
                io::Error::other("it is neither a file nor a folder"),
            ));
        }
    }
    Ok(())
}

fn renew(from: &Path, logs: Vec<PathBuf>, fresh: &Fresh) -> Result<Option<Renewed>> {
    let read = |name: &Path| {
        let path = from.join(name);
        fs::read(&path).map_err(|e| io_error("read", &path, e))
    };
    let Some(control) = Control::parse(&read(Path::new(control::FILE))?) else {
        return Ok(None);
    };
    let mut roles = read(Path::new(verifier::FILE))?;
    if !verifier::replace(&mut roles, fresh.verifier.expose_secret()) {
        return Ok(None);
    }
    let mut renewed = Vec::with_capacity(logs.len());
    for name in logs {
        let mut bytes = read(&name)?;
        if !control::renew_log(&mut bytes, control.identifier(), fresh.identifier) {
            return Ok(None);
        }
        renewed.push((name, bytes));
    }
    Ok(Some(Renewed {
        control: control.renewed(fresh.identifier, fresh.nonce),
        roles,
        logs: renewed,
    }))
}

fn create(path: &Path, account: &Account) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    if let Account::Other { uid, gid, .. } = account {
        fchown(&file, Some(*uid), Some(*gid))?;
    }
    Ok(file)
}

fn write(path: &Path, bytes: &[u8], account: &Account) -> Result<()> {
    let written = create(path, account).and_then(|mut f| f.write_all(bytes));
    written.map_err(|e| io_error("write", path, e))
}

/// A log file is as long as the others and nearly empty: the space is reserved, so that a full disk is met now and not in a commit.
fn write_log(path: &Path, bytes: &[u8], account: &Account) -> Result<()> {
    let used = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    let work = || -> io::Result<()> {
        let mut file = create(path, account)?;
        file.write_all(&bytes[..used])?;
        #[cfg(target_os = "linux")]
        if rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes.len() as u64).is_ok() {
            return Ok(());
        }
        file.write_all(&bytes[used..])
    };
    work().map_err(|e| io_error("write", path, e))
}

/// Copies one file; file systems that can share blocks between files do.
fn file(from: &Path, to: &Path, account: &Account, buffer: &mut Vec<u8>) -> Result<()> {
    let mut work = || -> io::Result<()> {
        let mut source = File::open(from)?;
        let mut made = create(to, account)?;
        buffer.clear();
        source.read_to_end(buffer)?;
        made.write_all(buffer)
    };
    work().map_err(|e| io_error("copy", from, e))
}
