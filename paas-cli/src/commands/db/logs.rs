//! `paas db logs`.

use std::{
    io::{IsTerminal, stdout},
    time::Duration,
};

use paas_core::{
    error::{Class, Error},
    local::log::{Entry, Log},
    render::Paint,
};

use crate::{
    app::App,
    args::{DbLogs, Output},
    cluster,
    codes::{CLI_NO_LOG, CLI_NO_OBJECT},
    exit::{Exit, Failure},
    session::Session,
    site::{self, Site},
};

/// How often new messages are looked for.
const LOOK: Duration = Duration::from_millis(200);

pub(crate) async fn run(app: &App, args: &DbLogs) -> Result<Exit, Failure> {
    let _mode = app.interrupt.watching();
    if let Site::Cluster(at) = site::of(app).await? {
        return cluster::logs(app, &at, args).await;
    }
    let session = Session::open(app)?;
    let target = super::named(&session, &args.name)?;
    let attempt = format!("show the log of {}", target.owner);
    let Some(instance) = target.instance() else {
        return Err(Error::new(&CLI_NO_OBJECT, Class::NotFound)
            .attempted(attempt)
            .into());
    };
    let log = Log::of(instance);
    let Some(mut tail) = log.open(args.last)? else {
        return Err(Error::new(&CLI_NO_LOG, Class::NotFound)
            .attempted(attempt)
            .happened(format!("there is no {}", log.path().display()))
            .into());
    };
    loop {
        let entries = tail.more()?;
        if app.interrupt.cancel.is_cancelled() {
            return Ok(Exit::Interrupted);
        }
        if !entries.is_empty() {
            print(app, &entries);
        } else if args.follow {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = app.interrupt.cancel.cancelled() => {}
            }
        } else {
            print(app, &tail.rest());
            return Ok(Exit::Done);
        }
        if app.printer.nobody_reads() {
            return Ok(Exit::Done);
        }
    }
}

fn print(app: &App, entries: &[Entry]) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json => entries.iter().for_each(|e| printer.line(e)),
        // Lists one after the other are one list.
        Output::Yaml if entries.is_empty() => {}
        Output::Yaml => printer.value(&serde_json::to_value(entries).unwrap_or_default()),
        Output::Table | Output::Wide | Output::Name => {
            let paint = printer.paint();
            let terminal = stdout().is_terminal();
            for entry in entries {
                printer.data(&shown(entry, paint, terminal));
            }
        }
    }
}

/// A message as people read it.
pub(crate) fn shown(entry: &Entry, paint: Paint, terminal: bool) -> String {
    let text = entry.to_string();
    let text = if terminal { harmless(&text) } else { text };
    match entry.level.as_deref() {
        Some("ERROR" | "FATAL" | "PANIC") => paint.bad(&text),
        Some("WARNING") => paint.change(&text),
        Some("DETAIL" | "HINT" | "CONTEXT" | "STATEMENT" | "QUERY" | "LOCATION") => paint.dim(&text),
        _ => text,
    }
}

/// What clients sent stands in the log, and could command a terminal.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' && c != '\t' {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_statement_commands_the_terminal() {
        assert_eq!(super::harmless("a\u{1b}[2J\n\tb"), "a\\u{1b}[2J\n\tb");
    }
}
