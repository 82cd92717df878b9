//! The one place that writes: data to stdout, talk to stderr.

use std::{
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use anstream::{AutoStream, ColorChoice};
use paas_core::render::Paint;
use serde::Serialize;
use serde_json::Value;

use crate::args::Output;

/// Writes data and talk. A reader that goes away (`| head`) ends the writing, not the work.
#[derive(Debug)]
pub(crate) struct Printer {
    output: Output,
    verbose: bool,
    out_gone: AtomicBool,
    out_lost: AtomicBool,
    complained: AtomicBool,
}

impl Printer {
    pub(crate) fn new(output: Output, verbose: bool) -> Self {
        Self {
            output,
            verbose,
            out_gone: AtomicBool::new(false),
            out_lost: AtomicBool::new(false),
            complained: AtomicBool::new(false),
        }
    }

    /// How data is printed.
    pub(crate) fn output(&self) -> Output {
        self.output
    }

    /// True where more is wanted.
    pub(crate) fn verbose(&self) -> bool {
        self.verbose
    }

    /// True for formats that programs read.
    pub(crate) fn for_programs(&self) -> bool {
        matches!(self.output, Output::Json | Output::Yaml | Output::Name)
    }

    /// The paint of stdout.
    pub(crate) fn paint(&self) -> Paint {
        paint(AutoStream::choice(&io::stdout()))
    }

    /// The paint of stderr.
    pub(crate) fn talk_paint(&self) -> Paint {
        paint(AutoStream::choice(&io::stderr()))
    }

    /// True if somebody watches the talk on a terminal.
    pub(crate) fn watched() -> bool {
        io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
    }

    /// Data, as it is; a newline is added where there is none.
    pub(crate) fn data(&self, text: &str) {
        if text.is_empty() || self.out_gone.load(Ordering::Relaxed) {
            return;
        }
        let Err(e) = write(io::stdout().lock(), text) else {
            return;
        };
        self.out_gone.store(true, Ordering::Relaxed);
        if e.kind() != io::ErrorKind::BrokenPipe {
            self.out_lost.store(true, Ordering::Relaxed);
            self.talk(&format!("error: cannot write to stdout: {e}"));
        }
    }

    /// True if the reader of the data went away: there is nobody to go on for.
    pub(crate) fn nobody_reads(&self) -> bool {
        self.out_gone.load(Ordering::Relaxed)
    }

    /// True if data could not be written although nobody had gone away: a full disk.
    pub(crate) fn lost_data(&self) -> bool {
        self.out_lost.load(Ordering::Relaxed)
    }

    /// Something is wrong that does not stop the command; it fails in the end.
    pub(crate) fn complain(&self) {
        self.complained.store(true, Ordering::Relaxed);
    }

    /// True if something was wrong beside what the command did.
    pub(crate) fn complained(&self) -> bool {
        self.complained.load(Ordering::Relaxed)
    }

    /// Talk, as it is; a newline is added where there is none.
    pub(crate) fn talk(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        // Nobody can be told that nobody listens.
        let _ = write(io::stderr().lock(), text);
    }

    /// A question; the cursor stays behind it.
    pub(crate) fn ask(&self, question: &str) {
        let mut to = io::stderr().lock();
        let _ = to.write_all(question.as_bytes()).and_then(|()| to.flush());
    }

    /// One value in one line: an event, a result.
    pub(crate) fn line(&self, value: &impl Serialize) {
        self.data(&serde_json::to_string(value).unwrap_or_default());
    }

    /// One value as JSON or YAML, indented.
    pub(crate) fn value(&self, value: &Value) {
        match self.output {
            Output::Yaml => self.data(&yaml(value)),
            Output::Table | Output::Wide | Output::Json | Output::Name => {
                self.data(&serde_json::to_string_pretty(value).unwrap_or_default());
            }
        }
    }
}

/// A value as YAML.
pub(crate) fn yaml(value: &impl Serialize) -> String {
    // Only texts, numbers, lists and maps with text keys are printed: this has nothing to fail on.
    serde_saphyr::to_string(value).unwrap_or_default()
}

fn paint(choice: ColorChoice) -> Paint {
    match choice {
        ColorChoice::Never => Paint::Plain,
        ColorChoice::Auto | ColorChoice::AlwaysAnsi | ColorChoice::Always => Paint::Ansi,
    }
}

fn write(mut to: impl Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        to.write_all(b"\n")?;
    }
    to.flush()
}
