//! One token for many tasks, its renewal, and who is refused how.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::join_all;
use paas_core::{
    clock::Clock,
    error::{Class, Error},
    secrets::SecretString,
    testing::ManualClock,
};
use paas_openstack::{
    client::{Call, Client, service::Kind},
    cloud::{Credential, Domain, Identity, Named, Scope},
};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::support::{
    AUTH, AtSleep, Numbered, TOKEN, accepted, answer, catalog, client, client_with, closed_port, cloud,
    count, http, keystone, options, read_request, requests, serve_on, token_body, world, write,
};

const NETWORKS: &str = "/network/v2.0/networks";

fn list() -> Call {
    Call::get(Kind::Network, "list networks", "networks")
}

async fn networks(server: &MockServer) {
    answer(
        server,
        "GET",
        NETWORKS,
        ResponseTemplate::new(200).set_body_json(json!({ "networks": [] })),
    )
    .await;
}

fn unauthorized() -> ResponseTemplate {
    ResponseTemplate::new(401).set_body_json(json!({ "error": {
        "code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."
    }}))
}

/// Takes only the token with this number or a later one.
async fn takes_tokens_from(server: &MockServer, first: usize) {
    Mock::given(matchers::path(NETWORKS))
        .respond_with(move |request: &wiremock::Request| {
            let token = request.headers["x-auth-token"].to_str().unwrap();
            let number: usize = token.rsplit('-').next().unwrap().parse().unwrap();
            if number >= first {
                ResponseTemplate::new(200).set_body_json(json!({ "networks": [] }))
            } else {
                unauthorized()
            }
        })
        .mount(server)
        .await;
}

async fn body_of_login(server: &MockServer, n: usize) -> Value {
    requests(server, "POST", AUTH).await[n].body_json().unwrap()
}

