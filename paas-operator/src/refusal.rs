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

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn answer(code: u16) -> kube::Error {
        let status = Status::failure("it said no", "Reason").with_code(code);
        kube::Error::Api(status.boxed())
    }

    #[test]
    fn answers_are_told_in_the_api_servers_words_and_classed_by_their_code() {
        let table = [
            (401, Class::Denied),
            (403, Class::Denied),
            (404, Class::NotFound),
            (409, Class::Conflict),
            (422, Class::Invalid),
            (429, Class::Throttled),
            (503, Class::Transient),
        ];
        for (code, class) in table {
            let error = refused("write the status", answer(code));
            assert_eq!(
                (error.class(), error.code().id),
                (class, codes::OP_API.id),
                "{code}"
            );
            assert!(
                error.to_string().contains(&format!("it said no ({code})")),
                "{error}"
            );
        }
        assert!(is_absent(&answer(404)) && !is_absent(&answer(410)));
        assert!(is_conflict(&answer(409)) && !is_conflict(&answer(404)));
    }
}
