//! Where the programs of a control plane come from.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{
    build::{Build, MODULES},
    say,
};
use crate::{
    error::{Class, Error, Result},
    local::{
        account::Account,
        codes::LOC_HOME,
        files::{self, io_error},
    },
};

/// What a control plane cannot do without.
const NEEDED: [&str; 2] = ["etcd", "kube-apiserver"];

/// A folder with programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assets {
    folder: PathBuf,
}

impl Assets {
    pub(super) fn of(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A program of this name, if it is there.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        Some(self.folder.join(name)).filter(|p| p.is_file())
    }
}

/// What the environment says.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment {
    /// `PAAS_TEST_KUBECONFIG`.
    pub(super) cluster: Option<PathBuf>,
    /// `KUBEBUILDER_ASSETS`.
    pub(super) assets: Option<PathBuf>,
    /// Where caches of this user lie.
    pub(super) caches: PathBuf,
}

impl Environment {
    pub(super) fn read() -> Self {
        Self::from(&|name| env::var_os(name))
    }

    /// A variable without a value is none.
    fn from(variable: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let path = |name: &str| variable(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        // The XDG base directories: a relative path is to be ignored.
        let caches = path("XDG_CACHE_HOME")
            .or_else(|| path("HOME").map(|home| home.join(".cache")))
            .filter(|p| p.is_absolute());
        Self {
            cluster: path("PAAS_TEST_KUBECONFIG"),
            assets: path("KUBEBUILDER_ASSETS"),
            caches: caches.unwrap_or_else(|| {
                env::temp_dir().join(format!("paas-tests-{}", rustix::process::geteuid().as_raw()))
            }),
        }
    }

    /// The programs: the folder that is named, else those of the cache, built now by whoever comes first.
    pub(super) async fn programs(&self) -> Result<Assets> {
        if let Some(folder) = &self.assets {
            let assets = Assets::of(folder.clone());
            let missing: Vec<_> = NEEDED.iter().filter(|n| assets.program(n).is_none()).collect();
            if missing.is_empty() {
                return Ok(assets);
            }
            say(&format!(
                "KUBEBUILDER_ASSETS={} is passed over, because it lacks {missing:?}",
                folder.display()
            ));
        }
        let build = Build {
            cache: cache(&self.caches)?,
            go: PathBuf::from("go"),
            modules: &MODULES,
            say: &say,
        };
        build.ensure().await
    }
}

/// The folder of everything that was built. Programs are run from it, so it must be ours alone.
fn cache(caches: &Path) -> Result<PathBuf> {
    let folder = caches.join("paas-testing").join("kubernetes");
    let parent = caches.join("paas-testing");
    files::make_dir(&parent, 0o700)?;
    let account = myself();
    files::make_own_dir(&folder, &account).map_err(|e| {
        Error::new(&LOC_HOME, Class::Denied)
            .attempted(format!("keep Kubernetes for tests in {}", folder.display()))
            .happened(e.words())
    })?;
    folder.canonicalize().map_err(|e| io_error("open", &folder, e))
}

/// Kubernetes runs as whoever runs the tests, root too.
pub(super) fn myself() -> Account {
    Account::Myself {
        uid: rustix::process::geteuid().as_raw(),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs};

    use super::*;

    fn environment(of: &[(&str, &str)]) -> Environment {
        let of: BTreeMap<_, _> = of.iter().copied().collect();
        Environment::from(&|name| of.get(name).map(OsString::from))
    }

    #[test]
    fn the_cache_is_where_the_user_keeps_caches() {
        let at = |of: &[(&str, &str)]| environment(of).caches;
        assert_eq!(at(&[("XDG_CACHE_HOME", "/c"), ("HOME", "/h")]), Path::new("/c"));
        assert_eq!(
            at(&[("XDG_CACHE_HOME", ""), ("HOME", "/h")]),
            Path::new("/h/.cache")
        );
        assert!(at(&[("XDG_CACHE_HOME", "c")]).starts_with(env::temp_dir()));
        let named = environment(&[("PAAS_TEST_KUBECONFIG", "k"), ("KUBEBUILDER_ASSETS", "")]);
        assert_eq!((named.cluster, named.assets), (Some("k".into()), None));
    }

    #[tokio::test]
    async fn a_folder_with_both_programs_is_used_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        for name in NEEDED {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let environment = Environment {
            assets: Some(dir.path().to_path_buf()),
            ..Environment::default()
        };
        let found = environment.programs().await.unwrap();
        assert_eq!(found, Assets::of(dir.path().to_path_buf()));
        assert_eq!(found.program("kubectl"), None);
    }

    #[test]
    fn a_cache_that_others_can_use_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let folder = cache(dir.path()).unwrap();
        assert_eq!(cache(dir.path()).unwrap(), folder);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(cache(dir.path()).unwrap_err().code().id, LOC_HOME.id);
    }
}
