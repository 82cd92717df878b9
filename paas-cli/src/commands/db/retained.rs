//! `paas db list --retained`, and finding what was kept by its name.

use paas_core::{
    error::{Class, Error},
    local::{
        disk::human,
        retained::{self, Retained, Standing},
    },
    spec::{DatabaseInstanceSpec, Document, Meta, Object},
};
use serde::Serialize;

use crate::{
    app::App,
    args::Output,
    codes::{CLI_ACCEPTED, CLI_NO_OBJECT},
    exit::{Exit, Failure},
    session::Session,
    ui::{failure, table::table},
};

/// A folder with data and what is known of its object.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// The folder.
    pub(super) data: Retained,
    /// The object.
    pub(super) object: Known,
}

/// What is known of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Known {
    /// It was set aside when it was deleted.
    Kept,
    /// It is nowhere.
    Lost,
    /// Its file is damaged.
    Damaged,
    /// It is accepted, and its data is not where it should be.
    Accepted,
}

/// Everything that no accepted object speaks for, or that is not at its place.
pub(super) async fn kept(app: &App, session: &Session) -> Result<Vec<Kept>, Failure> {
    let listing = retained::list(session.machine()).await?;
    for error in listing.unreadable {
        app.printer.complain();
        failure::print(&app.printer, &error.into());
    }
    let known = |data: &Retained| match (
        session.objects().of(&data.owner),
        session.set_aside().of(&data.owner),
    ) {
        (Ok(Some(_)) | Err(_), _) => Known::Accepted,
        (Ok(None), Ok(Some(_))) => Known::Kept,
        (Ok(None), Err(_)) => Known::Damaged,
        (Ok(None), Ok(None)) => Known::Lost,
    };
    let all = listing.found.into_iter().map(|data| Kept {
        object: known(&data),
        data,
    });
    let astray = |k: &Kept| !matches!(k.data.standing, Standing::InPlace | Standing::HalfRemoved);
    Ok(all.filter(|k| k.object != Known::Accepted || astray(k)).collect())
}

/// What is meant by a name, `NAME` or `NAMESPACE/NAME`, with the best spec that is known: the accepted one, the one set aside, or none.
pub(super) async fn named(
    app: &App,
    session: &Session,
    name: &str,
) -> Result<(Kept, Option<DatabaseInstanceSpec>), Failure> {
    let all = kept(app, session).await?;
    let full = |k: &Kept| format!("{}/{}", k.data.owner.namespace(), k.data.owner.name());
    let mut meant = all
        .iter()
        .filter(|k| k.data.owner.name() == name || full(k) == name);
    let Some(first) = meant.next() else {
        let (namespace, short) = name.split_once('/').unwrap_or(("default", name));
        let owner = session.owner(&Meta::named(short).in_namespace(namespace));
        if !matches!(session.objects().of(&owner), Ok(None)) {
            return Err(accepted(&format!("find kept data of {name}")).into());
        }
        let names: Vec<String> = all.iter().map(|k| k.data.owner.name().to_owned()).collect();
        let there = if names.is_empty() {
            "none was kept".to_owned()
        } else {
            format!("there is: {}", names.join(", "))
        };
        return Err(Error::new(&CLI_NO_OBJECT, Class::NotFound)
            .attempted(format!("find kept data of {name:?}"))
            .happened(format!("no kept data has that name; {there}"))
            .remedy("see what there is with `paas db list --retained`")
            .into());
    };
    if let Some(other) = meant.find(|k| k.data.owner != first.data.owner) {
        return Err(Error::new(&CLI_NO_OBJECT, Class::Invalid)
            .attempted(format!("find kept data of {name:?}"))
            .happened(format!("it may be {} or {}", full(first), full(other)))
            .remedy("write it as NAMESPACE/NAME")
            .into());
    }
    let owner = &first.data.owner;
    let document = match session.objects().of(owner)? {
        Some(accepted) => Some(accepted),
        None => session.set_aside().of(owner)?,
    };
    let spec = document.and_then(|d| match d {
        Document::DatabaseInstance(object) => Some(object.spec),
        _ => None,
    });
    Ok((first.clone(), spec))
}

/// Its object is accepted, so it is no data that was kept.
pub(super) fn accepted(attempt: &str) -> Error {
    Error::new(&CLI_ACCEPTED, Class::Conflict)
        .attempted(attempt)
        .happened("its object is accepted, and speaks for its data")
}

/// The object of an owner with this spec.
pub(super) fn document(kept: &Kept, spec: DatabaseInstanceSpec) -> Document {
    let owner = &kept.data.owner;
    Document::DatabaseInstance(Object {
        metadata: Meta::named(owner.name()).in_namespace(owner.namespace()),
        spec,
    })
}

pub(super) async fn run(app: &App, session: &Session) -> Result<Exit, Failure> {
    let all = kept(app, session).await?;
    if all.is_empty() && !app.printer.for_programs() {
        app.printer
            .talk("No data was kept: every folder belongs to a database of `paas db list`.");
        return Ok(Exit::Done);
    }
    print(app, &all);
    Ok(Exit::Done)
}

fn print(app: &App, all: &[Kept]) {
    let printer = &app.printer;
    let used = |k: &Kept| k.data.used.map_or(String::new(), |t| format!("{t:.0}"));
    let major = |k: &Kept| k.data.major.map_or(String::new(), |m| m.to_string());
    let state = |k: &Kept| match (k.data.standing, k.data.pid) {
        (Standing::InPlace, Some(pid)) => format!("Running ({pid})"),
        (Standing::InPlace, None) => "Retained".to_owned(),
        (other, _) => format!("{other:?}"),
    };
    match printer.output() {
        Output::Json | Output::Yaml => {
            let items: Vec<_> = all
                .iter()
                .map(|k| {
                    serde_json::json!({
                        "namespace": k.data.owner.namespace(), "name": k.data.owner.name(), "standing": k.data.standing,
                        "object": k.object, "made": k.data.made, "used": k.data.used, "version": k.data.major,
                        "size": k.data.size, "folder": k.data.folder, "pid": k.data.pid,
                    })
                })
                .collect();
            printer.value(&serde_json::json!({ "retained": items }));
        }
        Output::Name => all.iter().for_each(|k| printer.data(k.data.owner.name())),
        Output::Table => printer.data(&table(
            &["NAME", "STATE", "OBJECT", "VERSION", "SIZE", "LAST USED"],
            all.iter().map(|k| {
                vec![
                    k.data.owner.name().to_owned(),
                    state(k),
                    format!("{:?}", k.object),
                    major(k),
                    human(k.data.size),
                    used(k),
                ]
            }),
        )),
        Output::Wide => printer.data(&table(
            &[
                "NAME",
                "NAMESPACE",
                "STATE",
                "OBJECT",
                "VERSION",
                "SIZE",
                "MADE",
                "LAST USED",
                "FOLDER",
            ],
            all.iter().map(|k| {
                vec![
                    k.data.owner.name().to_owned(),
                    k.data.owner.namespace().to_owned(),
                    state(k),
                    format!("{:?}", k.object),
                    major(k),
                    human(k.data.size),
                    format!("{:.0}", k.data.made),
                    used(k),
                    k.data.folder.display().to_string(),
                ]
            }),
        )),
    }
}
