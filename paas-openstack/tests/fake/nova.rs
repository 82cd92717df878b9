//! Servers and what they are made with.

use paas_openstack::{
    client::service::Kind::{BlockStorage, Compute, Network, Placement},
    fake::{Flavor, Hypervisor, Quotas, Setup},
};
use serde_json::{Value, json};

use crate::asked::{Answer, Asked};

const SERVERS: &str = "/v2.1/servers";

fn image() -> String {
    Setup::default().images[0].id.clone()
}

fn minimal(name: &str) -> Value {
    json!({"name": name, "flavorRef": "m1.tiny", "imageRef": image(), "networks": "none"})
}

/// A cloud that is asked in 2.67.
async fn cloud() -> Asked {
    of(Setup::default()).await
}

async fn of(setup: Setup) -> Asked {
    let mut asked = Asked::of(setup).await;
    asked.speak("compute 2.67");
    asked
}

async fn try_create(asked: &Asked, server: Value) -> Answer {
    asked.post(Compute, SERVERS, json!({"server": server})).await
}

async fn create(asked: &Asked, server: Value) -> String {
    id(&try_create(asked, server).await.is(202).body["server"])
}

async fn show(asked: &Asked, id: &str) -> Value {
    asked.get(Compute, &format!("{SERVERS}/{id}")).await.is(200).body["server"].clone()
}

async fn act(asked: &Asked, id: &str, body: Value) -> Answer {
    asked.post(Compute, &format!("{SERVERS}/{id}/action"), body).await
}

fn id(object: &Value) -> String {
    object["id"].as_str().expect("an id").to_owned()
}

fn names(answer: &Answer) -> Vec<String> {
    let servers = answer.body["servers"].as_array().expect("servers");
    servers
        .iter()
        .map(|server| server["name"].as_str().expect("a name").to_owned())
        .collect()
}

/// A network with a subnet, and a port in it.
async fn port(asked: &Asked) -> (String, String) {
    let network = asked
        .post(Network, "/v2.0/networks", json!({"network": {"name": "n"}}))
        .await
        .is(201);
    let network = id(&network.body["network"]);
    let subnet = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24"}});
    asked.post(Network, "/v2.0/subnets", subnet).await.is(201);
    (network.clone(), another_port(asked, &network).await)
}

async fn another_port(asked: &Asked, network: &str) -> String {
    let port = asked
        .post(Network, "/v2.0/ports", json!({"port": {"network_id": network}}))
        .await
        .is(201);
    id(&port.body["port"])
}

async fn port_shown(asked: &Asked, id: &str) -> Value {
    asked
        .get(Network, &format!("/v2.0/ports/{id}"))
        .await
        .is(200)
        .body["port"]
        .clone()
}

async fn volume(asked: &Asked) -> String {
    let made = asked
        .post(BlockStorage, "/v3/volumes", json!({"volume": {"size": 1}}))
        .await
        .is(202);
    asked.wait(5);
    id(&made.body["volume"])
}

async fn volume_shown(asked: &Asked, id: &str) -> Value {
    asked
        .get(BlockStorage, &format!("/v3/volumes/{id}"))
        .await
        .is(200)
        .body["volume"]
        .clone()
}

#[tokio::test]
async fn a_server_is_built_and_then_active_and_gone_a_while_after_its_deletion() {
    let asked = cloud().await;
    let answer = try_create(&asked, minimal("a")).await.is(202);
    let made = &answer.body["server"];
    assert_eq!(made["adminPass"].as_str().unwrap().len(), 12);
    assert_eq!(
        answer.header("location"),
        made["links"][0]["href"].as_str().unwrap()
    );
    let id = id(made);

    let building = show(&asked, &id).await;
    assert_eq!(
        (&building["status"], &building["OS-EXT-STS:task_state"]),
        (&json!("BUILD"), &json!("spawning"))
    );
    assert_eq!(building["OS-SRV-USG:launched_at"], Value::Null);
    asked.wait(1);
    let active = show(&asked, &id).await;
    assert_eq!(
        (&active["status"], &active["OS-EXT-STS:task_state"]),
        (&json!("ACTIVE"), &Value::Null)
    );
    assert_eq!(active["OS-EXT-STS:power_state"], 1);
    assert_eq!(active["created"], "2001-09-09T01:46:40Z");
    assert_eq!(active["updated"], "2001-09-09T01:46:41Z");
    assert_eq!(active["image"]["id"], image());
    assert_eq!(active["hostId"].as_str().unwrap().len(), 56);

    asked.delete(Compute, &format!("{SERVERS}/{id}")).await.is(204);
    let leaving = show(&asked, &id).await;
    assert_eq!(
        (&leaving["status"], &leaving["OS-EXT-STS:task_state"]),
        (&json!("ACTIVE"), &json!("deleting"))
    );
    asked.delete(Compute, &format!("{SERVERS}/{id}")).await.is(204);
    asked.wait(1);
    let gone = asked.get(Compute, &format!("{SERVERS}/{id}")).await.is(404);
    assert_eq!(gone.words(), format!("Instance {id} could not be found."));
    assert!(asked.fake.leftovers().is_empty());
}

