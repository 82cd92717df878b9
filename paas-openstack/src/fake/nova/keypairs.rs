//! Key pairs: they belong to a user, not to a project.

use axum::extract::{Path, State};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{limits, page};
use crate::fake::{
    collection::{Object, micros, object, text},
    microversion::Microversion,
    query::Query,
    refusal::{Answer, Refusal},
    request::{Sent, empty, json},
    who::Who,
    world::Shared,
};

/// A key pair; the private half is nowhere.
#[derive(Debug, Clone)]
pub(super) struct KeyPair {
    pub(super) user: String,
    pub(super) name: String,
    public_key: String,
    kind: String,
    number: usize,
    created: Timestamp,
}

impl KeyPair {
    /// For the snapshot.
    pub(super) fn kept(&self) -> Object {
        object(
            json!({"name": self.name, "user_id": self.user, "type": self.kind, "public_key": self.public_key}),
        )
    }

    fn shown(&self, version: Microversion) -> Object {
        let mut shown = object(
            json!({"name": self.name, "public_key": self.public_key, "fingerprint": self.fingerprint()}),
        );
        if version.has(2, 2) {
            shown.insert("type".into(), json!(self.kind));
        }
        shown
    }

    /// Shaped as the MD5 of a key; it is not one.
    fn fingerprint(&self) -> String {
        let digest = Uuid::new_v5(&Uuid::NAMESPACE_OID, self.public_key.as_bytes());
        digest.as_bytes().map(|byte| format!("{byte:02x}")).join(":")
    }
}

/// `GET /os-keypairs`.
pub(super) async fn list(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    query: Query,
) -> Answer {
    let state = world.state();
    let mut own: Vec<&KeyPair> = state
        .nova
        .keypairs
        .iter()
        .filter(|pair| pair.user == who.user)
        .collect();
    own.sort_by(|a, b| a.name.cmp(&b.name));
    let last = page::cut(&mut own, &query, page::limit(&query), |pair| &pair.name)?;
    let mut body = json!({"keypairs": own.iter().map(|pair| json!({"keypair": pair.shown(version)})).collect::<Vec<_>>()});
    if let Some(last) = last.filter(|_| version.has(2, 35)) {
        body["keypairs_links"] = page::links(&world, "/v2.1/os-keypairs", &query, &last);
    }
    Ok(json(200, body))
}

/// `GET /os-keypairs/{name}`.
pub(super) async fn show(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path(name): Path<String>,
) -> Answer {
    let state = world.state();
    let pair = state
        .nova
        .keypairs
        .iter()
        .find(|pair| pair.user == who.user && pair.name == name);
    let pair = pair.ok_or_else(|| unknown(&who, &name))?;
    let mut shown = pair.shown(version);
    shown.extend(object(json!({"id": pair.number, "user_id": pair.user, "created_at": micros(pair.created), "updated_at": null,
        "deleted": false, "deleted_at": null})));
    Ok(json(200, json!({"keypair": shown})))
}

/// `POST /os-keypairs`: 201 (200 before 2.2); a second one of the name is 409.
pub(super) async fn create(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    sent: Sent,
) -> Answer {
    let wanted = sent.member("keypair")?;
    let name = text(wanted, "name").trim();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '@' | '.');
    if name.is_empty() || name.len() > 255 || !name.chars().all(allowed) {
        return Err(Refusal::nova(
            400,
            "Keypair data is invalid: Keypair name must be string and between 1 and 255 characters long",
        ));
    }
    let given = wanted.get("public_key").and_then(Value::as_str);
    if given.is_none() && version.has(2, 92) {
        return Err(Refusal::nova(
            400,
            "Invalid input for field/attribute keypair. 'public_key' is a required property",
        ));
    }
    if given
        .is_some_and(|key| !key.starts_with("ssh-") && !key.starts_with("ecdsa-") && !key.starts_with("sk-"))
    {
        return Err(Refusal::nova(
            400,
            "Keypair data is invalid: failed to generate fingerprint",
        ));
    }
    let mut state = world.state();
    let own = state.nova.keypairs.iter().filter(|pair| pair.user == who.user);
    if own.clone().any(|pair| pair.name == name) {
        return Err(Refusal::nova(409, &format!("Key pair '{name}' already exists.")));
    }
    let most = limits::of(&world, &state.nova, &who.project).key_pairs;
    if most >= 0 && own.count() as i64 >= most {
        return Err(Refusal::nova(403, "Quota exceeded, too many key pairs."));
    }
    let pair = KeyPair {
        user: who.user.clone(),
        name: name.to_owned(),
        public_key: given.map_or_else(
            || format!("ssh-rsa AAAAB3NzaC1yc2E{} Generated-by-Nova", world.hex_id()),
            str::to_owned,
        ),
        kind: Some(text(wanted, "type"))
            .filter(|kind| !kind.is_empty())
            .unwrap_or("ssh")
            .to_owned(),
        number: state.nova.keypairs.len() + 1,
        created: world.now(),
    };
    let mut shown = pair.shown(version);
    shown.insert("user_id".into(), json!(pair.user));
    if given.is_none() {
        shown.insert(
            "private_key".into(),
            json!("-----BEGIN RSA PRIVATE KEY-----\nnot a key\n-----END RSA PRIVATE KEY-----\n"),
        );
    }
    state.nova.keypairs.push(pair);
    Ok(json(
        if version.has(2, 2) { 201 } else { 200 },
        json!({"keypair": shown}),
    ))
}

/// `DELETE /os-keypairs/{name}`: 204 (202 before 2.2).
pub(super) async fn delete(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path(name): Path<String>,
) -> Answer {
    let mut state = world.state();
    let at = state
        .nova
        .keypairs
        .iter()
        .position(|pair| pair.user == who.user && pair.name == name);
    state
        .nova
        .keypairs
        .remove(at.ok_or_else(|| unknown(&who, &name))?);
    Ok(empty(if version.has(2, 2) { 204 } else { 202 }))
}

fn unknown(who: &Who, name: &str) -> Refusal {
    Refusal::nova(404, &format!("Keypair {name} not found for user {}", who.user))
}
