//! `paas operator install` and `paas operator upgrade`.

use std::collections::BTreeSet;

use paas_core::{
    error::{Class, Error},
    plan::Verb,
};
use paas_operator::install::{APP, Manifests, NAME, Options, PART_OF, PROJECT, VERSION, selector};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Place,
    api::{Calls, DEFINITION, DEPLOYMENT, Kind, NAMESPACE, OWN, POLICY, POLICY_BINDING, title},
    changes, check,
    choose::{self, Installed},
    connect, rollout,
    tell::{Step, Teller, interrupted},
};
use crate::{
    app::App,
    args::{OperatorInstall, OperatorUpgrade, Output, Patience},
    codes::CLI_OPERATOR_ABSENT,
    exit::{Exit, Failure},
    ui::{printer::yaml, progress::Line},
};

pub(super) async fn install(app: &App, args: &OperatorInstall) -> Result<Exit, Failure> {
    let place = &Place::of(app);
    if args.print {
        let mut options = choose::options(place, &args.choices, None)?;
        if !options.watch.is_empty() && options.cluster_id.is_none() {
            choose::identify(&mut options, &Calls(connect(place).await?)).await?;
        }
        print(app, &Manifests::of(&options).documents());
        return Ok(Exit::Done);
    }
    let calls = Calls(connect(place).await?);
    let before = choose::installed(&calls, &place.namespace).await?;
    let is_new = before.is_none();
    let mut options = choose::options(place, &args.choices, before.and_then(|b| b.options))?;
    if is_new && args.choices.replicas.is_none() && choose::nodes(&calls).await == Some(1) {
        options.replicas = 1;
        if !app.printer.for_programs() {
            app.printer.talk("One node takes pods here, so there is one pod; `paas operator upgrade --replicas 2` when there are more nodes.");
        }
    }
    Box::pin(settle(app, &calls, options, &args.patience)).await
}

pub(super) async fn upgrade(app: &App, args: &OperatorUpgrade) -> Result<Exit, Failure> {
    let place = &Place::of(app);
    let calls = Calls(connect(place).await?);
    let Installed { options, .. } = choose::installed(&calls, &place.namespace)
        .await?
        .ok_or_else(|| absent("upgrade", place))?;
    let options = choose::options(place, &args.choices, options)?;
    Box::pin(settle(app, &calls, options, &args.patience)).await
}

/// Nothing is installed there.
pub(super) fn absent(verb: &str, place: &Place) -> Error {
    Error::new(&CLI_OPERATOR_ABSENT, Class::NotFound).attempted(format!(
        "{verb} the operator in the namespace {}",
        place.namespace
    ))
}

fn print(app: &App, documents: &[Value]) {
    match app.printer.output() {
        Output::Json => app
            .printer
            .value(&json!({ "apiVersion": "v1", "kind": "List", "items": documents })),
        Output::Name => documents.iter().for_each(|d| app.printer.data(&title(d))),
        Output::Table | Output::Wide | Output::Yaml => {
            let documents = documents.iter().map(|d| format!("---\n{}\n", yaml(d).trim_end()));
            app.printer.data(&documents.collect::<String>());
        }
    }
}

/// What is to be done, in this order.
struct Work {
    manifests: Manifests,
    /// Each object, and its step.
    applied: Vec<(Value, Step)>,
    /// What an older version had, and this one has not.
    stale: Vec<Value>,
    /// The namespace is there and somebody else's.
    foreign_namespace: bool,
}

