//! Tokens, scopes, credentials.

use std::time::Duration;

use paas_openstack::{
    client::service::Kind::{Compute, Identity},
    fake::{Setup, Shape},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::asked::{Answer, Asked, password, project};

const TOKENS: &str = "/v3/auth/tokens";

fn credential(id: &str, secret: &str) -> Value {
    json!({"auth": {"identity": {"methods": ["application_credential"], "application_credential": {"id": id, "secret": secret}}}})
}

fn seeded() -> Value {
    let setup = Setup::default();
    credential(&setup.credentials[0].id, "demo-credential-secret")
}

async fn ask(asked: &Asked, body: Value) -> Answer {
    asked.post(Identity, TOKENS, body).await
}

#[tokio::test]
async fn a_password_gives_a_token_of_the_project_with_catalog_and_roles() {
    let asked = Asked::new().await;
    let answer = ask(&asked, password("demo", "demo-password", project("demo")))
        .await
        .is(201);
    assert!(answer.header("x-subject-token").len() > 40);
    assert!(answer.header("x-openstack-request-id").starts_with("req-"));
    let token = &answer.body["token"];
    assert_eq!(token["project"]["name"], "demo");
    assert_eq!(token["issued_at"], "2001-09-09T01:46:40.000000Z");
    assert_eq!(token["expires_at"], "2001-09-09T02:46:40.000000Z");
    let types: Vec<_> = token["catalog"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "identity",
            "compute",
            "network",
            "image",
            "block-storage",
            "load-balancer",
            "placement"
        ]
    );
    let roles: Vec<_> = token["roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|role| role["name"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["member", "reader", "load-balancer_member"]);

    let bare = asked
        .post(
            Identity,
            "/v3/auth/tokens?nocatalog",
            password("demo", "demo-password", project("demo")),
        )
        .await
        .is(201);
    assert!(bare.body["token"].get("catalog").is_none());
}

#[tokio::test]
async fn every_wrong_proof_is_refused_with_the_same_words() {
    let mut setup = Setup::default().with_tenant("gone");
    setup.users[2].enabled = false;
    let asked = Asked::of(setup).await;
    let wrong = [
        password("demo", "wrong", project("demo")),
        password("nobody", "demo-password", project("demo")),
        password("gone", "gone-password", project("gone")),
        password("demo", "demo-password", project("admin")),
        password("demo", "demo-password", project("nothing")),
        credential(&Setup::default().credentials[0].id, "wrong"),
    ];
    for body in wrong {
        let answer = ask(&asked, body.clone()).await.is(401);
        assert_eq!(
            answer.words(),
            "The request you have made requires authentication.",
            "{body}"
        );
        assert_eq!(answer.body["error"]["title"], "Unauthorized");
    }
    let unknown = ask(&asked, credential("0000", "demo-credential-secret"))
        .await
        .is(404);
    assert_eq!(unknown.words(), "Could not find Application Credential: 0000.");
    ask(&asked, json!({})).await.is(400);
    ask(&asked, json!({"auth": {"identity": {"methods": ["password"]}}}))
        .await
        .is(400);
}

#[tokio::test]
async fn without_a_scope_the_token_has_neither_project_nor_catalog_and_services_refuse_it() {
    let mut asked = Asked::new().await;
    let answer = ask(&asked, password("demo", "demo-password", None)).await.is(201);
    assert!(answer.body["token"].get("project").is_none());
    assert!(answer.body["token"].get("catalog").is_none());
    asked.bear(answer.header("x-subject-token"));
    asked.get(Compute, "/v2.1/servers").await.is(403);
    let projects = asked.get(Identity, "/v3/auth/projects").await.is(200);
    assert_eq!(projects.body["projects"][0]["name"], "demo");

    let rescoped = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": asked.token()}},
        "scope": {"project": {"id": projects.body["projects"][0]["id"]}}}});
    ask(&asked, rescoped).await.is(201);
}

