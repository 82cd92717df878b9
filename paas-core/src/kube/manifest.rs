//! From what is wanted to what is sent: our marks, and secrets in place of their placeholders.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{APPLIED, DATA, KEY, KubeObject, NEEDS, OBJECT, OWNER, ObjectKind};
use crate::{
    owner::Owner,
    resource::{Key, Resource},
    secrets::{ExposeSecret, SecretString},
};

/// Values of secrets by their placeholders.
#[derive(Default)]
pub(super) struct Values(Vec<(String, SecretString)>);

impl Values {
    /// Longer placeholders are put in first, so that one may be the beginning of another.
    pub(super) fn new(mut all: Vec<(String, SecretString)>) -> Self {
        all.retain(|(at, _)| !at.is_empty());
        all.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then(a.cmp(b)));
        Self(all)
    }

    /// The text with every placeholder replaced, in one go: what a secret holds is never read as a placeholder.
    fn put_in(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            match self.0.iter().find(|(at, _)| rest.starts_with(at.as_str())) {
                Some((at, value)) => {
                    out.push_str(value.expose_secret());
                    rest = &rest[at.len()..];
                }
                None => {
                    out.push(c);
                    rest = &rest[c.len_utf8()..];
                }
            }
        }
        out
    }
}

/// The manifest in the form in which the API server keeps it. Pure.
///
/// The `stringData` of a Secret is written as `data`: it is only another way to write that, and who changes `data` afterwards would
/// not be seen as having changed what we applied.
pub(super) fn stored(kind: &ObjectKind, manifest: &Value) -> Value {
    let mut manifest = manifest.clone();
    let secret = kind.group.is_empty() && kind.kind == "Secret";
    let Some(Value::Object(plain)) = secret
        .then(|| manifest.as_object_mut()?.remove("stringData"))
        .flatten()
    else {
        return manifest;
    };
    let encoded = plain.into_iter().map(|(name, value)| match value {
        Value::String(text) => (name, STANDARD.encode(text).into()),
        other => (name, other),
    });
    if !manifest["data"].is_object() {
        manifest["data"] = json!({});
    }
    if let Some(data) = manifest["data"].as_object_mut() {
        data.extend(encoded);
    }
    manifest
}

/// What is applied: the manifest with the secrets, the names and our marks. Pure.
pub(super) fn body(owner: &Owner, key: &Key, want: &KubeObject, values: &Values) -> Value {
    let kind = want.object_kind();
    let mut body = stored(kind, &filled(want.manifest(), values));
    body["apiVersion"] = kind.api_version().into();
    body["kind"] = kind.kind.into();
    if !body["metadata"].is_object() {
        body["metadata"] = json!({});
    }
    let metadata = &mut body["metadata"];
    metadata["name"] = want.name().into();
    if !want.namespace().is_empty() {
        metadata["namespace"] = want.namespace().into();
    }
    let needs = want.needs_text();
    let mut marks = vec![
        (KEY, key.to_string()),
        (APPLIED, want.fingerprint()),
        (OBJECT, owner.to_string()),
    ];
    marks.extend((!needs.is_empty()).then_some((NEEDS, needs)));
    marks.extend(want.precious().then(|| (DATA, "true".to_owned())));
    add(metadata, "annotations", marks);
    add(metadata, "labels", vec![(OWNER, owner.uid().to_string())]);
    body
}

fn add(metadata: &mut Value, part: &str, marks: Vec<(&str, String)>) {
    if !metadata[part].is_object() {
        metadata[part] = json!({});
    }
    for (name, text) in marks {
        metadata[part][name] = text.into();
    }
}

fn filled(value: &Value, values: &Values) -> Value {
    match value {
        Value::String(text) => values.put_in(text).into(),
        Value::Array(items) => items.iter().map(|v| filled(v, values)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(k, v)| (k.clone(), filled(v, values)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::kind::{CONFIG_MAP, SECRET},
        *,
    };
    use crate::{owner::Identity, resource::Need};

    fn values(all: &[(&str, &str)]) -> Values {
        Values::new(
            all.iter()
                .map(|(a, v)| ((*a).to_owned(), (*v).to_owned().into()))
                .collect(),
        )
    }

    #[test]
    fn every_string_of_the_manifest_gets_its_secrets_and_no_secret_is_read_as_a_placeholder() {
        let manifest = json!({"data": {"a": "x ${one} y ${one}", "b": ["${two}", 3, null]}, "n": true});
        let all = values(&[("${one}", "${two}"), ("${two}", "2")]);
        assert_eq!(
            filled(&manifest, &all),
            json!({"data": {"a": "x ${two} y ${two}", "b": ["2", 3, null]}, "n": true})
        );
        let nested = values(&[("$a", "short"), ("$ab", "long"), ("", "never")]);
        assert_eq!(nested.put_in("$ab $a"), "long short");
    }

    #[test]
    fn what_a_secret_holds_as_text_is_written_in_the_form_that_is_kept() {
        let kept = stored(&SECRET, &json!({"stringData": {"a": "b"}, "data": {"c": "ZA=="}}));
        assert_eq!(kept, json!({"data": {"c": "ZA==", "a": "Yg=="}}));
        let other = json!({"stringData": {"a": "b"}});
        assert_eq!(stored(&CONFIG_MAP, &other), other);
    }

    #[test]
    fn the_marks_stand_beside_what_the_driver_wrote() {
        let owner = Owner::new(&Identity::of(&["k"]), "DatabaseInstance", "shop", "db");
        let key = Key::new("config").unwrap();
        let manifest = json!({"metadata": {"labels": {"app": "db"}}, "data": {"a": "b"}});
        let want = KubeObject::new(&CONFIG_MAP, "shop", "db-config", manifest)
            .need(Need::Order(Key::new("secret").unwrap()))
            .holding_data();
        let body = body(&owner, &key, &want, &Values::default());
        let uid = owner.uid().to_string();
        assert_eq!(body["metadata"]["labels"], json!({"app": "db", OWNER: uid}));
        let annotations = json!({
            KEY: "config", APPLIED: want.fingerprint(), OBJECT: "DatabaseInstance/shop/db", NEEDS: "~secret", DATA: "true",
        });
        assert_eq!(body["metadata"]["annotations"], annotations);
        assert_eq!(
            (&body["apiVersion"], &body["kind"]),
            (&json!("v1"), &json!("ConfigMap"))
        );
        assert_eq!(body["metadata"]["name"], "db-config");
    }
}
