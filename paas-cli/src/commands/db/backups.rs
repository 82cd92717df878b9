//! `paas db backups`.

use paas_core::local::{
    backup::{Backup, Cause, State, Store},
    disk::human,
};
use serde_json::Value;

use crate::{
    app::App,
    args::{DbBackups, Output},
    exit::{Exit, Failure},
    session::Session,
    ui::table::table,
};

pub(crate) fn run(app: &App, args: &DbBackups) -> Result<Exit, Failure> {
    let session = Session::open(app)?;
    let mut all = Store::new(&session.machine().home).all()?;
    if let Some(name) = &args.name {
        let uid = session.machine().owner("default", name).uid().to_string();
        all.retain(|b| {
            b.manifest.as_ref().is_some_and(|m| &m.name == name)
                || b.folder.parent().is_some_and(|p| p.ends_with(&uid))
        });
    }
    if all.is_empty() && !app.printer.for_programs() {
        app.printer
            .talk("There are no backups. `paas db backup NAME` makes one.");
        return Ok(Exit::Done);
    }
    print(app, &all);
    Ok(Exit::Done)
}

/// A backup for programs.
pub(super) fn json(backup: &Backup) -> Value {
    let manifest = backup.manifest.as_ref();
    serde_json::json!({
        "id": backup.id, "state": backup.state, "why": backup.why,
        "namespace": manifest.map(|m| &m.namespace), "instance": manifest.map(|m| &m.name),
        "when": manifest.map(|m| m.began), "size": manifest.map(paas_core::local::backup::Manifest::size),
        "version": manifest.map(version), "running": manifest.map(|m| m.running),
        "cause": manifest.map(|m| &m.cause), "verified": backup.verified, "folder": backup.folder,
    })
}

fn version(manifest: &paas_core::local::backup::Manifest) -> String {
    manifest
        .server
        .clone()
        .unwrap_or_else(|| manifest.major.to_string())
}

fn print(app: &App, all: &[Backup]) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => {
            let items: Vec<Value> = all.iter().map(json).collect();
            printer.value(&serde_json::json!({ "backups": items }));
        }
        // What cannot be restored is no name to give to another command.
        Output::Name => all
            .iter()
            .filter(|b| b.state == State::Good)
            .for_each(|b| printer.data(&b.id)),
        Output::Table => printer.data(&table(&HEAD, all.iter().map(row))),
        Output::Wide => {
            let head: Vec<&str> = HEAD.iter().copied().chain(["MADE", "CAUSE", "FOLDER"]).collect();
            printer.data(&table(&head, all.iter().map(wide)));
        }
    }
}

const HEAD: [&str; 7] = ["ID", "DATABASE", "WHEN", "SIZE", "VERSION", "STATE", "VERIFIED"];

fn row(backup: &Backup) -> Vec<String> {
    let manifest = backup.manifest.as_ref();
    let verified = backup.verified.as_ref().filter(|v| v.failed.is_none());
    vec![
        backup.id.clone(),
        manifest.map_or(String::new(), |m| m.name.clone()),
        manifest.map_or(String::new(), |m| format!("{:.0}", m.began)),
        manifest.map_or(String::new(), |m| human(m.size())),
        manifest.map_or(String::new(), version),
        format!("{:?}", backup.state),
        verified.map_or(String::new(), |v| format!("{:.0}", v.at)),
    ]
}

fn wide(backup: &Backup) -> Vec<String> {
    let manifest = backup.manifest.as_ref();
    let made = manifest.map_or("", |m| if m.running { "running" } else { "stopped" });
    let cause = manifest.map_or(String::new(), |m| match &m.cause {
        Cause::Asked => "asked".to_owned(),
        Cause::Schedule => "schedule".to_owned(),
        Cause::Object(name) => format!("DatabaseBackup/{name}"),
    });
    let mut cells = row(backup);
    cells.extend([made.to_owned(), cause, backup.folder.display().to_string()]);
    cells
}