#[tokio::test]
async fn an_application_credential_takes_no_scope_and_works_by_id_and_by_name() {
    let asked = Asked::new().await;
    let answer = ask(&asked, seeded()).await.is(201);
    assert_eq!(answer.body["token"]["project"]["name"], "demo");
    assert_eq!(answer.body["token"]["application_credential"]["restricted"], true);
    let by_name = json!({"auth": {"identity": {"methods": ["application_credential"], "application_credential":
        {"name": "demo-credential", "secret": "demo-credential-secret", "user": {"name": "demo", "domain": {"id": "default"}}}}}});
    ask(&asked, by_name).await.is(201);

    let mut scoped = seeded();
    scoped["auth"]["scope"] = json!({"project": {"name": "demo", "domain": {"id": "default"}}});
    let answer = ask(&asked, scoped).await.is(401);
    assert_eq!(
        answer.words(),
        "Error authenticating with application credential: Application credentials cannot request a scope."
    );
}

#[tokio::test]
async fn an_expired_application_credential_is_refused_and_ends_its_tokens() {
    let mut setup = Setup::default();
    setup.credentials[0].lifetime = Some(Duration::from_secs(600));
    let mut asked = Asked::of(setup).await;
    let answer = ask(&asked, seeded()).await.is(201);
    assert_eq!(answer.body["token"]["expires_at"], "2001-09-09T01:56:40.000000Z");
    asked.bear(answer.header("x-subject-token"));
    asked.wait(601);
    asked.get(Compute, "/v2.1/servers").await.is(401);
    ask(&asked, seeded()).await.is(401);
}

#[tokio::test]
async fn a_token_ends_by_the_clock_and_the_services_say_so_as_keystonemiddleware_does() {
    let asked = Asked::new().await;
    asked.get(Compute, "/v2.1/servers").await.is(200);
    asked.wait(3600);
    let answer = asked.get(Compute, "/v2.1/servers").await.is(401);
    assert!(
        answer
            .header("www-authenticate")
            .starts_with("Keystone uri=\"http://127.0.0.1:")
    );
    assert_eq!(answer.body["error"]["code"], 401);
}

#[tokio::test]
async fn a_token_from_a_token_does_not_live_longer() {
    let asked = Asked::new().await;
    asked.wait(1800);
    let body = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": asked.token()}},
        "scope": {"project": {"name": "demo", "domain": {"id": "default"}}}}});
    let answer = ask(&asked, body.clone()).await.is(201);
    assert_eq!(answer.body["token"]["expires_at"], "2001-09-09T02:46:40.000000Z");

    let shape = Shape {
        rescope: false,
        ..Shape::default()
    };
    let asked = Asked::of(Setup {
        shape,
        ..Setup::default()
    })
    .await;
    let mut body = body;
    body["auth"]["identity"]["token"]["id"] = json!(asked.token());
    ask(&asked, body).await.is(403);
}

#[tokio::test]
async fn a_token_is_shown_to_its_user_and_ends_when_it_is_revoked() {
    let asked = Asked::new().await;
    let subject = |method| {
        asked
            .request(method, Identity, TOKENS)
            .header("x-subject-token", asked.token())
    };
    let shown = asked.send(subject(Method::GET)).await.unwrap().is(200);
    assert_eq!(shown.body["token"]["user"]["name"], "demo");
    asked.send(subject(Method::DELETE)).await.unwrap().is(204);
    asked.get(Compute, "/v2.1/servers").await.is(401);
}

