//! The user that PostgreSQL runs as: ourselves, or as root an unprivileged one, because `postgres` and `initdb` refuse root.

use std::{
    fmt,
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use super::codes::{LOC_CLOSED, LOC_NO_USER};
use crate::error::{Class, Error, Result};

/// Users taken in this order.
const PREFERRED: [&str; 2] = ["postgres", "nobody"];

/// Whom processes run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// The user who runs us.
    Myself {
        /// Our effective user id.
        uid: u32,
    },
    /// Another user, because we are root.
    Other {
        /// The user's name.
        name: String,
        /// The user's id.
        uid: u32,
        /// The user's primary group.
        gid: u32,
    },
}

impl Account {
    /// Ourselves, or for root the first of `postgres` and `nobody` that exists.
    ///
    /// # Errors
    /// `PAAS-LOC-0004` if root has neither.
    pub fn current() -> Result<Self> {
        let uid = rustix::process::geteuid().as_raw();
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self::choose(uid, &users)
    }

    /// The choice itself: `users` has the form of `passwd(5)`.
    ///
    /// # Errors
    /// As [`Account::current`].
    pub fn choose(uid: u32, users: &str) -> Result<Self> {
        if uid != 0 {
            return Ok(Self::Myself { uid });
        }
        PREFERRED
            .iter()
            .find_map(|name| entry(users, name))
            .ok_or_else(|| {
                Error::new(&LOC_NO_USER, Class::Unsupported)
                    .attempted("choose the user that PostgreSQL runs as")
            })
    }

    /// The user id that owns data and processes.
    pub fn uid(&self) -> u32 {
        match self {
            Self::Myself { uid } | Self::Other { uid, .. } => *uid,
        }
    }

    /// Makes a command run as this user. The standard library clears the supplementary groups when it changes the user.
    pub fn apply(&self, command: &mut Command) {
        match self {
            Self::Myself { .. } => {}
            Self::Other { uid, gid, .. } => {
                command.uid(*uid).gid(*gid);
            }
        }
    }

    /// Gives a file or folder of ours to this user; links are not followed.
    ///
    /// # Errors
    /// The system's.
    pub fn own(&self, path: &Path) -> std::io::Result<()> {
        match self {
            Self::Myself { .. } => Ok(()),
            Self::Other { uid, gid, .. } => std::os::unix::fs::lchown(path, Some(*uid), Some(*gid)),
        }
    }

    /// Checks that this user may pass through every folder above `path`, as far as they exist.
    ///
    /// # Errors
    /// `PAAS-LOC-0003` naming the first folder that is closed.
    pub fn check_reach(&self, path: &Path) -> Result<()> {
        let Self::Other { name, uid, gid } = self else {
            return Ok(());
        };
        let mut folders: Vec<PathBuf> = real(path).ancestors().skip(1).map(Path::to_path_buf).collect();
        folders.reverse();
        for folder in folders {
            let Ok(meta) = fs::metadata(&folder) else { break };
            if !may_pass(&meta, *uid, *gid) {
                return Err(Error::new(&LOC_CLOSED, Class::Denied)
                    .attempted(format!("reach {} as the user {name}", path.display()))
                    .happened(format!(
                        "{} is closed to {name} (mode {:04o}, owner {})",
                        folder.display(),
                        meta.mode() & 0o7777,
                        meta.uid()
                    )));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Myself { uid } => write!(f, "the user who runs this (uid {uid})"),
            Self::Other { name, uid, .. } => write!(f, "the user {name} (uid {uid})"),
        }
    }
}

/// The search permission of `path_resolution(7)`: exactly one class of bits counts. Access lists are not looked at.
fn may_pass(meta: &Metadata, uid: u32, gid: u32) -> bool {
    let shift = if meta.uid() == uid {
        6
    } else if meta.gid() == gid {
        3
    } else {
        0
    };
    meta.mode() >> shift & 0o1 == 1
}

/// The path with the links of its existing part resolved.
fn real(path: &Path) -> PathBuf {
    for existing in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (existing.canonicalize(), path.strip_prefix(existing)) {
            return real.join(rest);
        }
    }
    path.to_path_buf()
}

fn entry(users: &str, name: &str) -> Option<Account> {
    users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let (uid, gid) = (fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?);
        (fields[0] == name && uid != 0).then(|| Account::Other {
            name: name.to_owned(),
            uid,
            gid,
        })
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const USERS: &str =
        "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\npostgres:x:70:71::/:/bin/sh\n";

    #[test]
    fn root_becomes_postgres_else_nobody_and_others_stay_themselves() {
        let postgres = Account::Other {
            name: "postgres".into(),
            uid: 70,
            gid: 71,
        };
        assert_eq!(Account::choose(0, USERS).unwrap(), postgres);
        let nobody = Account::choose(0, "nobody:x:99:98::/:/bin/false").unwrap();
        assert_eq!(
            nobody,
            Account::Other {
                name: "nobody".into(),
                uid: 99,
                gid: 98
            }
        );
        assert_eq!(
            Account::choose(1000, USERS).unwrap(),
            Account::Myself { uid: 1000 }
        );
        let e = Account::choose(0, "root:x:0:0::/:/bin/sh\nbroken\npostgres:x:0:0::/:/bin/sh").unwrap_err();
        assert_eq!(e.code().id, LOC_NO_USER.id);
    }

    #[test]
    fn a_closed_parent_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let closed = dir.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        let stranger = Account::Other {
            name: "stranger".into(),
            uid: 4_000_001,
            gid: 4_000_001,
        };
        let e = stranger.check_reach(&closed.join("instances/demo")).unwrap_err();
        assert_eq!(e.code().id, LOC_CLOSED.id);
        assert!(
            e.to_string()
                .contains(&format!("{} is closed", closed.canonicalize().unwrap().display())),
            "{e}"
        );
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o711)).unwrap();
        stranger.check_reach(&closed.join("instances/demo")).unwrap();
        Account::Myself { uid: 1 }.check_reach(&closed).unwrap();
    }

    #[test]
    fn a_process_runs_as_the_account_and_as_root_without_groups_of_root() {
        let account = Account::current().unwrap();
        let ask = |flag| {
            let mut command = Command::new("id");
            account.apply(command.arg(flag));
            String::from_utf8(command.output().unwrap().stdout)
                .unwrap()
                .trim()
                .to_owned()
        };
        assert_eq!(ask("-u"), account.uid().to_string());
        if let Account::Other { gid, .. } = &account {
            assert_eq!(ask("-G"), gid.to_string());
        }
    }
}
