//! Which endpoint is taken, where its version has its root, and which microversion is sent.

use std::time::Duration;

use paas_core::error::{Class, Error};
use paas_openstack::{
    Cloud,
    block_storage::VolumeFilter,
    client::{Call, Client, Need, service::Kind},
    cloud::ServiceOptions,
};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::support::{AUTH, TOKEN, answer, client, cloud, count, requests, token_body, world};

/// A cloud whose catalog is `services`, with `$` for the server's address.
async fn with_catalog(services: Value) -> (MockServer, Cloud) {
    let server = MockServer::start().await;
    let catalog = serde_json::from_str(&services.to_string().replace('$', &server.uri())).unwrap();
    let body = token_body(catalog, Duration::from_secs(3600));
    let template = ResponseTemplate::new(201)
        .insert_header("X-Subject-Token", TOKEN)
        .set_body_json(body);
    answer(&server, "POST", AUTH, template).await;
    let cloud = cloud(&server.uri());
    (server, cloud)
}

fn at(kind: &str, url: &str) -> Value {
    json!([{ "type": kind, "endpoints": [{ "interface": "public", "region_id": "RegionOne", "url": url }] }])
}

async fn root(client: &Client, kind: Kind) -> String {
    client.endpoint(kind).await.unwrap().root.path().to_owned()
}

fn is(e: &Error, code: &str, class: Class, words: &str) {
    assert_eq!((e.code().id, e.class()), (code, class), "{e}");
    assert!(e.to_string().contains(words), "{e}");
}

#[tokio::test]
async fn a_service_that_is_not_in_the_catalog_is_told_with_what_is_there() {
    let (_server, cloud) = with_catalog(at("compute", "$/compute/v2.1")).await;
    let e = client(cloud).0.endpoint(Kind::LoadBalancer).await.unwrap_err();
    is(
        &e,
        "PAAS-OS-0028",
        Class::Unsupported,
        "no service of type load-balancer in the catalog, which has: compute",
    );
}

#[tokio::test]
async fn a_cloud_has_no_volumes_only_if_its_catalog_has_no_such_service_at_all() {
    let all = async |cloud: Cloud| {
        let (client, _) = client(cloud);
        let volumes = client.block_storage().all_volumes(&VolumeFilter::all()).await;
        volumes.map_err(|e| (e.code().id, e.words().to_owned()))
    };
    let (_server, cloud) = with_catalog(at("compute", "$/compute/v2.1")).await;
    assert_eq!(all(cloud).await, Ok(Vec::new()));
    // It is there, only not where we may look.
    let (_server, mut cloud) = with_catalog(at("block-storage", "$/volume/v3")).await;
    cloud.interfaces = vec!["internal".to_owned()];
    let (code, words) = all(cloud).await.unwrap_err();
    assert_eq!(code, "PAAS-OS-0028");
    assert!(words.contains("has no endpoint of interface internal"), "{words}");
    // Nothing is known of it.
    let (_server, cloud) = with_catalog(json!([])).await;
    assert_eq!(all(cloud).await.unwrap_err().0, "PAAS-OS-0028");
}

#[tokio::test]
async fn an_interface_that_a_service_does_not_have_is_told_with_those_it_has() {
    let (_server, mut cloud) = with_catalog(at("compute", "$/compute/v2.1")).await;
    cloud.interfaces = vec!["internal".to_owned(), "admin".to_owned()];
    let e = client(cloud).0.endpoint(Kind::Compute).await.unwrap_err();
    is(
        &e,
        "PAAS-OS-0028",
        Class::Unsupported,
        "no endpoint of interface internal, admin; it has: public",
    );
}

#[tokio::test]
async fn a_token_for_no_project_says_so_and_still_reaches_keystone() {
    let (_server, cloud) = with_catalog(json!([])).await;
    let (client, _) = client(cloud);
    let e = client.endpoint(Kind::Compute).await.unwrap_err();
    is(&e, "PAAS-OS-0028", Class::Unsupported, "it is for no project");
    assert_eq!(root(&client, Kind::Identity).await, "/identity/v3");
}

