//! What was asked.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::client::service::Kind;

/// One call. Bodies and tokens are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Whom it was for.
    pub service: Kind,
    /// `GET`, `POST`, …
    pub method: String,
    /// The path without the service's prefix: `/v2.1/servers`. The project's id is left out of Nova's and Cinder's.
    pub path: String,
    /// The query as it was sent, without the question mark.
    pub query: String,
    /// The status of the answer; `None` when a fault ended the connection instead.
    pub status: Option<u16>,
    /// The project of the token, if there was a valid one.
    pub project: Option<String>,
    /// The id in the answer's `X-Openstack-Request-Id`.
    pub request_id: String,
    /// The microversion that was asked for.
    pub microversion: Option<String>,
    /// The client's `User-Agent`.
    pub user_agent: Option<String>,
    /// When it arrived, by the cloud's clock.
    pub at: Timestamp,
}

impl Recorded {
    /// Whether it could have changed something: POST, PUT, PATCH and DELETE, but not getting a token.
    pub fn mutates(&self) -> bool {
        let changes = matches!(self.method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE");
        changes && !(self.service == Kind::Identity && self.path == "/v3/auth/tokens")
    }
}

#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Vec<Recorded>>);

impl Ledger {
    pub(super) fn note(&self, call: Recorded) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    pub(super) fn calls(&self) -> Vec<Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
