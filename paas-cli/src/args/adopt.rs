//! `paas adopt`.

use std::time::Duration;

use clap::Args;

use super::{Act, Calls, Files, duration};

const EXAMPLES: &str = "\
Examples:
  paas adopt demo network corp                  by its name, or by its id
  paas adopt demo server/workers-1 web-7 --yes  with its port
  paas adopt demo network --release             give it back, as it is

Only a mark is written: name, addresses and rules stay. A platform of a file is kept in mind, as by
`paas up`, so that the file is not needed to give things back. What differs from the spec is shown
before you agree, and the next `paas up` brings it back or reports it, as spec.driftPolicy says.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Adopt {
    /// The platform that takes it over
    pub(crate) platform: String,
    /// What it becomes there: network, subnet, router, server/workers-1; `paas plan` shows the keys
    pub(crate) key: String,
    /// Name or id of what is there
    #[arg(required_unless_present = "release", conflicts_with = "release")]
    pub(crate) thing: Option<String>,
    /// Take the mark away again, and nothing else
    #[arg(long)]
    pub(crate) release: bool,
    #[command(flatten)]
    pub(crate) files: Files,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// How long to wait for another program at work on the platform
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) calls: Calls,
}

impl Adopt {
    /// Consent and patience, as other commands have them.
    pub(crate) fn act(&self) -> Act {
        Act {
            yes: self.yes,
            confirm: Vec::new(),
            timeout: self.timeout,
            wait: true,
        }
    }
}
