//! What interrupted work left: half-made folders, throw-away restores, half backups, upgrades that were cut off. All of it is made anew or
//! swept by the work that made it.

use std::path::{Path, PathBuf};

use super::{Finding, Report, Severity, Subject, View, locks::Held, name};
use crate::local::{
    backup::{State, Store},
    data,
    disk::human,
    files,
    mark::MARK_FILE,
    retained::Standing,
    upgrade::switch,
};

pub(super) fn look(view: &View<'_>, held: &[Held], report: &mut Report) {
    let mut left: Vec<(PathBuf, String)> = Vec::new();
    let home = view.home();
    for path in half_made(&home.instances()) {
        // Those with a mark are instances whose deletion was interrupted, and told there.
        if path.join(MARK_FILE).exists() {
            continue;
        }
        let throw_away = file_name(&path).contains("verify-");
        left.push((
            path,
            if throw_away {
                "the next `paas db backup NAME` sweeps it".to_owned()
            } else {
                "`paas up` ends or sweeps it".to_owned()
            },
        ));
    }
    for one in view
        .listing
        .found
        .iter()
        .filter(|r| r.standing == Standing::InPlace)
    {
        let name = name(&one.owner);
        left.extend(half_made(&one.folder).map(|p| (p, "`paas up` ends or sweeps it".to_owned())));
        if let Ok(Some(old)) = switch::previous(&one.folder) {
            report.add(previous(one, &name, old.major, old.bytes));
        }
    }
    for folder in [
        home.cache(),
        home.root().to_path_buf(),
        home.authority(),
        home.locks(),
    ] {
        let todo = "the next `paas db create` sweeps it, and it may be removed";
        left.extend(half_made(&folder).map(|p| (p, todo.to_owned())));
    }
    for namespace in files::list(&home.bindings()).unwrap_or_default() {
        left.extend(half_made(&namespace).map(|p| (p, "`paas up` sweeps it".to_owned())));
    }
    for backup in Store::new(home).all().unwrap_or_default() {
        match backup.state {
            State::Good => {}
            State::Incomplete => {
                let owner = backup.folder.parent().map(file_name).unwrap_or_default();
                let todo = match view.owner_of(&owner) {
                    Some(owner) => format!("the next `paas db backup {}` sweeps it", name(owner)),
                    None => "its instance is gone: it may be removed".to_owned(),
                };
                left.push((backup.folder, todo));
            }
            State::Corrupt => report.add(
                Finding::new(
                    Severity::Warn,
                    Subject::Leftovers,
                    format!("the backup {} is corrupt", backup.id),
                )
                .why(backup.why.unwrap_or_default())
                .todo("make another one with `paas db backup NAME`; this one cannot be restored")
                .code(&crate::local::codes::LOC_CORRUPT),
            ),
        }
    }
    for (path, todo) in left {
        report.add(half(&path, todo, held));
    }
}

fn half(path: &Path, todo: String, held: &[Held]) -> Finding {
    match held.first() {
        Some(lock) => Finding::new(
            Severity::Note,
            Subject::Leftovers,
            format!("{} is half-made", path.display()),
        )
        .why(format!("{} may be at work on it", lock.by)),
        None => Finding::new(
            Severity::Warn,
            Subject::Leftovers,
            format!("{} is half-made, and nobody is at work", path.display()),
        )
        .why("something was interrupted; nothing reads it")
        .todo(todo),
    }
}

/// The data from before an upgrade: kept on purpose, or the rest of a switch that was cut off.
fn previous(one: &crate::local::retained::Retained, name: &str, major: u32, bytes: u64) -> Finding {
    if one.folder.join(data::FOLDER).symlink_metadata().is_err() {
        return Finding::new(
            Severity::Warn,
            Subject::Leftovers,
            format!("an upgrade of {name} from PostgreSQL {major} was cut off"),
        )
        .why("both data are there, and neither is in its place")
        .todo("`paas up` ends it");
    }
    let what = format!(
        "{name} keeps its data from before the upgrade (PostgreSQL {major}), {}",
        human(bytes)
    );
    Finding::new(Severity::Note, Subject::Leftovers, what).todo(format!(
        "`paas db upgrade {name} --forget-old --confirm {name}` gives it up"
    ))
}

fn half_made(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let all = files::list(folder).unwrap_or_default();
    all.into_iter()
        .filter(|p| file_name(p).starts_with(files::HALF_MADE))
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
