//! `paas up`.

use paas_core::{
    error::{Class, Error},
    local::{instance::LocalInstance, retained},
    pipeline::Wanted,
    spec::{Document, Kind},
};

use crate::{
    app::App,
    args::{Output, Up},
    cluster,
    codes::CLI_KEPT,
    commands::{db, foreground},
    exit::{Exit, Failure},
    input::{self, From, Input},
    reconcile::{self, Done, Request},
    session::Session,
    site::{self, Site},
    ui::{progress::Line, table::table},
};

pub(crate) async fn run(app: &App, args: &Up) -> Result<Exit, Failure> {
    if let Site::Cluster(cluster) = site::of(app).await? {
        return cluster::up::run(app, &cluster, args).await;
    }
    let mut session = Session::open(app)?;
    if args.resume {
        return foreground::run(app, session, foreground::Scope::All).await;
    }
    let input = input::meant(&args.files, session.objects())?;
    if input.origin == From::QuickStart {
        app.printer
            .talk("No paas.yaml here: bringing up the quick start, a PostgreSQL on this machine.");
    }
    let request = Request {
        wanted: Wanted::Spec,
        delete_data: false,
        act: &args.act,
        what: "bring it up",
    };
    let pruned = if args.prune {
        surplus(&session, &input)?
    } else {
        Vec::new()
    };
    known(&session, &input, &args.adopt)?;
    for documents in [&input.documents, &pruned] {
        session.connect(app, documents, args.calls.trace.as_deref()).await;
    }
    let mut targets = session.targets(&input.documents)?;
    session.check_changes(&input.documents)?;
    session.lock(&mut targets, "paas up", &args.act).await?;
    let brought_up: Vec<LocalInstance> = targets.iter().filter_map(|t| t.instance().cloned()).collect();
    let accept = || {
        brought_up.iter().try_for_each(LocalInstance::forget_taken_down)?;
        session.accept(&input.documents)
    };
    let done = reconcile::run(app, &session, targets, &request, accept).await?;
    let mut exit = reconcile::tell(&app.printer, &done);
    if !pruned.is_empty() && exit == Exit::Done {
        exit = super::down::take_down(
            app,
            &session,
            &pruned,
            &args.act,
            false,
            &super::down::Hints::default(),
        )
        .await?;
        if exit == Exit::Done && args.act.wait {
            super::down::set_aside(&session, &pruned)?;
        }
    }
    finish(app, &session, &done).await;
    if !args.foreground || exit != Exit::Done {
        return Ok(exit);
    }
    // The locks go with what was done: other commands may work while we watch.
    drop(done);
    let scope = match input.origin {
        From::Files(_) => foreground::Scope::Only(input.documents),
        From::Accepted | From::QuickStart => foreground::Scope::All,
    };
    foreground::run(app, session, scope).await
}

/// Marked data whose object is not known here may be somebody else's by the same name: it is taken up by that name only.
fn known(session: &Session, input: &Input, adopt: &[String]) -> Result<(), Error> {
    for document in input
        .documents
        .iter()
        .filter(|d| d.kind() == Kind::DatabaseInstance)
    {
        let owner = session.machine().owner(document.namespace(), document.name());
        let named = adopt.iter().any(|name| name == document.name());
        if !named
            && session.objects().of(&owner)?.is_none()
            && session.set_aside().of(&owner)?.is_none()
            && retained::is_there(session.machine(), &owner)?
        {
            return Err(Error::new(&CLI_KEPT, Class::Blocked)
                .attempted(format!("bring {owner} up"))
                .happened("data of that name is here, and its object is not known any more")
                .remedy(format!("add --adopt {} if they are its data", document.name())));
        }
    }
    Ok(())
}

/// Accepted objects that the files do not have.
fn surplus(session: &Session, input: &Input) -> Result<Vec<Document>, Failure> {
    let accepted = session.objects().all()?;
    Ok(accepted
        .into_iter()
        .filter(|a| !input.documents.iter().any(|d| input::same(a, d)))
        .collect())
}

/// Says what there is now, how it is reached, and what to do next.
pub(crate) async fn finish(app: &App, session: &Session, done: &[Done]) {
    match app.printer.output() {
        Output::Json => app.printer.line(&Line::Result(result(session, done).await)),
        Output::Yaml => app.printer.value(&result(session, done).await),
        Output::Name => done
            .iter()
            .for_each(|d| app.printer.data(&d.target.owner.to_string())),
        Output::Table | Output::Wide => summary(app, session, done).await,
    }
}

