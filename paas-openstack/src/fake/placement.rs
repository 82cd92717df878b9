//! Placement: resource providers with their inventories and usages, to be read by administrators.

use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    nova,
    query::Query,
    refusal::{Answer, Refusal},
    request::json,
    setup::Hypervisor,
    who::Who,
    world::{Shared, World},
};

/// The calls, below this service's prefix.
pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/", get(versions))
        .route("/resource_providers", get(providers))
        .route("/resource_providers/{id}", get(provider))
        .route("/resource_providers/{id}/inventories", get(inventories))
        .route("/resource_providers/{id}/usages", get(usages))
}

async fn versions(State(world): State<Shared>) -> Answer {
    Ok(json(
        200,
        json!({"versions": [{"id": "v1.0", "status": "CURRENT", "min_version": "1.0",
        "max_version": world.setup.shape.placement_maximum, "links": [{"rel": "self", "href": ""}]}]}),
    ))
}

/// The same for a name in every run.
fn id(host: &Hypervisor) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_DNS, host.name.as_bytes()).to_string()
}

async fn providers(State(world): State<Shared>, who: Who, query: Query) -> Answer {
    admin(&who)?;
    let fits = |host: &&Hypervisor| {
        query.get("name").is_none_or(|name| name == host.name)
            && query.get("uuid").is_none_or(|wanted| wanted == id(host))
    };
    let all: Vec<Value> = world.setup.hypervisors.iter().filter(fits).map(shown).collect();
    Ok(json(200, json!({"resource_providers": all})))
}

async fn provider(State(world): State<Shared>, who: Who, Path(wanted): Path<String>) -> Answer {
    admin(&who)?;
    Ok(json(200, shown(found(&world, &wanted)?)))
}

fn shown(host: &Hypervisor) -> Value {
    let id = id(host);
    let link = |rel: &str, tail: &str| json!({"rel": rel, "href": format!("/placement/resource_providers/{id}{tail}")});
    json!({"uuid": id, "name": host.name, "generation": 1, "root_provider_uuid": id, "parent_provider_uuid": null,
        "links": [link("self", ""), link("inventories", "/inventories"), link("usages", "/usages")]})
}

async fn inventories(State(world): State<Shared>, who: Who, Path(wanted): Path<String>) -> Answer {
    admin(&who)?;
    let host = found(&world, &wanted)?;
    let of = |total: u64, ratio: u64| json!({"total": total, "reserved": 0, "min_unit": 1, "max_unit": total, "step_size": 1, "allocation_ratio": ratio as f64});
    Ok(json(
        200,
        json!({"resource_provider_generation": 1, "inventories": {
        "VCPU": of(host.vcpus, nova::PROCESSOR_RATIO), "MEMORY_MB": of(host.ram, 1), "DISK_GB": of(host.disk, 1)}}),
    ))
}

async fn usages(State(world): State<Shared>, who: Who, Path(wanted): Path<String>) -> Answer {
    admin(&who)?;
    let host = found(&world, &wanted)?;
    let used = nova::usage(&world.state().nova, &host.name);
    Ok(json(
        200,
        json!({"resource_provider_generation": 1, "usages": {
        "VCPU": used.vcpus, "MEMORY_MB": used.ram, "DISK_GB": used.disk}}),
    ))
}

fn found<'a>(world: &'a World, wanted: &str) -> Result<&'a Hypervisor, Refusal> {
    let found = world.setup.hypervisors.iter().find(|host| id(host) == wanted);
    found.ok_or_else(|| Refusal::placement(404, &format!("No resource provider with uuid {wanted} found")))
}

fn admin(who: &Who) -> Result<(), Refusal> {
    if who.is_admin() {
        return Ok(());
    }
    Err(Refusal::placement(403, "Access was denied to this resource."))
}
