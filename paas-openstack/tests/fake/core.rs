//! The edge: request ids, the ledger, and each fault doing what it says.

use std::time::Duration;

use paas_openstack::{
    client::service::Kind::{self, Compute, Identity, Image, Network},
    fake::{Fake, Fault, Latency, Setup, Shape, What},
};
use serde_json::json;

use crate::asked::{Asked, http};

const GROUPS: &str = "/v2.1/os-server-groups";

async fn make(asked: &Asked) -> Result<crate::asked::Answer, reqwest::Error> {
    let body = json!({"server_group": {"name": "g", "policies": ["anti-affinity"]}});
    asked
        .send(asked.request(reqwest::Method::POST, Compute, GROUPS).json(&body))
        .await
}

fn made(asked: &Asked) -> usize {
    asked.fake.world().of(Compute, "os-server-groups").len()
}

fn on_create(what: What) -> Fault {
    Fault::new(what).on(Compute).call("POST", GROUPS)
}

#[tokio::test]
async fn a_cloud_ends_when_it_is_dropped() {
    let fake = Fake::start(Setup::default()).await.unwrap();
    let url = fake.auth_url();
    http().get(&url).send().await.unwrap();
    drop(fake);
    for _ in 0..1000 {
        if http().get(&url).send().await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it still answers");
}

#[tokio::test]
async fn every_call_is_in_the_ledger_with_its_request_id() {
    let asked = Asked::new().await;
    let answer = asked.get(Compute, "/v2.1/servers?name=a%20b").await.is(200);
    make(&asked).await.unwrap().is(200);
    let calls = asked.fake.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].request_id, answer.header("x-openstack-request-id"));
    assert_eq!(answer.header("x-compute-request-id"), calls[0].request_id);
    assert_eq!(
        (calls[0].method.as_str(), calls[0].path.as_str()),
        ("GET", "/v2.1/servers")
    );
    assert_eq!(calls[0].query, "name=a%20b");
    assert_eq!(calls[0].status, Some(200));
    assert_eq!(
        calls[0].project.as_deref(),
        Some(Setup::default().projects[0].id.as_str())
    );
    assert_eq!(
        (
            asked.fake.count("GET"),
            asked.fake.count("POST"),
            asked.fake.mutations()
        ),
        (1, 1, 1)
    );
    asked.fake.forget_calls();
    assert_eq!(asked.fake.mutations(), 0);
}

#[tokio::test]
async fn a_refusal_has_no_effect_and_is_in_the_services_own_body() {
    let asked = Asked::new().await;
    for (status, name) in [
        (409, "conflictingRequest"),
        (413, "overLimit"),
        (503, "serviceUnavailable"),
        (500, "computeFault"),
    ] {
        asked.fake.inject(on_create(What::Refuse(status)));
        let answer = make(&asked).await.unwrap().is(status);
        assert_eq!(answer.body[name]["code"], status);
    }
    asked.fake.inject(on_create(What::Refuse(401)));
    assert!(
        make(&asked)
            .await
            .unwrap()
            .is(401)
            .header("www-authenticate")
            .starts_with("Keystone uri=")
    );
    let retry_after = "7".to_owned();
    asked.fake.inject(on_create(What::RefuseAndSay {
        status: 429,
        retry_after,
    }));
    assert_eq!(make(&asked).await.unwrap().is(429).header("retry-after"), "7");
    assert_eq!(made(&asked), 0);
    make(&asked).await.unwrap().is(200);

    asked.fake.inject(Fault::new(What::Refuse(409)).on(Network));
    assert!(asked.get(Network, "/v2.0/networks").await.is(409).body["NeutronError"]["type"].is_string());
    asked
        .fake
        .inject(Fault::new(What::Refuse(500)).on(Kind::LoadBalancer));
    assert_eq!(
        asked
            .get(Kind::LoadBalancer, "/v2/lbaas/pools")
            .await
            .is(500)
            .body["faultcode"],
        "Server"
    );
    asked.fake.inject(Fault::new(What::Refuse(503)).on(Identity));
    assert_eq!(
        asked.get(Identity, "/v3").await.is(503).body["error"]["code"],
        503
    );
}

#[tokio::test]
async fn a_failure_after_the_effect_has_the_effect() {
    let asked = Asked::new().await;
    asked.fake.inject(on_create(What::FailAfter(500)));
    make(&asked).await.unwrap().is(500);
    assert_eq!(made(&asked), 1);
}

#[tokio::test]
async fn a_lost_answer_has_the_effect_and_a_reset_has_none() {
    let asked = Asked::new().await;
    asked.fake.inject(on_create(What::Reset));
    make(&asked).await.unwrap_err();
    assert_eq!(made(&asked), 0);
    asked.fake.inject(on_create(What::LoseAnswer));
    make(&asked).await.unwrap_err();
    assert_eq!(made(&asked), 1);
    assert!(asked.fake.calls().iter().all(|call| call.status.is_none()));
    make(&asked).await.unwrap().is(200);
}

#[tokio::test]
async fn half_a_body_ends_in_an_error_and_not_in_a_short_body() {
    let asked = Asked::new().await;
    asked.fake.inject(on_create(What::HalfBody));
    let error = make(&asked).await.unwrap_err();
    assert!(
        error.is_body() || error.is_decode() || error.is_request(),
        "{error:?}"
    );
    assert_eq!(made(&asked), 1);
}

