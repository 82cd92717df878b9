//! `paas db show`.

use std::fmt::Write;

use paas_core::{
    local::disk::human,
    spec::{DatabaseInstanceSpec, Document},
};

use crate::{
    app::App,
    args::Output,
    cluster,
    commands::status,
    exit::{Exit, Failure},
    session::Session,
    site::{self, Site},
    ui::printer::yaml,
};

pub(crate) async fn run(app: &App, name: &str) -> Result<Exit, Failure> {
    if let Site::Cluster(cluster) = site::of(app).await? {
        return cluster::show::run(app, &cluster, name).await;
    }
    let session = Session::open(app)?;
    let target = super::named(&session, name)?;
    let Some(document) = target.document.clone() else {
        return Ok(Exit::Done);
    };
    let place = session.place_in_full(&target).await.ok();
    let standings = status::standings(&session, vec![target]).await?;
    let printer = &app.printer;
    let Some(standing) = standings.first() else {
        return Ok(Exit::Done);
    };
    match printer.output() {
        Output::Yaml => printer.data(&yaml(&document)),
        Output::Json => {
            let mut value = document.to_json();
            value["status"] = serde_json::to_value(standing).unwrap_or_default();
            if let Some(place) = place {
                value["status"]["version"] = place.version.into();
                value["status"]["port"] = place.port.into();
                value["status"]["url"] = place.url.into();
                value["status"]["folder"] = place.folder.into();
                value["status"]["authority"] = place.tls.ok().into();
                value["status"]["runsAs"] = place.runs_as.into();
                value["status"]["newerMinor"] = place.newer.into();
                value["status"]["previous"] = serde_json::to_value(place.previous).unwrap_or_default();
            }
            printer.value(&value);
        }
        Output::Name => printer.data(name),
        Output::Table | Output::Wide => {
            let paint = printer.paint();
            let Document::DatabaseInstance(object) = &document else {
                return Ok(Exit::Done);
            };
            let mut out = String::new();
            let mut field = |name: &str, text: &str| {
                let _ = writeln!(out, "{}  {text}", paint.dim(&format!("{name:10}")));
            };
            field("name", &paint.strong(name));
            field("state", &format!("{:?}: {}", standing.state, standing.reason));
            if let Some(since) = standing.since {
                field("since", &format!("{since:.0}"));
            }
            if let Some(place) = &place {
                let newer = place.newer.as_ref().map_or(String::new(), |newer| {
                    format!("; {newer} is here and taken at the next restart")
                });
                field("engine", &format!("PostgreSQL {}{newer}", place.version));
                field("url", &paint.name(&place.url));
                match &place.tls {
                    Ok(authority) => field("tls", &format!("with --tls, verified with {authority}")),
                    Err(why) => field("tls", &format!("none: {why}")),
                }
                field("folder", &place.folder);
                if let Some(user) = &place.runs_as {
                    field("runs as", user);
                }
                if let Some(old) = &place.previous {
                    let text = format!(
                        "the data of PostgreSQL {} from before the upgrade, {} (--back or --forget-old)",
                        old.major,
                        human(old.bytes)
                    );
                    field("kept", &text);
                }
            }
            if let Some(disk) = &standing.storage {
                let words = format!(
                    "{} of {} used (watched, not enforced on this machine), {} free",
                    human(disk.used),
                    object.spec.storage.size.as_str(),
                    human(disk.free)
                );
                field("storage", &words);
            }
            if let Some(why) = standing.storage.as_ref().and_then(|s| s.low.as_ref()) {
                field("note", &format!("StorageLow: {why}"));
            }
            declared_fields(&object.spec, &mut field);
            printer.data(&out);
        }
    }
    Ok(Exit::Done)
}

/// What was declared, line by line, wherever the database is.
pub(crate) fn declared_fields(spec: &DatabaseInstanceSpec, field: &mut impl FnMut(&str, &str)) {
    if spec.deletion_protection {
        field(
            "protected",
            "deletionProtection: it is refused to delete it or its data",
        );
    }
    for database in &spec.databases {
        let extensions = match database.extensions.as_slice() {
            [] => String::new(),
            some => format!(", with {}", some.join(", ")),
        };
        let owner = spec.owner_of(database);
        field("database", &format!("{} (of {owner}{extensions})", database.name));
    }
    for user in &spec.users {
        field("user", &user.name);
    }
    if let Some(plan) = spec.plan {
        field("plan", plan.as_str());
    }
    for (key, value) in &spec.parameters {
        field("parameter", &format!("{key} = {value}"));
    }
}
