//! What a platform is made of on OpenStack: what is changed in place, what is made anew, and what a key says.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use paas_core::resource::{Diff, Key, Need, Resource};
use paas_openstack::provider::{
    OpenStackResource,
    choice::Choice,
    kinds::{
        Direction, FloatingIp, Listener, LoadBalancer, Network, Port, Remote, Root, Router, Rule, Server,
        Subnet, Volume,
    },
};
use proptest::prelude::*;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn server() -> Server {
    Server {
        port: key("port/workers-1"),
        flavor: Choice::Named("m1.large".into()),
        image: Choice::Newest {
            distros: vec!["debian".into()],
        },
        root: Root::Volume(key("volume/workers-1-root")),
        volumes: vec![key("volume/workers-1-data")],
        key_pair: Some(key("key-pair")),
        group: Some(key("server-group/workers")),
        zone: None,
        user_data: None,
        pool: "workers".into(),
    }
}

fn volume(size: u32) -> Volume {
    Volume {
        size,
        kind: None,
        zone: None,
        image: None,
    }
}

fn all() -> Vec<OpenStackResource> {
    vec![
        Network { mtu: Some(1400) }.into(),
        Subnet {
            network: key("network"),
            cidr: "10.20.0.0/16".into(),
            dns: Some(vec!["9.9.9.9".into()]),
        }
        .into(),
        Router {
            external: Some(Choice::Only),
        }
        .into(),
        Port {
            subnet: key("subnet"),
            groups: Some(vec![key("security-group/nodes")]),
            address: None,
            also: None,
        }
        .into(),
        volume(10).into(),
        server().into(),
        FloatingIp {
            target: key("port/workers-1"),
            interface: Some(key("interface")),
            external: Choice::Only,
            address: None,
        }
        .into(),
        LoadBalancer {
            subnet: key("subnet"),
            listeners: Some(vec![Listener {
                port: 6443,
                members: vec![key("port/control-plane-1")],
            }]),
        }
        .into(),
    ]
}

#[test]
fn nothing_differs_from_itself_and_no_kind_is_taken_for_another() {
    for (n, one) in all().iter().enumerate() {
        assert_eq!(one.diff(one), Diff::Same, "{one:?}");
        for (m, other) in all().iter().enumerate() {
            assert!(
                n == m || matches!(one.diff(other), Diff::Replace(_)),
                "{one:?} {other:?}"
            );
        }
    }
}

#[test]
fn what_is_left_out_is_not_judged() {
    let open: OpenStackResource = Router::default().into();
    let live: OpenStackResource = Router {
        external: Some(Choice::Named("public".into())),
    }
    .into();
    assert_eq!(open.diff(&live), Diff::Same);
    assert!(matches!(live.diff(&open), Diff::Update(c) if c[0].from == "-" && c[0].to == "public"));
}

#[test]
fn a_volume_grows_in_place_shrinks_by_a_new_one_only_and_is_precious_unless_it_is_a_root() {
    let (ten, twenty): (OpenStackResource, OpenStackResource) = (volume(10).into(), volume(20).into());
    assert!(matches!(twenty.diff(&ten), Diff::Update(c) if c[0].from == "10 GiB" && c[0].to == "20 GiB"));
    assert!(matches!(ten.diff(&twenty), Diff::Replace(_)));
    assert!(ten.precious());
    let root: OpenStackResource = Volume {
        image: Some(Choice::Named("debian-13".into())),
        ..volume(10)
    }
    .into();
    assert!(!root.precious());
}

#[test]
fn a_server_goes_with_its_port_and_root_and_only_waits_for_the_rest() {
    let needs = OpenStackResource::from(server()).needs();
    let built: Vec<&str> = needs
        .iter()
        .filter(|n| matches!(n, Need::Built(_)))
        .map(|n| n.key().as_str())
        .collect();
    assert_eq!(built, ["port/workers-1", "volume/workers-1-root"]);
    assert_eq!(needs.len(), 5);
}

fn rules() -> impl Strategy<Value = Rule> {
    let remote = prop_oneof![
        Just(Remote::Any),
        prop_oneof![
            Just("0.0.0.0/0"),
            Just("10.0.0.0/8"),
            Just("::/0"),
            Just("fd00::/8")
        ]
        .prop_map(|r| Remote::Range(r.into())),
        Just(Remote::Group(key("security-group/nodes"))),
    ];
    (
        prop_oneof![Just("security-group/nodes"), Just("security-group/control-plane")],
        any::<bool>(),
        any::<bool>(),
        prop_oneof![Just(None), Just(Some("tcp")), Just(Some("udp")), Just(Some("4"))],
        proptest::option::of((1_u16..100, 100_u16..200)),
        remote,
    )
        .prop_map(|(group, ingress, four, protocol, ports, remote)| Rule {
            group: key(group),
            direction: if ingress {
                Direction::Ingress
            } else {
                Direction::Egress
            },
            ether_type: if four { "IPv4" } else { "IPv6" }.into(),
            protocol: protocol.map(str::to_owned),
            ports,
            remote,
        })
}

proptest! {
    #[test]
    fn two_rules_share_a_key_only_if_they_are_the_same(rules in proptest::collection::vec(rules(), 2..20)) {
        let mut different: Vec<&Rule> = Vec::new();
        for rule in &rules {
            if !different.contains(&rule) {
                different.push(rule);
            }
        }
        let keys: BTreeSet<Key> = rules.iter().map(|r| r.key().unwrap()).collect();
        prop_assert_eq!(keys.len(), different.len());
    }
}
