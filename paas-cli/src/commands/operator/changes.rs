//! What an apply would change: the object as it is against the answer of a dry run.

use paas_core::resource::Change;
use paas_operator::install::OPTIONS;
use serde_json::Value;

/// What the API server keeps for itself in the metadata.
const KEPT: [&str; 4] = [
    "managedFields",
    "resourceVersion",
    "generation",
    "creationTimestamp",
];

/// The longest value that is shown.
const LONGEST: usize = 60;

/// The fields that differ, by their paths.
pub(super) fn between(live: &Value, then: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare(String::new(), &told(live), &told(then), &mut found);
    let options = format!("metadata.annotations.{OPTIONS}");
    // They say once more what the fields say.
    if found.iter().any(|change| change.field != options) {
        found.retain(|change| change.field != options);
    }
    found
}

fn told(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|field, _| !KEPT.contains(&field.as_str()));
    }
    object
}

fn compare(path: String, live: &Value, then: &Value, found: &mut Vec<Change>) {
    match (live, then) {
        (Value::Object(a), Value::Object(b)) => {
            let added = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(added) {
                let under = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                let part = |of: &serde_json::Map<String, Value>| of.get(key).cloned().unwrap_or_default();
                compare(under, &part(a), &part(b), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (at, (live, then)) in a.iter().zip(b).enumerate() {
                compare(format!("{path}[{at}]"), live, then, found);
            }
        }
        (a, b) if a == b => {}
        // Arguments, verbs: which came and which went says more than both lists.
        (Value::Array(a), Value::Array(b)) if a.iter().chain(b).all(Value::is_string) => {
            let without = |all: &[Value], others: &[Value]| {
                let left = all.iter().filter(|v| !others.contains(v)).cloned();
                Value::Array(left.collect())
            };
            found.push(Change {
                field: path,
                from: short(&without(a, b)),
                to: short(&without(b, a)),
                brings: None,
            });
        }
        (a, b) => found.push(Change {
            field: path,
            from: short(a),
            to: short(b),
            brings: None,
        }),
    }
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_somebody_wrote_is_compared_and_told_by_its_path() {
        let live = json!({
            "metadata": {"name": "x", "generation": 3, "managedFields": [1], "labels": {"a": "1"}},
            "spec": {"args": ["run", "--log=info"], "containers": [{"image": "x:1"}], "gone": true},
            "status": {"replicas": 2},
        });
        let then = json!({
            "metadata": {"name": "x", "generation": 4, "labels": {"a": "1", "b": "2"}},
            "spec": {"args": ["run"], "containers": [{"image": "x:2"}]},
        });
        let all: Vec<String> = between(&live, &then)
            .iter()
            .map(|c| format!("{}: {} → {}", c.field, c.from, c.to))
            .collect();
        assert_eq!(
            all,
            [
                "metadata.labels.b: nothing → 2",
                r#"spec.args: ["--log=info"] → []"#,
                "spec.containers[0].image: x:1 → x:2",
                "spec.gone: true → nothing",
            ]
        );
        assert!(between(&live, &live).is_empty());
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let long = "ü".repeat(100);
        let shown = short(&Value::String(long));
        assert_eq!(shown.chars().count(), LONGEST + 1);
    }
}
