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
    args::{DbAt, DbTop, Output},
    codes::{CLI_NO_OBJECT, CLI_NOT_RUNNING},
    exit::{Exit, Failure},
    session::Session,
    site::{self, Site},
};

use super::open::Open;
use screen::Screen;

/// How often it is shown anew.
const AGAIN: Duration = Duration::from_secs(2);

pub(crate) async fn run(app: &App, args: &DbTop) -> Result<Exit, Failure> {
    let _mode = app.interrupt.watching();
    let people = matches!(app.printer.output(), Output::Table | Output::Wide);
    let lasting = people && !args.once && stdout().is_terminal() && stdin().is_terminal();
    if let Site::Cluster(_) = site::of(app).await? {
        let at = DbAt::of(&args.name, None);
        let open = super::open::open(app, &at).await?;
        return show(app, args, lasting, &Server::At(Box::new(open))).await;
    }
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
    show(app, args, lasting, &Server::Here(instance)).await
}

/// Who is looked at.
enum Server<'a> {
    /// One of this machine, as its administrator.
    Here(&'a LocalInstance),
    /// One in a cluster, as the user of its binding, who does not see everything of others.
    At(Box<Open>),
}

async fn show(app: &App, args: &DbTop, lasting: bool, server: &Server<'_>) -> Result<Exit, Failure> {
    if lasting {
        return live(app, &args.name, server).await;
    }
    let mut watch = watch(server).await?;
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

async fn watch(server: &Server<'_>) -> Result<Watch, Error> {
    match server {
        Server::Here(instance) => Watch::open(instance.admin("postgres").await?).await,
        Server::At(open) => Watch::open(open.to.clone()).await,
    }
}

/// Shows it anew until a person has seen enough. A server that goes away meanwhile may come back.
async fn live(app: &App, name: &str, server: &Server<'_>) -> Result<Exit, Failure> {
    let mut open = Some(watch(server).await?);
    let mut screen = Screen::open()?;
    let paint = app.printer.paint();
    loop {
        let looked = match &mut open {
            Some(watch) => watch.look().await,
            None => match watch(server).await {
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
