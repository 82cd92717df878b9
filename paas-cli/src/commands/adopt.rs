//! `paas adopt`.

use paas_core::{
    driver::Outputs,
    error::{Class, Error},
    execute::Tools,
    ledger::{Ledger, Scope},
    render::{self, Detail},
    resource::Key,
    spec::{Document, OpenStack, PlatformSpec},
    view::{PlanView, StageView},
};
use paas_openstack::provider::{
    Layout, OpenStackActuator, OpenStackDriver,
    adopt::{Adoption, Release, Take, Write},
    desired,
};
use serde_json::json;

use crate::{
    app::App,
    args::{Adopt, Output},
    codes::CLI_ADOPT,
    exit::{Exit, Failure},
    input,
    session::{Session, Target},
    ui::ask,
};

pub(crate) async fn run(app: &App, args: &Adopt) -> Result<Exit, Failure> {
    let mut session = Session::open(app)?;
    let documents = input::meant(&args.files, session.objects())?.documents;
    let documents = input::only(documents, std::slice::from_ref(&args.platform))?;
    let platform = documents.into_iter().find(|d| spec(d).is_some());
    let Some(document) = platform else {
        return Err(not_a_cloud(&args.platform).into());
    };
    let key = Key::new(&args.key)?;
    let documents = [document];
    session
        .connect(app, &documents, args.calls.trace.as_deref())
        .await;
    let mut targets = session.targets(&documents)?;
    if args.thing.is_some() {
        session.check_changes(&documents)?;
    }
    session.lock(&mut targets, "paas adopt", &args.act()).await?;
    let Some(place) = targets.into_iter().next().and_then(|t| Place::of(&session, t)) else {
        return Err(not_a_cloud(&args.platform).into());
    };
    let hints = place.tools.ledger.load(&place.scope).await?;
    match &args.thing {
        Some(thing) => {
            // What belongs to it must not outlive the knowledge of it: it is accepted before anything is marked.
            let accept = || session.accept(&documents);
            take_over(app, args, &place, (&key, thing), &hints, accept).await
        }
        None => give_back(app, args, &place, &key, &hints).await,
    }
}

/// A platform on a cloud, and the hands there.
struct Place {
    hands: OpenStackActuator,
    tools: Tools,
    scope: Scope,
    spec: PlatformSpec,
    cloud: OpenStack,
}

impl Place {
    fn of(session: &Session, target: Target) -> Option<Self> {
        let (spec, cloud) = spec(target.document.as_ref()?)?;
        let client = target.project()?.client.clone();
        let secrets = session.machine().secrets.clone();
        Some(Self {
            hands: OpenStackActuator::of(client, secrets, cloud),
            tools: session.context(&target, Outputs::default(), false).tools,
            spec: spec.clone(),
            cloud: cloud.clone(),
            scope: Scope {
                owner: target.owner,
                stage: OpenStackDriver::STAGE.to_owned(),
            },
        })
    }
}

fn spec(document: &Document) -> Option<(&PlatformSpec, &OpenStack)> {
    match document {
        Document::Platform(it) => Some((&it.spec, it.spec.infrastructure.open_stack.as_deref()?)),
        Document::DatabaseInstance(_) | Document::DatabaseBackup(_) => None,
    }
}

fn not_a_cloud(name: &str) -> Error {
    Error::new(&CLI_ADOPT, Class::Invalid)
        .attempted(format!("take something over into {name}"))
        .happened("it is not a Platform on OpenStack")
}

