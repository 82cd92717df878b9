//! Deleting data that was kept, for good.

use std::path::PathBuf;

use super::{Standing, in_use, list, one};
use crate::{
    codes::{CORE_BLOCKED, CORE_FENCED, CORE_PROTECTED},
    error::{Class, Error, Result},
    local::{data, files, instance::LocalInstance, lock::Holder},
};

/// What was deleted.
#[derive(Debug, Clone)]
pub struct Purged {
    /// The folder that is gone.
    pub folder: PathBuf,
    /// What it took on the disk, in bytes.
    pub size: u64,
    /// Its backups, which are never deleted with it.
    pub backups: Option<PathBuf>,
}

/// Deletes the data of an instance that nobody has as an object any more, and all that belongs to it on this machine: folder, sockets,
/// bindings, passwords, event log and lock. Backups stay. `confirm` is the instance's name, typed by the person whose data it is; the
/// spec of `instance` is what is still known of it, and its protection counts. That nobody has the object is for the caller to know.
///
/// A crash leaves a marked folder until the very end, so that the same call goes on.
///
/// # Errors
/// `PAAS-CORE-0011` if the name is another, `PAAS-CORE-0016` if it is protected, `PAAS-LOC-0034` if there is nothing of that name,
/// `PAAS-LOC-0035` if a server runs on it, `PAAS-LOC-0036` if it belongs to another home, `PAAS-CORE-0002` if there are several folders.
pub async fn purge(
    instance: &LocalInstance,
    confirm: &str,
    waiting: &(dyn Fn(&Holder) + Send + Sync),
) -> Result<Purged> {
    let (owner, machine) = (instance.owner(), instance.machine());
    let attempt = format!("purge {owner}");
    if confirm != owner.name() {
        return Err(Error::new(&CORE_BLOCKED, Class::Blocked)
            .attempted(attempt)
            .happened(format!(
                "its name is {}, and {confirm:?} was confirmed",
                owner.name()
            )));
    }
    if instance.spec().deletion_protection {
        return Err(Error::new(&CORE_PROTECTED, Class::Blocked)
            .attempted(attempt)
            .happened("its spec says deletionProtection: true"));
    }
    let lock = instance.lock(waiting).await?;
    let listing = list(machine).await?;
    let found = one(&listing, owner, &attempt)?;
    if let Some(pid) = found.pid {
        return Err(in_use(&attempt, found, pid));
    }
    if !lock.is_valid() {
        return Err(Error::new(&CORE_FENCED, Class::Conflict).attempted(attempt));
    }
    let home = &machine.home;
    let uid = owner.uid().to_string();
    let paths = [machine.sockets(owner), home.owners().join(&uid)];
    let folder = found.folder.clone();
    let half_removed = found.standing == Standing::HalfRemoved;
    let work = move || -> Result<()> {
        // What is large goes first, below the mark; the mark goes last.
        files::discard(&folder.join(data::FOLDER))?;
        paths.iter().try_for_each(|path| files::remove(path))
    };
    blocking(work).await?;
    machine.bindings.forget(owner).await?;
    machine.secrets.forget(owner).await?;
    let (folder, lock_file) = (found.folder.clone(), home.locks().join(format!("{uid}.lock")));
    blocking(move || {
        if half_removed {
            files::remove(&folder)?;
        } else {
            files::discard(&folder)?;
        }
        files::remove(&lock_file)
    })
    .await?;
    drop(lock);
    let backups = home.backups().join(&uid);
    Ok(Purged {
        folder: found.folder.clone(),
        size: found.size,
        backups: backups.is_dir().then_some(backups),
    })
}

async fn blocking(work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| {
        files::io_error(
            "remove",
            std::path::Path::new("instances"),
            std::io::Error::other(e),
        )
    })?
}