#[tokio::test]
async fn proxies_answer_with_html_redirects_and_floods() {
    let asked = Asked::new().await;
    asked.fake.inject(on_create(What::Html(502)));
    let answer = make(&asked).await.unwrap().is(502);
    assert!(answer.header("content-type").starts_with("text/html"));
    asked
        .fake
        .inject(on_create(What::Redirect("http://192.0.2.1/elsewhere".into())));
    assert_eq!(
        make(&asked).await.unwrap().is(302).header("location"),
        "http://192.0.2.1/elsewhere"
    );
    asked.fake.inject(on_create(What::Flood(100_000)));
    let answer = make(&asked).await.unwrap().is(200);
    assert_eq!(answer.body.as_str().unwrap().len(), 99_998);
    assert_eq!(made(&asked), 0);
}

#[tokio::test]
async fn what_is_new_is_hidden_for_a_while() {
    let asked = Asked::new().await;
    let listed = async || {
        asked.get(Compute, GROUPS).await.is(200).body["server_groups"]
            .as_array()
            .unwrap()
            .len()
    };
    make(&asked).await.unwrap().is(200);

    asked
        .fake
        .inject(on_create(What::StaleList(Duration::from_secs(5))));
    let id = make(&asked).await.unwrap().is(200).body["server_group"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(listed().await, 1);
    asked.get(Compute, &format!("{GROUPS}/{id}")).await.is(200);
    asked.wait(5);
    assert_eq!(listed().await, 2);

    asked
        .fake
        .inject(on_create(What::HideNew(Duration::from_secs(5))));
    let id = make(&asked).await.unwrap().is(200).body["server_group"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(listed().await, 2);
    asked.get(Compute, &format!("{GROUPS}/{id}")).await.is(404);
    asked.wait(5);
    assert_eq!(listed().await, 3);
    asked.get(Compute, &format!("{GROUPS}/{id}")).await.is(200);
}

#[tokio::test]
async fn a_fault_hits_the_nth_call_and_so_often() {
    let asked = Asked::new().await;
    asked.fake.inject(
        Fault::new(What::Refuse(503))
            .method("get")
            .path("/v2.1/**")
            .after(1)
            .times(2),
    );
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(asked.get(Compute, "/v2.1/servers").await.status.as_u16());
    }
    assert_eq!(seen, [200, 503, 503, 200]);
    asked.fake.inject(Fault::new(What::Refuse(503)).always());
    asked.get(Image, "/v2/images").await.is(503);
    asked.get(Compute, "/v2.1/servers").await.is(503);
    asked.fake.heal();
    asked.get(Compute, "/v2.1/servers").await.is(200);
}

#[tokio::test]
async fn calls_take_as_long_as_the_setup_says() {
    let services = [(Compute, Duration::from_secs(2))].into();
    let latency = Latency {
        fixed: Duration::from_secs(1),
        services,
    };
    let asked = Asked::of(Setup {
        latency,
        ..Setup::default()
    })
    .await;
    asked.get(Compute, "/v2.1/servers").await.is(200);
    asked.get(Identity, "/v3").await.is(200);
    asked.get(Identity, "/v3").await.is(200);
    let at: Vec<_> = asked
        .fake
        .calls()
        .iter()
        .map(|call| call.at.as_second() % 100)
        .collect();
    assert_eq!(at, [1, 4, 5]);
}

#[tokio::test]
async fn every_answer_can_end_its_connection() {
    let shape = Shape {
        close_connections: true,
        ..Shape::default()
    };
    let asked = Asked::of(Setup {
        shape,
        ..Setup::default()
    })
    .await;
    for _ in 0..3 {
        assert_eq!(
            asked
                .get(Compute, "/v2.1/servers")
                .await
                .is(200)
                .header("connection"),
            "close"
        );
    }
}

#[tokio::test]
async fn a_path_that_a_service_does_not_have_is_told_by_its_framework() {
    let asked = Asked::new().await;
    let json = |kind| {
        asked
            .request(reqwest::Method::GET, kind, "/v2.1/nothing")
            .header("accept", "application/json")
    };
    let answer = asked.send(json(Compute)).await.unwrap().is(404);
    assert_eq!(answer.body["code"], "404 Not Found");
    assert_eq!(answer.header("openstack-api-version"), "");
    let answer = asked.get(Compute, "/v2.1/nothing").await.is(404);
    assert!(answer.header("content-type").starts_with("text/html"));
    let answer = asked.get(Identity, "/v3/nothing").await.is(404);
    assert!(answer.header("content-type").starts_with("text/html"));
    let nowhere = asked.fake.url(Compute).replace("/compute", "/elsewhere");
    asked.send(http().get(nowhere)).await.unwrap().is(404);
}

#[tokio::test]
async fn a_refused_token_has_no_microversion() {
    let mut asked = Asked::new().await;
    asked.bear("nothing");
    let answer = asked.get(Compute, "/v2.1/servers").await.is(401);
    assert_eq!(answer.header("openstack-api-version"), "");
    assert!(answer.header("x-compute-request-id").starts_with("req-"));
}
