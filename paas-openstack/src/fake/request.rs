//! Bodies: JSON in, JSON out.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;

use super::{
    collection::Object,
    refusal::{Refusal, code},
};
use crate::client::service::Kind;

/// The JSON body of a call; `null` when there is none.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) body: Value,
    service: Kind,
}

impl Sent {
    /// The member that wraps a resource: `{"server": {…}}`.
    pub(super) fn member(&self, name: &str) -> Result<&Object, Refusal> {
        self.body
            .get(name)
            .and_then(Value::as_object)
            .ok_or_else(|| Refusal::of(self.service, 400, &format!("'{name}' is a required property")))
    }
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let service = service_of(&request);
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|_| Refusal::of(service, 413, "The request body is too large."))?;
        if bytes.is_empty() {
            return Ok(Self {
                body: Value::Null,
                service,
            });
        }
        let body = serde_json::from_slice(&bytes)
            .map_err(|_| Refusal::of(service, 400, if service == Kind::Identity {
                "Expecting to find valid JSON in request body. The server could not comply with the request since it is either malformed or \
                 otherwise incorrect. The client is assumed to be in error."
            } else {
                "Malformed request body"
            }))?;
        Ok(Self { body, service })
    }
}

/// The service that a request is for, as the edge found it.
fn service_of(request: &Request) -> Kind {
    request
        .extensions()
        .get::<Kind>()
        .copied()
        .unwrap_or(Kind::Identity)
}

/// An answer with a status and a JSON body.
pub(super) fn json(status: u16, body: impl Serialize) -> Response {
    (code(status), Json(body)).into_response()
}

/// An answer without a body.
pub(super) fn empty(status: u16) -> Response {
    code(status).into_response()
}

/// The id of a call, as its answer says it.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestId(pub(super) String);

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