#[tokio::test]
async fn a_wrong_region_is_told_with_the_right_ones() {
    let (_server, mut cloud) = with_catalog(at("compute", "$/compute/v2.1")).await;
    cloud.region = Some("RegionTwo".to_owned());
    let e = client(cloud).0.endpoint(Kind::Compute).await.unwrap_err();
    is(
        &e,
        "PAAS-OS-0029",
        Class::Invalid,
        "no Nova in region 'RegionTwo'; it is in: RegionOne",
    );
}

fn two_regions() -> Value {
    let of = |region: &str, interface: &str| {
        let url = format!("$/{region}/{interface}/compute/v2.1");
        json!({ "interface": interface, "region_id": region, "url": url })
    };
    json!([{ "type": "compute", "endpoints": [of("a", "admin"), of("a", "publicURL"), of("b", "internal"), of("b", "public")] }])
}

#[tokio::test]
async fn of_several_regions_none_is_guessed() {
    let (_server, mut cloud) = with_catalog(two_regions()).await;
    let e = client(cloud.clone()).0.endpoint(Kind::Compute).await.unwrap_err();
    is(
        &e,
        "PAAS-OS-0029",
        Class::Invalid,
        "no region was chosen, and Nova is in several: a, b",
    );
    cloud.region = Some("b".to_owned());
    assert_eq!(
        root(&client(cloud.clone()).0, Kind::Compute).await,
        "/b/public/compute/v2.1"
    );
    let options = ServiceOptions {
        region: Some("a".to_owned()),
        ..Default::default()
    };
    cloud.services.insert(Kind::Compute, options);
    assert_eq!(
        root(&client(cloud).0, Kind::Compute).await,
        "/a/publicURL/compute/v2.1",
        "a service's own region wins"
    );
}

#[tokio::test]
async fn interfaces_are_taken_in_their_order() {
    let (_server, mut cloud) = with_catalog(two_regions()).await;
    cloud.interfaces = vec!["internal".to_owned(), "public".to_owned()];
    for (region, expected) in [
        ("a", "/a/publicURL/compute/v2.1"),
        ("b", "/b/internal/compute/v2.1"),
    ] {
        cloud.region = Some(region.to_owned());
        assert_eq!(root(&client(cloud.clone()).0, Kind::Compute).await, expected);
    }
    let options = ServiceOptions {
        interfaces: vec!["admin".to_owned()],
        ..Default::default()
    };
    cloud.region = Some("a".to_owned());
    cloud.services.insert(Kind::Compute, options);
    assert_eq!(
        root(&client(cloud).0, Kind::Compute).await,
        "/a/admin/compute/v2.1"
    );
}

#[tokio::test]
async fn the_official_type_is_taken_before_older_names() {
    let of = |kind: &str| json!({ "type": kind, "endpoints": [{ "interface": "public", "url": format!("$/{kind}/v3/p1") }] });
    for (types, expected) in [
        (
            vec!["volume", "volumev2", "volumev3", "block-storage"],
            "/block-storage/v3/p1",
        ),
        (vec!["volume", "volumev3"], "/volumev3/v3/p1"),
        (vec!["block_storage"], "/block_storage/v3/p1"),
    ] {
        let (_server, cloud) = with_catalog(types.into_iter().map(of).collect()).await;
        assert_eq!(root(&client(cloud).0, Kind::BlockStorage).await, expected);
    }
}

#[tokio::test]
async fn an_address_in_the_catalog_that_is_none_is_told() {
    for url in ["", "compute", "ftp://h/compute", "/compute/v2.1"] {
        let (_server, cloud) = with_catalog(at("compute", url)).await;
        let e = client(cloud).0.endpoint(Kind::Compute).await.unwrap_err();
        is(
            &e,
            "PAAS-OS-0025",
            Class::Invalid,
            "the catalog's address of Nova is none",
        );
    }
}

