//! Lists over several pages, in the way of each service.

use futures::{StreamExt, TryStreamExt};
use paas_core::error::Error;
use paas_openstack::client::{Call, Client, Options, service::Kind};
use serde::Deserialize;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::support::{answer, client_with, cloud, count, keystone, requests, world};

#[derive(Debug, PartialEq, Deserialize)]
struct Item {
    id: u32,
}

async fn ids(client: &Client, call: Call, member: &str) -> Result<Vec<u32>, Error> {
    let items: Vec<Item> = client.pages(call, member).try_collect().await?;
    Ok(items.into_iter().map(|item| item.id).collect())
}

/// Ten things, three a page; `page` writes one with what the next page's marker is.
async fn ten<F>(server: &MockServer, path: &str, page: F)
where
    F: Fn(Vec<Value>, Option<u32>) -> Value + Send + Sync + 'static,
{
    Mock::given(matchers::method("GET"))
        .and(matchers::path(path))
        .respond_with(move |request: &wiremock::Request| {
            let marker = request
                .url
                .query_pairs()
                .find(|(name, _)| name == "marker")
                .map_or(0, |(_, m)| m.parse().unwrap());
            let items: Vec<u32> = (marker + 1..=10).take(3).collect();
            let last = items.last().copied().filter(|last| *last < 10);
            let items = items
                .into_iter()
                .map(|id| json!({ "id": id, "new": {} }))
                .collect();
            ResponseTemplate::new(200).set_body_json(page(items, last))
        })
        .mount(server)
        .await;
}

fn links(href: Option<String>) -> Value {
    href.map_or(
        json!([]),
        |href| json!([{ "rel": "previous", "href": "http://x/y?marker=0" }, { "rel": "next", "href": href }]),
    )
}

#[tokio::test]
async fn every_service_turns_its_pages_in_its_own_way() {
    let (server, client, _) = world().await;
    for (kind, path, url, member) in [
        (
            Kind::Compute,
            "servers/detail",
            "/compute/v2.1/servers/detail",
            "servers",
        ),
        (Kind::Network, "ports", "/network/v2.0/ports", "ports"),
        (
            Kind::BlockStorage,
            "volumes/detail",
            "/volume/v3/p1/volumes/detail",
            "volumes",
        ),
        (
            Kind::LoadBalancer,
            "lbaas/pools",
            "/load-balancer/v2/lbaas/pools",
            "pools",
        ),
    ] {
        let key = format!("{member}_links");
        // Links have the address by which the service knows itself: another scheme, host and prefix.
        ten(&server, url, move |items, next| {
            let href =
                next.map(|marker| format!("http://10.0.0.9:8774/inner/{member}?limit=3&marker={marker}"));
            if href.is_some() {
                json!({ member: items, key.as_str(): links(href) })
            } else {
                json!({ member: items })
            }
        })
        .await;
        let call = Call::get(kind, "list", path)
            .query("limit", "3")
            .query("name", "a b");
        assert_eq!(
            ids(&client, call, member).await.unwrap(),
            (1..=10).collect::<Vec<_>>(),
            "{kind}"
        );
        let asked = requests(&server, "GET", url).await;
        assert_eq!(asked.len(), 4);
        assert!(
            asked.iter().all(|r| r.url.query().unwrap().contains("name=a+b")),
            "filters are kept"
        );
    }
    ten(&server, "/image/v2/images", |items, next| match next {
        Some(marker) => {
            json!({ "images": items, "first": "/v2/images", "next": format!("/v2/images?marker={marker}") })
        }
        None => json!({ "images": items, "first": "/v2/images" }),
    })
    .await;
    assert_eq!(
        ids(&client, Call::get(Kind::Image, "list", "images"), "images")
            .await
            .unwrap()
            .len(),
        10
    );
    ten(&server, "/identity/v3/projects", |items, next| {
        let next = next.map(|marker| format!("http://h/v3/projects?marker={marker}"));
        json!({ "projects": items, "links": { "self": "http://h/v3/projects", "previous": null, "next": next } })
    })
    .await;
    answer(&server, "GET", "/identity/", ResponseTemplate::new(404)).await;
    assert_eq!(
        ids(&client, Call::get(Kind::Identity, "list", "projects"), "projects")
            .await
            .unwrap()
            .len(),
        10
    );
    let providers = json!({ "resource_providers": [{ "id": 1 }, { "id": 2 }] });
    answer(
        &server,
        "GET",
        "/placement/resource_providers",
        ResponseTemplate::new(200).set_body_json(providers),
    )
    .await;
    let call = Call::get(Kind::Placement, "list", "resource_providers");
    assert_eq!(ids(&client, call, "resource_providers").await.unwrap(), [1, 2]);
}

#[tokio::test]
async fn a_page_is_asked_for_when_its_first_item_is_wanted() {
    let (server, client, _) = world().await;
    ten(&server, "/network/v2.0/ports", |items, next| {
        json!({ "ports": items, "ports_links": links(next.map(|m| format!("http://h/ports?marker={m}"))) })
    })
    .await;
    let four: Vec<Result<Item, Error>> = client
        .pages(Call::get(Kind::Network, "list ports", "ports"), "ports")
        .take(4)
        .collect()
        .await;
    assert_eq!(four.len(), 4);
    assert_eq!(count(&server, "GET", "/network/v2.0/ports").await, 2);
}

