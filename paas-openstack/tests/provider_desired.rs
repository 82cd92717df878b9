//! What a Platform asks of OpenStack, for five shapes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write;

use paas_core::{
    graph::Desired,
    resource::{Key, Resource},
    spec::PlatformSpec,
};
use paas_openstack::provider::{Layout, OpenStackResource, desired};

fn graph(cloud: &str, kubernetes: &str) -> paas_core::error::Result<Desired<OpenStackResource>> {
    let text = format!(
        r#"{{"infrastructure": {{"type": "OpenStack", "openStack": {cloud}}}, "kubernetes": {kubernetes}}}"#
    );
    let spec: PlatformSpec = serde_json::from_str(&text).unwrap();
    let cloud = spec.infrastructure.open_stack.clone().unwrap();
    desired(&spec, &cloud, Layout::default())
}

/// A line for each resource, in the order in which they can be made.
fn lines(graph: &Desired<OpenStackResource>) -> String {
    let mut out = String::new();
    for (key, word) in graph.given() {
        writeln!(out, "given {key}: {word}").unwrap();
    }
    for key in graph.order() {
        let view = serde_json::to_string(&graph.wanted()[key].view()).unwrap();
        writeln!(out, "{key} {view}").unwrap();
    }
    out
}

#[test]
fn nothing_said_is_one_machine_of_each_role_on_whatever_the_cloud_has() {
    insta::assert_snapshot!(lines(&graph("{}", "{}").unwrap()));
}

#[test]
fn three_and_two_machines_are_kept_apart_spread_over_zones_and_reached_by_a_balancer() {
    let cloud = r#"{"availabilityZones": ["a", "b"], "loadBalancer": true, "antiAffinity": "Hard", "flavor": "m1.large",
        "image": "debian-13", "externalNetwork": "public", "allowedRanges": ["198.51.100.0/24"],
        "sshPublicKey": "ssh-ed25519 AAAAC3Nza me@laptop"}"#;
    let kubernetes = r#"{"controlPlane": {"replicas": 3}, "pools": [{"name": "workers", "replicas": 2}]}"#;
    insta::assert_snapshot!(lines(&graph(cloud, kubernetes).unwrap()));
}

#[test]
fn machines_with_volumes_of_their_own_boot_from_them_and_their_data_is_precious() {
    let cloud = r#"{"volumeType": "ssd", "imageDistro": "debian", "flavorAtLeast": {"cpus": 4, "memory": "8Gi", "disk": "50Gi"}}"#;
    let kubernetes =
        r#"{"pools": [{"name": "db", "replicas": 1, "volumeSize": "40Gi", "dataVolumeSize": "100Gi"}]}"#;
    let graph = graph(cloud, kubernetes).unwrap();
    let precious = |key: &str| graph.wanted()[&Key::new(key).unwrap()].precious();
    assert!(precious("volume/db-1-data") && !precious("volume/db-1-root"));
    insta::assert_snapshot!(lines(&graph));
}

#[test]
fn what_is_there_already_is_given_and_neither_made_nor_connected_again() {
    let cloud = r#"{"existing": {"network": "inside", "subnet": "inside-v4", "securityGroups": ["monitoring"]}, "floatingIps": "All"}"#;
    let given = graph(cloud, "{}").unwrap();
    assert_eq!(given.root(), None);
    insta::assert_snapshot!(lines(&given));
    let router = graph(r#"{"existing": {"router": "way-out"}}"#, "{}").unwrap();
    let keys: Vec<&str> = router.wanted().keys().map(Key::as_str).collect();
    assert!(
        !keys.contains(&"router") && keys.contains(&"interface"),
        "{keys:?}"
    );
}

#[test]
fn a_pool_with_the_name_of_the_control_plane_is_refused() {
    let refused = graph("{}", r#"{"pools": [{"name": "control-plane"}]}"#).unwrap_err();
    assert_eq!(refused.code().id, "PAAS-OS-0040");
}

#[test]
fn one_machine_more_adds_its_own_resources_and_changes_no_other() {
    let pool = |n| format!(r#"{{"pools": [{{"name": "workers", "replicas": {n}}}]}}"#);
    let (three, four) = (graph("{}", &pool(3)).unwrap(), graph("{}", &pool(4)).unwrap());
    let added: Vec<&str> = four
        .order()
        .iter()
        .filter(|k| !three.wanted().contains_key(*k))
        .map(Key::as_str)
        .collect();
    assert_eq!(added, ["port/workers-4", "server/workers-4"]);
    for (key, resource) in three.wanted() {
        assert_eq!(&four.wanted()[key], resource);
    }
}
