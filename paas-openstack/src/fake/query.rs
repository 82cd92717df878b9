//! Queries of lists: exact filters, tags, fields, sorting and pages.

use axum::{
    extract::FromRequestParts,
    http::{Uri, request::Parts},
};
use serde_json::Value;

use super::collection::{Object, text};

/// The query of a call, in its order; names may repeat.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &Uri) -> Self {
        let text = uri.query().unwrap_or_default();
        Self(
            url::form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// The last value of a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every value of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "t"))
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Names, each once.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in self.pairs() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The same query from another place on, as it stands in the links to a next page.
    pub(super) fn after_marker(&self, marker: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.pairs().filter(|(name, _)| *name != "marker"));
        query.append_pair("marker", marker);
        query.finish()
    }

    /// Whether an object has the wanted value for every name but those in `apart`; a repeated name is an "or". Truths, numbers and
    /// `null` are compared as text, without regard to case for truths.
    pub(super) fn fits(&self, object: &Object, apart: &[&str]) -> bool {
        self.names()
            .into_iter()
            .filter(|name| !apart.contains(name))
            .all(|name| {
                let is = object.get(name).unwrap_or(&Value::Null);
                self.all(name).any(|wanted| same(is, wanted))
            })
    }

    /// Whether the object's `tags` are as `tags`, `tags-any`, `not-tags` and `not-tags-any` want them.
    pub(super) fn fits_tags(&self, object: &Object) -> bool {
        let tags: Vec<&str> = object
            .get("tags")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let wanted = |name: &'static str| self.get(name).map(|list| list.split(',').collect::<Vec<_>>());
        wanted("tags").is_none_or(|all| all.iter().all(|tag| tags.contains(tag)))
            && wanted("tags-any").is_none_or(|any| any.iter().any(|tag| tags.contains(tag)))
            && wanted("not-tags").is_none_or(|all| !all.iter().all(|tag| tags.contains(tag)))
            && wanted("not-tags-any").is_none_or(|any| !any.iter().any(|tag| tags.contains(tag)))
    }

    /// Only the members that `fields` names, if it names any.
    pub(super) fn fields(&self, object: Object) -> Object {
        let wanted: Vec<&str> = self.all("fields").flat_map(|names| names.split(',')).collect();
        if wanted.is_empty() {
            return object;
        }
        object
            .into_iter()
            .filter(|(name, _)| wanted.contains(&name.as_str()))
            .collect()
    }
}

fn same(is: &Value, wanted: &str) -> bool {
    match is {
        Value::String(text) => text == wanted,
        Value::Bool(truth) => match wanted.to_ascii_lowercase().as_str() {
            "true" | "1" => *truth,
            "false" | "0" => !*truth,
            _ => false,
        },
        Value::Number(number) => number.to_string() == wanted,
        Value::Null => wanted.is_empty() || wanted == "null" || wanted == "None",
        Value::Array(items) => items.iter().any(|item| same(item, wanted)),
        Value::Object(_) => false,
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.uri))
    }
}

/// A page of a list.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) items: Vec<Object>,
    /// The id of the last item, if there are more after it.
    pub(super) next: Option<String>,
}

/// The page after the item with the id `marker`, of at most `limit` items. `None` when there is no such item: services differ in
/// what they say then.
pub(super) fn page(items: Vec<Object>, limit: Option<usize>, marker: Option<&str>) -> Option<Page> {
    let from = match marker {
        Some(marker) => items.iter().position(|item| text(item, "id") == marker)? + 1,
        None => 0,
    };
    let limit = limit.unwrap_or(usize::MAX);
    let more = items.len().saturating_sub(from) > limit;
    let items: Vec<Object> = items.into_iter().skip(from).take(limit).collect();
    let next = items
        .last()
        .filter(|_| more)
        .map(|last| text(last, "id").to_owned());
    Some(Page { items, next })
}

/// Sorted by members, the first key counting most; `true` is descending. Equal items keep their order.
pub(super) fn sort(items: &mut [Object], keys: &[(&str, bool)]) {
    fn rank(value: Option<&Value>) -> (u8, i64, String) {
        match value {
            None | Some(Value::Null) => (0, 0, String::new()),
            Some(Value::Number(number)) => (1, number.as_i64().unwrap_or_default(), String::new()),
            Some(Value::String(text)) => (2, 0, text.clone()),
            Some(other) => (3, 0, other.to_string()),
        }
    }
    items.sort_by(|a, b| {
        keys.iter()
            .map(|(key, descending)| {
                let order = rank(a.get(*key)).cmp(&rank(b.get(*key)));
                if *descending { order.reverse() } else { order }
            })
            .find(|order| order.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    });
}
