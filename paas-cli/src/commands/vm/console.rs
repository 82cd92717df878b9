//! `paas vm console`.

use std::{
    io::{IsTerminal, stdout},
    time::Duration,
};

use paas_core::error::{Class, Error};
use paas_openstack::{compute::ConsoleKind, vm};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::{
    app::App,
    args::{ConsoleUrl, Output, VmConsole},
    exit::{Exit, Failure},
    session::Project,
};

/// How often new lines are looked for: each look is a call to the cloud.
const LOOK: Duration = Duration::from_secs(2);

/// Lines that are asked for while following: more than a machine writes between two looks.
const AT_LEAST: u32 = 200;

pub(crate) async fn run(app: &App, args: &VmConsole) -> Result<Exit, Failure> {
    let _mode = app.interrupt.watching();
    let project = super::enter(app, &args.at).await?;
    let owner = super::owner(&project, &args.name)?;
    let Some(machine) = vm::show(&project.client, &owner, 0).await? else {
        return Err(super::unknown(&project, &args.name).await.into());
    };
    if let Some(kind) = args.url {
        return url(app, &project, &machine.id, kind).await;
    }
    let servers = project.client.compute().servers();
    let mut before = String::new();
    let mut lines = args.lines;
    loop {
        let said = tokio::select! {
            said = servers.console_output(&machine.id, lines) => said,
            () = app.interrupt.cancel.cancelled() => return Ok(Exit::Interrupted),
        };
        match said {
            Ok(now) => {
                print(app, news(&before, &now), args.follow);
                before = now;
                lines = lines.max(AT_LEAST);
            }
            // While it is built it has no console yet; that is what one waits for.
            Err(e) if args.follow && matches!(e.class(), Class::NotFound | Class::Conflict) => {
                gone(&project, &owner, e).await?
            }
            Err(e) => return Err(e.into()),
        }
        if !args.follow || app.printer.nobody_reads() {
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = app.interrupt.cancel.cancelled() => return Ok(Exit::Interrupted),
        }
    }
}

/// A machine that is still there goes on being followed.
async fn gone(project: &Project, owner: &paas_core::owner::Owner, error: Error) -> Result<(), Error> {
    match vm::show(&project.client, owner, 0).await? {
        Some(_) => Ok(()),
        None => Err(error),
    }
}

async fn url(app: &App, project: &Project, id: &str, kind: ConsoleUrl) -> Result<Exit, Failure> {
    let kind = match kind {
        ConsoleUrl::Novnc => ConsoleKind::NoVnc,
        ConsoleUrl::Serial => ConsoleKind::Serial,
        ConsoleUrl::Spice => ConsoleKind::Spice,
    };
    let url = project
        .client
        .compute()
        .servers()
        .remote_console(id, kind)
        .await?;
    let url = url.expose_secret();
    match app.printer.output() {
        Output::Json | Output::Yaml => app.printer.value(&json!({ "url": url })),
        Output::Table | Output::Wide | Output::Name => app.printer.data(url),
    }
    Ok(Exit::Done)
}

fn print(app: &App, text: &str, follow: bool) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json if follow => text
            .lines()
            .for_each(|line| printer.line(&json!({ "line": line }))),
        Output::Json | Output::Yaml => printer.value(&json!({ "console": text })),
        Output::Table | Output::Wide | Output::Name if stdout().is_terminal() => {
            printer.data(&super::harmless(text));
        }
        Output::Table | Output::Wide | Output::Name => printer.data(text),
    }
}

/// What was written since the last look: whatever follows the longest end of it that is found again.
fn news<'a>(before: &str, now: &'a str) -> &'a str {
    let mut starts = std::iter::once(0).chain(before.match_indices('\n').map(|(at, _)| at + 1));
    let known = |at: usize| before.get(at..).filter(|end| !end.is_empty());
    let found = starts.find_map(|at| {
        let end = known(at)?;
        now.rfind(end).map(|place| place + end.len())
    });
    now.get(found.unwrap_or(0)..)
        .unwrap_or(now)
        .trim_start_matches('\n')
}

#[cfg(test)]
mod tests {
    use super::news;

    #[test]
    fn only_what_was_written_since_is_new() {
        assert_eq!(news("", "a\nb"), "a\nb");
        assert_eq!(news("a\nb", "a\nb"), "");
        assert_eq!(news("a\nb\n", "a\nb\nc\n"), "c\n");
        assert_eq!(news("a\nb", "b\nc\nd"), "c\nd");
        assert_eq!(news("login: ", "login: \nagain: "), "again: ");
        assert_eq!(
            news("x\ny", "p\nq"),
            "p\nq",
            "all that was known has scrolled away"
        );
    }
}
