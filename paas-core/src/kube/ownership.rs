//! Which of the fields that we wrote are still ours, by the `managedFields` of the object.
//!
//! Whoever changes a field by another way than server-side apply takes it over, and a field that is removed is nobody's; so what we
//! applied and no longer own was changed or removed by somebody. The format is Kubernetes' `FieldsV1`: `f:name` for a field,
//! `k:{…}` for an item of a list by its keys, `v:…` for an item of a set, and an empty map where the field is owned as a whole
//! (sigs.k8s.io/structured-merge-diff, `fieldpath/serialize.go`).

use serde_json::{Map, Value};

/// Fields that every apply names and that nobody owns.
const NAMING: &[&str] = &["apiVersion", "kind"];

/// The paths of `manifest` that `manager` does not own by `managed` (the object's `metadata.managedFields`), in the order of the
/// manifest: `spec.ports[0].port`. Pure.
///
/// `null`, empty maps and empty lists are owned by nobody and never missed.
pub fn lost(manifest: &Value, managed: &Value, manager: &str) -> Vec<String> {
    let applied = |entry: &&Value| {
        entry["manager"] == manager && entry["operation"] == "Apply" && entry["subresource"].is_null()
    };
    let owned: Vec<&Value> = managed
        .as_array()
        .into_iter()
        .flatten()
        .filter(applied)
        .map(|entry| &entry["fieldsV1"])
        .collect();
    let mut lost = Vec::new();
    let Some(manifest) = manifest.as_object() else {
        return lost;
    };
    for (name, value) in manifest.iter().filter(|(n, _)| !NAMING.contains(&n.as_str())) {
        // What names the object is not owned.
        let naming = Map::new();
        let part = match (name.as_str(), value) {
            ("metadata", Value::Object(metadata)) => {
                let mut part = metadata.clone();
                part.retain(|k, _| !matches!(k.as_str(), "name" | "namespace"));
                Value::Object(part)
            }
            ("metadata", _) => Value::Object(naming),
            _ => value.clone(),
        };
        let fields = owned
            .iter()
            .map(|fields| &fields[format!("f:{}", kept_as(name))])
            .find(|f| f.is_object());
        walk(&part, fields, name.clone(), &mut lost);
    }
    lost
}

/// What is written as `stringData` is kept as `data`.
fn kept_as(name: &str) -> &str {
    match name {
        "stringData" => "data",
        other => other,
    }
}

fn walk(value: &Value, fields: Option<&Value>, path: String, lost: &mut Vec<String>) {
    let empty = match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    if empty {
        return;
    }
    let Some(fields) = fields.and_then(Value::as_object) else {
        lost.push(path);
        return;
    };
    match value {
        // An empty map of fields, or one with nothing but itself: owned as a whole.
        _ if fields.keys().all(|k| k == ".") && !is_granular(value, fields) => {}
        Value::Object(map) => {
            for (name, value) in map {
                walk(
                    value,
                    fields.get(&format!("f:{name}")),
                    format!("{path}.{name}"),
                    lost,
                );
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                walk(item, item_fields(item, fields), format!("{path}[{at}]"), lost);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `{".": {}}` stands for a map that is there and of whose entries none is owned; `{}` for one that is owned as a whole.
fn is_granular(value: &Value, fields: &Map<String, Value>) -> bool {
    fields.contains_key(".") && matches!(value, Value::Object(_) | Value::Array(_))
}

/// The fields of a list's item: by the keys that name it, or by its value.
fn item_fields<'a>(item: &Value, fields: &'a Map<String, Value>) -> Option<&'a Value> {
    fields.iter().find_map(|(name, fields)| {
        let (sort, json) = name.split_once(':')?;
        let wanted: Value = serde_json::from_str(json).ok()?;
        let fits = match sort {
            "v" => wanted == *item,
            // A key that was left out has its default there.
            "k" => wanted
                .as_object()?
                .iter()
                .all(|(key, value)| item.get(key).is_none_or(|there| there == value)),
            _ => false,
        };
        fits.then_some(fields)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn managed(fields: Value) -> Value {
        json!([
            {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}},
            {"manager": "paas", "operation": "Apply", "fieldsV1": fields},
        ])
    }

    fn service() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "db", "namespace": "shop", "labels": {"a": "b"}, "annotations": {}},
            "spec": {"selector": {"x": "y"}, "ports": [{"name": "pg", "port": 5432, "targetPort": "pg"}]},
        })
    }

    fn fields() -> Value {
        json!({
            "f:metadata": {"f:labels": {"f:a": {}}},
            "f:spec": {
                "f:selector": {},
                "f:ports": {"k:{\"port\":5432,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}, "f:port": {}, "f:targetPort": {}}},
            },
        })
    }

    #[test]
    fn what_nobody_touched_is_all_ours() {
        assert_eq!(lost(&service(), &managed(fields()), "paas"), Vec::<String>::new());
    }

    #[test]
    fn a_field_that_somebody_took_is_named_by_its_path() {
        let mut less = fields();
        less["f:spec"]["f:ports"]["k:{\"port\":5432,\"protocol\":\"TCP\"}"] =
            json!({".": {}, "f:name": {}, "f:port": {}});
        assert_eq!(
            lost(&service(), &managed(less), "paas"),
            ["spec.ports[0].targetPort"]
        );
    }

    #[test]
    fn an_item_of_a_list_that_is_gone_is_named() {
        let mut less = fields();
        less["f:spec"]["f:ports"] = json!({});
        // As a whole: an atomic list.
        assert_eq!(
            lost(&service(), &managed(less.clone()), "paas"),
            Vec::<String>::new()
        );
        less["f:spec"]["f:ports"] = json!({"k:{\"port\":80,\"protocol\":\"TCP\"}": {}});
        assert_eq!(lost(&service(), &managed(less), "paas"), ["spec.ports[0]"]);
    }

    #[test]
    fn an_object_that_we_never_applied_is_not_ours_at_all() {
        let managed = json!([{"manager": "kubectl", "operation": "Update", "fieldsV1": fields()}]);
        assert_eq!(lost(&service(), &managed, "paas"), ["metadata", "spec"]);
        assert_eq!(lost(&service(), &Value::Null, "paas"), ["metadata", "spec"]);
    }

    #[test]
    fn an_entry_of_a_map_that_is_gone_is_named_and_a_set_is_owned_by_value() {
        let manifest = json!({"metadata": {"name": "x", "finalizers": ["paas.rs/keep"], "labels": {"a": "b", "c": "d"}}});
        let owned = json!({"f:metadata": {"f:finalizers": {".": {}, "v:\"paas.rs/keep\"": {}}, "f:labels": {".": {}, "f:a": {}}}});
        assert_eq!(lost(&manifest, &managed(owned), "paas"), ["metadata.labels.c"]);
        let owned =
            json!({"f:metadata": {"f:finalizers": {".": {}}, "f:labels": {".": {}, "f:a": {}, "f:c": {}}}});
        assert_eq!(
            lost(&manifest, &managed(owned), "paas"),
            ["metadata.finalizers[0]"]
        );
    }
}
