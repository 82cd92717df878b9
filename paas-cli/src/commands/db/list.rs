//! `paas db list`.

use paas_core::{
    local::disk::human,
    spec::{DatabaseInstanceSpec, DatabaseInstanceStatus, Document},
};

use crate::{
    app::App,
    args::{DbList, Output},
    cluster,
    commands::status::{self, Standing},
    exit::{Exit, Failure},
    session::{Place, Session},
    site::{self, Site},
    ui::table::table,
};

pub(crate) async fn run(app: &App, args: &DbList) -> Result<Exit, Failure> {
    if let Site::Cluster(cluster) = site::of(app).await? {
        return cluster::list::run(app, &cluster, args).await;
    }
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
            spec: Some(object.spec.clone()),
            version: place.as_ref().map_or(String::new(), |p| p.version.clone()),
            at: At::Machine(place),
        }));
    }
    print(app, &rows, false);
    Ok(Exit::Done)
}

/// A database in the list.
#[derive(Debug)]
pub(crate) struct Row {
    /// How it is doing.
    pub(crate) standing: Standing,
    /// What is wanted, as far as this build understands it.
    pub(crate) spec: Option<DatabaseInstanceSpec>,
    /// The version that runs.
    pub(crate) version: String,
    /// Where it is.
    pub(crate) at: At,
}

/// Where a database is.
#[derive(Debug)]
pub(crate) enum At {
    /// On this machine, if it was ever made.
    Machine(Option<Place>),
    /// In a cluster, with what its operator says.
    Cluster(Box<DatabaseInstanceStatus>),
}

impl Row {
    fn databases(&self) -> Vec<&str> {
        let all = self.spec.iter().flat_map(|s| &s.databases);
        all.map(|d| d.name.as_str()).collect()
    }

    fn users(&self) -> Vec<&str> {
        let all = self.spec.iter().flat_map(|s| &s.users);
        all.map(|u| u.name.as_str()).collect()
    }

    fn port(&self) -> Option<u16> {
        match &self.at {
            At::Machine(place) => place.as_ref().map(|p| p.port),
            At::Cluster(_) => None,
        }
    }

    /// How many servers are ready, of how many.
    fn servers(&self) -> Option<(u16, u16)> {
        match &self.at {
            At::Machine(_) => None,
            At::Cluster(status) => {
                let wanted = status.replicas.or(self.spec.as_ref().map(|s| s.replicas));
                Some((status.ready_replicas.unwrap_or(0), wanted.unwrap_or(1)))
            }
        }
    }

    /// The column that tells where it is: its port here, its servers in a cluster.
    fn place(&self) -> String {
        match (self.port(), self.servers()) {
            (Some(port), _) => port.to_string(),
            (None, Some((ready, wanted))) => format!("{ready}/{wanted}"),
            (None, None) => String::new(),
        }
    }

    /// The last column: its folder here, its Secret in a cluster.
    fn found(&self) -> String {
        match &self.at {
            At::Machine(place) => place.as_ref().map_or(String::new(), |p| p.folder.clone()),
            At::Cluster(status) => status.binding.as_ref().map_or(String::new(), |b| b.name.clone()),
        }
    }

    /// How much room it has: used here, declared in a cluster.
    fn size(&self) -> String {
        match &self.at {
            At::Machine(_) => self
                .standing
                .storage
                .as_ref()
                .map_or(String::new(), |d| human(d.used)),
            At::Cluster(_) => self
                .spec
                .as_ref()
                .map_or(String::new(), |s| s.storage.size.as_str().to_owned()),
        }
    }

    fn value(&self) -> serde_json::Value {
        let mut value = serde_json::json!({
            "namespace": self.standing.namespace, "name": self.standing.name, "state": self.standing.state,
            "reason": self.standing.reason, "version": self.version, "port": self.port(),
            "databases": self.databases(), "users": self.users(),
        });
        if let At::Cluster(status) = &self.at {
            let (ready, wanted) = self.servers().unwrap_or_default();
            value["servers"] = serde_json::json!({"ready": ready, "wanted": wanted});
            value["runtime"] = serde_json::json!(status.runtime);
            value["secret"] = serde_json::json!(status.binding.as_ref().map(|b| &b.name));
        }
        value
    }
}

/// Prints databases, wherever they are; with their namespaces where they are of several.
pub(crate) fn print(app: &App, rows: &[Row], namespaces: bool) {
    let printer = &app.printer;
    let in_cluster = rows.iter().any(|r| matches!(r.at, At::Cluster(_)));
    let (place, found) = if in_cluster {
        ("SERVERS", "SECRET")
    } else {
        ("PORT", "FOLDER")
    };
    match printer.output() {
        Output::Json | Output::Yaml => {
            let items: Vec<_> = rows.iter().map(Row::value).collect();
            printer.value(&serde_json::json!({ "databases": items }));
        }
        Output::Name => rows.iter().for_each(|r| match namespaces {
            true => printer.data(&format!("{}/{}", r.standing.namespace, r.standing.name)),
            false => printer.data(&r.standing.name),
        }),
        Output::Table => {
            let mut head = vec!["NAME", "STATE", "VERSION", place, "DATABASES", "USERS"];
            if namespaces {
                head.insert(0, "NAMESPACE");
            }
            let cells = rows.iter().map(|r| {
                let mut row = vec![
                    r.standing.name.clone(),
                    format!("{:?}", r.standing.state),
                    r.version.clone(),
                    r.place(),
                    r.databases().join(","),
                    r.users().join(","),
                ];
                if namespaces {
                    row.insert(0, r.standing.namespace.clone());
                }
                row
            });
            printer.data(&table(&head, cells));
        }
        Output::Wide => printer.data(&table(
            &[
                "NAME",
                "NAMESPACE",
                "STATE",
                "VERSION",
                place,
                "SIZE",
                "DATABASES",
                "USERS",
                "UID",
                found,
            ],
            rows.iter().map(|r| {
                vec![
                    r.standing.name.clone(),
                    r.standing.namespace.clone(),
                    format!("{:?}", r.standing.state),
                    r.version.clone(),
                    r.place(),
                    r.size(),
                    r.databases().join(","),
                    r.users().join(","),
                    r.standing.uid.clone(),
                    r.found(),
                ]
            }),
        )),
    }
}