#[tokio::test]
async fn names_are_not_unique_and_a_name_filter_is_a_regular_expression() {
    let asked = cloud().await;
    for name in ["node-1", "node-1", "node-10", "other"] {
        create(&asked, minimal(name)).await;
    }
    let listed = async |query: &str| {
        names(
            &asked
                .get(Compute, &format!("{SERVERS}/detail?{query}"))
                .await
                .is(200),
        )
    };
    assert_eq!(listed("").await, ["other", "node-10", "node-1", "node-1"]);
    assert_eq!(listed("name=node-1").await, ["node-10", "node-1", "node-1"]);
    assert_eq!(listed("name=%5Enode-1%24").await, ["node-1", "node-1"]);
    assert_eq!(listed("status=ACTIVE").await.len(), 0);
    asked.get(Compute, &format!("{SERVERS}?name=(")).await.is(400);
}

#[tokio::test]
async fn a_full_page_has_a_link_and_the_last_one_may_be_empty() {
    let asked = cloud().await;
    for n in 0..4 {
        create(&asked, minimal(&format!("s{n}"))).await;
    }
    let mut url = format!("{SERVERS}?limit=2");
    let mut pages = Vec::new();
    loop {
        let page = asked.get(Compute, &url).await.is(200);
        pages.push(names(&page));
        let Some(next) = page.body["servers_links"][0]["href"].as_str() else {
            break;
        };
        url = next.replace(&asked.fake.url(Compute), "");
    }
    assert_eq!(pages, [vec!["s3", "s2"], vec!["s1", "s0"], vec![]]);
    let wrong = asked
        .get(Compute, &format!("{SERVERS}?marker=nothing"))
        .await
        .is(400);
    assert_eq!(wrong.words(), "marker [nothing] not found");
    asked.get(Compute, &format!("{SERVERS}?limit=x")).await.is(400);
}

#[tokio::test]
async fn a_list_is_never_longer_than_a_thousand() {
    let quotas = Quotas {
        instances: -1,
        cores: -1,
        ram: -1,
        ..Quotas::default()
    };
    let mut host = Hypervisor::new("big", "nova");
    (host.vcpus, host.ram, host.disk) = (4096, 1 << 30, 1 << 20);
    let asked = of(Setup {
        quotas,
        hypervisors: vec![host],
        ..Setup::default()
    })
    .await;
    let mut many = minimal("s");
    many["min_count"] = json!(1001);
    create(&asked, many).await;
    let all = asked.get(Compute, &format!("{SERVERS}?limit=5000")).await.is(200);
    assert_eq!(names(&all).len(), 1000);
    assert!(all.body["servers_links"][0]["href"].is_string());
}

#[tokio::test]
async fn quota_is_refused_with_403_in_novas_words() {
    let quotas = Quotas {
        instances: 2,
        cores: 2,
        ..Quotas::default()
    };
    let asked = of(Setup {
        quotas,
        ..Setup::default()
    })
    .await;
    create(&asked, minimal("a")).await;
    let mut big = minimal("b");
    big["flavorRef"] = json!("m1.medium");
    let refused = try_create(&asked, big).await.is(403);
    assert_eq!(
        refused.words(),
        "Quota exceeded for cores: Requested 2, but already used 1 of 2 cores"
    );
    assert_eq!(refused.body["forbidden"]["code"], 403);
    create(&asked, minimal("c")).await;
    let refused = try_create(&asked, minimal("d")).await.is(403);
    assert_eq!(
        refused.words(),
        "Quota exceeded for cores, instances: Requested 1, 1, but already used 2, 2 of 2, 2 cores, instances"
    );
    let limits = asked.get(Compute, "/v2.1/limits").await.is(200);
    assert_eq!(limits.body["limits"]["absolute"]["totalInstancesUsed"], 2);
    let project = Setup::default().projects[0].id.clone();
    let detail = asked
        .get(Compute, &format!("/v2.1/os-quota-sets/{project}/detail"))
        .await
        .is(200);
    assert_eq!(
        detail.body["quota_set"]["cores"],
        json!({"limit": 2, "in_use": 2, "reserved": 0})
    );
}