#[tokio::test]
async fn an_endpoint_that_was_given_needs_no_catalog() {
    let (server, mut cloud) = with_catalog(json!([])).await;
    let options = ServiceOptions {
        endpoint: Some(
            format!("{}/own/volume/v3/%(project_id)s", server.uri())
                .parse()
                .unwrap(),
        ),
        ..Default::default()
    };
    cloud.services.insert(Kind::BlockStorage, options);
    assert_eq!(
        root(&client(cloud).0, Kind::BlockStorage).await,
        "/own/volume/v3/p1"
    );
}

/// The root that is found for a catalog URL when the document at `document` is this.
async fn discovered(kind: Kind, url: &str, document: &str, status: u16, body: Value) -> (String, MockServer) {
    let (server, cloud) = with_catalog(at(kind.types()[0], &format!("${url}"))).await;
    answer(
        &server,
        "GET",
        document,
        ResponseTemplate::new(status).set_body_json(body),
    )
    .await;
    let found = client(cloud).0.endpoint(kind).await.unwrap().root;
    assert!(
        found.as_str().starts_with(&server.uri()),
        "scheme and host are the catalog's: {found}"
    );
    (found.path().to_owned(), server)
}

fn link(href: &str) -> Value {
    json!([{ "rel": "describedby", "href": "https://docs.example/v9" }, { "rel": "self", "href": href }])
}

#[tokio::test]
async fn the_version_is_found_and_everything_before_it_is_the_catalogs() {
    let two = json!({ "versions": [
        { "id": "v2.0", "status": "SUPPORTED", "links": link("http://10.0.0.1:8774/v2/") },
        { "id": "v2.1", "status": "CURRENT", "version": "2.96", "min_version": "2.1", "links": link("http://10.0.0.1:8774/v2.1/") },
    ]});
    assert_eq!(
        discovered(Kind::Compute, "/compute", "/compute/", 200, two)
            .await
            .0,
        "/compute/v2.1"
    );

    let neutron = json!({ "versions": [{ "id": "v2.0", "status": "CURRENT", "links": link("http://internal:9696/v2.0/") }] });
    assert_eq!(
        discovered(Kind::Network, "", "/", 200, neutron.clone()).await.0,
        "/v2.0"
    );
    assert_eq!(
        discovered(Kind::Network, "/a/b/", "/a/b/", 200, neutron).await.0,
        "/a/b/v2.0"
    );

    // The roots of Glance, Cinder and Keystone answer 300: that is no redirect.
    let glance = json!({ "versions": [
        { "id": "v2.16", "status": "CURRENT", "links": link("http://h/image/v2/") },
        { "id": "v2.15", "status": "SUPPORTED", "links": link("http://h/image/v2/") },
        { "id": "v1.1", "status": "DEPRECATED", "links": link("http://h/image/v1/") },
    ]});
    assert_eq!(
        discovered(Kind::Image, "/image", "/image/", 300, glance).await.0,
        "/image/v2"
    );
    let keystone = json!({ "versions": { "values": [{ "id": "v3.14", "status": "stable", "links": link("http://h/identity/v3/") }] } });
    assert_eq!(
        discovered(Kind::Identity, "/identity", "/identity/", 300, keystone)
            .await
            .0,
        "/identity/v3"
    );
    let octavia = json!({ "versions": [{ "id": "v2.27", "status": "CURRENT", "links": link("http://h/load-balancer/v2") }] });
    assert_eq!(
        discovered(
            Kind::LoadBalancer,
            "/load-balancer",
            "/load-balancer/",
            200,
            octavia
        )
        .await
        .0,
        "/load-balancer/v2"
    );

    // An old version in the catalog, with a project behind it.
    let cinder = json!({ "versions": [{ "id": "v3.0", "status": "CURRENT", "version": "3.70", "min_version": "3.0", "links": link("http://h/v3/") }] });
    assert_eq!(
        discovered(Kind::BlockStorage, "/volume/v2/p1", "/volume/", 300, cinder)
            .await
            .0,
        "/volume/v3/p1"
    );
}

