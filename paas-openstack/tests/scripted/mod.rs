//! A cloud that says what a test told it to say.

use paas_core::secrets::SecretString;
use paas_openstack::{
    Client, Cloud,
    client::{Options, service::Kind},
    cloud::{Identity, Scope, ServiceOptions, Tls},
};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

/// A cloud whose services all lie on one server; Nova offers up to 2.95, Cinder up to 3.70.
pub(crate) async fn cloud() -> (MockServer, Client) {
    let server = MockServer::start().await;
    let token = json!({ "token": {
        "user": { "id": "u", "name": "me", "domain": { "id": "default", "name": "Default" } },
        "project": { "id": "p", "name": "demo" }, "roles": [], "methods": ["password"],
        "issued_at": "2026-01-01T00:00:00.000000Z", "expires_at": "2036-01-01T00:00:00.000000Z", "catalog": [],
    }});
    answer(&server, "POST", "/v3/auth/tokens", 201, token).await;
    let versions = |id: &str, max: &str| json!({ "version": { "id": id, "status": "CURRENT", "min_version": id.trim_start_matches('v'), "version": max, "links": [] } });
    answer(&server, "GET", "/compute/v2.1/", 200, versions("v2.1", "2.95")).await;
    answer(&server, "GET", "/volume/v3/", 200, versions("v3.0", "3.70")).await;
    let at = |place: &str| ServiceOptions {
        endpoint: Some(format!("{}/{place}", server.uri()).parse().expect("a URL")),
        ..ServiceOptions::default()
    };
    let services = [
        (Kind::Compute, "compute/v2.1"),
        (Kind::Network, "network/v2.0"),
        (Kind::Image, "image/v2"),
        (Kind::BlockStorage, "volume/v3/p"),
        (Kind::LoadBalancer, "lb/v2"),
        (Kind::Identity, "v3"),
    ];
    let cloud = Cloud {
        name: "scripted".to_owned(),
        auth_url: format!("{}/v3", server.uri()).parse().expect("a URL"),
        identity: Identity::Token(SecretString::from("given")),
        scope: Scope::Unspecified,
        region: None,
        interfaces: vec!["public".to_owned()],
        tls: Tls::default(),
        services: services.map(|(kind, place)| (kind, at(place))).into(),
        timeout: None,
    };
    let client = Client::new(cloud, Options::default()).expect("a client");
    (server, client)
}

/// One answer, always the same.
pub(crate) async fn answer(server: &MockServer, verb: &str, at: &str, status: u16, body: Value) {
    let mut reply = ResponseTemplate::new(status).set_body_json(body);
    if at.ends_with("/auth/tokens") {
        reply = reply.insert_header("x-subject-token", "secret-token");
    }
    Mock::given(method(verb))
        .and(path(at))
        .respond_with(reply)
        .mount(server)
        .await;
}
