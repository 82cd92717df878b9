//! `paas operator uninstall`: the operator goes, and nothing of a database does.

use paas_core::{
    crd::policies,
    error::{Class, Error},
    plan::Verb,
    spec,
};
use paas_operator::install::NAME;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    Place,
    api::{Calls, DEFINITION, DEPLOYMENT, Kind, LEASE, POLICY, POLICY_BINDING, title},
    choose, connect,
    install::{absent, counted, everything, others},
    status::{self, Objects},
    tell::{Teller, interrupted},
};
use crate::{
    app::App,
    args::{OperatorUninstall, Output},
    codes::{CLI_OPERATOR_OBJECTS, CLI_OPERATOR_UNREADY},
    exit::{Exit, Failure},
    ui::{
        ask,
        progress::{Line, TICK},
    },
};

pub(super) async fn run(app: &App, args: &OperatorUninstall) -> Result<Exit, Failure> {
    let place = &Place::of(app);
    let calls = Calls(connect(place).await?);
    let namespace = &place.namespace;
    let options = choose::installed(&calls, namespace)
        .await?
        .and_then(|i| i.options);
    let watch = options.map(|o| o.watch).unwrap_or_default();
    let ours = everything(&calls, namespace, &watch).await?;
    let objects = status::objects(&calls, if args.crds { &[] } else { &watch }).await?;
    let shared = if args.crds {
        shared(&calls, &objects, namespace).await?
    } else {
        Vec::new()
    };
    if ours.is_empty() && shared.is_empty() {
        return Err(absent("uninstall", place).into());
    }
    agree(app, args, &objects)?;
    let teller = Teller::new(app, namespace);
    let until = Instant::now() + args.timeout;
    let work = async {
        for object in &ours {
            calls.delete(object).await?;
            // The leader ends its calls and lets go of the lease before its rights go.
            if object["kind"] == DEPLOYMENT.kind {
                let why = "its pods finish the calls under way and let go of the lease";
                gone(app, &calls, (DEPLOYMENT, object), why, &teller, until).await?;
            }
            teller.done(Verb::Delete, object);
        }
        if let Some(mut lease) = calls.get(LEASE, namespace, NAME).await? {
            lease["kind"] = LEASE.kind.into();
            calls.delete(&lease).await?;
            teller.done(Verb::Delete, &lease);
        }
        for object in &shared {
            if object["kind"] == DEFINITION.kind {
                consent(&calls, object).await?;
            }
            calls.delete(object).await?;
            teller.done(Verb::Delete, object);
        }
        for object in shared.iter().filter(|o| o["kind"] == DEFINITION.kind) {
            let why = "the cluster lets go of the kind";
            gone(app, &calls, (DEFINITION, object), why, &teller, until).await?;
        }
        Ok(())
    };
    teller.during(app, work).await?;
    tell(app, namespace, &objects, !shared.is_empty());
    Ok(Exit::Done)
}

/// What every installation shares, if it may go.
///
/// # Errors
/// [`CLI_OPERATOR_OBJECTS`] while there is an object of ours or another installation.
async fn shared(calls: &Calls, objects: &[Objects], namespace: &str) -> Result<Vec<Value>, Error> {
    let refused = |words: String| {
        Err(Error::new(&CLI_OPERATOR_OBJECTS, Class::Blocked)
            .attempted("delete the definitions of our kinds")
            .happened(words))
    };
    if let Some(kind) = objects.iter().find(|o| o.total > 0) {
        return refused(format!(
            "there are still {} of the kind {}",
            counted(kind.total, "object"),
            kind.kind
        ));
    }
    let others = others(calls).await?;
    let other = |o: &&Value| o["metadata"]["namespace"] != namespace;
    if let Some(other) = others.iter().find(other) {
        return refused(format!("{} uses them", title(other)));
    }
    let mut all = Vec::new();
    for policy in policies::all() {
        for kind in [POLICY_BINDING, POLICY] {
            all.extend(calls.get(kind, "", policy.name()).await?);
        }
    }
    for kind in spec::Kind::ALL {
        let name = format!("{}.{}", kind.plural(), spec::GROUP);
        all.extend(calls.get(DEFINITION, "", &name).await?);
    }
    Ok(all)
}

/// The word for which the cluster lets a definition go: a policy that was deleted just now still holds for a moment.
async fn consent(calls: &Calls, definition: &Value) -> Result<(), Error> {
    let metadata = &definition["metadata"];
    let text = |field: &str| metadata[field].as_str().unwrap_or_default();
    calls
        .annotate(DEFINITION, text("name"), (policies::CONSENT, text("uid")))
        .await
}

fn agree(app: &App, args: &OperatorUninstall, objects: &[Objects]) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    let namespace = &Place::of(app).namespace;
    let count = databases(objects);
    let what = format!("uninstall the operator in {namespace}");
    if !ask::possible(app.global.no_input) {
        return Err(ask::nobody(&what)
            .happened(format!(
                "nothing was changed: {} would have nobody to look after them, and there is nobody to ask",
                counted(count, "database")
            ))
            .remedy("run the same command with --yes")
            .into());
    }
    let question = format!(
        "{} will run on, and nobody looks after them. Uninstall the operator in {namespace}?",
        counted(count, "database")
    );
    Ok(ask::agree(&app.printer, &app.interrupt, &question)?)
}

fn databases(objects: &[Objects]) -> usize {
    let database = spec::Kind::DatabaseInstance.as_str();
    let ours = objects.iter().filter(|o| o.kind == database);
    ours.map(|o| o.total).sum()
}

/// Waits until an object that was deleted is not there any more.
async fn gone(
    app: &App,
    calls: &Calls,
    (kind, object): (Kind, &Value),
    why: &str,
    teller: &Teller,
    until: Instant,
) -> Result<(), Error> {
    let metadata = &object["metadata"];
    let text = |field: &str| metadata[field].as_str().unwrap_or_default();
    let key = title(object);
    while calls.get(kind, text("namespace"), text("name")).await?.is_some() {
        if app.interrupt.cancel.is_cancelled() {
            return Err(interrupted());
        }
        if Instant::now() >= until {
            return Err(Error::new(&CLI_OPERATOR_UNREADY, Class::TimedOut)
                .attempted(format!("wait for the end of {key}"))
                .happened(why));
        }
        teller.waits(&key, why);
        sleep(TICK * 5).await;
    }
    Ok(())
}

fn tell(app: &App, namespace: &str, objects: &[Objects], definitions: bool) {
    let count = databases(objects);
    let named = counted(count, "database");
    let value = json!({ "namespace": namespace, "databases": count, "definitions": definitions, "state": "uninstalled" });
    let mut words =
        format!("The operator in {namespace} is gone. The namespace stays, with whatever else is in it.");
    if definitions {
        words += "\nOur definitions and policies are gone too.";
    } else if count > 0 {
        words += &format!(
            "\nStill running, with data, users and bindings: {named}. What the objects say is not carried out any more:\n  \
             an object that is changed waits, and one that is deleted stays until an operator is there again, while its database runs on.\n\
             `paas operator install` takes all of them up as they are."
        );
    } else {
        words += "\nOur definitions and policies stay; `paas operator uninstall --crds` deletes them too.";
    }
    match app.printer.output() {
        Output::Json => app.printer.line(&Line::Result(value)),
        Output::Yaml => app.printer.value(&value),
        Output::Name => app.printer.data(&format!("{namespace}/{NAME}")),
        Output::Table | Output::Wide => app.printer.data(&words),
    }
}
