//! `paas doctor`.

use std::path::Path;

use paas_core::{
    error::Error,
    local::{
        doctor::{Doctor, Finding, Objects as Kept, Report, Severity, Subject},
        machine::LocalMachine,
    },
    owner::Owner,
    render::clean,
    spec::Document,
};

use super::service;
use crate::{
    app::App,
    args::Output,
    exit::{Exit, Failure},
    objects::{Found, Objects},
    session,
};

/// As wide as the longest subject.
const SUBJECT: usize = 10;

pub(crate) async fn run(app: &App) -> Result<Exit, Failure> {
    let home = session::home(app)?;
    // A home that cannot be read is a finding of the doctor's own.
    let machine = LocalMachine::look_at(&home).ok().flatten();
    let mut told = Vec::new();
    let doctor = Doctor {
        objects: machine.map(|machine| objects(&machine, &mut told)),
        // Where no service can belong, there is nothing to say of it.
        service: service::service(app).ok(),
        ..Doctor::new(home)
    };
    let mut report = doctor.look().await;
    report.findings.extend(told);
    report.sort();
    print(app, &report);
    Ok(match report.worst() {
        Severity::Ok | Severity::Note => Exit::Done,
        Severity::Warn | Severity::Bad => Exit::Failed,
    })
}

/// The objects of a home; files that cannot be read are told.
fn objects(machine: &LocalMachine, told: &mut Vec<Finding>) -> Kept {
    let mut kept = Kept::default();
    let accepted = look(&machine.home.objects(), told);
    if let Some(found) = &accepted
        && found.damaged.is_empty()
    {
        let what = format!("{} accepted", found.documents.len());
        told.push(Finding::new(Severity::Ok, Subject::Objects, what));
    }
    for found in accepted.into_iter().flat_map(|f| owners(machine, f)) {
        match found {
            (owner, Document::DatabaseInstance(object)) => kept.databases.push((owner, object.spec)),
            (owner, _) => kept.others.push(owner),
        }
    }
    let aside = look(&machine.home.root().join("set-aside"), told);
    let aside = aside.into_iter().flat_map(|f| owners(machine, f));
    kept.others.extend(aside.map(|(owner, _)| owner));
    kept
}

fn look(folder: &Path, told: &mut Vec<Finding>) -> Option<Found> {
    let damaged = |e: &Error| Finding::error(Severity::Bad, Subject::Objects, e);
    match Objects::new(folder.to_owned()).look() {
        Ok(found) => {
            told.extend(found.damaged.iter().map(|(_, e)| damaged(e)));
            Some(found)
        }
        Err(e) => {
            told.push(damaged(&e));
            None
        }
    }
}

/// Every object that could be read with its owner.
fn owners(machine: &LocalMachine, found: Found) -> Vec<(Owner, Document)> {
    let owner = |d: &Document| Owner::new(machine.identity(), d.kind().as_str(), d.namespace(), d.name());
    found.documents.into_iter().map(|d| (owner(&d), d)).collect()
}

fn print(app: &App, report: &Report) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => printer.value(&serde_json::json!({
            "worst": report.worst(), "findings": report.findings,
        })),
        Output::Name => {
            let care = report.findings.iter().filter(|f| f.severity > Severity::Note);
            care.for_each(|f| printer.data(f.subject.as_str()));
        }
        Output::Table | Output::Wide => {
            let mut out = String::new();
            for finding in &report.findings {
                lines(app, finding, &mut out);
            }
            printer.data(&out);
            printer.talk(&summary(report));
        }
    }
}

/// A finding in its lines: what, and below it why and what to do.
fn lines(app: &App, finding: &Finding, out: &mut String) {
    let paint = app.printer.paint();
    let word = format!("{:4}", finding.severity.as_str());
    let word = match finding.severity {
        Severity::Ok => paint.good(&word),
        Severity::Note => paint.dim(&word),
        Severity::Warn => paint.change(&word),
        Severity::Bad => paint.bad(&word),
    };
    let text = |words: &str| clean(words).replace('\n', " ");
    let code = finding.code.map_or(String::new(), |c| format!(" [{c}]"));
    let subject = finding.subject.as_str();
    *out += &format!(
        "{word}  {subject:SUBJECT$}  {}{}\n",
        text(&finding.what),
        paint.dim(&code)
    );
    let indent = " ".repeat(4 + 2 + SUBJECT + 2);
    // Short where nothing is to be done.
    let brief = finding.severity == Severity::Ok && app.printer.output() != Output::Wide;
    if !finding.why.is_empty() && !brief {
        *out += &format!("{indent}{}\n", paint.dim(&text(&finding.why)));
    }
    if !finding.todo.is_empty() {
        *out += &format!("{indent}→ {}\n", text(&finding.todo));
    }
}

fn summary(report: &Report) -> String {
    let count = |severity, what: &str| match report.count(severity) {
        0 => None,
        1 => Some(format!("1 {what}")),
        n => Some(format!("{n} {what}s")),
    };
    let all = [count(Severity::Bad, "problem"), count(Severity::Warn, "warning")];
    let all: Vec<String> = all.into_iter().flatten().collect();
    if all.is_empty() {
        "Everything is well.".to_owned()
    } else {
        format!("{}; `paas explain CODE` says more.", all.join(", "))
    }
}