#[tokio::test]
async fn what_is_named_and_not_there_is_400_and_not_404() {
    let asked = cloud().await;
    let nothing = "99999999-0000-4000-8000-000000000000";
    for (member, value, words) in [
        (
            "flavorRef",
            json!("nothing"),
            "Flavor nothing could not be found.".to_owned(),
        ),
        (
            "imageRef",
            json!(nothing),
            "Can not find requested image".to_owned(),
        ),
        (
            "key_name",
            json!("nothing"),
            "Invalid key_name provided.".to_owned(),
        ),
        (
            "availability_zone",
            json!("moon"),
            "The requested availability zone is not available".to_owned(),
        ),
        (
            "security_groups",
            json!([{"name": "nothing"}]),
            "Security group nothing not found.".to_owned(),
        ),
        (
            "networks",
            json!([{"port": nothing}]),
            format!("Port id {nothing} could not be found."),
        ),
        (
            "networks",
            json!([{"uuid": nothing}]),
            format!("Network {nothing} could not be found."),
        ),
    ] {
        let mut server = minimal("a");
        server[member] = value;
        let answer = try_create(&asked, server).await.is(400);
        assert_eq!(answer.words(), words);
        assert_eq!(answer.body["badRequest"]["code"], 400);
    }
    assert!(asked.fake.leftovers().is_empty());
}

#[tokio::test]
async fn the_schema_is_kept_by_microversion() {
    let mut asked = cloud().await;
    let with = |member: &str, value: Value| {
        let mut server = minimal("a");
        server[member] = value;
        server
    };
    for (member, value) in [
        ("name", json!("")),
        ("colour", json!("blue")),
        ("hostname", json!("early")),
        ("tags", json!(["a,b"])),
        ("tags", json!(["x".repeat(61)])),
        ("metadata", json!({"k": "x".repeat(256)})),
        ("metadata", json!({"k": 1})),
        ("user_data", json!("no base64!")),
        ("user_data", json!("A".repeat(65536))),
        ("networks", json!("some")),
        ("min_count", json!(0)),
    ] {
        try_create(&asked, with(member, value)).await.is(400);
    }
    let mut bare = minimal("a");
    bare.as_object_mut().unwrap().shift_remove("networks");
    try_create(&asked, bare.clone()).await.is(400);
    create(&asked, with("user_data", json!("A".repeat(65532)))).await;
    create(&asked, with("tags", json!(["a", "b"]))).await;

    asked.speak("compute 2.51");
    try_create(&asked, with("tags", json!(["a"]))).await.is(400);
    asked.speak("compute 2.36");
    try_create(&asked, bare).await.is(202);
    asked.speak("compute 2.90");
    create(&asked, with("hostname", json!("late"))).await;
}

#[tokio::test]
async fn microversions_are_negotiated_and_said() {
    let mut asked = Asked::new().await;
    let answer = asked.get(Compute, SERVERS).await.is(200);
    assert_eq!(answer.header("openstack-api-version"), "compute 2.1");
    asked.speak("compute 2.96");
    let answer = asked.get(Compute, SERVERS).await.is(200);
    assert_eq!(answer.header("x-openstack-nova-api-version"), "2.96");
    assert!(
        answer
            .headers
            .get_all("vary")
            .iter()
            .any(|vary| vary == "OpenStack-API-Version")
    );
    asked.speak("compute 2.97");
    let answer = asked.get(Compute, SERVERS).await.is(406);
    assert_eq!(
        answer.words(),
        "Version 2.97 is not supported by the API. Minimum is 2.1 and maximum is 2.96."
    );
    asked.get(Compute, "/v2.1").await.is(200);
    asked.get(Compute, "").await.is(200);
    asked.speak("compute latest");
    assert_eq!(
        asked
            .get(Compute, SERVERS)
            .await
            .is(200)
            .header("openstack-api-version"),
        "compute 2.96"
    );
    asked.speak("compute x");
    asked.get(Compute, SERVERS).await.is(400);
    asked.speak("volume 3.59, compute 2.50");
    assert_eq!(
        asked
            .get(Compute, SERVERS)
            .await
            .is(200)
            .header("openstack-api-version"),
        "compute 2.50"
    );
}

#[tokio::test]
async fn what_is_shown_grows_with_the_microversion() {
    let mut asked = cloud().await;
    let mut server = minimal("a");
    server["tags"] = json!(["x"]);
    let id = create(&asked, server).await;
    let members = [
        "description",
        "locked",
        "tags",
        "trusted_image_certificates",
        "server_groups",
        "OS-EXT-SRV-ATTR:hostname",
    ];
    for (version, count) in [
        ("2.1", 0),
        ("2.9", 1),
        ("2.19", 2),
        ("2.26", 3),
        ("2.63", 4),
        ("2.71", 5),
        ("2.90", 6),
    ] {
        asked.speak(&format!("compute {version}"));
        let shown = show(&asked, &id).await;
        let there = members
            .iter()
            .filter(|member| shown.get(**member).is_some())
            .count();
        assert_eq!(there, count, "{version}");
        let embedded = shown["flavor"].get("original_name").is_some() as u8;
        assert_eq!(embedded, u8::from(count > 3), "{version}");
    }
    asked.become_user("admin").await;
    assert_eq!(show(&asked, &id).await["OS-EXT-SRV-ATTR:host"], "compute-0");
}