#[tokio::test]
async fn a_name_of_an_application_credential_is_unique_and_its_secret_is_shown_once() {
    let mut asked = Asked::new().await;
    let me = asked.fake.calls().len();
    assert_eq!(me, 0);
    let user = Setup::default().users[0].id.clone();
    let path = format!("/v3/users/{user}/application_credentials");
    let body = json!({"application_credential": {"name": "one", "roles": [{"name": "member"}]}});
    let made = asked.post(Identity, &path, body.clone()).await.is(201);
    let made = &made.body["application_credential"];
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.len() >= 32);
    assert_eq!(made["roles"].as_array().unwrap().len(), 1);
    let id = made["id"].as_str().unwrap().to_owned();
    asked.post(Identity, &path, body).await.is(409);
    let shown = asked.get(Identity, &format!("{path}/{id}")).await.is(200);
    assert!(shown.body["application_credential"].get("secret").is_none());
    assert_eq!(asked.fake.leftovers().len(), 1);

    let token = ask(&asked, credential(&id, &secret)).await.is(201);
    asked.bear(token.header("x-subject-token"));
    let more = json!({"application_credential": {"name": "two"}});
    asked.post(Identity, &path, more).await.is(403);
    asked.delete(Identity, &format!("{path}/{id}")).await.is(403);
    asked.become_user("demo").await;
    asked.delete(Identity, &format!("{path}/{id}")).await.is(204);
    asked.bear(token.header("x-subject-token"));
    asked.get(Compute, "/v2.1/servers").await.is(401);
    ask(&asked, credential(&id, &secret)).await.is(404);
    assert!(asked.fake.leftovers().is_empty());
    let everything = format!("{:?}{:?}", asked.fake, asked.fake.calls());
    assert!(!everything.contains(&secret) && !everything.contains("demo-password"));
}

#[tokio::test]
async fn the_root_lists_versions_with_300_and_links_may_be_wrong() {
    let asked = Asked::new().await;
    let root = asked.get(Identity, "").await.is(300);
    assert_eq!(root.body["versions"]["values"][0]["status"], "stable");
    asked.get(Identity, "/").await.is(300);
    let shape = Shape {
        wrong_scheme_in_links: true,
        ..Shape::default()
    };
    let asked = Asked::of(Setup {
        shape,
        ..Setup::default()
    })
    .await;
    let link = asked.get(Identity, "/v3/").await.is(200).body["version"]["links"][0]["href"].clone();
    assert!(link.as_str().unwrap().starts_with("https://"), "{link}");
}

#[tokio::test]
async fn a_catalog_can_have_odd_shapes() {
    let shape = Shape {
        second_region: Some("Elsewhere".into()),
        volumev3_only: true,
        project_in_urls: true,
        without: vec![paas_openstack::client::service::Kind::LoadBalancer],
        ..Shape::default()
    };
    let asked = Asked::of(Setup {
        shape,
        ..Setup::default()
    })
    .await;
    let catalog = asked.get(Identity, "/v3/auth/catalog").await.is(200).body["catalog"].clone();
    let entries = catalog.as_array().unwrap();
    let of = |kind: &str| entries.iter().find(|entry| entry["type"] == kind);
    assert!(of("load-balancer").is_none() && of("block-storage").is_none() && of("volumev3").is_some());
    let endpoints = of("compute").unwrap()["endpoints"].as_array().unwrap().clone();
    assert_eq!(endpoints[0]["region"], "Elsewhere");
    let project = Setup::default().projects[0].id.clone();
    let url = endpoints[3]["url"].as_str().unwrap();
    assert!(url.ends_with(&format!("/v2.1/{project}")), "{url}");
    asked
        .get(Compute, &format!("/v2.1/{project}/servers"))
        .await
        .is(200);
    let other = Setup::default().projects[1].id.clone();
    asked
        .get(Compute, &format!("/v2.1/{other}/servers"))
        .await
        .is(400);
}

#[tokio::test]
async fn who_is_not_an_administrator_sees_himself_only() {
    let mut asked = Asked::new().await;
    let user = Setup::default().users[0].id.clone();
    let project = Setup::default().projects[0].id.clone();
    asked.get(Identity, &format!("/v3/users/{user}")).await.is(200);
    asked
        .get(Identity, &format!("/v3/projects/{project}"))
        .await
        .is(200);
    asked.get(Identity, "/v3/users").await.is(403);
    asked.get(Identity, "/v3/projects").await.is(403);
    asked.become_user("admin").await;
    let users = asked.get(Identity, "/v3/users?name=demo").await.is(200);
    assert_eq!(users.body["users"].as_array().unwrap().len(), 1);
    let path = format!("/v3/role_assignments?user.id={user}&include_names");
    let roles = asked.get(Identity, &path).await.is(200);
    assert_eq!(
        roles.body["role_assignments"][0]["scope"]["project"]["name"],
        "demo"
    );
}
