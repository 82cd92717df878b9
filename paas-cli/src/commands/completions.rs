//! `paas completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{app::App, args::Cli, exit::Exit};

pub(crate) fn run(app: &App, shell: Shell) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "paas", &mut script);
    app.printer.data(&String::from_utf8_lossy(&script));
    Exit::Done
}