#[tokio::test]
async fn a_hundred_tasks_at_once_make_one_token_request() {
    let (server, client, _) = world().await;
    networks(&server).await;
    let all = join_all((0..100).map(|_| client.token())).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(count(&server, "POST", AUTH).await, 1);
    let all = join_all((0..100).map(|_| client.send(list()))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(count(&server, "POST", AUTH).await, 1);
    assert_eq!(count(&server, "GET", NETWORKS).await, 100);
}

#[tokio::test]
async fn what_keystone_says_of_us_is_told() {
    let (_server, client, _) = world().await;
    let token = client.token().await.unwrap();
    assert_eq!(token.user.name, "demo");
    assert_eq!(token.project.as_ref().unwrap().id, "p1");
    assert_eq!(token.roles[0].name, "member");
    assert_eq!(token.lifetime(), Some(Duration::from_secs(3600)));
    assert_eq!(token.catalog.services.len(), 7);
}

#[tokio::test]
async fn a_token_is_renewed_two_minutes_before_it_ends() {
    let (server, client, clock) = world().await;
    networks(&server).await;
    client.send(list()).await.unwrap();
    clock.advance(Duration::from_secs(3600 - 121));
    client.send(list()).await.unwrap();
    assert_eq!(count(&server, "POST", AUTH).await, 1);
    clock.advance(Duration::from_secs(2));
    join_all((0..20).map(|_| client.send(list()))).await;
    assert_eq!(count(&server, "POST", AUTH).await, 2);
}

#[tokio::test]
async fn a_wrong_clock_of_ours_renews_nothing() {
    let (server, client, clock) = world().await;
    networks(&server).await;
    clock.set("2031-01-01T00:00:00Z".parse().unwrap());
    for _ in 0..3 {
        client.send(list()).await.unwrap();
    }
    assert_eq!(count(&server, "POST", AUTH).await, 1);
}

#[tokio::test]
async fn a_token_that_ends_midway_is_renewed_once_for_all_tasks() {
    let (server, client, _) = world().await;
    client.token().await.unwrap();
    takes_tokens_from(&server, 2).await;
    let all = join_all((0..50).map(|_| client.send(list()))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(count(&server, "POST", AUTH).await, 2);
}

#[tokio::test]
async fn a_create_that_met_a_401_is_sent_again_since_nothing_was_done() {
    let (server, client, _) = world().await;
    client.token().await.unwrap();
    takes_tokens_from(&server, 2).await;
    let create = Call::post(Kind::Network, "create network", "networks").body(json!({ "network": {} }));
    client.send(create).await.unwrap();
    assert_eq!(count(&server, "POST", NETWORKS).await, 2);
}

#[tokio::test]
async fn a_second_401_is_final() {
    let (server, client, _) = world().await;
    takes_tokens_from(&server, 1000).await;
    let e = client.send(list()).await.unwrap_err();
    assert_eq!((e.code().id, e.class()), ("PAAS-OS-0013", Class::Denied));
    assert_eq!(count(&server, "GET", NETWORKS).await, 2);
    assert_eq!(count(&server, "POST", AUTH).await, 2);
}

async fn refused_with(template: ResponseTemplate, identity: Option<Identity>) -> (MockServer, Error) {
    let server = MockServer::start().await;
    answer(&server, "POST", AUTH, template).await;
    let mut cloud = cloud(&server.uri());
    if let Some(identity) = identity {
        cloud.identity = identity;
    }
    let (client, _) = client(cloud);
    let e = client.token().await.unwrap_err();
    (server, e)
}

#[tokio::test]
async fn a_wrong_password_is_refused_once_for_all_tasks_and_not_tried_again_at_once() {
    let server = MockServer::start().await;
    answer(
        &server,
        "POST",
        AUTH,
        unauthorized().insert_header("X-Openstack-Request-Id", "req-77"),
    )
    .await;
    let (client, clock) = client(cloud(&server.uri()));
    for e in join_all((0..100).map(|_| client.send(list()))).await {
        let e = e.unwrap_err();
        assert_eq!((e.code().id, e.class()), ("PAAS-OS-0010", Class::Denied));
        assert!(
            e.to_string().contains("'demo'") && e.request() == Some("req-77"),
            "{e}"
        );
    }
    assert_eq!(count(&server, "POST", AUTH).await, 1);
    clock.advance(Duration::from_secs(11));
    client.token().await.unwrap_err();
    assert_eq!(count(&server, "POST", AUTH).await, 2);
}

#[tokio::test]
async fn an_expired_password_is_told_as_such() {
    let words = "The password is expired and needs to be changed for user: u1.";
    let body = json!({ "error": { "code": 401, "title": "Unauthorized", "message": words } });
    let (_server, e) = refused_with(ResponseTemplate::new(401).set_body_json(body), None).await;
    assert_eq!(e.code().id, "PAAS-OS-0011");
    assert!(e.to_string().contains(words), "{e}");
}

#[tokio::test]
async fn a_credential_that_was_accepted_before_has_expired() {
    let server = MockServer::start().await;
    let uri = server.uri();
    let answers = Numbered::new(move |n| {
        if n == 1 {
            accepted(TOKEN, catalog(&uri))
        } else {
            unauthorized()
        }
    });
    Mock::given(matchers::path(AUTH))
        .respond_with(answers)
        .mount(&server)
        .await;
    let (client, clock) = client(cloud(&server.uri()));
    client.token().await.unwrap();
    clock.advance(Duration::from_secs(3601));
    assert_eq!(client.token().await.unwrap_err().code().id, "PAAS-OS-0011");
}

#[tokio::test]
async fn a_given_token_that_keystone_does_not_know_has_expired() {
    for template in [unauthorized(), ResponseTemplate::new(404)] {
        let identity = Identity::Token(SecretString::from("given-token"));
        let (_server, e) = refused_with(template, Some(identity)).await;
        assert_eq!((e.code().id, e.class()), ("PAAS-OS-0011", Class::Denied));
    }
}

#[tokio::test]
async fn a_second_factor_is_asked_for_in_its_own_words() {
    let body =
        json!({ "receipt": { "methods": ["password"] }, "required_auth_methods": [["password", "totp"]] });
    let template = ResponseTemplate::new(401)
        .insert_header("Openstack-Auth-Receipt", "receipt-secret")
        .set_body_json(body);
    let (_server, e) = refused_with(template, None).await;
    assert_eq!(e.code().id, "PAAS-OS-0012");
    assert!(e.to_string().contains("password and totp"), "{e}");
}

#[tokio::test]
async fn an_address_without_a_keystone_is_told_as_such() {
    let (_server, e) = refused_with(
        ResponseTemplate::new(404).set_body_string("404 page not found"),
        None,
    )
    .await;
    assert_eq!(e.code().id, "PAAS-OS-0025");
    assert!(e.to_string().contains("there is no Keystone at"), "{e}");
}

#[tokio::test]
async fn an_accepted_login_without_a_token_is_no_login() {
    let (_server, e) = refused_with(
        ResponseTemplate::new(200).set_body_string("<html>Welcome</html>"),
        None,
    )
    .await;
    assert_eq!(e.code().id, "PAAS-OS-0025");
    assert!(e.to_string().contains("Welcome"), "{e}");
}

#[tokio::test]
async fn each_credential_is_sent_as_the_api_says() {
    let (server, client, _) = world().await;
    client.token().await.unwrap();
    let scope = json!({ "project": { "name": "demo", "domain": { "name": "Default" } } });
    assert_eq!(
        body_of_login(&server, 0).await,
        json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": {
            "name": "demo", "domain": { "name": "Default" }, "password": crate::support::PASSWORD
        }}}, "scope": scope }})
    );

    let mut by_id = cloud(&server.uri());
    by_id.identity = Identity::ApplicationCredential {
        credential: Credential::Id("ac1".to_owned()),
        secret: SecretString::from("s3"),
    };
    by_id.scope = Scope::Unspecified;
    crate::support::client(by_id.clone()).0.token().await.unwrap();
    let expected = json!({ "auth": { "identity": { "methods": ["application_credential"],
        "application_credential": { "id": "ac1", "secret": "s3" } } } });
    assert_eq!(body_of_login(&server, 1).await, expected);

    // Keystone refuses application credentials that come with a scope, whatever the configuration says.
    by_id.scope = Scope::Project(Named::Id("p1".to_owned()));
    crate::support::client(by_id.clone()).0.token().await.unwrap();
    assert_eq!(body_of_login(&server, 2).await, expected);

    by_id.identity = Identity::ApplicationCredential {
        credential: Credential::Name {
            name: "paas".to_owned(),
            user: Named::Name {
                name: "demo".to_owned(),
                domain: Domain::Id("default".to_owned()),
            },
        },
        secret: SecretString::from("s3"),
    };
    crate::support::client(by_id).0.token().await.unwrap();
    assert_eq!(
        body_of_login(&server, 3).await["auth"]["identity"]["application_credential"],
        json!({ "name": "paas", "user": { "name": "demo", "domain": { "id": "default" } }, "secret": "s3" })
    );
}

