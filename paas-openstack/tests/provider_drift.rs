//! What somebody does to a platform behind its back, and what is taken over into one: on the fake, over HTTP, as a user would.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and shows what it saw"
)]

#[path = "provider_drift/adopt.rs"]
mod adopt;
#[path = "provider_drift/place.rs"]
mod place;

use std::collections::BTreeMap;

use paas_core::{
    codes::{CORE_DRIFTED, CORE_UNMARKED, CORE_UNREADABLE_MARK},
    pipeline::Outcome,
    view::PlanView,
};
use paas_openstack::{
    block_storage::{NewVolume, VolumeChange},
    client::service::Kind,
    compute::{Action, NewKeypair, ServerChange},
    network::{
        Direction, Ethertype, FloatingIpChange, NetworkChange, NewNetwork, NewPort, NewRule, PortChange,
        RouterChange, SecurityGroupChange, SubnetChange,
    },
};
use place::Place;

const CLOUD: &str = r#"{"antiAffinity": "Off", "dnsServers": ["9.9.9.9"],
    "sshPublicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Yq0fGv0YB1cqTYKHYkVwhBJyVVxkBHvLPs1Yb0tQK me"}"#;
const MACHINES: &str = r#"{"pools": [{"name": "workers", "replicas": 1, "dataVolumeSize": "1Gi"}]}"#;

async fn platform(more: &str) -> Place {
    let place = Place::new(CLOUD, MACHINES, more).await;
    assert_eq!(place.up().await, Outcome::Converged);
    assert_eq!(told(&place.plan().await), Vec::<String>::new());
    place
}

/// `update subnet (dns: 1.1.1.1 → 9.9.9.9): dns was changed from outside`, and what is blocked.
fn told(plan: &PlanView) -> Vec<String> {
    let stage = &plan.stages[0];
    let steps = stage.steps.iter().map(|s| {
        let changes: Vec<String> = s
            .changes
            .iter()
            .map(|c| format!("{} {} → {}", c.field, c.from, c.to))
            .collect();
        let changes = changes.join(", ");
        format!("{} {} [{changes}] {}", s.verb, s.key, s.reason)
    });
    let blocked = stage
        .blocked
        .iter()
        .map(|b| format!("{} {}: {}", b.code.clone().unwrap(), b.key, b.why));
    steps.chain(blocked).collect()
}

