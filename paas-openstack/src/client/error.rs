//! From answers and broken exchanges to errors with a code, a class and the service's own words.

use paas_core::{
    codes::Code,
    error::{Class, Error},
};

use super::{
    broken::Broken,
    classify::{Meaning, classify},
    service::Kind,
    shape::{self, Author},
    transport::{Raw, Request},
};
use crate::codes::{
    OS_ANSWER, OS_CONFLICT, OS_DENIED, OS_INVALID, OS_LOST, OS_NOT_FOUND, OS_QUOTA, OS_REDIRECT,
    OS_THROTTLED, OS_TIMED_OUT, OS_TLS, OS_TOO_LARGE, OS_UNAVAILABLE, OS_UNREACHABLE, OS_UNSUPPORTED,
};

/// What a service answered instead of doing what it was asked: the source beneath an [`Error`] of this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{service} answered {status} to '{operation}': {words}")]
#[non_exhaustive]
pub struct ApiError {
    /// Who answered.
    pub service: Kind,
    /// To what.
    pub operation: String,
    /// The HTTP status.
    pub status: u16,
    /// In the service's own words, in one line, shortened; never what was secret in the call.
    pub words: String,
    /// The service's own name of the kind of error, where it has one: Neutron's `OverQuota`, Nova's `itemNotFound`.
    pub kind: Option<String>,
    /// What it means.
    pub class: Class,
    /// The id under which the service logged it.
    pub request_id: Option<String>,
}

impl ApiError {
    /// The answer beneath an error, if it came from one.
    pub fn of(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }
}

/// What an answer means, and the error that it makes.
pub(crate) fn refused(request: &Request, raw: &Raw) -> (Meaning, Error) {
    let said = shape::read(&raw.body, &request.secrets);
    let meaning = classify(request.service, raw.status, &said, raw.retry_after);
    let words = said.words;
    let service = request.service;
    let api = ApiError {
        service,
        operation: request.operation.to_string(),
        status: raw.status,
        words: words.clone(),
        kind: said.kind,
        class: meaning.class,
        request_id: raw.request_id.clone(),
    };
    let redirect = matches!(raw.status, 301..=399)
        .then(|| raw.location.as_deref())
        .flatten();
    let happened = match (redirect, said.author) {
        (Some(to), _) => format!("{service} redirects ({}) to {to}", raw.status),
        (None, Author::Nobody) => format!("{service} answered {} without a word", raw.status),
        (None, Author::Service) => format!("{service} refused ({}): {words}", raw.status),
        (None, Author::Json | Author::Text) => {
            format!(
                "{} answered {}, not as {service} does: {words}",
                request.shown(),
                raw.status
            )
        }
    };
    let code = if redirect.is_some() {
        &OS_REDIRECT
    } else {
        code_of(meaning.class)
    };
    let mut error = Error::new(code, meaning.class)
        .attempted(request.operation.clone())
        .happened(happened)
        .source_error(api);
    if let Some(id) = &raw.request_id {
        error = error.request_id(id);
    }
    if request.mutates && meaning.unclear {
        error = error.effect_unknown();
    }
    (meaning, error)
}

/// The error of an exchange in which no whole answer came.
pub(crate) fn broken(request: &Request, broken: &Broken) -> Error {
    let at = request.shown();
    let (code, class, happened) = match broken {
        Broken::Tls(why) => (
            &OS_TLS,
            Class::Invalid,
            format!("no TLS connection to {at}: {why}"),
        ),
        Broken::Unreachable(why) => (
            &OS_UNREACHABLE,
            Class::Transient,
            format!("{at} cannot be reached: {why}"),
        ),
        Broken::Lost(why) => (
            &OS_LOST,
            Class::Transient,
            format!("the connection to {at} broke: {why}"),
        ),
        Broken::TimedOut(after) => {
            let words = format!("no whole answer from {at} within {} s", after.as_secs_f64());
            (&OS_TIMED_OUT, Class::TimedOut, words)
        }
        Broken::TooLate => {
            let words = format!("{at} was not asked: the turn would come after the deadline of the call");
            (&OS_TIMED_OUT, Class::TimedOut, words)
        }
        Broken::TooLarge(limit) => {
            let words = format!("the answer of {at} is larger than {} MiB", limit >> 20);
            (&OS_TOO_LARGE, Class::Invalid, words)
        }
    };
    let error = Error::new(code, class)
        .attempted(request.operation.clone())
        .happened(happened);
    if request.mutates && broken.may_have_been_sent() {
        error.effect_unknown()
    } else {
        error
    }
}

/// A success whose body is not what it should be. The effect of the call is there, but nobody can say what it was.
pub(crate) fn strange(request: &Request, raw: &Raw, why: &str) -> Error {
    let seen = shape::read(&raw.body, &request.secrets);
    let beginning: String = seen.words.chars().take(120).collect();
    let what = match seen.author {
        Author::Text if shape::is_page(&raw.body) => format!("{why}; a web page came: {beginning}"),
        Author::Nobody => format!("{why}; the body is empty"),
        Author::Text => format!("{why}; this came: {beginning}"),
        // Well-formed JSON is not shown: it may hold what is shown only once.
        Author::Service | Author::Json => why.to_owned(),
    };
    let mut error = Error::new(&OS_ANSWER, Class::Invalid)
        .attempted(request.operation.clone())
        .happened(format!("{} answered {}: {what}", request.shown(), raw.status));
    if let Some(id) = &raw.request_id {
        error = error.request_id(id);
    }
    if request.mutates {
        error.effect_unknown()
    } else {
        error
    }
}

fn code_of(class: Class) -> &'static Code {
    match class {
        Class::Denied => &OS_DENIED,
        Class::NotFound => &OS_NOT_FOUND,
        Class::Conflict => &OS_CONFLICT,
        Class::Quota => &OS_QUOTA,
        Class::Throttled => &OS_THROTTLED,
        Class::Transient => &OS_UNAVAILABLE,
        Class::Unsupported => &OS_UNSUPPORTED,
        _ => &OS_INVALID,
    }
}
