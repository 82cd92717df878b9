//! What goes wrong: which calls, how, and how often.

pub(super) mod answer;
mod veil;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::client::service::Kind;

pub(super) use veil::Veil;

/// Makes some calls go wrong.
///
/// A fault matches every call until it is narrowed, and hits once unless said otherwise.
#[derive(Debug, Clone)]
pub struct Fault {
    what: What,
    service: Option<Kind>,
    method: Option<String>,
    path: Option<String>,
    skip: usize,
    times: usize,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// The call has no effect and is answered with this status, in the service's own error body (401: keystonemiddleware's).
    Refuse(u16),
    /// As [`What::Refuse`], with a `Retry-After` header.
    RefuseAndSay {
        /// The status, such as 429 or 503.
        status: u16,
        /// The header's value: seconds or an HTTP date.
        retry_after: String,
    },
    /// The call has its effect, and is answered with this status all the same.
    FailAfter(u16),
    /// The call has its effect, and the connection is reset without an answer.
    LoseAnswer,
    /// The call has no effect, and the connection is reset without an answer.
    Reset,
    /// The call has its effect; of the answer the head and half of the body are sent, then the connection is reset.
    HalfBody,
    /// The call has no effect and is answered with this status and a page of HTML, as proxies do.
    Html(u16),
    /// The call has no effect and is answered with 302 to this address.
    Redirect(String),
    /// The call has no effect and is answered with 200 and a JSON body of so many bytes.
    Flood(usize),
    /// The call is answered this much later, after its effect.
    Delay(Duration),
    /// What the call makes is in no list, and shown as 404, for a while.
    HideNew(Duration),
    /// What the call makes is in no list for a while; who knows its id sees it.
    StaleList(Duration),
}

impl Fault {
    /// A fault that hits the next call, whatever it is.
    pub fn new(what: What) -> Self {
        Self {
            what,
            service: None,
            method: None,
            path: None,
            skip: 0,
            times: 1,
        }
    }

    /// Only calls to this service.
    #[must_use]
    pub fn on(mut self, service: Kind) -> Self {
        self.service = Some(service);
        self
    }

    /// Only calls with this verb.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_ascii_uppercase());
        self
    }

    /// Only calls with this path (without the service's prefix and the project's id), where `*` is one segment and `**` any number
    /// of them: `/v2.1/servers/*/action`, `**/servers`.
    #[must_use]
    pub fn path(mut self, pattern: &str) -> Self {
        self.path = Some(pattern.to_owned());
        self
    }

    /// [`Fault::method`] and [`Fault::path`].
    #[must_use]
    pub fn call(self, method: &str, pattern: &str) -> Self {
        self.method(method).path(pattern)
    }

    /// The first so many calls that match are spared: `after(2)` hits the third.
    #[must_use]
    pub fn after(mut self, calls: usize) -> Self {
        self.skip = calls;
        self
    }

    /// So many calls are hit.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Every call that matches is hit, until [`super::Fake::heal`].
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    fn matches(&self, service: Kind, method: &str, path: &str) -> bool {
        self.service.is_none_or(|wanted| wanted == service)
            && self.method.as_deref().is_none_or(|wanted| wanted == method)
            && self.path.as_deref().is_none_or(|pattern| fits(pattern, path))
    }
}

/// Whether a path fits a pattern of segments.
fn fits(pattern: &str, path: &str) -> bool {
    fn segments(text: &str) -> Vec<&str> {
        text.split('/').filter(|segment| !segment.is_empty()).collect()
    }
    fn rest(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern, path) {
            ([], []) => true,
            (["**", after @ ..], _) => (0..=path.len()).any(|n| rest(after, &path[n..])),
            ([first, after @ ..], [segment, others @ ..]) => {
                (*first == "*" || first == segment) && rest(after, others)
            }
            ([], [_, ..]) | ([_, ..], []) => false,
        }
    }
    rest(&segments(pattern), &segments(path))
}

/// What is yet to go wrong, and what is hidden since.
#[derive(Debug, Default)]
pub(super) struct Faults {
    waiting: Mutex<Vec<Fault>>,
    pub(super) veil: Veil,
}

impl Faults {
    pub(super) fn inject(&self, fault: Fault) {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(fault);
    }

    pub(super) fn heal(&self) {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// What happens to this call. Every fault that matches counts it; the first that is due hits.
    pub(super) fn decide(&self, service: Kind, method: &str, path: &str) -> Option<What> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hit = None;
        for fault in waiting
            .iter_mut()
            .filter(|fault| fault.matches(service, method, path))
        {
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if hit.is_none() && fault.times > 0 {
                fault.times = if fault.times == usize::MAX {
                    usize::MAX
                } else {
                    fault.times - 1
                };
                hit = Some(fault.what.clone());
            }
        }
        waiting.retain(|fault| fault.times > 0);
        hit
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_are_of_segments() {
        for (pattern, path, fit) in [
            ("/v2.1/servers", "/v2.1/servers", true),
            ("/v2.1/servers", "/v2.1/servers/1", false),
            ("/v2.1/servers/*", "/v2.1/servers/1", true),
            ("/v2.1/servers/*", "/v2.1/servers", false),
            ("**/servers", "/v2.1/servers", true),
            ("**", "/", true),
            ("/v2.1/**", "/v2.1/servers/1/action", true),
            ("**/tags/*", "/v2.0/networks/1/tags/a", true),
        ] {
            assert_eq!(fits(pattern, path), fit, "{pattern} {path}");
        }
    }
}
