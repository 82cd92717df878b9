//! Tokens: what they say, whether they are valid, and their end.

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::catalog;
use crate::fake::{
    query::Query,
    refusal::{Answer, Refusal},
    request::{self, empty},
    who::Who,
    world::{Shared, World},
};

/// How tokens of this kind, Fernet, begin.
pub(super) const BEGIN: &str = "gAAAAAB";

/// A token that was given.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) user: String,
    pub(super) project: Option<String>,
    /// Names.
    pub(super) roles: Vec<String>,
    pub(super) methods: Vec<&'static str>,
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) audit: String,
    /// The id of the application credential that it was made from.
    pub(super) credential: Option<String>,
}

/// `GET /v3/auth/tokens`: whether the token in `X-Subject-Token` is valid, and what it is.
pub(super) async fn show(State(world): State<Shared>, who: Who, query: Query, headers: HeaderMap) -> Answer {
    let state = world.state();
    let subject = subject(&headers)?;
    let token = state
        .keystone
        .tokens
        .get(subject)
        .filter(|token| token.expires > world.now());
    let token = token
        .filter(|token| token.user == who.user || who.is_admin())
        .ok_or_else(|| unknown(subject))?;
    let body = body(
        &world,
        &state.keystone,
        token,
        !query.names().contains(&"nocatalog"),
    );
    let named: Response = (
        [("x-subject-token", subject.to_owned())],
        request::json(200, body),
    )
        .into_response();
    Ok(named)
}

/// `DELETE /v3/auth/tokens`: the end of the token in `X-Subject-Token`.
pub(super) async fn revoke(State(world): State<Shared>, who: Who, headers: HeaderMap) -> Answer {
    let mut state = world.state();
    let subject = subject(&headers)?;
    let own = state
        .keystone
        .tokens
        .get(subject)
        .is_some_and(|token| token.user == who.user || who.is_admin());
    if !own {
        return Err(unknown(subject));
    }
    state.keystone.tokens.remove(subject);
    Ok(empty(204))
}

/// What a token says.
pub(super) fn body(world: &World, keystone: &super::State, token: &Token, with_catalog: bool) -> Value {
    let domain = json!({"id": "default", "name": "Default"});
    let user = keystone.user(&token.user).map_or("", |user| user.name.as_str());
    let mut body = json!({
        "methods": token.methods,
        "user": {"domain": domain, "id": token.user, "name": user, "password_expires_at": null},
        "audit_ids": [token.audit],
        "expires_at": said(token.expires),
        "issued_at": said(token.issued),
    });
    if let Some(project) = token.project.as_ref().and_then(|id| keystone.project(id)) {
        body["project"] = json!({"domain": domain, "id": project.id, "name": project.name});
        body["is_domain"] = json!(false);
        body["roles"] = json!(keystone.roles_shown(&token.roles));
        if with_catalog {
            body["catalog"] = json!(catalog::of(world, &project.id));
        }
    }
    if let Some(credential) = token
        .credential
        .as_ref()
        .and_then(|id| keystone.credentials.iter().find(|c| c.id == *id))
    {
        body["application_credential"] = json!({"id": credential.id, "name": credential.name, "restricted": credential.unrestricted != Some(true)});
    }
    json!({"token": body})
}

fn said(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

fn subject(headers: &HeaderMap) -> Result<&str, Refusal> {
    headers
        .get("x-subject-token")
        .and_then(|token| token.to_str().ok())
        .ok_or_else(|| Refusal::keystone(400, "Missing required header X-Subject-Token."))
}

fn unknown(token: &str) -> Refusal {
    let ours = token.starts_with(BEGIN);
    let words = if ours {
        "Failed to validate token"
    } else {
        "Could not recognize Fernet token"
    };
    Refusal::keystone(404, words)
}
