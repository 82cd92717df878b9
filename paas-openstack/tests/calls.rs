//! What the typed calls put on the wire, and what they make of the answers: single exchanges against a scripted cloud.
#![allow(clippy::expect_used, reason = "a test says what it missed and stops")]

mod scripted;

use futures::TryStreamExt as _;
use paas_core::{
    error::Class,
    secrets::{ExposeSecret as _, SecretString},
};
use paas_openstack::{
    block_storage::{Metadata, VolumeFilter},
    compute::{Action, GroupPolicy, Networks, NewServer, NewServerGroup, ServerFilter},
    identity::NewApplicationCredential,
    image::{ImageFilter, ImageStatus},
    network::{FloatingIpChange, Plug, PortFilter, SubnetChange},
};
use scripted::{answer, cloud};
use serde_json::json;
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{body_json, header, method, path, query_param},
};

#[tokio::test]
async fn a_list_is_filtered_again_because_services_ignore_filters() {
    let (server, client) = cloud().await;
    let all = json!({ "servers": [
        { "id": "1", "name": "web-0", "status": "ACTIVE", "tags": ["mine"] },
        { "id": "2", "name": "web-00", "status": "ACTIVE", "tags": ["mine"] },
        { "id": "3", "name": "web-0", "status": "ACTIVE", "tags": [] },
        { "id": "4", "status": "UNKNOWN" },
    ]});
    Mock::given(method("GET"))
        .and(path("/compute/v2.1/servers/detail"))
        .and(query_param("name", "^web-0$"))
        .and(query_param("tags", "mine"))
        .and(header("openstack-api-version", "compute 2.90"))
        .respond_with(ResponseTemplate::new(200).set_body_json(all))
        .expect(1)
        .mount(&server)
        .await;
    let filter = ServerFilter::all().name("web-0").tags("mine");
    let found: Vec<String> = client
        .compute()
        .servers()
        .list(&filter)
        .map_ok(|s| s.id)
        .try_collect()
        .await
        .expect("a list");
    assert_eq!(found, ["1", "4"]);
}

#[tokio::test]
async fn a_create_asks_for_the_microversion_of_what_is_said() {
    let (server, client) = cloud().await;
    Mock::given(method("POST"))
        .and(path("/compute/v2.1/servers"))
        .and(header("openstack-api-version", "compute 2.90"))
        .and(body_json(json!({
            "server": { "name": "a", "flavorRef": "1", "networks": [{ "port": "p1" }], "hostname": "a" },
            "os:scheduler_hints": { "group": "g" },
        })))
        .respond_with(
            ResponseTemplate::new(202).set_body_json(json!({ "server": { "id": "s1", "adminPass": "x" } })),
        )
        .mount(&server)
        .await;
    let new = NewServer::new("a", "1", Networks::port("p1"))
        .hostname("a")
        .group("g");
    assert_eq!(
        client.compute().servers().create(&new).await.expect("made").id,
        "s1"
    );
}

#[tokio::test]
async fn what_a_cloud_is_too_old_for_is_refused_before_it_is_sent() {
    let (server, client) = cloud().await;
    server.reset().await;
    answer(&server, "POST", "/v3/auth/tokens", 201, json!({ "token": {
        "user": { "id": "u", "name": "me" }, "issued_at": "2026-01-01T00:00:00Z", "expires_at": "2036-01-01T00:00:00Z",
    }})).await;
    let old = json!({ "version": { "id": "v2.1", "min_version": "2.1", "version": "2.60", "links": [] } });
    answer(&server, "GET", "/compute/v2.1/", 200, old).await;
    let new = NewServerGroup::new("g", GroupPolicy::SoftAntiAffinity);
    let error = client
        .compute()
        .server_groups()
        .create(&new)
        .await
        .expect_err("2.64 is needed");
    assert_eq!(error.class(), Class::Unsupported, "{error}");
    assert!(error.to_string().starts_with("create server group"), "{error}");
}

