//! A lock between processes of this machine: the kernel gives it back when its holder dies, however it dies.

use std::{
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{codes::LOC_LOCKED, files::io_error};
use crate::{
    clock::Clock,
    codes::CORE_CANCELLED,
    error::{Class, Error, Result},
};

/// How often a waiter tries again.
const AGAIN: Duration = Duration::from_millis(50);

/// A held lock; dropping it gives it back.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// Who holds a lock, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The process, if it wrote itself in.
    pub pid: Option<u32>,
    /// What it does: `paas up`.
    pub doing: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid} ({})", self.doing),
            None => f.write_str("another process"),
        }
    }
}

impl Lock {
    /// Takes the lock or says at once who has it. `doing` is shown to others who wait: a command, without secrets.
    ///
    /// # Errors
    /// `PAAS-LOC-0006` if another process, or another part of this one, holds it; `PAAS-LOC-0013`.
    pub fn try_take(path: &Path, doing: &str) -> Result<Self> {
        let failed = |e| io_error("lock", path, e);
        let mut lock = loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(path)
                .map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(held(path, &read_holder(file))),
                Err(TryLockError::Error(e)) => return Err(failed(e)),
            }
            let lock = Self {
                file,
                path: path.to_path_buf(),
            };
            // Its holder may have removed the file with all else since it was opened: nobody else would see this one.
            if lock.is_valid() {
                break lock;
            }
        };
        lock.sign(doing).map_err(failed)?;
        Ok(lock)
    }

    /// Takes the lock, waiting up to `patience`; `waiting` is called once with the holder when there is something to wait for.
    ///
    /// # Errors
    /// `PAAS-LOC-0006` once the time is over, `PAAS-CORE-0009` when cancelled, `PAAS-LOC-0013`.
    pub async fn take(
        path: &Path,
        doing: &str,
        patience: Duration,
        clock: &dyn Clock,
        cancel: &CancellationToken,
        waiting: &(dyn Fn(&Holder) + Send + Sync),
    ) -> Result<Self> {
        let deadline = clock.elapsed().saturating_add(patience);
        let mut told = false;
        loop {
            match Self::try_take(path, doing) {
                Err(e) if e.code() == &LOC_LOCKED && clock.elapsed() < deadline => {
                    if !std::mem::replace(&mut told, true) {
                        waiting(&holder(path));
                    }
                }
                taken => return taken,
            }
            tokio::select! {
                () = clock.sleep(AGAIN) => {}
                () = cancel.cancelled() => {
                    return Err(Error::new(&CORE_CANCELLED, Class::Cancelled)
                        .attempted(format!("wait for {}", holder(path))));
                }
            }
        }
    }

    /// Whether the lock still guards anything: false once somebody removed or replaced its file.
    pub fn is_valid(&self) -> bool {
        match (self.file.metadata(), std::fs::metadata(&self.path)) {
            (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
            _ => false,
        }
    }

    /// The lock as a standard stream of a child: it is given back when the child has ended as well. What the child writes goes into
    /// the file, after the holder's two lines.
    #[cfg(feature = "testing")]
    pub(crate) fn share(&self) -> std::io::Result<std::process::Stdio> {
        Ok(self.file.try_clone()?.into())
    }

    fn sign(&mut self, doing: &str) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "{}\n{doing}", std::process::id())
    }
}

/// Who wrote itself into a lock file last; it holds the lock only if taking it fails.
pub fn holder(path: &Path) -> Holder {
    match File::open(path) {
        Ok(file) => read_holder(file),
        Err(_) => Holder {
            pid: None,
            doing: String::new(),
        },
    }
}

fn read_holder(mut file: File) -> Holder {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    let (pid, doing) = text.split_once('\n').unwrap_or((&text, ""));
    Holder {
        pid: pid.trim().parse().ok(),
        doing: doing.trim().to_owned(),
    }
}

fn held(path: &Path, holder: &Holder) -> Error {
    Error::new(&LOC_LOCKED, Class::Conflict)
        .attempted(format!("take the lock {}", path.display()))
        .happened(format!("{holder} holds it"))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;
    use crate::clock::SystemClock;

    fn file() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        (dir, path)
    }

    #[test]
    fn a_second_writer_is_told_who_holds_the_lock() {
        let (_dir, path) = file();
        let first = Lock::try_take(&path, "paas up").unwrap();
        let e = Lock::try_take(&path, "paas down").unwrap_err();
        assert_eq!(e.code().id, LOC_LOCKED.id);
        assert!(
            e.to_string()
                .contains(&format!("process {} (paas up) holds it", std::process::id())),
            "{e}"
        );
        assert!(first.is_valid());
        drop(first);
        Lock::try_take(&path, "paas down").unwrap();
    }

    #[test]
    fn a_removed_lock_file_guards_nothing() {
        let (_dir, path) = file();
        let lock = Lock::try_take(&path, "paas up").unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(!lock.is_valid());
        let _other = Lock::try_take(&path, "paas up").unwrap();
        assert!(!lock.is_valid());
    }

    #[tokio::test]
    async fn a_waiter_goes_on_when_the_holder_is_done() {
        let (_dir, path) = file();
        let first = Lock::try_take(&path, "paas up").unwrap();
        let told = Arc::new(AtomicUsize::new(0));
        let (there, count) = (path.clone(), Arc::clone(&told));
        let (said, heard) = tokio::sync::oneshot::channel();
        let said = std::sync::Mutex::new(Some(said));
        let waiter = tokio::spawn(async move {
            let cancel = CancellationToken::new();
            let waiting = move |h: &Holder| {
                assert_eq!(h.doing, "paas up");
                count.fetch_add(1, Ordering::SeqCst);
                said.lock().unwrap().take().unwrap().send(()).unwrap();
            };
            Lock::take(
                &there,
                "paas down",
                Duration::from_secs(60),
                &SystemClock,
                &cancel,
                &waiting,
            )
            .await
        });
        heard.await.unwrap();
        drop(first);
        assert!(waiter.await.unwrap().unwrap().is_valid());
        assert_eq!(told.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn waiting_ends_with_patience_and_with_cancelling() {
        let (_dir, path) = file();
        let _first = Lock::try_take(&path, "paas up").unwrap();
        let cancel = CancellationToken::new();
        let take = |patience| Lock::take(&path, "x", patience, &SystemClock, &cancel, &|_| ());
        assert_eq!(take(Duration::ZERO).await.unwrap_err().code().id, LOC_LOCKED.id);
        cancel.cancel();
        assert_eq!(
            take(Duration::from_secs(60)).await.unwrap_err().class(),
            Class::Cancelled
        );
    }
}
