//! `paas db sql`.

use std::io::{IsTerminal, Read};

use paas_core::error::{Class, Error};

use crate::{
    app::App,
    args::{DbSql, Output},
    codes::CLI_NO_SQL,
    exit::{Exit, Failure},
    sql::{Answer, Prompt},
    ui::{printer::Printer, table::table},
};

pub(crate) async fn run(app: &App, args: &DbSql) -> Result<Exit, Failure> {
    let texts = if args.command.is_empty() {
        vec![stdin()?]
    } else {
        args.command.clone()
    };
    let open = super::open::open(app, &args.at).await?;
    let mut prompt = Prompt::open(&open.to).await?;
    let mut answers = Vec::new();
    let mut failed = None;
    for text in &texts {
        let asked = answer(app, &prompt, text).await;
        notices(&app.printer, &mut prompt);
        match asked {
            Ok(more) => answers.extend(more),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    // What came before a failure was done and is told.
    if failed.is_none() || !answers.is_empty() {
        print(&app.printer, &answers);
    }
    match failed {
        None => Ok(Exit::Done),
        Some(error) => Err(error.into()),
    }
}

/// Asks the server; Ctrl-C stops the statement there too.
async fn answer(app: &App, prompt: &Prompt, text: &str) -> Result<Vec<Answer>, Error> {
    tokio::select! {
        answers = prompt.ask(text) => answers,
        () = app.interrupt.cancel.cancelled() => {
            prompt.cancel().await;
            Err(Error::new(&paas_core::codes::CORE_CANCELLED, Class::Cancelled).attempted("run SQL"))
        }
    }
}

fn stdin() -> Result<String, Error> {
    let refused = |why: &str| {
        Error::new(&CLI_NO_SQL, Class::Invalid)
            .attempted("read SQL")
            .happened(why.to_owned())
    };
    let mut text = String::new();
    if std::io::stdin().is_terminal() {
        return Err(refused("-c is missing, and stdin is a terminal"));
    }
    std::io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|e| refused(&e.to_string()))?;
    if text.trim().is_empty() {
        return Err(refused("stdin is empty"));
    }
    Ok(text)
}

/// Prints what the server said by the way.
pub(super) fn notices(printer: &Printer, prompt: &mut Prompt) {
    for notice in prompt.notices() {
        printer.talk(&printer.talk_paint().dim(&paas_core::render::clean(&notice)));
    }
}

/// Prints what statements gave: rows on stdout, how many rows a command touched on stderr.
pub(super) fn print(printer: &Printer, answers: &[Answer]) {
    match printer.output() {
        Output::Json | Output::Yaml => {
            let values: Vec<_> = answers.iter().map(Answer::to_json).collect();
            printer.value(&serde_json::json!({ "statements": values }));
        }
        Output::Name => {
            for row in answers.iter().flat_map(|a| &a.rows) {
                let cells: Vec<&str> = row.iter().map(|c| c.as_deref().unwrap_or_default()).collect();
                printer.data(&cells.join("\t"));
            }
        }
        Output::Table | Output::Wide => {
            for answer in answers {
                if answer.columns.is_empty() {
                    let touched = match answer.count {
                        0 => "done, no rows".to_owned(),
                        1 => "1 row".to_owned(),
                        many => format!("{many} rows"),
                    };
                    printer.talk(&printer.talk_paint().dim(&touched));
                    continue;
                }
                let head: Vec<&str> = answer.columns.iter().map(String::as_str).collect();
                let rows = answer.rows.iter().map(|r| {
                    r.iter()
                        .map(|c| {
                            c.clone()
                                .map_or("NULL".to_owned(), |t| paas_core::render::clean(&t))
                        })
                        .collect()
                });
                printer.data(&table(&head, rows));
            }
        }
    }
}
