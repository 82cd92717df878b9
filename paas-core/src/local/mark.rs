//! Marks: the file in a folder that says whose it is.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{account::Account, codes::LOC_MARK, files};
use crate::error::{Class, Error, Result};

/// The mark's file name, in the folder itself.
pub const MARK_FILE: &str = "paas.json";

/// The version of the format that this program writes.
const VERSION: u32 = 1;

/// Whose folder this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// The format's version.
    pub version: u32,
    /// The owner's uid.
    pub owner: String,
    /// The key inside the owner.
    pub key: String,
    /// The owner's name, for people who look into the folder.
    pub name: String,
    /// When it was made.
    pub made: Timestamp,
}

impl Mark {
    /// A mark of today's format.
    pub fn new(
        owner: impl Into<String>,
        key: impl Into<String>,
        name: impl Into<String>,
        made: Timestamp,
    ) -> Self {
        Self {
            version: VERSION,
            owner: owner.into(),
            key: key.into(),
            name: name.into(),
            made,
        }
    }

    /// Makes a new folder that bears this mark from its first moment: both appear in one rename.
    ///
    /// # Errors
    /// `PAAS-LOC-0013`; a conflict if something is there already.
    pub fn make_folder(&self, path: &Path, account: &Account) -> Result<()> {
        let half = files::half_made(path);
        files::remove(&half)?;
        files::make_new_dir(&half, 0o700, account)?;
        let text = serde_json::to_vec_pretty(self).map_err(|e| unreadable(path, &e.to_string()))?;
        files::write_new(&half.join(MARK_FILE), &text, 0o600, account)?;
        if path.symlink_metadata().is_ok() {
            files::remove(&half)?;
            return Err(files::io_error(
                "create folder",
                path,
                std::io::ErrorKind::AlreadyExists.into(),
            ));
        }
        files::rename(&half, path)
    }

    /// The mark of a folder; nothing if it bears none.
    ///
    /// # Errors
    /// `PAAS-LOC-0012` if there is one that cannot be understood.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(MARK_FILE);
        let Some(text) = files::read(&path)? else {
            return Ok(None);
        };
        let mark: Self = serde_json::from_str(&text).map_err(|e| unreadable(&path, &e.to_string()))?;
        if mark.version > VERSION {
            return Err(unreadable(
                &path,
                &format!("its version {} is newer than ours, {VERSION}", mark.version),
            ));
        }
        Ok(Some(mark))
    }
}

/// Every marked folder directly below `root`, or an error if that cannot be told, or if the mark of `ours` cannot be understood.
/// Another folder's damaged mark stops only its own owner.
///
/// # Errors
/// `PAAS-LOC-0012`, `PAAS-LOC-0013`.
pub fn scan(root: &Path, ours: &Path) -> Result<Vec<(PathBuf, Mark)>> {
    let mut marks = Vec::new();
    for folder in files::list(root)? {
        let half = folder
            .file_name()
            .is_some_and(|n| n.to_string_lossy().starts_with(files::HALF_MADE));
        if half || !folder.is_dir() {
            continue;
        }
        match Mark::read(&folder) {
            Ok(Some(mark)) => marks.push((folder, mark)),
            Ok(None) => {}
            Err(e) if e.code() == &LOC_MARK && folder != ours => {}
            Err(e) => return Err(e),
        }
    }
    Ok(marks)
}

fn unreadable(path: &Path, why: &str) -> Error {
    Error::new(&LOC_MARK, Class::Blocked)
        .attempted(format!("read the mark {}", path.display()))
        .happened(why)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn mark(owner: &str) -> Mark {
        Mark::new(owner, "directory", "default/demo", Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_folder_appears_together_with_its_mark_and_only_once() {
        let dir = tempfile::tempdir().unwrap();
        let me = Account::Myself { uid: 0 };
        let path = dir.path().join("demo");
        mark("one").make_folder(&path, &me).unwrap();
        let e = mark("two").make_folder(&path, &me).unwrap_err();
        assert_eq!(e.class(), Class::Conflict);
        fs::create_dir(dir.path().join("unmarked")).unwrap();
        fs::create_dir(dir.path().join(format!("{}x", files::HALF_MADE))).unwrap();
        assert_eq!(scan(dir.path(), &path).unwrap(), [(path, mark("one"))]);
        assert!(scan(&dir.path().join("nowhere"), dir.path()).unwrap().is_empty());
    }

    #[test]
    fn a_damaged_or_newer_mark_is_an_error_and_never_an_empty_world() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("demo");
        fs::create_dir(&path).unwrap();
        let newer = serde_json::to_string(&Mark {
            version: 2,
            ..mark("x")
        })
        .unwrap();
        for content in ["{\"version\":", newer.as_str()] {
            fs::write(path.join(MARK_FILE), content).unwrap();
            assert_eq!(scan(dir.path(), &path).unwrap_err().code().id, LOC_MARK.id);
            assert!(scan(dir.path(), Path::new("/another")).unwrap().is_empty());
        }
    }
}
