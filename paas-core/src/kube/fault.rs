//! What the API server's answers and a broken line mean to the engine.

use std::error::Error as StdError;

use kube::{
    client::{AuthError, UpgradeConnectionError},
    core::Status,
};

use super::codes::{
    K8S_CONFLICT, K8S_DENIED, K8S_FAILED, K8S_NO_API, K8S_NOT_FOUND, K8S_REFUSED, K8S_UNREACHABLE,
};
use crate::{
    codes::Code,
    error::{Class, Error},
};

/// A word of the API server for a field that another manager has.
const MANAGED_BY_ANOTHER: &str = "FieldManagerConflict";

/// The longest text of an answer that is no `Status`.
const LONGEST: usize = 500;

/// A call that failed: what callers decide on, and the error that everybody else sees.
#[derive(Debug)]
pub(super) struct Failed {
    /// The HTTP status, if there was an answer.
    pub(super) status: Option<u16>,
    /// Another manager has a field that was to be applied without force.
    pub(super) managed_by_another: bool,
    /// The error.
    pub(super) error: Error,
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

/// What was being done when a call failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doing<'a> {
    /// As a verb phrase: `list configmaps in shop`.
    pub(super) what: &'a str,
    /// True if the call changes something, so that a lost answer leaves its effect unknown.
    pub(super) mutating: bool,
}

/// An error of a `kube::Client` as ours: `what` is a verb phrase, `mutating` says whether the call changes something.
pub fn of(what: &str, mutating: bool, error: kube::Error) -> Error {
    let doing = Doing { what, mutating };
    match error {
        kube::Error::Api(status) => answered(doing, status.code, &status, None, None).error,
        other => unanswered(doing, &other),
    }
}

/// What an answer says; `audit` is its audit id, `wait` its `Retry-After` in seconds.
pub(super) fn answered(
    doing: Doing<'_>,
    http: u16,
    status: &Status,
    audit: Option<&str>,
    wait: Option<&str>,
) -> Failed {
    let (code, class) = meaning(http, status);
    let mut words = match status.message.is_empty() {
        true => format!("{http} {}", status.reason),
        false => status.message.clone(),
    };
    for cause in causes(status) {
        if !words.contains(&cause.message) {
            words += &match cause.field.as_str() {
                "" => format!("; {}", cause.message),
                field => format!("; {field}: {}", cause.message),
            };
        }
    }
    let details = status.details.as_ref();
    let asked = details.map(|d| d.retry_after_seconds).filter(|s| *s > 0);
    let asked = asked.map(|s| s.to_string()).or(wait.map(str::to_owned));
    if let (Some(seconds), Class::Throttled | Class::Transient) = (asked, class) {
        words += &format!(" (it asks to wait {seconds} s)");
    }
    let mut error = Error::new(code, class).attempted(doing.what).happened(words);
    if let Some(audit) = audit {
        error = error.request_id(audit);
    }
    if doing.mutating && http >= 500 && class != Class::Invalid {
        error = error.effect_unknown();
    }
    Failed {
        status: Some(http),
        managed_by_another: causes(status).any(|c| c.reason == MANAGED_BY_ANOTHER),
        error,
    }
}

/// The `Status` in an answer's body, or what stands there instead of one.
pub(super) fn status(body: &[u8]) -> Status {
    serde_json::from_slice(body).unwrap_or_else(|_| {
        let text: String = String::from_utf8_lossy(body)
            .trim()
            .chars()
            .take(LONGEST)
            .collect();
        Status::failure(&text, "")
    })
}

fn causes(status: &Status) -> impl Iterator<Item = &kube::core::response::StatusCause> {
    status.details.iter().flat_map(|d| &d.causes)
}

