//! Plans, outcomes, errors and events as text for people, plain or colored: the same words in the command line and in the operator.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::{
    error::ErrorView,
    event::{Event, State},
    pipeline::Outcome,
    plan::Verb,
    resource::{Change, View},
    view::{NoteView, PlanView, StageView, StepView},
};

/// Whether text carries ANSI colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paint {
    /// Text alone.
    #[default]
    Plain,
    /// With ANSI escapes.
    Ansi,
}

/// How much of a plan is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// One line a step and its changes.
    #[default]
    Short,
    /// Also what is going to be made, and what each step waits for.
    Full,
}

/// What a plan comes to, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Counts {
    pub create: usize,
    pub update: usize,
    pub replace: usize,
    pub delete: usize,
    pub same: usize,
    pub waiting: usize,
    pub blocked: usize,
    pub kept: usize,
    /// Resources of stages whose world is not known yet.
    pub unknown: usize,
}

impl Counts {
    /// Counts over all stages of several plans.
    pub fn of<'a>(plans: impl IntoIterator<Item = &'a PlanView>) -> Self {
        let mut counts = Self::default();
        for stage in plans.into_iter().flat_map(|p| &p.stages) {
            if stage.unknown.is_some() {
                counts.unknown += stage.steps.len();
                continue;
            }
            for step in &stage.steps {
                match step.verb {
                    Verb::Create => counts.create += 1,
                    Verb::Update => counts.update += 1,
                    Verb::Replace => counts.replace += 1,
                    Verb::Delete => counts.delete += 1,
                }
            }
            counts.same += stage.same;
            counts.waiting += stage.waiting.len();
            counts.blocked += roots(&stage.blocked).count();
            counts.kept += roots(&stage.kept).count();
        }
        counts
    }

    /// Steps in all.
    pub fn steps(&self) -> usize {
        self.create + self.update + self.replace + self.delete
    }

    /// Steps that take something away.
    pub fn removals(&self) -> usize {
        self.replace + self.delete
    }
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

/// A plan, ending with a newline. What is as it should be is only counted.
///
/// The words come from specs, files and other systems: whatever could steer a terminal is made visible first.
pub fn plan(view: &PlanView, paint: Paint, detail: Detail) -> String {
    let mut out = String::new();
    line(&mut out, &paint.strong(&clean(&view.owner)));
    let several = view.stages.len() > 1;
    for stage in &view.stages {
        render_stage(&mut out, stage, several, paint, detail);
    }
    let counts = Counts::of([view]);
    line(&mut out, &format!("  {}", summary(&counts, paint)));
    out
}