#[tokio::test]
async fn tag_filters_are_ignored_when_the_microversion_is_old_and_unknown_ones_refused_when_it_is_new() {
    let mut asked = cloud().await;
    let mut server = minimal("tagged");
    server["tags"] = json!(["x", "y"]);
    create(&asked, server).await;
    create(&asked, minimal("plain")).await;
    let listed = async |asked: &Asked, query: &str| {
        names(&asked.get(Compute, &format!("{SERVERS}?{query}")).await.is(200))
    };
    assert_eq!(listed(&asked, "tags=x,y").await, ["tagged"]);
    assert_eq!(listed(&asked, "not-tags=x").await, ["plain"]);
    assert_eq!(listed(&asked, "tags-any=x,z").await, ["tagged"]);
    assert_eq!(listed(&asked, "colour=blue").await.len(), 2);
    asked.speak("compute 2.25");
    assert_eq!(listed(&asked, "tags=x").await.len(), 2);
    asked.speak("compute 2.75");
    asked
        .get(Compute, &format!("{SERVERS}?colour=blue"))
        .await
        .is(400);
}

#[tokio::test]
async fn metadata_and_tags_are_changed_one_by_one_and_together() {
    let asked = cloud().await;
    let mut server = minimal("a");
    server["metadata"] = json!({"one": "1"});
    let id = create(&asked, server).await;
    let at = |path: &str| format!("{SERVERS}/{id}/{path}");
    let all = asked
        .post(Compute, &at("metadata"), json!({"metadata": {"two": "2"}}))
        .await
        .is(200);
    assert_eq!(all.body["metadata"], json!({"one": "1", "two": "2"}));
    asked
        .put(Compute, &at("metadata/one"), json!({"meta": {"one": "I"}}))
        .await
        .is(200);
    asked.delete(Compute, &at("metadata/two")).await.is(204);
    asked.delete(Compute, &at("metadata/two")).await.is(404);
    assert_eq!(show(&asked, &id).await["metadata"], json!({"one": "I"}));
    asked
        .put(Compute, &at("metadata"), json!({"metadata": {}}))
        .await
        .is(200);

    asked.put(Compute, &at("tags/x"), Value::Null).await.is(201);
    asked.put(Compute, &at("tags/x"), Value::Null).await.is(204);
    asked.get(Compute, &at("tags/x")).await.is(204);
    asked.get(Compute, &at("tags/y")).await.is(404);
    asked
        .put(Compute, &at("tags"), json!({"tags": ["y"]}))
        .await
        .is(200);
    assert_eq!(show(&asked, &id).await["tags"], json!(["y"]));
}

#[tokio::test]
async fn a_port_is_bound_refused_to_a_second_server_and_free_again_afterwards() {
    let asked = cloud().await;
    let (_, port) = port(&asked).await;
    let mut server = minimal("a");
    server["networks"] = json!([{"port": port}]);
    let one = create(&asked, server.clone()).await;
    let bound = port_shown(&asked, &port).await;
    assert_eq!(
        (&bound["device_id"], &bound["device_owner"], &bound["status"]),
        (&json!(one), &json!("compute:nova"), &json!("ACTIVE"))
    );

    let second = try_create(&asked, server.clone()).await.is(409);
    assert_eq!(second.words(), format!("Port {port} is still in use."));
    server["min_count"] = json!(2);
    try_create(&asked, server).await.is(400);

    let addresses = &show(&asked, &one).await["addresses"]["n"];
    assert_eq!(addresses[0]["OS-EXT-IPS:type"], "fixed");
    assert_eq!(addresses[0]["addr"], bound["fixed_ips"][0]["ip_address"]);
    assert_eq!(addresses[0]["OS-EXT-IPS-MAC:mac_addr"], bound["mac_address"]);

    asked.delete(Compute, &format!("{SERVERS}/{one}")).await.is(204);
    asked.wait(1);
    let free = port_shown(&asked, &port).await;
    assert_eq!(
        (&free["device_id"], &free["device_owner"], &free["status"]),
        (&json!(""), &json!(""), &json!("DOWN"))
    );
}

