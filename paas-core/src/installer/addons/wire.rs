//! The objects of one addon: their keys, and what needs what.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{documents, facts::Registry};
use crate::{
    error::Result,
    kube::KubeObject,
    resource::{Key, Need, Resource},
};

/// Objects by their keys.
pub type Objects = Vec<(Key, KubeObject)>;

/// Objects that are read by pods: they come first, and go last.
const READ_BY_PODS: [&str; 9] = [
    "customResourceDefinition",
    "serviceAccount",
    "clusterRoleBinding",
    "roleBinding",
    "configMap",
    "secret",
    "csiDriver",
    "mutatingWebhookConfiguration",
    "validatingWebhookConfiguration",
];

/// The documents of `addon` as objects with keys and needs, their images taken from `registry`.
///
/// - A key is `addon/kind/name`; where the object is in another namespace than the addon's own (`home`), `addon/kind/namespace/name`.
/// - What is in a namespace of the addon is built on it.
/// - A binding comes after its role and its accounts, a webhook after the Service that it leads to, a policy's binding after the policy.
/// - Pods come after all that they read.
///
/// # Errors
/// As [`documents::object`].
pub fn objects(addon: &str, home: &str, documents: Vec<Value>, registry: &Registry) -> Result<Objects> {
    let mut all = Vec::with_capacity(documents.len());
    for mut document in documents {
        registry.put_into(&mut document);
        all.push(documents::object(document)?);
    }
    wired(addon, home, all)
}

/// The same of what is an object already.
///
/// # Errors
/// A name that no key can have.
pub fn wired(addon: &str, home: &str, all: Vec<KubeObject>) -> Result<Objects> {
    let mut keyed: Objects = Vec::with_capacity(all.len());
    for object in all {
        keyed.push((key(addon, home, &object)?, object));
    }
    let known: BTreeMap<(&str, &str, &str), Key> = keyed
        .iter()
        .map(|(key, o)| ((o.kind(), o.namespace(), o.name()), key.clone()))
        .collect();
    let find = |kind: &str, namespace: &str, name: &str| known.get(&(kind, namespace, name)).cloned();
    let needs: Vec<Vec<Need>> = keyed
        .iter()
        .map(|(own, object)| {
            let mut needs = Vec::new();
            if let Some(namespace) = find("namespace", "", object.namespace()) {
                needs.push(Need::Built(namespace));
            }
            needs.extend(
                order(object, &keyed, &find)
                    .into_iter()
                    .filter(|k| k != own)
                    .map(Need::Order),
            );
            needs
        })
        .collect();
    Ok(keyed
        .iter()
        .zip(needs)
        .map(|((key, object), needs)| {
            (
                key.clone(),
                needs.into_iter().fold(object.clone(), KubeObject::need),
            )
        })
        .collect())
}

fn key(addon: &str, home: &str, object: &KubeObject) -> Result<Key> {
    let (kind, namespace, name) = (object.kind(), object.namespace(), object.name().replace(':', "."));
    match namespace {
        "" => Key::new(format!("{addon}/{kind}/{name}")),
        own if own == home => Key::new(format!("{addon}/{kind}/{name}")),
        other => Key::new(format!("{addon}/{kind}/{other}/{name}")),
    }
}

/// What an object only comes later than.
fn order(object: &KubeObject, all: &Objects, find: &dyn Fn(&str, &str, &str) -> Option<Key>) -> Vec<Key> {
    let manifest = object.manifest();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match object.kind() {
        "daemonSet" | "deployment" => {
            let is_read = |o: &KubeObject| READ_BY_PODS.contains(&o.kind());
            let mut keys: Vec<Key> = all
                .iter()
                .filter(|(_, o)| is_read(o))
                .map(|(k, _)| k.clone())
                .collect();
            keys.sort();
            keys
        }
        "clusterRoleBinding" | "roleBinding" => {
            let role = &manifest["roleRef"];
            let mut kind = text(&role["kind"]);
            if let Some(first) = kind.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            let at = if kind == "role" { object.namespace() } else { "" };
            let subjects = manifest["subjects"].as_array().into_iter().flatten();
            let accounts = subjects
                .filter(|s| s["kind"] == "ServiceAccount")
                .filter_map(|s| find("serviceAccount", &text(&s["namespace"]), &text(&s["name"])));
            find(&kind, at, &text(&role["name"]))
                .into_iter()
                .chain(accounts)
                .collect()
        }
        "mutatingWebhookConfiguration" | "validatingWebhookConfiguration" => {
            let hooks = manifest["webhooks"].as_array().into_iter().flatten();
            let mut keys: Vec<Key> = hooks
                .map(|hook| &hook["clientConfig"]["service"])
                .filter_map(|s| find("service", &text(&s["namespace"]), &text(&s["name"])))
                .collect();
            keys.dedup();
            keys
        }
        "validatingAdmissionPolicyBinding" => {
            let policy = find(
                "validatingAdmissionPolicy",
                "",
                &text(&manifest["spec"]["policyName"]),
            );
            policy.into_iter().collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_pods_read_comes_before_them_and_what_is_in_a_namespace_is_built_on_it() {
        let place = |kind: &str, api: &str, name: &str| json!({"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "here"}});
        let mut binding = place("RoleBinding", "rbac.authorization.k8s.io/v1", "may");
        binding["roleRef"] = json!({"kind": "Role", "name": "can"});
        binding["subjects"] = json!([{"kind": "ServiceAccount", "name": "who", "namespace": "here"}]);
        let documents = vec![
            place("Deployment", "apps/v1", "pods"),
            binding,
            place("Role", "rbac.authorization.k8s.io/v1", "can"),
            place("ServiceAccount", "v1", "who"),
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "here"}}),
        ];
        let all = objects("a", "here", documents, &Registry::default()).unwrap();
        let needs = |of: &str| {
            let (_, object) = all.iter().find(|(k, _)| k.as_str() == of).unwrap();
            object.needs_text()
        };
        assert_eq!(needs("a/namespace/here"), "");
        assert_eq!(
            needs("a/roleBinding/may"),
            "a/namespace/here,~a/role/can,~a/serviceAccount/who"
        );
        assert_eq!(
            needs("a/deployment/pods"),
            "a/namespace/here,~a/roleBinding/may,~a/serviceAccount/who"
        );
    }

    #[test]
    fn a_key_names_the_namespace_where_that_is_not_the_addons_own() {
        let at = |namespace: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a:b", "namespace": namespace}});
        let all = objects("x", "home", vec![at("home"), at("away")], &Registry::default()).unwrap();
        let keys: Vec<&str> = all.iter().map(|(k, _)| k.as_str()).collect();
        assert_eq!(keys, ["x/configMap/a.b", "x/configMap/away/a.b"]);
    }
}
