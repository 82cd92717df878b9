//! An object as the API server sent it, read in our own words, so that one that cannot be read is one that we can speak of.

use jiff::Timestamp;
use kube::{ResourceExt, api::DynamicObject, core::ApiResource};
use paas_core::{
    error::{Class, Error},
    spec::{API_VERSION, GROUP, Kind, Meta, Object, VERSION},
};
use serde::de::DeserializeOwned;

use crate::{CONSENT, FINALIZER, PAUSED, codes};

/// What the API server calls a kind.
pub(crate) fn api_resource(kind: Kind) -> ApiResource {
    ApiResource {
        group: GROUP.to_owned(),
        version: VERSION.to_owned(),
        api_version: API_VERSION.to_owned(),
        kind: kind.as_str().to_owned(),
        plural: kind.plural().to_owned(),
    }
}

/// What an object's metadata ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is being deleted, and nothing of ours is left.
    Over,
    /// Somebody paused it.
    Paused,
    /// It is being deleted.
    Retire,
    /// Its spec is wanted.
    Advance,
}

/// The phase of an object.
pub(crate) fn phase(object: &DynamicObject) -> Phase {
    let deleting = object.metadata.deletion_timestamp.is_some();
    let paused = object.annotations().get(PAUSED).is_some_and(|v| v != "false");
    match (deleting, has_finalizer(object), paused) {
        (true, false, _) => Phase::Over,
        (_, _, true) => Phase::Paused,
        (true, true, false) => Phase::Retire,
        (false, _, false) => Phase::Advance,
    }
}

/// True if the finalizer is there.
pub(crate) fn has_finalizer(object: &DynamicObject) -> bool {
    object.finalizers().iter().any(|f| f == FINALIZER)
}

/// The hash that the object's owner agrees to.
pub(crate) fn consent(object: &DynamicObject) -> Option<&str> {
    object.annotations().get(CONSENT).map(String::as_str)
}

/// When the object was made.
pub(crate) fn born(object: &DynamicObject) -> Option<Timestamp> {
    object.metadata.creation_timestamp.as_ref().map(|time| time.0)
}

/// Namespace and name, for messages.
pub(crate) fn title(kind: Kind, object: &DynamicObject) -> String {
    let namespace = object.namespace().unwrap_or_default();
    format!("{kind} {namespace}/{}", object.name_any())
}

/// Metadata and spec of an object.
///
/// # Errors
/// [`codes::OP_BROKEN`] with the field that cannot be read.
pub(crate) fn read<S: DeserializeOwned>(kind: Kind, object: &DynamicObject) -> Result<Object<S>, Error> {
    let broken = |why: String| {
        Error::new(&codes::OP_BROKEN, Class::Invalid)
            .attempted(format!("read the spec of {}", title(kind, object)))
            .happened(why)
    };
    let spec = object
        .data
        .get("spec")
        .cloned()
        .unwrap_or_else(|| serde_json::json!({}));
    let spec: S = serde_json::from_value(spec).map_err(|e| broken(e.to_string()))?;
    Ok(Object {
        metadata: Meta {
            labels: object.labels().clone(),
            annotations: object.annotations().clone(),
            generation: object.metadata.generation,
            uid: object.metadata.uid.clone(),
            ..Meta::named(object.name_any()).in_namespace(object.namespace().unwrap_or_default())
        },
        spec,
    })
}

/// The status of an object; one that cannot be read is as good as none, for it is written anew.
pub(crate) fn status<T: DeserializeOwned + Default>(object: &DynamicObject) -> T {
    let status = object.data.get("status").cloned().unwrap_or_default();
    serde_json::from_value(status).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use paas_core::spec::DatabaseInstanceSpec;
    use serde_json::{Value, json};

    use super::*;

    fn object(metadata: Value, spec: Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": API_VERSION, "kind": "DatabaseInstance", "metadata": metadata, "spec": spec,
        }))
        .unwrap()
    }

    #[test]
    fn what_metadata_ask_for() {
        let gone = "2026-01-01T00:00:00Z";
        let table = [
            (json!({}), Phase::Advance),
            (json!({"annotations": {PAUSED: "true"}}), Phase::Paused),
            (json!({"annotations": {PAUSED: ""}}), Phase::Paused),
            (json!({"annotations": {PAUSED: "false"}}), Phase::Advance),
            (json!({"deletionTimestamp": gone}), Phase::Over),
            (
                json!({"deletionTimestamp": gone, "finalizers": ["somebody.else/x"]}),
                Phase::Over,
            ),
            (
                json!({"deletionTimestamp": gone, "finalizers": [FINALIZER]}),
                Phase::Retire,
            ),
            (
                json!({"deletionTimestamp": gone, "finalizers": [FINALIZER], "annotations": {PAUSED: "x"}}),
                Phase::Paused,
            ),
        ];
        for (metadata, expected) in table {
            assert_eq!(
                phase(&object(metadata.clone(), json!({}))),
                expected,
                "{metadata}"
            );
        }
    }

    #[test]
    fn an_object_that_cannot_be_read_says_which_field_is_wrong() {
        let broken = object(
            json!({"name": "a", "namespace": "b"}),
            json!({"storage": {"size": "12parsec"}}),
        );
        let error = read::<DatabaseInstanceSpec>(Kind::DatabaseInstance, &broken).unwrap_err();
        assert_eq!(error.code().id, codes::OP_BROKEN.id);
        assert!(error.to_string().contains("12parsec"), "{error}");
    }
}
