//! The CustomResourceDefinitions, as `paas crds` prints them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use paas_core::{
    crd,
    spec::{
        self, BackupMethod, DatabaseBackupSpec, Document, GROUP, Kind, LocalRef, Meta, Object, VERSION,
        schema,
    },
};
use serde_json::Value;

#[test]
fn the_definitions_are_what_was_reviewed() {
    insta::assert_snapshot!(crd::to_yaml());
}

#[test]
fn every_kind_has_a_definition_that_kubernetes_types_can_hold() {
    let names: Vec<_> = crd::all().into_iter().map(|c| c.spec.names.kind).collect();
    assert_eq!(names, Kind::ALL.map(Kind::as_str));
}

#[test]
fn nothing_is_lost_between_the_schema_and_the_typed_definitions() {
    for (typed, kind) in crd::all().into_iter().zip(Kind::ALL) {
        let schema =
            serde_json::to_value(&typed).unwrap()["spec"]["versions"][0]["schema"]["openAPIV3Schema"].take();
        let mut spec = schema::spec(kind);
        drop_ours(&mut spec);
        assert_eq!(
            without_order(&schema["properties"]["spec"]),
            without_order(&spec),
            "{kind}"
        );
    }
}

#[test]
fn every_property_at_any_depth_has_a_description() {
    for definition in crd::all() {
        let json = serde_json::to_value(&definition).unwrap();
        described(
            &json["spec"]["versions"][0]["schema"]["openAPIV3Schema"],
            definition.spec.names.kind,
        );
    }
}

#[test]
fn the_schema_is_structural_and_its_rules_fit_into_the_cost_budget() {
    for definition in crd::all() {
        let json = serde_json::to_value(&definition).unwrap();
        structural(
            &json["spec"]["versions"][0]["schema"]["openAPIV3Schema"],
            "",
            false,
        );
    }
}

#[test]
fn the_typed_kubernetes_objects_have_the_same_names_and_the_same_words() {
    use kube::Resource;
    fn check<K: Resource<DynamicType = ()> + serde::de::DeserializeOwned + serde::Serialize>(
        document: &Document,
    ) {
        let kind = document.kind();
        assert_eq!(
            (
                K::kind(&()).as_ref(),
                K::group(&()).as_ref(),
                K::version(&()).as_ref(),
                K::plural(&()).as_ref()
            ),
            (kind.as_str(), GROUP, VERSION, kind.plural())
        );
        let typed: K = serde_json::from_value(document.to_json()).unwrap();
        let back: Document = serde_json::from_value(serde_json::to_value(typed).unwrap()).unwrap();
        assert_eq!(&back, document);
    }
    let [platform, instance] = &spec::quickstart()[..] else {
        panic!("two documents")
    };
    let instance_ref = LocalRef {
        name: "demo".to_owned(),
    };
    let spec = DatabaseBackupSpec {
        instance_ref,
        method: BackupMethod::Logical,
    };
    check::<crd::Platform>(platform);
    check::<crd::DatabaseInstance>(instance);
    check::<crd::DatabaseBackup>(&Document::DatabaseBackup(Object {
        metadata: Meta::named("nightly").in_namespace("prod"),
        spec,
    }));
}

/// Everything but the metadata, of which Kubernetes lets a definition restrict the name and nothing else.
fn described(schema: &Value, place: String) {
    let metadata = place.ends_with("metadata") && place.split('.').count() == 2;
    assert!(
        metadata || schema["description"].as_str().is_some_and(|d| d.len() > 5),
        "{place} has no description"
    );
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        described(property, format!("{place}.{name}"));
    }
    for inner in ["items", "additionalProperties"] {
        for (name, property) in schema[inner]["properties"].as_object().into_iter().flatten() {
            described(property, format!("{place}.{inner}.{name}"));
        }
    }
}

/// What an API server demands of a schema, and what our evaluator knows: a keyword outside of this list would be judged there only.
fn structural(schema: &Value, place: &str, bounded: bool) {
    const KNOWN: [&str; 23] = [
        "type",
        "description",
        "default",
        "format",
        "enum",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "items",
        "minItems",
        "maxItems",
        "properties",
        "required",
        "additionalProperties",
        "maxProperties",
        "nullable",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-validations",
        "minProperties",
    ];
    let map = schema.as_object().unwrap();
    for key in map.keys() {
        assert!(KNOWN.contains(&key.as_str()), "{place}: {key}");
    }
    assert!(
        map.contains_key("type") != map.contains_key("x-kubernetes-int-or-string"),
        "{place} has no type"
    );
    assert!(
        !(map.contains_key("properties") && map.contains_key("additionalProperties")),
        "{place}"
    );
    // Rules cost what the longest list, map or text in their reach may cost; without a bound a definition is refused.
    let bounded = bounded || map.contains_key("x-kubernetes-validations");
    if bounded && !place.starts_with(".status") {
        match schema["type"].as_str() {
            Some("array") => assert!(
                map.contains_key("maxItems"),
                "{place} has rules in reach and no maxItems"
            ),
            Some("string") => assert!(
                map.contains_key("maxLength") || map.contains_key("enum"),
                "{place}"
            ),
            Some("object") if map.contains_key("additionalProperties") => {
                assert!(map.contains_key("maxProperties"), "{place}");
            }
            _ => {}
        }
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        structural(property, &format!("{place}.{name}"), bounded);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            structural(&schema[inner], &format!("{place}.{inner}"), bounded);
        }
    }
}

fn drop_ours(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.retain(|key, _| !key.starts_with("x-paas-"));
            map.values_mut().for_each(drop_ours);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_ours),
        _ => {}
    }
}

/// Numbers as floats and lists of required names sorted: two spellings of the same schema.
fn without_order(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().map(|(k, v)| (k.clone(), without_order(v))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(without_order).collect()),
        Value::Number(n) => Value::from(n.as_f64().unwrap()),
        other => other.clone(),
    }
}