#[tokio::test]
async fn a_port_that_nova_made_goes_with_its_server() {
    let asked = cloud().await;
    let (network, _) = port(&asked).await;
    let ports = async || {
        asked
            .fake
            .world()
            .of(Network, "ports")
            .iter()
            .filter(|port| port["device_owner"] == "compute:nova")
            .count()
    };
    let mut server = minimal("a");
    server["networks"] = json!([{"uuid": network, "fixed_ip": "10.0.0.77"}]);
    let id = create(&asked, server).await;
    let shown = show(&asked, &id).await;
    assert_eq!(shown["addresses"]["n"][0]["addr"], "10.0.0.77");
    assert_eq!(shown["security_groups"], json!([{"name": "default"}]));
    assert_eq!(ports().await, 1);
    asked.delete(Compute, &format!("{SERVERS}/{id}")).await.is(204);
    asked.wait(1);
    assert_eq!(ports().await, 0);
}

#[tokio::test]
async fn without_a_word_about_networks_several_are_ambiguous() {
    let asked = cloud().await;
    let mut server = minimal("a");
    server["networks"] = json!("auto");
    create(&asked, server.clone()).await;
    port(&asked).await;
    create(&asked, server.clone()).await;
    port(&asked).await;
    let answer = try_create(&asked, server).await.is(409);
    assert_eq!(
        answer.words(),
        "Multiple possible networks found, use a Network ID to be more specific."
    );
    let mut external = minimal("b");
    external["networks"] = json!([{"uuid": Setup::default().networks[0].id}]);
    try_create(&asked, external).await.is(403);
}

#[tokio::test]
async fn a_flavor_that_fits_nowhere_ends_in_error_and_takes_nothing() {
    let quotas = Quotas {
        cores: -1,
        ..Quotas::default()
    };
    let asked = of(Setup {
        quotas,
        ..Setup::default()
    })
    .await;
    let (_, port) = port(&asked).await;
    let mut server = minimal("a");
    server["flavorRef"] = json!("m1.toobig");
    server["networks"] = json!([{"port": port}]);
    let id = create(&asked, server).await;
    assert_eq!(show(&asked, &id).await["status"], "BUILD");
    asked.wait(1);
    let failed = show(&asked, &id).await;
    assert_eq!(failed["status"], "ERROR");
    assert_eq!(failed["fault"]["code"], 500);
    assert_eq!(
        failed["fault"]["message"],
        "No valid host was found. There are not enough hosts available."
    );
    assert_eq!(port_shown(&asked, &port).await["device_id"], "");
    asked.delete(Compute, &format!("{SERVERS}/{id}")).await.is(204);
}

#[tokio::test]
async fn anti_affinity_keeps_apart_as_long_as_there_are_hosts() {
    let asked = cloud().await;
    let group = async |policy: &str| {
        let body = json!({"server_group": {"name": "g", "policy": policy}});
        id(&asked
            .post(Compute, "/v2.1/os-server-groups", body)
            .await
            .is(200)
            .body["server_group"])
    };
    let member = async |group: &str| {
        let body = json!({"server": minimal("m"), "os:scheduler_hints": {"group": group}});
        let made = id(&asked.post(Compute, SERVERS, body).await.is(202).body["server"]);
        asked.wait(1);
        show(&asked, &made).await
    };
    let hard = group("anti-affinity").await;
    let mut hosts = Vec::new();
    for _ in 0..3 {
        hosts.push(member(&hard).await["hostId"].as_str().unwrap().to_owned());
    }
    hosts.sort();
    hosts.dedup();
    assert_eq!(hosts.len(), 3);
    assert_eq!(member(&hard).await["status"], "ERROR");
    let soft = group("soft-anti-affinity").await;
    for _ in 0..4 {
        assert_eq!(member(&soft).await["status"], "ACTIVE");
    }
    let shown = asked
        .get(Compute, &format!("/v2.1/os-server-groups/{hard}"))
        .await
        .is(200);
    assert_eq!(shown.body["server_group"]["members"].as_array().unwrap().len(), 4);
    let close = group("affinity").await;
    assert_eq!(member(&close).await["hostId"], member(&close).await["hostId"]);
}

#[tokio::test]
async fn server_groups_change_their_shape_with_the_microversion_and_names_repeat() {
    let mut asked = cloud().await;
    let new = json!({"server_group": {"name": "g", "policy": "anti-affinity", "rules": {"max_server_per_host": 2}}});
    for _ in 0..2 {
        let made = asked
            .post(Compute, "/v2.1/os-server-groups", new.clone())
            .await
            .is(200);
        assert_eq!(
            made.body["server_group"]["rules"],
            json!({"max_server_per_host": 2})
        );
    }
    let body =
        json!({"server_group": {"name": "g", "policy": "affinity", "rules": {"max_server_per_host": 2}}});
    asked.post(Compute, "/v2.1/os-server-groups", body).await.is(400);
    asked.speak("compute 2.63");
    asked.post(Compute, "/v2.1/os-server-groups", new).await.is(400);
    let all = asked.get(Compute, "/v2.1/os-server-groups").await.is(200);
    assert_eq!(all.body["server_groups"][0]["policies"], json!(["anti-affinity"]));
    let id = id(&all.body["server_groups"][0]);
    asked
        .delete(Compute, &format!("/v2.1/os-server-groups/{id}"))
        .await
        .is(204);
    asked
        .delete(Compute, &format!("/v2.1/os-server-groups/{id}"))
        .await
        .is(404);
}