#[tokio::test]
async fn where_versions_are_not_shown_the_known_path_is_taken() {
    for (status, body) in [
        (401, json!({ "error": {} })),
        (403, json!({})),
        (404, json!({})),
        (300, json!({ "choices": [] })),
        (200, json!({ "versions": [] })),
        (200, json!({ "hello": "world" })),
        (200, json!({ "versions": "v2" })),
        (501, json!({})),
    ] {
        let (path, _server) = discovered(Kind::Network, "/network", "/network/", status, body).await;
        assert_eq!(path, "/network/v2.0", "{status}");
    }
}

#[tokio::test]
async fn a_cloud_that_shows_versions_only_to_those_it_knows_gets_the_token() {
    let (path, server) = discovered(Kind::Network, "/network", "/network/", 401, json!({})).await;
    let asked = requests(&server, "GET", "/network/").await;
    assert_eq!(path, "/network/v2.0");
    assert!(!asked[0].headers.contains_key("x-auth-token") && asked[1].headers.contains_key("x-auth-token"));
}

#[tokio::test]
async fn a_service_that_fails_for_a_moment_is_not_taken_for_one_that_shows_nothing() {
    let (server, client, _) = world().await;
    let broken = ResponseTemplate::new(500);
    Mock::given(matchers::path("/compute/v2.1/"))
        .respond_with(broken)
        .up_to_n_times(5)
        .mount(&server)
        .await;
    nova(&server, "2.1", "2.96").await;
    let e = sent(&server, &client, Need::at_least("2.67")).await.unwrap_err();
    is(&e, "PAAS-OS-0019", Class::Transient, "500");
    assert_eq!(
        sent(&server, &client, Need::at_least("2.67"))
            .await
            .unwrap()
            .unwrap(),
        "2.67"
    );
}

#[tokio::test]
async fn a_service_that_showed_nothing_is_asked_again_after_a_while() {
    let (server, client, clock) = world().await;
    let hidden = ResponseTemplate::new(404);
    Mock::given(matchers::path("/compute/v2.1/"))
        .respond_with(hidden)
        .up_to_n_times(1)
        .mount(&server)
        .await;
    nova(&server, "2.1", "2.96").await;
    for _ in 0..2 {
        let e = sent(&server, &client, Need::at_least("2.67")).await.unwrap_err();
        is(
            &e,
            "PAAS-OS-0020",
            Class::Unsupported,
            "the service offers no microversions",
        );
    }
    assert_eq!(count(&server, "GET", "/compute/v2.1/").await, 1);
    clock.advance(Duration::from_secs(601));
    assert_eq!(
        sent(&server, &client, Need::at_least("2.67"))
            .await
            .unwrap()
            .unwrap(),
        "2.67"
    );
}

#[tokio::test]
async fn a_service_that_is_too_old_is_told_with_what_it_offers() {
    let (server, cloud) = with_catalog(at("volumev2", "$/volume/v2/p1")).await;
    let body = json!({ "versions": [{ "id": "v1.0", "links": [] }, { "id": "v2.0", "links": [] }] });
    answer(
        &server,
        "GET",
        "/volume/",
        ResponseTemplate::new(300).set_body_json(body),
    )
    .await;
    let e = client(cloud).0.endpoint(Kind::BlockStorage).await.unwrap_err();
    is(
        &e,
        "PAAS-OS-0020",
        Class::Unsupported,
        "Cinder offers v1.0, v2.0, and v3 is needed",
    );
}

