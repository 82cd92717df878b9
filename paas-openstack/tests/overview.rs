//! What is told of a cloud before anything is made in it.
#![allow(clippy::expect_used, reason = "a test says what it missed and stops")]

mod scripted;

use paas_core::error::Class;
use paas_openstack::overview::{State, look};
use scripted::{answer, cloud};
use serde_json::json;

#[tokio::test]
async fn an_overview_says_who_we_are_what_is_there_and_what_is_left() {
    let (server, client) = cloud().await;
    answer(
        &server,
        "GET",
        "/v3/",
        200,
        json!({ "version": { "id": "v3.14", "links": [] } }),
    )
    .await;
    answer(&server, "GET", "/v3/auth/catalog", 200, json!({ "catalog": [] })).await;
    let limits = json!({ "limits": { "absolute": { "maxTotalInstances": 10, "totalInstancesUsed": 3, "maxTotalCores": -1 } } });
    answer(&server, "GET", "/compute/v2.1/limits", 200, limits).await;
    answer(
        &server,
        "GET",
        "/network/",
        200,
        json!({ "versions": [{ "id": "v2.0", "links": [] }] }),
    )
    .await;
    answer(
        &server,
        "GET",
        "/network/v2.0/",
        200,
        json!({ "version": { "id": "v2.0", "links": [] } }),
    )
    .await;
    let extensions = json!({ "extensions": [{ "alias": "router" }, { "alias": "quotas" }] });
    answer(&server, "GET", "/network/v2.0/extensions", 200, extensions).await;
    let refused = json!({ "NeutronError": { "type": "PolicyNotAuthorized", "message": "no", "detail": "" } });
    answer(
        &server,
        "GET",
        "/network/v2.0/quotas/p/details.json",
        403,
        refused,
    )
    .await;
    answer(
        &server,
        "GET",
        "/image/v2/",
        200,
        json!({ "version": { "id": "v2.9", "links": [] } }),
    )
    .await;
    answer(&server, "GET", "/image/v2/images", 200, json!({ "images": [] })).await;
    let volumes = json!({ "limits": { "absolute": { "maxTotalVolumes": 5, "totalVolumesUsed": 5 } } });
    answer(&server, "GET", "/volume/v3/p/limits", 200, volumes).await;
    answer(
        &server,
        "GET",
        "/lb/v2/",
        200,
        json!({ "versions": [{ "id": "v2.26", "links": [] }] }),
    )
    .await;
    let role = json!({ "faultcode": "Client", "faultstring": "Policy does not allow this request.", "debuginfo": null });
    answer(&server, "GET", "/lb/v2/lbaas/loadbalancers", 403, role).await;

    let seen = look(&client).await.expect("there is a token");
    assert_eq!(
        (seen.identity.user.as_str(), seen.identity.project.as_deref()),
        ("me", Some("demo"))
    );
    assert_eq!(seen.extensions, Some(2));
    let state = |name: &str| {
        let service = seen
            .services
            .iter()
            .find(|s| s.name == name)
            .expect("it is listed");
        (
            service.state,
            service
                .error
                .as_ref()
                .map(|e| e.message.clone())
                .unwrap_or_default(),
        )
    };
    for name in ["Keystone", "Nova", "Neutron", "Glance", "Cinder"] {
        assert_eq!(state(name), (State::Ready, String::new()), "{name}");
    }
    let nova = &seen.services[1];
    assert_eq!(
        (nova.min_microversion.as_deref(), nova.max_microversion.as_deref()),
        (Some("2.1"), Some("2.95"))
    );
    let (octavia, words) = state("Octavia");
    assert!(
        octavia == State::Failed && words.contains("Policy does not allow"),
        "{words}"
    );
    assert_eq!(state("Placement").0, State::Absent);
    assert!(!seen.is_well(), "a service that refuses is a finding");
    let told: Vec<_> = seen.quota.iter().map(|q| (q.what, q.limit, q.used)).collect();
    assert!(
        told.contains(&("servers", Some(10), Some(3))) && told.contains(&("virtual CPUs", None, Some(0))),
        "{told:?}"
    );
    assert!(
        !told.iter().any(|(what, ..)| *what == "ports"),
        "a quota that we may not see is no finding"
    );
    assert!(
        !serde_json::to_string(&seen)
            .expect("JSON")
            .contains("secret-token")
    );
}

#[tokio::test]
async fn without_a_token_there_is_nothing_to_look_at() {
    let (server, client) = cloud().await;
    server.reset().await;
    let refused = json!({ "error": { "code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication." } });
    answer(&server, "POST", "/v3/auth/tokens", 401, refused).await;
    assert_eq!(look(&client).await.expect_err("no token").class(), Class::Denied);
}