#[tokio::test]
async fn key_pairs_belong_to_the_user_and_their_name_is_unique_there() {
    let mut asked = of(Setup::default().with_tenant("other")).await;
    let body = json!({"keypair": {"name": "k", "public_key": "ssh-ed25519 AAAA k"}});
    let made = asked
        .post(Compute, "/v2.1/os-keypairs", body.clone())
        .await
        .is(201);
    assert_eq!(made.body["keypair"]["fingerprint"].as_str().unwrap().len(), 47);
    let again = asked
        .post(Compute, "/v2.1/os-keypairs", body.clone())
        .await
        .is(409);
    assert_eq!(again.words(), "Key pair 'k' already exists.");
    let bad = json!({"keypair": {"name": "b", "public_key": "nonsense"}});
    asked.post(Compute, "/v2.1/os-keypairs", bad).await.is(400);
    let mut server = minimal("a");
    server["key_name"] = json!("k");
    create(&asked, server).await;

    asked.become_user("other").await;
    asked.get(Compute, "/v2.1/os-keypairs/k").await.is(404);
    asked.post(Compute, "/v2.1/os-keypairs", body).await.is(201);
    asked.become_user("demo").await;
    asked.speak("compute 2.1");
    asked.delete(Compute, "/v2.1/os-keypairs/k").await.is(202);
    asked.get(Compute, "/v2.1/os-keypairs/k").await.is(404);
    let generated = json!({"keypair": {"name": "g"}});
    let made = asked
        .post(Compute, "/v2.1/os-keypairs", generated.clone())
        .await
        .is(200);
    assert!(made.body["keypair"]["private_key"].is_string());
    asked.speak("compute 2.92");
    asked.post(Compute, "/v2.1/os-keypairs", generated).await.is(400);
}

