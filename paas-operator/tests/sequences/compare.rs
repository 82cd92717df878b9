//! All objects of an owner, without what the API server counts and gives, and without what was generated.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use kube::{Client, api::ListParams};
use paas_core::{
    kube::{MANAGER, OWNER, ObjectKind, STORE, kind::SECRET},
    owner::Owner,
};
use serde_json::{Value, json};

use super::cnpg::api;

/// By kind and name.
pub(crate) type Objects = BTreeMap<String, Value>;

/// Everything of an owner but what is kept for it.
pub(crate) async fn everything(client: &Client, owner: &Owner, kinds: &[&'static ObjectKind]) -> Objects {
    let passwords = passwords(client, owner).await;
    let ours = ListParams::default().labels(&format!("{OWNER}={},!{STORE}", owner.uid()));
    let mut all = Objects::new();
    for kind in kinds {
        let listed = match api(client, owner.namespace(), kind).list(&ours).await {
            Err(kube::Error::Api(status)) if status.code == 404 && kind.optional => continue,
            listed => listed.unwrap(),
        };
        for object in listed {
            let name = format!("{}/{}", kind.kind, object.metadata.name.as_deref().unwrap());
            let mut object = serde_json::to_value(object).unwrap();
            plain(kind, &mut object, &passwords);
            all.insert(name, object);
        }
    }
    all
}

/// The passwords that are kept for an owner, by value.
async fn passwords(client: &Client, owner: &Owner) -> BTreeMap<String, String> {
    let kept = ListParams::default().labels(&format!("{OWNER}={},{STORE}=secrets", owner.uid()));
    let listed = api(client, owner.namespace(), &SECRET).list(&kept).await.unwrap();
    let of = |object: kube::api::DynamicObject| {
        let value = decoded(&object.data["data"]["value"]);
        let name = object.metadata.annotations.unwrap()["paas.rs/secret"].clone();
        (value, format!("<{name}>"))
    };
    listed.into_iter().map(of).collect()
}

fn decoded(value: &Value) -> String {
    String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap()
}

fn plain(kind: &ObjectKind, object: &mut Value, passwords: &BTreeMap<String, String>) {
    let metadata = object["metadata"].as_object_mut().unwrap();
    for counted in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
    ] {
        metadata.remove(counted);
    }
    // What the controllers of volumes write depends on who of them came first.
    let theirs = |name: &String| name.contains("kubernetes.io/");
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.retain(|name, _| !theirs(name));
    }
    // Which fields are ours, and that none is of a former spec.
    let managed = metadata.remove("managedFields").unwrap_or_default();
    let ours: Vec<Value> = managed
        .as_array()
        .into_iter()
        .flatten()
        .filter(|entry| entry["manager"] == MANAGER)
        .map(|entry| json!([entry["operation"], entry["subresource"], entry["fieldsV1"]]))
        .collect();
    assert!(!ours.is_empty(), "{metadata:#?}");
    metadata.insert("ours".to_owned(), ours.into());
    object.as_object_mut().unwrap().remove("status");
    match kind.kind {
        "Secret" => {
            for (_, value) in object["data"].as_object_mut().into_iter().flatten() {
                let mut text = decoded(value);
                for (password, name) in passwords {
                    text = text.replace(password, name);
                }
                *value = text.into();
            }
        }
        "Service" if object["spec"]["clusterIP"] != "None" => {
            let spec = object["spec"].as_object_mut().unwrap();
            spec.remove("clusterIP");
            spec.remove("clusterIPs");
        }
        _ => {}
    }
}

/// The first difference in words.
pub(crate) fn difference(long: &Objects, short: &Objects) -> Option<String> {
    for (name, object) in long {
        match short.get(name) {
            None => return Some(format!("{name} is left of a former spec: {object:#}")),
            Some(other) if other != object => {
                return Some(format!("{name} is\n{object:#}\nand would be\n{other:#}"));
            }
            Some(_) => {}
        }
    }
    let lacking = short.keys().find(|name| !long.contains_key(*name))?;
    Some(format!("{lacking} is lacking"))
}