/// Makes it so.
async fn settle(
    app: &App,
    calls: &Calls,
    mut options: Options,
    patience: &Patience,
) -> Result<Exit, Failure> {
    let until = Instant::now() + patience.timeout;
    let teller = Teller::new(app, &options.namespace);
    let looking = async {
        choose::identify(&mut options, calls).await?;
        check::no_other(&options, &others(calls).await?)?;
        plan(calls, &options).await
    };
    let work = Box::pin(teller.during(app, looking)).await?;
    let steps: Vec<&Step> = work.applied.iter().map(|(_, step)| step).collect();
    let deletions: Vec<Step> = work.stale.iter().map(deletion).collect();
    let due: Vec<&Step> = steps.iter().copied().filter(|s| s.verb.is_some()).collect();
    let count = due.len() + deletions.len();
    if patience.dry_run
        || work.applied.iter().any(|(_, s)| s.verb == Some(Verb::Update))
        || !deletions.is_empty()
    {
        show(app, due.iter().copied().chain(&deletions), patience.dry_run);
    }
    if work.foreign_namespace && !app.printer.for_programs() {
        let namespace = &options.namespace;
        app.printer.talk(&format!(
            "The namespace {namespace} is there already: it stays as it is, without the labels of pod security."
        ));
    }
    if patience.dry_run {
        tell(app, &options, "dryRun", count);
        return Ok(Exit::Done);
    }
    let carrying = carry_out(app, calls, &work, &options, patience, &teller, until);
    Box::pin(teller.during(app, carrying)).await?;
    tell(
        app,
        &options,
        if patience.wait { "ready" } else { "applied" },
        count,
    );
    Ok(Exit::Done)
}

/// The Deployments of all operators that we may see.
pub(super) async fn others(calls: &Calls) -> Result<Vec<Value>, Error> {
    let all = calls
        .list(DEPLOYMENT, None, &format!("{APP}={NAME},{PART_OF}={PROJECT}"))
        .await;
    match all {
        // Who may not look into other namespaces installs into some of their own.
        Err(e) if e.class() == Class::Denied => Ok(Vec::new()),
        all => all,
    }
}

async fn plan(calls: &Calls, options: &Options) -> Result<Work, Error> {
    let manifests = Manifests::of(options);
    let mut applied = Vec::new();
    let mut foreign_namespace = false;
    for document in manifests.documents() {
        let metadata = &document["metadata"];
        let text = |field: &str| metadata[field].as_str().unwrap_or_default();
        let kind = Kind::of(&document);
        let live = match kind {
            Some(kind) => calls.get(kind, text("namespace"), text("name")).await?,
            None => None,
        };
        let shared = kind.is_some_and(|k| [DEFINITION, POLICY, POLICY_BINDING].contains(&k));
        let mut step = Step {
            object: title(&document),
            verb: Some(Verb::Create),
            changes: Vec::new(),
        };
        if let Some(live) = &live {
            if kind == Some(NAMESPACE) && check::not_taken(live, &options.namespace).is_err() {
                foreign_namespace = true;
                continue;
            }
            check::not_newer(live, &document)?;
            if !shared {
                check::not_taken(live, &options.namespace)?;
            }
            step.changes = changes::between(live, &calls.apply(&document, true).await?);
            step.verb = (!step.changes.is_empty()).then_some(Verb::Update);
        }
        applied.push((document, step));
    }
    let stale = stale(calls, options, &applied).await?;
    Ok(Work {
        manifests,
        applied,
        stale,
        foreign_namespace,
    })
}

/// What bears our labels and is not wanted any more.
async fn stale(calls: &Calls, options: &Options, applied: &[(Value, Step)]) -> Result<Vec<Value>, Error> {
    let wanted: BTreeSet<&str> = applied.iter().map(|(_, step)| step.object.as_str()).collect();
    let all = everything(calls, &options.namespace, &options.watch).await?;
    Ok(all
        .into_iter()
        .filter(|o| !wanted.contains(title(o).as_str()))
        .collect())
}

