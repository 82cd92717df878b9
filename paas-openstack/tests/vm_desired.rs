//! What a virtual machine asks of OpenStack, for four shapes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write;

use paas_core::resource::{Key, Resource};
use paas_openstack::{
    provider::choice::Choice,
    vm::{Allowed, Place, VmSpec, desired},
};

/// A line for each resource, in the order in which they can be made.
fn lines(spec: &VmSpec) -> String {
    let graph = desired(spec).unwrap();
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

fn allowed(first: u16, last: u16, from: &str) -> Allowed {
    Allowed {
        ports: (first, last),
        from: from.to_owned(),
    }
}

#[test]
fn nothing_said_is_a_machine_in_a_network_of_its_own_with_an_address_outside() {
    let spec = VmSpec::named("web");
    assert_eq!(desired(&spec).unwrap().root().map(Key::as_str), Some("network"));
    insta::assert_snapshot!(lines(&spec));
}

#[test]
fn a_machine_with_everything_has_its_volumes_key_and_ports() {
    let spec = VmSpec {
        image: Choice::Named("debian-13".to_owned()),
        flavor: Choice::Named("m1.large".to_owned()),
        external: Choice::Named("public".to_owned()),
        ssh_key: Some("ssh-ed25519 AAAAC3Nza me@laptop".to_owned()),
        allow: vec![
            allowed(22, 22, "198.51.100.7"),
            allowed(8000, 8100, "0.0.0.0/0"),
            allowed(443, 443, "2001:DB8::/32"),
            allowed(443, 443, "2001:DB8::/32"),
        ],
        root_volume: Some(20),
        data_volume: Some(100),
        zone: Some("a".to_owned()),
        ..VmSpec::named("db-1")
    };
    let graph = desired(&spec).unwrap();
    let precious = |key: &str| graph.wanted()[&Key::new(key).unwrap()].precious();
    assert!(precious("volume/db-1-data") && !precious("volume/db-1-root"));
    insta::assert_snapshot!(lines(&spec));
}

#[test]
fn a_network_that_is_there_is_given_and_neither_made_nor_connected() {
    let spec = VmSpec {
        place: Place::Existing {
            network: "6a1e0a5c-0001-4000-8000-000000000001".to_owned(),
            subnet: "6a1e0a5c-0002-4000-8000-000000000002".to_owned(),
        },
        ..VmSpec::named("web")
    };
    assert_eq!(desired(&spec).unwrap().root(), None);
    insta::assert_snapshot!(lines(&spec));
}

#[test]
fn without_an_address_outside_there_is_still_a_way_out() {
    let spec = VmSpec {
        floating_ip: false,
        ..VmSpec::named("web")
    };
    let graph = desired(&spec).unwrap();
    let keys: Vec<&str> = graph.wanted().keys().map(Key::as_str).collect();
    assert!(
        keys.contains(&"router") && !keys.contains(&"floating-ip/web"),
        "{keys:?}"
    );
}

#[test]
fn a_name_that_no_machine_can_have_is_refused() {
    let refused = desired(&VmSpec::named("Web")).unwrap_err();
    assert_eq!(refused.code().id, "PAAS-OS-0044");
}
