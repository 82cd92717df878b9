//! Secrets in files: a folder of mode 0700 an owner, a file of mode 0600 a secret.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use super::SecretStore;
use crate::{
    codes, durable,
    error::{Class, Error},
    owner::Owner,
};

/// A [`SecretStore`] in a folder: `<root>/<owner uid>/<name>`.
#[derive(Debug, Clone)]
pub struct FileSecrets {
    root: PathBuf,
}

impl FileSecrets {
    /// Secrets below `root`, which is made with mode 0700 when the first one is stored.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn folder(&self, owner: &Owner) -> PathBuf {
        self.root.join(owner.uid().to_string())
    }

    fn path(&self, owner: &Owner, name: &str) -> Result<PathBuf, Error> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(good) {
            return Err(Error::new(&codes::CORE_NAME, Class::Invalid)
                .attempted("name a secret")
                .happened(format!(
                    "'{}' is not a name of letters, digits, '.', '_', '-'",
                    name.escape_debug()
                )));
        }
        Ok(self.folder(owner).join(name))
    }
}

fn failed(what: &str, path: &Path, e: io::Error) -> Error {
    Error::new(&codes::CORE_SECRET_STORE, Class::Internal)
        .attempted(format!("{what} {}", path.display()))
        .happened(e.to_string())
        .source_error(e)
}

/// Refuses a file that others can read: its secret may be known already.
fn read(path: &Path) -> Result<Option<SecretString>, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed("read the secret", path, e)),
    };
    let mode = fs::metadata(path)
        .map_err(|e| failed("look at the secret", path, e))?
        .mode()
        & 0o777;
    if mode & 0o077 != 0 {
        let e = io::Error::other(format!("its mode is {mode:04o}: others can read it"));
        return Err(failed("read the secret", path, e));
    }
    Ok(Some(SecretString::from(text)))
}

#[async_trait]
impl SecretStore for FileSecrets {
    async fn get(&self, owner: &Owner, name: &str) -> Result<Option<SecretString>, Error> {
        read(&self.path(owner, name)?)
    }

    async fn put_if_absent(
        &self,
        owner: &Owner,
        name: &str,
        value: SecretString,
    ) -> Result<SecretString, Error> {
        let path = self.path(owner, name)?;
        if let Some(stored) = read(&path)? {
            return Ok(stored);
        }
        let stored = durable::beside(&path, value.expose_secret().as_bytes()).and_then(|fresh| {
            // A hard link fails where the name is taken, so that two processes agree on one value.
            let linked = match fs::hard_link(&fresh, &path) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
                _ => durable::sync_folder(&path),
            };
            linked.and(fs::remove_file(&fresh))
        });
        stored.map_err(|e| failed("store the secret", &path, e))?;
        read(&path)?.ok_or_else(|| failed("read back the secret", &path, io::Error::other("it is not there")))
    }

    async fn delete(&self, owner: &Owner, name: &str) -> Result<(), Error> {
        let path = self.path(owner, name)?;
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(failed("delete the secret", &path, e));
            }
            _ => {}
        }
        durable::sweep(&path).map_err(|e| failed("delete the secret", &path, e))?;
        // The folder goes with its last secret; that it still has others is no failure.
        let _ = fs::remove_dir(self.folder(owner));
        Ok(())
    }

    async fn forget(&self, owner: &Owner) -> Result<(), Error> {
        let folder = self.folder(owner);
        match fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed("forget the secrets in", &folder, e)),
            _ => Ok(()),
        }
    }

    async fn list(&self, owner: &Owner) -> Result<Vec<String>, Error> {
        let folder = self.folder(owner);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed("list the secrets in", &folder, e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry
                .map_err(|e| failed("list the secrets in", &folder, e))?
                .file_name();
            names.extend(name.to_str().filter(|n| !n.starts_with('.')).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }
}