#[tokio::test]
async fn a_service_is_asked_for_its_versions_once_and_only_if_somebody_needs_them() {
    let (server, client, _) = world().await;
    let networks = ResponseTemplate::new(200).set_body_json(json!({ "networks": [] }));
    answer(&server, "GET", "/network/v2.0/networks", networks).await;
    nova(&server, "2.1", "2.96").await;
    for _ in 0..3 {
        client
            .send(Call::get(Kind::Network, "list networks", "networks"))
            .await
            .unwrap();
        sent(&server, &client, Need::None).await.unwrap();
    }
    assert_eq!(count(&server, "GET", "/compute/v2.1/").await, 0);
    for _ in 0..3 {
        sent(&server, &client, Need::up_to("2.90")).await.unwrap();
    }
    assert_eq!(count(&server, "GET", "/compute/v2.1/").await, 1);
    assert_eq!(client.versions(Kind::Compute).await.unwrap().ids, ["v2.1"]);
}

async fn nova(server: &MockServer, min: &str, max: &str) {
    let document = json!({ "version": { "id": "v2.1", "status": "CURRENT", "min_version": min, "version": max, "links": link("http://h/v2.1/") } });
    answer(
        server,
        "GET",
        "/compute/v2.1/",
        ResponseTemplate::new(200).set_body_json(document),
    )
    .await;
    let servers = ResponseTemplate::new(200).set_body_json(json!({ "servers": [] }));
    answer(server, "GET", "/compute/v2.1/servers", servers).await;
}

/// The microversion headers of a list of servers with this need.
async fn sent(server: &MockServer, client: &Client, need: Need) -> Result<Option<String>, Error> {
    let call = Call::get(Kind::Compute, "list servers", "servers").microversion(need);
    client.send(call).await?;
    let headers = requests(server, "GET", "/compute/v2.1/servers")
        .await
        .pop()
        .unwrap()
        .headers;
    let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap().to_owned());
    let both = (
        text("openstack-api-version"),
        text("x-openstack-nova-api-version"),
    );
    Ok(match both {
        (Some(new), Some(old)) => {
            assert_eq!(new, format!("compute {old}"));
            Some(old)
        }
        (None, None) => None,
        both => panic!("{both:?}"),
    })
}

#[tokio::test]
async fn the_newest_microversion_that_both_sides_know_is_sent() {
    let (server, client, _) = world().await;
    nova(&server, "2.1", "2.87").await;
    let text = |v: &str| Some(v.to_owned());
    assert_eq!(sent(&server, &client, Need::None).await.unwrap(), None);
    assert_eq!(
        sent(&server, &client, Need::at_least("2.67")).await.unwrap(),
        text("2.67")
    );
    assert_eq!(
        sent(&server, &client, Need::between("2.67", "2.90"))
            .await
            .unwrap(),
        text("2.87")
    );
    assert_eq!(
        sent(&server, &client, Need::up_to("2.52")).await.unwrap(),
        text("2.52")
    );
    let e = sent(&server, &client, Need::at_least("2.90")).await.unwrap_err();
    is(
        &e,
        "PAAS-OS-0020",
        Class::Unsupported,
        "it needs version 2.90, and the service offers 2.1 to 2.87",
    );
    let e = sent(&server, &client, Need::at_least("newest"))
        .await
        .unwrap_err();
    is(
        &e,
        "PAAS-OS-0020",
        Class::Unsupported,
        "'newest' is not a version",
    );
}

#[tokio::test]
async fn a_microversion_that_was_capped_is_not_exceeded() {
    let (server, mut cloud) = with_catalog(at("compute", "$/compute/v2.1")).await;
    nova(&server, "2.1", "2.96").await;
    let mut capped = |cap: &str| {
        let options = ServiceOptions {
            microversion: Some(cap.to_owned()),
            ..Default::default()
        };
        cloud.services.insert(Kind::Compute, options);
        client(cloud.clone()).0
    };
    assert_eq!(
        sent(&server, &capped("2.79"), Need::between("2.67", "2.90"))
            .await
            .unwrap()
            .unwrap(),
        "2.79"
    );
    assert_eq!(
        sent(&server, &capped("latest"), Need::between("2.67", "2.90"))
            .await
            .unwrap()
            .unwrap(),
        "2.90"
    );
    let e = sent(&server, &capped("2.60"), Need::between("2.67", "2.90"))
        .await
        .unwrap_err();
    is(
        &e,
        "PAAS-OS-0020",
        Class::Unsupported,
        "it needs version 2.67, and the cloud's configuration allows at most 2.60",
    );
}

