//! The calls.

use axum::{
    Router,
    extract::{Path, State as In},
    routing::get,
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
    Kind, Object, create, text,
};
use crate::client::service::Kind as Service;

/// The newest minor version.
const NEWEST: u8 = 27;

/// The calls, below this service's prefix. Octavia answers under `/v2` and under `/v2.0`.
pub(in crate::fake) fn router() -> Router<Shared> {
    let lbaas = Router::new()
        .route("/quotas", get(|_who: Member| none("quotas")))
        .route("/quotas/defaults", get(default_quota))
        .route("/quotas/{project}", get(quota).put(set_quota))
        .route("/providers", get(providers))
        .route("/flavors", get(|_who: Member| none("flavors")))
        .route(
            "/availabilityzones",
            get(|_who: Member| none("availability_zones")),
        )
        .route("/l7policies", get(|_who: Member| none("l7policies")))
        .route("/loadbalancers/{id}/status", get(status))
        .route("/loadbalancers/{id}/statuses", get(status))
        .route("/loadbalancers/{id}/stats", get(stats))
        .route(
            "/pools/{pool}/members",
            get(members).post(add_member).put(set_members),
        )
        .route(
            "/pools/{pool}/members/{id}",
            get(show_member).put(update_member).delete(delete_member),
        )
        .route("/{kind}", get(list).post(make))
        .route("/{kind}/{id}", get(show).put(update).delete(delete));
    let version = Router::new()
        .nest("/lbaas", lbaas)
        .route(
            "/",
            get(|_who: Member| async { Ok::<_, Refusal>(answer(200, "")) }),
        )
        .route("/octavia/amphorae", get(|_who: Member| none("amphorae")));
    Router::new()
        .route("/", get(versions))
        .nest("/v2", version.clone())
        .nest("/v2.0", version)
}

/// Whoever has a role that lets use load balancers.
struct Member(Who);

impl axum::extract::FromRequestParts<Shared> for Member {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        world: &Shared,
    ) -> Result<Self, Refusal> {
        let who = Who::from_request_parts(parts, world).await?;
        let may = who.is_admin() || who.roles.iter().any(|role| role.starts_with("load-balancer_"));
        if may {
            Ok(Self(who))
        } else {
            Err(super::forbidden())
        }
    }
}

async fn none(plural: &str) -> Answer {
    Ok(answer(200, json!({ plural: [], format!("{plural}_links"): [] })))
}

async fn versions(In(world): In<Shared>) -> Answer {
    let href = world.link(Service::LoadBalancer, "/v2");
    let versions: Vec<Value> = (0..=NEWEST)
        .map(|minor| {
            let status = if minor == NEWEST { "CURRENT" } else { "SUPPORTED" };
            json!({
                "id": format!("v2.{minor}"), "status": status, "updated": "2022-08-22T00:00:00Z",
                "links": [{"rel": "self", "href": href}],
            })
        })
        .collect();
    Ok(answer(200, json!({ "versions": versions })))
}

fn known(plural: &str) -> Result<Kind, Refusal> {
    Kind::of_plural(plural)
        .filter(|kind| *kind != Kind::Member)
        .ok_or_else(unrouted)
}

/// What the framework below Octavia says of a path that it does not know.
fn unrouted() -> Refusal {
    Refusal::new(404, json!({"code": 404, "title": "Not Found", "description": ""}))
}

fn body(sent: &Sent, kind: Kind) -> Result<&Object, Refusal> {
    sent.body
        .get(kind.singular())
        .and_then(Value::as_object)
        .ok_or_else(|| {
            let words = format!("Missing argument: \"{}\"", kind.singular());
            Refusal::octavia(400, &words)
        })
}

async fn list(In(world): In<Shared>, Member(who): Member, Path(kind): Path<String>, query: Query) -> Answer {
    let kind = known(&kind)?;
    Ok(answer(
        200,
        world.state().octavia.list(&world, &who, kind, None, &query)?,
    ))
}

