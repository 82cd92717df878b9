//! `paas status`.

use jiff::Timestamp;
use paas_core::{
    driver::Outputs,
    error::Error,
    inventory::Inventory,
    kube::{servers::Servers, standing},
    local::{
        instance::LocalInstance,
        storage::{self, Storage},
    },
    owner::Owner,
    plan::Verb,
    spec::{Document, Kind},
    timeline::Timeline,
    view::{PlanView, StepView},
};
use serde::Serialize;

use crate::{
    app::App,
    args::{Output, Status},
    cluster, events,
    exit::{Exit, Failure},
    input::{self, From},
    reconcile,
    session::{Session, Target},
    site::{self, Site},
    ui::{inventory, table::table, timeline},
};

/// How one object is doing.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Standing {
    /// The object's kind.
    pub(crate) kind: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// Its uid.
    pub(crate) uid: String,
    /// Where it stands.
    pub(crate) state: State,
    /// Why, in a sentence.
    pub(crate) reason: String,
    /// Since when, as far as it is known.
    pub(crate) since: Option<Timestamp>,
    /// What it waits for: the keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) waits_for: Vec<String>,
    /// What holds beside the state; only what holds is there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) conditions: Vec<Condition>,
    /// What there is of it in its cloud, with what its cluster made; only where it was asked for at length.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) listing: Vec<Inventory>,
    /// The disk below its data, if it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) storage: Option<Storage>,
    /// Its servers in a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) servers: Option<Servers>,
    /// The codes that the reason names; `paas explain` knows them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) codes: Vec<String>,
}

/// Something that holds for an object, in the form of Kubernetes' conditions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Condition {
    /// Its name: `StorageLow`.
    #[serde(rename = "type")]
    pub(crate) type_: String,
    /// Always `True`.
    pub(crate) status: &'static str,
    /// Why, in a sentence.
    pub(crate) message: String,
}

impl Standing {
    /// The reason for people, with what holds beside it.
    pub(crate) fn sentence(&self) -> String {
        let mut words = self.reason.clone();
        for condition in &self.conditions {
            words += &format!("; {}: {}", condition.type_, condition.message);
        }
        words
    }
}

/// Where an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum State {
    /// Everything is as it should be.
    Ready,
    /// It is on its way.
    Progressing,
    /// It differs from its spec.
    OutOfDate,
    /// Its data is there and nothing runs.
    Stopped,
    /// Nothing of it is there.
    Absent,
    /// It needs a person or another spec.
    Blocked,
    /// Somebody paused it, in a cluster.
    Paused,
    /// It is on its way out of a cluster.
    Deleting,
}

pub(crate) async fn run(app: &App, args: &Status) -> Result<Exit, Failure> {
    if let Site::Cluster(cluster) = site::of(app).await? {
        return cluster::status::run(app, &cluster, args).await;
    }
    let mut session = Session::open(app)?;
    if args.timeline {
        return timelines(app, &session, &args.names);
    }
    let input = input::meant(&args.files, session.objects())?;
    if input.origin == From::QuickStart && args.names.is_empty() && !app.printer.for_programs() {
        app.printer.talk(
            "Nothing is here yet. `paas up` makes a first database; `paas init` writes a file to start from.",
        );
        return Ok(Exit::Done);
    }
    let documents = if input.origin == From::QuickStart {
        Vec::new()
    } else {
        input.documents
    };
    let documents = input::only(documents, &args.names)?;
    session
        .connect(app, &documents, args.calls.trace.as_deref())
        .await;
    let wide = app.printer.output() == Output::Wide;
    print(app, &all(&session, documents, wide).await?);
    Ok(Exit::Done)
}

/// What the last runs spent their time on, by the logs of this home; nothing is asked of a cloud.
fn timelines(app: &App, session: &Session, names: &[String]) -> Result<Exit, Failure> {
    let owners = session.remembered();
    let known: Vec<&str> = owners.iter().map(Owner::name).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(input::among(name, &known).into());
    }
    let mut all = Vec::new();
    for owner in owners
        .iter()
        .filter(|o| names.is_empty() || names.iter().any(|n| n == o.name()))
    {
        all.extend(Timeline::of(&events::of(&session.owner_folder(owner))?));
    }
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => printer.value(&serde_json::json!({ "timelines": all })),
        Output::Name => all.iter().for_each(|t| printer.data(&t.owner)),
        Output::Table | Output::Wide if all.is_empty() => {
            printer.talk("No run of a platform on a cloud is remembered here.");
        }
        Output::Table | Output::Wide => {
            let wide = printer.output() == Output::Wide;
            for it in &all {
                printer.data(timeline::timeline(it, wide, printer.paint()).trim_end());
            }
        }
    }
    Ok(Exit::Done)
}

/// How every one of these is doing; those that cannot be reached come first. At length with what there is in their clouds.
pub(crate) async fn all(
    session: &Session,
    documents: Vec<Document>,
    at_length: bool,
) -> Result<Vec<Standing>, Failure> {
    let (out, reachable): (Vec<Document>, Vec<Document>) = documents
        .into_iter()
        .partition(|d| session.unreachable(d).is_some());
    let mut all: Vec<Standing> = out
        .iter()
        .filter_map(|d| Some(out_of_reach(d, session.unreachable(d)?)))
        .collect();
    let mut seen = standings(session, session.targets(&reachable)?).await?;
    if at_length {
        list(session, &reachable, &mut seen).await?;
    }
    all.extend(seen);
    Ok(all)
}