fn meaning(http: u16, status: &Status) -> (&'static Code, Class) {
    let says = |words: &str| status.message.contains(words);
    let caused = |reason: &str| causes(status).any(|c| c.reason == reason);
    match http {
        401 => (&K8S_DENIED, Class::Denied),
        // Whatever there is goes with the namespace.
        403 if caused("NamespaceTerminating") => (&K8S_CONFLICT, Class::Conflict),
        403 if says("exceeded quota") => (&K8S_REFUSED, Class::Quota),
        // The authorizer's words: `User "x" cannot list resource "y" …`; whoever else forbids is admission.
        403 if says("\" cannot ") => (&K8S_DENIED, Class::Denied),
        404 | 405 if names_nothing(status) => (&K8S_NO_API, Class::Unsupported),
        404 => (&K8S_NOT_FOUND, Class::NotFound),
        409 => (&K8S_CONFLICT, Class::Conflict),
        // Another object of that name is there by now: its uid is not the one that was meant.
        422 if causes(status).any(|c| c.field == "metadata.uid") => (&K8S_CONFLICT, Class::Conflict),
        410 => (&K8S_FAILED, Class::Transient),
        429 => (&K8S_FAILED, Class::Throttled),
        // What the schema does not know is an error 500 for server-side apply, before anything is written.
        500 if says("failed to create typed patch object") => (&K8S_REFUSED, Class::Invalid),
        400..=499 => (&K8S_REFUSED, Class::Invalid),
        500..=599 => (&K8S_FAILED, Class::Transient),
        _ => (&K8S_FAILED, Class::Internal),
    }
}

/// A 404 of a path that there is not, and not of an object that there is not.
fn names_nothing(status: &Status) -> bool {
    status.details.as_ref().is_none_or(|d| d.name.is_empty())
}

/// What a line says that broke before an answer was there.
pub(super) fn unanswered(doing: Doing<'_>, error: &kube::Error) -> Error {
    if let kube::Error::Auth(error) = error {
        return Error::new(&K8S_DENIED, Class::Denied)
            .attempted(doing.what)
            .happened(not_logged_in(error));
    }
    let failed = Error::new(&K8S_UNREACHABLE, Class::Transient)
        .attempted(doing.what)
        .happened(chain(error));
    match doing.mutating && !is_unsent(error) {
        true => failed.effect_unknown(),
        false => failed,
    }
}

/// No answer within the deadline.
pub(super) fn overdue(doing: Doing<'_>, deadline: std::time::Duration) -> Error {
    let failed = Error::new(&K8S_UNREACHABLE, Class::Transient)
        .attempted(doing.what)
        .happened(format!("no answer within {} s", deadline.as_secs()));
    match doing.mutating {
        true => failed.effect_unknown(),
        false => failed,
    }
}

/// The words of a login that failed, without what the program printed for us: that may be a credential.
fn not_logged_in(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecRun { cmd, out } => {
            let said = String::from_utf8_lossy(&out.stderr);
            format!(
                "'{cmd}' of the kubeconfig ended with {}: {}",
                out.status,
                said.trim()
            )
        }
        AuthError::AuthExecParse(_) => "the program of the kubeconfig printed no ExecCredential".to_owned(),
        other => chain(other),
    }
}

/// That a role lacks a verb, where the answer to the wish for another protocol says so: of such an answer the client keeps the number
/// alone. `needs` is what the role has to have.
#[cfg_attr(
    not(feature = "database"),
    allow(dead_code, reason = "ways into databases ask it")
)]
pub(crate) fn denied(what: &str, needs: &str, error: &kube::Error) -> Option<Error> {
    let kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(status)) = error else {
        return None;
    };
    matches!(status.as_u16(), 401 | 403).then(|| {
        Error::new(&K8S_DENIED, Class::Denied)
            .attempted(what)
            .happened(format!("{status}; the role needs {needs}"))
    })
}

/// True if the connection was never there.
fn is_unsent(error: &kube::Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(one) = next {
        if let Some(of_client) = one.downcast_ref::<hyper_util::client::legacy::Error>() {
            return of_client.is_connect();
        }
        next = one.source();
    }
    false
}

