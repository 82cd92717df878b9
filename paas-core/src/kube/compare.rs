//! Manifests side by side.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::resource::Change;

/// Every leaf that differs, by its path.
pub(super) fn compare(from: &Value, to: &Value, path: String, changes: &mut Vec<Change>) {
    match (from, to) {
        _ if from == to => {}
        (Value::Object(before), Value::Object(after)) => {
            let names = before
                .keys()
                .chain(after.keys().filter(|k| !before.contains_key(*k)));
            for name in names {
                let at = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                let side = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or(Value::Null);
                compare(&side(before), &side(after), at, changes);
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (at, (before, after)) in before.iter().zip(after).enumerate() {
                compare(before, after, format!("{path}[{at}]"), changes);
            }
        }
        _ => changes.push(Change::new(path, said(from), said(to))),
    }
}

fn said(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The same with the keys of all maps in order.
pub(super) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<&String, Value> = map.iter().map(|(k, v)| (k, sorted(v))).collect();
            ordered.into_iter().map(|(k, v)| (k.clone(), v)).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
