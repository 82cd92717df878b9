//! What exists and is not yet seen: the lag between a write and the lists of a cloud.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

/// Ids (or names, of what has no id) that are hidden.
#[derive(Debug, Default)]
pub(in crate::fake) struct Veil(Mutex<Vec<Hidden>>);

#[derive(Debug)]
struct Hidden {
    id: String,
    until: Timestamp,
    /// Also from who asks by id.
    wholly: bool,
}

impl Veil {
    /// Hides what an answer to a create says was made.
    pub(in crate::fake) fn hide(&self, answer: &Value, until: Timestamp, wholly: bool) {
        let ids = match answer.get("id").and_then(Value::as_str) {
            Some(id) => vec![id.to_owned()],
            None => answer
                .as_object()
                .into_iter()
                .flat_map(|members| members.values().flat_map(made))
                .collect(),
        };
        let mut hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hidden.extend(ids.into_iter().map(|id| Hidden { id, until, wholly }));
    }

    /// Whether a path asks for something that nobody sees yet.
    pub(in crate::fake) fn covers(&self, path: &str, now: Timestamp) -> bool {
        let hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        path.split('/').any(|segment| {
            hidden
                .iter()
                .any(|one| one.wholly && one.until > now && one.id == segment)
        })
    }

    /// Takes what is hidden out of the lists of an answer; false if nothing is hidden now.
    pub(in crate::fake) fn draw(&self, answer: &mut Value, now: Timestamp) -> bool {
        let mut hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hidden.retain(|one| one.until > now);
        if hidden.is_empty() {
            return false;
        }
        for list in answer
            .as_object_mut()
            .into_iter()
            .flat_map(|members| members.values_mut())
        {
            if let Some(list) = list.as_array_mut() {
                list.retain(|item| !name(item).is_some_and(|id| hidden.iter().any(|one| one.id == id)));
            }
        }
        true
    }

    pub(in crate::fake) fn is_lifted(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

fn made(member: &Value) -> Vec<String> {
    match member {
        Value::Array(items) => items.iter().filter_map(name).map(str::to_owned).collect(),
        one => name(one).map(str::to_owned).into_iter().collect(),
    }
}

/// What identifies an item: its id, else its name; key pairs stand one level deeper in lists.
fn name(item: &Value) -> Option<&str> {
    let item = item.get("keypair").unwrap_or(item);
    item.get("id")
        .or_else(|| item.get("name"))
        .and_then(Value::as_str)
}
