//! The calls.

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State as In},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde_json::{Value, json};

use super::super::{
    collection::{object, shown},
    query::Query,
    refusal::{Answer, Refusal},
    request::{Sent, empty, json as answer},
    who::Who,
    world::Shared,
};
use crate::client::service::Kind;

/// The minor versions of v2 that stand in the document.
const MINORS: [u8; 12] = [17, 15, 13, 12, 11, 10, 9, 7, 6, 5, 4, 3];

/// The calls, below this service's prefix.
pub(in crate::fake) fn router() -> Router<Shared> {
    Router::new()
        .route("/", get(|world: In<Shared>| versions(world, 300)))
        .route("/versions", get(|world: In<Shared>| versions(world, 200)))
        .route("/v2/images", get(list).post(create))
        .route("/v2/images/{id}", get(show).patch(update).delete(delete))
        .route("/v2/images/{id}/file", put(upload).get(download))
        .route("/v2/images/{id}/stage", put(stage))
        .route("/v2/images/{id}/import", post(import))
        .route("/v2/images/{id}/members", get(members))
        .route("/v2/images/{id}/tags/{tag}", put(add_tag).delete(drop_tag))
        .route("/v2/images/{id}/actions/{action}", post(act))
        .route("/v2/info/import", get(import_methods))
        .route("/v2/info/stores", get(stores))
        .route("/v2/schemas/{kind}", get(schema))
        .layer(DefaultBodyLimit::max(1 << 30))
}

async fn versions(In(world): In<Shared>, status: u16) -> Answer {
    let href = format!("{}/", world.link(Kind::Image, "/v2"));
    let versions: Vec<Value> = MINORS
        .iter()
        .enumerate()
        .map(|(place, minor)| {
            let state = if place == 0 { "CURRENT" } else { "SUPPORTED" };
            json!({"id": format!("v2.{minor}"), "status": state, "links": [{"rel": "self", "href": href}]})
        })
        .collect();
    Ok(answer(status, json!({ "versions": versions })))
}

async fn list(In(world): In<Shared>, who: Who, query: Query) -> Answer {
    Ok(answer(200, world.state().glance.list(&who, &query)?))
}

async fn create(In(world): In<Shared>, who: Who, sent: Sent) -> Answer {
    if !sent.body.is_object() {
        return Err(Refusal::glance(400, "Body expected in request."));
    }
    let made = world.state().glance.create(&world, &who, object(sent.body))?;
    let place = world.url(Kind::Image, made["self"].as_str().unwrap_or_default());
    let mut answer = answer(201, shown(&made));
    let headers = answer.headers_mut();
    if let Ok(place) = HeaderValue::from_str(&place) {
        headers.insert(header::LOCATION, place);
    }
    headers.insert(
        HeaderName::from_static("openstack-image-import-methods"),
        HeaderValue::from_static("glance-direct,web-download"),
    );
    Ok(answer)
}

async fn show(In(world): In<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    Ok(answer(200, shown(world.state().glance.visible(&who, &id)?)))
}

async fn update(
    In(world): In<Shared>,
    who: Who,
    Path(id): Path<String>,
    headers: HeaderMap,
    sent: Sent,
) -> Answer {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !kind.starts_with("application/openstack-images-v2.") {
        return Err(Refusal::glance(415, &unsupported(kind)));
    }
    let mut state = world.state();
    state.glance.patch(&world, &who, &id, &sent.body)?;
    Ok(answer(200, shown(state.glance.visible(&who, &id)?)))
}

async fn delete(In(world): In<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    world.state().glance.delete(&who, &id)?;
    Ok(nothing())
}

async fn upload(
    In(world): In<Shared>,
    who: Who,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer {
    binary(&headers)?;
    world.state().glance.upload(&world, &who, &id, bytes)?;
    Ok(nothing())
}

async fn stage(
    In(world): In<Shared>,
    who: Who,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer {
    binary(&headers)?;
    world.state().glance.stage(&world, &who, &id, bytes)?;
    Ok(nothing())
}

/// What there is when there is nothing to say: no body, and yet a type of it.
fn nothing() -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=UTF-8")], empty(204)).into_response()
}

fn unsupported(kind: &str) -> String {
    format!("The request media type {kind} is not supported by this server.")
}

fn binary(headers: &HeaderMap) -> Result<(), Refusal> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/octet-stream")) {
        return Ok(());
    }
    Err(Refusal::glance(415, &unsupported(kind.unwrap_or("unknown"))))
}

