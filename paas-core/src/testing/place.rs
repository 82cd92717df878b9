//! Folders for servers that live as long as a test process: each is locked for as long as somebody cares for it.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::{
    error::Result,
    local::{
        account::Account,
        codes::LOC_LOCKED,
        disk,
        files::{self, io_error},
        lock::Lock,
    },
    secrets::{ExposeSecret, Generate, SystemRandom},
};

/// Files in memory, on Linux: making a server there is not held up by what others write to the disk.
const MEMORY: &str = "/dev/shm";

/// How much has to be free there. Containers often have 64 MB.
const ROOM: u64 = 1 << 30;

/// How the names of locks end.
const LOCK: &str = "lock";

/// A folder for a server, locked for as long as somebody cares for it. It goes with this value unless a shell watches over it.
pub(super) struct Place {
    folder: PathBuf,
    lock: Lock,
    stays: bool,
}

impl Place {
    /// Makes one with a new name.
    pub(super) fn new(servers: &Path, account: &Account) -> Result<Self> {
        loop {
            let name = SystemRandom.secret().expose_secret()[..12].to_ascii_lowercase();
            let folder = servers.join(name);
            let lock = match Lock::try_take(&folder.with_extension(LOCK), "a server for tests") {
                // Somebody who sweeps was quicker.
                Err(e) if e.code() == &LOC_LOCKED => continue,
                taken => taken?,
            };
            let place = Self {
                folder,
                lock,
                stays: false,
            };
            files::make_new_dir(&place.folder, 0o700, account)?;
            return Ok(place);
        }
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of its lock.
    pub(super) fn lock_file(&self) -> PathBuf {
        self.folder.with_extension(LOCK)
    }

    /// The lock as a standard stream of a child, which holds it as well from then on.
    pub(super) fn share(&self) -> Result<Stdio> {
        let shared = self.lock.share();
        shared.map_err(|e| io_error("share", &self.lock_file(), e))
    }

    /// What such a child wrote.
    pub(super) fn notes(&self) -> Vec<String> {
        let text = files::read(&self.lock_file()).ok().flatten().unwrap_or_default();
        text.lines().skip(2).map(str::to_owned).collect()
    }

    /// A child removes it from now on.
    pub(super) fn is_watched(&mut self) {
        self.stays = true;
    }

    /// It could not be emptied: the next one tries again.
    pub(super) fn leave(mut self) {
        self.stays = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.stays {
            let _ = files::remove(&self.folder);
            let _ = files::remove(&self.lock_file());
        }
    }
}

/// Places that nobody cares for any more: test processes that were killed together with their shells left them.
pub(super) fn left(servers: &Path) -> impl Iterator<Item = Place> {
    let found = servers.canonicalize().map(|folder| files::list(&folder));
    let found = found.ok().and_then(Result::ok).unwrap_or_default();
    let locks = found
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == LOCK));
    locks.filter_map(|path| {
        // Held: by a test process or its shell. Another account's: its own business.
        let lock = Lock::try_take(&path, "sweeping").ok()?;
        Some(Place {
            folder: path.with_extension(""),
            lock,
            stays: false,
        })
    })
}

/// Where servers of an account lie.
pub(super) struct Parents {
    /// For new ones, with links resolved: a server shows its folder like that.
    pub(super) chosen: PathBuf,
    /// Those in which earlier ones may have been left.
    pub(super) all: Vec<PathBuf>,
}

/// The folders for servers of this kind of this account: in the folder that is named, else in memory where there is room, else where
/// temporary files are.
///
/// # Errors
/// `PAAS-LOC-0003`, `PAAS-LOC-0010` or `PAAS-LOC-0013` if the chosen one cannot be used.
pub(super) fn parents(named: Option<&Path>, kind: &str, account: &Account) -> Result<Parents> {
    let (memory, disk) = (Path::new(MEMORY), std::env::temp_dir());
    let room = disk::free(memory).unwrap_or(0);
    let parent = match named {
        Some(named) => named,
        None if room >= ROOM => memory,
        None => &disk,
    };
    let name = format!("{kind}-{}", account.uid());
    let folder = parent.join(&name);
    account.check_reach(&folder)?;
    files::make_own_dir(&folder, account)?;
    let mut all = vec![folder.clone()];
    for elsewhere in [memory.join(&name), disk.join(&name)] {
        // Anybody may make a folder of that name there: what is not ours alone is not looked into.
        let other = named.is_none() && elsewhere != folder && elsewhere.is_dir();
        if other && files::make_own_dir(&elsewhere, account).is_ok() {
            all.push(elsewhere);
        }
    }
    let chosen = folder.canonicalize().map_err(|e| io_error("open", &folder, e))?;
    Ok(Parents { chosen, all })
}
