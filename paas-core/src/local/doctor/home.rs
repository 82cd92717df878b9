//! The home: there, ours, writable, on a file system that keeps what is written, with room.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::fs::Access;

use super::{Finding, Report, Severity, Subject, mounts};
use crate::local::{
    account::Account,
    codes::{LOC_HOME, LOC_SPACE},
    disk::{self, human},
};

/// Less free space than this is little, whatever the instances declare.
const LITTLE: u64 = 256 << 20;

/// Fewer free files than this are few: a new data directory has about a thousand.
const FEW_FILES: u64 = 2000;

/// Whom PostgreSQL runs as, and whether that user reaches the home.
pub(super) fn account(home: &Path, account: &Account, report: &mut Report) {
    let inside = if home.is_file() {
        home.to_path_buf()
    } else {
        home.join("instances/any")
    };
    report.add(match account.check_reach(&inside) {
        Ok(()) => Finding::ok(Subject::Account, format!("PostgreSQL runs as {account}")),
        Err(e) => Finding::error(Severity::Bad, Subject::Account, &e),
    });
}

/// The folder and the disk below it.
pub(super) fn look(home: &Path, account: &Account, report: &mut Report) {
    let bad = |what: String| Finding::new(Severity::Bad, Subject::Home, what).code(&LOC_HOME);
    let there = fs::metadata(home);
    let nearest = nearest(home);
    match &there {
        Ok(meta) if !meta.is_dir() => {
            report.add(bad(format!("{} is not a folder", home.display())));
            return;
        }
        Ok(meta) => {
            if let Account::Myself { uid } = account
                && meta.uid() != *uid
            {
                let what = format!("{} belongs to another user (uid {})", home.display(), meta.uid());
                report.add(bad(what).todo("run as that user, or use another home: --home or PAAS_HOME"));
                return;
            }
        }
        Err(_) => {}
    }
    if let Err(e) = rustix::fs::access(&nearest, Access::WRITE_OK | Access::EXEC_OK) {
        let why = std::io::Error::from(e);
        report.add(bad(format!("{} cannot be written to: {why}", nearest.display())).todo(
            "make it writable (a read-only mount has to be remounted), or use another home: --home or PAAS_HOME",
        ));
    }
    let disk = disk(&nearest, report);
    if report.worst_of(Subject::Home) > Severity::Note && there.is_ok() {
        return;
    }
    report.add(match there {
        Ok(_) => Finding::ok(Subject::Home, format!("{}{disk}", home.display())),
        Err(_) => Finding::new(
            Severity::Note,
            Subject::Home,
            format!(
                "{} is not there yet; the first `paas up` makes it{disk}",
                home.display()
            ),
        ),
    });
}

/// The disk below a path in a few words; what is wrong with it is reported.
fn disk(path: &Path, report: &mut Report) -> String {
    let kind = mounts::file_system(path);
    let said = kind.as_deref().map_or(String::new(), |k| format!(" on {k}"));
    if let Some(kind) = kind.as_deref()
        && let Some(risk) = mounts::risk(kind)
    {
        let what = format!("{} lies on {kind}", path.display());
        report.add(Finding::new(Severity::Note, Subject::Home, what).why(risk));
    }
    if let Ok(stat) = rustix::fs::statvfs(path)
        && stat.f_files > 0
        && stat.f_favail < FEW_FILES
    {
        let what = format!(
            "the disk of {} takes {} more files",
            path.display(),
            stat.f_favail
        );
        report.add(Finding::new(Severity::Warn, Subject::Home, what).code(&LOC_SPACE));
    }
    match disk::free(path) {
        Ok(free) => {
            let words = format!("{} free", human(free));
            if free < LITTLE {
                let what = format!("the disk of {} has {words}", path.display());
                report.add(
                    Finding::new(Severity::Warn, Subject::Home, what)
                        .why("PostgreSQL stops at a full disk")
                        .code(&LOC_SPACE),
                );
            }
            format!("{said}, {words}")
        }
        Err(e) => {
            report.add(Finding::error(Severity::Warn, Subject::Home, &e));
            said
        }
    }
}

/// The nearest folder that is there.
fn nearest(path: &Path) -> PathBuf {
    let there = path.ancestors().find(|p| p.is_dir());
    there.unwrap_or(Path::new("/")).to_path_buf()
}