/// The last line of a plan.
pub fn summary(counts: &Counts, paint: Paint) -> String {
    let some = |n: usize, what: &str| (n > 0).then(|| format!("{n} {what}"));
    let steps: Vec<String> = [
        some(counts.create, "to create").map(|t| paint.good(&t)),
        some(counts.update, "to change").map(|t| paint.change(&t)),
        some(counts.replace, "to replace").map(|t| paint.replace(&t)),
        some(counts.delete, "to delete").map(|t| paint.bad(&t)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let rest: Vec<String> = [
        some(counts.unknown, "known later").map(|t| paint.dim(&t)),
        some(counts.waiting, "on the way").map(|t| paint.change(&t)),
        some(counts.blocked, "blocked").map(|t| paint.bad(&t)),
        some(counts.same, "unchanged").map(|t| paint.dim(&t)),
        some(counts.kept, "kept").map(|t| paint.name(&t)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let head = if steps.is_empty() {
        "nothing to do".to_owned()
    } else {
        steps.join(", ")
    };
    if rest.is_empty() {
        format!("{head}.")
    } else {
        format!("{head}; {}.", rest.join(", "))
    }
}

fn render_stage(out: &mut String, stage: &StageView, named: bool, paint: Paint, detail: Detail) {
    let quiet = stage.steps.is_empty()
        && stage.waiting.is_empty()
        && stage.blocked.is_empty()
        && stage.kept.is_empty();
    if quiet {
        return;
    }
    if let Some(unknown) = &stage.unknown {
        let keys: Vec<&str> = stage.steps.iter().map(|s| s.key.as_str()).collect();
        let text = format!("  ? {}: {}", clean(&stage.stage), clean(unknown));
        line(out, &paint.dim(&text));
        if detail == Detail::Full {
            line(out, &paint.dim(&format!("      {}", keys.join(", "))));
        }
        return;
    }
    if named {
        line(out, &format!("  {}", clean(&stage.stage)));
    }
    let width = stage
        .steps
        .iter()
        .map(|s| title(s).chars().count())
        .max()
        .unwrap_or(0)
        .min(48);
    for step in &stage.steps {
        render_step(out, step, width, paint, detail);
    }
    notes(out, "waiting for", stage.waiting.iter(), paint, Paint::change);
    notes(out, "blocked", roots(&stage.blocked), paint, Paint::bad);
    notes(out, "kept", roots(&stage.kept), paint, Paint::name);
}

/// The key, and the kind where the key does not say it.
fn title(step: &StepView) -> String {
    let key = step.key.as_str();
    let first = key.split('/').next().unwrap_or(key);
    if first == step.kind {
        key.to_owned()
    } else {
        format!("{key} ({})", clean(&step.kind))
    }
}

fn render_step(out: &mut String, step: &StepView, width: usize, paint: Paint, detail: Detail) {
    let title = title(step);
    let pad = width.saturating_sub(title.chars().count());
    let mut text = format!(
        "  {} {}",
        paint.verb(step.verb, sign(step.verb)),
        paint.verb(step.verb, &title)
    );
    let reason = match (step.verb, step.changes.is_empty()) {
        // That a create makes what is not there, and that an update changes what differs, is clear already.
        (Verb::Create, _) if step.reason == "it does not exist" => String::new(),
        (Verb::Update, false) => String::new(),
        (Verb::Create | Verb::Update | Verb::Replace | Verb::Delete, _) => clean(&step.reason),
    };
    let data = if step.precious && step.verb.removes() {
        paint.bad("  holds data!")
    } else {
        String::new()
    };
    if !reason.is_empty() || !data.is_empty() {
        let _ = write!(text, "{:pad$}  {}{data}", "", paint.dim(&reason));
    }
    line(out, &text);
    for change in &step.changes {
        line(out, &format!("      {}", change_line(change, paint)));
    }
    if detail == Detail::Full {
        let facts = facts(&step.resource);
        if !facts.is_empty() && step.verb == Verb::Create {
            line(out, &format!("      {}", paint.dim(&facts)));
        }
        if !step.after.is_empty() {
            let after: Vec<&str> = step.after.iter().map(crate::resource::Key::as_str).collect();
            line(
                out,
                &format!("      {}", paint.dim(&format!("after {}", after.join(", ")))),
            );
        }
    }
    if let Some(hold) = &step.hold {
        line(
            out,
            &format!("      {}", paint.change(&format!("later: {}", clean(hold)))),
        );
    }
}

fn change_line(change: &Change, paint: Paint) -> String {
    let text = |t: &str| if t.is_empty() { "(none)".to_owned() } else { clean(t) };
    let mut out = format!(
        "{}: {} → {}",
        clean(&change.field),
        paint.bad(&text(&change.from)),
        paint.good(&text(&change.to))
    );
    if let Some(brings) = &change.brings {
        let _ = write!(out, "  {}", paint.change(&format!("(brings {})", clean(brings))));
    }
    out
}

/// The plain fields of a view in one line.
fn facts(view: &View) -> String {
    let mut out: Vec<String> = Vec::new();
    for (field, value) in view {
        let text = match value {
            serde_json::Value::String(s) if !s.is_empty() => clean(s),
            serde_json::Value::Number(n) => n.to_string(),
            serde_json::Value::Bool(b) => b.to_string(),
            _ => continue,
        };
        out.push(format!("{} {text}", clean(field)));
    }
    out.join(" · ")
}

/// What stays for its own sake; what stays only because of that goes without saying.
fn roots(notes: &[NoteView]) -> impl Iterator<Item = &NoteView> {
    let because_of = |note: &NoteView, other: &NoteView| {
        let key = &other.key;
        other.key != note.key
            && (note.why.starts_with(&format!("{key} stands on it: "))
                || note.why.contains(&format!(", but {key} would go with it: ")))
    };
    notes.iter().filter(move |note| !notes.iter().any(|other| because_of(note, other)))
}

fn notes<'a>(
    out: &mut String,
    head: &str,
    notes: impl Iterator<Item = &'a NoteView>,
    paint: Paint,
    color: fn(Paint, &str) -> String,
) {
    let mut notes = notes.peekable();
    if notes.peek().is_none() {
        return;
    }
    line(out, &format!("  {}", color(paint, head)));
    for note in notes {
        let mut text = format!("      {}: {}", note.key, clean(&note.why));
        if let Some(id) = note.id.as_deref().filter(|id| !note.why.contains(id)) {
            let _ = write!(text, "  {}", paint.name(&clean(id)));
        }
        if let Some(code) = &note.code {
            let _ = write!(text, "  {}", paint.dim(&format!("[{code}]")));
        }
        line(out, &text);
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
                    let keys: Vec<&str> = failure
                        .starves
                        .iter()
                        .map(crate::resource::Key::as_str)
                        .collect();
                    line(
                        &mut out,
                        &format!("      {}", paint.dim(&format!("waits for it: {}", keys.join(", ")))),
                    );
                }
            }
        }
        Outcome::Blocked { because, .. } => {
            for cause in because {
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
                line(&mut out, &format!("      {}", clean(&cause.remedy)));
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
