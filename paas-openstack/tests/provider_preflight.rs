//! What is found before the first write: each finding, several at once, none where all is well, and who is asked what.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and shows the plan"
)]

mod provided;

use std::{collections::BTreeMap, time::Duration};

use paas_core::{
    pipeline::{Outcome, Wanted},
    preflight::Finding,
    render::{self, Detail, Paint},
    spec::PlatformSpec,
};
use paas_openstack::{
    client::service::Kind,
    fake::{Fake, Fault, Flavor, Hypervisor, Network, Quotas, Setup, Shape, What},
    image::NewImage,
    network::{NewNetwork, NewRouter, NewSubnet},
};
use provided::{LIMIT, Place, allow, spec, told};
use serde_json::json;

const KEY: &str = r#""sshPublicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Yq0fGv0YB1cqTYKHYkVwhBJyVVxkBHvLPs1Yb0tQK me""#;

/// How often which call was made.
fn asked(fake: &Fake) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for call in fake.calls() {
        let segments = call.path.split('/');
        let is_id = |s: &&str| s.len() >= 32 && s.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        let path: Vec<&str> = segments.map(|s| if is_id(&s) { "*" } else { s }).collect();
        *counts
            .entry(format!("{} {}", call.method, path.join("/")))
            .or_default() += 1;
    }
    counts
        .into_iter()
        .map(|(call, n)| format!("{n} {call}"))
        .collect()
}

/// The calls of a plan that are not made once the Platform is there.
async fn asked_beyond_looking(place: &mut Place, spec: &PlatformSpec) -> Vec<String> {
    place.fake.forget_calls();
    let findings = place.findings(spec).await;
    assert!(findings.is_empty(), "{findings:#?}");
    let ahead = asked(&place.fake);
    assert_eq!(place.up(spec).await, Outcome::Converged);
    place.fake.forget_calls();
    assert!(place.plan(spec).await.is_empty());
    let looking = asked(&place.fake);
    ahead.into_iter().filter(|call| !looking.contains(call)).collect()
}

async fn found(setup: Setup, spec: &PlatformSpec) -> Vec<Finding> {
    let mut place = Place::new(setup).await;
    let findings = place.findings(spec).await;
    place.is_untouched();
    findings
}

async fn one(setup: Setup, spec: &PlatformSpec) -> String {
    let all = told(&found(setup, spec).await);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.into_iter().next().unwrap()
}

