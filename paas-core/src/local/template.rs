//! Data directories without initdb: it runs for the first instance of a home and once more for a template, of which every further
//! instance gets a copy.
//!
//! A copy has an identifier, a nonce and an administrator's password of its own before it is moved to its place, so there is never a server
//! that could be entered with the template's password, which is kept nowhere. See `control.rs` and `verifier.rs` for how. Where anything
//! about that is not certain, the instance gets an initdb of its own.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use secrecy::SecretString;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::{
    account::Account,
    build::Build,
    copy::{self, Fresh},
    data, files,
    lock::Lock,
    memory::Memory,
};
use crate::{clock::Clock, error::Result, secrets::Generate};

/// How the names of templates begin, in the cache.
const PREFIX: &str = "template-";

/// How long somebody else may take to make the template.
const PATIENCE: Duration = Duration::from_secs(120);

/// Makes data directories. The folder of templates may be deleted at any time.
#[derive(Debug, Clone)]
pub struct Templates {
    /// Where templates are kept: a folder that only we can write into and that the account can pass.
    pub cache: PathBuf,
    /// What copies are told apart by comes from here.
    pub generate: Arc<dyn Generate>,
    /// For waiting until somebody else has made the template.
    pub clock: Arc<dyn Clock>,
    /// Whether a copy is brought to disk before it is at its place; false for what is thrown away anyway.
    pub durable: bool,
    /// Whether the first instance that is made in a home makes a template already, for others to come. It costs that one a copy, and the
    /// disk twice the bytes; otherwise the second one makes it, whether or not the first is still there.
    pub eager: bool,
}

/// A finished copy or template, not yet on disk and not yet at its place.
struct Half {
    made: PathBuf,
    around: PathBuf,
    place: PathBuf,
}

impl Half {
    fn of(place: PathBuf) -> Self {
        let around = files::half_made(&place);
        // An initdb whose parent was killed goes on for a while. The name is new each time, so it meets nothing of ours.
        let made = around.join(data::attempt());
        Self { made, around, place }
    }

    /// A copy of `source` for `account`; nothing if it is not known how to copy that.
    async fn copy(source: PathBuf, place: PathBuf, account: &Account, fresh: Fresh) -> Result<Option<Self>> {
        let half = Self::of(place);
        files::remove(&half.around)?;
        files::make_new_dir(&half.around, 0o700, &myself())?;
        let (account, to) = (account.clone(), half.made.clone());
        let copied = blocking(&half.made, move || copy::tree(&source, &to, &account, &fresh)).await;
        if !matches!(copied, Ok(true)) {
            files::remove(&half.around)?;
        }
        Ok(copied?.then_some(half))
    }

    fn finish(&self) -> Result<()> {
        files::rename(&self.made, &self.place)?;
        files::remove(&self.around)
    }
}

impl Templates {
    /// Makes the data directory of an instance, as [`data::make`] does: by a copy if that can be done, else by initdb.
    ///
    /// # Errors
    /// Those of [`data::make`].
    pub async fn make(
        &self,
        build: &Build,
        account: &Account,
        instance: &Path,
        password: &SecretString,
    ) -> Result<()> {
        let place = place(&self.cache, build);
        if !self.eager && !place.is_dir() && !once(&place).is_file() {
            // A memory that fills up is no reason to have no database.
            if !matches!(
                self.through_memory(build, account, instance, password).await,
                Ok(true)
            ) {
                data::make(build, account, instance, password).await?;
            }
            // Only a hint that the next one is worth a template: without it that one is made by initdb too.
            let _ = fs::write(once(&place), "");
            return Ok(());
        }
        match self.copy(build, account, instance, password).await {
            Ok(true) => Ok(()),
            // A cache that is full, closed or was just deleted is no reason to have no database.
            Ok(false) | Err(_) => data::make(build, account, instance, password).await,
        }
    }

    /// Makes the data directory of a copy of what initdb makes in memory. False if that cannot be done here.
    async fn through_memory(
        &self,
        build: &Build,
        account: &Account,
        instance: &Path,
        password: &SecretString,
    ) -> Result<bool> {
        let Some((_memory, source)) = self.in_memory(build, account).await else {
            return Ok(false);
        };
        let fresh = Fresh::new(password, &self.generate.secret(), instance);
        let Some(ours) = Half::copy(source, instance.join(data::FOLDER), account, fresh).await? else {
            return Ok(false);
        };
        if self.durable {
            data::sync(&ours.around).await?;
        }
        ours.finish()?;
        Ok(true)
    }