#[tokio::test]
async fn a_rescoped_client_asks_with_the_token_it_has() {
    let (server, client, clock) = world().await;
    let system = client.rescoped(Scope::System);
    let domain = client.rescoped(Scope::Domain(Domain::Id("default".to_owned())));
    system.token().await.unwrap();
    domain.token().await.unwrap();
    let token = json!({ "methods": ["token"], "token": { "id": format!("{TOKEN}-1") } });
    let expected = json!({ "auth": { "identity": token, "scope": { "system": { "all": true } } } });
    assert_eq!(body_of_login(&server, 1).await, expected);
    assert_eq!(
        body_of_login(&server, 2).await["auth"]["scope"],
        json!({ "domain": { "id": "default" } })
    );
    clock.advance(Duration::from_secs(3590));
    system.token().await.unwrap();
    assert_eq!(
        count(&server, "POST", AUTH).await,
        5,
        "the first token is renewed, then ours"
    );
}

#[tokio::test]
async fn a_rescoping_that_meets_a_revoked_token_begins_with_a_new_one() {
    let server = MockServer::start().await;
    let uri = server.uri();
    let answers = Numbered::new(move |n| match n {
        2 => unauthorized(),
        n => accepted(&format!("{TOKEN}-{n}"), catalog(&uri)),
    });
    Mock::given(matchers::path(AUTH))
        .respond_with(answers)
        .mount(&server)
        .await;
    let (client, _) = client(cloud(&server.uri()));
    client.rescoped(Scope::System).token().await.unwrap();
    let methods: Vec<String> = requests(&server, "POST", AUTH)
        .await
        .iter()
        .map(|r| r.body_json::<Value>().unwrap()["auth"]["identity"]["methods"][0].to_string())
        .collect();
    assert_eq!(
        methods,
        ["\"password\"", "\"token\"", "\"password\"", "\"token\""]
    );
}

