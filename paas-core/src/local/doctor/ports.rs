//! The ports that instances keep.

use std::collections::BTreeMap;

use super::{Finding, Report, Severity, Subject, View, name};
use crate::local::{
    codes::LOC_PORT,
    config::Written,
    port::{self, RANGE},
    proc,
    retained::Standing,
};

pub(super) fn look(view: &View<'_>, report: &mut Report) {
    let mut owners: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for one in &view.listing.found {
        if one.standing != Standing::InPlace {
            continue;
        }
        let Some(port) = Written::read(&one.folder).ok().flatten().and_then(|w| w.port) else {
            continue;
        };
        let name = name(&one.owner);
        if one.pid.is_none() && !port::is_free(port) {
            report.add(taken(&name, port));
        }
        owners.entry(port).or_default().push(name);
    }
    for (port, names) in owners.iter().filter(|(_, names)| names.len() > 1) {
        let what = format!("{} have the same port, {port}", names.join(" and "));
        report.add(
            Finding::new(Severity::Warn, Subject::Ports, what)
                .why("they cannot run at the same time")
                .todo("declare another one for one of them (spec.exposure.port), then run `paas up`")
                .code(&LOC_PORT),
        );
    }
    let kept = owners.keys().filter(|p| RANGE.contains(p)).count();
    let whole = usize::from(RANGE.end() - RANGE.start()) + 1;
    let what = format!("{kept} of {whole} kept ({}-{})", RANGE.start(), RANGE.end());
    report.add(if kept * 10 > whole * 9 {
        Finding::new(Severity::Warn, Subject::Ports, what)
            .todo("give up data that nobody needs: `paas db list --retained`")
            .code(&LOC_PORT)
    } else {
        Finding::ok(Subject::Ports, what)
    });
}

fn taken(name: &str, port: u16) -> Finding {
    let by = proc::listener(port).map_or("another program".to_owned(), |(pid, command)| {
        format!("process {pid} ({command})")
    });
    Finding::new(
        Severity::Warn,
        Subject::Ports,
        format!("the port of {name}, {port}, is held by {by}"),
    )
    .why(format!("{name} does not run, and cannot start there"))
    .todo("stop the other program, then run `paas up`; or declare another port (spec.exposure.port)")
    .code(&LOC_PORT)
}
