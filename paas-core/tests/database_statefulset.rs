//! One server as a StatefulSet: what is asked of a cluster, by the spec alone.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use paas_core::{
    actuator::MockActuator,
    codes::CORE_UNSUPPORTED,
    database::statefulset::{Image, StatefulSetDriver},
    driver::{Driver, Outputs},
    graph::Desired,
    kube::KubeObject,
    owner::{Identity, Owner},
    resource::{Diff, Key, Resource},
    spec::{DatabaseInstanceSpec, ParameterValue, Plan, Runtime},
};

fn driver(name: &str) -> StatefulSetDriver {
    let owner = Owner::new(&Identity::of(&["test"]), "DatabaseInstance", "shop", name);
    StatefulSetDriver::new(owner, Arc::new(MockActuator::<KubeObject>::new()))
}

fn desired(spec: &DatabaseInstanceSpec) -> Desired<KubeObject> {
    driver("orders").desired(spec, &Outputs::default()).unwrap()
}

fn spec() -> DatabaseInstanceSpec {
    DatabaseInstanceSpec {
        runtime: Runtime::StatefulSet,
        ..DatabaseInstanceSpec::default()
    }
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

#[test]
fn an_empty_spec_asks_for_one_server_with_its_volume_its_settings_and_two_services() {
    let all: serde_json::Map<String, serde_json::Value> = desired(&spec())
        .wanted()
        .iter()
        .map(|(key, object)| {
            (
                format!("{key}: {:?} {}", object.object_kind(), object.name()),
                object.manifest().clone(),
            )
        })
        .collect();
    insta::assert_yaml_snapshot!("statefulset_dev", all);
}

#[test]
fn only_the_volume_holds_data_and_the_server_comes_after_all_that_it_mounts() {
    let desired = desired(&spec());
    let precious: Vec<&Key> = desired
        .wanted()
        .iter()
        .filter(|(_, o)| o.precious())
        .map(|(k, _)| k)
        .collect();
    assert_eq!(precious, [&key("claim")]);
    let at = |key: Key| desired.order().iter().position(|k| *k == key);
    for before in ["claim", "admin", "config", "pods"] {
        assert!(at(key(before)) < at(key("server")), "{before}");
    }
}

#[test]
fn a_parameter_changes_the_settings_and_restarts_the_server_and_nothing_else() {
    let before = desired(&spec());
    let mut changed = spec();
    changed
        .parameters
        .insert("work_mem".into(), ParameterValue::Text("8MB".into()));
    let after = desired(&changed);
    let differ: Vec<&Key> = after
        .wanted()
        .iter()
        .filter(|(key, object)| object.diff(&before.wanted()[*key]) != Diff::Same)
        .map(|(key, _)| key)
        .collect();
    assert_eq!(differ, [&key("config"), &key("server")]);
    let Diff::Update(changes) = after.wanted()[&key("server")].diff(&before.wanted()[&key("server")]) else {
        panic!("no update")
    };
    assert_eq!(changes[0].brings.as_deref(), Some("restart"));
}

#[test]
fn a_line_break_in_a_parameter_is_refused_before_anything_is_asked_for() {
    let mut bad = spec();
    bad.parameters.insert(
        "search_path".into(),
        ParameterValue::Text("a\nfsync = off".into()),
    );
    assert_eq!(
        driver("orders")
            .desired(&bad, &Outputs::default())
            .unwrap_err()
            .code()
            .id,
        "PAAS-PG-0004"
    );
}

#[test]
fn what_one_plain_server_cannot_be_is_refused_with_what_can() {
    let refused = |change: fn(&mut DatabaseInstanceSpec)| {
        let mut spec = spec();
        change(&mut spec);
        let e = driver("orders").desired(&spec, &Outputs::default()).unwrap_err();
        assert_eq!(e.code().id, CORE_UNSUPPORTED.id);
        format!("{e}: {}", e.advice())
    };
    assert!(refused(|s| s.replicas = 3).contains("CloudNativePG"));
    assert!(refused(|s| s.runtime = Runtime::Process).contains("StatefulSet"));
    assert!(refused(|s| s.engine.version = "99".parse().ok()).contains("14 to 18"));
}

#[test]
fn a_plan_sizes_the_pod_and_the_server_in_it() {
    let mut small = spec();
    small.plan = Some(Plan::Small);
    let desired = desired(&small);
    let pod = &desired.wanted()[&key("server")].manifest()["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(pod["resources"]["limits"]["memory"], "2Gi");
    let settings = &desired.wanted()[&key("config")].manifest()["data"]["postgresql.conf"];
    assert!(settings.as_str().unwrap().contains("shared_buffers = '512MB'"));
}

#[test]
fn another_image_runs_under_the_user_that_it_names() {
    let image = Image {
        repository: "registry.example/pg".into(),
        user: 26,
    };
    let desired = driver("orders")
        .image(image)
        .desired(&spec(), &Outputs::default())
        .unwrap();
    let pod = &desired.wanted()[&key("server")].manifest()["spec"]["template"]["spec"];
    assert_eq!(pod["containers"][0]["image"], "registry.example/pg:18");
    assert_eq!(pod["securityContext"]["runAsUser"], 26);
}

#[test]
fn the_longest_name_of_an_instance_still_names_every_object_within_its_limit() {
    let desired = driver(&"a".repeat(63))
        .desired(&spec(), &Outputs::default())
        .unwrap();
    let names: std::collections::BTreeSet<&str> = desired.wanted().values().map(KubeObject::name).collect();
    assert_eq!(names.len(), desired.wanted().len());
    assert!(names.iter().all(|n| n.len() <= 63));
    assert!(desired.wanted()[&key("server")].name().len() <= 52);
}
