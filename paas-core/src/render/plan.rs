//! Plans as text.

use std::fmt::Write;

use super::{Paint, clean, findings::findings, later::Later, line, sign};
use crate::{
    plan::Verb,
    resource::{Change, View},
    view::{NoteView, PlanView, StageView, StepView},
};

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
        some(counts.errors, "in the way").map(|t| paint.bad(&t)),
        some(counts.warnings, "to know before").map(|t| paint.change(&t)),
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
        && stage.kept.is_empty()
        && stage.findings.is_empty();
    if quiet {
        return;
    }
    if let Some(unknown) = &stage.unknown {
        return render_unknown(out, stage, &clean(unknown), paint, detail);
    }
    if named {
        line(out, &format!("  {}", clean(&stage.stage)));
    }
    let (width, common) = (title_width(stage), Common::of(&stage.steps));
    for step in &stage.steps {
        render_step(out, step, &common, width, (paint, detail));
    }
    common.later.below(out, &stage.steps, paint);
    notes(out, "waiting for", stage.waiting.iter(), paint, Paint::change);
    notes(out, "blocked", roots(&stage.blocked), paint, Paint::bad);
    notes(out, "kept", roots(&stage.kept), paint, Paint::name);
    findings(out, &stage.findings, paint);
}

/// What many steps have in common is told once.
#[derive(Debug)]
struct Common<'a> {
    later: Later<'a>,
    /// All of them are deleted, and for one reason.
    alike: bool,
}

impl<'a> Common<'a> {
    fn of(steps: &'a [StepView]) -> Self {
        let alike = |s: &StepView| s.verb == Verb::Delete && s.reason == steps[0].reason;
        Self {
            later: Later::of(steps),
            alike: steps.len() > TOLD && steps.iter().all(alike),
        }
    }
}

/// So many steps are told one by one, with all that is said of each.
const TOLD: usize = 8;

/// A stage whose world cannot be seen yet: what is wanted there, and after what it is known.
fn render_unknown(out: &mut String, stage: &StageView, unknown: &str, paint: Paint, detail: Detail) {
    let name = clean(&stage.stage);
    if stage.steps.len() > TOLD {
        line(out, &paint.dim(&format!("  ? {name}: {unknown}")));
        if detail == Detail::Full {
            let keys: Vec<&str> = stage.steps.iter().map(|s| s.key.as_str()).collect();
            line(out, &paint.dim(&format!("      {}", keys.join(", "))));
        }
        return;
    }
    line(out, &format!("  {name}"));
    let width = title_width(stage);
    for step in &stage.steps {
        let text = format!("  {} {:width$}  ({unknown})", sign(step.verb), title(step));
        line(out, &paint.dim(&text));
    }
}

/// The column behind the titles.
fn title_width(stage: &StageView) -> usize {
    let widths = stage.steps.iter().map(|s| title(s).chars().count());
    widths.max().unwrap_or(0).min(48)
}

/// The key, and the kind where the key does not say it.
fn title(step: &StepView) -> String {
    let key = step.key.as_str();
    let first = key.split('/').next().unwrap_or(key);
    let said = |text: &str| text.replace('-', "").to_ascii_lowercase();
    if said(&step.kind).ends_with(&said(first)) {
        key.to_owned()
    } else {
        format!("{key} ({})", clean(&step.kind))
    }
}

fn render_step(
    out: &mut String,
    step: &StepView,
    common: &Common<'_>,
    width: usize,
    (paint, detail): (Paint, Detail),
) {
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
        _ if common.alike => String::new(),
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
    let mark = common.later.mark(step);
    if !mark.is_empty() {
        let pad = if reason.is_empty() && data.is_empty() {
            pad
        } else {
            0
        };
        let _ = write!(text, "{:pad$}  {}", "", paint.change(&mark));
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
    common.later.beneath(out, step, paint);
}

fn change_line(change: &Change, paint: Paint) -> String {
    let text = |t: &str| {
        if t.is_empty() {
            "(none)".to_owned()
        } else {
            clean(t)
        }
    };
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
    notes
        .iter()
        .filter(move |note| !notes.iter().any(|other| because_of(note, other)))
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
    /// Replacements of what was never ready and holds no data: they need nobody's word.
    pub never_ready: usize,
    /// What was found before the first write and stands in its way.
    pub errors: usize,
    /// What was found before the first write and stops nothing.
    pub warnings: usize,
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
                counts.never_ready += usize::from(step.never_ready);
                match step.verb {
                    Verb::Create => counts.create += 1,
                    Verb::Update => counts.update += 1,
                    Verb::Replace => counts.replace += 1,
                    Verb::Delete => counts.delete += 1,
                }
            }
            let errors = stage.findings.iter().filter(|f| f.is_error()).count();
            counts.errors += errors;
            counts.warnings += stage.findings.len() - errors;
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

    /// Steps that take something away and need somebody's word.
    pub fn removals(&self) -> usize {
        self.replace + self.delete - self.never_ready
    }
}
