//! The calls.

use axum::{
    Router,
    extract::{Path, State as In},
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    super::{
        collection::shown,
        microversion::Microversion,
        query::Query,
        refusal::{Answer, Refusal},
        request::{Sent, empty, json as answer},
        who::Who,
        world::Shared,
    },
    absent, text, view, volume,
};
use crate::client::service::Kind;

/// The calls, below this service's prefix.
pub(in crate::fake) fn router() -> Router<Shared> {
    Router::new()
        .route("/", get(|world: In<Shared>| versions(world, 300)))
        .route("/v3", get(|world: In<Shared>| versions(world, 200)))
        .route("/v3/volumes", get(summaries).post(create))
        .route("/v3/volumes/detail", get(details))
        .route("/v3/volumes/{id}", get(show).put(update).delete(delete))
        .route("/v3/volumes/{id}/action", post(act))
        .route(
            "/v3/volumes/{id}/metadata",
            get(metadata).post(add_metadata).put(set_metadata),
        )
        .route(
            "/v3/volumes/{id}/metadata/{key}",
            get(one_metadata).put(put_metadata).delete(drop_metadata),
        )
        .route("/v3/attachments", get(attachments).post(attach))
        .route("/v3/attachments/detail", get(attachment_details))
        .route(
            "/v3/attachments/{id}",
            get(attachment).put(connect).delete(detach),
        )
        .route("/v3/attachments/{id}/action", post(complete))
        .route("/v3/snapshots", get(snapshots).post(create_snapshot))
        .route("/v3/snapshots/detail", get(snapshots))
        .route("/v3/snapshots/{id}", get(snapshot).delete(delete_snapshot))
        .route("/v3/types", get(types))
        .route("/v3/types/{id}", get(one_type))
        .route("/v3/limits", get(limits))
        .route("/v3/os-quota-sets/{project}", get(quota).put(set_quota))
        .route("/v3/os-quota-sets/{project}/defaults", get(quota))
        .route("/v3/os-availability-zone", get(zones))
        .route("/v3/extensions", get(extensions))
        .route("/v3/backups/detail", get(|_who: Who| async { none("backups") }))
        .route("/v3/backups", get(|_who: Who| async { none("backups") }))
        .route(
            "/v3/os-volume-transfer/detail",
            get(|_who: Who| async { none("transfers") }),
        )
}

/// An answer without a body that has a type nevertheless.
fn typed(status: u16, kind: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], empty(status)).into_response()
}

fn none(plural: &str) -> Answer {
    Ok(answer(200, json!({ plural: [] })))
}

async fn versions(In(world): In<Shared>, status: u16) -> Answer {
    let href = format!("{}/", world.link(Kind::BlockStorage, "/v3"));
    Ok(answer(
        status,
        json!({"versions": [{
            "id": "v3.0", "status": "CURRENT", "updated": "2022-08-31T00:00:00Z",
            "version": world.setup.shape.volume_maximum, "min_version": "3.0",
            "links": [
                {"href": "https://docs.openstack.org/", "rel": "describedby", "type": "text/html"},
                {"href": href, "rel": "self"},
            ],
            "media-types": [
                {"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"},
            ],
        }]}),
    ))
}

async fn summaries(In(world): In<Shared>, who: Who, version: Microversion, query: Query) -> Answer {
    Ok(answer(
        200,
        world.state().cinder.list(&world, &who, version, &query, false)?,
    ))
}

async fn details(In(world): In<Shared>, who: Who, version: Microversion, query: Query) -> Answer {
    Ok(answer(
        200,
        world.state().cinder.list(&world, &who, version, &query, true)?,
    ))
}

async fn create(In(world): In<Shared>, who: Who, version: Microversion, sent: Sent) -> Answer {
    let mut state = world.state();
    let id = volume::create(
        &world,
        &mut state,
        (&who.project, &who.user),
        sent.member("volume")?,
    )?;
    let made = view::created(&world, &who, version, state.cinder.visible(&who, &id)?);
    Ok(answer(202, json!({ "volume": made })))
}

async fn show(In(world): In<Shared>, who: Who, version: Microversion, Path(id): Path<String>) -> Answer {
    let state = world.state();
    let shown = view::detail(&world, &who, version, state.cinder.visible(&who, &id)?);
    Ok(answer(200, json!({ "volume": shown })))
}