#[tokio::test]
async fn a_nova_that_left_the_old_versions_behind_says_so() {
    let (server, client, _) = world().await;
    nova(&server, "2.95", "2.120").await;
    let e = sent(&server, &client, Need::between("2.67", "2.90"))
        .await
        .unwrap_err();
    is(
        &e,
        "PAAS-OS-0020",
        Class::Unsupported,
        "it understands versions up to 2.90, and the service offers 2.95 to 2.120",
    );
}

#[tokio::test]
async fn cinder_and_placement_have_microversions_of_their_own() {
    let (server, client, _) = world().await;
    let cinder = json!({ "versions": [{ "id": "v3.0", "min_version": "3.0", "version": "3.71", "links": link("http://h/v3/") }] });
    answer(
        &server,
        "GET",
        "/volume/v3/",
        ResponseTemplate::new(200).set_body_json(cinder),
    )
    .await;
    answer(
        &server,
        "GET",
        "/volume/v3/p1/volumes",
        ResponseTemplate::new(200),
    )
    .await;
    let placement = json!({ "versions": [{ "id": "v1.0", "min_version": "1.0", "max_version": "1.39", "status": "CURRENT", "links": [{ "rel": "self", "href": "" }] }] });
    answer(
        &server,
        "GET",
        "/placement/",
        ResponseTemplate::new(200).set_body_json(placement),
    )
    .await;
    answer(&server, "GET", "/placement/traits", ResponseTemplate::new(200)).await;
    for (call, path, expected) in [
        (
            Call::get(Kind::BlockStorage, "list volumes", "volumes").microversion(Need::up_to("3.59")),
            "/volume/v3/p1/volumes",
            "volume 3.59",
        ),
        (
            Call::get(Kind::Placement, "list traits", "traits").microversion(Need::up_to("1.50")),
            "/placement/traits",
            "placement 1.39",
        ),
    ] {
        client.send(call).await.unwrap();
        assert_eq!(
            requests(&server, "GET", path).await[0].headers["openstack-api-version"]
                .to_str()
                .unwrap(),
            expected
        );
    }
}

#[tokio::test]
async fn a_service_without_microversions_cannot_satisfy_a_need_for_one() {
    let (server, client, _) = world().await;
    let document =
        json!({ "versions": [{ "id": "v2.27", "status": "CURRENT", "links": link("http://h/v2") }] });
    answer(
        &server,
        "GET",
        "/load-balancer/v2/",
        ResponseTemplate::new(200).set_body_json(document),
    )
    .await;
    let call = Call::get(Kind::LoadBalancer, "list", "lbaas/pools").microversion(Need::at_least("2.5"));
    let e = client.send(call).await.unwrap_err();
    is(
        &e,
        "PAAS-OS-0020",
        Class::Unsupported,
        "it needs version 2.5, and the service offers no microversions",
    );
}

#[tokio::test]
async fn every_call_asks_for_json_and_bears_an_id_for_the_clouds_logs() {
    let (server, client, _) = world().await;
    answer(&server, "GET", "/image/v2/images", ResponseTemplate::new(200)).await;
    client
        .send(Call::get(Kind::Image, "list images", "images"))
        .await
        .unwrap();
    let headers = requests(&server, "GET", "/image/v2/images")
        .await
        .remove(0)
        .headers;
    assert_eq!(headers["accept"].to_str().unwrap(), "application/json");
    let id = headers["x-openstack-request-id"].to_str().unwrap();
    assert!(id.starts_with("req-") && id.len() == 40, "{id}");
    assert!(
        headers["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("paas-openstack/")
    );
}
