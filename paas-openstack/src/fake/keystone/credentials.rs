//! Application credentials.

use axum::extract::{Path, State};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::{
    client::service::Kind,
    fake::{
        collection::{Object, micros, object, text},
        query::Query,
        refusal::{Answer, Refusal},
        request::{Sent, empty, json},
        who::Who,
        world::{Shared, World},
    },
};

/// An application credential.
#[derive(Debug, Clone)]
pub(super) struct Credential {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) secret: SecretString,
    pub(super) user: String,
    pub(super) project: String,
    /// Names.
    pub(super) roles: Vec<String>,
    /// None when it was not said, which means no.
    pub(super) unrestricted: Option<bool>,
    pub(super) expires: Option<Timestamp>,
    pub(super) seeded: bool,
}

impl Credential {
    /// For the snapshot: without its secret.
    pub(super) fn kept(&self) -> Object {
        object(
            json!({"id": self.id, "name": self.name, "project_id": self.project, "user_id": self.user, "_seeded": self.seeded}),
        )
    }

    fn shown(&self, world: &World, keystone: &super::State) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "project_id": self.project,
            "user_id": self.user,
            "roles": keystone.roles_shown(&self.roles).into_iter().map(|mut role| {
                // The roles that Keystone makes by itself cannot be changed.
                let own = ["admin", "manager", "member", "reader"].contains(&text(&role, "name"));
                let options = if own { json!({"immutable": true}) } else { json!({}) };
                role.extend(object(json!({"domain_id": null, "description": null, "options": options})));
                role
            }).collect::<Vec<_>>(),
            "expires_at": self.expires.map(micros),
            "unrestricted": self.unrestricted,
            "system": null,
            "links": {"self": link(world, &self.user, &self.id)},
        })
    }
}

fn link(world: &World, user: &str, id: &str) -> String {
    let slash = if id.is_empty() { "" } else { "/" };
    world.url(
        Kind::Identity,
        &format!("/v3/users/{user}/application_credentials{slash}{id}"),
    )
}

/// `GET …/application_credentials`.
pub(super) async fn list(
    State(world): State<Shared>,
    who: Who,
    Path(user): Path<String>,
    query: Query,
) -> Answer {
    own(&who, &user)?;
    let state = world.state();
    let name = query.get("name");
    let all: Vec<Value> = state
        .keystone
        .credentials
        .iter()
        .filter(|one| one.user == user && name.is_none_or(|name| name == one.name))
        .map(|one| one.shown(&world, &state.keystone))
        .collect();
    let links = json!({"self": link(&world, &user, ""), "previous": null, "next": null});
    Ok(json(200, json!({"application_credentials": all, "links": links})))
}

/// `GET …/application_credentials/{id}`.
pub(super) async fn show(
    State(world): State<Shared>,
    who: Who,
    Path((user, id)): Path<(String, String)>,
) -> Answer {
    own(&who, &user)?;
    let state = world.state();
    let found = state
        .keystone
        .credentials
        .iter()
        .find(|one| one.user == user && one.id == id)
        .ok_or_else(|| unknown(&id))?;
    Ok(json(
        200,
        json!({"application_credential": found.shown(&world, &state.keystone)}),
    ))
}

/// `POST …/application_credentials`: the only answer that shows the secret.
pub(super) async fn create(
    State(world): State<Shared>,
    who: Who,
    Path(user): Path<String>,
    sent: Sent,
) -> Answer {
    own(&who, &user)?;
    let wanted = sent.member("application_credential")?;
    let mut state = world.state();
    let keystone = &mut state.keystone;
    unrestricted(keystone, &who)?;
    if who.project.is_empty() {
        return Err(Refusal::keystone(
            400,
            "Unable to create an application credential with a token that is for no project.",
        ));
    }
    let name = text(wanted, "name");
    if name.is_empty() || name.len() > 255 {
        return Err(Refusal::keystone(
            400,
            "Invalid input for field/attribute application_credential. 'name' is a required property",
        ));
    }
    if keystone
        .credentials
        .iter()
        .any(|one| one.user == user && one.name == name)
    {
        return Err(Refusal::keystone(
            409,
            &format!(
                "Conflict occurred attempting to store application_credential - Duplicate entry found with name {name}."
            ),
        ));
    }
    let roles = roles(keystone, &who, wanted)?;
    let expires = match wanted.get("expires_at").and_then(Value::as_str) {
        None => None,
        Some(text) => Some(time(text).ok_or_else(|| {
            Refusal::keystone(400, &format!("Invalid input for field 'expires_at': {text}"))
        })?),
    };
    let secret = match wanted.get("secret").and_then(Value::as_str) {
        Some(secret) => SecretString::from(secret),
        None => world.setup.random.secret(),
    };
    let made = Credential {
        id: world.hex_id(),
        name: name.to_owned(),
        description: wanted
            .get("description")
            .and_then(Value::as_str)
            .map(str::to_owned),
        secret,
        user,
        project: who.project,
        roles,
        unrestricted: wanted.get("unrestricted").and_then(Value::as_bool),
        expires,
        seeded: false,
    };
    let mut shown = made.shown(&world, keystone);
    shown["secret"] = json!(made.secret.expose_secret());
    keystone.credentials.push(made);
    Ok(json(201, json!({"application_credential": shown})))
}

