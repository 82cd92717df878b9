//! The home: one folder that holds everything this platform keeps on this machine.

use std::path::{Path, PathBuf};

use super::{account::Account, codes::LOC_HOME, files};
use crate::{
    error::{Class, Error, Result},
    owner::Owner,
};

/// Where root's home lies: root's own folder is closed to the user that PostgreSQL runs as.
pub const ROOT_HOME: &str = "/var/lib/paas";

/// Values that decide where the home is, passed in by the program; libraries read no environment.
#[derive(Debug, Clone, Default)]
pub struct Whence {
    /// `--home`.
    pub flag: Option<PathBuf>,
    /// `PAAS_HOME`.
    pub paas_home: Option<PathBuf>,
    /// `XDG_DATA_HOME`.
    pub xdg_data_home: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// Whether we are root.
    pub root: bool,
}

impl Whence {
    /// The home: the flag, else `PAAS_HOME`, else for root [`ROOT_HOME`], else `paas` in the XDG data folder.
    ///
    /// # Errors
    /// `PAAS-LOC-0005` if none is given, or it is not an absolute path.
    pub fn resolve(&self) -> Result<PathBuf> {
        let given = |p: &Option<PathBuf>| p.clone().filter(|p| !p.as_os_str().is_empty());
        // The XDG base directory specification: a relative path there is to be ignored.
        let xdg = given(&self.xdg_data_home).filter(|p| p.is_absolute());
        let by_default = || match (self.root, xdg, given(&self.home)) {
            (true, ..) => Some(PathBuf::from(ROOT_HOME)),
            (false, Some(xdg), _) => Some(xdg.join("paas")),
            (false, None, Some(home)) => Some(home.join(".local/share/paas")),
            (false, None, None) => None,
        };
        let home = given(&self.flag)
            .or_else(|| given(&self.paas_home))
            .or_else(by_default);
        match home {
            Some(home) if home.is_absolute() => Ok(home),
            Some(home) => Err(refused(format!("{} is not an absolute path", home.display()))),
            None => Err(refused(
                "neither --home nor PAAS_HOME, XDG_DATA_HOME or HOME is set".to_owned(),
            )),
        }
    }
}

fn refused(why: String) -> Error {
    Error::new(&LOC_HOME, Class::Invalid)
        .attempted("find the home of this platform")
        .happened(why)
}

/// What PostgreSQL's programs cannot live with, told before anything is made.
fn usable(root: &Path) -> Result<()> {
    let refused = |why: String| {
        Err(Error::new(&LOC_HOME, Class::Invalid)
            .attempted(format!(
                "open the home {}",
                root.display().to_string().escape_debug()
            ))
            .happened(why))
    };
    // `initdb` refuses line breaks in a path, and no one-line file or message can hold one.
    if root.to_string_lossy().chars().any(char::is_control) {
        return refused("a line break or another control character is in its path".to_owned());
    }
    match root.ancestors().find(|p| p.symlink_metadata().is_ok()) {
        Some(there) if !there.is_dir() => refused(format!("{} is not a folder", there.display())),
        _ => Ok(()),
    }
}

/// The layout below the home. Folders are 0700; as root those above the data are 0711, so that the unprivileged user can pass.
#[derive(Debug, Clone)]
pub struct Home {
    root: PathBuf,
    account: Account,
}

impl Home {
    /// The home at this path, there or not: nothing is made, and nothing is looked at.
    pub(super) fn at(root: impl Into<PathBuf>, account: Account) -> Self {
        Self {
            root: root.into(),
            account,
        }
    }

