//! Who works on the home now. A lock file that nobody holds is as good as none.

use std::{
    fs::{File, TryLockError},
    path::Path,
};

use super::{Finding, Report, Severity, Subject, View, name};
use crate::local::{
    files,
    lock::{self, Holder},
    proc::Process,
};

/// A lock that is held.
pub(super) struct Held {
    /// What it guards: the file's name without its end.
    pub(super) of: String,
    /// By whom.
    pub(super) by: Holder,
}

/// The locks that are held now.
pub(super) fn held(view: &View<'_>) -> Vec<Held> {
    let all = files::list(&view.home().locks()).unwrap_or_default();
    let cache = files::list(&view.home().cache()).unwrap_or_default();
    let locks = all.iter().chain(&cache).filter_map(|path| {
        let of = path.file_name()?.to_str()?.strip_suffix(".lock")?.to_owned();
        Some(Held {
            of,
            by: holder(path)?,
        })
    });
    locks.collect()
}

/// Who holds a lock file. The living process that wrote itself in is looked for first, so that a lock is hardly ever tried: somebody who
/// wants it at this very moment would have to try again.
fn holder(path: &Path) -> Option<Holder> {
    let by = lock::holder(path);
    Process::look(by.pid?)?;
    let file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(by),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

pub(super) fn look(view: &View<'_>, held: &[Held], report: &mut Report) {
    for lock in held {
        let uid = lock.of.trim_start_matches("supervise-");
        let uid = uid.split('.').next().unwrap_or(uid);
        let what = view.owner_of(uid).map_or_else(|| lock.of.clone(), name);
        let words = format!("{} works on {what}", lock.by);
        report.add(Finding::new(Severity::Note, Subject::Locks, words));
    }
    if held.is_empty() {
        report.add(Finding::ok(Subject::Locks, "nobody is at work"));
    }
}
