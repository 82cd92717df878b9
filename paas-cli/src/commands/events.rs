//! `paas events`.

use std::time::Duration;

use paas_core::{event::Event, render};

use crate::{
    app::App,
    args::{Events, Output},
    cluster, events,
    exit::{Exit, Failure},
    session,
    site::{self, Site},
    ui::table::table,
};

/// How often new events are looked for.
const LOOK: Duration = Duration::from_millis(200);

pub(crate) async fn run(app: &App, args: &Events) -> Result<Exit, Failure> {
    if let Site::Cluster(cluster) = site::of(app).await? {
        return cluster::events::run(app, &cluster, args).await;
    }
    let owners = session::owners(app)?;
    let mine = |e: &Event| is_of(e, &args.names);
    let mut all = events::read(&owners)?;
    let mut told = all.len();
    all.retain(mine);
    if let Some(last) = args.last {
        all.drain(..all.len().saturating_sub(last));
    }
    if all.is_empty() && !args.follow && !app.printer.for_programs() {
        silence(app, &args.names);
    }
    print(app, &all, args.follow);
    while args.follow && !app.interrupt.cancel.is_cancelled() {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = app.interrupt.cancel.cancelled() => break,
        }
        let now = events::read(&owners)?;
        // A log that was set aside or removed is shorter than before.
        let fresh: Vec<Event> = now
            .iter()
            .skip(told.min(now.len()))
            .filter(|e| mine(e))
            .cloned()
            .collect();
        told = now.len();
        print(app, &fresh, true);
    }
    Ok(if args.follow {
        Exit::Interrupted
    } else {
        Exit::Done
    })
}

/// True if an event is of one of these objects; no names mean all.
pub(crate) fn is_of(event: &Event, names: &[String]) -> bool {
    let name = event.owner.rsplit('/').next();
    names.is_empty() || name.is_some_and(|n| names.iter().any(|a| a == n))
}

/// Says that nothing has happened.
pub(crate) fn silence(app: &App, names: &[String]) {
    let what = match names {
        [] => String::new(),
        names => format!(" to {}", names.join(", ")),
    };
    app.printer.talk(&format!("Nothing has happened{what} yet."));
}

/// Prints what happened, wherever it did.
pub(crate) fn print(app: &App, events: &[Event], in_lines: bool) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Name => events.iter().for_each(|e| printer.line(e)),
        Output::Yaml if !events.is_empty() => {
            printer.value(&serde_json::to_value(events).unwrap_or_default())
        }
        Output::Yaml => {}
        Output::Table | Output::Wide if in_lines => {
            let paint = printer.paint();
            for e in events {
                printer.data(&format!(
                    "{}  {}  {}",
                    paint.dim(&format!("{:.0}", e.at)),
                    e.owner,
                    render::event(e, paint)
                ));
            }
        }
        Output::Table | Output::Wide if !events.is_empty() => printer.data(&table(
            &["AT", "OWNER", "STATE", "VERB", "KEY", "MESSAGE"],
            events.iter().map(|e| {
                let key = e.key.as_ref().map_or(e.stage.clone(), ToString::to_string);
                let message = render::clean(&e.message).replace('\n', " ");
                vec![
                    format!("{:.0}", e.at),
                    e.owner.clone(),
                    format!("{:?}", e.state),
                    e.verb.clone(),
                    key,
                    message,
                ]
            }),
        )),
        Output::Table | Output::Wide => {}
    }
}
