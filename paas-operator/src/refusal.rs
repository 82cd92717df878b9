//! What the API server answers, as our errors.

use paas_core::error::{Class, Error};

use crate::codes;

/// A call of the operator that failed, by what it attempted.
pub(crate) fn refused(attempted: impl Into<String>, error: kube::Error) -> Error {
    let mut failure = Error::new(&codes::OP_API, class(&error)).attempted(attempted);
    failure = match &error {
        kube::Error::Api(status) => failure.happened(format!("{} ({})", status.message, status.code)),
        other => failure.happened(other.to_string()),
    };
    failure.source_error(error)
}

/// True if what was asked for is not there.
pub(crate) fn is_absent(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// True if somebody else was there first.
pub(crate) fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

fn class(error: &kube::Error) -> Class {
    match error {
        kube::Error::Api(status) => match status.code {
            401 | 403 => Class::Denied,
            404 => Class::NotFound,
            409 => Class::Conflict,
            400 | 405 | 422 => Class::Invalid,
            429 => Class::Throttled,
            _ => Class::Transient,
        },
        _ => Class::Transient,
    }
}
