//! What is shown: resources with the ids of what belongs to them, whole trees, lists.

use serde_json::{Value, json};

use super::{
    super::{
        collection::shown,
        query::{self, Query},
    },
    Kind, Object, Refusal, State, Who, World, text,
};
use crate::client::service::Kind as Service;

/// What a list's query may say beside filters.
const CONTROLS: &[&str] = &[
    "limit",
    "marker",
    "page_reverse",
    "sort",
    "sort_key",
    "sort_dir",
    "fields",
    "tags",
    "tags-any",
    "not-tags",
    "not-tags-any",
];

const PAGE: usize = 1000;

fn ids<'a>(objects: impl Iterator<Item = &'a Object>) -> Value {
    objects.map(|one| json!({"id": one["id"]})).collect()
}

impl State {
    /// A resource with the ids of its neighbours.
    pub(super) fn show(&self, kind: Kind, object: &Object) -> Object {
        let id = text(object, "id");
        let balancer = json!([{"id": text(object, "_lb")}]);
        let mut view = shown(object);
        let related = match kind {
            Kind::LoadBalancer => vec![
                ("listeners", ids(self.listeners.of("_lb", id))),
                ("pools", ids(self.pools.of("_lb", id))),
            ],
            Kind::Listener => vec![("loadbalancers", balancer), ("l7policies", json!([]))],
            Kind::Pool => vec![
                ("loadbalancers", balancer),
                ("listeners", ids(self.listeners.of("default_pool_id", id))),
                ("members", ids(self.members.of("_pool", id))),
            ],
            Kind::Member => Vec::new(),
            Kind::Monitor => vec![("pools", json!([{"id": text(object, "_pool")}]))],
        };
        view.extend(related.into_iter().map(|(name, value)| (name.to_owned(), value)));
        if kind == Kind::Pool
            && let Some(monitor) = self.monitors.of("_pool", id).next()
        {
            view.insert("healthmonitor_id".to_owned(), monitor["id"].clone());
        }
        view.insert("tenant_id".to_owned(), object["project_id"].clone());
        view
    }

    /// A load balancer with everything in it, as a create that described everything answers.
    pub(super) fn whole(&self, balancer: &Object) -> Object {
        let id = text(balancer, "id");
        let mut view = shown(balancer);
        view.insert("tenant_id".to_owned(), balancer["project_id"].clone());
        let listeners: Vec<Object> = self
            .listeners
            .of("_lb", id)
            .map(|listener| {
                let mut view = shown(listener);
                let pool = &listener["default_pool_id"];
                let pool = if pool.is_null() {
                    Value::Null
                } else {
                    json!({"id": pool})
                };
                view.insert("default_pool".to_owned(), pool);
                view.insert("l7policies".to_owned(), json!([]));
                view
            })
            .collect();
        let pools: Vec<Object> = self
            .pools
            .of("_lb", id)
            .map(|pool| {
                let id = text(pool, "id");
                let mut view = shown(pool);
                let members: Vec<Object> = self.members.of("_pool", id).map(shown).collect();
                view.insert("members".to_owned(), json!(members));
                let monitor = self.monitors.of("_pool", id).next().map(shown);
                view.insert("healthmonitor".to_owned(), json!(monitor));
                view
            })
            .collect();
        view.insert("listeners".to_owned(), json!(listeners));
        view.insert("pools".to_owned(), json!(pools));
        view
    }

    /// The tree of states.
    pub(super) fn status(&self, balancer: &Object) -> Value {
        let id = text(balancer, "id");
        let pick = |object: &Object, names: &[&str]| -> Object {
            let standard = ["id", "name", "provisioning_status", "operating_status"];
            let names = standard.iter().chain(names);
            names
                .map(|name| ((*name).to_owned(), object.get(*name).cloned().unwrap_or_default()))
                .collect()
        };
        let pool = |pool: &Object| {
            let id = text(pool, "id");
            let mut node = pick(pool, &[]);
            let members: Vec<Object> = self
                .members
                .of("_pool", id)
                .map(|member| pick(member, &["address", "protocol_port"]))
                .collect();
            let monitor = self
                .monitors
                .of("_pool", id)
                .next()
                .map_or_else(|| json!({}), |monitor| json!(pick(monitor, &["type"])));
            node.insert("members".to_owned(), json!(members));
            // Octavia says the second name, its API reference the first.
            node.insert("healthmonitor".to_owned(), monitor.clone());
            node.insert("health_monitor".to_owned(), monitor);
            node
        };
        let listeners: Vec<Object> = self
            .listeners
            .of("_lb", id)
            .map(|listener| {
                let mut node = pick(listener, &[]);
                let pools: Vec<Object> = self
                    .pools
                    .get(text(listener, "default_pool_id"))
                    .map(pool)
                    .into_iter()
                    .collect();
                node.insert("pools".to_owned(), json!(pools));
                node.insert("l7policies".to_owned(), json!([]));
                node
            })
            .collect();
        let pools: Vec<Object> = self.pools.of("_lb", id).map(pool).collect();
        let mut tree = pick(balancer, &[]);
        tree.insert("listeners".to_owned(), json!(listeners));
        tree.insert("pools".to_owned(), json!(pools));
        json!({"statuses": {"loadbalancer": tree}})
    }