async fn make(In(world): In<Shared>, Member(who): Member, Path(kind): Path<String>, sent: Sent) -> Answer {
    let kind = known(&kind)?;
    let body = body(&sent, kind)?;
    let mut state = world.state();
    if kind == Kind::LoadBalancer {
        let id = create::load_balancer(&world, &mut state, &who, body)?;
        let made = state.octavia.visible(&who, kind, &id)?;
        let full = body.contains_key("listeners") || body.contains_key("pools");
        let shown = if full {
            state.octavia.whole(made)
        } else {
            state.octavia.show(kind, made)
        };
        return Ok(answer(201, json!({ "loadbalancer": shown })));
    }
    // A refusal leaves the load balancer as it was.
    let mut planned = state.octavia.clone();
    let id = match kind {
        Kind::Listener => planned.listener(&world, &who, body),
        Kind::Pool => planned.pool(&world, &state, &who, body),
        Kind::Monitor | Kind::Member | Kind::LoadBalancer => planned.monitor(&world, &who, body),
    }?;
    let balancer = planned.balancer_of(&who, kind, &id)?;
    planned.lock(&world, &balancer)?;
    let shown = planned.show(kind, planned.visible(&who, kind, &id)?);
    state.octavia = planned;
    Ok(answer(201, json!({ kind.singular(): shown })))
}

async fn show(
    In(world): In<Shared>,
    Member(who): Member,
    Path((kind, id)): Path<(String, String)>,
    query: Query,
) -> Answer {
    let kind = known(&kind)?;
    let state = world.state();
    let shown = state.octavia.show(kind, state.octavia.visible(&who, kind, &id)?);
    Ok(answer(200, json!({ kind.singular(): query.fields(shown) })))
}

async fn update(
    In(world): In<Shared>,
    Member(who): Member,
    Path((kind, id)): Path<(String, String)>,
    sent: Sent,
) -> Answer {
    let kind = known(&kind)?;
    let mut state = world.state();
    state
        .octavia
        .update(&world, &who, kind, &id, body(&sent, kind)?)?;
    let shown = state.octavia.show(kind, state.octavia.visible(&who, kind, &id)?);
    Ok(answer(200, json!({ kind.singular(): shown })))
}

async fn delete(
    In(world): In<Shared>,
    Member(who): Member,
    Path((kind, id)): Path<(String, String)>,
    query: Query,
) -> Answer {
    let kind = known(&kind)?;
    let mut state = world.state();
    if kind == Kind::LoadBalancer {
        state
            .octavia
            .delete_balancer(&world, &who, &id, query.flag("cascade"))?;
    } else {
        state.octavia.delete(&world, &who, kind, &id)?;
    }
    Ok(empty(204))
}

async fn status(In(world): In<Shared>, Member(who): Member, Path(id): Path<String>) -> Answer {
    let state = world.state();
    let balancer = state.octavia.visible(&who, Kind::LoadBalancer, &id)?;
    Ok(answer(200, state.octavia.status(balancer)))
}

async fn stats(In(world): In<Shared>, Member(who): Member, Path(id): Path<String>) -> Answer {
    world.state().octavia.visible(&who, Kind::LoadBalancer, &id)?;
    Ok(answer(
        200,
        json!({"stats": {
            "active_connections": 0, "bytes_in": 0, "bytes_out": 0, "request_errors": 0, "total_connections": 0,
        }}),
    ))
}

async fn members(
    In(world): In<Shared>,
    Member(who): Member,
    Path(pool): Path<String>,
    query: Query,
) -> Answer {
    let state = world.state();
    state.octavia.visible(&who, Kind::Pool, &pool)?;
    Ok(answer(
        200,
        state
            .octavia
            .list(&world, &who, Kind::Member, Some(&pool), &query)?,
    ))
}

