//! Taking over what is there: only marks are written, a crash between them is healed, and it can be given back.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use paas_core::{
    codes::{CORE_FENCED, CORE_UNMARKED},
    error::{Class, Error},
    execute::Fence,
    graph::Desired,
    pipeline::Outcome,
    plan::Verb,
    resource::Key,
};
use paas_openstack::{
    client::service::Kind,
    codes::OS_ADOPT,
    compute::{Networks, NewServer, ServerChange},
    fake::{Object, Setup},
    network::{Gateway, NetworkChange, NetworkFilter, NewNetwork, NewPort, NewRouter, NewSubnet, Plug},
    provider::{Layout, OpenStackResource, adopt::Adoption, desired},
};

use super::{place::Place, told};

const CLOUD: &str = r#"{"antiAffinity": "Off", "floatingIps": "Off", "dnsServers": ["9.9.9.9"]}"#;
const MACHINES: &str = r#"{"pools": [{"name": "workers", "replicas": 1}]}"#;

/// What somebody made by hand.
struct ByHand {
    network: String,
    subnet: String,
    router: String,
    port: String,
    server: String,
}

async fn by_hand(place: &Place) -> ByHand {
    let (net, nova) = (place.client.network(), place.client.compute());
    let network = NewNetwork::new("corp").description("made by hand, 2019/4");
    let network = net.networks().create(&network).await.unwrap().id;
    let subnet = NewSubnet::new(&*network, 4, "10.20.0.0/16")
        .name("corp-a")
        .enable_dhcp(true)
        .dns_nameservers(vec!["9.9.9.9".to_owned()]);
    let subnet = net.subnets().create(&subnet).await.unwrap().id;
    let outside = NetworkFilter::all().external(true);
    let outside = net.networks().all(&outside).await.unwrap().remove(0).id;
    let router = NewRouter::new("edge").gateway(Gateway::to(outside));
    let router = net.routers().create(&router).await.unwrap().id;
    let plug = Plug::Subnet(subnet.clone());
    net.routers().add_interface(&router, &plug).await.unwrap();
    let port = net.ports().create(&NewPort::new(&*network)).await.unwrap().id;
    let setup = Setup::default();
    let flavor = setup
        .flavors
        .iter()
        .find(|f| f.vcpus >= 2 && f.ram >= 4096 && f.disk >= 20);
    let mut server = NewServer::new("web-7", &*flavor.unwrap().id, Networks::port(&*port));
    server.image = Some(setup.images[0].id.clone());
    let server = nova.servers().create(&server).await.unwrap().id;
    place.settle();
    ByHand {
        network,
        subnet,
        router,
        port,
        server,
    }
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn graph(place: &Place) -> Desired<OpenStackResource> {
    desired(
        &place.spec,
        place.spec.infrastructure.open_stack.as_ref().unwrap(),
        Layout::default(),
    )
    .unwrap()
}

async fn proposed(place: &Place, key_: &str, word: &str) -> Result<Adoption, Error> {
    let (desired, policy, hints) = (graph(place), place.spec.policy(), place.hints().await);
    place
        .hands()
        .adoption(&place.owner, &key(key_), word, (&desired, &policy), &hints)
        .await
}

async fn adopt(place: &Place, key: &str, word: &str) -> Adoption {
    let adoption = proposed(place, key, word).await.unwrap();
    place
        .hands()
        .adopt(&place.owner, &adoption, &place.tools())
        .await
        .unwrap();
    adoption
}

/// All that was there, without the marks and what counts changes.
fn apart_from_marks(place: &Place) -> Vec<(String, Object)> {
    let mut all = Vec::new();
    for (service, kind) in [
        (Kind::Network, "networks"),
        (Kind::Network, "subnets"),
        (Kind::Network, "routers"),
        (Kind::Network, "ports"),
        (Kind::Compute, "servers"),
    ] {
        for it in place.fake.world().of(service, kind) {
            let mut it = it.clone();
            for field in [
                "description",
                "tags",
                "metadata",
                "revision_number",
                "updated_at",
                "updated",
            ] {
                it.remove(field);
            }
            all.push((kind.to_owned(), it));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_a_router_and_a_server_made_by_hand_are_taken_over_by_their_marks_alone() {
    let place = Place::new(CLOUD, MACHINES, "").await;
    let there = by_hand(&place).await;
    let before = apart_from_marks(&place);
    place.fake.forget_calls();

    let adoption = adopt(&place, "network", "corp").await;
    assert!(adoption.notes[0].contains(&there.subnet), "{:?}", adoption.notes);
    let of = |kind: &str, id: &str| format!("PUT /v2.0/{kind}/{id}");
    let network = of("networks", &there.network);
    assert_eq!(
        place.mutations(),
        [
            format!("{network}/tags/paas-key%3Dnetwork"),
            format!("{network}/tags/paas-was%3Dmade%20by%20hand%252C%202019%252F4"),
            network,
        ]
    );
    place.fake.forget_calls();
    adopt(&place, "subnet", &there.subnet).await;
    adopt(&place, "router", "edge").await;
    let (subnet, router) = (of("subnets", &there.subnet), of("routers", &there.router));
    assert_eq!(
        place.mutations(),
        [
            format!("{subnet}/tags/paas-key%3Dsubnet"),
            subnet,
            format!("{router}/tags/paas-key%3Drouter"),
            router,
        ]
    );
    place.fake.forget_calls();
    let adoption = adopt(&place, "server/workers-1", "web-7").await;
    let takes: Vec<&str> = adoption.takes.iter().map(|t| t.id.as_str()).collect();
    assert_eq!(takes, [&*there.port, &*there.server]);
    let port = of("ports", &there.port);
    assert_eq!(
        place.mutations(),
        [
            format!("{port}/tags/paas-key%3Dport%3Aworkers-1"),
            port,
            format!("POST /v2.1/servers/{}/metadata", there.server),
        ]
    );
    assert_eq!(
        apart_from_marks(&place),
        before,
        "nothing but the marks was written"
    );

    // What fits is not in the plan; the groups of the port, which the spec wants otherwise, are.
    let shown = told(&place.plan().await);
    for key in ["network", "subnet", "router", "interface", "server/workers-1"] {
        assert!(
            !shown.iter().any(|s| s.contains(&format!(" {key} ["))),
            "{shown:#?}"
        );
    }
    assert!(
        shown
            .iter()
            .any(|s| s.starts_with("update port/workers-1 [groups ")),
        "{shown:#?}"
    );

    assert_eq!(place.up().await, Outcome::Converged);
    assert_eq!(told(&place.plan().await), Vec::<String>::new());
    for (kind, key, id) in [
        ("networks", "network", &there.network),
        ("routers", "router", &there.router),
    ] {
        assert_eq!(place.id(key), *id);
        let marked =
            |o: &&Object| o.get("description").and_then(|d| d.as_str()) == Some(&*place.owner.mark());
        assert_eq!(
            place
                .fake
                .world()
                .of(Kind::Network, kind)
                .iter()
                .filter(marked)
                .count(),
            1
        );
    }
    assert_eq!(place.keys("server/").len(), 2);
    assert_eq!(place.fake.world().of(Kind::Compute, "servers").len(), 2);

    // It is a thing of the platform now: what somebody does to it is drift, but its name is its own.
    let servers = place.client.compute().servers();
    servers
        .update(&there.server, &ServerChange::default().name("web-8"))
        .await
        .unwrap();
    assert_eq!(told(&place.plan().await), Vec::<String>::new());
    place.down().await;
    let left: Vec<String> = place.fake.leftovers().iter().map(|l| format!("{l:?}")).collect();
    assert_eq!(
        left,
        Vec::<String>::new(),
        "what was taken over goes with the platform"
    );
}

/// A lock that is lost after some calls.
#[derive(Debug)]
struct Until(AtomicUsize);

#[async_trait]
impl Fence for Until {
    async fn check(&self) -> Result<(), Error> {
        let left = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        left.map(drop)
            .map_err(|_| Error::new(&CORE_FENCED, Class::Conflict))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_off_after_any_call_it_is_finished_by_asking_again_and_never_doubled() {
    for calls in 0..8 {
        let mut place = Place::new(CLOUD, MACHINES, "").await;
        let there = by_hand(&place).await;
        let guard = Arc::new(Until(AtomicUsize::new(calls)));
        let all = [
            ("network", &there.network),
            ("subnet", &there.subnet),
            ("server/workers-1", &there.server),
        ];
        let mut stopped = false;
        for (key, id) in all {
            let adoption = proposed(&place, key, id).await.unwrap();
            let tools = place.guarded(guard.clone());
            if let Err(e) = place.hands().adopt(&place.owner, &adoption, &tools).await {
                assert_eq!(e.code(), &CORE_FENCED);
                stopped = true;
                break;
            }
        }
        assert!(stopped || calls == 7, "{calls}");
        // The program that was cut off took its memory along.
        place.forget();
        for (key, id) in all {
            adopt(&place, key, id).await;
            assert_eq!(place.id(key), *id);
        }
        place.fake.forget_calls();
        adopt(&place, "network", &there.network).await;
        assert_eq!(
            place.mutations(),
            Vec::<String>::new(),
            "what is taken over is taken over"
        );
        let tags = place
            .client
            .network()
            .networks()
            .show(&there.network)
            .await
            .unwrap()
            .tags;
        assert_eq!(tags.len(), 2, "{tags:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_over_is_given_back_as_it_was_and_what_was_made_is_not() {
    let place = Place::new(CLOUD, MACHINES, "").await;
    let there = by_hand(&place).await;
    for (key, id) in [
        ("network", &there.network),
        ("subnet", &there.subnet),
        ("router", &there.router),
        ("server/workers-1", &there.server),
    ] {
        adopt(&place, key, id).await;
    }
    assert_eq!(place.up().await, Outcome::Converged);
    let hands = place.hands();
    let (hints, group, absent) = (place.hints().await, key("security-group/nodes"), key("volume/x"));
    let words = hands.release(&place.owner, &group, &hints).await.unwrap_err();
    assert!(words.words().contains("was made by the platform"), "{words}");
    let words = hands.release(&place.owner, &absent, &hints).await.unwrap_err();
    assert!(
        words
            .words()
            .contains("network, port/workers-1, router, server/workers-1, subnet"),
        "{words}"
    );

    place.fake.forget_calls();
    for key_ in ["server/workers-1", "router", "network"] {
        let release = hands
            .release(&place.owner, &key(key_), &place.hints().await)
            .await
            .unwrap();
        hands
            .give_back(&place.owner, &release, &place.tools())
            .await
            .unwrap();
    }
    assert!(
        place.mutations()[0].ends_with("/metadata/paas-owner"),
        "{:#?}",
        place.mutations()
    );
    let network = place
        .client
        .network()
        .networks()
        .show(&there.network)
        .await
        .unwrap();
    assert_eq!(network.description, "made by hand, 2019/4");
    assert_eq!(network.tags, Vec::<String>::new());
    let server = place
        .client
        .compute()
        .servers()
        .show(&there.server)
        .await
        .unwrap();
    assert!(server.metadata.is_empty(), "{:?}", server.metadata);
    let port = place.client.network().ports().show(&there.port).await.unwrap();
    assert_eq!((port.description.as_str(), port.tags.len()), ("", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_somebody_overwrote_is_brought_back_by_taking_it_over() {
    let place = Place::new(CLOUD, MACHINES, "").await;
    assert_eq!(place.up().await, Outcome::Converged);
    let network = place.id("network");
    let change = NetworkChange::default().description("ours now");
    place
        .client
        .network()
        .networks()
        .update(&network, &change)
        .await
        .unwrap();
    let Outcome::Blocked { because, .. } = place.up().await else {
        panic!("it is not converged");
    };
    assert_eq!(because[0].code, CORE_UNMARKED.id);
    adopt(&place, "network", &network).await;
    assert_eq!(place.up().await, Outcome::Converged);
    assert_eq!(place.id("network"), network);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_over_is_refused_with_its_reason_and_nothing_is_written() {
    let mut place = Place::new(CLOUD, MACHINES, "").await;
    let there = by_hand(&place).await;
    let net = place.client.network();
    let other = "paas:6f9619ff-8b86-5011-b42d-00cf4fc964ff";
    net.networks()
        .create(&NewNetwork::new("theirs").description(other))
        .await
        .unwrap();
    net.networks().create(&NewNetwork::new("twin")).await.unwrap();
    net.networks().create(&NewNetwork::new("twin")).await.unwrap();
    place.fake.forget_calls();
    let cases = [
        ("gateway", "corp", "the spec wants no gateway; free are: "),
        (
            "interface",
            "corp",
            "the kind interface bears its mark from the beginning",
        ),
        (
            "network",
            "nowhere",
            "no network has this name or id; there are: ",
        ),
        ("network", "twin", "several have this name: "),
        (
            "network",
            "theirs",
            "belongs to another owner: 6f9619ff-8b86-5011-b42d-00cf4fc964ff",
        ),
        ("network", "public", "belongs to the project "),
        ("network", "edge", "no network has this name or id"),
        ("subnet", "corp-a", "and the platform has none yet"),
    ];
    for (key, word, why) in cases {
        let error = proposed(&place, key, word).await.unwrap_err();
        assert_eq!(error.code(), &OS_ADOPT);
        assert!(error.words().contains(why), "{key} {word}: {error}");
    }
    assert_eq!(place.mutations(), Vec::<String>::new());

    adopt(&place, "network", &there.network).await;
    adopt(&place, "subnet", &there.subnet).await;
    let error = proposed(&place, "network", "theirs").await.unwrap_err();
    assert!(
        error.words().contains("the platform has a network already"),
        "{error}"
    );
    adopt(&place, "server/workers-1", &there.server).await;
    let error = proposed(&place, "server/control-plane-1", &there.server)
        .await
        .unwrap_err();
    assert!(
        error.words().contains("is the platform's port/workers-1 already"),
        "{error}"
    );

    let mut other = Place::new(CLOUD, MACHINES, "").await;
    let there = by_hand(&other).await;
    adopt(&other, "network", &there.network).await;
    adopt(&other, "subnet", &there.subnet).await;
    other.fake.forget_calls();
    let cloud = CLOUD.replacen("\"Off\",", "\"Off\", \"flavor\": \"m1.tiny\",", 1);
    other.spec = Place::spec(&cloud, MACHINES, "");
    let error = proposed(&other, "server/workers-1", "web-7").await.unwrap_err();
    assert!(
        error.words().contains("the next `paas up` would replace it") && error.words().contains("m1.tiny"),
        "{error}"
    );
    assert_eq!(other.mutations(), Vec::<String>::new());
    place.spec = Place::spec(r#"{"existing": {"network": "corp"}}"#, MACHINES, "");
    let error = proposed(&place, "network", "corp").await.unwrap_err();
    assert!(
        error.words().contains("the spec says that corp is there"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_exactly_fits_is_not_in_the_plan_and_the_rest_is_made_around_it() {
    // The router is in another subnet of the same range already, which no second one of its subnets may overlap.
    let cloud = CLOUD.replacen("\"Off\",", "\"Off\", \"networkCidr\": \"10.30.0.0/16\",", 1);
    let place = Place::new(&cloud, MACHINES, "").await;
    by_hand(&place).await;
    let adoption = adopt(&place, "router", "edge").await;
    let next: Vec<(&str, Verb)> = adoption
        .next
        .steps
        .iter()
        .map(|s| (s.key.as_str(), s.action.verb()))
        .collect();
    assert!(
        next.iter().all(|(k, v)| *k != "router" && *v == Verb::Create),
        "{next:?}"
    );
    assert_eq!(place.up().await, Outcome::Converged);
    assert_eq!(place.fake.world().of(Kind::Network, "routers").len(), 1);
}
