//! The catalog: which services there are, and where.

use axum::extract::State;
use serde_json::{Value, json};

use crate::{
    client::service::Kind,
    fake::{
        refusal::Answer,
        request,
        who::Who,
        world::{Shared, World},
    },
};

/// The catalog as a token of a project has it.
pub(super) fn of(world: &World, project: &str) -> Vec<Value> {
    let shape = &world.setup.shape;
    let wanted = Kind::ALL.into_iter().filter(|kind| !shape.without.contains(kind));
    wanted
        .map(|kind| {
            let number = kind as usize;
            let url = world.url(kind, &suffix(world, kind, project));
            let mut endpoints = Vec::new();
            // Where the second region's services would be, nobody listens: port 1 is never given out.
            if let Some(other) = &shape.second_region {
                endpoints.extend(endpoints_in(other, 100 + number, &url.replacen(&world.authority(), "127.0.0.1:1", 1)));
            }
            endpoints.extend(endpoints_in(&world.setup.region, number, &url));
            json!({"id": format!("{:032x}", 0xD0_0000 + number), "type": kind_type(world, kind), "name": kind.project().to_lowercase(),
                "endpoints": endpoints})
        })
        .collect()
}

fn endpoints_in(region: &str, number: usize, url: &str) -> Vec<Value> {
    let interfaces = ["public", "internal", "admin"].iter().enumerate();
    interfaces
        .map(|(n, interface)| {
            json!({"id": format!("{:032x}", 0xE0_0000 + number * 8 + n), "interface": interface,
                "region": region, "region_id": region, "url": url})
        })
        .collect()
}

fn kind_type(world: &World, kind: Kind) -> &'static str {
    match kind {
        Kind::BlockStorage if world.setup.shape.volumev3_only => "volumev3",
        kind => kind.types().first().copied().unwrap_or_default(),
    }
}

/// What most clouds put after the prefix.
fn suffix(world: &World, kind: Kind, project: &str) -> String {
    let shape = &world.setup.shape;
    match kind {
        _ if shape.unversioned_catalog => String::new(),
        Kind::Compute if shape.project_in_urls => format!("/v2.1/{project}"),
        Kind::Compute => "/v2.1".to_owned(),
        Kind::BlockStorage => format!("/v3/{project}"),
        Kind::Identity | Kind::Network | Kind::Image | Kind::LoadBalancer | Kind::Placement => String::new(),
    }
}

/// `GET /v3/auth/catalog`.
pub(super) async fn show(State(world): State<Shared>, who: Who) -> Answer {
    let catalog = if who.project.is_empty() {
        Vec::new()
    } else {
        of(&world, &who.project)
    };
    let link = world.url(Kind::Identity, "/v3/auth/catalog");
    Ok(request::json(
        200,
        json!({"catalog": catalog, "links": {"self": link}}),
    ))
}

/// `GET /v3/regions`.
pub(super) async fn regions(State(world): State<Shared>, _who: Who) -> Answer {
    let names = [
        Some(&world.setup.region),
        world.setup.shape.second_region.as_ref(),
    ];
    let regions: Vec<Value> = names
        .into_iter()
        .flatten()
        .map(|name| json!({"id": name, "description": "", "parent_region_id": null, "links": {"self": world.url(Kind::Identity, &format!("/v3/regions/{name}"))}}))
        .collect();
    Ok(request::json(
        200,
        json!({"regions": regions, "links": {"next": null, "previous": null, "self": world.url(Kind::Identity, "/v3/regions")}}),
    ))
}

/// `GET /v3/services`.
pub(super) async fn services(State(world): State<Shared>, who: Who) -> Answer {
    let services: Vec<Value> = of(&world, &who.project)
        .into_iter()
        .map(|entry| json!({"id": entry["id"], "type": entry["type"], "name": entry["name"], "enabled": true, "description": "", "links": {}}))
        .collect();
    Ok(request::json(
        200,
        json!({"services": services, "links": {"next": null, "previous": null, "self": world.url(Kind::Identity, "/v3/services")}}),
    ))
}

/// `GET /v3/endpoints`.
pub(super) async fn endpoints(State(world): State<Shared>, who: Who) -> Answer {
    let mut endpoints = Vec::new();
    for entry in of(&world, &who.project) {
        for endpoint in entry["endpoints"].as_array().into_iter().flatten() {
            let mut endpoint = endpoint.clone();
            endpoint["service_id"] = entry["id"].clone();
            endpoint["enabled"] = json!(true);
            endpoints.push(endpoint);
        }
    }
    Ok(request::json(
        200,
        json!({"endpoints": endpoints, "links": {"next": null, "previous": null, "self": world.url(Kind::Identity, "/v3/endpoints")}}),
    ))
}
