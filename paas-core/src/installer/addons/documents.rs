//! From documents, as `kubectl` takes them, to objects of the engine.

use serde_json::{Map, Value};

use super::{facts::containers, kinds};
use crate::{
    error::{Class, Error, Result},
    installer::codes::INS_CONTENT,
    kube::KubeObject,
};

/// Manifests larger than this are shown in plans and remembered by their fingerprint.
const LARGE: usize = 8 * 1024;

/// What the API server writes of an object, and nobody else.
const WRITTEN_THERE: [&str; 6] = [
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// All documents of a text of YAML; lists of objects count as what is in them, empty documents as nothing.
///
/// # Errors
/// [`INS_CONTENT`] for what is no YAML.
pub fn read(text: &str) -> Result<Vec<Value>> {
    let all: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|e| unknown(format!("it is no YAML: {e}")))?;
    let mut documents = Vec::with_capacity(all.len());
    for mut one in all {
        match one.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) if one["kind"] == "List" => documents.extend(items),
            Some(items) => {
                one["items"] = items;
                documents.push(one);
            }
            None if one.is_null() => {}
            None => documents.push(one),
        }
    }
    Ok(documents)
}

/// A document as an object: of a kind that is looked for, without what the API server writes. A definition holds data: the objects of its
/// kind go with it.
///
/// # Errors
/// [`INS_CONTENT`] for another kind, and for what has no name.
pub fn object(document: Value) -> Result<KubeObject> {
    let Value::Object(mut parts) = document else {
        return Err(unknown("a document is no object".to_owned()));
    };
    let text = |value: Option<Value>| {
        value
            .and_then(|v| v.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    let (api_version, kind) = (text(parts.remove("apiVersion")), text(parts.remove("kind")));
    parts.remove("status");
    let mut metadata = match parts.remove("metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => Map::new(),
    };
    let (namespace, name) = (text(metadata.remove("namespace")), text(metadata.remove("name")));
    metadata.retain(|field, value| !WRITTEN_THERE.contains(&field.as_str()) && !value.is_null());
    let Some(of) = kinds::find(&api_version, &kind) else {
        return Err(unknown(format!(
            "{kind} of {api_version} ('{name}') is no kind that an addon may have"
        )));
    };
    if name.is_empty() || of.namespaced == namespace.is_empty() {
        return Err(unknown(format!(
            "{kind} '{name}' in the namespace '{namespace}': it has no name, or is not where its kind lies"
        )));
    }
    if !metadata.is_empty() {
        parts.insert("metadata".to_owned(), Value::Object(metadata));
    }
    let manifest = Value::Object(parts);
    let is_large = manifest.to_string().len() > LARGE;
    let mut object = KubeObject::new(of, namespace, name, manifest);
    if is_large {
        object = object.brief();
    }
    if *of == kinds::DEFINITION {
        object = object.holding_data();
    }
    Ok(object)
}

/// Has images that name their version fetched only where a machine lacks them: that a machine has them is how they are preloaded.
pub(super) fn prefer_what_is_there(document: &mut Value) {
    for container in containers(document) {
        if container["imagePullPolicy"] == "Always" {
            container["imagePullPolicy"] = "IfNotPresent".into();
        }
    }
}

fn unknown(what: String) -> Error {
    Error::new(&INS_CONTENT, Class::Invalid)
        .attempted("read the manifest of an addon")
        .happened(what)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::Resource;

    #[test]
    fn lists_are_opened_and_empty_documents_left_out() {
        let text = "---\n---\nkind: List\nitems:\n- {kind: A}\n- {kind: B}\n---\nkind: C\n";
        let all = read(text).unwrap();
        assert_eq!(
            all,
            [json!({"kind": "A"}), json!({"kind": "B"}), json!({"kind": "C"})]
        );
        assert_eq!(read("a: [").unwrap_err().code().id, INS_CONTENT.id);
    }

    #[test]
    fn what_the_api_server_writes_is_left_out_and_definitions_hold_data() {
        let document = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "a.b", "creationTimestamp": null, "uid": "x", "labels": {"c": "d"}},
            "spec": {"group": "b"}, "status": {"conditions": []},
        });
        let object = object(document).unwrap();
        assert_eq!(
            object.manifest(),
            &json!({"metadata": {"labels": {"c": "d"}}, "spec": {"group": "b"}})
        );
        assert!(object.precious());
    }

    #[test]
    fn what_would_not_be_found_again_is_refused() {
        let bad = [
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "b"}}),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "namespace": "b"}}),
            json!({"apiVersion": "v1", "kind": "Namespace"}),
            json!("text"),
        ];
        for document in bad {
            assert_eq!(object(document).unwrap_err().code().id, INS_CONTENT.id);
        }
    }
}
