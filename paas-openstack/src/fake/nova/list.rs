//! Servers, looked at.

use axum::{
    extract::{Path, State},
    response::Response,
};
use regex_lite::RegexBuilder;
use serde_json::{Value, json};

use super::{
    forbidden,
    page::{self, MOST},
    server::Server,
    view,
};
use crate::fake::{
    collection::{Object, micros, object, text},
    microversion::Microversion,
    query::Query,
    refusal::{Answer, Refusal},
    request::json,
    who::Who,
    world::{Shared, State as All, World},
};

/// `GET /servers`.
pub(super) async fn brief(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    query: Query,
) -> Answer {
    let state = world.state();
    listed(&world, &state, &who, version, &query, "/v2.1/servers", |server| {
        view::brief(&world, server)
    })
}

/// `GET /servers/detail`.
pub(super) async fn detail(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    query: Query,
) -> Answer {
    let state = world.state();
    listed(
        &world,
        &state,
        &who,
        version,
        &query,
        "/v2.1/servers/detail",
        |server| view::whole(&world, &state, &who, server, version),
    )
}

/// `GET /servers/{id}`.
pub(super) async fn show(
    State(world): State<Shared>,
    who: Who,
    version: Microversion,
    Path(id): Path<String>,
) -> Answer {
    let state = world.state();
    let server = state.nova.server(&who, &id)?;
    Ok(shown(&world, &state, &who, server, version))
}

/// One server, as GET, PUT and some actions show it: with its groups.
pub(super) fn shown(
    world: &World,
    state: &All,
    who: &Who,
    server: &Server,
    version: Microversion,
) -> Response {
    let mut body = view::whole(world, state, who, server, version);
    if version.has(2, 71) {
        body.insert(
            "server_groups".into(),
            server.group.iter().map(|id| json!(id)).collect(),
        );
    }
    json(200, json!({"server": body}))
}

fn listed(
    world: &World,
    state: &All,
    who: &Who,
    version: Microversion,
    query: &Query,
    path: &str,
    shown: impl Fn(&Server) -> Object,
) -> Answer {
    known(query, version)?;
    if query.flag("all_tenants") && !who.is_admin() {
        return Err(forbidden("os_compute_api:servers:detail:get_all_tenants"));
    }
    let everyone = query.flag("all_tenants");
    let name = match query.get("name") {
        None => None,
        Some(pattern) => {
            // The database compares without regard to case.
            let built = RegexBuilder::new(pattern).case_insensitive(true).build();
            Some(built.map_err(|_| Refusal::nova(
                    400,
                    &format!("Invalid input for query parameters name. Value: {pattern}. '{pattern}' is not a 'regex'"),
                ))?)
        }
    };
    let fits = |server: &&Server| {
        (everyone || server.project == who.project)
            && name.as_ref().is_none_or(|name| name.is_match(&server.name))
            && fits(state, server, version, query)
    };
    // The newest first.
    let mut found: Vec<&Server> = state.nova.servers.iter().rev().filter(fits).collect();
    sorted(&mut found, query);
    let limit = match query.get("limit") {
        None => MOST,
        Some(text) => {
            let limit: usize = text.parse().map_err(|_| {
                Refusal::nova(400, &format!("Invalid input for query parameters limit. Value: {text}. '{text}' does not match '^[0-9]*$'"))
            })?;
            limit.min(MOST)
        }
    };
    let last = page::cut(&mut found, query, limit, |server| &server.id)?;
    let mut body = json!({"servers": found.iter().map(|server| shown(server)).collect::<Vec<_>>()});
    if let Some(last) = last {
        body["servers_links"] = page::links(world, path, query, &last);
    }
    Ok(json(200, body))
}

/// From 2.75 on, names that the schema does not have are refused; before, they are ignored.
fn known(query: &Query, version: Microversion) -> Result<(), Refusal> {
    const NAMES: &[&str] = &[
        "limit",
        "marker",
        "sort_key",
        "sort_dir",
        "name",
        "status",
        "image",
        "flavor",
        "changes-since",
        "changes-before",
        "all_tenants",
        "reservation_id",
        "ip",
        "ip6",
        "host",
        "tags",
        "tags-any",
        "not-tags",
        "not-tags-any",
        "availability_zone",
        "key_name",
        "project_id",
        "tenant_id",
        "user_id",
        "uuid",
        "deleted",
        "vm_state",
        "task_state",
        "power_state",
        "hostname",
        "description",
        "locked",
        "config_drive",
        "launched_at",
        "terminated_at",
        "created_at",
        "access_ip_v4",
        "access_ip_v6",
        "auto_disk_config",
        "node",
        "display_name",
        "display_description",
        "root_device_name",
        "soft_deleted",
        "progress",
        "image_ref",
        "instance_type_id",
        "metadata",
        "system_metadata",
        "launch_index",
        "kernel_id",
        "ramdisk_id",
        "all_projects",
    ];
    if !version.has(2, 75) {
        return Ok(());
    }
    match query.names().into_iter().find(|name| !NAMES.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Refusal::nova(
            400,
            &format!("'{name}' does not match any of the regexes: '^_'"),
        )),
    }
}

