//! Times that are yet to come: the clock was set back, or was wrong before.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};

use super::{Finding, Report, Severity, Subject, View};
use crate::local::{codes::LOC_CLOCK, data, files};

/// File systems of other machines and coarse clocks may be ahead by less.
const GRACE: SignedDuration = SignedDuration::from_mins(2);

pub(super) fn look(view: &View<'_>, report: &mut Report) {
    let now = view.machine.clock.now();
    let newest = times(view).max_by_key(|(at, _)| *at);
    report.add(match newest {
        Some((at, path)) if at.duration_since(now) > GRACE => {
            let ahead = at.duration_since(now).as_secs();
            let what = format!(
                "{} is of {at:.0}, {} ahead of the clock",
                path.display(),
                span(ahead)
            );
            Finding::new(Severity::Warn, Subject::Clock, what)
                .why(
                    "the clock was set back, or was wrong then; schedules and ages are wrong until that time",
                )
                .todo("set the clock right; data is not touched by it")
                .code(&LOC_CLOCK)
        }
        _ => Finding::ok(Subject::Clock, "nothing here is from the future"),
    });
}

/// When things were written that change with everything that is done: ledgers, event logs, marks, checkpoints.
fn times(view: &View<'_>) -> impl Iterator<Item = (Timestamp, PathBuf)> {
    let mut all = Vec::new();
    for owner in files::list(&view.home().owners()).unwrap_or_default() {
        for path in files::list(&owner).unwrap_or_default() {
            all.extend(written(&path).map(|at| (at, path)));
        }
    }
    for one in &view.listing.found {
        all.push((one.made, one.folder.clone()));
        all.extend(one.used.map(|at| (at, one.folder.join(data::FOLDER))));
    }
    all.into_iter()
}

fn written(path: &Path) -> Option<Timestamp> {
    Timestamp::try_from(fs::metadata(path).ok()?.modified().ok()?).ok()
}

fn span(seconds: i64) -> String {
    match seconds {
        s if s >= 172_800 => format!("{} days", s / 86_400),
        s if s >= 7200 => format!("{} hours", s / 3600),
        s => format!("{} minutes", s / 60),
    }
}
