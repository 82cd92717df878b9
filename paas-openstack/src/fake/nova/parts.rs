//! A server's metadata and tags.

use axum::{
    extract::{Path, State},
    response::IntoResponse,
};
use serde_json::{Value, json};

use super::wanted;
use crate::{
    client::service::Kind,
    fake::{
        microversion::Microversion,
        refusal::{Answer, Refusal},
        request::{Sent, empty, json},
        who::Who,
        world::Shared,
    },
};

/// `GET …/metadata`.
pub(super) async fn metadata(State(world): State<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    Ok(json(
        200,
        json!({"metadata": world.state().nova.server(&who, &id)?.metadata}),
    ))
}

/// `POST …/metadata`: adds and changes.
pub(super) async fn add_metadata(
    State(world): State<Shared>,
    who: Who,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let new = wanted::metadata(sent.body.get("metadata"))?;
    let mut state = world.state();
    let server = state.nova.own(&who, &id)?;
    server.metadata.extend(new);
    Ok(json(200, json!({"metadata": server.metadata})))
}

/// `PUT …/metadata`: these and no others.
pub(super) async fn replace_metadata(
    State(world): State<Shared>,
    who: Who,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let new = wanted::metadata(sent.body.get("metadata"))?;
    let mut state = world.state();
    let server = state.nova.own(&who, &id)?;
    server.metadata = new;
    Ok(json(200, json!({"metadata": server.metadata})))
}

/// `GET …/metadata/{key}`.
pub(super) async fn item(
    State(world): State<Shared>,
    who: Who,
    Path((id, key)): Path<(String, String)>,
) -> Answer {
    let state = world.state();
    let value = state
        .nova
        .server(&who, &id)?
        .metadata
        .get(&key)
        .ok_or_else(no_item)?;
    Ok(json(200, json!({"meta": {key: value}})))
}

/// `PUT …/metadata/{key}`.
pub(super) async fn set_item(
    State(world): State<Shared>,
    who: Who,
    Path((id, key)): Path<(String, String)>,
    sent: Sent,
) -> Answer {
    let new = wanted::metadata(sent.body.get("meta"))?;
    let value = new
        .get(&key)
        .cloned()
        .ok_or_else(|| Refusal::nova(400, "Request body and URI mismatch"))?;
    let mut state = world.state();
    state
        .nova
        .own(&who, &id)?
        .metadata
        .insert(key.clone(), value.clone());
    Ok(json(200, json!({"meta": {key: value}})))
}

/// `DELETE …/metadata/{key}`.
pub(super) async fn delete_item(
    State(world): State<Shared>,
    who: Who,
    Path((id, key)): Path<(String, String)>,
) -> Answer {
    let mut state = world.state();
    state
        .nova
        .own(&who, &id)?
        .metadata
        .shift_remove(&key)
        .ok_or_else(no_item)?;
    Ok(empty(204))
}

fn no_item() -> Refusal {
    Refusal::nova(404, "Metadata item was not found")
}

/// Tags are there from 2.26 on.
fn since(version: Microversion) -> Result<(), Refusal> {
    if version.has(2, 26) {
        Ok(())
    } else {
        Err(Refusal::of(
            Kind::Compute,
            404,
            "The resource could not be found.",
        ))
    }
}

/// `GET …/tags`.
pub(super) async fn tags(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    since(version)?;
    Ok(json(
        200,
        json!({"tags": world.state().nova.server(&who, &id)?.tags}),
    ))
}

/// `PUT …/tags`: these and no others.
pub(super) async fn replace_tags(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    since(version)?;
    let new = wanted::tags(sent.body.get("tags"))?;
    let mut state = world.state();
    let server = state.nova.own(&who, &id)?;
    server.tags = new;
    Ok(json(200, json!({"tags": server.tags})))
}

/// `DELETE …/tags`.
pub(super) async fn delete_tags(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    since(version)?;
    world.state().nova.own(&who, &id)?.tags.clear();
    Ok(empty(204))
}

/// `GET …/tags/{tag}`: 204 or 404.
pub(super) async fn has_tag(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path((id, tag)): Path<(String, String)>,
) -> Answer {
    since(version)?;
    let state = world.state();
    if state.nova.server(&who, &id)?.tags.contains(&tag) {
        Ok(empty(204))
    } else {
        Err(no_tag(&id, &tag))
    }
}

/// `PUT …/tags/{tag}`: 201 when it is new, else 204.
pub(super) async fn add_tag(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path((id, tag)): Path<(String, String)>,
) -> Answer {
    since(version)?;
    let mut state = world.state();
    let server = state.nova.own(&who, &id)?;
    if server.tags.contains(&tag) {
        return Ok(empty(204));
    }
    let all: Vec<Value> = server.tags.iter().chain([&tag]).map(|tag| json!(tag)).collect();
    server.tags = wanted::tags(Some(&json!(all)))?;
    let location = world.url(Kind::Compute, &format!("/v2.1/servers/{id}/tags/{tag}"));
    Ok(([("location", location)], empty(201)).into_response())
}

/// `DELETE …/tags/{tag}`.
pub(super) async fn delete_tag(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path((id, tag)): Path<(String, String)>,
) -> Answer {
    since(version)?;
    let mut state = world.state();
    let server = state.nova.own(&who, &id)?;
    let at = server
        .tags
        .iter()
        .position(|has| *has == tag)
        .ok_or_else(|| no_tag(&id, &tag))?;
    server.tags.remove(at);
    Ok(empty(204))
}

fn no_tag(id: &str, tag: &str) -> Refusal {
    Refusal::nova(404, &format!("Server {id} has no tag '{tag}'"))
}
