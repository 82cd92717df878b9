//! One error type: what was attempted, what happened in the provider's own words, what to do, and a stable code.

use std::fmt;

use serde::Serialize;

use crate::codes::Code;

/// What a caller can decide on: the kind of failure, not its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Class {
    /// The input is wrong; trying again with the same input is pointless.
    Invalid,
    /// Credentials are missing, expired or not sufficient.
    Denied,
    /// What was asked for does not exist.
    NotFound,
    /// The outside world is in a state that contradicts the call (in use, already exists).
    Conflict,
    /// A quota or a capacity is exhausted.
    Quota,
    /// The other side asks to slow down.
    Throttled,
    /// May go away by itself: connection lost, 5xx, busy.
    Transient,
    /// The other side, or this version, cannot do it.
    Unsupported,
    /// A person or another spec is needed.
    Blocked,
    /// The caller cancelled.
    Cancelled,
    /// A deadline passed while progress was still possible.
    TimedOut,
    /// A bug or a broken promise of a component.
    Internal,
}

/// Whether the call that failed may have had its effect.
///
/// Law 4: a clear refusal clears the intent; an unknown outcome keeps it until an observe decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// Certainly nothing was changed.
    None,
    /// The reply was lost; the effect may be there.
    Unknown,
}

/// A failure, told so that its reader can act.
///
/// ```
/// use paas_core::{codes, error::{Class, Error}};
/// let e = Error::new(&codes::CORE_PROVIDER, Class::Quota)
///     .attempted("create port")
///     .happened("Quota exceeded for resources: ['port'].")
///     .request_id("req-1f0c")
///     .remedy("raise the project's port quota by 2, or delete unused ports");
/// assert!(e.to_string().contains("req-1f0c"));
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: &'static Code,
    class: Class,
    effect: Effect,
    attempted: Option<String>,
    happened: String,
    request_id: Option<String>,
    remedy: Option<String>,
    source: Option<std::sync::Arc<dyn std::error::Error + Send + Sync>>,
}

/// The result of everything fallible here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure with a stable code; its effect is [`Effect::None`] unless said otherwise.
    pub fn new(code: &'static Code, class: Class) -> Self {
        Self(Box::new(Inner {
            code,
            class,
            effect: Effect::None,
            attempted: None,
            happened: code.title.to_owned(),
            request_id: None,
            remedy: None,
            source: None,
        }))
    }

    /// What was being done, as a verb phrase: `create network`.
    #[must_use]
    pub fn attempted(mut self, what: impl Into<String>) -> Self {
        self.0.attempted = Some(what.into());
        self
    }

    /// What happened, in the provider's own words where there are any.
    #[must_use]
    pub fn happened(mut self, what: impl Into<String>) -> Self {
        self.0.happened = what.into();
        self
    }

    /// What the reader can do; without it the code's own remedy stands.
    #[must_use]
    pub fn remedy(mut self, what: impl Into<String>) -> Self {
        self.0.remedy = Some(what.into());
        self
    }

    /// The id under which the other side logged the call.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// The reply was lost, the effect may be there.
    #[must_use]
    pub fn effect_unknown(mut self) -> Self {
        self.0.effect = Effect::Unknown;
        self
    }

    /// The error beneath.
    #[must_use]
    pub fn source_error(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(std::sync::Arc::new(source));
        self
    }

    /// The stable code.
    pub fn code(&self) -> &'static Code {
        self.0.code
    }

    /// What can be decided on.
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// Whether the effect may be there.
    pub fn effect(&self) -> Effect {
        self.0.effect
    }

    /// What was attempted, if said.
    pub fn what(&self) -> Option<&str> {
        self.0.attempted.as_deref()
    }

    /// What happened.
    pub fn words(&self) -> &str {
        &self.0.happened
    }

    /// The id under which the other side logged the call.
    pub fn request(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// What to do.
    pub fn advice(&self) -> &str {
        self.0.remedy.as_deref().unwrap_or(self.0.code.remedy)
    }

    /// What was attempted and what happened, without the code: for places that show the code beside it.
    pub fn sentence(&self) -> String {
        let what = self
            .0
            .attempted
            .as_ref()
            .map_or(String::new(), |a| format!("{a}: "));
        let request = self
            .0
            .request_id
            .as_ref()
            .map_or(String::new(), |id| format!(" (request {id})"));
        format!("{what}{}{request}", self.0.happened)
    }

    /// True if the same call may succeed later without any change.
    pub fn may_pass(&self) -> bool {
        matches!(
            self.0.class,
            Class::Transient | Class::Throttled | Class::Conflict | Class::TimedOut
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.sentence(), self.0.code.id)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.0.code.id)
            .field("class", &self.0.class)
            .field("effect", &self.0.effect)
            .field("attempted", &self.0.attempted)
            .field("happened", &self.0.happened)
            .field("request_id", &self.0.request_id)
            .field("remedy", &self.advice())
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|s| s as &(dyn std::error::Error + 'static))
    }
}

/// A failure as data, for JSON output and events; the order of fields is the order of reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorView {
    /// `PAAS-CORE-0001`.
    pub code: &'static str,
    /// What can be decided on.
    pub class: Class,
    /// What was attempted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempted: Option<String>,
    /// What happened.
    pub message: String,
    /// The other side's request id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What to do.
    pub remedy: String,
}

impl From<&Error> for ErrorView {
    fn from(e: &Error) -> Self {
        Self {
            code: e.code().id,
            class: e.class(),
            attempted: e.what().map(str::to_owned),
            message: e.words().to_owned(),
            request_id: e.request().map(str::to_owned),
            remedy: e.advice().to_owned(),
        }
    }
}
