//! Data that was kept: every marked folder of a home, whether or not anybody still has the object that it was made for.
//!
//! [`list`] looks, [`adopt`] takes one up again by name, [`purge`] deletes one for good.

mod contents;
mod purge;

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

pub use self::purge::{Purged, purge};
use super::{
    codes::{LOC_IN_USE, LOC_MARK, LOC_NOT_RETAINED, LOC_OTHER_HOME},
    control, data, disk, files,
    instance::LocalInstance,
    lock::Holder,
    machine::LocalMachine,
    mark::{self, Mark},
    postmaster,
};
use crate::{
    codes::CORE_DUPLICATE,
    error::{Class, Error, Result},
    owner::Owner,
    spec::DatabaseInstanceSpec,
};

/// One marked folder.
#[derive(Debug, Clone)]
pub struct Retained {
    /// Whose it is, by the name in the mark.
    pub owner: Owner,
    /// Where it lies.
    pub folder: PathBuf,
    /// How it lies there.
    pub standing: Standing,
    /// When the folder was made.
    pub made: Timestamp,
    /// When its server last wrote a checkpoint, which a clean stop does too; `None` where there never was one.
    pub used: Option<Timestamp>,
    /// The major version of its data; `None` while there are none.
    pub major: Option<u32>,
    /// What it takes on the disk, in bytes.
    pub size: u64,
    /// The process of the server that runs on it, if one does.
    pub pid: Option<u32>,
    uid: String,
}

/// How a marked folder lies in a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Standing {
    /// At the one place where its instance looks for it.
    InPlace,
    /// Somewhere else, and nothing is at its place: somebody moved it.
    Moved,
    /// One of several folders with the same mark, and not at its place: somebody copied it.
    Copy,
    /// What a deletion that was interrupted left.
    HalfRemoved,
    /// Made by another home.
    OtherHome,
}

/// What a look at a home found.
#[derive(Debug, Default)]
pub struct Listing {
    /// The marked folders, by owner and path.
    pub found: Vec<Retained>,
    /// Folders whose mark cannot be understood.
    pub unreadable: Vec<Error>,
}

impl Listing {
    /// All folders that bear the mark of this owner.
    pub fn of(&self, owner: &Owner) -> Vec<&Retained> {
        self.found.iter().filter(|r| r.owner == *owner).collect()
    }
}

/// Looks at every marked folder of the home. Sizes are counted file by file, so this reads much; folders that go meanwhile are left out.
///
/// # Errors
/// `PAAS-LOC-0013` if the folder of instances cannot be listed.
pub async fn list(machine: &LocalMachine) -> Result<Listing> {
    let machine = machine.clone();
    let looked = tokio::task::spawn_blocking(move || look(&machine)).await;
    looked.map_err(|e| files::io_error("list", Path::new("instances"), std::io::Error::other(e)))?
}

fn look(machine: &LocalMachine) -> Result<Listing> {
    let mut listing = Listing::default();
    for folder in files::list(&machine.home.instances())? {
        match Mark::read(&folder) {
            Ok(None) => {}
            Ok(Some(mark)) => match retained(machine, folder, &mark) {
                Ok(one) => listing.found.push(one),
                Err(e) => listing.unreadable.push(e),
            },
            // What is no folder cannot hold a mark.
            Err(_) if !folder.is_dir() => {}
            Err(e) => listing.unreadable.push(e),
        }
    }
    let places: Vec<(String, bool)> = listing
        .found
        .iter()
        .map(|r| (r.uid.clone(), r.standing != Standing::HalfRemoved))
        .collect();
    for one in &mut listing.found {
        let same = places.iter().filter(|(uid, whole)| *whole && *uid == one.uid);
        if one.standing == Standing::Moved && same.count() > 1 {
            one.standing = Standing::Copy;
        }
    }
    let key = |r: &Retained| {
        (
            r.owner.namespace().to_owned(),
            r.owner.name().to_owned(),
            r.folder.clone(),
        )
    };
    listing.found.sort_by_key(key);
    Ok(listing)
}

