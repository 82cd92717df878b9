//! What is sent again, after how long, and what never is.

use std::time::Duration;

use paas_core::{
    clock::Clock,
    error::{Class, Effect},
    testing::ManualClock,
};
use paas_openstack::client::{Call, Client, service::Kind};
use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::support::{Numbered, count, world};

const NETWORKS: &str = "/network/v2.0/networks";

fn list() -> Call {
    Call::get(Kind::Network, "list networks", "networks")
}

fn create() -> Call {
    Call::post(Kind::Network, "create network", "networks").body(json!({ "network": {} }))
}

/// The first answer is `first`, all later ones are good.
async fn once(server: &MockServer, path: &str, first: ResponseTemplate) {
    let answers = Numbered::new(move |n| match n {
        1 => first.clone(),
        _ => ResponseTemplate::new(200).set_body_json(json!({ "networks": [] })),
    });
    Mock::given(matchers::path(path))
        .respond_with(answers)
        .mount(server)
        .await;
}

async fn waited(clock: &ManualClock, client: &Client, call: Call) -> Duration {
    client.token().await.unwrap();
    let began = clock.elapsed();
    client.send(call).await.unwrap();
    clock.elapsed() - began
}

#[tokio::test]
async fn a_service_that_says_when_to_come_again_is_obeyed_by_every_method() {
    for (status, call) in [(429, list()), (429, create()), (503, list()), (503, create())] {
        let (server, client, clock) = world().await;
        once(
            &server,
            NETWORKS,
            ResponseTemplate::new(status).insert_header("Retry-After", "17"),
        )
        .await;
        let waited = waited(&clock, &client, call).await;
        assert!((17..=18).contains(&waited.as_secs()), "{status}: {waited:?}");
    }
}

#[tokio::test]
async fn a_date_is_counted_from_the_answers_own_date() {
    let (server, client, clock) = world().await;
    let answer = ResponseTemplate::new(429)
        .insert_header("Date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .insert_header("Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT");
    once(&server, NETWORKS, answer).await;
    assert_eq!(waited(&clock, &client, list()).await.as_secs(), 30);
}

#[tokio::test]
async fn a_create_is_not_sent_again_when_nobody_said_that_it_was_refused() {
    for status in [408, 429, 500, 502, 503, 504] {
        let (server, client, _) = world().await;
        once(&server, NETWORKS, ResponseTemplate::new(status)).await;
        let e = client.send(create()).await.unwrap_err();
        assert_eq!(count(&server, "POST", NETWORKS).await, 1, "{status}");
        assert_eq!(e.effect() == Effect::Unknown, status != 429, "{status}");
        assert!(
            matches!(e.class(), Class::Transient | Class::Throttled),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_read_is_sent_again_after_what_passes_and_not_after_what_stays() {
    for (status, sent) in [
        (408, 2),
        (429, 2),
        (500, 2),
        (502, 2),
        (503, 2),
        (504, 2),
        (400, 1),
        (403, 1),
        (404, 1),
        (409, 1),
        (501, 1),
    ] {
        let (server, client, _) = world().await;
        once(&server, NETWORKS, ResponseTemplate::new(status)).await;
        let result = client.send(list()).await;
        assert_eq!(count(&server, "GET", NETWORKS).await, sent, "{status}");
        assert_eq!(result.is_ok(), sent == 2, "{status}");
    }
}

#[tokio::test]
async fn a_quota_of_cinder_is_no_throttling_although_it_says_retry_after() {
    let (server, client, clock) = world().await;
    let body = json!({ "overLimit": { "code": 413, "message": "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded", "retryAfter": "0" } });
    let answer = ResponseTemplate::new(413)
        .insert_header("Retry-After", "0")
        .set_body_json(body);
    once(&server, "/volume/v3/p1/volumes", answer).await;
    let e = client
        .send(Call::post(Kind::BlockStorage, "create volume", "volumes"))
        .await
        .unwrap_err();
    assert_eq!(
        (e.class(), e.code().id, e.effect()),
        (Class::Quota, "PAAS-OS-0016", Effect::None)
    );
    assert_eq!(count(&server, "POST", "/volume/v3/p1/volumes").await, 1);
    assert_eq!(clock.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn an_octavia_that_is_busy_with_the_project_is_asked_again_since_it_did_nothing() {
    let (server, client, _) = world().await;
    let busy = json!({ "faultcode": "Client", "faultstring": "The project is busy with other requests, try again later.", "debuginfo": null });
    once(
        &server,
        "/load-balancer/v2/lbaas/pools",
        ResponseTemplate::new(503).set_body_json(busy),
    )
    .await;
    client
        .send(Call::post(Kind::LoadBalancer, "create pool", "lbaas/pools"))
        .await
        .unwrap();
    assert_eq!(count(&server, "POST", "/load-balancer/v2/lbaas/pools").await, 2);
}

#[tokio::test]
async fn what_is_immutable_or_in_a_task_is_a_conflict_for_the_caller_to_wait_for() {
    let (server, client, _) = world().await;
    let immutable = json!({ "faultcode": "Client", "faultstring": "Load Balancer lb1 is immutable and cannot be updated.", "debuginfo": null });
    once(
        &server,
        "/load-balancer/v2/lbaas/pools",
        ResponseTemplate::new(409).set_body_json(immutable),
    )
    .await;
    let e = client
        .send(Call::post(Kind::LoadBalancer, "create pool", "lbaas/pools"))
        .await
        .unwrap_err();
    assert_eq!((e.class(), e.may_pass()), (Class::Conflict, true));
    assert_eq!(count(&server, "POST", "/load-balancer/v2/lbaas/pools").await, 1);
}

#[tokio::test]
async fn when_one_call_is_throttled_the_others_hold_back_too() {
    let (server, client, clock) = world().await;
    let throttled = ResponseTemplate::new(429).insert_header("Retry-After", "40");
    once(&server, NETWORKS, throttled).await;
    let images = ResponseTemplate::new(200).set_body_json(json!({ "images": [] }));
    crate::support::answer(&server, "GET", "/image/v2/images", images).await;
    client.token().await.unwrap();
    let (first, second) = futures::join!(client.send(list()), async {
        while count(&server, "GET", NETWORKS).await == 0 {
            tokio::task::yield_now().await;
        }
        client.send(Call::get(Kind::Image, "list images", "images")).await
    });
    first.unwrap();
    second.unwrap();
    assert!(clock.elapsed() >= Duration::from_secs(40));
}

#[tokio::test]
async fn a_cloud_that_closes_for_a_day_holds_nobody_for_a_day() {
    let (server, client, clock) = world().await;
    let throttled = ResponseTemplate::new(429).insert_header("Retry-After", "86400");
    once(&server, NETWORKS, throttled).await;
    let e = client.send(list()).await.unwrap_err();
    assert_eq!((e.code().id, e.class()), ("PAAS-OS-0017", Class::Throttled));
    let e = client.send(list()).await.unwrap_err();
    assert_eq!(
        (e.code().id, e.class(), e.effect()),
        ("PAAS-OS-0024", Class::TimedOut, Effect::None)
    );
    assert!(clock.elapsed() < Duration::from_secs(1));
    clock.advance(Duration::from_secs(86_400));
    client.send(list()).await.unwrap();
}
