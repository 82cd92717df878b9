//! A call before it is sent, and its reply.

use std::{borrow::Cow, fmt, time::Duration};

use bytes::Bytes;
use reqwest::{
    Method, StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use secrecy::SecretString;
use serde_json::Value;

use super::{redact, service::Kind, shape::one_line, version::Need};

/// One call to one service. A value: nothing happens until [`super::Client::send`].
#[derive(Clone)]
#[must_use = "a call does nothing until it is sent"]
pub struct Call {
    pub(crate) service: Kind,
    pub(crate) operation: Cow<'static, str>,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) need: Need,
    pub(crate) mutates: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) secrets: Vec<SecretString>,
    pub(crate) malformed: Option<String>,
}

impl Call {
    /// A call of any method. `operation` is a verb phrase for messages: `create server`. `path` is relative to the root of the
    /// service's version (`servers/detail`); whatever a person or a cloud chose in it goes through [`segment`].
    pub fn new(
        method: Method,
        service: Kind,
        operation: impl Into<Cow<'static, str>>,
        path: impl Into<String>,
    ) -> Self {
        let mutates = !(method == Method::GET || method == Method::HEAD || method == Method::OPTIONS);
        Self {
            service,
            operation: operation.into(),
            method,
            path: path.into(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: None,
            need: Need::None,
            mutates,
            timeout: None,
            secrets: Vec::new(),
            malformed: None,
        }
    }

    /// Reads.
    pub fn get(service: Kind, operation: impl Into<Cow<'static, str>>, path: impl Into<String>) -> Self {
        Self::new(Method::GET, service, operation, path)
    }

    /// Creates, or acts.
    pub fn post(service: Kind, operation: impl Into<Cow<'static, str>>, path: impl Into<String>) -> Self {
        Self::new(Method::POST, service, operation, path)
    }

    /// Sets.
    pub fn put(service: Kind, operation: impl Into<Cow<'static, str>>, path: impl Into<String>) -> Self {
        Self::new(Method::PUT, service, operation, path)
    }

    /// Changes in part.
    pub fn patch(service: Kind, operation: impl Into<Cow<'static, str>>, path: impl Into<String>) -> Self {
        Self::new(Method::PATCH, service, operation, path)
    }

    /// Deletes.
    pub fn delete(service: Kind, operation: impl Into<Cow<'static, str>>, path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, service, operation, path)
    }

    /// Adds a parameter; the same name may come several times.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// A JSON body. Values of members that are secret by their name (`password`, `user_data`, …) are taken out of error messages,
    /// since services like to quote what they refuse.
    pub fn body(mut self, json: Value) -> Self {
        redact::collect(&json, &mut self.secrets);
        self.body = Some(Bytes::from(json.to_string()));
        self.header("content-type", "application/json")
    }

    /// A body of another kind: an image's data, a JSON patch.
    pub fn bytes(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", content_type)
    }

    /// Sets a header: `If-Match`. One that no header can be is said when the call is sent.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            _ => self.malformed = Some(format!("a header '{}' that none can be", one_line(name))),
        }
        self
    }

    /// The microversion that it needs.
    pub fn microversion(mut self, need: Need) -> Self {
        self.need = need;
        self
    }

    /// A POST that changes nothing (reading a console): it may be repeated like a GET.
    pub fn reads(mut self) -> Self {
        self.mutates = false;
        self
    }

    /// Another deadline for one exchange than the cloud's: an upload takes its time.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// What must not appear in any message although the service may quote it.
    pub fn secret(mut self, secret: SecretString) -> Self {
        self.secrets.push(secret);
        self
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("service", &self.service)
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("need", &self.need)
            .field("body", &self.body.as_ref().map(Bytes::len))
            .finish_non_exhaustive()
    }
}

/// `text` as one segment of a path: everything but letters, digits and `-._~` is percent-encoded.
///
/// ```
/// assert_eq!(paas_openstack::client::segment("a/b c"), "a%2Fb%20c");
/// ```
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A successful answer.
#[derive(Clone)]
pub struct Reply {
    /// 200 to 299.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// The id under which the service logged the call.
    pub request_id: Option<String>,
    /// The body as it came.
    pub body: Bytes,
}

impl fmt::Debug for Reply {
    /// Without the body and the headers: either may carry a secret that is shown only once.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("request_id", &self.request_id)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}
