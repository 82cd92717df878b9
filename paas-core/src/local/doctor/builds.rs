//! The builds of PostgreSQL: which run, and what each lacks.

use super::{Doctor, Finding, Report, Severity, Subject};
use crate::local::{
    account::Account,
    build::{self, Build, DEFAULT_MAJOR, Found},
    codes::LOC_NO_BUILD,
};

/// Programs that a build may lack, and what is done without them.
const OPTIONAL: [(&str, &str); 3] = [
    ("psql", "`paas db sql` is there"),
    ("pg_dump", "`paas db dump` reads with the server alone"),
    ("pg_upgrade", "`paas db upgrade` dumps and loads"),
];

/// Looks for builds, and gives those that servers can run from.
pub(super) async fn look(doctor: &Doctor, account: &Account, report: &mut Report) -> Found {
    let mut found = build::find(&doctor.places).await;
    // As a machine sees them: what the account cannot reach does not run.
    found
        .builds
        .retain(|b| match account.check_reach(&b.program("postgres")) {
            Ok(()) => true,
            Err(closed) => {
                found.broken.push(closed);
                false
            }
        });
    for build in &found.builds {
        let (what, why) = words(build);
        report.add(Finding::ok(Subject::PostgreSQL, what).why(why));
    }
    for e in &found.broken {
        report.add(Finding::error(Severity::Warn, Subject::PostgreSQL, e));
    }
    if found.builds.is_empty() {
        report.add(absent(doctor.fetch));
    }
    found
}

fn words(build: &Build) -> (String, String) {
    let has = |program: &str| build.program(program).is_file();
    let lacking: Vec<_> = OPTIONAL.iter().filter(|(program, _)| !has(program)).collect();
    let what = format!("{} in {}", build.version, build.bin.display());
    if lacking.is_empty() {
        return (what, String::new());
    }
    let programs: Vec<&str> = lacking.iter().map(|(program, _)| *program).collect();
    let without: Vec<&str> = lacking.iter().map(|(_, without)| *without).collect();
    (
        format!("{what}, without {}", programs.join(", ")),
        without.join("; "),
    )
}

fn absent(fetch: bool) -> Finding {
    if fetch {
        let what = format!("none is here; the first `paas up` fetches {DEFAULT_MAJOR}");
        return Finding::new(Severity::Note, Subject::PostgreSQL, what);
    }
    Finding::new(Severity::Bad, Subject::PostgreSQL, "none is here")
        .why("and this program fetches none")
        .todo("install PostgreSQL from your system's packages: it is found by itself")
        .code(&LOC_NO_BUILD)
}
