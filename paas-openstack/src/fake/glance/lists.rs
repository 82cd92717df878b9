//! Lists of images: filters on every member, sorting, pages.

use serde_json::{Value, json};

use super::{
    super::{
        collection::{Object, number, shown, text},
        query::{self, Query},
        refusal::Refusal,
        who::Who,
    },
    State,
};

const CONTROLS: &[&str] = &[
    "limit",
    "marker",
    "sort",
    "sort_key",
    "sort_dir",
    "tag",
    "visibility",
    "os_hidden",
    "size_min",
    "size_max",
    "member_status",
    "name",
    "id",
    "status",
    "container_format",
    "disk_format",
];

/// What a page has when nobody asked for another number, and at most.
const LIMIT: (usize, usize) = (25, 1000);

impl State {
    pub(super) fn list(&self, who: &Who, query: &Query) -> Result<Value, Refusal> {
        let sorts = sorts(query)?;
        let limit = match query.get("limit") {
            None => LIMIT.0,
            Some(text) => text
                .parse::<usize>()
                .map_err(|_| Refusal::glance(400, "limit param must be an integer"))?
                .min(LIMIT.1),
        };
        let mut images: Vec<Object> = self
            .images
            .iter()
            .filter(|image| listed(who, image, query) && fits(image, query))
            .map(shown)
            .collect();
        query::sort(&mut images, &sorts);
        let marker = query.get("marker");
        let Some(page) = query::page(images, Some(limit), marker) else {
            let words = format!("No image found with ID {}", marker.unwrap_or_default());
            return Err(Refusal::glance(400, &words));
        };
        let asked = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query.pairs().filter(|(name, _)| *name != "marker"))
            .finish();
        let first = if asked.is_empty() {
            "/v2/images".to_owned()
        } else {
            format!("/v2/images?{asked}")
        };
        let mut body = json!({"images": page.items, "first": first, "schema": "/v2/schemas/images"});
        if let Some(next) = page.next {
            body["next"] = json!(format!("/v2/images?{}", query.after_marker(&next)));
        }
        Ok(body)
    }
}

/// Private images are their owner's, community images are listed on demand, hidden ones too.
fn listed(who: &Who, image: &Object, query: &Query) -> bool {
    let visibility = text(image, "visibility");
    let seen = who.sees(text(image, "owner")) || visibility == "public" || {
        visibility == "community" && query.get("visibility") == Some("community")
    };
    let wanted = query
        .get("visibility")
        .is_none_or(|wanted| wanted == visibility || wanted == "all");
    let hidden = super::flag(image, "os_hidden");
    seen && wanted && hidden == query.flag("os_hidden")
}

fn fits(image: &Object, query: &Query) -> bool {
    let tags = super::super::collection::text;
    let has_tag = |tag: &str| {
        image
            .get("tags")
            .and_then(Value::as_array)
            .is_some_and(|tags| tags.iter().any(|other| other == tag))
    };
    let among = |name: &str| {
        query
            .get(name)
            .is_none_or(|wanted| match wanted.strip_prefix("in:") {
                None => tags(image, name) == wanted,
                Some(several) => several
                    .split(',')
                    .any(|one| one.trim_matches('"') == tags(image, name)),
            })
    };
    query.fits(image, CONTROLS)
        && query.all("tag").all(has_tag)
        && ["name", "id", "status", "container_format", "disk_format"]
            .into_iter()
            .all(among)
        && query
            .number("size_min")
            .is_none_or(|least| number(image, "size") >= least)
        && query
            .number("size_max")
            .is_none_or(|most| number(image, "size") <= most)
}

/// `sort=name:asc,created_at:desc`, or the classic pair of keys and directions.
fn sorts(query: &Query) -> Result<Vec<(&str, bool)>, Refusal> {
    let sorts: Vec<(&str, bool)> = match query.sort() {
        Some(said) => said,
        None => {
            let mut directions = query.all("sort_dir");
            let keys = query.all("sort_key");
            keys.map(|key| (key, directions.next().unwrap_or("desc") == "desc"))
                .collect()
        }
    };
    let known = [
        "name",
        "status",
        "container_format",
        "disk_format",
        "size",
        "id",
        "created_at",
        "updated_at",
    ];
    if let Some((key, _)) = sorts.iter().find(|(key, _)| !known.contains(key)) {
        return Err(Refusal::glance(
            400,
            &format!(
                "Invalid sort key: {key}. It must be one of the following: {}.",
                known.join(", ")
            ),
        ));
    }
    if sorts.is_empty() {
        return Ok(vec![("created_at", true), ("id", true)]);
    }
    Ok(sorts)
}
