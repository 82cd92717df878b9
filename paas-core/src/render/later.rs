//! What is not for the next pass, and why: a reason that several steps share is said once.

use std::fmt::Write as _;

use super::{Paint, clean, line};
use crate::view::StepView;

/// So many steps of one reason have it said once; it stands beneath fewer.
const SHARED: usize = 3;

/// Where the reasons of one stage's steps are told.
#[derive(Debug)]
pub(super) enum Later<'a> {
    /// All steps share one, or all but the step that is named: in a line under them, and nothing at them.
    Most(&'a str, Option<&'a StepView>),
    /// In lines under the steps, with a mark at each step that has one of these; the rest beneath their steps.
    Some(Vec<&'a str>),
}

impl<'a> Later<'a> {
    pub(super) fn of(steps: &'a [StepView]) -> Self {
        let mut shared: Vec<(&str, usize)> = Vec::new();
        for hold in steps.iter().filter_map(|s| s.hold.as_deref()) {
            match shared.iter_mut().find(|(known, _)| *known == hold) {
                Some((_, count)) => *count += 1,
                None => shared.push((hold, 1)),
            }
        }
        shared.retain(|(_, count)| *count >= SHARED);
        if let [(hold, count)] = *shared
            && count + 1 >= steps.len()
        {
            let now = steps.iter().find(|s| s.hold.as_deref() != Some(hold));
            if now.is_none_or(|step| step.hold.is_none()) {
                return Self::Most(hold, now);
            }
        }
        Self::Some(shared.into_iter().map(|(hold, _)| hold).collect())
    }

    /// The mark at the end of a step's line; empty where it has none.
    pub(super) fn mark(&self, step: &StepView) -> String {
        let Self::Some(shared) = self else {
            return String::new();
        };
        let at = shared.iter().position(|hold| Some(*hold) == step.hold.as_deref());
        at.map_or(String::new(), |at| mark(at, shared.len()))
    }

    /// The line beneath a step whose reason is its own.
    pub(super) fn beneath(&self, out: &mut String, step: &StepView, paint: Paint) {
        if let (Self::Some(shared), Some(hold)) = (self, step.hold.as_deref())
            && !shared.contains(&hold)
        {
            let text = format!("later: {}", clean(hold));
            line(out, &format!("      {}", paint.change(&text)));
        }
    }

    /// The lines under all steps.
    pub(super) fn below(&self, out: &mut String, steps: &[StepView], paint: Paint) {
        let mut say = |text: String| line(out, &format!("      {}", paint.change(&text)));
        match self {
            Self::Most(hold, now) => {
                let who = match now {
                    None => "all of it".to_owned(),
                    Some(now) if steps.first().is_some_and(|s| s.key == now.key) => "the others".to_owned(),
                    Some(now) => format!("all but {}", now.key),
                };
                say(format!("{who} later: {}", clean(hold)));
            }
            Self::Some(shared) => {
                for (at, hold) in shared.iter().enumerate() {
                    say(format!("{}: {}", mark(at, shared.len()), clean(hold)));
                }
            }
        }
    }
}

/// The mark of one of several reasons: with a number where there are several.
fn mark(at: usize, of: usize) -> String {
    let mut text = "later".to_owned();
    if of > 1 {
        let _ = write!(text, " ({})", at + 1);
    }
    text
}