    /// A page of a kind; members are those of one pool.
    pub(super) fn list(
        &self,
        world: &World,
        who: &Who,
        kind: Kind,
        pool: Option<&str>,
        query: &Query,
    ) -> Result<Value, Refusal> {
        let limit = match query.get("limit") {
            None => PAGE,
            Some(text) => text.parse::<usize>().map_err(|_| {
                Refusal::octavia(400, &format!("Supplied pagination limit '{text}' is not valid."))
            })?,
        };
        let mut items: Vec<Object> = self
            .table(kind)
            .iter()
            .filter(|one| who.sees(text(one, "project_id")))
            .filter(|one| pool.is_none_or(|pool| text(one, "_pool") == pool))
            .map(|one| self.show(kind, one))
            .filter(|one| query.fits_tags(one) && fits(one, query))
            .collect();
        query::sort(&mut items, &sorts(query)?);
        let reverse = query.flag("page_reverse");
        if reverse {
            items.reverse();
        }
        let marker = query.get("marker");
        let page = query::page(items, Some(limit.min(PAGE)), marker).ok_or_else(|| {
            let marker = marker.unwrap_or_default();
            Refusal::octavia(
                400,
                &format!("Supplied pagination marker '{marker}' is not valid."),
            )
        })?;
        let plural = format!("{}s", kind.singular());
        let path = pool.map_or_else(|| plural.clone(), |pool| format!("pools/{pool}/members"));
        let mut items: Vec<Object> = page.items.into_iter().map(|one| query.fields(one)).collect();
        if reverse {
            items.reverse();
        }
        let mut links = Vec::new();
        if let Some(next) = page.next {
            let href = world.link(
                Service::LoadBalancer,
                &format!("/v2.0/lbaas/{path}?{}", query.after_marker(&next)),
            );
            links.push(json!({"rel": if reverse { "previous" } else { "next" }, "href": href}));
        }
        Ok(json!({ plural.clone(): items, format!("{plural}_links"): links }))
    }
}

/// Filters are exact; a neighbour's id may be given as `loadbalancer_id`, `listener_id` or `pool_id`.
fn fits(object: &Object, query: &Query) -> bool {
    query
        .names()
        .into_iter()
        .filter(|name| !CONTROLS.contains(name))
        .all(|name| {
            let neighbour = name
                .strip_suffix("_id")
                .map(|kind| format!("{}s", kind.replace('_', "")));
            let has = |wanted: &str| {
                object
                    .get(neighbour.as_deref().unwrap_or_default())
                    .and_then(Value::as_array)
                    .is_some_and(|all| all.iter().any(|one| one["id"] == wanted))
            };
            let is = object.get(name).cloned().unwrap_or_default();
            query
                .all(name)
                .any(|wanted| is == wanted || is.to_string().eq_ignore_ascii_case(wanted) || has(wanted))
        })
}

fn sorts(query: &Query) -> Result<Vec<(&str, bool)>, Refusal> {
    let parts: Vec<(&str, &str)> = match query.get("sort") {
        Some(sort) => sort
            .split(',')
            .map(|part| part.split_once(':').unwrap_or((part, "asc")))
            .collect(),
        None => {
            let direction = query.get("sort_dir").unwrap_or("asc");
            query
                .get("sort_key")
                .map(|key| (key, direction))
                .into_iter()
                .collect()
        }
    };
    parts
        .into_iter()
        .map(|(key, direction)| match direction {
            "asc" => Ok((key, false)),
            "desc" => Ok((key, true)),
            other => Err(Refusal::octavia(
                400,
                &format!("Supplied sort direction '{other}' is not valid."),
            )),
        })
        .collect()
}
