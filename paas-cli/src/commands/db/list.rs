//! `paas db list`.

use paas_core::{
    local::disk::human,
    spec::{DatabaseInstanceSpec, Document},
};

use crate::{
    app::App,
    args::{DbList, Output},
    commands::status::{self, Standing},
    exit::{Exit, Failure},
    session::{Place, Session},
    ui::table::table,
};

pub(crate) async fn run(app: &App, args: &DbList) -> Result<Exit, Failure> {
    let session = Session::open(app)?;
    if args.retained {
        return super::retained::run(app, &session).await;
    }
    let documents = super::databases(&session)?;
    if documents.is_empty() && !app.printer.for_programs() {
        app.printer
            .talk("There are no databases yet. `paas db create NAME` makes one.");
        return Ok(Exit::Done);
    }
    let mut rows = Vec::new();
    let standings = status::standings(&session, session.targets(&documents)?).await?;
    for target in session.targets(&documents)? {
        let Some(Document::DatabaseInstance(object)) = &target.document else {
            continue;
        };
        let place = session.place(&target).await.ok();
        let standing = standings
            .iter()
            .find(|s| s.uid == target.owner.uid().to_string())
            .cloned();
        rows.extend(standing.map(|standing| Row {
            standing,
            spec: object.spec.clone(),
            place,
        }));
    }
    print(app, &rows);
    Ok(Exit::Done)
}

struct Row {
    standing: Standing,
    spec: DatabaseInstanceSpec,
    place: Option<Place>,
}

impl Row {
    fn databases(&self) -> String {
        self.spec
            .databases
            .iter()
            .map(|d| d.name.as_str())
            .collect::<Vec<_>>()
            .join(",")
    }

    fn users(&self) -> String {
        self.spec
            .users
            .iter()
            .map(|u| u.name.as_str())
            .collect::<Vec<_>>()
            .join(",")
    }
}

fn print(app: &App, rows: &[Row]) {
    let printer = &app.printer;
    let place = |r: &Row, f: fn(&Place) -> String| r.place.as_ref().map_or(String::new(), f);
    let version = |r: &Row| place(r, |p| p.version.clone());
    let port = |r: &Row| place(r, |p| p.port.to_string());
    match printer.output() {
        Output::Json | Output::Yaml => {
            let items: Vec<_> = rows
                .iter()
                .map(|r| {
                    serde_json::json!({
                        "namespace": r.standing.namespace, "name": r.standing.name, "state": r.standing.state,
                        "reason": r.standing.reason, "version": version(r), "port": r.place.as_ref().map(|p| p.port),
                        "databases": r.spec.databases.iter().map(|d| &d.name).collect::<Vec<_>>(),
                        "users": r.spec.users.iter().map(|u| &u.name).collect::<Vec<_>>(),
                    })
                })
                .collect();
            printer.value(&serde_json::json!({ "databases": items }));
        }
        Output::Name => rows.iter().for_each(|r| printer.data(&r.standing.name)),
        Output::Table => printer.data(&table(
            &["NAME", "STATE", "VERSION", "PORT", "DATABASES", "USERS"],
            rows.iter().map(|r| {
                vec![
                    r.standing.name.clone(),
                    format!("{:?}", r.standing.state),
                    version(r),
                    port(r),
                    r.databases(),
                    r.users(),
                ]
            }),
        )),
        Output::Wide => printer.data(&table(
            &[
                "NAME",
                "NAMESPACE",
                "STATE",
                "VERSION",
                "PORT",
                "SIZE",
                "DATABASES",
                "USERS",
                "UID",
                "FOLDER",
            ],
            rows.iter().map(|r| {
                vec![
                    r.standing.name.clone(),
                    r.standing.namespace.clone(),
                    format!("{:?}", r.standing.state),
                    version(r),
                    port(r),
                    r.standing
                        .storage
                        .as_ref()
                        .map_or(String::new(), |d| human(d.used)),
                    r.databases(),
                    r.users(),
                    r.standing.uid.clone(),
                    place(r, |p| p.folder.clone()),
                ]
            }),
        )),
    }
}