#[tokio::test]
async fn the_address_of_keystone_may_have_its_version_or_not() {
    for suffix in ["", "/", "/v3", "/v3/", "/v2.0"] {
        let server = MockServer::start().await;
        keystone(&server).await;
        let mut cloud = cloud(&server.uri());
        cloud.auth_url = format!("{}/identity{suffix}", server.uri()).parse().unwrap();
        client(cloud).0.token().await.unwrap();
    }
}

#[tokio::test]
async fn a_keystone_that_restarts_is_waited_for() {
    let (uri, socket) = closed_port();
    let (port, there) = (Mutex::new(Some(socket)), uri.clone());
    let clock = AtSleep {
        inner: ManualClock::default(),
        sleeps: Mutex::new(0),
        act: move |n| {
            if n == 2 {
                let body = token_body(catalog(&there), Duration::from_secs(3600)).to_string();
                let listener = port.lock().unwrap().take().unwrap().listen(8).unwrap();
                serve_on(listener, move |mut stream, _| {
                    let answer = http("201 Created", &[("X-Subject-Token", TOKEN)], &body);
                    async move {
                        read_request(&mut stream).await;
                        write(&mut stream, &answer).await;
                    }
                });
            }
        },
    };
    let clock = Arc::new(clock);
    let client = client_with(cloud(&uri), options(clock.clone()));
    client.token().await.unwrap();
    assert_eq!(*clock.sleeps.lock().unwrap(), 2);
}

#[tokio::test]
async fn while_keystone_is_away_the_token_that_still_holds_is_used() {
    let server = MockServer::start().await;
    let uri = server.uri();
    let answers = Numbered::new(move |n| match n {
        1 => accepted(TOKEN, catalog(&uri)),
        2..=6 => ResponseTemplate::new(503).set_body_string("<html>503 Service Unavailable</html>"),
        n => accepted(&format!("{TOKEN}-{n}"), catalog(&uri)),
    });
    Mock::given(matchers::path(AUTH))
        .respond_with(answers)
        .mount(&server)
        .await;
    networks(&server).await;
    let (client, clock) = client(cloud(&server.uri()));
    client.send(list()).await.unwrap();
    clock.advance(Duration::from_secs(3600 - 100));
    client.send(list()).await.unwrap();
    assert_eq!(count(&server, "POST", AUTH).await, 6, "five attempts in vain");
    clock.advance(Duration::from_secs(100));
    client.send(list()).await.unwrap();
    assert_eq!(count(&server, "POST", AUTH).await, 7);
}

#[tokio::test]
async fn a_task_that_is_cancelled_while_it_logs_in_leaves_the_others_their_token() {
    let server = MockServer::start().await;
    let slow = accepted(TOKEN, catalog(&server.uri())).set_delay(Duration::from_millis(100));
    answer(&server, "POST", AUTH, slow).await;
    let (client, _) = client(cloud(&server.uri()));
    let (first, second): (Client, Client) = (client.clone(), client.clone());
    let cancelled = tokio::spawn(async move { first.token().await });
    let waiting = tokio::spawn(async move { second.token().await });
    while count(&server, "POST", AUTH).await == 0 {
        tokio::task::yield_now().await;
    }
    cancelled.abort();
    waiting.await.unwrap().unwrap();
    assert_eq!(count(&server, "POST", AUTH).await, 1);
}

#[tokio::test]
async fn a_short_lived_token_is_not_asked_for_at_every_call() {
    let server = MockServer::start().await;
    let body = token_body(catalog(&server.uri()), Duration::from_secs(100));
    let template = ResponseTemplate::new(201)
        .insert_header("X-Subject-Token", TOKEN)
        .set_body_json(body);
    answer(&server, "POST", AUTH, template).await;
    let (client, clock) = client(cloud(&server.uri()));
    client.token().await.unwrap();
    clock.advance(Duration::from_secs(70));
    client.token().await.unwrap();
    assert_eq!(count(&server, "POST", AUTH).await, 1);
    clock.advance(Duration::from_secs(6));
    client.token().await.unwrap();
    assert_eq!(count(&server, "POST", AUTH).await, 2);
    assert_eq!(clock.elapsed(), Duration::from_secs(76));
}
