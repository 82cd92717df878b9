//! `paas db logs` in a cluster.

use std::{
    collections::BTreeSet,
    io::{IsTerminal, stdout},
};

use paas_core::{
    error::{Class, Error},
    kube::logs::{Line, PodLogs},
};

use super::{Cluster, Database};
use crate::{
    app::App,
    args::{DbLogs, Output},
    codes::CLI_NO_LOG,
    commands::db::logs::shown,
    exit::{Exit, Failure},
};

/// Shows what the servers' pods said, and goes on where that is asked for.
pub(crate) async fn logs(app: &App, cluster: &Cluster, args: &DbLogs) -> Result<Exit, Failure> {
    let database = Database::find(cluster, &args.name).await?;
    let none = |why: String| {
        Error::new(&CLI_NO_LOG, Class::NotFound)
            .attempted(format!("show the log of {}", args.name))
            .happened(why)
            .remedy("see with `paas status` what it waits for; a database that rests has no pods, and the log went with them")
    };
    let pods = database.pods();
    if pods.is_empty() {
        return Err(none(database.words()).into());
    }
    let logs = PodLogs::new(cluster.client.clone(), &cluster.namespace, pods).all(args.all);
    let history = logs.history(args.last).await?;
    if history.pods == 0 && !args.follow {
        return Err(none(format!("there is no pod with the labels {pods}")).into());
    }
    let mut seen = BTreeSet::new();
    print(app, &mut seen, &history.lines);
    if !args.follow {
        return Ok(Exit::Done);
    }
    let mut following = logs.follow(history);
    loop {
        let next = tokio::select! {
            next = following.next() => next?,
            () = app.interrupt.cancel.cancelled() => return Ok(Exit::Interrupted),
        };
        match next {
            Some(line) => print(app, &mut seen, &[line]),
            None => return Ok(Exit::Done),
        }
        if app.printer.nobody_reads() {
            return Ok(Exit::Done);
        }
    }
}

/// As on this machine; where several pods speak, each line says which.
fn print(app: &App, seen: &mut BTreeSet<String>, lines: &[Line]) {
    let printer = &app.printer;
    seen.extend(lines.iter().map(|l| l.pod.clone()));
    match printer.output() {
        Output::Json => lines.iter().for_each(|l| printer.line(l)),
        // Lists one after the other are one list.
        Output::Yaml if lines.is_empty() => {}
        Output::Yaml => printer.value(&serde_json::to_value(lines).unwrap_or_default()),
        Output::Table | Output::Wide | Output::Name => {
            let terminal = stdout().is_terminal();
            for line in lines {
                let text = shown(&line.entry, printer.paint(), terminal);
                match seen.len() {
                    1 => printer.data(&text),
                    _ => printer.data(&format!("{}: {text}", line.pod)),
                }
            }
        }
    }
}