    /// Opens the home, making what is missing, and checks that the user PostgreSQL runs as can reach the instances.
    ///
    /// # Errors
    /// `PAAS-LOC-0005` if a folder cannot be made; `PAAS-LOC-0003` if a parent is closed to that user.
    pub fn open(root: impl Into<PathBuf>, account: Account) -> Result<Self> {
        let home = Self::at(root, account);
        let cannot = |e: Error| {
            Error::new(&LOC_HOME, e.class())
                .attempted(format!("open the home {}", home.root.display()))
                .happened(e.to_string())
        };
        usable(&home.root)?;
        if let Some(parent) = home.root.parent() {
            files::make_dir(parent, 0o755).map_err(cannot)?;
        }
        let passable = if matches!(home.account, Account::Other { .. }) {
            0o711
        } else {
            0o700
        };
        for (folder, mode) in [
            (home.root.clone(), passable),
            (home.instances(), passable),
            (home.cache(), passable),
            (home.objects(), 0o700),
            (home.owners(), 0o700),
            (home.secrets(), 0o700),
            (home.locks(), 0o700),
        ] {
            files::make_dir(&folder, mode).map_err(cannot)?;
        }
        home.account.check_reach(&home.instances().join("any"))?;
        home.account.check_reach(&home.cache().join("any"))?;
        Ok(home)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whom PostgreSQL runs as.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The objects that the user declared, as YAML.
    pub fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    /// Ledgers and event logs, one folder an owner.
    pub fn owners(&self) -> PathBuf {
        self.root.join("owners")
    }

    /// Secrets, one folder an owner.
    pub fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    /// Database instances, one marked folder each.
    pub fn instances(&self) -> PathBuf {
        self.root.join("instances")
    }

    /// Fetched PostgreSQL builds; may be deleted while nothing runs from it.
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// Binding directories, `<namespace>/<name>`, in the layout of the Service Binding specification.
    pub fn bindings(&self) -> PathBuf {
        self.root.join("bindings")
    }

    /// Backups, one folder an owner; they outlive the instance.
    pub fn backups(&self) -> PathBuf {
        self.root.join("backups")
    }

    /// The certificate authority of this home.
    pub fn authority(&self) -> PathBuf {
        self.root.join("authority")
    }

    /// Lock files.
    pub fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// The lock of the one writer of an object.
    pub fn lock_of(&self, owner: &Owner) -> PathBuf {
        self.locks().join(format!("{}.lock", owner.uid()))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn path(p: &str) -> Option<PathBuf> {
        Some(PathBuf::from(p))
    }

    #[test]
    fn flag_beats_variable_beats_xdg_beats_home_and_root_lives_in_var_lib() {
        let mut w = Whence {
            home: path("/home/eve"),
            ..Whence::default()
        };
        assert_eq!(w.resolve().unwrap(), Path::new("/home/eve/.local/share/paas"));
        w.xdg_data_home = path("relative");
        assert_eq!(w.resolve().unwrap(), Path::new("/home/eve/.local/share/paas"));
        w.xdg_data_home = path("/data/eve");
        assert_eq!(w.resolve().unwrap(), Path::new("/data/eve/paas"));
        w.root = true;
        assert_eq!(w.resolve().unwrap(), Path::new(ROOT_HOME));
        w.paas_home = path("/srv/paas");
        assert_eq!(w.resolve().unwrap(), Path::new("/srv/paas"));
        w.flag = path("/flag");
        assert_eq!(w.resolve().unwrap(), Path::new("/flag"));
        w.flag = path("flag");
        assert_eq!(w.resolve().unwrap_err().code().id, LOC_HOME.id);
        assert_eq!(Whence::default().resolve().unwrap_err().code().id, LOC_HOME.id);
    }

    #[test]
    fn secrets_are_closed_and_instances_are_passable_for_the_dropped_to_user() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        let other = Account::Other {
            name: "stranger".into(),
            uid: 4_000_001,
            gid: 4_000_001,
        };
        let home = Home::open(dir.path().join("a"), other).unwrap();
        assert_eq!(
            (mode(home.root()), mode(&home.instances()), mode(&home.secrets())),
            (0o711, 0o711, 0o700)
        );
        let mine = Home::open(dir.path().join("b"), Account::Myself { uid: 1 }).unwrap();
        assert_eq!(
            (mode(mine.root()), mode(&mine.instances()), mode(&mine.secrets())),
            (0o700, 0o700, 0o700)
        );
        fs::write(dir.path().join("file"), "").unwrap();
        for (path, why) in [
            ("file", "is not a folder"),
            ("file/home", "is not a folder"),
            ("a\nb", "control character"),
        ] {
            let e = Home::open(dir.path().join(path), Account::Myself { uid: 1 }).unwrap_err();
            assert_eq!((e.code().id, e.class()), (LOC_HOME.id, Class::Invalid));
            assert!(e.words().contains(why), "{e}");
        }
    }
}
