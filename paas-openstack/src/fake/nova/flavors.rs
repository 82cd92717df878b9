//! Flavors.

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::{forbidden, page, view};
use crate::fake::{
    collection::{Object, number, object, text},
    microversion::Microversion,
    query::Query,
    refusal::{Answer, Refusal},
    request::{Sent, empty, json},
    setup::Flavor,
    who::Who,
    world::{Shared, World},
};

/// `GET /flavors`.
pub(super) async fn brief(
    State(world): State<Shared>,
    _who: Who,
    version: Microversion,
    query: Query,
) -> Answer {
    listed(&world, &query, "/v2.1/flavors", |flavor| {
        let mut shown = object(
            json!({"id": flavor.id, "name": flavor.name, "links": view::links(&world, "flavors", &flavor.id)}),
        );
        if version.has(2, 55) {
            shown.insert("description".into(), Value::Null);
        }
        shown
    })
}

/// `GET /flavors/detail`.
pub(super) async fn detail(
    State(world): State<Shared>,
    _who: Who,
    version: Microversion,
    query: Query,
) -> Answer {
    listed(&world, &query, "/v2.1/flavors/detail", |flavor| {
        whole(&world, flavor, version)
    })
}

/// `GET /flavors/{id}`.
pub(super) async fn show(
    State(world): State<Shared>,
    _who: Who,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    let state = world.state();
    let flavor = state
        .nova
        .flavors
        .iter()
        .find(|flavor| flavor.id == id)
        .ok_or_else(|| unknown(&id))?;
    Ok(json(200, json!({"flavor": whole(&world, flavor, version)})))
}

/// `POST /flavors`, for administrators.
pub(super) async fn create(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    sent: Sent,
) -> Answer {
    if !who.is_admin() {
        return Err(forbidden("os_compute_api:os-flavor-manage:create"));
    }
    let wanted = sent.member("flavor")?;
    let whole_number = |member: &str| u64::try_from(number(wanted, member)).unwrap_or_default();
    let id = match text(wanted, "id") {
        "" | "auto" => world.id(),
        id => id.to_owned(),
    };
    let flavor = Flavor {
        id,
        ..Flavor::new(
            text(wanted, "name"),
            whole_number("vcpus"),
            whole_number("ram"),
            whole_number("disk"),
        )
    };
    let mut state = world.state();
    if state
        .nova
        .flavors
        .iter()
        .any(|one| one.id == flavor.id || one.name == flavor.name)
    {
        return Err(Refusal::nova(
            409,
            &format!("Flavor with name {} already exists.", flavor.name),
        ));
    }
    let shown = whole(&world, &flavor, version);
    state.nova.flavors.push(flavor);
    Ok(json(200, json!({"flavor": shown})))
}

/// `DELETE /flavors/{id}`, for administrators.
pub(super) async fn delete(State(world): State<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    if !who.is_admin() {
        return Err(forbidden("os_compute_api:os-flavor-manage:delete"));
    }
    let mut state = world.state();
    let at = state
        .nova
        .flavors
        .iter()
        .position(|flavor| flavor.id == id)
        .ok_or_else(|| unknown(&id))?;
    state.nova.flavors.remove(at);
    Ok(empty(202))
}

/// `GET /flavors/{id}/os-extra_specs`.
pub(super) async fn extra_specs(State(world): State<Shared>, _who: Who, Path(id): Path<String>) -> Answer {
    let state = world.state();
    let flavor = state
        .nova
        .flavors
        .iter()
        .find(|flavor| flavor.id == id)
        .ok_or_else(|| unknown(&id))?;
    Ok(json(200, json!({"extra_specs": specs(flavor)})))
}

fn listed(world: &World, query: &Query, path: &str, shown: impl Fn(&Flavor) -> Object) -> Answer {
    let state = world.state();
    let least = |name: &str| {
        query
            .number(name)
            .and_then(|n| u64::try_from(n).ok())
            .unwrap_or(0)
    };
    let fits = |flavor: &&Flavor| flavor.disk >= least("minDisk") && flavor.ram >= least("minRam");
    let mut found: Vec<&Flavor> = state.nova.flavors.iter().filter(fits).collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    let last = page::cut(&mut found, query, page::limit(query), |flavor| &flavor.id)?;
    let mut body = json!({"flavors": found.iter().map(|flavor| shown(flavor)).collect::<Vec<_>>()});
    if let Some(last) = last {
        body["flavors_links"] = page::links(world, path, query, &last);
    }
    Ok(json(200, body))
}

fn whole(world: &World, flavor: &Flavor, version: Microversion) -> Object {
    let mut shown = object(json!({
        "id": flavor.id, "name": flavor.name, "ram": flavor.ram, "disk": flavor.disk, "vcpus": flavor.vcpus,
        "swap": if version.has(2, 75) { json!(0) } else { json!("") },
        "OS-FLV-EXT-DATA:ephemeral": 0, "OS-FLV-DISABLED:disabled": false, "os-flavor-access:is_public": true, "rxtx_factor": 1.0,
        "links": view::links(world, "flavors", &flavor.id),
    }));
    if version.has(2, 55) {
        shown.insert("description".into(), Value::Null);
    }
    if version.has(2, 61) {
        shown.insert("extra_specs".into(), json!(specs(flavor)));
    }
    shown
}

fn specs(flavor: &Flavor) -> Object {
    flavor
        .extra_specs
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect()
}

fn unknown(id: &str) -> Refusal {
    Refusal::nova(404, &format!("Flavor {id} could not be found."))
}
