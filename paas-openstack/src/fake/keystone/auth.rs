//! `POST /v3/auth/tokens`: from a proof to a token.

use axum::{extract::State, response::IntoResponse};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Token, tokens};
use crate::fake::{
    query::Query,
    refusal::{Answer, Refusal},
    request::{self, Sent},
    setup::User,
    world::{Shared, World},
};

/// What can be proved with here.
const METHODS: [&str; 3] = ["password", "token", "application_credential"];

/// Who somebody proved to be.
struct Proved {
    user: String,
    method: &'static str,
    /// The application credential's id.
    credential: Option<String>,
    /// A token made from a token does not live longer.
    until: Option<Timestamp>,
    /// What the proof itself is for: a credential's project, a token's.
    project: Option<String>,
}

/// Gives a token, and what it is in the body.
pub(super) async fn token(State(world): State<Shared>, query: Query, sent: Sent) -> Answer {
    let auth = sent
        .body
        .get("auth")
        .filter(|auth| auth.is_object())
        .ok_or_else(|| missing("auth"))?;
    let identity = auth
        .get("identity")
        .filter(|it| it.is_object())
        .ok_or_else(|| missing("identity"))?;
    let methods: Vec<&str> = identity
        .get("methods")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let method = *methods.first().ok_or_else(|| missing("methods"))?;

    let mut state = world.state();
    let now = world.now();
    let proof = identity.get(method).unwrap_or(&Value::Null);
    let proved = match method {
        "password" => by_password(&state.keystone, proof)?,
        "application_credential" => by_credential(&state.keystone, proof, now)?,
        "token" => by_token(&world, &state.keystone, proof, now)?,
        _ => {
            let words = "Attempted to authenticate with an unsupported method.";
            return Err(needs(words, json!({"methods": METHODS})));
        }
    };
    let scope = auth.get("scope");
    if proved.credential.is_some() && scope.is_some() && proved.method == "application_credential" {
        let words = "Error authenticating with application credential: Application credentials cannot request a scope.";
        return Err(needs(words, json!({})));
    }
    let made = scoped(&world, &state.keystone, proved, scope, now)?;

    let id = format!(
        "{}{}{}",
        tokens::BEGIN,
        world.setup.random.secret().expose_secret(),
        world.setup.random.secret().expose_secret()
    );
    let body = tokens::body(
        &world,
        &state.keystone,
        &made,
        !query.names().contains(&"nocatalog"),
    );
    state.keystone.tokens.insert(id.clone(), made);
    Ok((
        [("x-subject-token", id), ("vary", "X-Auth-Token".to_owned())],
        request::json(201, body),
    )
        .into_response())
}

fn by_password(keystone: &super::State, proof: &Value) -> Result<Proved, Refusal> {
    let said = proof.get("user").ok_or_else(|| missing("user"))?;
    let user = find_user(keystone, said)?;
    let password = said.get("password").and_then(Value::as_str).unwrap_or_default();
    if !user.enabled || user.password.expose_secret() != password {
        return Err(refused());
    }
    Ok(Proved {
        user: user.id.clone(),
        method: "password",
        credential: None,
        until: None,
        project: None,
    })
}

fn by_credential(keystone: &super::State, proof: &Value, now: Timestamp) -> Result<Proved, Refusal> {
    let id = proof.get("id").and_then(Value::as_str);
    let found = match id {
        Some(id) => keystone.credentials.iter().find(|one| one.id == id),
        None => {
            let user = find_user(keystone, proof.get("user").ok_or_else(|| missing("user"))?)?;
            let name = proof
                .get("name")
                .and_then(Value::as_str)
                .ok_or_else(|| missing("name"))?;
            keystone
                .credentials
                .iter()
                .find(|one| one.user == user.id && one.name == name)
        }
    };
    let secret = proof.get("secret").and_then(Value::as_str).unwrap_or_default();
    // A wrong secret is refused, an unknown credential is not found.
    let found = found.ok_or_else(|| {
        let named = id
            .or_else(|| proof.get("name").and_then(Value::as_str))
            .unwrap_or_default();
        Refusal::keystone(404, &format!("Could not find Application Credential: {named}."))
    })?;
    let credential = Some(found)
        .filter(|one| one.secret.expose_secret() == secret)
        .filter(|one| one.expires.is_none_or(|end| end > now))
        .filter(|one| keystone.user(&one.user).is_some_and(|user| user.enabled))
        .ok_or_else(refused)?;
    Ok(Proved {
        user: credential.user.clone(),
        method: "application_credential",
        credential: Some(credential.id.clone()),
        until: credential.expires,
        project: Some(credential.project.clone()),
    })
}

