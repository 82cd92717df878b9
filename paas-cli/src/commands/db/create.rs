//! `paas db create`.

use paas_core::{
    error::{Class, Error},
    local::{instance::LocalInstance, retained},
    owner::Owner,
    pipeline::Wanted,
    spec::{Database, DatabaseInstanceSpec, Document, Meta, Object, ParameterValue, User, validate},
};

use crate::{
    app::App,
    args::{Act, DbCreate, Room},
    cluster,
    codes::{CLI_DIFFERS, CLI_KEPT},
    commands::up,
    exit::{Exit, Failure},
    reconcile::{self, Request},
    session::{Session, quickstart_platform},
    site::{self, Site},
};

pub(crate) async fn run(app: &App, args: &DbCreate) -> Result<Exit, Failure> {
    if let Site::Cluster(cluster) = site::of(app).await? {
        return cluster::create::run(app, &cluster, args).await;
    }
    let document = document(args);
    validate::document(&document).map_err(|e| Error::from(e).attempted(format!("create {}", args.name)))?;
    let session = Session::open(app)?;
    let owner = session.machine().owner(document.namespace(), document.name());
    let accepted = session.objects().of(&owner)?;
    if accepted.as_ref().is_some_and(|old| *old != document) && wishes(args) {
        let error = Error::new(&CLI_DIFFERS, Class::Conflict)
            .attempted(format!("create {}", args.name))
            .happened("it exists, and its spec is not what was asked for now");
        return Err(error.into());
    }
    let known = match accepted {
        Some(accepted) => Some(accepted),
        None => kept(&session, &owner, &document, wishes(args))?,
    };
    make(
        app,
        &session,
        known.unwrap_or(document),
        &args.act,
        "paas db create",
    )
    .await
}

/// What was kept of a deleted object is taken up as it was, by a word that asks for nothing else. Data that nothing is known of, or for
/// which something else is asked now, are not taken up by the way.
fn kept(
    session: &Session,
    owner: &Owner,
    document: &Document,
    wishes: bool,
) -> Result<Option<Document>, Error> {
    let aside = session.set_aside().of(owner)?;
    let fits = aside.as_ref().is_some_and(|a| !wishes || a == document);
    if fits {
        return Ok(aside);
    }
    if retained::is_there(session.machine(), owner)? {
        let why = match aside {
            Some(_) => "data of that name was kept, with another spec than the one that is asked for now",
            None => "data of that name is here, and its object is not known any more",
        };
        return Err(Error::new(&CLI_KEPT, Class::Blocked)
            .attempted(format!("create {}", document.name()))
            .happened(why));
    }
    Ok(None)
}

/// Makes one database, accepting its object, and the platform of the quick start where there is none.
pub(super) async fn make(
    app: &App,
    session: &Session,
    document: Document,
    act: &Act,
    doing: &str,
) -> Result<Exit, Failure> {
    let accepted = session.objects().all()?;
    bring_up(
        app,
        session,
        with_platform(session, document, &accepted),
        act,
        doing,
    )
    .await
}

/// A database that is to be made, with the platform that it needs where there is none.
pub(super) fn with_platform(session: &Session, document: Document, accepted: &[Document]) -> Vec<Document> {
    let mut documents = vec![document];
    if !accepted.iter().any(|d| matches!(d, Document::Platform(_))) {
        documents.extend(quickstart_platform().filter(|p| !session.objects().holds(p)));
    }
    documents
}

/// Accepts a database and brings it up.
pub(super) async fn bring_up(
    app: &App,
    session: &Session,
    documents: Vec<Document>,
    act: &Act,
    doing: &str,
) -> Result<Exit, Failure> {
    let request = Request {
        wanted: Wanted::Spec,
        delete_data: false,
        act,
        what: "create it",
    };
    let mut targets = session.targets(&documents)?;
    session.lock(&mut targets, doing, act).await?;
    let brought_up = targets.iter().find_map(|t| t.instance().cloned());
    let accept = || {
        brought_up.iter().try_for_each(LocalInstance::forget_taken_down)?;
        documents.iter().try_for_each(|d| {
            session.objects().keep(d)?;
            session.set_aside().forget(d)
        })
    };
    let done = reconcile::run(app, session, targets, &request, accept).await?;
    let exit = reconcile::tell(&app.printer, &done);
    up::finish(app, session, &done).await;
    Ok(exit)
}

/// True if more than a name was asked for.
pub(crate) fn wishes(args: &DbCreate) -> bool {
    args.version.is_some()
        || args.plan.is_some()
        || !args.database.is_empty()
        || !args.user.is_empty()
        || !args.params.is_empty()
        || args.runtime.is_some()
        || args.room.replicas.is_some()
        || args.room.storage.is_some()
}

/// How many servers, and how much room, as far as it is asked for.
pub(super) fn room(spec: &mut DatabaseInstanceSpec, room: &Room) {
    spec.replicas = room.replicas.unwrap_or(spec.replicas);
    if let Some(size) = &room.storage {
        spec.storage.size = size.clone();
    }
}

/// A parameter's value as a spec has it.
pub(super) fn parameter(value: &str) -> ParameterValue {
    value.parse().map_or_else(
        |_| ParameterValue::Text(value.to_owned()),
        ParameterValue::Integer,
    )
}

/// What the flags ask for; everything else has its default.
pub(crate) fn document(args: &DbCreate) -> Document {
    let mut spec = DatabaseInstanceSpec::default();
    spec.engine.version.clone_from(&args.version);
    spec.plan = args.plan;
    spec.runtime = args.runtime.unwrap_or_default();
    room(&mut spec, &args.room);
    if !args.database.is_empty() {
        let database = |name: &String| Database {
            name: name.clone(),
            owner: None,
            extensions: Vec::new(),
        };
        spec.databases = args.database.iter().map(database).collect();
    }
    if !args.user.is_empty() {
        let user = |name: &String| User {
            name: name.clone(),
            connection_limit: None,
        };
        spec.users = args.user.iter().map(user).collect();
    }
    for (key, value) in &args.params {
        spec.parameters.insert(key.clone(), parameter(value));
    }
    Document::DatabaseInstance(Object {
        metadata: Meta::named(&args.name),
        spec,
    })
}
