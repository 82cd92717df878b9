//! How each service says no.

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::client::service::Kind;

/// An answer that is an error, in the service's own words.
#[derive(Debug)]
pub(super) struct Refusal {
    answer: Box<Response>,
    words: String,
}

/// What a handler gives.
pub(super) type Answer = Result<Response, Refusal>;

/// Marks an answer that keystonemiddleware gave, before the service saw the call.
#[derive(Debug, Clone, Copy)]
pub(super) struct BeforeService;

/// Glance's words, kept beside its JSON body: it says them in HTML to who does not ask for JSON.
#[derive(Debug, Clone)]
pub(super) struct GlanceWords(pub(super) String);

impl Refusal {
    /// An answer with any status and body.
    pub(super) fn new(status: u16, body: Value) -> Self {
        Self {
            words: words(&body).unwrap_or_default().to_owned(),
            answer: Box::new((code(status), Json(body)).into_response()),
        }
    }

    /// The error body of a service; for Neutron `kind` is the exception's class and stands in `type`.
    pub(super) fn of(service: Kind, status: u16, words: &str) -> Self {
        match service {
            Kind::Identity => Self::keystone(status, words),
            Kind::Compute | Kind::BlockStorage => Self::nova(status, words),
            Kind::Network => Self::neutron(status, neutron_type(status), words),
            Kind::Image => Self::glance(status, words),
            Kind::LoadBalancer => Self::octavia(status, words),
            Kind::Placement => Self::placement(status, words),
        }
    }

    /// Keystone's: `{"error":{"code","title","message"}}`.
    pub(super) fn keystone(status: u16, words: &str) -> Self {
        Self::new(
            status,
            json!({"error": {"code": status, "message": words, "title": title(status)}}),
        )
    }

    /// Nova's and Cinder's: one member, named by the status.
    pub(super) fn nova(status: u16, words: &str) -> Self {
        let name = match status {
            400 => "badRequest",
            401 => "unauthorized",
            403 => "forbidden",
            404 => "itemNotFound",
            405 => "badMethod",
            409 => "conflictingRequest",
            413 | 429 => "overLimit",
            415 => "badMediaType",
            501 => "notImplemented",
            503 => "serviceUnavailable",
            _ => "computeFault",
        };
        let mut body = json!({ name: {"code": status, "message": words} });
        if matches!(status, 413 | 429) {
            body[name]["retryAfter"] = json!("0");
            return Self::new(status, body).with(header::RETRY_AFTER, "0");
        }
        Self::new(status, body)
    }

    /// Neutron's: `{"NeutronError":{"type","message","detail"}}`; the type is the name of the exception's class.
    pub(super) fn neutron(status: u16, kind: &str, words: &str) -> Self {
        Self::new(
            status,
            json!({"NeutronError": {"type": kind, "message": words, "detail": ""}}),
        )
    }

    /// Glance's: JSON for who accepts it, else HTML.
    pub(super) fn glance(status: u16, words: &str) -> Self {
        let whole = format!("{status} {}", title(status));
        let mut refusal = Self::new(
            status,
            json!({"message": format!("{words}<br /><br />\n\n\n"), "code": whole, "title": title(status)}),
        );
        refusal
            .answer
            .extensions_mut()
            .insert(GlanceWords(words.to_owned()));
        refusal
    }

    /// Octavia's: `{"faultcode","faultstring","debuginfo"}`.
    pub(super) fn octavia(status: u16, words: &str) -> Self {
        let side = if status >= 500 { "Server" } else { "Client" };
        Self::new(
            status,
            json!({"faultcode": side, "faultstring": words, "debuginfo": null}),
        )
    }

    /// Placement's: a list of errors.
    pub(super) fn placement(status: u16, words: &str) -> Self {
        let framework = match status {
            403 => "Access was denied to this resource.",
            404 => "The resource could not be found.",
            _ => {
                "The server could not comply with the request since it is either malformed or otherwise incorrect."
            }
        };
        let detail = format!("{framework}\n\n {words}   ");
        Self::new(
            status,
            json!({"errors": [{"status": status, "title": title(status), "detail": detail}]}),
        )
    }

    /// What keystonemiddleware says, before any service, to who has no valid token.
    pub(super) fn token(auth_url: &str) -> Self {
        let words = "The request you have made requires authentication.";
        let mut refusal = Self::keystone(401, words).naming(auth_url);
        refusal.answer.extensions_mut().insert(BeforeService);
        refusal
    }

    /// With the header that says whom to ask for a token.
    pub(super) fn naming(self, auth_url: &str) -> Self {
        self.with(header::WWW_AUTHENTICATE, &format!("Keystone uri=\"{auth_url}\""))
    }

    /// What a service says of a path that it does not have (404), or not with this verb (405). Most leave it to their frameworks.
    pub(super) fn unrouted(service: Kind, status: u16) -> Self {
        let words = "The resource could not be found.";
        match service {
            Kind::Compute | Kind::BlockStorage | Kind::Image if status == 404 => Self::glance(status, words),
            Kind::LoadBalancer => Self::new(
                status,
                json!({"code": status, "title": title(status), "description": ""}),
            ),
            Kind::Identity if status == 404 => Self {
                answer: Box::new(
                    (
                        code(status),
                        Html("<!doctype html>\n<title>404 Not Found</title>\n"),
                    )
                        .into_response(),
                ),
                words: String::new(),
            },
            Kind::Compute
            | Kind::BlockStorage
            | Kind::Image
            | Kind::Identity
            | Kind::Network
            | Kind::Placement => Self::of(service, status, words),
        }
    }

    /// What it says, for a service that passes it on.
    pub(super) fn words(&self) -> String {
        self.words.clone()
    }

    pub(super) fn headers_mut(&mut self) -> &mut HeaderMap {
        self.answer.headers_mut()
    }

    /// With a header more.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.answer.headers_mut().insert(name, value);
        }
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.answer
    }
}

pub(super) fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn title(status: u16) -> &'static str {
    match status {
        413 => "Request Entity Too Large",
        429 => "Too Many Requests",
        _ => code(status).canonical_reason().unwrap_or("Error"),
    }
}

fn neutron_type(status: u16) -> &'static str {
    match status {
        400 => "HTTPBadRequest",
        403 => "PolicyNotAuthorized",
        404 => "HTTPNotFound",
        409 => "Conflict",
        429 => "HTTPTooManyRequests",
        503 => "ServiceUnavailable",
        _ => "HTTPInternalServerError",
    }
}

/// The words in the error body of any service.
fn words(body: &Value) -> Option<&str> {
    let said = ["message", "faultstring", "detail"]
        .into_iter()
        .find_map(|name| body.get(name)?.as_str());
    said.or_else(|| match body {
        Value::Object(members) => members.values().find_map(words),
        Value::Array(items) => items.iter().find_map(words),
        _ => None,
    })
}