#[tokio::test]
async fn an_id_that_leads_elsewhere_is_refused_before_it_is_sent() {
    let (server, client) = cloud().await;
    for bad in ["", ".", ".."] {
        let error = client.network().networks().delete(bad).await.expect_err("no id");
        assert_eq!(error.code().id, "PAAS-OS-0031");
    }
    answer(
        &server,
        "DELETE",
        "/compute/v2.1/os-keypairs/a%2F..%3Fb",
        202,
        json!({}),
    )
    .await;
    client
        .compute()
        .keypairs()
        .delete("a/..?b")
        .await
        .expect("it stays one segment");
    assert!(
        server
            .received_requests()
            .await
            .expect("recorded")
            .iter()
            .all(|r| r.url.path() != "/network/v2.0/networks/")
    );
}

#[tokio::test]
async fn key_pairs_are_unwrapped_and_actions_are_said() {
    let (server, client) = cloud().await;
    answer(
        &server,
        "GET",
        "/compute/v2.1/os-keypairs",
        200,
        json!({ "keypairs": [{ "keypair": { "name": "k" } }] }),
    )
    .await;
    let all: Vec<_> = client
        .compute()
        .keypairs()
        .list()
        .try_collect()
        .await
        .expect("a list");
    assert_eq!(all[0].name, "k");
    Mock::given(method("POST"))
        .and(path("/compute/v2.1/servers/s/action"))
        .and(body_json(json!({ "os-getConsoleOutput": { "length": 5 } })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "output": "login:" })))
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/compute/v2.1/servers/s/action"))
        .and(body_json(json!({ "reboot": { "type": "HARD" } })))
        .respond_with(ResponseTemplate::new(202))
        .mount(&server)
        .await;
    let servers = client.compute().servers();
    assert_eq!(servers.console_output("s", 5).await.expect("output"), "login:");
    servers.act("s", Action::HardReboot).await.expect("taken");
}

#[tokio::test]
async fn null_is_said_where_something_is_taken_away() {
    let (server, client) = cloud().await;
    Mock::given(method("PUT"))
        .and(path("/network/v2.0/floatingips/f"))
        .and(body_json(json!({ "floatingip": { "port_id": null } })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "floatingip": { "id": "f" } })))
        .mount(&server)
        .await;
    Mock::given(method("PUT"))
        .and(path("/network/v2.0/subnets/s"))
        .and(body_json(
            json!({ "subnet": { "gateway_ip": null, "name": "n" } }),
        ))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "subnet": { "id": "s" } })))
        .mount(&server)
        .await;
    let network = client.network();
    network
        .floating_ips()
        .update("f", &FloatingIpChange::default().port_id(None))
        .await
        .expect("taken off");
    network
        .subnets()
        .update("s", &SubnetChange::default().gateway_ip(None).name("n"))
        .await
        .expect("changed");
}

#[tokio::test]
async fn routers_tags_and_addresses_are_said_as_neutron_wants() {
    let (server, client) = cloud().await;
    Mock::given(method("PUT"))
        .and(path("/network/v2.0/routers/r/add_router_interface"))
        .and(body_json(json!({ "subnet_id": "s" })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "id": "r", "port_id": "p" })))
        .mount(&server)
        .await;
    answer(
        &server,
        "PUT",
        "/network/v2.0/routers/r/tags",
        200,
        json!({ "tags": ["a"] }),
    )
    .await;
    Mock::given(method("GET"))
        .and(path("/network/v2.0/ports"))
        .and(query_param("fixed_ips", "ip_address=10.0.0.7"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "ports": [
            { "id": "1", "fixed_ips": [{ "ip_address": "10.0.0.7" }] }, { "id": "2", "fixed_ips": [] },
        ]})))
        .mount(&server)
        .await;
    let network = client.network();
    let plugged = network
        .routers()
        .add_interface("r", &Plug::Subnet("s".to_owned()))
        .await
        .expect("plugged");
    assert_eq!(plugged.port_id, "p");
    let tags = network
        .routers()
        .replace_tags("r", &["a".to_owned()])
        .await
        .expect("tagged");
    assert_eq!(tags, ["a"]);
    let address: std::net::IpAddr = "10.0.0.7".parse().expect("an address");
    let ports = network
        .ports()
        .all(&PortFilter::all().address(address))
        .await
        .expect("a list");
    assert_eq!(ports.len(), 1);
}

