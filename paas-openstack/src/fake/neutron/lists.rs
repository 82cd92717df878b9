//! Lists: filters on every attribute, sorting, fields, and pages in both directions.

use serde_json::{Value, json};

use super::{super::query, Caller, Denial, Kind, Object, State, attributes, schema::python, text};
use query::Query;

/// What a query may say beside attributes.
const CONTROLS: &[&str] = &[
    "fields",
    "limit",
    "marker",
    "page_reverse",
    "sort_key",
    "sort_dir",
    "tags",
    "tags-any",
    "not-tags",
    "not-tags-any",
    "changed_since",
    "fixed_ips",
];

/// One page, and whether there may be more before and after it.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) items: Vec<Object>,
    /// The query of the next page.
    pub(super) next: Option<String>,
    /// The query of the page before.
    pub(super) previous: Option<String>,
}

impl State {
    pub(super) fn list(&self, caller: &Caller<'_>, kind: Kind, query: &Query) -> Result<Page, Denial> {
        let without = &caller.world.setup.shape.without_extensions;
        if !without.iter().any(|absent| absent == "filter-validation") {
            check_filters(kind, query)?;
        }
        let sorts = sorts(kind, query)?;
        let since = query.get("changed_since").unwrap_or_default();
        let mut items: Vec<Object> = self
            .all(kind)
            .filter(|object| self.may_see(caller, kind, object))
            .map(|object| self.view(caller, kind, object))
            .filter(|object| query.fits(object, &ignored(kind, query)) && query.fits_tags(object))
            .filter(|object| fits_addresses(object, query))
            .filter(|object| text(object, "updated_at") >= since)
            .collect();
        query::sort(&mut items, &sorts);
        let page = page(items, kind, query, caller.world.setup.shape.network_page)?;
        Ok(Page {
            items: page
                .items
                .into_iter()
                .map(|object| query.fields(object))
                .collect(),
            ..page
        })
    }
}

/// What a filter does not look at: controls, and what no attribute is named.
fn ignored(kind: Kind, query: &Query) -> Vec<&str> {
    let strange = query.names().into_iter().filter(|name| {
        !attributes::of(kind).any(|attribute| attribute.name == *name)
            && !matches!(*name, "project_id" | "tenant_id")
    });
    CONTROLS.iter().copied().chain(strange).collect()
}

/// A filter that no attribute has is refused, as the extension `filter-validation` promises.
fn check_filters(kind: Kind, query: &Query) -> Result<(), Denial> {
    let strange: Vec<String> = query
        .names()
        .into_iter()
        .filter(|name| !CONTROLS.contains(name) && !matches!(*name, "project_id" | "tenant_id"))
        .filter(|name| !attributes::of(kind).any(|attribute| attribute.name == *name))
        .map(|name| format!("'{name}'"))
        .collect();
    if strange.is_empty() {
        return Ok(());
    }
    Err(Denial::http(format!(
        "[{}] is invalid attribute for filtering",
        strange.join(", ")
    )))
}

fn sorts(kind: Kind, query: &Query) -> Result<Vec<(&str, bool)>, Denial> {
    let keys: Vec<&str> = query.all("sort_key").collect();
    let directions: Vec<&str> = query.all("sort_dir").collect();
    if keys.len() != directions.len() {
        return Err(Denial::http("The number of sort_keys and sort_dirs must be same"));
    }
    for key in &keys {
        if !attributes::of(kind).any(|attribute| attribute.name == *key) && *key != "project_id" {
            return Err(Denial::http(format!(
                "['{key}'] is invalid attribute for sort_keys"
            )));
        }
    }
    if let Some(wrong) = directions
        .iter()
        .find(|direction| !matches!(**direction, "asc" | "desc"))
    {
        return Err(Denial::http(format!(
            "['{wrong}'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'"
        )));
    }
    Ok(keys
        .into_iter()
        .zip(directions.into_iter().map(|direction| direction == "desc"))
        .collect())
}

/// `fixed_ips=ip_address=10.0.0.3&fixed_ips=subnet_id=…`: each key must fit, a repeated key is an "or".
fn fits_addresses(object: &Object, query: &Query) -> bool {
    ["ip_address", "subnet_id", "ip_address_substr"]
        .into_iter()
        .all(|key| {
            let mut wanted = query
                .all("fixed_ips")
                .filter_map(|filter| filter.split_once('='))
                .filter(|(name, _)| *name == key)
                .map(|(_, value)| value)
                .peekable();
            if wanted.peek().is_none() {
                return true;
            }
            let has = |value: &str| {
                super::list(object, "fixed_ips").iter().any(|fixed| match key {
                    "ip_address_substr" => python(&fixed["ip_address"]).contains(value),
                    key => fixed[key] == json!(value),
                })
            };
            wanted.any(has)
        })
}

fn page(mut items: Vec<Object>, kind: Kind, query: &Query, most: Option<usize>) -> Result<Page, Denial> {
    let said = query.get("limit").unwrap_or("0");
    let limit = said.parse::<usize>().map_err(|_| {
        Denial::bad(
            "limit",
            format!("Limit must be an integer 0 or greater and not '{said}'"),
        )
    })?;
    let limit = match (limit, most) {
        (0, None) => {
            return Ok(Page {
                items,
                next: None,
                previous: None,
            });
        }
        (0, Some(most)) => most,
        (limit, most) => limit.min(most.unwrap_or(limit)),
    };
    let reverse = query
        .get("page_reverse")
        .is_some_and(|text| text.eq_ignore_ascii_case("true"));
    if reverse {
        items.reverse();
    }
    let from = match query.get("marker") {
        None => 0,
        Some(marker) => {
            1 + items
                .iter()
                .position(|item| text(item, "id") == marker)
                .ok_or_else(|| kind.missing(marker))?
        }
    };
    let mut items: Vec<Object> = items.into_iter().skip(from).take(limit).collect();
    let full = items.len() == limit;
    if reverse {
        items.reverse();
    }
    let link = |item: Option<&Object>, backwards: bool| {
        let marker = item.map(|item| text(item, "id"));
        let mut query: Vec<(&str, &str)> = query
            .pairs()
            .filter(|(name, _)| !matches!(*name, "marker" | "page_reverse"))
            .collect();
        query.extend(marker.map(|marker| ("marker", marker)));
        if backwards {
            query.push(("page_reverse", "True"));
        }
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish()
    };
    Ok(Page {
        next: (full || reverse).then(|| link(items.last(), false)),
        previous: (full || !reverse).then(|| link(items.first(), true)),
        items,
    })
}

impl Page {
    /// The links that go with the page.
    pub(super) fn links(&self, url: &str) -> Option<Value> {
        let links: Vec<Value> = [("next", &self.next), ("previous", &self.previous)]
            .into_iter()
            .filter_map(|(rel, query)| {
                Some(json!({"rel": rel, "href": format!("{url}?{}", query.as_ref()?)}))
            })
            .collect();
        (!links.is_empty()).then_some(Value::Array(links))
    }
}