/// Everything that one installation has for itself, in the order in which it is taken away.
pub(super) async fn everything(
    calls: &Calls,
    namespace: &str,
    watch: &[String],
) -> Result<Vec<Value>, Error> {
    let selector = selector(namespace);
    let mut all = Vec::new();
    for kind in OWN {
        match calls.list(kind, None, &selector).await {
            Ok(found) => all.extend(found),
            // Who may not look everywhere looks where the installation is.
            Err(e) if e.class() == Class::Denied && kind.namespaced => {
                let mut places: BTreeSet<&str> = watch.iter().map(String::as_str).collect();
                places.insert(namespace);
                for place in places {
                    all.extend(calls.list(kind, Some(place), &selector).await?);
                }
            }
            // An installation of some namespaces has nothing outside of them.
            Err(e) if e.class() == Class::Denied && !watch.is_empty() => {}
            Err(e) => return Err(e),
        }
    }
    Ok(all)
}

async fn carry_out(
    app: &App,
    calls: &Calls,
    work: &Work,
    options: &Options,
    patience: &Patience,
    teller: &Teller,
    until: Instant,
) -> Result<(), Error> {
    let mut defined = false;
    for (document, step) in &work.applied {
        if app.interrupt.cancel.is_cancelled() {
            return Err(interrupted());
        }
        // The definitions come first; the operator's first look is in vain while they are not served.
        if !defined && Kind::of(document) != Some(DEFINITION) {
            rollout::established(calls, &work.manifests, teller, until).await?;
            defined = true;
        }
        if let Some(verb) = step.verb {
            calls.apply(document, false).await?;
            teller.done(verb, document);
        }
    }
    if patience.wait {
        rollout::available(calls, &calls.0, options, teller, until).await?;
    }
    // Last, since the pods of the former version needed it.
    for object in &work.stale {
        calls.delete(object).await?;
        teller.done(Verb::Delete, object);
    }
    Ok(())
}

/// A step that deletes something.
pub(super) fn deletion(object: &Value) -> Step {
    Step {
        object: title(object),
        verb: Some(Verb::Delete),
        changes: Vec::new(),
    }
}

fn show<'a>(app: &App, steps: impl Iterator<Item = &'a Step>, dry_run: bool) {
    let steps: Vec<&Step> = steps.collect();
    let printer = &app.printer;
    if printer.for_programs() {
        if dry_run {
            let steps = json!({ "steps": steps });
            match printer.output() {
                Output::Name => {}
                _ => printer.value(&steps),
            }
        }
        return;
    }
    let paint = printer.talk_paint();
    printer.talk(
        &steps
            .iter()
            .flat_map(|s| s.lines(paint))
            .collect::<Vec<_>>()
            .join("\n"),
    );
}

/// `1 pod`, `2 pods`.
pub(super) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn tell(app: &App, options: &Options, state: &str, count: usize) {
    let Options {
        namespace,
        image,
        replicas,
        watch,
        ..
    } = options;
    let value = json!({
        "namespace": namespace, "version": VERSION, "image": image, "replicas": replicas, "watch": watch,
        "changes": count, "state": state,
    });
    let pods = counted(usize::from(*replicas), "pod");
    let what = match (state, count) {
        ("dryRun", 0) => "Nothing would change.".to_owned(),
        ("dryRun", n) => format!("{} would change; nothing was changed.", counted(n, "object")),
        ("applied", _) => {
            format!(
                "The operator is applied; `paas operator status --namespace {namespace}` tells how it does."
            )
        }
        (_, 0) => format!("The operator in {namespace} is as it should be: {pods} of {image}."),
        _ => {
            let whom = match watch.as_slice() {
                [] => "every namespace".to_owned(),
                some => some.join(", "),
            };
            format!("The operator runs in {namespace} with {pods} of {image}, for {whom}.")
        }
    };
    match app.printer.output() {
        Output::Json if state == "dryRun" => {}
        Output::Json => app.printer.line(&Line::Result(value)),
        Output::Yaml if state == "dryRun" => {}
        Output::Yaml => app.printer.value(&value),
        Output::Name => app.printer.data(&format!("{namespace}/{NAME}")),
        Output::Table | Output::Wide => app.printer.data(&what),
    }
}
