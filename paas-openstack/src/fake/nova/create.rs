//! `POST /servers`: what is refused at once, and what begins.

use axum::{extract::State, response::IntoResponse};
use serde_json::{Value, json};

use super::{boot, hosts, limits, order, view, wanted::Wanted};
use crate::fake::{
    collection::flag,
    microversion::Microversion,
    refusal::{Answer, Refusal},
    request::{RequestId, Sent, json},
    who::Who,
    world::Shared,
};

/// Makes servers: 202 with the first one's id and its administrator's password.
pub(super) async fn create(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    RequestId(request): RequestId,
    sent: Sent,
) -> Answer {
    let server = sent.member("server")?;
    let wanted = Wanted::of(&sent.body, server, version)?;
    let mut state = world.state();
    hosts::has_zone(&world, wanted.text("availability_zone"))?;
    let order = order::find(&state, &who, &wanted)?;
    limits::servers(&world, &state.nova, &who, &order.flavor, wanted.count)?;
    let most = limits::of(&world, &state.nova, &who.project).metadata_items;
    if most >= 0 && wanted.metadata.len() as i64 > most {
        return Err(Refusal::nova(
            403,
            &format!("Maximum number of metadata items exceeds {most}"),
        ));
    }
    if let Some(group) = wanted.group {
        limits::members(&world, &state.nova, &who, group, wanted.count)?;
    }
    let mut ids = Vec::new();
    for n in 1..=wanted.count {
        let name = if wanted.count == 1 {
            wanted.name.to_owned()
        } else {
            format!("{}-{n}", wanted.name)
        };
        ids.push(boot::begin(
            &world, &mut state, &who, &wanted, &order, name, &request,
        ));
    }
    if flag(server, "return_reservation_id") {
        return Ok(json(
            202,
            json!({"reservation_id": format!("r-{}", &world.hex_id()[..8])}),
        ));
    }
    let id = ids.swap_remove(0);
    let password = match wanted.text("adminPass") {
        Some(password) => password.to_owned(),
        None => secrecy::ExposeSecret::expose_secret(&world.setup.random.secret())
            .chars()
            .take(12)
            .collect(),
    };
    let groups: Vec<Value> = match server.get("security_groups") {
        Some(Value::Array(groups)) => groups.clone(),
        _ => vec![json!({"name": "default"})],
    };
    let links = view::links(&world, "servers", &id);
    let location = links[0]["href"].as_str().unwrap_or_default().to_owned();
    let body = json!({"server": {"id": id, "links": links, "OS-DCF:diskConfig": "MANUAL", "security_groups": groups, "adminPass": password}});
    Ok(([("location", location)], json(202, body)).into_response())
}