#[tokio::test]
async fn a_link_to_another_host_leads_nowhere_but_to_the_next_page_here() {
    let (server, client, _) = world().await;
    let elsewhere = MockServer::start().await;
    let target = format!("{}/network/v2.0/ports", elsewhere.uri());
    ten(&server, "/network/v2.0/ports", move |items, next| {
        json!({ "ports": items, "ports_links": links(next.map(|m| format!("{target}?marker={m}"))) })
    })
    .await;
    assert_eq!(
        ids(&client, Call::get(Kind::Network, "list ports", "ports"), "ports")
            .await
            .unwrap()
            .len(),
        10
    );
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

async fn one_page(server: &MockServer, body: Value) {
    answer(
        server,
        "GET",
        "/network/v2.0/ports",
        ResponseTemplate::new(200).set_body_json(body),
    )
    .await;
}

#[tokio::test]
async fn pages_that_go_in_a_circle_are_left() {
    let (server, client, _) = world().await;
    one_page(
        &server,
        json!({ "ports": [{ "id": 1 }], "ports_links": links(Some("http://h/ports?marker=1".to_owned())) }),
    )
    .await;
    let e = ids(&client, Call::get(Kind::Network, "list ports", "ports"), "ports")
        .await
        .unwrap_err();
    assert_eq!(e.code().id, "PAAS-OS-0025");
    assert!(e.to_string().contains("was there before"), "{e}");
    assert_eq!(count(&server, "GET", "/network/v2.0/ports").await, 2);
}

#[tokio::test]
async fn a_list_without_an_end_is_left() {
    let server = MockServer::start().await;
    keystone(&server).await;
    Mock::given(matchers::path("/network/v2.0/ports"))
        .respond_with(|request: &wiremock::Request| {
            let next = format!(
                "http://h/ports?marker=x{}",
                request.url.query().unwrap_or_default()
            );
            ResponseTemplate::new(200)
                .set_body_json(json!({ "ports": [{ "id": 1 }], "ports_links": links(Some(next)) }))
        })
        .mount(&server)
        .await;
    let options = Options {
        max_pages: 7,
        ..Options::default()
    };
    let client = client_with(cloud(&server.uri()), options);
    let e = ids(&client, Call::get(Kind::Network, "list ports", "ports"), "ports")
        .await
        .unwrap_err();
    assert_eq!(e.code().id, "PAAS-OS-0025");
    assert!(e.to_string().contains("more than 7 pages"), "{e}");
    assert_eq!(count(&server, "GET", "/network/v2.0/ports").await, 7);
}

#[tokio::test]
async fn a_list_that_fails_in_the_middle_is_an_error_and_never_a_shorter_list() {
    let (server, client, _) = world().await;
    Mock::given(matchers::path("/network/v2.0/ports"))
        .respond_with(|request: &wiremock::Request| match request.url.query() {
            None => ResponseTemplate::new(200)
                .set_body_json(json!({ "ports": [{ "id": 1 }], "ports_links": links(Some("http://h/ports?marker=1".to_owned())) })),
            Some(_) => ResponseTemplate::new(500),
        })
        .mount(&server)
        .await;
    let e = ids(&client, Call::get(Kind::Network, "list ports", "ports"), "ports")
        .await
        .unwrap_err();
    assert_eq!(e.code().id, "PAAS-OS-0019");
}

#[tokio::test]
async fn a_list_that_is_none_is_told_and_an_odd_item_too_without_its_text() {
    for (body, words) in [
        (json!({ "port": [] }), "it has no list 'ports'"),
        (json!({ "ports": null }), "it has no list 'ports'"),
        (json!({ "ports": {} }), "it has no list 'ports'"),
        (json!([]), "it has no list 'ports'"),
        (
            json!({ "ports": [{ "name": "x" }] }),
            "an item of 'ports': missing field `id`",
        ),
        (
            json!({ "ports": [{ "id": "secret\"here" }] }),
            "an item of 'ports': invalid type: a string, expected u32",
        ),
    ] {
        let (server, client, _) = world().await;
        one_page(&server, body).await;
        let e = ids(&client, Call::get(Kind::Network, "list ports", "ports"), "ports")
            .await
            .unwrap_err();
        assert_eq!(e.code().id, "PAAS-OS-0025");
        assert!(
            e.to_string().contains(words) && !e.to_string().contains("secret"),
            "{e}"
        );
    }
}

#[tokio::test]
async fn an_empty_list_ends_at_once() {
    let (server, client, _) = world().await;
    one_page(&server, json!({ "ports": [], "ports_links": [] })).await;
    assert!(
        ids(&client, Call::get(Kind::Network, "list ports", "ports"), "ports")
            .await
            .unwrap()
            .is_empty()
    );
}
