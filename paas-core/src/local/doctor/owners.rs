//! Folders of owners of whom nothing else is left: secrets, ledgers, and sockets of a server that died.

use std::{
    os::unix::{fs::MetadataExt, net::UnixStream},
    path::{Path, PathBuf},
};

use super::{Finding, Report, Severity, Subject, View};
use crate::local::files;

pub(super) fn look(view: &View<'_>, report: &mut Report) {
    if view.doctor.objects.is_some() {
        for (what, root) in [
            ("secrets", view.home().secrets()),
            ("ledgers", view.home().owners()),
        ] {
            let lost: Vec<PathBuf> = lost(view, &root);
            if let Some(first) = lost.first() {
                let words = format!("{} of {} that left nothing else", what, count(&lost, "owner"));
                report.add(
                    Finding::new(Severity::Note, Subject::Leftovers, words)
                        .why(format!("such as {}", first.display()))
                        .todo("nothing uses them: such folders may be removed"),
                );
            }
        }
    }
    let dead = dead_sockets(view);
    if let Some(first) = dead.first() {
        let what = format!("{} without a server", count(&dead, "socket folder"));
        report.add(
            Finding::new(Severity::Note, Subject::Leftovers, what)
                .why(format!(
                    "such as {}, of no instance of this home",
                    first.display()
                ))
                .todo("such folders may be removed"),
        );
    }
    if report.worst_of(Subject::Leftovers) == Severity::Ok {
        report.add(Finding::ok(Subject::Leftovers, "none"));
    }
}

fn count(all: &[PathBuf], what: &str) -> String {
    let plural = if all.len() == 1 { "" } else { "s" };
    format!("{} {what}{plural}", all.len())
}

/// The folders below `root` that are named after an owner of whom nothing is known. An empty one is nothing.
fn lost(view: &View<'_>, root: &Path) -> Vec<PathBuf> {
    let all = files::list(root).unwrap_or_default();
    let lost = all.into_iter().filter(|folder| {
        let uid = folder.file_name().unwrap_or_default().to_string_lossy();
        uid.parse::<uuid::Uuid>().is_ok()
            && view.owner_of(&uid).is_none()
            && files::list(folder).is_ok_and(|all| !all.is_empty())
    });
    lost.collect()
}

/// Socket folders outside of instances whose sockets nobody answers, of the user that servers run as.
fn dead_sockets(view: &View<'_>) -> Vec<PathBuf> {
    let ours: Vec<PathBuf> = view
        .listing
        .found
        .iter()
        .map(|r| view.machine.sockets(&r.owner))
        .collect();
    let uid = view.home().account().uid();
    let dead = files::list(&view.doctor.short).unwrap_or_default().into_iter();
    let dead = dead.filter(|folder| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let hash = name.strip_prefix("paas-").unwrap_or_default();
        hash.len() == 12
            && hash.bytes().all(|b| b.is_ascii_hexdigit())
            && !ours.contains(folder)
            && folder
                .symlink_metadata()
                .is_ok_and(|m| m.is_dir() && m.uid() == uid)
            && is_dead(folder)
    });
    dead.collect()
}

/// True if there is a socket in it and nobody answers any.
fn is_dead(folder: &Path) -> bool {
    let all = files::list(folder).unwrap_or_default();
    let sockets: Vec<_> = all
        .iter()
        .filter(|p| p.extension().is_none_or(|e| e != "lock"))
        .filter(|p| {
            p.file_name()
                .is_some_and(|n| n.to_string_lossy().starts_with(".s.PGSQL."))
        })
        .collect();
    let refused = |p: &&PathBuf| {
        let kind = UnixStream::connect(p).err().map(|e| e.kind());
        kind == Some(std::io::ErrorKind::ConnectionRefused)
    };
    !sockets.is_empty() && sockets.iter().all(refused)
}
