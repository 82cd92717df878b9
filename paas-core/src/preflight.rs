//! What may stand in the way of a plan, looked for before its first write: all of it at once, each with its numbers and what to do.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    codes::{self, Code},
    driver::Outputs,
    error::{Class, Error},
    graph::{Desired, Observed},
    plan::Plan,
    resource::{Key, Resource},
    view::PlanView,
};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// The plan cannot be carried out as things are: nothing is begun.
    Error,
    /// It may go wrong, or could not be looked at.
    Warning,
}

/// Something that was found before the first write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The code that explains it.
    pub code: String,
    /// What was found, with its numbers: `cores: 4 more are needed, 2 of 20 are free`.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
    /// What it is about, if it is about one resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
}

impl Finding {
    /// Something that makes the plan impossible as things are; without another word, the code's own remedy stands.
    pub fn error(code: &Code, what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: code.id.to_owned(),
            what: what.into(),
            remedy: code.remedy.to_owned(),
            key: None,
        }
    }

    /// Something that a person should know, and that stops nothing.
    pub fn warning(code: &Code, what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, what)
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(mut self, what: impl Into<String>) -> Self {
        self.remedy = what.into();
        self
    }

    /// Which resource it is about.
    #[must_use]
    pub fn about(mut self, key: &Key) -> Self {
        self.key = Some(key.clone());
        self
    }

    /// True if it stops the plan.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `Ok` if plans that are shown may be begun: for whoever asks a person between the plan and the run. The run itself refuses what is
/// not ([`PlanView::obstructed`]).
///
/// # Errors
/// [`codes::CORE_PREFLIGHT`] with how many findings stand in the way; each of them is in its plan.
pub fn clear<'a>(plans: impl IntoIterator<Item = &'a PlanView>) -> Result<(), Error> {
    let stages = plans.into_iter().flat_map(|plan| &plan.stages);
    let what = match stages.flat_map(|s| &s.findings).filter(|f| f.is_error()).count() {
        0 => return Ok(()),
        1 => "one finding stands in the way".to_owned(),
        several => format!("{several} findings stand in the way"),
    };
    Err(Error::new(&codes::CORE_PREFLIGHT, Class::Blocked)
        .happened(format!("nothing was changed: {what}, shown with the plan")))
}

/// What a driver looks ahead with: the plan, and what it was made of.
#[derive(Debug, Clone, Copy)]
pub struct Ahead<'a, R: Resource> {
    /// What earlier stages give.
    pub from: &'a Outputs,
    /// What is wanted, and what is there already by the user's word.
    pub desired: &'a Desired<R>,
    /// What is seen.
    pub seen: &'a Observed<R>,
    /// What would be done.
    pub plan: &'a Plan<R>,
    /// The time now.
    pub now: Timestamp,
}