async fn update(
    In(world): In<Shared>,
    who: Who,
    version: Microversion,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let mut state = world.state();
    state.cinder.update(&world, &who, &id, sent.member("volume")?)?;
    let shown = view::created(&world, &who, version, state.cinder.visible(&who, &id)?);
    Ok(answer(200, json!({ "volume": shown })))
}

async fn delete(In(world): In<Shared>, who: Who, Path(id): Path<String>, query: Query) -> Answer {
    world
        .state()
        .cinder
        .delete(&world, &who, &id, query.flag("cascade"))?;
    Ok(typed(202, "text/html; charset=UTF-8"))
}

async fn act(In(world): In<Shared>, who: Who, Path(id): Path<String>, sent: Sent) -> Answer {
    let said = world.state().cinder.act(&world, &who, &id, &sent.body)?;
    Ok(typed(if said.is_some() { 200 } else { 202 }, "application/json"))
}

async fn metadata(In(world): In<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    let state = world.state();
    let volume = state.cinder.visible(&who, &id)?;
    Ok(answer(200, json!({ "metadata": volume["metadata"] })))
}

async fn add_metadata(In(world): In<Shared>, who: Who, Path(id): Path<String>, sent: Sent) -> Answer {
    let all = world
        .state()
        .cinder
        .set_metadata(&who, &id, &sent.body["metadata"], false)?;
    Ok(answer(200, json!({ "metadata": all })))
}

async fn set_metadata(In(world): In<Shared>, who: Who, Path(id): Path<String>, sent: Sent) -> Answer {
    let all = world
        .state()
        .cinder
        .set_metadata(&who, &id, &sent.body["metadata"], true)?;
    Ok(answer(200, json!({ "metadata": all })))
}

fn no_key(key: &str) -> Refusal {
    Refusal::nova(404, &format!("Metadata item was not found: {key}"))
}

async fn one_metadata(In(world): In<Shared>, who: Who, Path((id, key)): Path<(String, String)>) -> Answer {
    let state = world.state();
    let value = state.cinder.visible(&who, &id)?["metadata"]
        .get(&key)
        .cloned()
        .ok_or_else(|| no_key(&key))?;
    Ok(answer(200, json!({"meta": {key: value}})))
}

async fn put_metadata(
    In(world): In<Shared>,
    who: Who,
    Path((id, _key)): Path<(String, String)>,
    sent: Sent,
) -> Answer {
    world
        .state()
        .cinder
        .set_metadata(&who, &id, &sent.body["meta"], false)?;
    Ok(answer(200, sent.body))
}

async fn drop_metadata(In(world): In<Shared>, who: Who, Path((id, key)): Path<(String, String)>) -> Answer {
    let mut state = world.state();
    let volume = state.cinder.visible_mut(&who, &id)?;
    volume
        .get_mut("metadata")
        .and_then(Value::as_object_mut)
        .and_then(|metadata| metadata.remove(&key))
        .map(|_| empty(200))
        .ok_or_else(|| no_key(&key))
}

/// Attachments came with 3.27: before that there is no such path.
fn attachments_exist(version: Microversion) -> Result<(), Refusal> {
    if version.has(3, 27) {
        Ok(())
    } else {
        Err(Refusal::nova(
            404,
            &format!("API version {version} is not supported on this method."),
        ))
    }
}

async fn attach(In(world): In<Shared>, who: Who, version: Microversion, sent: Sent) -> Answer {
    attachments_exist(version)?;
    let made = world
        .state()
        .cinder
        .create_attachment(&world, &who, sent.member("attachment")?)?;
    Ok(answer(200, json!({ "attachment": shown(&made) })))
}

async fn attachments(In(world): In<Shared>, who: Who, version: Microversion) -> Answer {
    attachments_exist(version)?;
    Ok(answer(
        200,
        json!({ "attachments": world.state().cinder.attachments(&who, false) }),
    ))
}

async fn attachment_details(In(world): In<Shared>, who: Who, version: Microversion) -> Answer {
    attachments_exist(version)?;
    let all = world.state().cinder.attachments(&who, true);
    Ok(answer(200, json!({ "attachments": all })))
}

