//! The JSON schema of each kind, in the structural form that Kubernetes requires of custom resources.
//!
//! Keywords that begin with `x-paas-` are ours: they improve messages and never change a verdict. `crd` drops them.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    DatabaseBackupSpec, DatabaseBackupStatus, DatabaseInstanceSpec, DatabaseInstanceStatus, Kind, Meta,
    PlatformSpec, PlatformStatus,
};

/// The schema of a kind's spec.
pub fn spec(kind: Kind) -> Value {
    match kind {
        Kind::Platform => of::<PlatformSpec>(),
        Kind::DatabaseInstance => of::<DatabaseInstanceSpec>(),
        Kind::DatabaseBackup => of::<DatabaseBackupSpec>(),
    }
}

/// The schema of a kind's status.
pub fn status(kind: Kind) -> Value {
    match kind {
        Kind::Platform => of::<PlatformStatus>(),
        Kind::DatabaseInstance => of::<DatabaseInstanceStatus>(),
        Kind::DatabaseBackup => of::<DatabaseBackupStatus>(),
    }
}

/// The schema of a whole object as it stands in a file. The status is not judged: nobody writes it by hand.
pub fn object(kind: Kind) -> Value {
    json!({
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": { "type": "string", "description": "The group and its version." },
            "kind": { "type": "string", "description": "The kind of the object." },
            "metadata": metadata(),
            "spec": spec(kind),
        },
    })
}

/// The schema of the metadata.
pub fn metadata() -> Value {
    of::<Meta>()
}

fn of<T: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    structural(&mut schema);
    schema
}

/// Rewrites a schema, and all schemas in it, into the structural form.
fn structural(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    map.remove("title");
    if map.get("additionalProperties") == Some(&Value::Bool(false)) {
        map.remove("additionalProperties");
    }
    if map.get("default").is_some_and(Value::is_null) {
        map.remove("default");
    }
    if map
        .get("format")
        .and_then(Value::as_str)
        .is_some_and(|f| f.starts_with("uint"))
    {
        map.remove("format");
    }
    hoist_optional(map);
    merge_words(map);
    if let Some(Value::Array(types)) = map.get("type") {
        let one = types.iter().find(|t| *t != "null").cloned();
        map.extend(one.map(|t| ("type".to_owned(), t)));
    }
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        properties.values_mut().for_each(structural);
    }
    for inner in ["items", "additionalProperties"] {
        map.get_mut(inner).into_iter().for_each(structural);
    }
}

/// `anyOf [X, null]`, which stands for an optional X, becomes X: absence needs no type of its own.
fn hoist_optional(map: &mut Map<String, Value>) {
    let Some(Value::Array(options)) = map.get("anyOf") else {
        return;
    };
    let Some(Value::Object(inner)) = options.iter().find(|o| o["type"] != "null").cloned() else {
        return;
    };
    map.remove("anyOf");
    for (key, value) in inner {
        map.entry(key).or_insert(value);
    }
}

/// `oneOf` of described constants becomes one `enum`; the descriptions move into the description of the whole.
fn merge_words(map: &mut Map<String, Value>) {
    let Some(Value::Array(options)) = map.remove("oneOf") else {
        return;
    };
    let mut words = Vec::new();
    let mut descriptions = Vec::new();
    for option in options {
        if let Some(word) = option["const"].as_str() {
            words.push(Value::from(word));
            let description = option["description"].as_str().unwrap_or_default();
            descriptions.push(format!("{word}: {description}"));
        } else if let Some(Value::Array(more)) = option.get("enum") {
            words.extend(more.iter().cloned());
        }
    }
    let whole = map.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("{whole} {}", descriptions.join(" ")).trim().to_owned();
    map.insert("description".to_owned(), description.into());
    map.insert("type".to_owned(), "string".into());
    map.insert("enum".to_owned(), words.into());
}