/// What became of the objects, and where databases are; without passwords.
async fn result(session: &Session, done: &[Done]) -> serde_json::Value {
    let mut value = reconcile::result(done);
    for (position, one) in done.iter().enumerate() {
        if let Some(hosts) = &one.outputs.hosts {
            value["objects"][position]["hosts"] = serde_json::json!(hosts);
        }
        if let Ok(place) = session.place(&one.target).await {
            value["objects"][position]["connection"] = serde_json::json!({
                "port": place.port, "url": place.url, "version": place.version, "folder": place.folder,
            });
        }
    }
    value
}

async fn summary(app: &App, session: &Session, done: &[Done]) {
    use paas_core::pipeline::Outcome;
    let paint = app.printer.paint();
    let ready: Vec<&Done> = done
        .iter()
        .filter(|d| matches!(d.result, Ok(Outcome::Converged)))
        .collect();
    let databases: Vec<&Done> = ready
        .iter()
        .copied()
        .filter(|d| d.target.kind() == Some(Kind::DatabaseInstance))
        .collect();
    if ready.len() == done.len() && done.iter().all(Done::was_idle) {
        let told: Vec<&Done> = if databases.is_empty() { ready } else { databases };
        let names: Vec<String> = told.iter().map(|d| d.target.owner.to_string()).collect();
        let verb = if names.len() == 1 { "is" } else { "are" };
        app.printer.data(&format!(
            "Nothing to do: {} {verb} as it should be.",
            names.join(", ")
        ));
        return;
    }
    for one in ready.iter().filter(|d| d.target.project().is_some()) {
        machines(app, one);
    }
    for one in &databases {
        let name = one.target.owner.name();
        let head = format!("{} is ready", one.target.owner);
        match session.place(&one.target).await {
            Ok(place) => {
                let user = place
                    .runs_as
                    .map_or(String::new(), |u| format!(", as the user {u}"));
                app.printer.data(&format!(
                    "{} (PostgreSQL {}, port {}{user})\n  {}",
                    paint.good(&head),
                    place.version,
                    place.port,
                    paint.name(&place.url)
                ));
            }
            Err(_) => app.printer.data(&paint.good(&head)),
        }
        app.printer.data(&format!(
            "  {}",
            paint.dim(&format!("with its password: paas db url {name}"))
        ));
    }
    if let Some(first) = databases.first() {
        let name = first.target.owner.name();
        next(
            app,
            &[
                (&db::connect_command(name), "an SQL prompt"),
                ("paas status", "how it is doing"),
                ("paas down", "stop it and keep the data"),
            ],
        );
    } else if ready.iter().any(|d| d.target.project().is_some()) {
        next(
            app,
            &[
                ("paas status", "how it is doing"),
                ("paas plan", "what somebody changed since"),
                ("paas down", "delete it and prove that nothing is left"),
            ],
        );
    }
}

/// The machines of a platform on a cloud.
fn machines(app: &App, one: &Done) {
    let paint = app.printer.paint();
    let hosts = one.outputs.hosts.as_deref().unwrap_or_default();
    let count = match hosts.len() {
        1 => "1 machine".to_owned(),
        n => format!("{n} machines"),
    };
    let cloud = one.target.project().map_or(String::new(), |p| {
        format!(" on the cloud {}", p.client.cloud().name)
    });
    let head = paint.good(&format!("{} is ready", one.target.owner));
    app.printer.data(&format!("{head}: {count}{cloud}"));
    let rows = hosts.iter().map(|h| {
        let outside = h.public_address.clone().unwrap_or_default();
        vec![h.name.clone(), h.role.clone(), h.address.clone(), outside]
    });
    let text = table(&["MACHINE", "ROLE", "ADDRESS", "OUTSIDE"], rows);
    text.lines()
        .for_each(|line| app.printer.data(&format!("  {line}")));
}

fn next(app: &App, commands: &[(&str, &str)]) {
    let paint = app.printer.paint();
    app.printer.data("\nNext:");
    for (command, what) in commands {
        app.printer.data(&format!(
            "  {}{:pad$}  {}",
            paint.name(command),
            "",
            paint.dim(what),
            pad = 28usize.saturating_sub(command.len())
        ));
    }
}
