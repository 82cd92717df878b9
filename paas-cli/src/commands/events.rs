//! `paas events`.

use std::time::Duration;

use paas_core::{event::Event, render};

use crate::{
    app::App,
    args::{Events, Output},
    events,
    exit::{Exit, Failure},
    session,
    ui::table::table,
};

/// How often new events are looked for.
const LOOK: Duration = Duration::from_millis(200);

pub(crate) async fn run(app: &App, args: &Events) -> Result<Exit, Failure> {
    let owners = session::owners(app)?;
    let mine = |e: &Event| {
        args.names.is_empty()
            || e.owner
                .rsplit('/')
                .next()
                .is_some_and(|n| args.names.iter().any(|a| a == n))
    };
    let mut all = events::read(&owners)?;
    let mut told = all.len();
    all.retain(mine);
    if let Some(last) = args.last {
        all.drain(..all.len().saturating_sub(last));
    }
    if all.is_empty() && !args.follow && !app.printer.for_programs() {
        let what = match args.names.as_slice() {
            [] => String::new(),
            names => format!(" to {}", names.join(", ")),
        };
        app.printer.talk(&format!("Nothing has happened{what} yet."));
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

fn print(app: &App, events: &[Event], in_lines: bool) {
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
