//! Placement: resource providers with their inventories and usages, to be read by administrators.

use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    collection::Object,
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
        .route("/resource_providers/{id}/aggregates", get(aggregates))
        .route("/resource_providers/{id}/traits", get(traits))
        .route("/resource_classes", get(classes))
        .route("/allocation_candidates", get(candidates))
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
    admin(&who, "resource_providers:list")?;
    let fits = |host: &&Hypervisor| {
        query.get("name").is_none_or(|name| name == host.name)
            && query.get("uuid").is_none_or(|wanted| wanted == id(host))
    };
    let all: Vec<Value> = world.setup.hypervisors.iter().filter(fits).map(shown).collect();
    Ok(json(200, json!({"resource_providers": all})))
}

async fn provider(State(world): State<Shared>, who: Who, Path(wanted): Path<String>) -> Answer {
    admin(&who, "resource_providers:show")?;
    Ok(json(200, shown(found(&world, &wanted)?)))
}

fn shown(host: &Hypervisor) -> Value {
    let id = id(host);
    let link = |rel: &str, tail: &str| json!({"rel": rel, "href": format!("/placement/resource_providers/{id}{tail}")});
    json!({"uuid": id, "name": host.name, "generation": 1, "root_provider_uuid": id, "parent_provider_uuid": null,
        "links": [link("self", ""), link("inventories", "/inventories"), link("usages", "/usages")]})
}

async fn inventories(State(world): State<Shared>, who: Who, Path(wanted): Path<String>) -> Answer {
    admin(&who, "resource_providers:inventories:list")?;
    let host = found(&world, &wanted)?;
    let of = |total: u64, ratio: u64| json!({"total": total, "reserved": 0, "min_unit": 1, "max_unit": total, "step_size": 1, "allocation_ratio": ratio as f64});
    Ok(json(
        200,
        json!({"resource_provider_generation": 1, "inventories": {
        "VCPU": of(host.vcpus, nova::PROCESSOR_RATIO), "MEMORY_MB": of(host.ram, 1), "DISK_GB": of(host.disk, 1)}}),
    ))
}

async fn usages(State(world): State<Shared>, who: Who, Path(wanted): Path<String>) -> Answer {
    admin(&who, "resource_providers:usages")?;
    let host = found(&world, &wanted)?;
    let used = nova::usage(&world.state().nova, &host.name);
    Ok(json(
        200,
        json!({"resource_provider_generation": 1, "usages": {
        "VCPU": used.vcpus, "MEMORY_MB": used.ram, "DISK_GB": used.disk}}),
    ))
}

async fn aggregates(State(world): State<Shared>, who: Who, Path(wanted): Path<String>) -> Answer {
    admin(&who, "resource_providers:aggregates:list")?;
    found(&world, &wanted)?;
    Ok(json(
        200,
        json!({"resource_provider_generation": 1, "aggregates": []}),
    ))
}

async fn traits(State(world): State<Shared>, who: Who, Path(wanted): Path<String>) -> Answer {
    admin(&who, "resource_providers:traits:list")?;
    found(&world, &wanted)?;
    Ok(json(
        200,
        json!({"resource_provider_generation": 1, "traits": ["COMPUTE_NODE"]}),
    ))
}

async fn classes(who: Who) -> Answer {
    admin(&who, "resource_classes:list")?;
    let class = |name| json!({"name": name, "links": [{"rel": "self", "href": format!("/placement/resource_classes/{name}")}]});
    let classes = ["VCPU", "MEMORY_MB", "DISK_GB"].map(class);
    Ok(json(200, json!({ "resource_classes": classes })))
}

/// `GET /allocation_candidates?resources=VCPU:1,MEMORY_MB:512`: the hypervisors that have room for that.
async fn candidates(State(world): State<Shared>, who: Who, query: Query) -> Answer {
    admin(&who, "allocation_candidates:list")?;
    let wanted: Vec<(&str, u64)> = query
        .get("resources")
        .unwrap_or_default()
        .split(',')
        .filter_map(|one| one.split_once(':'))
        .filter_map(|(class, amount)| Some((class, amount.parse().ok()?)))
        .collect();
    if wanted.is_empty() {
        return Err(Refusal::placement(
            400,
            "At least one group of `resources` is required.",
        ));
    }
    let state = world.state();
    let (mut requests, mut summaries) = (Vec::new(), Object::new());
    for host in &world.setup.hypervisors {
        let used = nova::usage(&state.nova, &host.name);
        let rooms = [
            ("VCPU", host.vcpus * nova::PROCESSOR_RATIO, used.vcpus),
            ("MEMORY_MB", host.ram, used.ram),
            ("DISK_GB", host.disk, used.disk),
        ];
        let fits = |(class, amount): &(&str, u64)| {
            rooms
                .iter()
                .any(|(name, most, used)| name == class && used + amount <= *most)
        };
        if !wanted.iter().all(fits) {
            continue;
        }
        let asked: Object = wanted
            .iter()
            .map(|(class, amount)| ((*class).to_owned(), json!(amount)))
            .collect();
        let mut allocations = Object::new();
        allocations.insert(id(host), json!({"resources": asked}));
        requests.push(json!({"allocations": allocations}));
        let all: Object = rooms
            .iter()
            .map(|(name, most, used)| ((*name).to_owned(), json!({"capacity": most, "used": used})))
            .collect();
        summaries.insert(id(host), json!({"resources": all}));
    }
    Ok(json(
        200,
        json!({"allocation_requests": requests, "provider_summaries": summaries}),
    ))
}

fn found<'a>(world: &'a World, wanted: &str) -> Result<&'a Hypervisor, Refusal> {
    let found = world.setup.hypervisors.iter().find(|host| id(host) == wanted);
    found.ok_or_else(|| Refusal::placement(404, &format!("No resource provider with uuid {wanted} found")))
}

fn admin(who: &Who, rule: &str) -> Result<(), Refusal> {
    if who.is_admin() {
        return Ok(());
    }
    Err(Refusal::placement(
        403,
        &format!("Policy does not allow placement:{rule} to be performed."),
    ))
}