/// Shown as this, brought back by so many calls, and then nothing differs.
async fn repaired(place: &Place, shown: &[&str], calls: usize) {
    assert_eq!(told(&place.plan().await), shown);
    place.fake.forget_calls();
    assert_eq!(place.up().await, Outcome::Converged);
    let made: Vec<String> = place.mutations();
    assert_eq!(made.len(), calls, "{shown:?}: {made:#?}");
    assert_eq!(told(&place.plan().await), Vec::<String>::new(), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_renamed_or_changed_in_the_network_is_shown_and_brought_back_with_one_call_each() {
    let place = platform("").await;
    let net = place.client.network();
    let (network, subnet, router) = (place.id("network"), place.id("subnet"), place.id("router"));
    let (group, port) = (place.id("security-group/nodes"), place.id("port/workers-1"));

    let mine = "mine".to_owned();
    let renamed = NetworkChange::default().name(&*mine);
    net.networks().update(&network, &renamed).await.unwrap();
    let named = "name was changed from outside";
    repaired(
        &place,
        &[&format!(
            "update network [name mine → default-demo-network] {named}"
        )],
        1,
    )
    .await;

    let change = SubnetChange::default()
        .name("mine")
        .dns_nameservers(vec!["1.1.1.1".to_owned()]);
    net.subnets().update(&subnet, &change).await.unwrap();
    let both = "update subnet [dns 1.1.1.1 → 9.9.9.9, name mine → default-demo-subnet] dns, name was changed from outside";
    repaired(&place, &[both], 1).await;

    let change = RouterChange::default().name("mine");
    net.routers().update(&router, &change).await.unwrap();
    repaired(
        &place,
        &[&format!(
            "update router [name mine → default-demo-router] {named}"
        )],
        1,
    )
    .await;

    let change = SecurityGroupChange::default().name("mine");
    net.security_groups().update(&group, &change).await.unwrap();
    let shown = told(&place.plan().await);
    assert!(
        shown[0].starts_with("update security-group/nodes [name mine → default-demo-security-group-nodes-")
    );
    repaired(&place, &[&shown[0]], 1).await;

    let change = PortChange::default().security_groups(Vec::<String>::new());
    net.ports().update(&port, &change).await.unwrap();
    repaired(
        &place,
        &["update port/workers-1 [groups  → security-group/nodes] groups was changed from outside"],
        1,
    )
    .await;
    let stranger = net
        .security_groups()
        .create(&paas_openstack::network::NewSecurityGroup::new("theirs"))
        .await
        .unwrap();
    let change = PortChange::default().security_groups(vec![group, stranger.id]);
    net.ports().update(&port, &change).await.unwrap();
    let shown = told(&place.plan().await);
    assert!(
        shown[0].contains("security-group-there/1, security-group/nodes → security-group/nodes"),
        "{shown:?}"
    );
    repaired(&place, &[&shown[0]], 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_was_taken_off_moved_or_deleted_and_a_way_out_that_was_closed_come_back() {
    let place = platform("").await;
    let net = place.client.network();
    let (address, plane) = (place.id("floating-ip/control-plane-1"), "port/control-plane-1");
    let off = FloatingIpChange {
        port_id: Some(None),
        ..FloatingIpChange::default()
    };
    net.floating_ips().update(&address, &off).await.unwrap();
    let target = "target was changed from outside";
    repaired(
        &place,
        &[&format!(
            "update floating-ip/control-plane-1 [target nowhere → {plane}] {target}"
        )],
        1,
    )
    .await;
    let moved = FloatingIpChange::default().port_id(place.id("port/workers-1"));
    net.floating_ips().update(&address, &moved).await.unwrap();
    repaired(
        &place,
        &[&format!(
            "update floating-ip/control-plane-1 [target port/workers-1 → {plane}] {target}"
        )],
        1,
    )
    .await;

    net.floating_ips().delete(&address).await.unwrap();
    let closed = RouterChange {
        gateway: Some(None),
        ..RouterChange::default()
    };
    net.routers().update(&place.id("router"), &closed).await.unwrap();
    repaired(
        &place,
        &[
            "update router [external - → the only one] external was changed from outside",
            "create floating-ip/control-plane-1 [] it was deleted from outside",
        ],
        2,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_were_added_or_deleted_are_put_right_and_what_others_have_in_our_network_stays() {
    let place = platform("").await;
    let net = place.client.network();
    let group = place.id("security-group/nodes");
    let mut open = NewRule::new(&*group, Direction::Ingress, Ethertype::from("IPv4"));
    (open.protocol, open.port_range_min, open.port_range_max) = (Some("tcp".into()), Some(80), Some(80));
    net.security_group_rules().create(&open).await.unwrap();
    repaired(
        &place,
        &["delete rule/nodes/ingress-IPv4-tcp-80-80-any [] it was added from outside"],
        1,
    )
    .await;
    let ours = place.keys("rule/nodes/egress-IPv4");
    net.security_group_rules().delete(&ours[0].1).await.unwrap();
    let shown = format!("create {} [] it was deleted from outside", ours[0].0);
    repaired(&place, &[&shown], 1).await;

    let theirs = NewPort::new(place.id("network")).name("theirs");
    let port = net.ports().create(&theirs).await.unwrap();
    place.fake.forget_calls();
    assert_eq!(told(&place.plan().await), Vec::<String>::new());
    assert_eq!(place.up().await, Outcome::Converged);
    assert_eq!(place.fake.mutations(), 0);
    net.ports().show(&port.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_that_were_stopped_renamed_or_deleted_run_again_under_their_name() {
    let place = platform("").await;
    let servers = place.client.compute().servers();
    let id = place.id("server/workers-1");
    servers.act(&id, Action::Stop).await.unwrap();
    place.settle();
    repaired(
        &place,
        &["update server/workers-1 [state SHUTOFF → ACTIVE] state was changed from outside"],
        1,
    )
    .await;
    for (action, state) in [(Action::Pause, "PAUSED"), (Action::Suspend, "SUSPENDED")] {
        servers.act(&id, action).await.unwrap();
        place.settle();
        let shown =
            format!("update server/workers-1 [state {state} → ACTIVE] state was changed from outside");
        repaired(&place, &[&shown], 1).await;
    }
    servers
        .update(&id, &ServerChange::default().name("mine"))
        .await
        .unwrap();
    repaired(
        &place,
        &["update server/workers-1 [name mine → workers-1] name was changed from outside"],
        1,
    )
    .await;

    servers.delete(&id).await.unwrap();
    place.settle();
    repaired(
        &place,
        &["create server/workers-1 [] it was deleted from outside"],
        1,
    )
    .await;
    assert_ne!(place.id("server/workers-1"), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_another_flavor_than_its_mark_says_is_made_anew() {
    let mut place = platform("").await;
    // As after a resize of a machine that was made as m1.tiny.
    let tiny = BTreeMap::from([("paas-flavor".to_owned(), r#"{"named":"m1.tiny"}"#.to_owned())]);
    let servers = place.client.compute().servers();
    for key in ["server/control-plane-1", "server/workers-1"] {
        servers.set_metadata(&place.id(key), &tiny).await.unwrap();
    }
    let cloud = CLOUD.replacen("\"Off\",", "\"Off\", \"flavor\": \"m1.tiny\",", 1);
    place.spec = Place::spec(&cloud, MACHINES, "");
    let shown = told(&place.plan().await);
    let replaced: Vec<&String> = shown
        .iter()
        .filter(|s| s.starts_with("replace server/"))
        .collect();
    assert!(
        replaced.len() == 2
            && replaced
                .iter()
                .all(|s| s.contains("→ m1.tiny]") && !s.contains("at least")),
        "{shown:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_pair_of_the_same_name_with_another_key_is_made_anew() {
    let place = platform("").await;
    let (nova, name) = (place.client.compute(), place.id("key-pair"));
    nova.keypairs().delete(&name).await.unwrap();
    let theirs = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    nova.keypairs()
        .create(&NewKeypair::new(&*name, theirs))
        .await
        .unwrap();
    let shown = told(&place.plan().await);
    assert!(
        shown[0].starts_with("replace key-pair [publicKey ")
            && shown[0].ends_with("cannot be changed back in place"),
        "{shown:?}"
    );
    repaired(&place, &[&shown[0]], 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_somebody_extended_is_never_made_anew_without_a_word_about_its_data() {
    let place = platform("").await;
    let (volumes, id) = (
        place.client.block_storage().volumes(),
        place.id("volume/workers-1-data"),
    );
    let change = VolumeChange::default().name("mine");
    volumes.update(&id, &change).await.unwrap();
    let shown = told(&place.plan().await);
    assert!(
        shown[0].starts_with("update volume/workers-1-data [name mine → default-demo-volume-"),
        "{shown:?}"
    );
    repaired(&place, &[&shown[0]], 1).await;
    // Cinder extends what is not attached.
    place
        .client
        .compute()
        .servers()
        .detach_volume(&place.id("server/workers-1"), &id)
        .await
        .unwrap();
    place.settle();
    volumes.extend(&id, 2).await.unwrap();
    place.settle();
    let shown = told(&place.plan().await);
    assert_eq!(
        shown,
        [format!(
            "PAAS-CORE-0011 volume/workers-1-data: size was changed from outside and cannot be changed back in place, but {id} holds data; to replace it needs consent by name"
        )]
    );
    place.fake.forget_calls();
    assert!(matches!(place.up().await, Outcome::Blocked { .. }));
    assert_eq!(place.fake.mutations(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_report_what_somebody_did_is_shown_and_left_and_what_the_spec_asks_for_is_done() {
    let mut place = platform(r#", "driftPolicy": "Report""#).await;
    let net = place.client.network();
    let (network, server) = (place.id("network"), place.id("server/workers-1"));
    let renamed = NetworkChange::default().name("mine");
    net.networks().update(&network, &renamed).await.unwrap();
    place
        .client
        .compute()
        .servers()
        .act(&server, Action::Stop)
        .await
        .unwrap();
    let mut open = NewRule::new(
        place.id("security-group/nodes"),
        Direction::Ingress,
        Ethertype::from("IPv4"),
    );
    open.protocol = Some("udp".into());
    net.security_group_rules().create(&open).await.unwrap();
    net.floating_ips()
        .delete(&place.id("floating-ip/control-plane-1"))
        .await
        .unwrap();
    place.settle();

    let only = "differences are only reported";
    let shown = told(&place.plan().await);
    let expected = [
        format!(
            "PAAS-CORE-0018 network: name is mine instead of default-demo-network: changed from outside; {only}"
        ),
        format!(
            "PAAS-CORE-0018 server/workers-1: state is SHUTOFF instead of ACTIVE: changed from outside; {only}"
        ),
        format!("PAAS-CORE-0018 floating-ip/control-plane-1: it was deleted from outside; {only}"),
    ];
    assert_eq!(shown.len(), 4, "{shown:#?}");
    assert!(shown[0].contains("rule/nodes/ingress-IPv4-udp-all-any") && shown[0].contains("never asked for"));
    assert_eq!(shown[1..], expected);
    place.fake.forget_calls();
    let Outcome::Blocked { because, .. } = place.up().await else {
        panic!("what is reported is not converged");
    };
    assert!(because.iter().all(|b| b.code == CORE_DRIFTED.id), "{because:#?}");
    assert_eq!(place.mutations(), Vec::<String>::new());

    let cloud = CLOUD.replace("9.9.9.9", "1.1.1.1");
    place.spec = Place::spec(&cloud, MACHINES, r#", "driftPolicy": "Report""#);
    let shown = told(&place.plan().await);
    assert_eq!(shown[0], "update subnet [dns 9.9.9.9 → 1.1.1.1] dns differs");
    place.up().await;
    assert_eq!(place.mutations().len(), 1, "{:#?}", place.mutations());

    place.down().await;
    assert!(place.fake.leftovers().is_empty(), "{:#?}", place.fake.leftovers());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_somebody_overwrote_stops_that_key_and_makes_no_second_one() {
    let place = platform("").await;
    let net = place.client.network();
    let network = place.id("network");
    let change = NetworkChange::default().description("");
    net.networks().update(&network, &change).await.unwrap();
    let servers = place.client.compute().servers();
    let server = place.id("server/workers-1");
    servers.delete_metadata(&server, "paas-owner").await.unwrap();
    let shown = told(&place.plan().await);
    assert_eq!(
        shown,
        [
            format!(
                "PAAS-CORE-0019 network: {network} is there and bears our mark no more: a second one would be made"
            ),
            format!(
                "PAAS-CORE-0019 server/workers-1: {server} is there and bears our mark no more: a second one would be made"
            ),
        ]
    );
    place.fake.forget_calls();
    for _ in 0..3 {
        let Outcome::Blocked { because, .. } = place.up().await else {
            panic!("a key that cannot be told is not converged");
        };
        assert!(because.iter().all(|b| b.code == CORE_UNMARKED.id), "{because:#?}");
    }
    assert_eq!(place.mutations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_ledger_a_renamed_network_blocks_and_a_subnet_without_its_mark_is_not_doubled() {
    let mut place = platform("").await;
    let client = place.client.clone();
    let net = client.network();
    let change = NetworkChange::default().name("mine");
    net.networks()
        .update(&place.id("network"), &change)
        .await
        .unwrap();
    place.forget();
    let Outcome::Blocked { because, .. } = place.up().await else {
        panic!("it cannot be told which one it is");
    };
    assert_eq!(because[0].code, CORE_UNREADABLE_MARK.id);
    let change = NetworkChange::default().name("default-demo-network");
    net.networks()
        .update(&place.id("network"), &change)
        .await
        .unwrap();

    let subnet = place.id("subnet");
    let change = SubnetChange::default().description("");
    net.subnets().update(&subnet, &change).await.unwrap();
    place.forget();
    let before = place.fake.world().of(Kind::Network, "subnets").len();
    let _ = place.try_up().await;
    assert_eq!(
        place.fake.world().of(Kind::Network, "subnets").len(),
        before,
        "Neutron refuses a second one of this range"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_no_host_takes_is_told_in_novas_words_and_replaced_or_reported_by_policy() {
    for (policy, made) in [("Report", 4), ("ReplaceNeverReady", 5)] {
        let cloud = CLOUD.replace("Off", "Hard");
        let machines = r#"{"pools": [{"name": "workers", "replicas": 4}]}"#;
        let place = Place::new(&cloud, machines, &format!(r#", "onBroken": "{policy}""#)).await;
        let outcome = place.up().await;
        let Outcome::Blocked { because, .. } = &outcome else {
            panic!("{outcome:?}");
        };
        assert!(
            because.iter().any(|b| b.why.contains("No valid host was found")),
            "{because:#?}"
        );
        let creates = place
            .mutations()
            .iter()
            .filter(|c| c.ends_with("/servers"))
            .count();
        assert!(
            creates > made && (policy != "Report" || creates == 5),
            "{policy}: {creates}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_with_our_names_are_neither_drift_nor_touched() {
    let place = platform("").await;
    let net = place.client.network();
    let network = NewNetwork::new("default-demo-network").description("paas:");
    net.networks().create(&network).await.unwrap();
    let volume = NewVolume::new(1_u64).metadata(BTreeMap::from([(
        "paas-key".to_owned(),
        "volume/workers-1-data".to_owned(),
    )]));
    place
        .client
        .block_storage()
        .volumes()
        .create(&volume)
        .await
        .unwrap();
    place.settle();
    assert_eq!(told(&place.plan().await), Vec::<String>::new());
}
