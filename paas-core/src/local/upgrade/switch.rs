//! Which data an instance has: by renames, so that the names that exist tell where an upgrade stands.
//!
//! | `data` | `before-15` | the new data in the work folder | |
//! | --- | --- | --- | --- |
//! | old | – | – or half-made | nothing has happened yet |
//! | – | old | new | between the two renames, in either direction |
//! | new | old | – | upgraded, with the way back kept |
//!
//! The way there and the way back pass through the same middle, in which both sets of data are whole. Nobody but [`settle`] leaves
//! it: it takes the one of the wanted major, so a new and empty data directory is never made there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    clock::Clock,
    error::{Class, Error, Result},
    local::{account::Account, codes::LOC_NO_WAY_BACK, data, disk, files, postmaster},
};

/// How the folder of the data before an upgrade begins; its major follows.
const BEFORE: &str = "before-";

/// The list of who may enter a server during an upgrade, in the folder of the server that it belongs to.
pub(super) const CLOSED: &str = "closed.conf";

/// The data as it was before an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Previous {
    /// Its major.
    pub major: u32,
    /// Where it is kept.
    pub folder: PathBuf,
    /// How much room it takes.
    pub bytes: u64,
}

/// The data that the last upgrade kept, if it is still there.
///
/// # Errors
/// `PAAS-LOC-0013`.
pub(in crate::local) fn previous(instance: &Path) -> Result<Option<Previous>> {
    for folder in files::list(instance)? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        if let Some(major) = name.strip_prefix(BEFORE).and_then(|m| m.parse().ok()) {
            let bytes = disk::size(&folder, fs::Metadata::len);
            return Ok(Some(Previous { major, folder, bytes }));
        }
    }
    Ok(None)
}

/// The folder in which new data is made: like an instance's own folder, with `data` in it.
pub(super) fn work(instance: &Path) -> PathBuf {
    files::half_made(&instance.join("upgrade"))
}

/// Puts the new data of the work folder in the place of the old, which is kept. No server may run on either.
pub(super) fn forward(instance: &Path) -> Result<()> {
    let place = instance.join(data::FOLDER);
    let major = data::major(instance)?.unwrap_or_default();
    files::rename(&place, &instance.join(format!("{BEFORE}{major}")))?;
    files::rename(&work(instance).join(data::FOLDER), &place)?;
    files::discard(&work(instance))
}

/// Puts the kept data in the place of the new, which is lost. No server may run on either.
pub(super) fn back(instance: &Path, account: &Account) -> Result<()> {
    let kept = kept(instance)?;
    let place = instance.join(data::FOLDER);
    let work = work(instance);
    files::remove(&work)?;
    files::make_new_dir(&work, 0o700, account)?;
    files::rename(&place, &work.join(data::FOLDER))?;
    files::rename(&kept.folder, &place)?;
    files::discard(&work)
}

/// Deletes the kept data.
pub(super) fn forget(instance: &Path) -> Result<Previous> {
    let kept = kept(instance)?;
    files::discard(&kept.folder)?;
    Ok(kept)
}

/// The kept data, or that there is none.
pub(super) fn kept(instance: &Path) -> Result<Previous> {
    previous(instance)?.ok_or_else(|| {
        Error::new(&LOC_NO_WAY_BACK, Class::NotFound)
            .attempted(format!(
                "find the data before the upgrade in {}",
                instance.display()
            ))
            .happened("there is no folder before-MAJOR in it")
    })
}

/// Ends a switch that was cut off between its renames; gives the major of the data that is in its place now, or nothing if there was
/// no such switch. The wanted major decides, and where none is wanted, the upgrade goes on.
///
/// # Errors
/// `PAAS-LOC-0007`, `PAAS-LOC-0013`.
pub(in crate::local) fn settle(instance: &Path, want: Option<u32>) -> Result<Option<u32>> {
    let place = instance.join(data::FOLDER);
    let Some(old) = previous(instance)?.filter(|_| place.symlink_metadata().is_err()) else {
        return Ok(None);
    };
    let work = work(instance);
    match data::major(&work)? {
        Some(new) if want != Some(old.major) => {
            files::rename(&work.join(data::FOLDER), &place)?;
            files::discard(&work)?;
            Ok(Some(new))
        }
        _ => {
            files::rename(&old.folder, &place)?;
            files::discard(&work)?;
            Ok(Some(old.major))
        }
    }
}