    /// What initdb makes in memory, closed to others. Its password is known to nobody. Nothing where there is no such memory; a failure is
    /// none either: initdb will tell it where it runs on the disk.
    async fn in_memory(&self, build: &Build, account: &Account) -> Option<(Memory, PathBuf)> {
        let memory = Memory::take(account)?;
        let folder = memory.folder().to_path_buf();
        let made = folder.join(data::attempt());
        data::init(build, account, &folder, &made, &self.generate.secret())
            .await
            .ok()?;
        blocking(&made, move || copy::close(&folder)).await.ok()?;
        Some((memory, made))
    }

    /// False if this build's data directories cannot be copied.
    async fn copy(
        &self,
        build: &Build,
        account: &Account,
        instance: &Path,
        password: &SecretString,
    ) -> Result<bool> {
        let place = place(&self.cache, build);
        let (template, _lock) = match self.begin(&place).await? {
            None => (None, None),
            Some(lock) => (Some(self.init(build, account, place.clone()).await?), Some(lock)),
        };
        let source = template.as_ref().map_or(place, |t| t.made.clone());
        let fresh = Fresh::new(password, &self.generate.secret(), instance);
        let copied = Half::copy(source, instance.join(data::FOLDER), account, fresh).await;
        if let Some(template) = &template {
            if copied.is_err() {
                files::remove(&template.around)?;
            } else {
                data::sync(&template.around).await?;
                template.finish()?;
                forget_older(&self.cache, &template.place, build)?;
            }
        }
        let Some(ours) = copied? else {
            return Ok(false);
        };
        let elsewhere = |t: &Half| device(&t.place) != device(&ours.around);
        if self.durable && template.as_ref().is_none_or(elsewhere) {
            data::sync(&ours.around).await?;
        }
        ours.finish()?;
        Ok(true)
    }

    /// The right to make the template, if there is none.
    async fn begin(&self, place: &Path) -> Result<Option<Lock>> {
        if place.is_dir() {
            return Ok(None);
        }
        let path = self.cache.join("template.lock");
        let never = CancellationToken::new();
        let doing = "making a template";
        let lock = Lock::take(&path, doing, PATIENCE, &*self.clock, &never, &|_| ()).await?;
        Ok((!place.is_dir()).then_some(lock))
    }

    /// A template that is not yet at its place. Its password is known to nobody.
    async fn init(&self, build: &Build, account: &Account, place: PathBuf) -> Result<Half> {
        if let Some((_memory, source)) = self.in_memory(build, account).await {
            let fresh = Fresh::new(&self.generate.secret(), &self.generate.secret(), &place);
            if let Ok(Some(half)) = Half::copy(source, place.clone(), &myself(), fresh).await {
                return Ok(half);
            }
        }
        let half = Half::of(place);
        files::remove(&half.around)?;
        files::make_new_dir(&half.around, 0o700, account)?;
        let made = data::init(build, account, &half.around, &half.made, &self.generate.secret()).await;
        let closed = match made {
            Ok(()) => {
                let around = half.around.clone();
                blocking(&half.around, move || copy::close(&around)).await
            }
            failed => failed,
        };
        if closed.is_err() {
            files::remove(&half.around)?;
        }
        closed.map(|()| half)
    }
}

/// Where the template of a build is kept: whatever the result of initdb depends on is in the name.
fn place(cache: &Path, build: &Build) -> PathBuf {
    let mut hash = Sha256::new();
    for program in ["initdb", "postgres"] {
        let path = build.program(program);
        let meta = fs::metadata(&path);
        let (size, time) = meta.map_or((0, 0), |m| (m.size(), m.mtime()));
        hash.update(format!("{} {size} {time}\n", path.display()));
    }
    hash.update(data::recipe(build));
    // initdb writes the system's time zone into the configuration.
    hash.update(fs::read("/etc/localtime").unwrap_or_default());
    let name: String = hash
        .finalize()
        .iter()
        .take(6)
        .map(|b| format!("{b:02x}"))
        .collect();
    cache.join(format!("{PREFIX}{}-{name}", build.version))
}

/// Removes templates of other minors of this major: nobody asks for them again once a newer one is used.
fn forget_older(cache: &Path, newest: &Path, build: &Build) -> Result<()> {
    let major = format!("{PREFIX}{}.", build.version.major);
    for path in files::list(cache)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(&major) && path != newest {
            files::discard(&path)?;
        }
    }
    Ok(())
}

/// The file that tells that initdb has run for an instance already, in this home and with this build.
fn once(place: &Path) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(".once");
    PathBuf::from(name)
}

fn device(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|m| m.dev())
}

fn myself() -> Account {
    Account::Myself {
        uid: rustix::process::geteuid().as_raw(),
    }
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| files::io_error("copy", path, std::io::Error::other(e)))?
}
