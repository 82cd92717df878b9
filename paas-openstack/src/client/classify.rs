//! What an answer means: each service says quota, conflict and throttling differently.

use std::time::Duration;

use paas_core::error::Class;

use super::{
    service::Kind,
    shape::{Author, Said},
};

/// What was made of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub(crate) class: Class,
    /// The service itself said that it was busy and did nothing.
    pub(crate) busy: bool,
    /// The call may have had its effect although it failed.
    pub(crate) unclear: bool,
}

/// The meaning of a status that is no success.
pub(crate) fn classify(service: Kind, status: u16, said: &Said, retry_after: Option<Duration>) -> Meaning {
    let words = said.words.to_ascii_lowercase();
    let class = class(service, status, said, &words, retry_after);
    // Octavia takes a lock on the project's quota before anything else; this is said when it does not get it.
    let busy = service == Kind::LoadBalancer && status == 503 && words.contains("busy");
    let unclear = match status {
        // What a browser is sent to after a form was taken; 307 and 308 say that nothing was done.
        302 | 303 | 408 => true,
        501 | 505 => false,
        503 => !busy && retry_after.is_none(),
        status => status >= 500,
    };
    Meaning { class, busy, unclear }
}

fn class(service: Kind, status: u16, said: &Said, words: &str, retry_after: Option<Duration>) -> Class {
    let kind = said.kind.as_deref().unwrap_or_default();
    match status {
        300 => Class::Unsupported,
        301..400 => Class::Invalid,
        // Places where 400 means that it is there already, or is not in a state for this: natural keys depend on it.
        400 if service == Kind::Network
            && (words.contains("already has a port on subnet")
                || words.contains("overlaps with another subnet")) =>
        {
            Class::Conflict
        }
        400 if service == Kind::BlockStorage
            && words.contains("status must be")
            && !words.contains("invalid input") =>
        {
            Class::Conflict
        }
        401 => Class::Denied,
        403 if speaks_of_quota(words) => Class::Quota,
        403 => Class::Denied,
        // An unrouted path, a missing extension, a proxy without its service: not a thing that is gone.
        404 if !speaks_of_its_own(service, said) => Class::Unsupported,
        404 | 410 => Class::NotFound,
        405 | 406 | 501 | 505 => Class::Unsupported,
        409 if kind == "OverQuota" || (service == Kind::Network && speaks_of_quota(words)) => Class::Quota,
        409 | 412 | 423 => Class::Conflict,
        408 => Class::Transient,
        // Older Nova and Cinder throttle with 413 and say for how long; `Retry-After: 0` comes with their quotas.
        413 if words.contains("rate-limit") || retry_after.is_some_and(|after| !after.is_zero()) => {
            Class::Throttled
        }
        413 if said.author == Author::Service || speaks_of_quota(words) => Class::Quota,
        429 | 498 => Class::Throttled,
        507 => Class::Quota,
        500.. => Class::Transient,
        _ => Class::Invalid,
    }
}

/// True if a 404 is about a thing and not about the path. Glance and Placement name no kind of error (Placement does from 1.23 on):
/// theirs are known by the words that their framework, WebOb, has for a path without a handler.
fn speaks_of_its_own(service: Kind, said: &Said) -> bool {
    let unrouted = said.words.ends_with("The resource could not be found.");
    match service {
        Kind::Image => !unrouted,
        Kind::Placement => said.author == Author::Service && !unrouted,
        // Neutron names this kind for a path that none of its extensions serves.
        _ => {
            said.author == Author::Service && said.kind.as_deref().is_some_and(|kind| kind != "HTTPNotFound")
        }
    }
}

fn speaks_of_quota(words: &str) -> bool {
    words.contains("quota")
        || words.contains("too many")
        || words.contains("maximum number of")
        || (words.contains("the maximum of") && words.contains("exceeded"))
        || words.contains("limit exceeded")
}