/// Removes what a cut-off upgrade left beside the data: its server, its half-made copy.
///
/// # Errors
/// Those of [`postmaster::stop`], `PAAS-LOC-0013`.
pub(in crate::local) async fn sweep(instance: &Path, account: &Account, clock: &dyn Clock) -> Result<()> {
    // A server that still runs with it has read it already.
    files::remove(&instance.join(CLOSED))?;
    let work = work(instance);
    if work.symlink_metadata().is_err() {
        return Ok(());
    }
    if let Some(server) = postmaster::running(&work, account)? {
        postmaster::stop(&server, clock).await?;
    }
    // In the middle of a switch it is no leftover: it holds data.
    if instance.join(data::FOLDER).symlink_metadata().is_ok() {
        files::remove(&work)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An instance whose folders are these, each with a data directory of this major.
    fn instance(folders: &[(&str, u32)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, major) in folders {
            let data = match *name {
                "work" => work(dir.path()).join("data"),
                other => dir.path().join(other),
            };
            fs::create_dir_all(&data).unwrap();
            fs::write(data.join("PG_VERSION"), format!("{major}\n")).unwrap();
        }
        dir
    }

    /// What is there: the data's major, the kept one's, and whether a work folder is left.
    fn there(dir: &Path) -> (Option<u32>, Option<u32>, bool) {
        let kept = previous(dir).unwrap().map(|p| p.major);
        (data::major(dir).unwrap(), kept, work(dir).exists())
    }

    #[test]
    fn there_and_back_keeps_exactly_one_of_each() {
        let me = Account::Myself { uid: 0 };
        let dir = instance(&[("data", 15), ("work", 17)]);
        forward(dir.path()).unwrap();
        assert_eq!(there(dir.path()), (Some(17), Some(15), false));
        back(dir.path(), &me).unwrap();
        assert_eq!(there(dir.path()), (Some(15), None, false));
        let e = back(dir.path(), &me).unwrap_err();
        assert_eq!(e.code().id, LOC_NO_WAY_BACK.id);
        assert_eq!(there(dir.path()), (Some(15), None, false));
    }

    #[test]
    fn a_switch_cut_off_in_the_middle_ends_where_the_spec_wants_it() {
        for (want, is, kept) in [
            (None, 17, Some(15)),
            (Some(17), 17, Some(15)),
            (Some(15), 15, None),
        ] {
            let dir = instance(&[("before-15", 15), ("work", 17)]);
            assert_eq!(settle(dir.path(), want).unwrap(), Some(is), "{want:?}");
            assert_eq!(there(dir.path()), (Some(is), kept, false), "{want:?}");
            assert_eq!(settle(dir.path(), want).unwrap(), None);
        }
        // Somebody removed the work folder: the old data is taken up rather than an empty one made.
        let dir = instance(&[("before-15", 15)]);
        assert_eq!(settle(dir.path(), Some(17)).unwrap(), Some(15));
    }

    #[tokio::test]
    async fn a_half_made_copy_is_swept_and_data_in_the_middle_of_a_switch_is_not() {
        let (me, clock) = (Account::Myself { uid: 0 }, crate::clock::SystemClock);
        let dir = instance(&[("data", 15), ("work", 17)]);
        sweep(dir.path(), &me, &clock).await.unwrap();
        assert_eq!(there(dir.path()), (Some(15), None, false));
        let dir = instance(&[("before-15", 15), ("work", 17)]);
        sweep(dir.path(), &me, &clock).await.unwrap();
        assert_eq!(there(dir.path()), (None, Some(15), true));
    }
}