async fn take_over(
    app: &App,
    args: &Adopt,
    place: &Place,
    (key, thing): (&Key, &str),
    hints: &Ledger,
    accept: impl FnOnce() -> Result<(), Error>,
) -> Result<Exit, Failure> {
    let owner = &place.scope.owner;
    let layout = Layout {
        boots: place.spec.installer().is_some(),
        without: &[],
    };
    let wanted = desired(&place.spec, &place.cloud, layout)?;
    let policy = place.spec.policy();
    let adoption = place
        .hands
        .adoption(owner, key, thing, (&wanted, &policy), hints)
        .await?;
    let next = PlanView::new(owner, vec![StageView::of(OpenStackDriver::STAGE, &adoption.next)]);
    show(app, "takes over", &adoption.takes, &adoption.writes);
    preview(app, &adoption, &next);
    if !adoption.writes.is_empty() {
        agree(app, args, "take it over", "Take it over?")?;
    }
    accept()?;
    place.hands.adopt(owner, &adoption, &place.tools).await?;
    let done = if adoption.writes.is_empty() {
        "was taken over before; nothing is written"
    } else {
        "is taken over"
    };
    let notes = json!({ "notes": adoption.notes, "next": next });
    finish(app, &adoption.takes, &adoption.writes, notes, done);
    Ok(Exit::Done)
}

async fn give_back(
    app: &App,
    args: &Adopt,
    place: &Place,
    key: &Key,
    hints: &Ledger,
) -> Result<Exit, Failure> {
    let owner = &place.scope.owner;
    let release: Release = place.hands.release(owner, key, hints).await?;
    show(app, "gives back", &release.gives, &release.writes);
    app.printer
        .talk("  The next `paas up` makes another one, unless the spec says `existing` or wants none.");
    agree(app, args, "give it back", "Give it back?")?;
    place.hands.give_back(owner, &release, &place.tools).await?;
    finish(app, &release.gives, &release.writes, json!({}), "is given back");
    Ok(Exit::Done)
}

/// What is taken and what is written, before anybody is asked.
fn show(app: &App, verb: &str, takes: &[Take], writes: &[Write]) {
    if app.printer.for_programs() {
        return;
    }
    let paint = app.printer.talk_paint();
    for take in takes {
        let name = match take.name.as_str() {
            "" => "without a name".to_owned(),
            name => render::clean(name),
        };
        let key = paint.strong(take.key.as_str());
        app.printer
            .talk(&format!("{verb} {} {name} ({}) as {key}", take.kind, take.id));
    }
    for write in writes {
        app.printer
            .talk(&paint.dim(&format!("  writes {}", render::clean(&write.to_string()))));
    }
}

/// What the next run would do, and what is good to know.
fn preview(app: &App, adoption: &Adoption, next: &PlanView) {
    if app.printer.for_programs() {
        return;
    }
    let paint = app.printer.talk_paint();
    for note in &adoption.notes {
        app.printer
            .talk(&format!("  {} {}", paint.change("note:"), render::clean(note)));
    }
    app.printer.talk("The next `paas up` then:");
    app.printer.talk(&render::plan(next, paint, Detail::Short));
}

fn agree(app: &App, args: &Adopt, what: &str, question: &str) -> Result<(), Error> {
    if args.yes {
        return Ok(());
    }
    if !ask::possible(app.global.no_input) {
        return Err(ask::nobody(what).happened("nothing was changed: there is nobody to ask"));
    }
    ask::agree(&app.printer, &app.interrupt, question)
}

fn finish(app: &App, takes: &[Take], writes: &[Write], more: serde_json::Value, done: &str) {
    match app.printer.output() {
        Output::Json | Output::Yaml => {
            let things: Vec<_> = takes
                .iter()
                .map(|t| json!({ "key": t.key, "kind": t.kind, "id": t.id, "name": t.name }))
                .collect();
            let written: Vec<String> = writes.iter().map(ToString::to_string).collect();
            let mut value = json!({ "version": 1, "things": things, "written": written });
            if let (Some(value), Some(more)) = (value.as_object_mut(), more.as_object()) {
                value.extend(more.clone());
            }
            app.printer.value(&value);
        }
        Output::Name => takes
            .iter()
            .for_each(|t| app.printer.data(&format!("{} {}", t.key, t.id))),
        Output::Table | Output::Wide => takes
            .iter()
            .for_each(|t| app.printer.data(&format!("{} {} {done}", t.key, t.id))),
    }
}
