//! What brings the databases back after a reboot.

use super::{Doctor, Finding, Report, Severity, Subject};

pub(super) async fn look(doctor: &Doctor, report: &mut Report) {
    let Some(service) = &doctor.service else {
        return;
    };
    let note = |what: String| Finding::new(Severity::Note, Subject::Service, what);
    report.add(match service.standing().await {
        Err(e) => Finding::error(Severity::Warn, Subject::Service, &e),
        Ok(s) if !s.installed => {
            let absent = note("not installed: databases are not brought back after a reboot".to_owned());
            if service.sign.exists() {
                absent.todo("`paas service install`")
            } else {
                absent.todo("no service manager runs here: have something run `paas up --foreground`")
            }
        }
        Ok(s) if !s.current => {
            let what = format!("{} is not what this program would write", s.unit.display());
            Finding::new(Severity::Warn, Subject::Service, what)
                .why("another version, program or home wrote it")
                .todo("`paas service install` renews it")
        }
        Ok(s) => match (s.active.as_deref(), s.enabled) {
            (Some("active"), Some(true)) => {
                Finding::ok(Subject::Service, format!("{} is active", s.unit.display()))
            }
            (None, _) => note(format!(
                "{} is there, and no service manager runs here",
                s.unit.display()
            )),
            (state, enabled) => {
                let starts = if enabled == Some(true) {
                    ""
                } else {
                    ", and does not begin with the machine"
                };
                let what = format!("{} is {}{starts}", s.unit.display(), state.unwrap_or("unknown"));
                Finding::new(Severity::Warn, Subject::Service, what)
                    .todo("`paas service install` enables and starts it")
            }
        },
    });
}
