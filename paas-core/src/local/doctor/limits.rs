//! What the system allows PostgreSQL, where that is less than usual.

use std::path::Path;

use rustix::process::{Resource, getrlimit};

use super::{Finding, Report, Severity, Subject};
use crate::local::disk::{self, human};

/// Fewer open files than this for a process make PostgreSQL close and open its own all the time.
const FILES: u64 = 512;

/// Where parallel queries keep what they share; containers often get 64 MiB.
const SHARED: &str = "/dev/shm";

/// What one parallel query may need with usual settings.
const LITTLE: u64 = 64 << 20;

pub(super) fn look(report: &mut Report) {
    let files = getrlimit(Resource::Nofile).current;
    if files.is_some_and(|n| n < FILES) {
        let what = format!("a process may open {} files", files.unwrap_or_default());
        report.add(
            Finding::new(Severity::Warn, Subject::System, what)
                .why("servers with many tables or connections become slow or fail")
                .todo("raise it before `paas up`: `ulimit -n 4096`"),
        );
    }
    if cfg!(target_os = "linux")
        && let Ok(free) = disk::free(Path::new(SHARED))
        && free < LITTLE
    {
        let what = format!("{SHARED} has {} free", human(free));
        report.add(
            Finding::new(Severity::Note, Subject::System, what)
                .why("parallel queries may fail there; containers take a larger one with --shm-size"),
        );
    }
}