async fn import(In(world): In<Shared>, who: Who, Path(id): Path<String>, sent: Sent) -> Answer {
    world.state().glance.import(&world, &who, &id, &sent.body)?;
    Ok(empty(202))
}

async fn download(In(world): In<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    match world.state().glance.bytes_of(&who, &id)? {
        None => Ok(empty(204)),
        Some(bytes) => Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response()),
    }
}

async fn members(In(world): In<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    world.state().glance.visible(&who, &id)?;
    Ok(answer(
        200,
        json!({"members": [], "schema": "/v2/schemas/members"}),
    ))
}

async fn add_tag(In(world): In<Shared>, who: Who, Path((id, tag)): Path<(String, String)>) -> Answer {
    let mut state = world.state();
    let image = state.glance.ours(&who, &id, "modify_image")?;
    if let Some(tags) = image.get_mut("tags").and_then(Value::as_array_mut)
        && !tags.contains(&json!(tag))
    {
        tags.push(json!(tag));
    }
    Ok(nothing())
}

async fn drop_tag(In(world): In<Shared>, who: Who, Path((id, tag)): Path<(String, String)>) -> Answer {
    let mut state = world.state();
    let image = state.glance.ours(&who, &id, "modify_image")?;
    let Some(tags) = image.get_mut("tags").and_then(Value::as_array_mut) else {
        return Err(Refusal::glance(404, "The resource could not be found."));
    };
    if !tags.contains(&json!(tag)) {
        return Err(Refusal::glance(404, "The resource could not be found."));
    }
    tags.retain(|other| *other != json!(tag));
    Ok(nothing())
}

async fn act(In(world): In<Shared>, who: Who, Path((id, action)): Path<(String, String)>) -> Answer {
    let mut state = world.state();
    let status = match action.as_str() {
        "deactivate" => "deactivated",
        "reactivate" => "active",
        _ => return Err(Refusal::glance(404, "The resource could not be found.")),
    };
    state.glance.ours(&who, &id, &action)?;
    if !who.is_admin() {
        return Err(super::denied(&action));
    }
    state.glance.mark(&id, status, world.now());
    Ok(empty(204))
}

async fn import_methods(_who: Who) -> Answer {
    Ok(answer(
        200,
        json!({"import-methods": {
            "description": "Import methods available.", "type": "array", "value": ["glance-direct", "web-download"],
        }}),
    ))
}

async fn stores(_who: Who) -> Answer {
    Err(Refusal::glance(
        404,
        "Multi backend is not supported at this site.",
    ))
}

async fn schema(_who: Who, Path(kind): Path<String>) -> Answer {
    let text = |words: &str| json!({"type": ["null", "string"], "description": words});
    let image = json!({
        "id": {"type": "string"}, "name": text("The name."), "status": {"type": "string", "readOnly": true},
        "visibility": {"type": "string", "enum": ["community", "public", "private", "shared"]},
        "protected": {"type": "boolean"}, "os_hidden": {"type": "boolean"}, "owner": text("The project."),
        "min_disk": {"type": "integer"}, "min_ram": {"type": "integer"}, "size": {"type": ["null", "integer"]},
        "container_format": text("The wrapper."), "disk_format": text("The format."),
        "tags": {"type": "array", "items": {"type": "string"}},
    });
    match kind.as_str() {
        "image" => Ok(answer(
            200,
            json!({"name": "image", "properties": image, "additionalProperties": {"type": "string"}}),
        )),
        "images" => Ok(answer(
            200,
            json!({"name": "images", "properties": {"images": {"type": "array", "items": {"name": "image", "properties": image}}}}),
        )),
        _ => Err(Refusal::glance(404, "The resource could not be found.")),
    }
}
