//! From what a list says to what the engine sees.

use serde_json::Value;

use super::{APPLIED, DATA, KEY, KubeObject, MANAGER, NEEDS, ObjectKind, Seen};
use crate::{
    graph::Observed,
    ledger::{Applied, Ledger},
    resource::{Health, Key, Live, Origin, Resource},
};

/// What `kubectl apply` keeps in an annotation: the whole object once more, with whatever is secret in it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Notes one listed object. Pure.
pub(super) fn note(seen: &mut Observed<KubeObject>, kind: &'static ObjectKind, item: Value, hints: &Ledger) {
    let annotation = |name: &str| item["metadata"]["annotations"][name].as_str();
    let Some(Ok(key)) = annotation(KEY).map(Key::new) else {
        if !is_a_copy(&item) {
            let text = |part: &str| item["metadata"][part].as_str().unwrap_or_default().to_owned();
            let told = format!(
                "{} {}/{}: its annotation {KEY} is {}",
                kind.kind,
                text("namespace"),
                text("name"),
                annotation(KEY).map_or("not there".to_owned(), |k| format!("'{}'", k.escape_debug())),
            );
            seen.unreadable.insert(text("uid"), told);
        }
        return;
    };
    let found = live(kind, item);
    let found = match hints.applied.get(&key) {
        Some(Applied::As(view)) => Live {
            resource: found.resource.remembering(view),
            ..found
        },
        Some(Applied::Removing) | None => found,
    };
    seen.found(key, found);
}

/// True for what bears our label only because a controller copies labels of what it makes things from, as pods and endpoint slices
/// get them: it has a controller, and we never applied it.
fn is_a_copy(item: &Value) -> bool {
    let metadata = &item["metadata"];
    let all = |part: &str| metadata[part].as_array().cloned().unwrap_or_default();
    // Who writes in another way with our user agent is called the same, and did not apply.
    let applied = all("managedFields")
        .iter()
        .any(|m| m["manager"] == MANAGER && m["operation"] == "Apply");
    let controlled = all("ownerReferences").iter().any(|o| o["controller"] == true);
    controlled && !applied
}

/// The object as the API server tells it. Pure.
///
/// Once it holds data it was ready, as far as anybody can tell: replacing it needs consent. Of everything else a look shows only how it
/// does now.
pub(super) fn live(kind: &'static ObjectKind, mut item: Value) -> Live<KubeObject> {
    let metadata = &mut item["metadata"];
    let managed = metadata["managedFields"].take();
    let leaving = metadata["deletionTimestamp"].is_string();
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.remove("managedFields");
    }
    if let Some(annotations) = metadata["annotations"].as_object_mut() {
        annotations.remove(LAST_APPLIED);
    }
    let text = |part: &str| metadata[part].as_str().unwrap_or_default().to_owned();
    let (id, namespace, name) = (text("uid"), text("namespace"), text("name"));
    let mark = |name: &str| metadata["annotations"][name].as_str().map(str::to_owned);
    let (applied, needs, data) = (mark(APPLIED), mark(NEEDS), mark(DATA));
    if let Some(secret) = item.as_object_mut().filter(|_| kind.kind == "Secret") {
        secret.remove("data");
        secret.remove("stringData");
    }
    let health = match leaving {
        true => Health::Leaving,
        false => (kind.health)(&item),
    };
    let seen = Seen {
        applied,
        managed,
        object: item,
    };
    let mut resource = KubeObject::found(kind, namespace, name, Value::Null, seen);
    resource = needs.into_iter().fold(resource, |r, needs| r.needing(&needs));
    if data.is_some() {
        resource = resource.holding_data();
    }
    Live {
        id,
        was_ready: health == Health::Ready || resource.precious(),
        resource,
        health,
        origin: Origin::Ours,
        drifted: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::kind::{CONFIG_MAP, SECRET},
        *,
    };

    fn item(annotations: Value) -> Value {
        json!({"metadata": {"name": "a", "namespace": "shop", "uid": "u1", "annotations": annotations}})
    }

    fn noted(item: Value) -> Observed<KubeObject> {
        let mut seen = Observed::default();
        note(&mut seen, &CONFIG_MAP, item, &Ledger::default());
        seen
    }

    #[test]
    fn an_object_without_a_readable_key_is_told_and_never_overlooked() {
        for bad in [json!({}), json!({KEY: "a b"}), json!({KEY: ""})] {
            let seen = noted(item(bad));
            assert!(seen.live.is_empty());
            assert!(seen.unreadable["u1"].contains("ConfigMap shop/a"), "{seen:?}");
        }
    }

    #[test]
    fn what_a_controller_copied_our_label_to_is_not_ours_unless_we_applied_it() {
        let mut copy = item(json!({}));
        copy["metadata"]["ownerReferences"] = json!([{"kind": "StatefulSet", "controller": true}]);
        assert_eq!(noted(copy.clone()), Observed::default());
        copy["metadata"]["managedFields"] = json!([{"manager": MANAGER, "operation": "Apply"}]);
        assert_eq!(noted(copy).unreadable.len(), 1);
    }

    #[test]
    fn two_objects_with_one_key_are_both_reported() {
        let mut seen = noted(item(json!({KEY: "config"})));
        let mut second = item(json!({KEY: "config"}));
        second["metadata"]["uid"] = "u2".into();
        note(&mut seen, &CONFIG_MAP, second, &Ledger::default());
        assert_eq!(seen.duplicates[&Key::new("config").unwrap()], ["u1", "u2"]);
    }

    #[test]
    fn what_is_being_deleted_is_leaving_and_what_holds_data_is_known_as_such() {
        let mut leaving = item(json!({KEY: "config", DATA: "true", NEEDS: "~secret"}));
        leaving["metadata"]["deletionTimestamp"] = "2026-11-23T08:42:46Z".into();
        let live = live(&CONFIG_MAP, leaving);
        assert_eq!(live.health, Health::Leaving);
        assert!(live.resource.precious() && live.was_ready);
        assert_eq!(live.resource.needs_text(), "~secret");
    }

    #[test]
    fn the_contents_of_a_secret_are_not_kept() {
        let mut secret = item(json!({KEY: "secret", LAST_APPLIED: "{\"stringData\": \"hunter2\"}"}));
        secret["data"] = json!({"password": "aHVudGVyMg=="});
        let told = format!("{:?}", live(&SECRET, secret));
        assert!(
            !told.contains("hunter2") && !told.contains("aHVudGVyMg"),
            "{told}"
        );
    }
}
