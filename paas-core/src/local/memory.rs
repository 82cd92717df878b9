//! A folder in memory for what is made only to be copied: initdb makes a thousand files, and there it is several times as fast.

use std::path::{Path, PathBuf};

use super::{account::Account, data, disk, files, lock::Lock};
use crate::error::Result;

/// Where Linux has a file system in memory that everybody may write into.
const PLACE: &str = "/dev/shm";

/// How names begin; then comes the user whose they are.
const PREFIX: &str = "paas-initdb-";

/// Room that must be free, in bytes: initdb's result several times over.
const ROOM: u64 = 256 << 20;

/// A closed folder of the account's, removed when this is dropped. What a killed process left is removed by the next one,
/// and whenever an instance is deleted.
#[derive(Debug)]
pub(super) struct Memory {
    folder: PathBuf,
    lock: PathBuf,
    _held: Lock,
}

impl Memory {
    /// A new folder; `None` where there is no such place, or little room in it.
    pub(super) fn take(account: &Account) -> Option<Self> {
        let place = Path::new(PLACE);
        if disk::free(place).ok()? < ROOM {
            return None;
        }
        sweep_left();
        let folder = place.join(format!("{}{}", ours(), data::attempt()));
        Self::make(folder, account).ok()
    }

    fn make(folder: PathBuf, account: &Account) -> Result<Self> {
        let lock = lock_of(&folder);
        let held = Lock::try_take(&lock, "initdb in memory")?;
        let made = Self {
            folder,
            lock,
            _held: held,
        };
        files::make_new_dir(&made.folder, 0o700, account)?;
        Ok(made)
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _ = files::remove(&self.folder);
        let _ = files::remove(&self.lock);
    }
}

/// Removes what killed processes left.
pub(super) fn sweep_left() {
    sweep(Path::new(PLACE), &ours());
}

fn ours() -> String {
    format!("{PREFIX}{}-", rustix::process::geteuid().as_raw())
}

fn lock_of(folder: &Path) -> PathBuf {
    folder.with_extension("lock")
}

/// Removes what is held by nobody any more.
fn sweep(place: &Path, ours: &str) {
    for lock in files::list(place).unwrap_or_default() {
        let name = lock
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !(name.starts_with(ours) && name.ends_with(".lock")) {
            continue;
        }
        if let Ok(_free) = Lock::try_take(&lock, "sweep") {
            let _ = files::remove(&lock.with_extension(""));
            let _ = files::remove(&lock);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_goes_with_its_holder_and_what_a_killed_one_left_goes_with_the_next() {
        let Some(one) = Memory::take(&Account::Myself {
            uid: rustix::process::geteuid().as_raw(),
        }) else {
            return;
        };
        let (held, place) = (one.folder().to_path_buf(), tempfile::tempdir().unwrap());
        assert!(held.is_dir());
        drop(one);
        assert!(!held.exists() && !lock_of(&held).exists());

        let left = place.path().join("paas-initdb-7-1-0");
        fs::create_dir(&left).unwrap();
        fs::write(lock_of(&left), "").unwrap();
        let busy = place.path().join("paas-initdb-7-2-0");
        fs::create_dir(&busy).unwrap();
        let _lock = Lock::try_take(&lock_of(&busy), "initdb in memory").unwrap();
        sweep(place.path(), "paas-initdb-7-");
        assert!(!left.exists() && !lock_of(&left).exists());
        assert!(busy.exists() && lock_of(&busy).exists());
    }
}
