//! The certificate authority: there, readable, and whole. It is never made here.

use super::{Finding, Report, Severity, Subject};
use crate::local::{files, home::Home, tls::authority::Authority};

pub(super) fn look(home: &Home, report: &mut Report) {
    let file = Authority::file(home);
    let key = home.authority().join("ca.key");
    let there = |path| files::read(path).map(|text| text.is_some());
    report.add(match (there(&file), there(&key)) {
        (Ok(false), Ok(false)) => Finding::ok(
            Subject::Authority,
            "none yet; the first instance with TLS makes it",
        ),
        // Opening makes what is missing, which follows from the key.
        (Ok(false), Ok(true)) => Finding::new(
            Severity::Warn,
            Subject::Authority,
            format!("{} is missing", file.display()),
        )
        .why("clients cannot verify the servers")
        .todo("`paas up` makes it again from its key"),
        (Ok(true), Ok(_)) => match Authority::open(home) {
            Ok(_) => Finding::ok(
                Subject::Authority,
                format!("{}, good until {}", file.display(), Authority::ENDS),
            ),
            Err(e) => Finding::error(Severity::Bad, Subject::Authority, &e),
        },
        (Err(e), _) | (_, Err(e)) => Finding::error(Severity::Bad, Subject::Authority, &e),
    });
}
