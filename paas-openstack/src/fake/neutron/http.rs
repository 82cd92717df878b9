//! The calls: one set of routes for all kinds, and the few that are different.

use axum::{
    Router,
    extract::{Path, State as In},
    http::{HeaderMap, header},
    response::IntoResponse,
    routing::{get, put},
};
use serde_json::{Value, json};

use super::{
    super::{
        query::Query,
        refusal::{Answer, Refusal},
        request::{Sent, empty, json as answer},
        who::Who,
        world::Shared,
    },
    Caller, Denial, Kind, Object, catalog,
};
use crate::client::service::Kind as Service;

/// The calls, below this service's prefix.
pub(in crate::fake) fn router() -> Router<Shared> {
    let of_quotas = get(show_quota).put(change_quota).delete(drop_quota);
    Router::new()
        .route("/", get(versions))
        .route("/v2.0", get(resources))
        .route("/v2.0/extensions", get(extensions))
        .route("/v2.0/extensions/{alias}", get(extension))
        .route("/v2.0/availability_zones", get(zones))
        .route("/v2.0/quotas", get(quotas))
        .route("/v2.0/quotas/{project}", of_quotas)
        .route("/v2.0/quotas/{project}/details", get(quota_details))
        .route("/v2.0/quotas/{project}/default", get(default_quota))
        .route("/v2.0/qos/{kind}", get(no_policies))
        .route("/v2.0/routers/{id}/add_router_interface", put(add_interface))
        .route(
            "/v2.0/routers/{id}/remove_router_interface",
            put(remove_interface),
        )
        .route("/v2.0/{kind}", get(list).post(create))
        .route("/v2.0/{kind}/{id}", get(show).put(update).delete(delete))
        .route(
            "/v2.0/{kind}/{id}/tags",
            get(tags).put(set_tags).post(add_tags).delete(drop_tags),
        )
        .route(
            "/v2.0/{kind}/{id}/tags/{tag}",
            get(has_tag).put(add_tag).delete(drop_tag),
        )
}

fn known(segment: &str) -> Result<Kind, Refusal> {
    Kind::of_path(segment)
        .ok_or_else(|| Denial::new(404, "HTTPNotFound", "The resource could not be found.").into())
}

/// The revision that `If-Match` asks for.
fn revision(headers: &HeaderMap) -> Result<Option<i64>, Refusal> {
    let Some(said) = headers
        .get(header::IF_MATCH)
        .and_then(|value| value.to_str().ok())
    else {
        return Ok(None);
    };
    let Some((_, number)) = said.split_once("revision_number=") else {
        return Ok(None);
    };
    number.trim_matches('"').parse().map(Some).map_err(|_| {
        Denial::bad(
            "if-match",
            "Revision number etag must be in the format of revision_number=<int>",
        )
        .into()
    })
}

fn body(sent: &Sent, kind: Kind) -> Result<Object, Refusal> {
    match sent.body.get(kind.singular()) {
        Some(Value::Object(object)) => Ok(object.clone()),
        Some(_) => Err(Denial::http("Body contains invalid data").into()),
        None => Err(Denial::http(format!("Unable to find '{}' in request body", kind.singular())).into()),
    }
}

async fn versions(In(world): In<Shared>) -> Answer {
    Ok(answer(200, catalog::versions(&world.link(Service::Network, ""))))
}

async fn resources(In(world): In<Shared>, _who: Who) -> Answer {
    Ok(answer(200, catalog::resources(&world.link(Service::Network, ""))))
}

async fn extensions(In(world): In<Shared>, _who: Who) -> Answer {
    let all: Vec<Value> = catalog::extensions(&world.setup.shape.without_extensions).collect();
    Ok(answer(200, json!({ "extensions": all })))
}

async fn extension(In(world): In<Shared>, _who: Who, Path(alias): Path<String>) -> Answer {
    match catalog::extensions(&world.setup.shape.without_extensions).find(|one| one["alias"] == json!(alias))
    {
        Some(found) => Ok(answer(200, json!({ "extension": found }))),
        // This one is said by another framework than everything else.
        None => Err(Refusal::new(
            404,
            json!({
                "message": format!(
                    "The resource could not be found.<br /><br />\nExtension with alias {alias} does not exist\n\n"
                ),
                "code": "404 Not Found", "title": "Not Found",
            }),
        )),
    }
}

