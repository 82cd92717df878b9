//! Plans, outcomes, errors and events as text for people, plain or colored: the same words in the command line and in the operator.

mod findings;
mod later;
mod plan;

use anstyle::{AnsiColor, Style};

use crate::{
    error::ErrorView,
    event::{Event, State},
    pipeline::{Obstruction, Outcome},
    plan::Verb,
};

pub use plan::{Counts, Detail, plan, summary};

/// Whether text carries ANSI colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paint {
    /// Text alone.
    #[default]
    Plain,
    /// With ANSI escapes.
    Ansi,
}

impl Paint {
    /// Something good: made, ready.
    pub fn good(self, text: &str) -> String {
        self.in_style(AnsiColor::Green.on_default(), text)
    }

    /// Something that changes or is waited for.
    pub fn change(self, text: &str) -> String {
        self.in_style(AnsiColor::Yellow.on_default(), text)
    }

    /// Something bad, or gone.
    pub fn bad(self, text: &str) -> String {
        self.in_style(AnsiColor::Red.on_default(), text)
    }

    /// Something that is both: replaced.
    pub fn replace(self, text: &str) -> String {
        self.in_style(AnsiColor::Magenta.on_default(), text)
    }

    /// A name to find again: a command, a place.
    pub fn name(self, text: &str) -> String {
        self.in_style(AnsiColor::Cyan.on_default(), text)
    }

    /// A heading.
    pub fn strong(self, text: &str) -> String {
        self.in_style(Style::new().bold(), text)
    }

    /// Something by the way.
    pub fn dim(self, text: &str) -> String {
        self.in_style(Style::new().dimmed(), text)
    }

    fn in_style(self, style: Style, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Ansi if text.is_empty() => String::new(),
            Self::Ansi => format!("{style}{text}{style:#}"),
        }
    }

    fn verb(self, verb: Verb, text: &str) -> String {
        match verb {
            Verb::Create => self.good(text),
            Verb::Update => self.change(text),
            Verb::Replace => self.replace(text),
            Verb::Delete => self.bad(text),
        }
    }
}

/// The sign of a verb: `+ ~ ± -`.
pub fn sign(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "+",
        Verb::Update => "~",
        Verb::Replace => "±",
        Verb::Delete => "-",
    }
}

/// What a pass came to, one line a thing; empty where all is well.
pub fn outcome(outcome: &Outcome, paint: Paint) -> String {
    let mut out = String::new();
    match outcome {
        Outcome::Converged => {}
        Outcome::Progressing { waiting, failed, .. } => {
            for wait in waiting {
                let text = format!(
                    "{} waits: {} (since {:.0}, until {:.0})",
                    wait.key,
                    clean(&wait.why),
                    wait.since,
                    wait.deadline
                );
                line(&mut out, &format!("  {}", paint.change(&text)));
            }
            for failure in failed {
                let head = format!("{} {} failed, tried again", failure.verb, failure.key);
                line(
                    &mut out,
                    &format!("  {}: {}", paint.bad(&head), clean(&failure.error.message)),
                );
                if !failure.starves.is_empty() {
                    let keys: Vec<&str> = failure.starves.iter().map(crate::resource::Key::as_str).collect();
                    line(
                        &mut out,
                        &format!(
                            "      {}",
                            paint.dim(&format!("waits for it: {}", keys.join(", ")))
                        ),
                    );
                }
            }
        }
        Outcome::Blocked { because, .. } => {
            // What is blocked only because something else is, is told there.
            let along = |cause: &Obstruction, other: &Obstruction| {
                other.key != cause.key
                    && cause
                        .why
                        .contains(&format!(", but {} would go with it: ", other.key))
            };
            let told = because
                .iter()
                .filter(|cause| !because.iter().any(|other| along(cause, other)));
            let mut told = told.peekable();
            while let Some(cause) = told.next() {
                let head = format!("{} is blocked", cause.key);
                line(
                    &mut out,
                    &format!(
                        "  {}: {}  {}",
                        paint.bad(&head),
                        clean(&cause.why),
                        paint.dim(&format!("[{}]", cause.code))
                    ),
                );
                if told.peek().is_none_or(|next| next.remedy != cause.remedy) {
                    line(&mut out, &format!("      {}", clean(&cause.remedy)));
                }
            }
        }
    }
    out
}

/// A failure: what was attempted, what happened, what to do, and where more is told.
pub fn error(error: &ErrorView, paint: Paint) -> String {
    let mut out = String::new();
    let head = match &error.attempted {
        Some(what) => format!("cannot {}", clean(what)),
        None => clean(&error.message),
    };
    line(&mut out, &format!("{}: {head}", paint.bad("error")));
    if error.attempted.is_some() {
        let request = error
            .request_id
            .as_deref()
            .map(|id| format!(" (request {})", clean(id)));
        line(
            &mut out,
            &format!("  {}{}", clean(&error.message), request.unwrap_or_default()),
        );
    }
    line(&mut out, &format!("  → {}", clean(&error.remedy)));
    line(
        &mut out,
        &format!("  {}", paint.dim(&format!("paas explain {}", error.code))),
    );
    out
}

/// One event as one line without its time and owner.
pub fn event(event: &Event, paint: Paint) -> String {
    let key = event
        .key
        .as_ref()
        .map_or(event.stage.as_str(), crate::resource::Key::as_str);
    let message = clean(&event.message);
    match event.state {
        State::Started => format!("{} {key}", event.verb),
        State::Done => format!("{} {} {key}", paint.good("✓"), event.verb),
        State::Waiting => format!("{} {key}: {message}", paint.change("…")),
        State::Failed => format!("{} {} {key}: {message}", paint.bad("✗"), event.verb),
        State::Blocked => format!("{} {} {key}: {message}", paint.bad("■"), event.verb),
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

/// Makes visible whatever could steer a terminal or break a line.
pub fn clean(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        match c {
            '\n' => out.push_str("\n    "),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}
