use super::{super::kind::SERVICE, *};

fn service(port: u16) -> KubeObject {
    let manifest = json!({"spec": {"ports": [{"name": "pg", "port": port}], "selector": {"a": "b"}}});
    KubeObject::new(&SERVICE, "shop", "db", manifest)
}

fn applied(want: &KubeObject, managed: Value) -> KubeObject {
    let seen = Seen {
        applied: Some(want.fingerprint()),
        managed,
        object: Value::Null,
    };
    KubeObject::found(&SERVICE, "shop", "db", want.manifest().clone(), seen)
}

fn ours() -> Value {
    let ports = json!({"k:{\"port\":5432,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}, "f:port": {}}});
    json!([{"manager": "paas", "operation": "Apply", "fieldsV1": {"f:spec": {"f:ports": ports, "f:selector": {}}}}])
}

#[test]
fn an_object_that_was_applied_and_not_touched_is_the_same() {
    assert_eq!(service(5432).diff(&applied(&service(5432), ours())), Diff::Same);
    assert_eq!(service(5432).diff(&service(5432)), Diff::Same);
}

#[test]
fn a_changed_spec_tells_the_fields_that_change() {
    let Diff::Update(changes) = service(5433).diff(&applied(&service(5432), ours())) else {
        panic!("no update")
    };
    assert_eq!(changes, [Change::new("spec.ports[0].port", 5432, 5433)]);
}

#[test]
fn what_somebody_took_is_brought_back() {
    let mut managed = ours();
    managed[0]["fieldsV1"]["f:spec"]
        .as_object_mut()
        .unwrap()
        .remove("f:selector");
    let Diff::Update(changes) = service(5432).diff(&applied(&service(5432), managed)) else {
        panic!("no update")
    };
    assert_eq!(changes[0].field, "spec.selector");
}

#[test]
fn a_secret_that_was_changed_is_applied_again_and_never_shown() {
    let secret = |value: &str| SecretRef::to("app", &value.to_owned().into());
    let old = service(5432).secret("${app}", secret("hunter2"));
    let new = service(5432).secret("${app}", secret("hunter3"));
    assert_ne!(old.fingerprint(), new.fingerprint());
    let Diff::Update(changes) = new.diff(&applied(&old, ours())) else {
        panic!("no update")
    };
    assert!(!format!("{changes:?}{new:?}{:?}", new.view()).contains("hunter"));
}

#[test]
fn the_order_of_a_manifests_keys_says_nothing() {
    let one = KubeObject::new(&SERVICE, "a", "b", json!({"spec": {"x": 1, "y": 2}}));
    let other = KubeObject::new(&SERVICE, "a", "b", json!({"spec": {"y": 2, "x": 1}}));
    assert_eq!(one.fingerprint(), other.fingerprint());
}

#[test]
fn another_name_is_another_object() {
    let there = applied(&service(5432), ours());
    let other = KubeObject::new(&SERVICE, "shop", "other", service(5432).manifest().clone());
    assert!(matches!(other.diff(&there), Diff::Replace(_)));
    let elsewhere = KubeObject::new(&SERVICE, "blog", "db", service(5432).manifest().clone());
    assert!(matches!(elsewhere.diff(&there), Diff::Replace(_)));
}

#[test]
fn a_mark_that_somebody_changed_is_written_again() {
    let there = applied(&service(5432), ours());
    let need = Need::Order(Key::new("secret").unwrap());
    let changed = there.clone().need(need);
    assert!(matches!(service(5432).diff(&changed), Diff::Update(_)));
    assert!(matches!(
        service(5432).diff(&there.holding_data()),
        Diff::Update(_)
    ));
}

#[test]
fn memory_tells_what_was_applied_only_if_it_fits_the_object() {
    let want = service(5432);
    let seen = Seen {
        applied: Some(want.fingerprint()),
        ..Seen::default()
    };
    let found = KubeObject::found(&SERVICE, "shop", "db", Value::Null, seen);
    assert_eq!(
        found.clone().remembering(&want.view()).manifest(),
        want.manifest()
    );
    assert!(found.clone().remembering(&service(1).view()).manifest().is_null());
    assert!(found.remembering(&View::new()).manifest().is_null());
}

#[test]
fn needs_are_read_as_they_were_written() {
    let key = |text| Key::new(text).unwrap();
    let object = service(1)
        .need(Need::Built(key("cluster")))
        .need(Need::Order(key("secret/app")));
    assert_eq!(object.needs_text(), "cluster,~secret/app");
    assert_eq!(service(1).needing("cluster,~secret/app").needs(), object.needs());
    assert_eq!(service(1).needing("").needs(), []);
    let later = service(1).after(key("cluster"));
    assert_eq!(later.needs(), [Need::Order(key("cluster"))]);
    assert_eq!(later.needs_text(), "");
}