async fn zones(_who: Who) -> Answer {
    Ok(answer(200, catalog::zones()))
}

async fn no_policies(_who: Who, Path(kind): Path<String>) -> Answer {
    match kind.as_str() {
        "policies" | "rule-types" => Ok(answer(200, json!({ kind.replace('-', "_"): [] }))),
        _ => known("").map(|_| empty(404)),
    }
}

async fn list(In(world): In<Shared>, who: Who, Path(kind): Path<String>, query: Query) -> Answer {
    if catalog::EMPTY.contains(&kind.as_str()) {
        return Ok(answer(200, json!({ kind.replace('-', "_"): [] })));
    }
    let kind = known(&kind)?;
    let caller = Caller::of(&world, &who);
    let mut state = world.state();
    let neutron = &mut state.neutron;
    neutron.welcome(&caller, &who.project);
    let page = neutron.list(&caller, kind, &query)?;
    let path = format!("/v2.0/{}", kind.plural().replace('_', "-"));
    let links = page.links(&world.link(Service::Network, &path));
    let mut body = json!({ kind.plural(): page.items });
    if let Some(links) = links {
        body[format!("{}_links", kind.plural())] = links;
    }
    Ok(answer(200, body))
}

async fn create(In(world): In<Shared>, who: Who, Path(kind): Path<String>, sent: Sent) -> Answer {
    let kind = known(&kind)?;
    let caller = Caller::of(&world, &who);
    let mut state = world.state();
    let neutron = &mut state.neutron;
    if let Some(many) = sent.body.get(kind.plural()).and_then(Value::as_array) {
        let bodies: Option<Vec<Object>> = many.iter().map(|one| one.as_object().cloned()).collect();
        let bodies = bodies
            .filter(|bodies| !bodies.is_empty())
            .ok_or_else(|| Denial::http("Resources required"))?;
        let made = neutron.create_many(&caller, kind, bodies)?;
        return Ok(answer(201, json!({ kind.plural(): made })));
    }
    let made = neutron.create_many(&caller, kind, vec![body(&sent, kind)?])?;
    Ok(answer(201, json!({ kind.singular(): made.first() })))
}

async fn show(
    In(world): In<Shared>,
    who: Who,
    Path((kind, id)): Path<(String, String)>,
    query: Query,
) -> Answer {
    let kind = known(&kind)?;
    let found = world.state().neutron.show(&Caller::of(&world, &who), kind, &id)?;
    Ok(answer(200, json!({ kind.singular(): query.fields(found) })))
}

async fn update(
    In(world): In<Shared>,
    who: Who,
    Path((kind, id)): Path<(String, String)>,
    headers: HeaderMap,
    sent: Sent,
) -> Answer {
    let kind = known(&kind)?;
    let (body, revision) = (body(&sent, kind)?, revision(&headers)?);
    let caller = Caller::of(&world, &who);
    let changed = world.state().neutron.update(&caller, kind, &id, body, revision)?;
    Ok(answer(200, json!({ kind.singular(): changed })))
}

