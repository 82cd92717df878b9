//! The user's words as Kubernetes CustomResourceDefinitions.
//!
//! What the cluster refuses to delete stands beside them in [`policies`].
//!
//! Made from the same schema that files are judged by ([`crate::spec::schema`]), so that both come to the same verdict.

pub mod policies;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

use crate::spec::{GROUP, Kind, VERSION, schema};

/// The kinds as typed Kubernetes objects, for `kube::Api`.
pub use crate::spec::{backup::DatabaseBackup, database::DatabaseInstance, platform::Platform};

/// The definitions of all kinds.
pub fn all() -> Vec<CustomResourceDefinition> {
    // The definitions are ours alone: a test reads every one of them, so none can get lost here.
    Kind::ALL
        .into_iter()
        .filter_map(|kind| serde_json::from_value(definition(kind)).ok())
        .collect()
}

/// The definitions as a stream of YAML documents, for `kubectl apply -f -`.
#[cfg(feature = "load")]
pub fn to_yaml() -> String {
    let documents = Kind::ALL.map(|kind| {
        let json = definition(kind);
        serde_saphyr::to_string(&json).unwrap_or_else(|_| json.to_string())
    });
    documents.map(|d| format!("---\n{}\n", d.trim_end())).concat()
}

fn definition(kind: Kind) -> Value {
    let plural = kind.plural();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{GROUP}") },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.as_str(),
                "listKind": format!("{kind}List"),
                "plural": plural,
                "singular": kind.as_str().to_lowercase(),
                "shortNames": [kind.short()],
                "categories": ["paas"],
            },
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "additionalPrinterColumns": columns(kind),
                "subresources": subresources(kind),
                "schema": { "openAPIV3Schema": root(kind) },
            }],
        },
    })
}

fn root(kind: Kind) -> Value {
    let mut spec = schema::spec(kind);
    let mut status = schema::status(kind);
    status["description"] = "What is observed; written by the operator only.".into();
    // Of the metadata, a definition may say nothing but what restricts the name: not even a description is let through.
    let mut name = schema::metadata()["properties"]["name"].take();
    for schema in [&mut spec, &mut status, &mut name] {
        drop_own_keywords(schema);
    }
    let description = spec["description"].clone();
    json!({
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {
            "apiVersion": { "type": "string", "description": "The group and its version." },
            "kind": { "type": "string", "description": "The kind of the object." },
            "metadata": { "type": "object", "properties": { "name": name } },
            "spec": spec,
            "status": status,
        },
    })
}

/// Takes away the keywords that an API server does not know. Properties are not keywords, whatever their names.
fn drop_own_keywords(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    map.retain(|key, _| !key.starts_with("x-paas-"));
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        properties.values_mut().for_each(drop_own_keywords);
    }
    for inner in ["items", "additionalProperties"] {
        map.get_mut(inner).into_iter().for_each(drop_own_keywords);
    }
}

fn column(name: &str, path: &str, description: &str) -> Value {
    json!({ "name": name, "type": "string", "jsonPath": path, "description": description })
}

/// A column of `kubectl get -o wide`.
fn wide(name: &str, path: &str, description: &str) -> Value {
    let mut column = column(name, path, description);
    column["priority"] = 1.into();
    column
}

fn columns(kind: Kind) -> Vec<Value> {
    let ready = column(
        "Ready",
        r#".status.conditions[?(@.type=="Ready")].status"#,
        "Whether all is as wanted.",
    );
    let reason = column(
        "Reason",
        r#".status.conditions[?(@.type=="Ready")].reason"#,
        "Why it is or is not ready.",
    );
    let own = match kind {
        Kind::Platform => vec![
            column(
                "Infrastructure",
                ".spec.infrastructure.type",
                "What everything stands on.",
            ),
            column(
                "Kubernetes",
                ".status.kubernetesVersion",
                "The version that runs.",
            ),
        ],
        Kind::DatabaseInstance => vec![
            column("Runtime", ".status.runtime", "What runs the servers."),
            column("Version", ".status.engineVersion", "The version that runs."),
            json!({ "name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas", "description": "How many servers are wanted." }),
        ],
        Kind::DatabaseBackup => vec![
            column("Instance", ".spec.instanceRef.name", "What is backed up."),
            column("Size", ".status.size", "How large the copy is."),
        ],
    };
    let further = match kind {
        Kind::Platform => vec![wide(
            "Endpoint",
            ".status.endpoint",
            "The URL of the cluster's API.",
        )],
        Kind::DatabaseInstance => vec![
            wide(
                "Answering",
                ".status.readyReplicas",
                "How many servers answer queries.",
            ),
            wide("Storage", ".spec.storage.size", "How much room each server has."),
            wide(
                "Secret",
                ".status.binding.name",
                "The Secret that programs connect with.",
            ),
        ],
        Kind::DatabaseBackup => vec![
            wide("Method", ".spec.method", "How the data is copied."),
            wide("Location", ".status.location", "Where the copy lies."),
        ],
    };
    let message = wide(
        "Message",
        r#".status.conditions[?(@.type=="Ready")].message"#,
        "What it waits for, and until when.",
    );
    let age = json!({ "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp", "description": "How long ago it was made." });
    let narrow = own.into_iter().chain([ready, reason, age]);
    narrow.chain(further).chain([message]).collect()
}

fn subresources(kind: Kind) -> Value {
    match kind {
        Kind::DatabaseInstance => json!({
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        }),
        Kind::Platform | Kind::DatabaseBackup => json!({ "status": {} }),
    }
}