/// Nothing is known of what a cloud has that cannot be entered, not even the uid.
fn out_of_reach(document: &Document, error: &Error) -> Standing {
    Standing {
        kind: document.kind().to_string(),
        namespace: document.namespace().to_owned(),
        name: document.name().to_owned(),
        uid: String::new(),
        state: State::Blocked,
        reason: format!("{} [{}]", error.words(), error.code().id),
        since: None,
        waits_for: Vec::new(),
        conditions: Vec::new(),
        listing: Vec::new(),
        storage: None,
        servers: None,
        codes: vec![error.code().id.to_owned()],
    }
}

/// How each target is doing, by a look at the world.
pub(crate) async fn standings(session: &Session, targets: Vec<Target>) -> Result<Vec<Standing>, Failure> {
    let looked = reconcile::look(session, targets).await?;
    looked
        .iter()
        .map(|(target, plan)| {
            let owner = &target.owner;
            let log = events::of(&session.owner_folder(owner))?;
            let (state, reason, waits_for) = match plan {
                Ok(plan) => judge(plan, target.kind()),
                Err(e) => (
                    State::Blocked,
                    format!("{} [{}]", e.words(), e.code().id),
                    Vec::new(),
                ),
            };
            let disk = |it: &LocalInstance| storage::look(it, &storage::Limits::default()).ok();
            let disk = target.instance().and_then(disk);
            let low = disk.as_ref().and_then(|d| d.low.clone());
            Ok(Standing {
                kind: owner.kind().to_owned(),
                namespace: owner.namespace().to_owned(),
                name: owner.name().to_owned(),
                uid: owner.uid().to_string(),
                state,
                since: log.last().map(|e| e.at),
                waits_for,
                conditions: Vec::from_iter(low.map(|message| Condition {
                    type_: "StorageLow".to_owned(),
                    status: "True",
                    message,
                })),
                listing: Vec::new(),
                storage: disk,
                servers: None,
                codes: codes(&reason),
                reason,
            })
        })
        .collect()
}

/// The codes that a sentence names.
fn codes(reason: &str) -> Vec<String> {
    standing::codes(reason).into_iter().map(str::to_owned).collect()
}

/// Adds what there is in the clouds, with what the clusters there made in their turn.
async fn list(session: &Session, documents: &[Document], seen: &mut [Standing]) -> Result<(), Failure> {
    for target in session.targets(documents)? {
        let uid = target.owner.uid().to_string();
        let standing = seen
            .iter_mut()
            .find(|s| s.uid == uid && target.project().is_some());
        if let Some(standing) = standing {
            let mut cx = session.context(&target, Outputs::default(), false);
            standing.listing = target.pipeline.inventory(&mut cx).await?;
        }
    }
    Ok(())
}

/// What a plan says about how an object is doing.
fn judge(plan: &PlanView, kind: Option<Kind>) -> (State, String, Vec<String>) {
    let stages = &plan.stages;
    let steps: Vec<&StepView> = stages.iter().flat_map(|s| &s.steps).collect();
    let same: usize = stages.iter().map(|s| s.same).sum();
    let creates = |s: &&&StepView| s.verb == Verb::Create;
    if let Some(note) = stages.iter().flat_map(|s| &s.blocked).next() {
        return (
            State::Blocked,
            format!("{}: {}", note.key, note.why),
            vec![note.key.to_string()],
        );
    }
    let waiting: Vec<_> = stages.iter().flat_map(|s| &s.waiting).collect();
    if let Some(first) = waiting.first() {
        let keys = waiting.iter().map(|w| w.key.to_string()).collect();
        return (State::Progressing, format!("{}: {}", first.key, first.why), keys);
    }
    let Some(first) = steps.first() else {
        let reason = match kind {
            Some(Kind::Platform) if same == 0 => "this machine".to_owned(),
            _ => "everything is as its spec says".to_owned(),
        };
        return (State::Ready, reason, Vec::new());
    };
    if same == 0 && steps.iter().filter(creates).count() == steps.len() {
        return (
            State::Absent,
            "it is not made yet; paas up makes it".to_owned(),
            Vec::new(),
        );
    }
    if let Some(server) = steps.iter().filter(creates).find(|s| s.key.as_str() == "server") {
        return (
            State::Stopped,
            format!("{} does not run; paas up starts it", server.key),
            Vec::new(),
        );
    }
    let reason = format!("{} {}: {}", first.verb, first.key, first.reason);
    (State::OutOfDate, reason, Vec::new())
}

/// Prints how objects are doing, wherever they are.
pub(crate) fn print(app: &App, standings: &[Standing]) {
    let printer = &app.printer;
    let name = |s: &Standing| format!("{}/{}/{}", s.kind, s.namespace, s.name);
    let since = |s: &Standing| s.since.map_or(String::new(), |t| format!("{t:.0}"));
    match printer.output() {
        Output::Json | Output::Yaml => printer.value(&serde_json::json!({ "objects": standings })),
        Output::Name => standings.iter().for_each(|s| printer.data(&name(s))),
        Output::Table => printer.data(&table(
            &["OBJECT", "STATE", "SINCE", "REASON"],
            standings
                .iter()
                .map(|s| vec![name(s), format!("{:?}", s.state), since(s), s.sentence()]),
        )),
        Output::Wide => {
            printer.data(&table(
                &["OBJECT", "STATE", "SINCE", "WAITS FOR", "UID", "REASON"],
                standings.iter().map(|s| {
                    vec![
                        name(s),
                        format!("{:?}", s.state),
                        since(s),
                        s.waits_for.join(","),
                        s.uid.clone(),
                        s.sentence(),
                    ]
                }),
            ));
            for one in standings.iter().filter(|s| !s.listing.is_empty()) {
                printer.data(&format!("\n{}", printer.paint().strong(&name(one))));
                for line in inventory::counts(&one.listing) {
                    printer.data(&format!("  {line}"));
                }
                if let Some(made) = inventory::derived(&one.listing) {
                    printer.data(&format!("\n{made}"));
                }
            }
        }
    }
}