async fn delete(
    In(world): In<Shared>,
    who: Who,
    Path((kind, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let (kind, revision) = (known(&kind)?, revision(&headers)?);
    let caller = Caller::of(&world, &who);
    world.state().neutron.delete(&caller, kind, &id, revision)?;
    Ok(empty(204))
}

async fn add_interface(In(world): In<Shared>, who: Who, Path(id): Path<String>, sent: Sent) -> Answer {
    let caller = Caller::of(&world, &who);
    let info = world.state().neutron.add_interface(&caller, &id, &sent.body)?;
    Ok(answer(200, info))
}

async fn remove_interface(In(world): In<Shared>, who: Who, Path(id): Path<String>, sent: Sent) -> Answer {
    let caller = Caller::of(&world, &who);
    let info = world.state().neutron.remove_interface(&caller, &id, &sent.body)?;
    Ok(answer(200, info))
}

async fn tags(In(world): In<Shared>, who: Who, Path((kind, id)): Path<(String, String)>) -> Answer {
    let kind = known(&kind)?;
    let tags = world.state().neutron.tags(&Caller::of(&world, &who), kind, &id)?;
    Ok(answer(200, json!({ "tags": tags })))
}

async fn set_tags(
    In(world): In<Shared>,
    who: Who,
    Path((kind, id)): Path<(String, String)>,
    sent: Sent,
) -> Answer {
    let kind = known(&kind)?;
    let caller = Caller::of(&world, &who);
    let tags = world.state().neutron.set_tags(&caller, kind, &id, &sent.body)?;
    Ok(answer(200, json!({ "tags": tags })))
}

async fn add_tags(
    In(world): In<Shared>,
    who: Who,
    Path((kind, id)): Path<(String, String)>,
    sent: Sent,
) -> Answer {
    let kind = known(&kind)?;
    let caller = Caller::of(&world, &who);
    world.state().neutron.add_tags(&caller, kind, &id, &sent.body)?;
    let tags = world.state().neutron.tags(&caller, kind, &id)?;
    Ok(answer(201, json!({ "tags": tags })))
}

async fn drop_tags(In(world): In<Shared>, who: Who, Path((kind, id)): Path<(String, String)>) -> Answer {
    let kind = known(&kind)?;
    let caller = Caller::of(&world, &who);
    world.state().neutron.drop_tags(&caller, kind, &id)?;
    Ok(empty(204))
}

async fn has_tag(
    In(world): In<Shared>,
    who: Who,
    Path((kind, id, tag)): Path<(String, String, String)>,
) -> Answer {
    let kind = known(&kind)?;
    let caller = Caller::of(&world, &who);
    world.state().neutron.has_tag(&caller, kind, &id, &tag)?;
    Ok(empty(204))
}

async fn add_tag(
    In(world): In<Shared>,
    who: Who,
    Path((kind, id, tag)): Path<(String, String, String)>,
) -> Answer {
    let kind = known(&kind)?;
    let caller = Caller::of(&world, &who);
    let body = json!({ "tags": [tag] });
    world.state().neutron.add_tags(&caller, kind, &id, &body)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], empty(201)).into_response())
}

async fn drop_tag(
    In(world): In<Shared>,
    who: Who,
    Path((kind, id, tag)): Path<(String, String, String)>,
) -> Answer {
    let kind = known(&kind)?;
    let caller = Caller::of(&world, &who);
    world.state().neutron.drop_tag(&caller, kind, &id, &tag)?;
    Ok(empty(204))
}

async fn quotas(In(world): In<Shared>, who: Who) -> Answer {
    Ok(answer(
        200,
        world.state().neutron.quotas(&Caller::of(&world, &who))?,
    ))
}

async fn show_quota(In(world): In<Shared>, who: Who, Path(project): Path<String>) -> Answer {
    // The word is an old way of asking who one is.
    if matches!(project.as_str(), "tenant" | "project") {
        return Ok(answer(
            200,
            json!({ project.clone(): {format!("{project}_id"): who.project} }),
        ));
    }
    Ok(answer(
        200,
        world.state().neutron.quota(&Caller::of(&world, &who), &project)?,
    ))
}

async fn quota_details(In(world): In<Shared>, who: Who, Path(project): Path<String>) -> Answer {
    let caller = Caller::of(&world, &who);
    Ok(answer(
        200,
        world.state().neutron.quota_details(&caller, &project)?,
    ))
}

async fn default_quota(In(world): In<Shared>, _who: Who, Path(_project): Path<String>) -> Answer {
    Ok(answer(200, world.state().neutron.default_quota()))
}

async fn change_quota(In(world): In<Shared>, who: Who, Path(project): Path<String>, sent: Sent) -> Answer {
    let caller = Caller::of(&world, &who);
    Ok(answer(
        200,
        world
            .state()
            .neutron
            .change_quota(&caller, &project, &sent.body)?,
    ))
}

async fn drop_quota(In(world): In<Shared>, who: Who, Path(project): Path<String>) -> Answer {
    world
        .state()
        .neutron
        .drop_quota(&Caller::of(&world, &who), &project)?;
    Ok(empty(204))
}
