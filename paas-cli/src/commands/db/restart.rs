//! `paas db restart`.

use std::time::Duration;

use paas_core::{
    error::{Class, Error},
    local::restart::Restarted,
};

use crate::{
    app::App,
    args::{DbRestart, Output},
    cluster,
    codes::CLI_NO_OBJECT,
    exit::{Exit, Failure},
    session::Session,
    site::{self, Site},
    ui::{
        ask,
        progress::{Line, TICK},
    },
};

pub(crate) async fn run(app: &App, args: &DbRestart) -> Result<Exit, Failure> {
    if let Site::Cluster(cluster) = site::of(app).await? {
        return cluster::requests::restart(app, &cluster, args).await;
    }
    let session = Session::open(app)?;
    let target = super::named(&session, &args.name)?;
    let attempt = format!("restart {}", target.owner);
    let Some(instance) = target.instance() else {
        return Err(Error::new(&CLI_NO_OBJECT, Class::NotFound)
            .attempted(attempt)
            .into());
    };
    if !args.yes && instance.running()?.is_some() {
        if !ask::possible(app.global.no_input) {
            return Err(ask::nobody(&attempt)
                .happened("nothing was changed: clients are cut off for a moment, and nobody to ask")
                .remedy("run the same command with --yes")
                .into());
        }
        let question = format!("Clients of {} are cut off for a moment. Restart?", args.name);
        ask::agree(&app.printer, &app.interrupt, &question)?;
    }
    session.progress.named(&target.owner.to_string());
    let instance = instance.clone().doing("paas db restart").patience(args.timeout);
    let waiting = session.waiting(&target.owner);
    let moving = async {
        loop {
            tokio::time::sleep(TICK).await;
            session.progress.tick();
        }
    };
    let done = tokio::select! {
        done = instance.restart(&waiting) => done,
        never = moving => never,
    };
    session.progress.clear();
    tell(app, &args.name, &done?);
    Ok(Exit::Done)
}

fn tell(app: &App, name: &str, done: &Restarted) {
    let printer = &app.printer;
    let value = serde_json::json!({
        "name": name, "wasRunning": done.away.is_some(), "awaySeconds": done.away.map(|t| t.as_secs_f64()),
        "from": done.from, "to": done.to,
    });
    match printer.output() {
        Output::Json => printer.line(&Line::Result(value)),
        Output::Yaml => printer.value(&value),
        Output::Name => printer.data(name),
        Output::Table | Output::Wide => {
            let version = match &done.from {
                Some(from) if *from != done.to => format!("PostgreSQL {} instead of {from}", done.to),
                _ => format!("PostgreSQL {}", done.to),
            };
            printer.data(&match done.away {
                Some(away) => format!(
                    "{name} was restarted with {version}; it was away for {}.",
                    in_words(away)
                ),
                None => format!("{name} was stopped, and is started with {version}."),
            });
        }
    }
}

fn in_words(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}
