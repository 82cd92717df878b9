//! `paas down`.

use paas_core::{
    codes::CORE_PROTECTED,
    driver::Outputs,
    error::{Class, Error},
    inventory::Inventory,
    local::instance::LocalInstance,
    pipeline::{Outcome, Wanted},
    spec::{Document, InfrastructureType, Kind},
};

use crate::{
    app::App,
    args::{Act, Down, Output},
    cluster, events,
    exit::{Exit, Failure},
    input,
    reconcile::{self, Done, Request},
    session::{Session, quickstart_platform},
    site::{self, Site},
    ui::{inventory, progress::Line},
};

pub(crate) async fn run(app: &App, args: &Down) -> Result<Exit, Failure> {
    if let Site::Cluster(cluster) = site::of(app).await? {
        return cluster::down::run(app, &cluster, args).await;
    }
    let mut session = Session::open(app)?;
    let input = input::meant(&args.files, session.objects())?;
    let documents = input::only(input.documents, &args.names)?;
    session
        .connect(app, &documents, args.calls.trace.as_deref())
        .await;
    take_down(
        app,
        &session,
        &documents,
        &args.act,
        args.delete_data,
        &Hints::default(),
    )
    .await
}

/// What to do about data that was kept.
#[derive(Debug)]
pub(crate) struct Hints {
    /// The command that takes it up again.
    pub(crate) again: String,
    /// The command that deletes it.
    pub(crate) for_good: String,
}

impl Default for Hints {
    fn default() -> Self {
        Self {
            again: "paas up".to_owned(),
            for_good: "paas down --delete-data".to_owned(),
        }
    }
}

/// Takes objects down and proves what is left.
pub(crate) async fn take_down(
    app: &App,
    session: &Session,
    documents: &[Document],
    act: &Act,
    delete_data: bool,
    hints: &Hints,
) -> Result<Exit, Failure> {
    let request = Request {
        wanted: Wanted::Nothing,
        delete_data,
        act,
        what: "take it down",
    };
    if delete_data {
        unprotected("delete the data of", documents)?;
    }
    standing(documents)?;
    let mut targets = session.targets(documents)?;
    session.lock(&mut targets, "paas down", act).await?;
    let taken: Vec<LocalInstance> = targets.iter().filter_map(|t| t.instance().cloned()).collect();
    // Whoever keeps them running must know before the first server ends.
    let accept = || taken.iter().try_for_each(LocalInstance::note_taken_down);
    let done = reconcile::run(app, session, targets, &request, accept).await?;
    for refused in done
        .iter()
        .filter(|d| matches!(d.result, Ok(Outcome::Blocked { .. })))
    {
        refused
            .target
            .instance()
            .map_or(Ok(()), LocalInstance::forget_taken_down)?;
    }
    let exit = reconcile::tell(&app.printer, &done);
    prove(app, session, &done, hints).await?;
    Ok(exit)
}

/// Protection refuses at once, before anything is stopped.
pub(crate) fn unprotected(verb: &str, documents: &[Document]) -> Result<(), Error> {
    let protected = |d: &&Document| matches!(d, Document::DatabaseInstance(o) if o.spec.deletion_protection);
    match documents.iter().find(protected) {
        None => Ok(()),
        Some(document) => Err(protected_words(verb, document)),
    }
}

/// The refusal to touch a protected object.
pub(crate) fn protected_words(verb: &str, document: &Document) -> Error {
    Error::new(&CORE_PROTECTED, Class::Blocked)
        .attempted(format!("{verb} {}", document.name()))
        .happened("its spec says deletionProtection: true; nothing was changed")
}

/// A protected platform of a cloud stays whole: what is in its machines is data too.
fn standing(documents: &[Document]) -> Result<(), Error> {
    let protected = |d: &&Document| match d {
        Document::Platform(p) => {
            p.spec.deletion_protection && p.spec.infrastructure.type_ != InfrastructureType::Local
        }
        _ => false,
    };
    match documents.iter().find(protected) {
        None => Ok(()),
        Some(document) => Err(protected_words("take down", document)),
    }
}

/// What is left of one object, by the last look.
#[derive(Debug)]
struct Left {
    owner: String,
    kept: Vec<(String, String)>,
    gone: bool,
    /// What there is in the cloud, of all kinds, if it is on one: the proof.
    listing: Option<Vec<Inventory>>,
}