#[tokio::test]
async fn actions_take_a_while_and_are_refused_in_the_wrong_state() {
    let asked = cloud().await;
    let id = create(&asked, minimal("a")).await;
    act(&asked, &id, json!({"os-getConsoleOutput": {}})).await.is(409);
    asked.wait(1);
    let wrong = act(&asked, &id, json!({"os-start": null})).await.is(409);
    assert_eq!(
        wrong.words(),
        format!("Cannot 'start' instance {id} while it is in vm_state active")
    );
    act(&asked, &id, json!({"os-stop": null})).await.is(202);
    let wrong = act(&asked, &id, json!({"reboot": {"type": "SOFT"}}))
        .await
        .is(409);
    assert!(wrong.words().ends_with("task_state powering-off"));
    asked.wait(1);
    assert_eq!(show(&asked, &id).await["status"], "SHUTOFF");
    act(&asked, &id, json!({"reboot": {"type": "HARD"}}))
        .await
        .is(202);
    assert_eq!(show(&asked, &id).await["status"], "HARD_REBOOT");
    asked.wait(1);
    assert_eq!(show(&asked, &id).await["status"], "ACTIVE");
    let console = act(&asked, &id, json!({"os-getConsoleOutput": {"length": 1}}))
        .await
        .is(200);
    assert_eq!(console.body["output"], "a login: ");
    act(&asked, &id, json!({"dance": null})).await.is(400);
    act(&asked, &id, json!({"lock": null})).await.is(202);
    let locked = asked.delete(Compute, &format!("{SERVERS}/{id}")).await.is(409);
    assert_eq!(locked.words(), format!("Instance {id} is locked"));
    act(&asked, &id, json!({"unlock": null})).await.is(202);
    let actions = asked
        .get(Compute, &format!("{SERVERS}/{id}/os-instance-actions"))
        .await
        .is(200);
    let done: Vec<_> = actions.body["instanceActions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["action"].clone())
        .collect();
    assert_eq!(done, ["reboot", "stop", "create"]);
    assert!(
        actions.body["instanceActions"][0]["request_id"]
            .as_str()
            .unwrap()
            .starts_with("req-")
    );
}

#[tokio::test]
async fn a_server_may_boot_from_a_volume_that_goes_with_it() {
    let asked = cloud().await;
    let disk = json!({"boot_index": 0, "uuid": image(), "source_type": "image", "destination_type": "volume", "volume_size": 2,
        "volume_type": "ssd", "delete_on_termination": true});
    let mut server = minimal("a");
    server["block_device_mapping_v2"] = json!([disk]);
    server.as_object_mut().unwrap().shift_remove("imageRef");
    let id = create(&asked, server.clone()).await;
    asked.wait(2);
    let shown = show(&asked, &id).await;
    assert_eq!(
        (&shown["status"], &shown["image"]),
        (&json!("ACTIVE"), &json!(""))
    );
    let volume = shown["os-extended-volumes:volumes_attached"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let snapshot = asked.fake.world();
    let kept = &snapshot.of(BlockStorage, "volumes")[0];
    assert_eq!(
        (&kept["id"], &kept["status"], &kept["size"], &kept["name"]),
        (&json!(volume), &json!("in-use"), &json!(2), &json!(""))
    );
    asked
        .delete(Compute, &format!("{SERVERS}/{id}/os-volume_attachments/{volume}"))
        .await
        .is(403);
    asked.delete(Compute, &format!("{SERVERS}/{id}")).await.is(204);
    asked.wait(5);
    assert!(asked.fake.leftovers().is_empty(), "{:?}", asked.fake.leftovers());

    server["block_device_mapping_v2"][0]["volume_size"] = json!(0);
    try_create(&asked, server).await.is(400);
}

#[tokio::test]
async fn a_volume_is_attached_once_and_available_again_when_it_is_detached() {
    let mut asked = Asked::new().await;
    let volume = volume(&asked).await;
    asked.speak("compute 2.67");
    let id = create(&asked, minimal("a")).await;
    let path = format!("{SERVERS}/{id}/os-volume_attachments");
    let body = json!({"volumeAttachment": {"volumeId": volume}});
    asked.post(Compute, &path, body.clone()).await.is(409);
    asked.wait(1);
    let made = asked.post(Compute, &path, body.clone()).await.is(200);
    assert_eq!(made.body["volumeAttachment"]["device"], "/dev/vdb");
    asked.post(Compute, &path, body).await.is(400);
    asked
        .post(
            Compute,
            &path,
            json!({"volumeAttachment": {"volumeId": "nothing"}}),
        )
        .await
        .is(404);
    let listed = asked.get(Compute, &path).await.is(200);
    assert_eq!(listed.body["volumeAttachments"][0]["volumeId"], json!(volume));
    asked.speak("volume 3.59");
    let shown = volume_shown(&asked, &volume).await;
    assert_eq!(shown["status"], "in-use");
    assert_eq!(shown["attachments"][0]["server_id"], json!(id));
    asked.speak("compute 2.67");
    asked.delete(Compute, &format!("{path}/{volume}")).await.is(202);
    asked.delete(Compute, &format!("{path}/{volume}")).await.is(404);
    asked.speak("volume 3.59");
    assert_eq!(volume_shown(&asked, &volume).await["status"], "available");
}

#[tokio::test]
async fn a_port_comes_later_and_goes_earlier() {
    let asked = cloud().await;
    let (network, port) = port(&asked).await;
    let id = create(&asked, minimal("a")).await;
    asked.wait(1);
    let path = format!("{SERVERS}/{id}/os-interface");
    let made = asked
        .post(Compute, &path, json!({"interfaceAttachment": {"port_id": port}}))
        .await
        .is(200);
    assert_eq!(made.body["interfaceAttachment"]["net_id"], json!(network));
    asked
        .post(Compute, &path, json!({"interfaceAttachment": {"port_id": port}}))
        .await
        .is(409);
    let other = asked
        .post(
            Compute,
            &path,
            json!({"interfaceAttachment": {"net_id": network}}),
        )
        .await
        .is(200);
    let other = other.body["interfaceAttachment"]["port_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        asked.get(Compute, &path).await.is(200).body["interfaceAttachments"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    asked.delete(Compute, &format!("{path}/{other}")).await.is(202);
    asked.get(Network, &format!("/v2.0/ports/{other}")).await.is(404);
    asked.delete(Compute, &format!("{path}/{port}")).await.is(202);
    assert_eq!(port_shown(&asked, &port).await["device_id"], "");
}

#[tokio::test]
async fn others_servers_are_not_seen() {
    let mut asked = of(Setup::default().with_tenant("other")).await;
    let id = create(&asked, minimal("a")).await;
    asked.become_user("other").await;
    assert!(names(&asked.get(Compute, SERVERS).await).is_empty());
    asked.get(Compute, &format!("{SERVERS}/{id}")).await.is(404);
    asked.delete(Compute, &format!("{SERVERS}/{id}")).await.is(404);
    asked
        .get(Compute, &format!("{SERVERS}?all_tenants=1"))
        .await
        .is(403);
    asked.become_user("admin").await;
    assert_eq!(
        names(&asked.get(Compute, &format!("{SERVERS}?all_tenants=1")).await).len(),
        1
    );
    act(&asked, &id, json!({"os-resetState": {"state": "error"}}))
        .await
        .is(202);
    assert_eq!(show(&asked, &id).await["status"], "ERROR");
}

#[tokio::test]
async fn flavors_zones_and_hypervisors_are_as_they_were_set_up() {
    let mut setup = Setup::default();
    setup.hypervisors.push(Hypervisor::new("far", "zone-2"));
    let mut special = Flavor::new("special", 1, 512, 1);
    special.extra_specs = vec![("hw:cpu_policy".into(), "dedicated".into())];
    setup.flavors.push(special);
    let mut asked = of(setup).await;
    let all = asked
        .get(Compute, "/v2.1/flavors/detail?minRam=1024")
        .await
        .is(200);
    let names: Vec<_> = all.body["flavors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].clone())
        .collect();
    assert_eq!(names, ["m1.medium", "m1.small", "m1.toobig"]);
    let one = asked.get(Compute, "/v2.1/flavors/special").await.is(200);
    assert_eq!(
        one.body["flavor"]["extra_specs"],
        json!({"hw:cpu_policy": "dedicated"})
    );
    let zones = asked.get(Compute, "/v2.1/os-availability-zone").await.is(200);
    assert_eq!(zones.body["availabilityZoneInfo"][1]["zoneName"], "zone-2");
    let mut server = minimal("a");
    server["availability_zone"] = json!("zone-2");
    let id = create(&asked, server).await;
    assert_eq!(show(&asked, &id).await["OS-EXT-AZ:availability_zone"], "zone-2");

    asked.get(Compute, "/v2.1/os-hypervisors/detail").await.is(403);
    asked.get(Placement, "/resource_providers").await.is(403);
    asked.become_user("admin").await;
    let hosts = asked.get(Compute, "/v2.1/os-hypervisors/detail").await.is(200);
    assert_eq!(hosts.body["hypervisors"][3]["vcpus_used"], 1);
    let far = asked.get(Placement, "/resource_providers?name=far").await.is(200);
    let far = far.body["resource_providers"][0]["uuid"]
        .as_str()
        .unwrap()
        .to_owned();
    let used = asked
        .get(Placement, &format!("/resource_providers/{far}/usages"))
        .await
        .is(200);
    assert_eq!(used.body["usages"]["MEMORY_MB"], 512);
}

#[tokio::test]
async fn an_administrator_sets_and_resets_the_quotas_of_a_project() {
    let mut asked = cloud().await;
    let project = Setup::default().projects[0].id.clone();
    let path = format!("/v2.1/os-quota-sets/{project}");
    let none = json!({"quota_set": {"instances": 0, "key_pairs": 0, "server_groups": 0}});
    asked.put(Compute, &path, none.clone()).await.is(403);
    asked.become_user("admin").await;
    assert_eq!(
        asked.put(Compute, &path, none).await.is(200).body["quota_set"]["instances"],
        0
    );
    asked.become_user("demo").await;
    let words = try_create(&asked, minimal("a")).await.is(403).words();
    assert_eq!(
        words,
        "Quota exceeded for instances: Requested 1, but already used 0 of 0 instances"
    );
    let group = json!({"server_group": {"name": "g", "policy": "affinity"}});
    asked.post(Compute, "/v2.1/os-server-groups", group).await.is(403);
    let pair = json!({"keypair": {"name": "k", "public_key": "ssh-ed25519 AAAA k"}});
    asked.post(Compute, "/v2.1/os-keypairs", pair).await.is(403);
    asked.become_user("admin").await;
    asked.delete(Compute, &path).await.is(202);
    asked.become_user("demo").await;
    create(&asked, minimal("a")).await;
}

#[tokio::test]
async fn flavors_are_for_administrators_to_make() {
    let mut asked = cloud().await;
    let flavor = json!({"flavor": {"name": "new", "ram": 512, "vcpus": 1, "disk": 1}});
    asked.post(Compute, "/v2.1/flavors", flavor.clone()).await.is(403);
    asked.become_user("admin").await;
    let made = asked.post(Compute, "/v2.1/flavors", flavor.clone()).await.is(200);
    asked.post(Compute, "/v2.1/flavors", flavor).await.is(409);
    let path = format!("/v2.1/flavors/{}", id(&made.body["flavor"]));
    asked.delete(Compute, &path).await.is(202);
    asked.get(Compute, &path).await.is(404);
}

#[tokio::test]
async fn what_does_not_fit_the_schema_is_told_with_the_user_data_in_it() {
    let asked = cloud().await;
    let mut server = minimal("a");
    server["user_data"] = json!("canary!");
    let words = try_create(&asked, server.clone()).await.is(400).words();
    assert_eq!(
        words,
        "Invalid input for field/attribute user_data. Value: canary!. 'canary!' is not a 'base64'"
    );
    server["colour"] = json!(true);
    let words = try_create(&asked, server).await.is(400).words();
    assert!(
        words.contains("'user_data': 'canary!', 'colour': True}. Additional properties"),
        "{words}"
    );
}
