//! The instances: which run, whose data nobody speaks for, what lies astray, and what no build here can read.

use super::{Finding, Report, Severity, Subject, View, locks::Held, name};
use crate::{
    codes::CORE_DUPLICATE,
    local::{
        build::Found,
        codes::{LOC_MISPLACED, LOC_NO_BUILD, LOC_NOT_RETAINED, LOC_OTHER_HOME, LOC_SPACE},
        disk,
        retained::{Retained, Standing},
        storage,
    },
};

pub(super) fn look(view: &View<'_>, builds: &Found, held: &[Held], report: &mut Report) {
    for e in &view.listing.unreadable {
        report.add(Finding::error(Severity::Bad, Subject::Instances, e));
    }
    let (mut runs, mut stopped) = (Vec::new(), Vec::new());
    for one in &view.listing.found {
        let known = view.is_known(&one.owner);
        match one.standing {
            Standing::InPlace if known && one.pid.is_some() => runs.push(name(&one.owner)),
            Standing::InPlace if known => stopped.push(name(&one.owner)),
            Standing::InPlace => report.add(unspoken(one)),
            Standing::HalfRemoved if held.iter().any(|h| h.of == one.owner.uid().to_string()) => {}
            _ => report.add(astray(one)),
        }
        report.findings.extend(unreadable(view, one, builds));
    }
    for it in view.databases() {
        let owner = it.owner();
        if !view.listing.found.iter().any(|r| r.owner == *owner) {
            let what = format!("{} is not made yet", name(owner));
            report.add(Finding::new(Severity::Note, Subject::Instances, what).todo("`paas up` makes it"));
        } else if let Ok(storage) = storage::look(&it, &storage::Limits::default())
            && let Some(low) = storage.low
        {
            let what = format!("{}: StorageLow: {low}", name(owner));
            report.add(
                Finding::new(Severity::Warn, Subject::Instances, what)
                    .why("PostgreSQL stops at a full disk")
                    .code(&LOC_SPACE),
            );
        }
    }
    let some = |names: &[String], verb: &str| {
        let words = format!("{} {verb} ({})", names.len(), names.join(", "));
        (!names.is_empty()).then_some(words)
    };
    let all: Vec<String> = [some(&runs, "running"), some(&stopped, "stopped")]
        .into_iter()
        .flatten()
        .collect();
    let what = if all.is_empty() {
        "none".to_owned()
    } else {
        all.join(", ")
    };
    if !all.is_empty() || report.worst_of(Subject::Instances) == Severity::Ok {
        report.add(Finding::ok(Subject::Instances, what));
    }
}

/// Data in its place whose object is not accepted.
fn unspoken(one: &Retained) -> Finding {
    let name = name(&one.owner);
    let size = disk::human(one.size);
    match one.pid {
        Some(pid) => Finding::new(
            Severity::Warn,
            Subject::Instances,
            format!("{name} runs (process {pid}) without an object"),
        )
        .why("nobody stops, backs up or brings it back")
        .todo(format!("take it up with `paas db adopt {name}`")),
        None => Finding::new(
            Severity::Note,
            Subject::Instances,
            format!("{name} has kept data without an object, {size}"),
        )
        .todo(format!(
            "`paas db adopt {name}` takes it up, `paas db purge {name} --confirm {name}` deletes it"
        )),
    }
}

/// Data that is not where its instance looks for it.
fn astray(one: &Retained) -> Finding {
    let (name, folder) = (name(&one.owner), one.folder.display());
    let warn = |what: String| Finding::new(Severity::Warn, Subject::Instances, what);
    match one.standing {
        Standing::InPlace | Standing::Moved => warn(format!("the data of {name} was moved to {folder}"))
            .todo(format!("`paas db adopt {name}` moves it back"))
            .code(&LOC_MISPLACED),
        Standing::Copy => warn(format!("{folder} is a copy of {name}, with the same mark"))
            .todo("move those away from the folder of instances that are not to be used")
            .code(&CORE_DUPLICATE),
        Standing::HalfRemoved => warn(format!(
            "a deletion or restore of {name} was interrupted: {folder}"
        ))
        .todo(format!(
            "`paas db purge {name} --confirm {name}` ends a deletion; a restore is given again"
        ))
        .code(&LOC_NOT_RETAINED),
        Standing::OtherHome => {
            warn(format!("{folder} ({name}) was made by another home")).code(&LOC_OTHER_HOME)
        }
    }
}

/// That no build here can read the data.
fn unreadable(view: &View<'_>, one: &Retained, builds: &Found) -> Option<Finding> {
    let major = one.major?;
    if builds.builds.iter().any(|b| b.version.major == major) {
        return None;
    }
    let what = format!(
        "{} has data of PostgreSQL {major}, which is not here",
        name(&one.owner)
    );
    Some(if view.doctor.fetch {
        Finding::new(Severity::Note, Subject::Instances, what).why("its next start fetches it")
    } else {
        Finding::new(Severity::Bad, Subject::Instances, what)
            .todo(format!("install PostgreSQL {major}, then run `paas up`"))
            .code(&LOC_NO_BUILD)
    })
}