/// Looks once more, says what is left, and forgets objects of which nothing is.
async fn prove(app: &App, session: &Session, done: &[Done], hints: &Hints) -> Result<(), Failure> {
    let mut left = Vec::new();
    for one in done.iter().filter(|d| matches!(d.result, Ok(Outcome::Converged))) {
        let mut cx = session.context(&one.target, Outputs::default(), false);
        let plan = one.target.pipeline.plan(&mut cx, Wanted::Nothing).await?;
        let kept: Vec<(String, String)> = plan
            .stages
            .iter()
            .flat_map(|s| &s.kept)
            .map(|k| (k.key.to_string(), k.id.clone().unwrap_or_default()))
            .collect();
        let gone = reconcile::is_idle(&plan) && kept.is_empty();
        let local_platform = one.target.kind() == Some(Kind::Platform) && one.target.project().is_none();
        if let Some(document) = one.target.document.as_ref().filter(|_| gone && !local_platform) {
            session.objects().forget(document)?;
            session.set_aside().forget(document)?;
            one.target
                .instance()
                .map_or(Ok(()), LocalInstance::forget_taken_down)?;
            if one.target.project().is_some() {
                session.machine().secrets.forget(&one.target.owner).await?;
            }
            events::forget(&session.owner_folder(&one.target.owner));
        }
        let listing = match one.target.project() {
            Some(_) => Some(one.target.pipeline.inventory(&mut cx).await?),
            None => None,
        };
        left.push(Left {
            owner: one.target.owner.to_string(),
            kept,
            gone,
            listing,
        });
    }
    forget_platforms(session, done)?;
    print(app, done, &left, hints);
    Ok(())
}

/// Objects are no longer accepted, but what is left of them can be taken up as they were.
pub(crate) fn set_aside(session: &Session, documents: &[Document]) -> Result<(), Failure> {
    let accepted = session.objects().all()?;
    let databases = documents.iter().filter(|d| d.kind() != Kind::Platform);
    for document in databases.filter(|d| accepted.contains(d)) {
        session.set_aside().keep(document)?;
        session.objects().forget(document)?;
    }
    forget_platforms(session, &[])
}

/// A platform on this machine is nothing by itself: it is forgotten once no database is left, if it was taken down too or nobody wrote it.
fn forget_platforms(session: &Session, done: &[Done]) -> Result<(), Failure> {
    let found = session.objects().look()?;
    // A damaged file may be a database that needs its platform.
    if !found.damaged.is_empty() || found.documents.iter().any(|d| d.kind() != Kind::Platform) {
        return Ok(());
    }
    for platform in found.documents {
        let taken_down = done
            .iter()
            .any(|d| d.target.project().is_none() && d.target.document.as_ref() == Some(&platform));
        if taken_down || quickstart_platform().any(|q| q == platform) {
            session.objects().forget(&platform)?;
        }
    }
    Ok(())
}

fn print(app: &App, done: &[Done], left: &[Left], hints: &Hints) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => {
            let mut value = reconcile::result(done);
            let places = |l: &Left| l.kept.iter().map(|(_, at)| at.clone()).collect::<Vec<_>>();
            value["left"] = left
                .iter()
                .map(|l| {
                    let mut left = serde_json::json!({ "owner": l.owner, "kept": places(l) });
                    if let Some(listing) = &l.listing {
                        left["kept"] = l.kept.iter().map(|(_, id)| id.as_str()).collect();
                        left["listing"] = serde_json::json!(listing);
                    }
                    left
                })
                .collect();
            if printer.output() == Output::Json {
                printer.line(&Line::Result(value));
            } else {
                printer.value(&value);
            }
        }
        Output::Name => left
            .iter()
            .filter(|l| l.gone)
            .for_each(|l| printer.data(&l.owner)),
        Output::Table | Output::Wide => {
            let paint = printer.paint();
            let databases = left.iter().any(|l| !l.owner.starts_with("Platform/"));
            for one in left
                .iter()
                .filter(|l| !databases || l.listing.is_some() || !l.owner.starts_with("Platform/"))
            {
                let tail = match (one.gone, &one.listing) {
                    (true, _) => "nothing is left.",
                    (false, Some(_)) => "all is gone but what holds data.",
                    (false, None) => "stopped; nothing runs.",
                };
                printer.data(&format!("{}: {tail}", paint.strong(&one.owner)));
                let listing = one.listing.as_deref().unwrap_or_default();
                for line in inventory::counts(listing) {
                    printer.data(&format!("  {}", paint.dim(&line)));
                }
                for thing in inventory::kept(listing) {
                    printer.data(&format!("  kept: {}", paint.name(&thing)));
                }
                for place in places(&one.kept) {
                    printer.data(&format!("  data kept at {}", paint.name(place)));
                }
            }
            if left.iter().any(|l| !l.kept.is_empty()) {
                printer.data(&format!(
                    "{} takes it up again; {} deletes the data for good.",
                    paint.name(&hints.again),
                    paint.name(&hints.for_good)
                ));
            }
        }
    }
}

/// The outermost places: what lies in a place that is told already is not told again.
fn places(kept: &[(String, String)]) -> Vec<&str> {
    let inside = |a: &str, b: &str| a != b && a.starts_with(b) && a[b.len()..].starts_with('/');
    let mut places: Vec<&str> = kept
        .iter()
        .map(|(_, at)| at.as_str())
        .filter(|at| at.starts_with('/') && !kept.iter().any(|(_, other)| inside(at, other)))
        .collect();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_the_outermost_places_are_told() {
        let kept = |p: &str| ("key".to_owned(), p.to_owned());
        let all = [
            kept("/srv/demo/data"),
            kept("/srv/demo"),
            kept("/srv/demo2"),
            kept("role app"),
        ];
        assert_eq!(super::places(&all), ["/srv/demo", "/srv/demo2"]);
    }
}
