//! The PostgreSQL that tests use: the machine's own, else one that is fetched once for all tests of a workspace.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use crate::{
    error::{Class, Error, Result},
    local::{
        account::Account,
        build::{self, Build, Choice, DEFAULT_MAJOR, Places},
        codes::LOC_HOME,
        files,
        home::Home,
    },
};

/// Places with a PostgreSQL in them: the system's if it has one that runs and that [`Account::current`] can reach, else [`cache`],
/// into which it is fetched by whoever comes first.
///
/// # Errors
/// Those of [`Account::current`] and [`cache`], and of fetching; `PAAS-LOC-0001` without the feature `local-download`.
pub async fn places() -> Result<Places> {
    let account = Account::current()?;
    let system = Places {
        system: true,
        ..Places::default()
    };
    let found = build::find(&system).await;
    let usable = |b: &build::Build| account.check_reach(&b.program("postgres")).is_ok();
    if found.builds.iter().any(usable) {
        return Ok(system);
    }
    let cache = cache()?;
    fetch(&cache, DEFAULT_MAJOR).await?;
    Ok(Places {
        cache: Some(cache),
        ..Places::default()
    })
}

/// A build of this major, or the newest that is here; fetched if there is none.
///
/// # Errors
/// Those of [`places`].
pub(super) async fn build(account: &Account, major: Option<u32>) -> Result<Build> {
    let cache = cache()?;
    let mut found = build::find(&Places {
        cache: Some(cache.clone()),
        system: true,
        ..Places::default()
    })
    .await;
    found
        .builds
        .retain(|b| account.check_reach(&b.program("postgres")).is_ok());
    match build::choose(&found, major, cfg!(feature = "local-download"))? {
        Choice::Here(build) => Ok(build),
        Choice::Fetch(major) => fetch(&cache, major).await,
    }
}

#[cfg(feature = "local-download")]
async fn fetch(cache: &Path, major: u32) -> Result<Build> {
    let fetch = crate::local::fetch::Fetch {
        cache: cache.to_path_buf(),
        clock: std::sync::Arc::new(crate::clock::SystemClock),
    };
    fetch.major(major, None, &|_| ()).await
}

#[cfg(not(feature = "local-download"))]
async fn fetch(_cache: &Path, major: u32) -> Result<Build> {
    Err(build::absent(&build::Found::default(), Some(major)))
}

/// Makes a home for a test of a whole program, whose fetched builds lie in [`cache`].
///
/// # Errors
/// Those of [`Account::current`], [`Home::open`] and [`cache`]; `PAAS-LOC-0013` if the link cannot be made.
pub fn home_with_cache(home: &Path) -> Result<()> {
    let own = Home::open(home, Account::current()?)?.cache();
    files::remove(&own)?;
    symlink(cache()?, &own).map_err(|e| files::io_error("link", &own, e))
}

/// The folder for fetched builds that all tests share: `postgresql-of-tests` in the build folder (`target/debug`) that the running test lies in.
/// Where that is not ours or closed to the user that PostgreSQL runs as (root's clone below root's home), one in the system's
/// folder for temporary files.
///
/// # Errors
/// `PAAS-LOC-0003`, `PAAS-LOC-0005` or `PAAS-LOC-0013` if neither can be used.
pub fn cache() -> Result<PathBuf> {
    let account = Account::current()?;
    let uid = rustix::process::geteuid().as_raw();
    let apart = std::env::temp_dir().join(format!("paas-tests-{uid}"));
    if let Some(shared) = profile().map(|folder| folder.join("postgresql-of-tests"))
        && open(&shared, &account, uid).is_ok()
    {
        return Ok(shared);
    }
    open(&apart, &account, uid)?;
    Ok(apart)
}

/// Cargo's folder of a profile (`target/debug`): it puts tests into `deps` there, but documentation's tests elsewhere.
fn profile() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let deps = program.parent().filter(|folder| folder.ends_with("deps"))?;
    deps.parent().map(Path::to_path_buf)
}

/// Makes the folder if it is missing. Programs are run from it, so it must be ours and nobody else may write into it.
fn open(folder: &Path, account: &Account, uid: u32) -> Result<()> {
    let look = || fs::symlink_metadata(folder).map_err(|e| files::io_error("look at", folder, e));
    files::make_dir(folder, 0o755)?;
    let meta = look()?;
    if !meta.is_dir() || meta.uid() != uid || meta.mode() & 0o022 != 0 {
        return Err(Error::new(&LOC_HOME, Class::Denied)
            .attempted(format!("keep PostgreSQL for tests in {}", folder.display()))
            .happened(format!(
                "it is no folder of the user {uid} that only this user may write (mode {:04o}, owner {})",
                meta.mode() & 0o7777,
                meta.uid()
            )));
    }
    // Whatever the umask.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
        .map_err(|e| files::io_error("change the mode of", folder, e))?;
    account.check_reach(&folder.join("any"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::codes::LOC_CLOSED;

    fn open_here(folder: &Path, account: &Account) -> Result<()> {
        open(folder, account, rustix::process::geteuid().as_raw())
    }

    #[test]
    fn a_shared_folder_that_others_may_write_or_that_is_a_link_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mine = Account::Myself { uid: 1 };
        let shared = dir.path().join("a/b");
        open_here(&shared, &mine).unwrap();
        open_here(&shared, &mine).unwrap();
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(open_here(&shared, &mine).unwrap_err().code().id, LOC_HOME.id);
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o755)).unwrap();
        let link = dir.path().join("link");
        symlink(&shared, &link).unwrap();
        assert_eq!(open_here(&link, &mine).unwrap_err().code().id, LOC_HOME.id);
        assert_eq!(
            open(&shared, &mine, 4_000_001).unwrap_err().code().id,
            LOC_HOME.id
        );
    }

    #[test]
    fn a_shared_folder_below_a_closed_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let stranger = Account::Other {
            name: "stranger".into(),
            uid: 4_000_001,
            gid: 4_000_001,
        };
        let e = open_here(&dir.path().join("postgresql"), &stranger).unwrap_err();
        assert_eq!(e.code().id, LOC_CLOSED.id, "{e}");
    }

    #[test]
    fn a_home_of_a_test_keeps_its_builds_in_the_shared_folder() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let home = dir.path().join("home");
        home_with_cache(&home).unwrap();
        assert_eq!(fs::read_link(home.join("cache")).unwrap(), cache().unwrap());
        let again = Home::open(&home, Account::current().unwrap()).unwrap();
        assert!(again.cache().is_dir());
    }
}