/// An error and what is beneath it, each word once.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(beneath) = next {
        let more = beneath.to_string();
        if !words.contains(&more) {
            words += &format!(": {more}");
        }
        next = beneath.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::error::Effect;

    fn says(http: u16, mutating: bool, body: Value) -> Error {
        let what = "write it";
        let status = status(body.to_string().as_bytes());
        answered(
            Doing { what, mutating },
            http,
            &status,
            Some("audit-1"),
            Some("7"),
        )
        .error
    }

    fn meant(http: u16, body: Value) -> (&'static str, Class, Effect) {
        let error = says(http, true, body);
        (error.code().id, error.class(), error.effect())
    }

    #[test]
    fn an_answer_means_what_the_server_says_and_not_only_its_number() {
        let (none, unknown) = (Effect::None, Effect::Unknown);
        let named = json!({"details": {"name": "shop", "kind": "namespaces"}});
        let ends =
            json!({"details": {"causes": [{"reason": "NamespaceTerminating", "message": "", "field": ""}]}});
        let uid = json!({"details": {"causes": [{"reason": "FieldValueInvalid", "message": "", "field": "metadata.uid"}]}});
        let table = [
            (401, json!({}), (K8S_DENIED.id, Class::Denied, none)),
            (
                403,
                json!({"message": "User \"x\" cannot list resource \"y\""}),
                (K8S_DENIED.id, Class::Denied, none),
            ),
            (
                403,
                json!({"message": "exceeded quota: q"}),
                (K8S_REFUSED.id, Class::Quota, none),
            ),
            (
                403,
                json!({"message": "violates PodSecurity"}),
                (K8S_REFUSED.id, Class::Invalid, none),
            ),
            (403, ends, (K8S_CONFLICT.id, Class::Conflict, none)),
            (404, json!({}), (K8S_NO_API.id, Class::Unsupported, none)),
            (404, named, (K8S_NOT_FOUND.id, Class::NotFound, none)),
            (409, json!({}), (K8S_CONFLICT.id, Class::Conflict, none)),
            (413, json!({}), (K8S_REFUSED.id, Class::Invalid, none)),
            (422, json!({}), (K8S_REFUSED.id, Class::Invalid, none)),
            (422, uid, (K8S_CONFLICT.id, Class::Conflict, none)),
            (429, json!({}), (K8S_FAILED.id, Class::Throttled, none)),
            (
                500,
                json!({"message": "failed to create typed patch object: x"}),
                (K8S_REFUSED.id, Class::Invalid, none),
            ),
            (
                500,
                json!({"message": "etcdserver: request timed out"}),
                (K8S_FAILED.id, Class::Transient, unknown),
            ),
            (503, json!({}), (K8S_FAILED.id, Class::Transient, unknown)),
            (504, json!({}), (K8S_FAILED.id, Class::Transient, unknown)),
            (304, json!({}), (K8S_FAILED.id, Class::Internal, none)),
        ];
        for (http, body, want) in table {
            assert_eq!(meant(http, body.clone()), want, "{http} {body}");
        }
        assert_eq!(
            says(500, false, json!({})).effect(),
            none,
            "a read changes nothing"
        );
    }

    #[test]
    fn the_servers_words_its_causes_and_its_audit_id_are_kept() {
        let causes = json!([
            {"reason": "FieldValueInvalid", "message": "must be greater than 0", "field": "spec.replicas"},
            {"reason": "x", "message": "is invalid", "field": ""},
        ]);
        let error = says(
            422,
            true,
            json!({"message": "it is invalid", "details": {"causes": causes}}),
        );
        assert_eq!(
            error.words(),
            "it is invalid; spec.replicas: must be greater than 0"
        );
        assert_eq!(error.request(), Some("audit-1"));
        assert_eq!(error.what(), Some("write it"));
        let busy = says(
            429,
            true,
            json!({"message": "too many", "details": {"retryAfterSeconds": 3}}),
        );
        assert_eq!(busy.words(), "too many (it asks to wait 3 s)");
        assert_eq!(
            says(429, true, json!({"message": "no"})).words(),
            "no (it asks to wait 7 s)"
        );
    }

    #[test]
    fn an_answer_that_is_no_status_is_told_and_cut() {
        let page = format!("<html>{}</html>", "x".repeat(5000));
        let status = status(page.as_bytes());
        let doing = Doing {
            what: "look",
            mutating: false,
        };
        let error = answered(doing, 502, &status, None, None).error;
        assert!(error.words().starts_with("<html>") && error.words().len() == LONGEST);
    }

    #[test]
    fn what_a_login_program_printed_for_us_is_not_told() {
        let out = std::process::Output {
            status: std::process::ExitStatus::default(),
            stdout: b"token: hunter2".to_vec(),
            stderr: b"please log in".to_vec(),
        };
        let failed = AuthError::AuthExecRun {
            cmd: "login".to_owned(),
            out: Box::new(out),
        };
        let error = of("look", false, kube::Error::Auth(failed));
        assert_eq!((error.code().id, error.class()), (K8S_DENIED.id, Class::Denied));
        assert!(error.words().contains("please log in"));
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