#[tokio::test]
async fn the_newest_image_is_one_that_can_be_used_and_really_has_the_name() {
    let (server, client) = cloud().await;
    let image = |id: &str, name: &str, status: &str, at: &str| json!({ "id": id, "name": name, "status": status, "created_at": at });
    answer(
        &server,
        "GET",
        "/image/v2/images",
        200,
        json!({ "images": [
            image("1", "debian", "active", "2026-01-01T00:00:00Z"),
            image("2", "debian", "active", "2026-03-01T00:00:00Z"),
            image("3", "debian", "queued", "2026-04-01T00:00:00Z"),
            image("4", "debian-13", "active", "2026-05-01T00:00:00Z"),
        ]}),
    )
    .await;
    let newest = client
        .image()
        .newest(&ImageFilter::all().name("debian"))
        .await
        .expect("a list")
        .expect("one");
    assert_eq!((newest.id.as_str(), newest.status), ("2", ImageStatus::Active));
}

#[tokio::test]
async fn an_image_is_changed_by_a_patch_whose_pointers_cannot_break_out() {
    let (server, client) = cloud().await;
    Mock::given(method("PATCH"))
        .and(path("/image/v2/images/i"))
        .and(header(
            "content-type",
            "application/openstack-images-v2.1-json-patch",
        ))
        .and(body_json(
            json!([{ "op": "add", "path": "/a~1b~0c", "value": "x" }]),
        ))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "id": "i", "a/b~c": "x" })))
        .mount(&server)
        .await;
    let image = client
        .image()
        .images()
        .set("i", &[("a/b~c", json!("x"))])
        .await
        .expect("changed");
    assert_eq!(image.property("a/b~c"), Some("x"));
}

#[tokio::test]
async fn volumes_are_found_by_metadata_and_compared_again() {
    let (server, client) = cloud().await;
    Mock::given(method("GET"))
        .and(path("/volume/v3/p/volumes/detail"))
        .and(query_param("metadata", "{'paas': 'it\\'s'}"))
        .and(header("openstack-api-version", "volume 3.59"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "volumes": [
            { "id": "1", "metadata": { "paas": "it's" } }, { "id": "2", "metadata": {} },
        ]})))
        .mount(&server)
        .await;
    let filter = VolumeFilter::all().metadata(Metadata::from(("paas", "it's")));
    let found = client
        .block_storage()
        .volumes()
        .all(&filter)
        .await
        .expect("a list");
    assert_eq!(found.iter().map(|v| v.id.as_str()).collect::<Vec<_>>(), ["1"]);
}

#[tokio::test]
async fn the_secret_of_a_credential_is_given_once_and_shown_nowhere() {
    let (server, client) = cloud().await;
    let told = json!({ "application_credential": { "id": "c", "name": "n", "secret": "canary-secret" } });
    answer(&server, "POST", "/v3/users/u/application_credentials", 201, told).await;
    let credentials = client.identity().application_credentials("u");
    let made = credentials
        .create(&NewApplicationCredential::new("n"), None)
        .await
        .expect("made");
    assert_eq!(made.secret.expose_secret(), "canary-secret");
    assert!(!format!("{made:?}").contains("canary"));
}

#[tokio::test]
async fn a_refusal_that_quotes_our_secret_does_not_show_it() {
    let (server, client) = cloud().await;
    let body = json!({ "error": { "code": 400, "title": "Bad Request", "message": "canary-own-secret is too weak" } });
    answer(&server, "POST", "/v3/users/u/application_credentials", 400, body).await;
    let credentials = client.identity().application_credentials("u");
    let own = SecretString::from("canary-own-secret");
    let error = credentials
        .create(&NewApplicationCredential::new("n"), Some(&own))
        .await
        .expect_err("refused");
    assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
}
