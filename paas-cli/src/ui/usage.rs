//! What clap says, and where it goes.

use std::{ffi::OsString, io::IsTerminal};

use clap::{CommandFactory, error::ErrorKind};
use paas_core::error::{Class, Error, ErrorView};

use super::printer::Printer;
use crate::{
    args::{Cli, Output},
    codes::CLI_USAGE,
    exit::Exit,
    ui::failure,
};

/// Prints help, version or what is wrong with the command line.
pub(crate) fn report(error: &clap::Error, words: &[OsString]) -> Exit {
    let json = asks_for_json(words);
    let printer = Printer::new(if json { Output::Json } else { Output::Table }, false);
    // A variable such as PAAS_HOME counts as an argument for clap; for a person nothing was said.
    let rendered = match error.kind() {
        ErrorKind::MissingSubcommand if words.len() <= 1 => Cli::command().render_help(),
        _ => error.render(),
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let color = std::io::stdout().is_terminal() && printer.paint() == paas_core::render::Paint::Ansi;
            printer.data(&if color {
                rendered.ansi().to_string()
            } else {
                rendered.to_string()
            });
            Exit::Done
        }
        _ if json => {
            let text = rendered.to_string();
            let words = text.trim().trim_start_matches("error: ");
            let first = words.split("\n\n").next().unwrap_or(words);
            let error = Error::new(&CLI_USAGE, Class::Invalid).happened(first);
            failure::json(&printer, &[ErrorView::from(&error)]);
            Exit::Usage
        }
        _ => {
            let color = printer.talk_paint() == paas_core::render::Paint::Ansi;
            printer.talk(&if color {
                rendered.ansi().to_string()
            } else {
                rendered.to_string()
            });
            Exit::Usage
        }
    }
}

/// Whether JSON was asked for by a command line that could not be read.
fn asks_for_json(words: &[OsString]) -> bool {
    let text: Vec<&str> = words.iter().filter_map(|w| w.to_str()).collect();
    text.iter()
        .any(|w| matches!(*w, "-ojson" | "-o=json" | "--output=json"))
        || text.windows(2).any(|w| matches!(w, ["-o" | "--output", "json"]))
}