fn by_token(
    world: &World,
    keystone: &super::State,
    proof: &Value,
    now: Timestamp,
) -> Result<Proved, Refusal> {
    let id = proof.get("id").and_then(Value::as_str).unwrap_or_default();
    let token = keystone
        .tokens
        .get(id)
        .filter(|token| token.expires > now)
        .ok_or_else(|| Refusal::keystone(404, "Could not recognize Fernet token"))?;
    if !world.setup.shape.rescope && token.project.is_some() {
        return Err(Refusal::keystone(
            403,
            "You are not authorized to perform the requested action: rescope a scoped token.",
        ));
    }
    Ok(Proved {
        user: token.user.clone(),
        method: "token",
        credential: token.credential.clone(),
        until: Some(token.expires),
        project: token.credential.as_ref().and(token.project.clone()),
    })
}

/// A token for the scope that was asked for.
fn scoped(
    world: &World,
    keystone: &super::State,
    proved: Proved,
    scope: Option<&Value>,
    now: Timestamp,
) -> Result<Token, Refusal> {
    let user = keystone.user(&proved.user).ok_or_else(refused)?;
    let wanted = match scope {
        None => proved.project.clone().or_else(|| default_project(keystone, user)),
        Some(scope) if scope.get("unscoped").is_some() => None,
        Some(Value::String(unscoped)) if unscoped == "unscoped" => None,
        Some(scope) => match (scope.get("project"), scope.get("system"), scope.get("domain")) {
            (Some(project), ..) => Some(find_project(keystone, project)?),
            (None, None, None) => return Err(missing("project")),
            // Only administrators have roles beyond projects, and nothing here is for a domain or the system.
            _ => return Err(refused()),
        },
    };
    if wanted
        .as_ref()
        .is_some_and(|project| keystone.closed.contains(project))
    {
        return Err(refused());
    }
    if let (Some(bound), Some(wanted)) = (&proved.project, &wanted)
        && bound != wanted
    {
        return Err(Refusal::keystone(
            403,
            "You are not authorized to perform the requested action: rescope a token.",
        ));
    }
    let credential = proved
        .credential
        .as_ref()
        .and_then(|id| keystone.credentials.iter().find(|one| one.id == *id));
    let roles = match (&wanted, credential) {
        (None, _) => Vec::new(),
        (Some(_), Some(credential)) => credential.roles.clone(),
        (Some(project), None) => keystone.roles_in(user, project),
    };
    if wanted.is_some() && roles.is_empty() {
        return Err(refused());
    }
    let whole = world.after(world.setup.times.token);
    let methods = match proved.method {
        "token" => vec!["token", "password"],
        method => vec![method],
    };
    Ok(Token {
        user: proved.user,
        project: wanted,
        roles,
        methods,
        issued: now,
        expires: proved.until.map_or(whole, |until| until.min(whole)),
        audit: world.hex_id().chars().take(22).collect(),
        credential: proved.credential,
    })
}

fn default_project(keystone: &super::State, user: &User) -> Option<String> {
    let first = user.projects.first().filter(|_| user.default_project)?;
    keystone
        .projects
        .iter()
        .find(|project| project.name == *first)
        .map(|project| project.id.clone())
}

fn find_user<'a>(keystone: &'a super::State, said: &Value) -> Result<&'a User, Refusal> {
    if let Some(id) = said.get("id").and_then(Value::as_str) {
        return keystone.user(id).ok_or_else(refused);
    }
    let name = said
        .get("name")
        .and_then(Value::as_str)
        .ok_or_else(|| missing("id"))?;
    in_domain(said)?;
    keystone
        .users
        .iter()
        .find(|user| user.name == name)
        .ok_or_else(refused)
}

fn find_project(keystone: &super::State, said: &Value) -> Result<String, Refusal> {
    if let Some(id) = said.get("id").and_then(Value::as_str) {
        return keystone
            .project(id)
            .map(|project| project.id.clone())
            .ok_or_else(refused);
    }
    let name = said
        .get("name")
        .and_then(Value::as_str)
        .ok_or_else(|| missing("id"))?;
    in_domain(said)?;
    let found = keystone.projects.iter().find(|project| project.name == name);
    found.map(|project| project.id.clone()).ok_or_else(refused)
}

/// There is one domain, with the id `default` and the name `Default`.
fn in_domain(said: &Value) -> Result<(), Refusal> {
    let domain = said.get("domain").ok_or_else(|| missing("domain"))?;
    let named = domain
        .get("name")
        .and_then(Value::as_str)
        .is_some_and(|name| name.eq_ignore_ascii_case("default"));
    if named || domain.get("id").and_then(Value::as_str) == Some("default") {
        return Ok(());
    }
    Err(refused())
}

/// A refusal that says what else is wanted.
fn needs(words: &str, identity: Value) -> Refusal {
    let error = json!({"code": 401, "title": "Unauthorized", "message": words, "identity": identity});
    Refusal::new(401, json!({ "error": error }))
}

/// The same words for everything that is wrong with a proof.
fn refused() -> Refusal {
    Refusal::keystone(401, "The request you have made requires authentication.")
}

fn missing(what: &str) -> Refusal {
    Refusal::keystone(400, &format!("'{what}' is a required property"))
}
