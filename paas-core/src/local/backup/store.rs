//! Where backups are: `backups/<uid of the owner>/<id>/` in the home, each with its data and its manifest.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    manifest::{Manifest, corrupt},
    take,
    verify::Verified,
};
use crate::{
    error::{Class, Error, Result},
    local::{
        codes::LOC_NO_BACKUP,
        files::{self, HALF_MADE},
        home::Home,
    },
    owner::Owner,
    spec::DatabaseInstanceSpec,
};

/// Whether a backup can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It is whole, as far as was looked.
    Good,
    /// It is being made, or its making was interrupted; the next backup of the instance sweeps it then.
    Incomplete,
    /// Its manifest is missing or damaged, or a verification failed.
    Corrupt,
}

/// One backup.
#[derive(Debug, Clone)]
pub struct Backup {
    /// Its id.
    pub id: String,
    /// Where it lies.
    pub folder: PathBuf,
    /// Whether it can be restored.
    pub state: State,
    /// Why it cannot.
    pub why: Option<String>,
    /// What it holds, if that can be read.
    pub manifest: Option<Manifest>,
    /// What the last verification found.
    pub verified: Option<Verified>,
}

impl Backup {
    fn look(folder: PathBuf) -> Self {
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let verified = Verified::read(&folder);
        let it = |id: String, state, why, manifest| Self {
            id,
            folder: folder.clone(),
            state,
            why,
            manifest,
            verified: verified.clone(),
        };
        if let Some(id) = name.strip_prefix(HALF_MADE) {
            return it(
                id.to_owned(),
                State::Incomplete,
                Some("it was never finished".to_owned()),
                None,
            );
        }
        match Manifest::read(&folder) {
            Ok(manifest) => match verified.as_ref().and_then(|v| v.failed.clone()) {
                Some(why) => it(name, State::Corrupt, Some(why), Some(manifest)),
                None => it(name, State::Good, None, Some(manifest)),
            },
            Err(e) => it(name, State::Corrupt, Some(e.words().to_owned()), None),
        }
    }

    /// What it holds.
    ///
    /// # Errors
    /// `PAAS-LOC-0018` if it is not good.
    pub fn manifest(&self) -> Result<&Manifest> {
        match (&self.manifest, self.state) {
            (Some(manifest), State::Good) => Ok(manifest),
            _ => Err(corrupt(&self.id, self.why.clone().unwrap_or_default())),
        }
    }

    /// The spec of an instance like the one that it was made of: its major is the data's, and its port is its own.
    ///
    /// # Errors
    /// `PAAS-LOC-0018` if it is not good, or its spec is of another version of this program.
    pub fn spec(&self) -> Result<DatabaseInstanceSpec> {
        let manifest = self.manifest()?;
        let mut spec: DatabaseInstanceSpec = serde_json::from_value(manifest.spec.clone())
            .map_err(|e| corrupt(&self.id, format!("its spec: {e}")))?;
        spec.engine.version = manifest.major.to_string().parse().ok();
        if let Some(exposure) = &mut spec.exposure {
            exposure.port = None;
        }
        Ok(spec)
    }
}

/// The backups of a home.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    locks: PathBuf,
}

impl Store {
    /// The backups of this home.
    pub fn new(home: &Home) -> Self {
        Self {
            root: home.backups(),
            locks: home.locks(),
        }
    }

    /// All backups, of all instances that are or were, oldest first.
    ///
    /// # Errors
    /// `PAAS-LOC-0013`.
    pub fn all(&self) -> Result<Vec<Backup>> {
        let mut all = Vec::new();
        for owner in files::list(&self.root)? {
            for folder in files::list(&owner)? {
                if folder.is_dir() {
                    all.push(Backup::look(folder));
                }
            }
        }
        all.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(all)
    }

    /// The backups of one owner, oldest first.
    ///
    /// # Errors
    /// `PAAS-LOC-0013`.
    pub fn list(&self, owner: &Owner) -> Result<Vec<Backup>> {
        let mut all: Vec<Backup> = files::list(&self.of(&owner.uid().to_string()))?
            .into_iter()
            .filter(|f| f.is_dir())
            .map(Backup::look)
            .collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(all)
    }

    /// The backup of this id; for the name of an instance, its newest good one.
    ///
    /// # Errors
    /// `PAAS-LOC-0020`; `PAAS-LOC-0013`.
    pub fn find(&self, id: &str) -> Result<Backup> {
        let all = self.all()?;
        let named = |b: &&Backup| b.state == State::Good && b.manifest.as_ref().is_some_and(|m| m.name == id);
        let found = all
            .iter()
            .find(|b| b.id == id)
            .or_else(|| all.iter().rev().find(named));
        found.cloned().ok_or_else(|| {
            Error::new(&LOC_NO_BACKUP, Class::NotFound)
                .attempted(format!("find the backup {id:?}"))
                .happened("no backup has that id, and no good one is of an instance of that name")
        })
    }

    /// Removes a backup, in whatever state it is. It is gone for good.
    ///
    /// # Errors
    /// `PAAS-LOC-0013`.
    pub fn remove(&self, backup: &Backup) -> Result<()> {
        let half = backup.state == State::Incomplete;
        if half {
            files::remove(&backup.folder)
        } else {
            files::discard(&backup.folder)
        }
    }

    /// The folder of an owner's backups.
    pub(super) fn of(&self, owner: &str) -> PathBuf {
        self.root.join(owner)
    }

    /// The lock of whoever changes an owner's backups.
    pub(super) fn lock(&self, owner: &str) -> PathBuf {
        self.locks.join(format!("{owner}.backup.lock"))
    }

    /// Removes what interrupted backups and removals left. Only for who holds the lock.
    pub(super) fn sweep(&self, owner: &str) -> Result<()> {
        for folder in files::list(&self.of(owner))? {
            if is_half(&folder) {
                files::remove(&folder)?;
            }
        }
        Ok(())
    }

    /// An id that no backup has.
    pub(super) fn free(&self, owner: &Owner, at: Timestamp) -> String {
        let first = take::id(owner, at);
        let folder = self.of(&owner.uid().to_string());
        let mut id = first.clone();
        for n in 2_u32.. {
            if folder.join(&id).symlink_metadata().is_err() {
                break;
            }
            id = format!("{first}-{n}");
        }
        id
    }
}

fn is_half(folder: &Path) -> bool {
    folder
        .file_name()
        .is_some_and(|n| n.to_string_lossy().starts_with(HALF_MADE))
}
