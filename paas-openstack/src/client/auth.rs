//! Asking Keystone for a token.

use paas_core::{
    error::{Class, Error},
    secrets::{ExposeSecret, SecretString},
};
use reqwest::{
    Method,
    header::{HeaderMap, HeaderValue},
};
use serde_json::{Value, json};
use url::Url;

use super::{
    error::{refused, strange},
    redact,
    service::Kind,
    token::Token,
    transport::{Raw, Request, Transport},
};
use crate::{
    cloud::{Credential, Domain, Identity, Named, Scope},
    codes::{OS_ANSWER, OS_EXPIRED, OS_LOGIN, OS_MFA},
};

const OPERATION: &str = "log in";

/// Where the API of Keystone begins, from an address with or without its version.
pub(crate) fn keystone(auth_url: &Url) -> Url {
    let mut url = auth_url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/');
    let path = path
        .strip_suffix("/v3")
        .or_else(|| path.strip_suffix("/v2.0"))
        .unwrap_or(path);
    let path = format!("{path}/v3");
    url.set_path(&path);
    url
}

/// Asks once, with the transport's retries: a token more has no effect on anything.
///
/// `before` says that the same credential was accepted earlier: a refusal then means that it ended, not that it is wrong.
pub(crate) async fn token(
    transport: &Transport,
    keystone: &Url,
    identity: &Identity,
    scope: &Scope,
    before: bool,
) -> Result<Token, Error> {
    let body = request_body(identity, scope);
    let mut secrets = Vec::new();
    redact::collect(&body, &mut secrets);
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("accept", HeaderValue::from_static("application/json"));
    let mut url = keystone.clone();
    url.set_path(&format!("{}/auth/tokens", keystone.path()));
    let request = Request {
        service: Kind::Identity,
        operation: OPERATION.into(),
        method: Method::POST,
        url,
        headers,
        body: Some(body.to_string().into()),
        mutates: false,
        timeout: None,
        secrets,
        began: transport.clock.elapsed(),
        expects: &[401, 404],
    };
    let raw = transport.send(&request).await?;
    if raw.status == 401 || raw.status == 404 {
        return Err(not_accepted(&request, &raw, identity, before));
    }
    let secret = raw
        .headers
        .get("x-subject-token")
        .and_then(|value| value.to_str().ok());
    let Some(secret) = secret.filter(|secret| !secret.is_empty()) else {
        return Err(strange(&request, &raw, "there is no token in it"));
    };
    Token::read(&raw.body, SecretString::from(secret))
        .map_err(|_| strange(&request, &raw, "it does not describe a token"))
}

fn not_accepted(request: &Request, raw: &Raw, identity: &Identity, before: bool) -> Error {
    let (_, plain) = refused(request, raw);
    let api = super::ApiError::of(&plain);
    let words = api.map(|api| api.words.clone()).unwrap_or_default();
    // Keystone answers 404 in its own words for a token or an application credential that it does not know.
    let unknown = api.is_some_and(|api| api.class == Class::NotFound);
    let receipt = raw.headers.contains_key("openstack-auth-receipt");
    let expired = before || words.contains("expired") || matches!(identity, Identity::Token(_));
    let (code, happened) = match raw.status {
        401 if receipt => (
            &OS_MFA,
            format!("Keystone asks for more than one method{}", methods(raw)),
        ),
        404 if !unknown && !matches!(identity, Identity::Token(_)) => (
            &OS_ANSWER,
            format!("there is no Keystone at {} ({words})", request.shown()),
        ),
        _ if expired => (
            &OS_EXPIRED,
            format!("{} is no longer accepted: {words}", named(identity)),
        ),
        _ => (&OS_LOGIN, format!("{} is not accepted: {words}", named(identity))),
    };
    let class = if code.id == OS_ANSWER.id {
        Class::Invalid
    } else {
        Class::Denied
    };
    let mut error = Error::new(code, class)
        .attempted(format!("log in at {}", request.shown()))
        .happened(happened);
    if let Some(id) = &raw.request_id {
        error = error.request_id(id);
    }
    match super::ApiError::of(&plain) {
        Some(api) => error.source_error(api.clone()),
        None => error,
    }
}

/// What is missing, from `{"receipt": …, "required_auth_methods": [["password", "totp"]]}`.
fn methods(raw: &Raw) -> String {
    let json: Value = serde_json::from_slice(&raw.body).unwrap_or_default();
    let ways = json.get("required_auth_methods").and_then(Value::as_array);
    let ways: Vec<String> = ways
        .into_iter()
        .flatten()
        .filter_map(Value::as_array)
        .map(|way| {
            way.iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(" and ")
        })
        .collect();
    if ways.is_empty() {
        String::new()
    } else {
        format!(": {}", ways.join(", or "))
    }
}

/// Who asked, for messages; never with what proves it.
fn named(identity: &Identity) -> String {
    let of = |named: &Named| match named {
        Named::Id(id) => format!("with the id {id}"),
        Named::Name { name, .. } => format!("'{name}'"),
    };
    match identity {
        Identity::Password { user, .. } => format!("the password of the user {}", of(user)),
        Identity::ApplicationCredential { credential, .. } => match credential {
            Credential::Id(id) => format!("the application credential {id}"),
            Credential::Name { name, user } => {
                format!("the application credential '{name}' of the user {}", of(user))
            }
        },
        Identity::Token(_) => "the token".to_owned(),
    }
}

fn request_body(identity: &Identity, scope: &Scope) -> Value {
    let identity_json = match identity {
        Identity::Password { user, password } => {
            let mut user = named_json(user);
            user["password"] = json!(password.expose_secret());
            json!({ "methods": ["password"], "password": { "user": user } })
        }
        Identity::ApplicationCredential { credential, secret } => {
            let mut credential = match credential {
                Credential::Id(id) => json!({ "id": id }),
                Credential::Name { name, user } => json!({ "name": name, "user": named_json(user) }),
            };
            credential["secret"] = json!(secret.expose_secret());
            json!({ "methods": ["application_credential"], "application_credential": credential })
        }
        Identity::Token(token) => json!({ "methods": ["token"], "token": { "id": token.expose_secret() } }),
    };
    let mut auth = json!({ "identity": identity_json });
    // An application credential has its project; Keystone refuses to be told.
    let fixed = matches!(identity, Identity::ApplicationCredential { .. });
    if let Some(scope) = scope_json(scope).filter(|_| !fixed) {
        auth["scope"] = scope;
    }
    json!({ "auth": auth })
}

fn scope_json(scope: &Scope) -> Option<Value> {
    match scope {
        Scope::Project(project) => Some(json!({ "project": named_json(project) })),
        Scope::Domain(domain) => Some(json!({ "domain": domain_json(domain) })),
        Scope::System => Some(json!({ "system": { "all": true } })),
        Scope::Unspecified => None,
    }
}

fn named_json(named: &Named) -> Value {
    match named {
        Named::Id(id) => json!({ "id": id }),
        Named::Name { name, domain } => json!({ "name": name, "domain": domain_json(domain) }),
    }
}

fn domain_json(domain: &Domain) -> Value {
    match domain {
        Domain::Id(id) => json!({ "id": id }),
        Domain::Name(name) => json!({ "name": name }),
    }
}