fn fits(state: &All, server: &Server, version: Microversion, query: &Query) -> bool {
    let is = |name: &str, value: &str| query.get(name).is_none_or(|wanted| wanted == value);
    let since = query
        .get("changes-since")
        .and_then(|time| time.parse::<jiff::Timestamp>().ok());
    let ip = |name: &str| {
        query.get(name).is_none_or(|wanted| {
            let ports = server
                .nics
                .iter()
                .filter_map(|nic| state.neutron.ports.get(&nic.port));
            ports
                .into_iter()
                .any(|port| view::fixed_addresses(port).any(|address| address.contains(wanted)))
        })
    };
    let tags = !version.has(2, 26) || query.fits_tags(&object(json!({"tags": server.tags})));
    query.get("status").is_none_or(|_| {
        query
            .all("status")
            .any(|status| status.eq_ignore_ascii_case(server.status()))
    }) && is("flavor", &server.flavor.id)
        && is("image", server.image.as_deref().unwrap_or_default())
        && is("uuid", &server.id)
        && is("availability_zone", &server.host_zone)
        && is("key_name", server.key_name.as_deref().unwrap_or_default())
        && is("project_id", &server.project)
        && is("tenant_id", &server.project)
        && is("user_id", &server.user)
        && is("host", server.host.as_deref().unwrap_or_default())
        && since.is_none_or(|since| server.updated >= since)
        && ip("ip")
        && ip("ip6")
        && tags
}

fn sorted(servers: &mut [&Server], query: &Query) {
    let Some(key) = query.get("sort_key") else { return };
    match key {
        "display_name" | "name" => servers.sort_by(|a, b| a.name.cmp(&b.name)),
        "updated_at" => servers.sort_by_key(|server| server.updated),
        "uuid" => servers.sort_by(|a, b| a.id.cmp(&b.id)),
        // They stand the newest first.
        _ => servers.reverse(),
    }
    if query.get("sort_dir") != Some("asc") {
        servers.reverse();
    }
}

/// `GET /servers/{id}/ips`.
pub(super) async fn ips(State(world): State<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    let state = world.state();
    let mut addresses = view::addresses(&state, state.nova.server(&who, &id)?);
    for list in addresses.values_mut().filter_map(Value::as_array_mut) {
        for address in list.iter_mut().filter_map(Value::as_object_mut) {
            address.retain(|name, _| !name.starts_with("OS-"));
        }
    }
    Ok(json(200, json!({"addresses": addresses})))
}

/// `GET /servers/{id}/os-security-groups`.
pub(super) async fn security_groups(State(world): State<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    let state = world.state();
    let groups: Vec<Value> = view::security_groups(&state, state.nova.server(&who, &id)?)
        .iter()
        .map(|group| {
            json!({"id": text(group, "id"), "name": text(group, "name"), "description": text(group, "description"),
                "tenant_id": text(group, "project_id"), "rules": []})
        })
        .collect();
    Ok(json(200, json!({"security_groups": groups})))
}

/// `GET /servers/{id}/os-instance-actions`: the newest first.
pub(super) async fn actions(State(world): State<Shared>, who: Who, Path(id): Path<String>) -> Answer {
    let state = world.state();
    let server = state.nova.server(&who, &id)?;
    let all: Vec<Value> = server
        .actions
        .iter()
        .rev()
        .map(|action| action_shown(server, action))
        .collect();
    Ok(json(200, json!({"instanceActions": all})))
}

/// `GET /servers/{id}/os-instance-actions/{request id}`.
pub(super) async fn one_action(
    State(world): State<Shared>,
    who: Who,
    Path((id, request)): Path<(String, String)>,
) -> Answer {
    let state = world.state();
    let server = state.nova.server(&who, &id)?;
    let action = server.actions.iter().find(|action| action.request == request);
    let action = action.ok_or_else(|| {
        Refusal::nova(
            404,
            &format!("Action for request_id {request} on instance {id} not found"),
        )
    })?;
    let mut shown = action_shown(server, action);
    shown["events"] = json!([]);
    Ok(json(200, json!({"instanceAction": shown})))
}

fn action_shown(server: &Server, action: &super::server::Action) -> Value {
    json!({"action": action.name, "instance_uuid": server.id, "request_id": action.request, "user_id": action.user,
        "project_id": server.project, "start_time": micros(action.at), "updated_at": micros(action.at), "message": null})
}