/// `DELETE …/application_credentials/{id}`: its tokens end with it.
pub(super) async fn delete(
    State(world): State<Shared>,
    who: Who,
    Path((user, id)): Path<(String, String)>,
) -> Answer {
    own(&who, &user)?;
    let mut state = world.state();
    let keystone = &mut state.keystone;
    unrestricted(keystone, &who)?;
    let at = keystone
        .credentials
        .iter()
        .position(|one| one.user == user && one.id == id)
        .ok_or_else(|| unknown(&id))?;
    keystone.credentials.remove(at);
    keystone
        .tokens
        .retain(|_, token| token.credential.as_deref() != Some(id.as_str()));
    Ok(empty(204))
}

/// `GET …/access_rules`: there are none.
pub(super) async fn access_rules(State(world): State<Shared>, who: Who, Path(user): Path<String>) -> Answer {
    own(&who, &user)?;
    let link = world.url(Kind::Identity, &format!("/v3/users/{user}/access_rules"));
    Ok(json(
        200,
        json!({"access_rules": [], "links": {"self": link, "previous": null, "next": null}}),
    ))
}

/// The roles that are asked for must be the token's; none means all of them.
fn roles(keystone: &super::State, who: &Who, wanted: &Object) -> Result<Vec<String>, Refusal> {
    let Some(asked) = wanted
        .get("roles")
        .and_then(Value::as_array)
        .filter(|roles| !roles.is_empty())
    else {
        return Ok(who.roles.clone());
    };
    let named = |role: &Value| {
        let by_id = role.get("id").and_then(Value::as_str);
        let found = keystone
            .roles
            .iter()
            .find(|known| Some(known.id.as_str()) == by_id);
        let name = found.map(|role| role.name.as_str());
        name.or_else(|| role.get("name").and_then(Value::as_str))
            .unwrap_or_default()
            .to_owned()
    };
    let names: Vec<String> = asked.iter().map(named).collect();
    if names.iter().all(|name| who.has(name)) {
        return Ok(names);
    }
    Err(Refusal::keystone(
        400,
        "Invalid application credential: Cannot create an application credential with unassigned role",
    ))
}

/// Restricted application credentials make and delete none.
fn unrestricted(keystone: &super::State, who: &Who) -> Result<(), Refusal> {
    let id = keystone
        .tokens
        .get(&who.token)
        .and_then(|token| token.credential.as_deref());
    let restricted = keystone
        .credentials
        .iter()
        .any(|one| Some(one.id.as_str()) == id && one.unrestricted != Some(true));
    if restricted {
        return Err(Refusal::keystone(
            403,
            "You are not authorized to perform the requested action: Using method 'application_credential' is not allowed for managing \
             additional application credentials.",
        ));
    }
    Ok(())
}

fn own(who: &Who, user: &str) -> Result<(), Refusal> {
    if who.user == user || who.is_admin() {
        return Ok(());
    }
    Err(Refusal::keystone(
        403,
        "You are not authorized to perform the requested action.",
    ))
}

fn unknown(id: &str) -> Refusal {
    Refusal::keystone(404, &format!("Could not find Application Credential: {id}."))
}

/// Times come with or without a zone; without one they are UTC.
fn time(text: &str) -> Option<Timestamp> {
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}
