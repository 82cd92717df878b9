//! The line to an API server: what breaks on it, what is sent again, and what an answer without sense is.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::Arc;

use paas_core::{
    actuator::{Actuator, Ids, Reach},
    error::{Class, Effect, Error},
    kube::{KubeActuator, KubeObject, Namespaces, access, codes as k8s, kind::CONFIG_MAP},
    ledger::Ledger,
    owner::{Identity, Owner},
    resource::{Key, Live},
    secrets::FileSecrets,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, query_param, query_param_is_missing},
};

fn owner() -> Owner {
    Owner::new(
        &Identity::of(&["kubernetes", "test"]),
        "DatabaseInstance",
        "shop",
        "db",
    )
}

fn hands(uri: &str) -> KubeActuator {
    let config = kube::Config::new(uri.parse().unwrap());
    let reach = Namespaces::These(vec!["shop".to_owned()]);
    // Nothing is stored there.
    let secrets = Arc::new(FileSecrets::new("secrets-of-nobody"));
    KubeActuator::new(access::client(config).unwrap(), [&CONFIG_MAP], reach, secrets)
}

async fn look(hands: &KubeActuator) -> Result<usize, Error> {
    Ok(hands
        .observe(&owner(), &Ledger::default(), Reach::Own)
        .await?
        .live
        .len())
}

async fn update(hands: &KubeActuator) -> Error {
    let want = KubeObject::new(&CONFIG_MAP, "shop", "settings", json!({"data": {"a": "b"}}));
    let (key, live) = (Key::new("settings").unwrap(), Live::ready("uid-1", want.clone()));
    hands
        .update(&owner(), &key, &live, &want, &[], &Ids::new())
        .await
        .unwrap_err()
}

fn list(items: Value, next: &str) -> Value {
    json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {"continue": next}, "items": items})
}

fn item(name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "uid": name, "annotations": {"paas.rs/key": name}}})
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_done_and_nothing_is_gone() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hands = hands(&format!("http://{}", closed.local_addr().unwrap()));
    drop(closed);
    let error = look(&hands).await.unwrap_err();
    assert_eq!(
        (error.code().id, error.class()),
        (k8s::K8S_UNREACHABLE.id, Class::Transient)
    );
    assert!(error.words().contains("refused"), "{error}");
    let error = update(&hands).await;
    assert_eq!(
        (error.code().id, error.effect()),
        (k8s::K8S_UNREACHABLE.id, Effect::None),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_was_lost_leaves_the_effect_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hands = hands(&format!("http://{}", listener.local_addr().unwrap()));
    let server = tokio::spawn(async move {
        let mut taken = 0;
        // The request is read, and half an answer is all there is.
        while let Ok((mut line, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = line.read(&mut request).await;
            let _ = line
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"kind\":")
                .await;
            taken += 1;
            if taken == 2 {
                break;
            }
        }
    });
    let error = update(&hands).await;
    assert_eq!(
        (error.code().id, error.effect()),
        (k8s::K8S_UNREACHABLE.id, Effect::Unknown),
        "{error}"
    );
    let error = look(&hands).await.unwrap_err();
    assert_eq!(
        (error.code().id, error.effect()),
        (k8s::K8S_UNREACHABLE.id, Effect::None),
        "{error}"
    );
    server.await.unwrap();
}

#[tokio::test]
async fn what_changes_something_is_sent_once_and_what_reads_is_sent_again() {
    for status in [429, 503, 504] {
        let server = MockServer::start().await;
        let busy = ResponseTemplate::new(status).insert_header("Retry-After", "0");
        Mock::given(method("PATCH"))
            .respond_with(busy.clone())
            .expect(1)
            .mount(&server)
            .await;
        Mock::given(method("GET"))
            .respond_with(busy)
            .up_to_n_times(2)
            .expect(2)
            .mount(&server)
            .await;
        let fine = ResponseTemplate::new(200).set_body_json(list(json!([item("a")]), ""));
        Mock::given(method("GET"))
            .respond_with(fine)
            .expect(1)
            .mount(&server)
            .await;
        let hands = hands(&server.uri());
        assert_eq!(update(&hands).await.code().id, k8s::K8S_FAILED.id);
        assert_eq!(look(&hands).await.unwrap(), 1);
        server.verify().await;
    }
}

#[tokio::test]
async fn a_list_whose_pages_got_too_old_is_begun_anew() {
    let server = MockServer::start().await;
    let first = ResponseTemplate::new(200).set_body_json(list(json!([item("a")]), "more"));
    let gone =
        ResponseTemplate::new(410).set_body_json(json!({"kind": "Status", "code": 410, "reason": "Expired"}));
    let second = ResponseTemplate::new(200).set_body_json(list(json!([item("b")]), ""));
    Mock::given(query_param_is_missing("continue"))
        .respond_with(first)
        .expect(2)
        .mount(&server)
        .await;
    Mock::given(query_param("continue", "more"))
        .respond_with(gone)
        .up_to_n_times(1)
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(query_param("continue", "more"))
        .respond_with(second)
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(look(&hands(&server.uri())).await.unwrap(), 2, "and nothing twice");
}

#[tokio::test]
async fn a_list_that_is_always_too_old_is_an_error_and_not_a_part_of_it() {
    let server = MockServer::start().await;
    let first = ResponseTemplate::new(200).set_body_json(list(json!([item("a")]), "more"));
    let gone =
        ResponseTemplate::new(410).set_body_json(json!({"kind": "Status", "code": 410, "reason": "Expired"}));
    Mock::given(query_param_is_missing("continue"))
        .respond_with(first)
        .mount(&server)
        .await;
    Mock::given(query_param("continue", "more"))
        .respond_with(gone)
        .mount(&server)
        .await;
    let error = look(&hands(&server.uri())).await.unwrap_err();
    assert_eq!(
        (error.code().id, error.class()),
        (k8s::K8S_FAILED.id, Class::Transient)
    );
}

#[tokio::test]
async fn an_answer_that_is_no_list_is_never_an_empty_world() {
    for body in [
        json!({}),
        json!({"kind": "Status"}),
        json!({"items": [], "metadata": {}}),
        json!({"kind": "List", "metadata": {}, "items": "x"}),
        json!({"kind": "List", "metadata": {}, "items": ["x", {"metadata": "y"}]}),
        json!("<html>"),
    ] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(200).set_body_json(&body);
        Mock::given(method("GET"))
            .respond_with(answer)
            .mount(&server)
            .await;
        let error = look(&hands(&server.uri())).await.unwrap_err();
        assert_eq!(error.code().id, k8s::K8S_UNREACHABLE.id, "{body}");
    }
}

#[tokio::test]
async fn a_name_that_would_be_another_path_is_not_sent() {
    let server = MockServer::start().await;
    let hands = hands(&server.uri());
    for name in ["../secrets/x", "a/b", "..", "a?b"] {
        let want = KubeObject::new(&CONFIG_MAP, "shop", name, json!({}));
        let key = Key::new("settings").unwrap();
        let error = hands
            .create(&owner(), &key, &want, &Ids::new())
            .await
            .unwrap_err();
        assert_eq!(error.code().id, paas_core::codes::CORE_NAME.id, "{name}");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}