fn quotas(set: impl Fn(&mut Quotas)) -> Setup {
    let mut setup = Setup::default();
    set(&mut setup.quotas);
    setup
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_cloud_has_no_findings_and_is_asked_only_what_the_plan_needs() {
    let mut place = Place::new(Setup::default()).await;
    let small = spec("{}", "{}");
    let calls = asked_beyond_looking(&mut place, &small).await;
    insta::assert_debug_snapshot!(calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_zones_a_key_a_balancer_and_what_exists_are_asked_for_only_where_they_are_wanted() {
    let mut place = Place::new(Setup::default()).await;
    let net = place.client.network();
    let network = net.networks().create(&NewNetwork::new("there")).await.unwrap();
    let subnet = NewSubnet::new(&*network.id, 4, "10.9.0.0/24").name("there");
    net.subnets().create(&subnet).await.unwrap();
    let all = spec(
        &format!(
            r#"{{{KEY}, "loadBalancer": true, "floatingIps": "Off", "availabilityZones": ["nova"], "volumeType": "ssd",
                "existing": {{"network": "there", "subnet": "there"}}}}"#
        ),
        r#"{"pools": [{"name": "workers", "volumeSize": "20Gi"}]}"#,
    );
    place.fake.forget_calls();
    assert_eq!(told(&place.findings(&all).await), [""; 0]);
    insta::assert_debug_snapshot!(asked(&place.fake));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_makes_nothing_asks_nothing_more() {
    let mut place = Place::new(Setup::default()).await;
    let before = spec(r#"{"dnsServers": ["9.9.9.9"]}"#, "{}");
    assert_eq!(place.up(&before).await, Outcome::Converged);
    place.fake.forget_calls();
    assert!(place.plan(&before).await.is_empty());
    let idle = asked(&place.fake);
    // One that only changes something in place needs no room either.
    let after = spec(r#"{"dnsServers": ["1.1.1.1"]}"#, "{}");
    place.fake.forget_calls();
    assert_eq!(place.plan(&after).await.stages[0].steps.len(), 1);
    assert_eq!(asked(&place.fake), idle);
    place.fake.forget_calls();
    let down = place
        .pipeline(&before)
        .plan(&mut place.cx, Wanted::Nothing)
        .await
        .unwrap();
    assert!(!down.is_empty());
    // The way down looks for more that may be ours, and asks for no room.
    let ahead = ["quota", "limits", "flavors", "images", "zone", "types"];
    let down = asked(&place.fake);
    assert!(
        !down
            .iter()
            .any(|call| ahead.iter().any(|word| call.contains(word))),
        "{down:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_quota_is_told_with_its_numbers_and_what_would_do() {
    let two = || spec("{}", "{}");
    let keyed = || spec(&format!("{{{KEY}}}"), "{}");
    let with_disks = || {
        spec(
            "{}",
            r#"{"pools": [{"name": "workers", "dataVolumeSize": "50Gi"}]}"#,
        )
    };
    let apart = || spec("{}", r#"{"pools": [{"name": "workers", "replicas": 3}]}"#);
    let balanced = || spec(r#"{"loadBalancer": true, "floatingIps": "Off"}"#, "{}");
    let mut table = Vec::new();
    for (setup, spec) in [
        (quotas(|q| q.instances = 1), two()),
        (quotas(|q| q.cores = 2), two()),
        (quotas(|q| q.ram = 6000), two()),
        (quotas(|q| q.server_groups = 0), apart()),
        (quotas(|q| q.server_group_members = 2), apart()),
        (quotas(|q| q.key_pairs = 0), keyed()),
        (quotas(|q| q.routers = 0), two()),
        (quotas(|q| q.ports = 2), two()),
        (quotas(|q| q.security_groups = 1), two()),
        (quotas(|q| q.security_group_rules = 5), two()),
        (quotas(|q| q.floating_ips = 0), two()),
        (quotas(|q| q.volumes = 0), with_disks()),
        (quotas(|q| q.gigabytes = 40), with_disks()),
        (quotas(|q| q.load_balancers = 0), balanced()),
    ] {
        table.push(one(setup, &spec).await);
    }
    for limits in [json!({"network": 0}), json!({"subnet": 0})] {
        let mut place = Place::new(Setup::default()).await;
        allow(&place, Kind::Network, limits).await;
        let findings = told(&place.findings(&two()).await);
        assert_eq!(findings.len(), 1, "{findings:#?}");
        table.extend(findings);
    }
    insta::assert_snapshot!(table.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_exists_counts_and_no_limit_is_no_limit() {
    let mut place = Place::new(quotas(|q| q.routers = 1)).await;
    let two = spec("{}", "{}");
    assert_eq!(told(&place.findings(&two).await), [""; 0]);
    place
        .client
        .network()
        .routers()
        .create(&NewRouter::new("somebody's"))
        .await
        .unwrap();
    let findings = place.findings(&two).await;
    assert!(
        findings[0].what.contains("1 more is needed, 0 of 1 are free"),
        "{findings:#?}"
    );
    allow(&place, Kind::Network, json!({"router": -1})).await;
    assert_eq!(told(&place.findings(&two).await), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_and_is_not_listed_yet_is_not_counted_twice() {
    let mut place = Place::new(Setup::default()).await;
    let two = spec("{}", "{}");
    allow(&place, Kind::Network, json!({"network": 1})).await;
    let hidden = Fault::new(What::HideNew(Duration::from_secs(60)));
    place
        .fake
        .inject(hidden.on(Kind::Network).call("POST", "**/networks"));
    place.pipeline(&two).advance(&mut place.cx).await.unwrap();
    let stage = place.plan(&two).await.stages.remove(0);
    assert!(
        stage
            .steps
            .iter()
            .any(|s| s.key.as_str() == "network" && s.hold.is_some()),
        "{stage:#?}"
    );
    assert_eq!(told(&stage.findings), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_of_a_type_have_a_quota_of_their_own() {
    let mut place = Place::new(Setup::default()).await;
    let fast = spec(
        r#"{"volumeType": "ssd"}"#,
        r#"{"pools": [{"name": "workers", "dataVolumeSize": "50Gi"}]}"#,
    );
    allow(
        &place,
        Kind::BlockStorage,
        json!({"volumes_ssd": 0, "gigabytes_ssd": 20, "per_volume_gigabytes": 30}),
    )
    .await;
    insta::assert_snapshot!(told(&place.findings(&fast).await).join("\n"));
    place.is_untouched();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_replacement_needs_what_it_is_larger_by_and_what_is_deleted_becomes_free() {
    let mut setup = quotas(|q| q.cores = 5);
    setup.flavors.push(Flavor::new("m1.large", 4, 4096, 40));
    let mut place = Place::new(setup).await;
    let of = |flavor: &str, pool: &str| {
        let pools =
            format!(r#"{{"pools": [{{"name": "{pool}", "replicas": 3, "machineType": "{flavor}"}}]}}"#);
        spec(r#"{"antiAffinity": "Off"}"#, &pools)
    };
    assert_eq!(place.up(&of("m1.small", "workers")).await, Outcome::Converged);
    // The same size again, with no core to spare: each one goes before it comes again.
    assert_eq!(told(&place.findings(&of("m1.tiny", "workers")).await), [""; 0]);
    // Twice as large.
    let larger = told(&place.findings(&of("m1.medium", "workers")).await);
    assert!(
        larger[0].contains("cores: 3 more are needed, 0 of 5 are free"),
        "{larger:#?}"
    );
    assert!(larger[0].starts_with('✗'), "{larger:#?}");
    // Other machines of the same size: there is room once the old ones are gone.
    let others = told(&place.findings(&of("m1.small", "others")).await);
    assert_eq!(others.len(), 1, "{others:#?}");
    assert!(
        others[0].starts_with("! OS-0034 cores: 3 more are needed, 0 of 5 are free, 3 when"),
        "{others:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn flavors_that_do_not_fit_are_told_with_what_would() {
    let mut setup = Setup::default();
    setup.images[0].min_disk = 30;
    setup.images[0].min_ram = 3000;
    setup.flavors.push(Flavor::new("c1.diskless", 2, 4096, 0));
    let on = |flavor: &str, pools: &str| spec(&format!(r#"{{"flavor": "{flavor}"}}"#), pools);
    let mut table = Vec::new();
    for spec in [
        on("m1.small", "{}"),
        on("c1.diskless", "{}"),
        on(
            "m1.medium",
            r#"{"pools": [{"name": "workers", "volumeSize": "10Gi"}]}"#,
        ),
        on("m1.tiny", r#"{"pools": [{"name": "workers", "replicas": 5}]}"#),
        on("m1.gone", "{}"),
    ] {
        table.extend(told(&found(setup.clone(), &spec).await));
        table.push(String::new());
    }
    insta::assert_snapshot!(table.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_too_small_for_its_machines_is_told() {
    let crowd = |n: u32| {
        let pools = format!(r#"{{"pools": [{{"name": "w", "replicas": {n}}}]}}"#);
        spec(r#"{"networkCidr": "10.0.0.0/28", "antiAffinity": "Off"}"#, &pools)
    };
    let roomy = quotas(|q| (q.instances, q.cores, q.ram) = (-1, -1, -1));
    assert_eq!(found(roomy.clone(), &crowd(12)).await, []);
    let told = one(roomy, &crowd(13)).await;
    assert!(
        told.starts_with("✗ OS-0040 the network 10.0.0.0/28 has 13 addresses, 14 are wanted"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_must_be_there_and_open() {
    let mut setup = Setup::default();
    setup.hypervisors.push(Hypervisor::new("compute-9", "closed"));
    setup.shape.closed_zones = vec!["closed".into()];
    let zoned = spec(
        r#"{"availabilityZones": ["nova", "closed", "moon"]}"#,
        r#"{"pools": [{"name": "w", "replicas": 3}]}"#,
    );
    insta::assert_snapshot!(told(&found(setup, &zoned).await).join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_external_network_has_to_be_clear() {
    let second = || {
        let mut setup = Setup::default();
        setup.networks.push(Network {
            id: "22222222-0000-4000-8000-000000000002".into(),
            name: "other".into(),
            cidr: "198.51.100.0/24".into(),
        });
        setup
    };
    let mut none = Setup::default();
    none.networks.clear();
    let mut table = vec![
        one(none, &spec("{}", "{}")).await,
        one(second(), &spec("{}", "{}")).await,
        one(second(), &spec(r#"{"externalNetwork": "moon"}"#, "{}")).await,
    ];
    // Named, it is clear.
    assert_eq!(
        found(second(), &spec(r#"{"externalNetwork": "other"}"#, "{}")).await,
        []
    );
    table.push(String::new());
    insta::assert_snapshot!(table.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_exists_by_the_users_word_must_be_there_once_and_belong_together() {
    let mut place = Place::new(Setup::default()).await;
    let net = place.client.network();
    let first = net.networks().create(&NewNetwork::new("twice")).await.unwrap();
    net.networks().create(&NewNetwork::new("twice")).await.unwrap();
    let other = net.networks().create(&NewNetwork::new("once")).await.unwrap();
    net.subnets()
        .create(&NewSubnet::new(&*first.id, 4, "10.9.0.0/24").name("its"))
        .await
        .unwrap();
    let existing = |what: &str| spec(&format!(r#"{{"existing": {what}}}"#), "{}");
    let mut table = Vec::new();
    for what in [
        r#"{"network": "twice"}"#.to_owned(),
        r#"{"network": "once", "subnet": "its"}"#.to_owned(),
        r#"{"router": "moon", "securityGroups": ["moon"]}"#.to_owned(),
        format!(r#"{{"network": "{}", "subnet": "its"}}"#, first.id),
        r#"{"network": "00000000-0000-4000-8000-000000000000"}"#.to_owned(),
    ] {
        let findings = told(&place.findings(&existing(&what)).await);
        table.extend(
            findings
                .into_iter()
                .map(|f| f.replace(&*first.id, "FIRST").replace(&*other.id, "ONCE")),
        );
        table.push(String::new());
    }
    let ids = table.join("\n");
    let masked = ids.split_inclusive(['(', ' ', ',']).map(|word| {
        let id = word.trim_end_matches([',', ')', ' ']);
        if uuid::Uuid::try_parse(id).is_ok() && !id.starts_with("00000000") {
            word.replace(id, "ID")
        } else {
            word.to_owned()
        }
    });
    insta::assert_snapshot!(masked.collect::<String>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_without_data_and_one_that_is_not_there_are_told() {
    let mut place = Place::new(Setup::default()).await;
    let new = NewImage::new("fresh", "qcow2", "bare");
    let image = place.client.image().images().create(&new).await.unwrap();
    let booting = |image: &str| spec(&format!(r#"{{"image": "{image}"}}"#), "{}");
    let mut table = told(&place.findings(&booting("fresh")).await);
    table.extend(
        told(&place.findings(&booting(&image.id)).await)
            .iter()
            .map(|f| f.replace(&*image.id, "ID")),
    );
    table.extend(told(&place.findings(&booting("moon")).await));
    table.extend(told(
        &place.findings(&spec(r#"{"imageDistro": "plan9"}"#, "{}")).await,
    ));
    insta::assert_snapshot!(table.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_there_is_told_where_it_is_needed() {
    let without = |kind: Kind| Setup {
        shape: Shape {
            without: vec![kind],
            ..Shape::default()
        },
        ..Setup::default()
    };
    let plain = spec("{}", "{}");
    let balanced = spec(r#"{"loadBalancer": true, "floatingIps": "Off"}"#, "{}");
    let boots = r#"{"pools": [{"name": "workers", "volumeSize": "20Gi"}]}"#;
    let holds = r#"{"pools": [{"name": "workers", "dataVolumeSize": "20Gi"}]}"#;
    let typed = r#"{"volumeType": "ssd", "availabilityZones": ["nova"]}"#;
    let table = [
        one(without(Kind::Image), &plain).await,
        one(without(Kind::LoadBalancer), &balanced).await,
        one(without(Kind::BlockStorage), &spec("{}", boots)).await,
        one(without(Kind::BlockStorage), &spec(typed, holds)).await,
    ];
    insta::assert_snapshot!(table.join("\n"));
    assert_eq!(found(without(Kind::LoadBalancer), &plain).await, []);
    assert_eq!(found(without(Kind::BlockStorage), &plain).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_without_volumes_carries_a_platform_that_wants_none_and_is_rid_of_it() {
    let mut setup = Setup::default();
    setup.shape.without = vec![Kind::BlockStorage];
    let mut place = Place::new(setup).await;
    let small = spec("{}", "{}");
    assert_eq!(place.up(&small).await, Outcome::Converged);
    assert!(place.plan(&small).await.is_empty());
    place.down(&small).await;
    assert!(!place.fake.calls().iter().any(|c| c.service == Kind::BlockStorage));
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_may_only_look_are_told() {
    let mut setup = Setup::default();
    setup.users[0].roles = vec!["reader".into(), "load-balancer_observer".into()];
    let table = [one(setup, &spec("{}", "{}")).await];
    let mut setup = Setup::default();
    setup.users[0].roles = vec!["member".into(), "load-balancer_observer".into()];
    let balanced = spec(r#"{"loadBalancer": true, "floatingIps": "Off"}"#, "{}");
    let findings = told(&found(setup, &balanced).await);
    insta::assert_snapshot!([table.as_slice(), &findings].concat().join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_ends_soon_is_a_warning() {
    let days = |days: u64| {
        let mut setup = Setup::default();
        setup.credentials[0].lifetime = Some(Duration::from_secs(days * 86400 + 60));
        setup
    };
    let plain = spec("{}", "{}");
    let mut soon = Place::by(days(3), Fake::cloud_by_credential).await;
    let findings = told(&soon.findings(&plain).await);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let said = "! OS-0033 the application credential demo-credential ends in 3 days (2001-09-12T01:47:40Z) → make a new one";
    assert!(findings[0].starts_with(said), "{findings:#?}");
    let mut later = Place::by(days(30), Fake::cloud_by_credential).await;
    assert_eq!(told(&later.findings(&plain).await), [""; 0]);
    // It stops nothing.
    assert_eq!(soon.up(&plain).await, Outcome::Converged);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_tells_is_a_warning_and_stops_nothing() {
    let mut place = Place::new(Setup::default()).await;
    let plain = spec("{}", "{}");
    for (service, path) in [(Kind::Compute, "**/limits"), (Kind::Network, "**/quotas/**")] {
        place.fake.inject(
            Fault::new(What::Refuse(403))
                .on(service)
                .call("GET", path)
                .always(),
        );
    }
    let findings = place.findings(&plain).await;
    assert!(findings.iter().all(|f| !f.is_error()), "{findings:#?}");
    let table: Vec<String> = told(&findings)
        .iter()
        .map(|f| f.split(" (request").next().unwrap().to_owned())
        .collect();
    insta::assert_snapshot!(table.join("\n"));
    assert_eq!(place.up(&plain).await, Outcome::Converged);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_come_in_time_is_a_warning() {
    let mut place = Place::real(Setup::default(), Duration::from_millis(400)).await;
    let plain = spec("{}", "{}");
    // Logged in, and the versions known: what is measured is the look ahead alone.
    place.plan(&plain).await;
    let hour = What::Delay(Duration::from_secs(3600));
    place.fake.inject(
        Fault::new(hour)
            .on(Kind::Network)
            .call("GET", "**/quotas/**")
            .always(),
    );
    let findings = place.findings(&plain).await;
    assert!(findings.iter().all(|f| !f.is_error()), "{findings:#?}");
    let late =
        |f: &Finding| f.code == "PAAS-OS-0037" && f.what == "the quota of Neutron was not told within 0.4 s";
    assert!(findings.iter().any(late), "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_told_at_once_and_nothing_is_begun_until_it_is_gone() {
    let mut setup = quotas(|q| {
        q.cores = 6;
        q.floating_ips = 2;
        q.security_groups = 1;
    });
    setup.images[0].min_disk = 30;
    setup.credentials[0].lifetime = Some(Duration::from_secs(3 * 86400 + 60));
    let mut place = Place::by(setup, Fake::cloud_by_credential).await;
    let wanted = spec(
        r#"{"floatingIps": "All", "availabilityZones": ["az7"]}"#,
        r#"{"controlPlane": {"replicas": 3, "machineType": "m1.small"}, "pools": [{"name": "workers", "replicas": 3}]}"#,
    );
    let plan = place.plan(&wanted).await;
    let shown = render::plan(&plan, Paint::Plain, Detail::Short);
    println!("{shown}");
    insta::assert_snapshot!(shown.split_once("  in the way").unwrap().1);

    // Who shows the plan first, and who only passes, are told the same, and nothing is written.
    let mut told = Vec::new();
    for shown in [Some(plan), None] {
        place.cx.shown = shown;
        let Outcome::Blocked { because, .. } = place.up(&wanted).await else {
            panic!("it was begun");
        };
        told.push(because);
    }
    place.is_untouched();
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0].len(), 5, "{told:#?}");

    // What can be carried out is, and it goes down again.
    let small = spec(r#"{"flavor": "m1.medium"}"#, "{}");
    allow(&place, Kind::Network, json!({"security_group": 10})).await;
    let plan = place.plan(&small).await;
    assert!(plan.obstructed().is_none());
    place.cx.shown = Some(plan);
    let pipeline = place.pipeline(&small);
    let outcome = pipeline.run(&mut place.cx, Wanted::Spec, Some(LIMIT)).await;
    assert_eq!(outcome.unwrap(), Outcome::Converged);
    place.down(&small).await;
    assert_eq!(place.fake.leftovers(), []);
}
