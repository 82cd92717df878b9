//! `paas db top`.

mod screen;
mod view;

use std::{
    io::{IsTerminal, stdin, stdout},
    time::Duration,
};

use paas_core::{
    database::{
        activity::{Activity, PAUSE, Watch},
        codes::PG_CONNECT,
    },
    error::{Class, Error, ErrorView},
    local::instance::LocalInstance,
    render,
};

use crate::{
    app::App,
    args::{DbTop, Output},
    codes::{CLI_NO_OBJECT, CLI_NOT_RUNNING},
    exit::{Exit, Failure},
    session::Session,
};

use screen::Screen;

/// How often it is shown anew.
const AGAIN: Duration = Duration::from_secs(2);

pub(crate) async fn run(app: &App, args: &DbTop) -> Result<Exit, Failure> {
    let _mode = app.interrupt.watching();
    let session = Session::open(app)?;
    let target = super::named(&session, &args.name)?;
    let attempt = format!("look at {}", target.owner);
    let Some(instance) = target.instance() else {
        return Err(Error::new(&CLI_NO_OBJECT, Class::NotFound)
            .attempted(attempt)
            .into());
    };
    if instance.running()?.is_none() {
        return Err(Error::new(&CLI_NOT_RUNNING, Class::Conflict)
            .attempted(attempt)
            .happened("its server does not run")
            .into());
    }
    let people = matches!(app.printer.output(), Output::Table | Output::Wide);
    if people && !args.once && stdout().is_terminal() && stdin().is_terminal() {
        return live(app, &args.name, instance).await;
    }
    let mut watch = watch(instance).await?;
    watch.look().await?;
    // Only a second look knows how many a second.
    tokio::select! {
        () = tokio::time::sleep(PAUSE) => {}
        () = app.interrupt.cancel.cancelled() => return Ok(Exit::Interrupted),
    }
    once(app, &args.name, &watch.look().await?);
    Ok(Exit::Done)
}

fn once(app: &App, name: &str, seen: &Activity) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => {
            let mut value = serde_json::json!({ "name": name });
            if let (Some(to), Ok(serde_json::Value::Object(seen))) =
                (value.as_object_mut(), serde_json::to_value(seen))
            {
                to.extend(seen);
            }
            printer.value(&value);
        }
        Output::Name => {
            let pids: Vec<String> = seen.running.iter().map(|r| r.pid.to_string()).collect();
            printer.data(&pids.join("\n"));
        }
        Output::Table | Output::Wide => {
            let width = if stdout().is_terminal() {
                screen::size().0
            } else {
                usize::MAX
            };
            let lines = view::lines(name, seen);
            let text: Vec<String> = lines.iter().map(|l| l.paint(width, printer.paint())).collect();
            printer.data(&text.join("\n"));
        }
    }
}

async fn watch(instance: &LocalInstance) -> Result<Watch, Error> {
    Watch::open(instance.admin("postgres").await?).await
}

/// Shows it anew until a person has seen enough. A server that goes away meanwhile may come back.
async fn live(app: &App, name: &str, instance: &LocalInstance) -> Result<Exit, Failure> {
    let mut open = Some(watch(instance).await?);
    let mut screen = Screen::open()?;
    let paint = app.printer.paint();
    loop {
        let looked = match &mut open {
            Some(watch) => watch.look().await,
            None => match watch(instance).await {
                Ok(mut fresh) => {
                    let looked = fresh.look().await;
                    open = Some(fresh);
                    looked
                }
                Err(e) => Err(e),
            },
        };
        match looked {
            Ok(seen) => screen.draw(&view::lines(name, &seen), paint),
            Err(e) => {
                open = None;
                let told = if e.code() == &PG_CONNECT {
                    format!("{name} does not answer now; waiting for it.")
                } else {
                    render::error(&ErrorView::from(&e), render::Paint::Plain)
                };
                screen.draw(&view::told(&told), paint);
            }
        }
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + AGAIN, AGAIN);
        tokio::select! {
            _ = ticks.tick() => {}
            () = screen.quit() => return Ok(Exit::Done),
            () = app.interrupt.cancel.cancelled() => return Ok(Exit::Interrupted),
        }
    }
}
