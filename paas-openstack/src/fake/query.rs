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

    /// `sort=name:asc,created_at`: keys, each with whether it goes down, which it does where nothing is said. `None` without that parameter.
    pub(super) fn sort(&self) -> Option<Vec<(&str, bool)>> {
        let parts = self.get("sort")?.split(',');
        let parts = parts.map(|part| part.split_once(':').unwrap_or((part, "desc")));
        Some(parts.map(|(key, direction)| (key, direction == "desc")).collect())
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::fake::collection::object;

    fn query(text: &str) -> Query {
        Query::of(&format!("/x?{text}").parse().unwrap())
    }

    fn items(count: usize) -> Vec<Object> {
        (0..count).map(|n| object(json!({"id": n.to_string()}))).collect()
    }

    proptest! {
        #[test]
        fn pages_put_together_are_the_list(count in 0_usize..40, limit in 1_usize..45) {
            let all = items(count);
            let (mut seen, mut marker) = (Vec::new(), None);
            loop {
                let page = page(all.clone(), Some(limit), marker.as_deref()).unwrap();
                prop_assert!(page.items.len() <= limit);
                seen.extend(page.items);
                marker = page.next;
                if marker.is_none() {
                    break;
                }
            }
            prop_assert_eq!(seen, all);
        }
    }

    #[test]
    fn a_marker_that_is_not_there_gives_no_page() {
        assert!(page(items(3), None, Some("nothing")).is_none());
    }

    #[test]
    fn filters_are_exact_and_repeated_ones_are_an_or() {
        let one = object(
            json!({"name": "a", "admin_state_up": true, "size": 2, "port_id": null, "tags": ["x", "y"]}),
        );
        for (text, fit) in [
            ("name=a", true),
            ("name=A", false),
            ("name=b&name=a", true),
            ("admin_state_up=True&size=2", true),
            ("admin_state_up=false", false),
            ("port_id=", true),
            ("nothing=1", false),
            ("limit=1", true),
        ] {
            assert_eq!(query(text).fits(&one, &["limit"]), fit, "{text}");
        }
        for (text, fit) in [
            ("tags=x,y", true),
            ("tags=x,z", false),
            ("tags-any=z,y", true),
            ("not-tags=x,y", false),
            ("not-tags=x,z", true),
            ("not-tags-any=z", true),
            ("not-tags-any=x,z", false),
        ] {
            assert_eq!(query(text).fits_tags(&one), fit, "{text}");
        }
    }

    #[test]
    fn sorting_takes_the_first_key_first_and_keeps_equal_ones_in_order() {
        let mut rows: Vec<Object> = [("b", 1), ("a", 2), ("b", 3), ("a", 4)]
            .map(|(name, id)| object(json!({"name": name, "id": id})))
            .to_vec();
        sort(&mut rows, &[("name", true)]);
        let ids: Vec<i64> = rows.iter().map(|row| row["id"].as_i64().unwrap()).collect();
        assert_eq!(ids, [1, 3, 2, 4]);
    }
}
