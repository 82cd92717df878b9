//! HTTP: one exchange with its deadline and its bound, and a request with its retries.

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use paas_core::{
    clock::Clock,
    error::{Class, Error},
};
use reqwest::{
    Method,
    header::{HeaderMap, HeaderValue},
};
use secrecy::SecretString;
use url::Url;

use super::{
    broken::Broken,
    error,
    pace::Pace,
    redact,
    retry::{Attempt, Bounds, Failure, Retry, decide},
    service::Kind,
    trace::{Exchange, Trace},
};

/// Everything that clients of one cloud share.
#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) http: reqwest::Client,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) trace: Option<Arc<dyn Trace>>,
    pub(crate) pace: Pace,
    pub(crate) bounds: Bounds,
    /// Of one exchange.
    pub(crate) timeout: Duration,
    /// Of a call with all its attempts and waits.
    pub(crate) deadline: Duration,
    /// Bytes of an answer.
    pub(crate) limit: usize,
}

/// A request in full.
pub(crate) struct Request {
    pub(crate) service: Kind,
    pub(crate) operation: Cow<'static, str>,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) mutates: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) secrets: Vec<SecretString>,
    /// When the whole call began, on the clock that only goes forward.
    pub(crate) began: Duration,
    /// Statuses beside 200 to 299 that the caller judges itself.
    pub(crate) expects: &'static [u16],
}

impl Request {
    /// The URL for messages: without parameters.
    pub(crate) fn shown(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        redact::url(&url)
    }
}

/// An answer as it came.
pub(crate) struct Raw {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    /// Where a redirect points, without what may be secret.
    pub(crate) location: Option<String>,
}

impl Transport {
    /// Sends until there is an answer that counts, or the decision is that there will be none.
    pub(crate) async fn send(&self, request: &Request) -> Result<Raw, Error> {
        let mut number = 1;
        loop {
            let left = self.left(request);
            let (failure, error) = match self.exchange(request, number, left).await {
                Ok(raw) if (200..300).contains(&raw.status) || request.expects.contains(&raw.status) => {
                    return Ok(raw);
                }
                Ok(raw) => {
                    let (meaning, error) = error::refused(request, &raw);
                    let failure = Failure::Answered {
                        status: raw.status,
                        class: meaning.class,
                        retry_after: raw.retry_after,
                        busy: meaning.busy,
                    };
                    (failure, error)
                }
                Err(broken) => {
                    let failure = match broken {
                        Broken::Tls(_) | Broken::TooLate => Failure::NotSent { lasting: true },
                        Broken::Unreachable(_) => Failure::NotSent { lasting: false },
                        // It would be as large again.
                        Broken::TooLarge(_) => return Err(error::broken(request, &broken)),
                        Broken::Lost(_) | Broken::TimedOut(_) => Failure::Lost,
                    };
                    (failure, error::broken(request, &broken))
                }
            };
            let attempt = Attempt {
                number,
                mutates: request.mutates,
                left: self.left(request),
                jitter: chance(),
            };
            if let Failure::Answered {
                class: Class::Throttled,
                retry_after: Some(said),
                ..
            } = failure
            {
                self.pace.pause(said);
            }
            let Retry::After(wait) = decide(self.bounds, attempt, failure) else {
                return Err(told_attempts(error, number));
            };
            tracing::debug!(error = %error, attempt = number, wait_ms = wait.as_millis(), "sent again after a wait");
            self.clock.sleep(wait).await;
            number += 1;
        }
    }

    fn left(&self, request: &Request) -> Duration {
        let gone = self.clock.elapsed().saturating_sub(request.began);
        // A call that may take longer for one exchange may take longer in all.
        let whole = self.deadline.max(request.timeout.unwrap_or_default());
        whole.saturating_sub(gone)
    }

    async fn exchange(&self, request: &Request, number: u32, left: Duration) -> Result<Raw, Broken> {
        let waited = self.clock.elapsed();
        let turn = self.pace.turn(left).await;
        let left = left.saturating_sub(self.clock.elapsed().saturating_sub(waited));
        let deadline = request.timeout.unwrap_or(self.timeout).min(left);
        let (at, began) = (self.clock.now(), self.clock.elapsed());
        let result = match turn {
            Some(_turn) if !deadline.is_zero() => self.once(request, deadline, at).await,
            _ => Err(Broken::TooLate),
        };
        let exchange = Exchange {
            at,
            method: request.method.to_string(),
            url: redact::url(&request.url),
            service: request.service.project(),
            operation: request.operation.to_string(),
            status: result.as_ref().ok().map(|raw| raw.status),
            request_id: result.as_ref().ok().and_then(|raw| raw.request_id.clone()),
            ms: u64::try_from(self.clock.elapsed().saturating_sub(began).as_millis()).unwrap_or(u64::MAX),
            attempt: number,
            failure: result
                .as_ref()
                .err()
                .map(|broken| error::broken(request, broken).words().to_owned()),
        };
        tracing::debug!(
            method = exchange.method,
            url = exchange.url,
            service = exchange.service,
            operation = exchange.operation,
            status = exchange.status,
            request_id = exchange.request_id,
            ms = exchange.ms,
            attempt = number,
            "exchanged"
        );
        if let Some(trace) = &self.trace {
            trace.exchanged(&exchange);
        }
        result
    }

    async fn once(&self, request: &Request, deadline: Duration, now: Timestamp) -> Result<Raw, Broken> {
        let broken = |e| Broken::from(e, deadline);
        let mut builder = self
            .http
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .timeout(deadline);
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let mut response = builder.send().await.map_err(broken)?;
        let claimed = response.content_length().unwrap_or_default();
        if claimed > self.limit as u64 {
            return Err(Broken::TooLarge(self.limit));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > self.limit {
                return Err(Broken::TooLarge(self.limit));
            }
            body.extend_from_slice(&chunk);
        }
        let headers = std::mem::take(response.headers_mut());
        Ok(Raw {
            status: response.status().as_u16(),
            request_id: request_id(&headers),
            retry_after: retry_after(&headers, now),
            location: text(&headers, "location").map(|to| location(&request.url, to)),
            headers,
            body: body.freeze(),
        })
    }
}

/// From 0 to 1. Chance enters here and not through the options: it only spreads waits, and `decide` is given it as a value.
fn chance() -> f64 {
    let bytes = uuid::Uuid::new_v4().into_bytes();
    f64::from(u16::from_be_bytes([bytes[0], bytes[1]])) / f64::from(u16::MAX)
}

fn told_attempts(error: Error, number: u32) -> Error {
    if number == 1 {
        return error;
    }
    let words = format!("{} (after {number} attempts)", error.words());
    error.happened(words)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(HeaderValue::to_str)?.ok()
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = text(headers, "x-openstack-request-id").or_else(|| text(headers, "x-compute-request-id"))?;
    Some(id.chars().take(64).collect())
}

/// Seconds, or a date. A date counts from the answer's own `Date`, so that a clock that is wrong on either side does not matter.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let said = text(headers, "retry-after")?.trim();
    if let Ok(seconds) = said.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|z| z.timestamp());
    let from = text(headers, "date").and_then(date).unwrap_or(now);
    Some(Duration::try_from(date(said)?.duration_since(from)).unwrap_or_default())
}

fn location(from: &Url, to: &str) -> String {
    from.join(to).map_or_else(
        |_| "an address that is none".to_owned(),
        |mut url| {
            url.set_query(None);
            redact::url(&url)
        },
    )
}