async fn add_member(
    In(world): In<Shared>,
    Member(who): Member,
    Path(pool): Path<String>,
    sent: Sent,
) -> Answer {
    let mut state = world.state();
    let mut planned = state.octavia.clone();
    let id = planned.member(&world, &state, &who, &pool, body(&sent, Kind::Member)?)?;
    let balancer = planned.balancer_of(&who, Kind::Member, &id)?;
    planned.lock(&world, &balancer)?;
    let shown = planned.show(Kind::Member, planned.visible(&who, Kind::Member, &id)?);
    state.octavia = planned;
    Ok(answer(201, json!({ "member": shown })))
}

async fn set_members(
    In(world): In<Shared>,
    Member(who): Member,
    Path(pool): Path<String>,
    query: Query,
    sent: Sent,
) -> Answer {
    let Some(members) = sent.body["members"].as_array() else {
        return Err(Refusal::octavia(400, "Missing argument: \"members\""));
    };
    let mut state = world.state();
    let mut planned = state.octavia.clone();
    planned.set_members(&world, &state, &who, &pool, members, query.flag("additive_only"))?;
    state.octavia = planned;
    Ok(empty(202))
}

/// A member, if it is in this pool.
fn in_pool(state: &super::State, who: &Who, pool: &str, id: &str) -> Result<(), Refusal> {
    let member = state.visible(who, Kind::Member, id)?;
    if text(member, "_pool") == pool {
        Ok(())
    } else {
        Err(Kind::Member.missing(id))
    }
}

async fn show_member(
    In(world): In<Shared>,
    Member(who): Member,
    Path((pool, id)): Path<(String, String)>,
) -> Answer {
    let state = world.state();
    in_pool(&state.octavia, &who, &pool, &id)?;
    let shown = state
        .octavia
        .show(Kind::Member, state.octavia.visible(&who, Kind::Member, &id)?);
    Ok(answer(200, json!({ "member": shown })))
}

async fn update_member(
    In(world): In<Shared>,
    Member(who): Member,
    Path((pool, id)): Path<(String, String)>,
    sent: Sent,
) -> Answer {
    let mut state = world.state();
    in_pool(&state.octavia, &who, &pool, &id)?;
    let body = body(&sent, Kind::Member)?;
    state.octavia.update(&world, &who, Kind::Member, &id, body)?;
    let shown = state
        .octavia
        .show(Kind::Member, state.octavia.visible(&who, Kind::Member, &id)?);
    Ok(answer(200, json!({ "member": shown })))
}

async fn delete_member(
    In(world): In<Shared>,
    Member(who): Member,
    Path((pool, id)): Path<(String, String)>,
) -> Answer {
    let mut state = world.state();
    in_pool(&state.octavia, &who, &pool, &id)?;
    state.octavia.delete(&world, &who, Kind::Member, &id)?;
    Ok(empty(204))
}

async fn providers(_who: Member) -> Answer {
    Ok(answer(
        200,
        json!({"providers": [
            {"name": "amphora", "description": "The Octavia Amphora driver."},
            {"name": "octavia", "description": "Deprecated alias of the Octavia Amphora driver."},
        ]}),
    ))
}

async fn quota(In(world): In<Shared>, Member(who): Member, Path(project): Path<String>) -> Answer {
    if !who.sees(&project) {
        return Err(super::forbidden());
    }
    Ok(answer(200, world.state().octavia.quota(&world, &project)))
}

async fn default_quota(In(world): In<Shared>, _who: Member) -> Answer {
    Ok(answer(200, world.state().octavia.quota(&world, "")))
}

async fn set_quota(
    In(world): In<Shared>,
    Member(who): Member,
    Path(project): Path<String>,
    sent: Sent,
) -> Answer {
    Ok(answer(
        202,
        world
            .state()
            .octavia
            .set_quota(&world, &who, &project, &sent.body)?,
    ))
}