async fn attachment(
    In(world): In<Shared>,
    who: Who,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    attachments_exist(version)?;
    Ok(answer(
        200,
        json!({ "attachment": shown(world.state().cinder.attachment(&who, &id)?) }),
    ))
}

async fn connect(In(world): In<Shared>, who: Who, version: Microversion, Path(id): Path<String>) -> Answer {
    attachments_exist(version)?;
    Ok(answer(
        200,
        json!({ "attachment": shown(&world.state().cinder.connect(&world, &who, &id)?) }),
    ))
}

async fn complete(In(world): In<Shared>, who: Who, version: Microversion, Path(id): Path<String>) -> Answer {
    if !version.has(3, 44) {
        attachments_exist(Microversion::default())?;
    }
    world.state().cinder.complete(&world, &who, &id)?;
    Ok(empty(204))
}

async fn detach(In(world): In<Shared>, who: Who, version: Microversion, Path(id): Path<String>) -> Answer {
    attachments_exist(version)?;
    let mut state = world.state();
    state.cinder.delete_attachment(&world, &who, &id)?;
    Ok(answer(
        200,
        json!({ "attachments": state.cinder.attachments(&who, false) }),
    ))
}

async fn create_snapshot(In(world): In<Shared>, who: Who, sent: Sent) -> Answer {
    let made = world
        .state()
        .cinder
        .create_snapshot(&world, &who, sent.member("snapshot")?)?;
    Ok(answer(202, json!({ "snapshot": made })))
}

async fn snapshots(In(world): In<Shared>, who: Who) -> Answer {
    Ok(answer(
        200,
        json!({ "snapshots": world.state().cinder.snapshots(&who) }),
    ))
}

async fn snapshot(In(world): In<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    Ok(answer(
        200,
        json!({ "snapshot": world.state().cinder.snapshot(&who, &id)? }),
    ))
}

async fn delete_snapshot(In(world): In<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    world.state().cinder.delete_snapshot(&world, &who, &id)?;
    Ok(typed(202, "text/html; charset=UTF-8"))
}

async fn types(In(world): In<Shared>, _who: Who) -> Answer {
    let types: Vec<_> = world.state().cinder.types.iter().map(shown).collect();
    Ok(answer(200, json!({ "volume_types": types })))
}

async fn one_type(In(world): In<Shared>, _who: Who, Path(id): Path<String>) -> Answer {
    let state = world.state();
    let wanted = (id != "default").then_some(id.as_str());
    let found = state
        .cinder
        .type_of(wanted)
        .filter(|one| id == "default" || text(one, "id") == id);
    let found = found.ok_or_else(|| absent("Volume type", &id))?;
    Ok(answer(200, json!({ "volume_type": shown(found) })))
}

async fn limits(In(world): In<Shared>, who: Who) -> Answer {
    Ok(answer(200, world.state().cinder.limits(&world, &who.project)))
}

async fn quota(In(world): In<Shared>, who: Who, Path(project): Path<String>, query: Query) -> Answer {
    if !who.sees(&project) {
        let words = "Policy doesn't allow volume_extension:quotas:show to be performed.";
        return Err(Refusal::nova(403, words));
    }
    Ok(answer(
        200,
        world
            .state()
            .cinder
            .quota_set(&world, &project, query.flag("usage")),
    ))
}

async fn set_quota(In(world): In<Shared>, who: Who, Path(project): Path<String>, sent: Sent) -> Answer {
    Ok(answer(
        200,
        world
            .state()
            .cinder
            .set_quota(&world, &who, &project, &sent.body)?,
    ))
}

async fn zones(_who: Who) -> Answer {
    Ok(answer(
        200,
        json!({"availabilityZoneInfo": [{"zoneName": "nova", "zoneState": {"available": true}}]}),
    ))
}

async fn extensions(_who: Who) -> Answer {
    let one = |alias: &str, name: &str| json!({"alias": alias, "name": name, "description": name, "links": [], "updated": "2012-03-12T00:00:00+00:00"});
    Ok(answer(
        200,
        json!({"extensions": [
            one("os-quota-sets", "Quotas"), one("os-used-limits", "UsedLimits"),
            one("os-volume-actions", "VolumeActions"), one("os-availability-zone", "AvailabilityZones"),
        ]}),
    ))
}
