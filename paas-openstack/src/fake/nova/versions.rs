//! Nova's version documents.

use axum::extract::State;
use serde_json::{Value, json};

use crate::{
    client::service::Kind,
    fake::{
        refusal::Answer,
        request::json,
        who::Who,
        world::{Shared, World},
    },
};

/// The root: 200 with a list, unlike Keystone's.
pub(super) async fn versions(State(world): State<Shared>) -> Answer {
    let old = json!({"id": "v2.0", "status": "SUPPORTED", "version": "", "min_version": "", "updated": "2011-01-21T11:33:21Z",
        "links": [{"rel": "self", "href": world.link(Kind::Compute, "/v2/")}]});
    Ok(json(200, json!({"versions": [old, v21(&world)]})))
}

/// `GET /v2.1`.
pub(super) async fn version(State(world): State<Shared>) -> Answer {
    let mut version = v21(&world);
    if let Some(links) = version["links"].as_array_mut() {
        links.push(json!({"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"}));
    }
    version["media-types"] =
        json!([{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}]);
    Ok(json(200, json!({"version": version})))
}

fn v21(world: &World) -> Value {
    json!({"id": "v2.1", "status": "CURRENT", "version": world.setup.shape.compute_maximum, "min_version": "2.1",
        "updated": "2013-07-23T11:33:21Z", "links": [{"rel": "self", "href": world.link(Kind::Compute, "/v2.1/")}]})
}

/// `GET /extensions`: microversions took their place.
pub(super) async fn extensions(_who: Who) -> Answer {
    Ok(json(200, json!({"extensions": []})))
}
