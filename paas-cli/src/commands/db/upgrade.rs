//! `paas db upgrade`.

use paas_core::{
    error::{Class, Error},
    local::{
        disk::human,
        instance::LocalInstance,
        upgrade::{Preflight, Upgraded},
    },
    spec::{Document, EngineVersion},
};

use crate::{
    app::App,
    args::{DbUpgrade, Output},
    codes::CLI_NO_OBJECT,
    exit::{Exit, Failure},
    session::{Session, Target},
    ui::{ask, progress::Line},
};

pub(crate) async fn run(app: &App, args: &DbUpgrade) -> Result<Exit, Failure> {
    let session = Session::open(app)?;
    let target = super::named(&session, &args.name)?;
    let Some(instance) = target.instance() else {
        return Err(Error::new(&CLI_NO_OBJECT, Class::NotFound)
            .attempted(format!("upgrade {}", args.name))
            .into());
    };
    let instance = instance
        .clone()
        .doing("paas db upgrade")
        .patience(args.act.timeout);
    session.progress.named(&target.owner.to_string());
    if args.back {
        return back(app, &session, &target, &instance, args).await;
    }
    if args.forget_old {
        return forget(app, &session, &instance, args).await;
    }
    match &args.to {
        Some(to) if args.check => check(app, &instance, to).await,
        Some(to) => forward(app, &session, &target, &instance, to, args).await,
        // clap lets nothing else through.
        None => Ok(Exit::Usage),
    }
}

async fn check(app: &App, instance: &LocalInstance, to: &EngineVersion) -> Result<Exit, Failure> {
    let checked = instance.check_upgrade(to).await?;
    match app.printer.output() {
        Output::Json | Output::Yaml => app.printer.value(&json(&checked)),
        Output::Name | Output::Table | Output::Wide => app.printer.data(&told(&checked)),
    }
    Ok(if checked.is_clear() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn told(checked: &Preflight) -> String {
    let how = checked.way.map_or(String::new(), |way| format!(" by {way}"));
    let mut lines = vec![format!(
        "from PostgreSQL {} to {}{how}, {} of data",
        checked.from,
        checked.to,
        human(checked.bytes)
    )];
    for finding in &checked.findings {
        let sign = if finding.blocks() { "✗" } else { "·" };
        lines.push(format!("  {sign} {finding}"));
    }
    if checked.is_clear() {
        lines.push("Nothing stands in the way.".to_owned());
    }
    lines.join("\n")
}

async fn forward(
    app: &App,
    session: &Session,
    target: &Target,
    instance: &LocalInstance,
    to: &EngineVersion,
    args: &DbUpgrade,
) -> Result<Exit, Failure> {
    if !args.act.yes {
        let checked = instance.check_upgrade(to).await?;
        app.printer.talk(&told(&checked));
        checked.require()?;
        if !ask::possible(app.global.no_input) {
            let error = ask::nobody(&format!("upgrade {}", args.name))
                .happened(
                    "nothing was changed: clients are cut off while the data is copied, and nobody to ask",
                )
                .remedy(format!(
                    "look with `paas db upgrade {} --to {to} --check`, then add --yes",
                    args.name
                ));
            return Err(error.into());
        }
        let question = "Clients are cut off while the data is copied. Upgrade?";
        ask::agree(&app.printer, &app.interrupt, question)?;
    }
    let done = instance.upgrade(to).await;
    session.progress.clear();
    let done = done?;
    declare(session, target, &done)?;
    let kept = instance.previous()?;
    tell(app, &done, &|| {
        let compared = done.tables.map_or(String::new(), |n| {
            let tables = if n == 1 { "table was" } else { "tables were" };
            format!(" {n} {tables} compared row by row: all equal.")
        });
        let kept = kept.as_ref().map_or(String::new(), |k| {
            format!(
                "\nThe data of PostgreSQL {} is kept, {}:\n  paas db upgrade {name} --back --confirm {name}        back to it; what is written from now on is lost then\n  paas db upgrade {name} --forget-old --confirm {name}  give it up",
                k.major,
                human(k.bytes),
                name = args.name
            )
        });
        let file = done.declare.as_ref().map_or(String::new(), |version| {
            format!("\nIf a file declares it, write `version: {version}` there too.")
        });
        format!(
            "{} runs with PostgreSQL {}.{compared}{file}{kept}",
            args.name, done.to
        )
    });
    Ok(Exit::Done)
}

async fn back(
    app: &App,
    session: &Session,
    target: &Target,
    instance: &LocalInstance,
    args: &DbUpgrade,
) -> Result<Exit, Failure> {
    let loss = format!(
        "What was written to {} since the upgrade is lost for good.",
        args.name
    );
    confirm(app, args, "go back to the data from before the upgrade", &loss)?;
    let done = instance.upgrade_back(&args.name).await;
    session.progress.clear();
    let done = done?;
    declare(session, target, &done)?;
    tell(app, &done, &|| {
        format!(
            "{} runs with PostgreSQL {} and the data from before the upgrade.",
            args.name, done.to
        )
    });
    Ok(Exit::Done)
}

async fn forget(
    app: &App,
    session: &Session,
    instance: &LocalInstance,
    args: &DbUpgrade,
) -> Result<Exit, Failure> {
    let loss = format!("There is no way back for {} then.", args.name);
    confirm(app, args, "delete the data from before the upgrade", &loss)?;
    let gone = instance.forget_previous(&args.name).await;
    session.progress.clear();
    let gone = gone?;
    match app.printer.output() {
        Output::Json | Output::Yaml => app.printer.value(&json(&gone)),
        Output::Name => app.printer.data(&args.name),
        Output::Table | Output::Wide => app.printer.data(&format!(
            "The data of PostgreSQL {} is deleted, {}.",
            gone.major,
            human(gone.bytes)
        )),
    }
    Ok(Exit::Done)
}

/// Data goes with its name only: by flag, or typed.
fn confirm(app: &App, args: &DbUpgrade, what: &str, loss: &str) -> Result<(), Error> {
    if args.act.confirm.contains(&args.name) {
        return Ok(());
    }
    if !ask::possible(app.global.no_input) {
        return Err(ask::nobody(what)
            .happened(format!("nothing was changed. {loss}"))
            .remedy(format!("add --confirm {} if that is meant", args.name)));
    }
    let question = app
        .printer
        .talk_paint()
        .bad(&format!("{loss} Type {} to agree:", args.name));
    ask::type_name(&app.printer, &app.interrupt, &question, &args.name)
}

/// The accepted object says what the data is, so that the next `up` agrees. One that declares no version goes on so.
fn declare(session: &Session, target: &Target, done: &Upgraded) -> Result<(), Error> {
    let Some(mut document) = target.document.clone() else {
        return Ok(());
    };
    if let Document::DatabaseInstance(object) = &mut document {
        object.spec.engine.version.clone_from(&done.declare);
    }
    session.objects().keep(&document)
}

fn json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn tell(app: &App, done: &Upgraded, text: &dyn Fn() -> String) {
    match app.printer.output() {
        // Lines of progress came before it.
        Output::Json => app.printer.line(&Line::Result(json(done))),
        Output::Yaml => app.printer.value(&json(done)),
        Output::Name => app.printer.data(&done.to.to_string()),
        Output::Table | Output::Wide => app.printer.data(&text()),
    }
}