fn retained(machine: &LocalMachine, folder: PathBuf, mark: &Mark) -> Result<Retained> {
    let unreadable = |why: &str| {
        Error::new(&LOC_MARK, Class::Blocked)
            .attempted(format!("read the mark of {}", folder.display()))
            .happened(why)
    };
    let (namespace, name) = mark
        .name
        .split_once('/')
        .ok_or_else(|| unreadable("its name is not of the form namespace/name"))?;
    let owner = machine.owner(namespace, name);
    let half = folder
        .file_name()
        .is_some_and(|n| n.to_string_lossy().starts_with(files::HALF_MADE));
    let standing = match mark.owner.parse::<Uuid>() {
        Err(_) => return Err(unreadable("its owner is no uid")),
        Ok(uid) if uid != owner.uid() => Standing::OtherHome,
        Ok(_) if half => Standing::HalfRemoved,
        Ok(_) if folder == machine.folder(&owner) => Standing::InPlace,
        Ok(_) => Standing::Moved,
    };
    let checkpoint = folder.join(data::FOLDER).join(control::FILE);
    let running = postmaster::running(&folder, machine.home.account())?;
    Ok(Retained {
        standing,
        made: mark.made,
        used: written(&checkpoint),
        major: data::major(&folder)?,
        size: disk::size(&folder, disk::on_disk),
        pid: running.map(|server| server.process.pid),
        uid: mark.owner.clone(),
        owner,
        folder,
    })
}

fn written(path: &Path) -> Option<Timestamp> {
    Timestamp::try_from(fs::metadata(path).ok()?.modified().ok()?).ok()
}

/// True if a folder of this home bears the mark of this owner, wherever it lies. Cheap: sizes are not counted.
///
/// # Errors
/// `PAAS-LOC-0012` if the mark at its place cannot be understood; `PAAS-LOC-0013`.
pub fn is_there(machine: &LocalMachine, owner: &Owner) -> Result<bool> {
    let uid = owner.uid().to_string();
    let marks = mark::scan(&machine.home.instances(), &machine.folder(owner))?;
    Ok(marks.iter().any(|(_, mark)| mark.owner == uid))
}

/// The one folder of an instance that can be used or deleted, or why there is none.
fn one<'a>(listing: &'a Listing, owner: &Owner, attempt: &str) -> Result<&'a Retained> {
    let all = listing.of(owner);
    let refused = |code, class, why: String| Error::new(code, class).attempted(attempt).happened(why);
    let (ours, others): (Vec<&Retained>, Vec<&Retained>) =
        all.iter().partition(|r| r.standing != Standing::OtherHome);
    match (ours.as_slice(), others.first()) {
        ([only], _) => Ok(only),
        ([], None) => Err(refused(
            &LOC_NOT_RETAINED,
            Class::NotFound,
            format!(
                "no folder bears the mark of {}/{}",
                owner.namespace(),
                owner.name()
            ),
        )),
        ([], Some(other)) => Err(refused(
            &LOC_OTHER_HOME,
            Class::Blocked,
            format!("{} was made by another home", other.folder.display()),
        )),
        (several, _) => {
            let places: Vec<String> = several.iter().map(|r| r.folder.display().to_string()).collect();
            let why = format!(
                "{} bear its mark, and which one counts is not guessed",
                places.join(" and ")
            );
            let remedy = "move those away from the folder of instances that are not to be used";
            Err(refused(&CORE_DUPLICATE, Class::Blocked, why).remedy(remedy))
        }
    }
}

/// Takes up data by name: a folder that was moved goes back to its place, and what there is to know of its spec is found out. The given
/// spec is the word of whoever still has it; without one, it is what is in the data: the server runs afterwards, because it was asked.
/// [`LocalInstance::up`] of the result does the rest. `waiting` is told who holds the lock.
///
/// # Errors
/// `PAAS-LOC-0034` if there is nothing of that name, `PAAS-CORE-0002` if there is more than one folder of it, `PAAS-LOC-0035` if one
/// that has to be moved is in use, `PAAS-LOC-0036` if it belongs to another home; those of [`LocalInstance::up`].
pub async fn adopt(
    instance: &LocalInstance,
    known: Option<DatabaseInstanceSpec>,
    waiting: &(dyn Fn(&Holder) + Send + Sync),
) -> Result<DatabaseInstanceSpec> {
    let owner = instance.owner();
    let attempt = format!("adopt {owner}");
    let lock = instance.lock(waiting).await?;
    let listing = list(instance.machine()).await?;
    let found = one(&listing, owner, &attempt)?;
    match (found.standing, found.pid) {
        (Standing::HalfRemoved, _) => {
            return Err(Error::new(&LOC_NOT_RETAINED, Class::NotFound)
                .attempted(attempt)
                .happened(format!(
                    "{} is what a deletion left that was interrupted",
                    found.folder.display()
                )));
        }
        (Standing::Moved, Some(pid)) => return Err(in_use(&attempt, found, pid)),
        (Standing::Moved, None) => files::rename(&found.folder, &instance.folder())?,
        _ => {}
    }
    match known {
        Some(spec) => Ok(spec),
        None => contents::look(instance, std::sync::Arc::new(lock)).await,
    }
}

fn in_use(attempt: &str, found: &Retained, pid: u32) -> Error {
    Error::new(&LOC_IN_USE, Class::Blocked)
        .attempted(attempt)
        .happened(format!("process {pid} is a server on {}", found.folder.display()))
}
