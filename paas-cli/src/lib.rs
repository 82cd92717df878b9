//! The `paas` command: arguments in, text and an exit code out. Everything that decides lies in `paas-core`.
//!
//! Data goes to stdout, talk and progress to stderr. A command that only prints starts no runtime and reads nothing it need not.

mod app;
mod args;
mod cloud;
mod cluster;
pub mod codes;
mod commands;
mod events;
pub mod exit;
mod input;
mod interrupt;
mod meant;
mod objects;
mod plugin;
mod reconcile;
mod session;
mod site;
mod sql;
mod ssh_key;
mod trace;
mod ui;

use std::{ffi::OsString, process::ExitCode};

use clap::CommandFactory;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os()) as u8)
}

fn run(words: impl Iterator<Item = OsString>) -> exit::Exit {
    let mut words: Vec<OsString> = words.collect();
    if plugin::completes(&words) {
        let printer = ui::printer::Printer::new(args::Output::Table, false);
        printer.data(&plugin::completions(args::Cli::command(), &words));
        return exit::Exit::Done;
    }
    let plugin = plugin::is(&words);
    if plugin {
        words = plugin::words(words);
    }
    match args::Cli::read(&words, plugin) {
        Ok(mut cli) => {
            if plugin && cli.command.in_cluster() {
                cli.global.cluster.cluster = true;
            }
            let app = app::App::new(cli.global, plugin);
            match commands::run(&app, cli.command) {
                Ok(exit::Exit::Done) if app.printer.lost_data() || app.printer.complained() => {
                    exit::Exit::Failed
                }
                Ok(exit) => exit,
                Err(failure) => {
                    ui::failure::print(&app.printer, &failure);
                    failure.exit()
                }
            }
        }
        Err(error) => ui::usage::report(&error, &words),
    }
}
