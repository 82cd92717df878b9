//! Volumes as they are shown, and lists of them.

use serde_json::{Value, json};

use super::{
    super::{
        microversion::Microversion,
        query::{self, Query},
    },
    Object, Refusal, State, Who, World, absent, text,
};
use crate::client::service::Kind;

/// Members that came with a microversion.
const SINCE: &[(&str, u16)] = &[
    ("group_id", 13),
    ("provider_id", 21),
    ("service_uuid", 48),
    ("shared_targets", 48),
    ("cluster_name", 61),
    ("volume_type_id", 63),
    ("consumes_quota", 65),
];

/// What a list's query may say beside filters.
const CONTROLS: &[&str] = &[
    "limit",
    "marker",
    "offset",
    "sort",
    "sort_key",
    "sort_dir",
    "all_tenants",
    "with_count",
    "metadata",
    "project_id",
];

/// The most that a page has.
const PAGE: usize = 1000;

fn links(world: &World, project: &str, id: &str) -> Value {
    let link = |version: &str| world.url(Kind::BlockStorage, &format!("{version}/{project}/volumes/{id}"));
    json!([{"rel": "self", "href": link("/v3")}, {"rel": "bookmark", "href": link("")}])
}

/// A volume with everything that the caller may see in its microversion.
pub(super) fn detail(world: &World, who: &Who, version: Microversion, volume: &Object) -> Object {
    let mut shown = super::super::collection::shown(volume);
    shown.remove("project_id");
    shown.insert(
        "links".to_owned(),
        links(world, text(volume, "project_id"), text(volume, "id")),
    );
    shown.insert(
        "os-vol-tenant-attr:tenant_id".to_owned(),
        volume["project_id"].clone(),
    );
    if who.is_admin() {
        shown.insert("os-vol-host-attr:host".to_owned(), json!("block@fake#fake"));
        shown.insert("os-vol-mig-status-attr:migstat".to_owned(), Value::Null);
        shown.insert("os-vol-mig-status-attr:name_id".to_owned(), Value::Null);
    } else {
        shown.remove("provider_id");
        shown.remove("migration_status");
        // Where a volume is attached is the operator's business.
        for attachment in shown
            .get_mut("attachments")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            attachment["host_name"] = Value::Null;
        }
    }
    for (member, minor) in SINCE {
        if !version.has(3, *minor) {
            shown.remove(*member);
        }
    }
    shown
}

/// What a create answers: as [`detail`], without what belongs to extensions.
pub(super) fn created(world: &World, who: &Who, version: Microversion, volume: &Object) -> Object {
    let mut shown = detail(world, who, version, volume);
    shown.retain(|member, _| !member.starts_with("os-vol") && member != "volume_image_metadata");
    shown
}

fn summary(world: &World, volume: &Object) -> Object {
    let mut shown = Object::new();
    shown.insert("id".to_owned(), volume["id"].clone());
    shown.insert("name".to_owned(), volume["name"].clone());
    shown.insert(
        "links".to_owned(),
        links(world, text(volume, "project_id"), text(volume, "id")),
    );
    shown
}

impl State {
    pub(super) fn list(
        &self,
        world: &World,
        who: &Who,
        version: Microversion,
        query: &Query,
        detailed: bool,
    ) -> Result<Value, Refusal> {
        let all = who.is_admin() && query.flag("all_tenants");
        let wanted_metadata = query.get("metadata").map(dictionary);
        let mut volumes: Vec<Object> = self
            .volumes
            .iter()
            .filter(|volume| all || text(volume, "project_id") == who.project)
            .filter(|volume| fits(volume, query))
            .filter(|volume| {
                wanted_metadata
                    .iter()
                    .flatten()
                    .all(|(key, value)| volume["metadata"][key] == json!(value))
            })
            .cloned()
            .collect();
        let count = volumes.len();
        query::sort(&mut volumes, &sorts(query));
        let offset = query
            .number("offset")
            .and_then(|offset| usize::try_from(offset).ok());
        let volumes: Vec<Object> = volumes.into_iter().skip(offset.unwrap_or(0)).collect();
        let limit = limit(query)?;
        let marker = query.get("marker");
        let page = query::page(volumes, Some(limit), marker)
            .ok_or_else(|| absent("Volume", marker.unwrap_or_default()))?;
        let shown: Vec<Object> = page
            .items
            .iter()
            .map(|volume| {
                if detailed {
                    detail(world, who, version, volume)
                } else {
                    summary(world, volume)
                }
            })
            .collect();
        let mut body = json!({ "volumes": shown });
        if let Some(next) = page.next {
            let path = if detailed { "volumes/detail" } else { "volumes" };
            let href = world.url(
                Kind::BlockStorage,
                &format!("/v3/{}/{path}?{}", who.project, query.after_marker(&next)),
            );
            body["volumes_links"] = json!([{"rel": "next", "href": href}]);
        }
        if version.has(3, 45) && query.flag("with_count") {
            body["count"] = json!(count);
        }
        Ok(body)
    }
}

/// How many a page has.
pub(super) fn limit(query: &Query) -> Result<usize, Refusal> {
    match query.get("limit") {
        None => Ok(PAGE),
        Some(text) => text
            .parse::<usize>()
            .map(|limit| limit.min(PAGE))
            .map_err(|_| Refusal::nova(400, "limit param must be an integer")),
    }
}

/// Filters are exact; one that no volume has a member for is ignored.
fn fits(volume: &Object, query: &Query) -> bool {
    query
        .names()
        .into_iter()
        .filter(|name| !CONTROLS.contains(name) && volume.contains_key(*name))
        .all(|name| {
            query.all(name).any(|wanted| {
                let is = &volume[name];
                is == wanted || is.to_string().eq_ignore_ascii_case(wanted)
            })
        })
}

/// `sort=name:asc` or the classic pair; the newest first when nothing was said.
fn sorts(query: &Query) -> Vec<(&str, bool)> {
    let sorts: Vec<(&str, bool)> = match query.sort() {
        Some(said) => said,
        None => {
            let descending = query.get("sort_dir").unwrap_or("desc") == "desc";
            query
                .get("sort_key")
                .map(|key| (key, descending))
                .into_iter()
                .collect()
        }
    };
    if sorts.is_empty() {
        return vec![("created_at", true), ("id", true)];
    }
    sorts
}

/// A dictionary as Python writes it: `{'k': 'v'}`; JSON is understood too.
fn dictionary(text: &str) -> Vec<(String, String)> {
    let json = text.replace("u'", "'").replace('\'', "\"");
    serde_json::from_str::<Object>(&json)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.as_str()?.to_owned())))
        .collect()
}
