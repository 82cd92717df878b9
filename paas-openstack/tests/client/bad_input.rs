//! Whatever is wrong with a cloud or with what was said about it: a clear error with a code, soon.

use std::time::Duration;

use paas_core::error::{Class, Effect, Error};
use paas_openstack::{
    Cloud,
    client::{Call, Client, Options, service::Kind},
};
use rcgen::{CertificateParams, CertifiedKey, KeyPair, generate_simple_self_signed};
use serde_json::json;
use std::sync::Arc;
use wiremock::{MockServer, ResponseTemplate};

use crate::support::{
    AUTH, TOKEN, accepted, answer, bare, catalog, client, client_with, closed_port, cloud, count, http,
    network_at, read_request, world, write,
};

const NETWORKS: &str = "/network/v2.0/networks";

fn list() -> Call {
    Call::get(Kind::Network, "list networks", "networks")
}

fn create() -> Call {
    Call::post(Kind::Network, "create network", "networks").body(json!({ "network": {} }))
}

async fn listing(client: &Client) -> Error {
    client
        .fetch::<serde_json::Value>(list(), "networks")
        .await
        .unwrap_err()
}

/// What comes of a list when the network service answers with these bytes and closes.
async fn answered_with(bytes: String) -> Error {
    let uri = bare(move |mut stream, _| {
        let bytes = bytes.clone();
        async move {
            read_request(&mut stream).await;
            write(&mut stream, &bytes).await;
        }
    })
    .await;
    let (_keystone, cloud) = network_at(&uri).await;
    listing(&client(cloud).0).await
}

#[tokio::test]
async fn an_unreachable_cloud_is_told_with_its_address() {
    let (uri, _port) = closed_port();
    let e = client(cloud(&uri)).0.token().await.unwrap_err();
    assert_eq!(
        (e.code().id, e.class(), e.effect()),
        ("PAAS-OS-0022", Class::Transient, Effect::None)
    );
    assert!(
        e.to_string().contains(&uri) && e.to_string().contains("refused"),
        "{e}"
    );
    assert!(e.to_string().contains("5 attempts"), "{e}");
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_told() {
    let e = client(cloud("http://no-such-cloud.invalid"))
        .0
        .token()
        .await
        .unwrap_err();
    assert_eq!((e.code().id, e.class()), ("PAAS-OS-0022", Class::Transient));
}

#[tokio::test]
async fn a_service_that_hangs_is_given_up_at_the_deadline() {
    let uri = bare(|mut stream, _| async move {
        read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut cloud = cloud(&uri);
    cloud.timeout = Some(Duration::from_millis(60));
    let e = client(cloud).0.token().await.unwrap_err();
    assert_eq!((e.code().id, e.class()), ("PAAS-OS-0024", Class::TimedOut));
    assert!(e.to_string().contains("within 0.06 s"), "{e}");
}

#[tokio::test]
async fn an_answer_that_drips_is_given_up_at_the_deadline_too() {
    let uri = bare(|mut stream, _| async move {
        read_request(&mut stream).await;
        write(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{").await;
        std::future::pending::<()>().await;
    })
    .await;
    let (_keystone, mut cloud) = network_at(&uri).await;
    cloud.timeout = Some(Duration::from_millis(100));
    let (client, _) = client(cloud);
    assert_eq!(listing(&client).await.code().id, "PAAS-OS-0024");
    let e = client.send(create()).await.unwrap_err();
    assert_eq!((e.code().id, e.effect()), ("PAAS-OS-0024", Effect::Unknown));
}

#[tokio::test]
async fn half_a_body_is_a_lost_answer() {
    let bytes =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"networks\": [";
    let e = answered_with(bytes.to_owned()).await;
    assert_eq!((e.code().id, e.class()), ("PAAS-OS-0023", Class::Transient));
}

#[tokio::test]
async fn half_a_body_without_a_length_is_not_taken_for_a_whole_one() {
    let bytes = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\n{\"networks\": [";
    assert_eq!(answered_with(bytes.to_owned()).await.code().id, "PAAS-OS-0023");
    // Only the end of the connection marks the end of the body: what came is cut JSON.
    let bytes = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"networks\": [";
    assert_eq!(answered_with(bytes.to_owned()).await.code().id, "PAAS-OS-0025");
}

#[tokio::test]
async fn what_is_no_http_at_all_is_a_lost_answer() {
    let e = answered_with("SSH-2.0-OpenSSH_9.6\r\n".to_owned()).await;
    assert_eq!(e.code().id, "PAAS-OS-0023");
}

#[tokio::test]
async fn a_body_of_a_hundred_megabytes_is_refused_before_it_is_read() {
    let uri = bare(|mut stream, n| async move {
        read_request(&mut stream).await;
        if n == 0 {
            write(
                &mut stream,
                "HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\n",
            )
            .await;
        } else {
            write(
                &mut stream,
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            )
            .await;
        }
        let mut chunk = format!("{:x}\r\n", 1 << 20);
        chunk.push_str(&" ".repeat(1 << 20));
        chunk.push_str("\r\n");
        for _ in 0..100 {
            write(&mut stream, &chunk).await;
        }
    })
    .await;
    let (_keystone, cloud) = network_at(&uri).await;
    let options = Options {
        max_answer: 4 << 20,
        ..Options::default()
    };
    let client = client_with(cloud, options);
    for _ in 0..2 {
        let e = listing(&client).await;
        assert_eq!((e.code().id, e.class()), ("PAAS-OS-0026", Class::Invalid));
        assert!(e.to_string().contains("larger than 4 MiB"), "{e}");
    }
    let e = client.send(create()).await.unwrap_err();
    assert_eq!((e.code().id, e.effect()), ("PAAS-OS-0026", Effect::Unknown));
}

#[tokio::test]
async fn a_web_page_instead_of_json_is_told_with_its_title() {
    let page =
        "<!DOCTYPE html><html><head><title>Hotel Wi-Fi</title></head><body>Please log in</body></html>";
    let e = answered_with(http("200 OK", &[], page)).await;
    assert_eq!((e.code().id, e.class()), ("PAAS-OS-0025", Class::Invalid));
    assert!(e.to_string().contains("a web page came: Hotel Wi-Fi"), "{e}");
}

#[tokio::test]
async fn a_portal_that_answers_to_a_delete_has_deleted_nothing_for_us() {
    let (server, client, _) = world().await;
    let page = ResponseTemplate::new(200).set_body_raw("<html>Welcome</html>", "text/html");
    answer(&server, "DELETE", "/network/v2.0/networks/n1", page).await;
    let delete = Call::delete(Kind::Network, "delete network", "networks/n1");
    let e = client.send(delete).await.unwrap_err();
    assert_eq!((e.code().id, e.effect()), ("PAAS-OS-0025", Effect::Unknown));
}

#[tokio::test]
async fn json_without_what_was_asked_for_is_told() {
    for (body, words) in [
        (r#"{"servers": []}"#, "it has no 'networks'"),
        ("[]", "it has no 'networks'"),
        ("null", "it has no 'networks'"),
        ("", "it is not JSON; the body is empty"),
        (r#"{"networks": [}"#, "it is not JSON"),
    ] {
        let e = answered_with(http("200 OK", &[("content-type", "application/json")], body)).await;
        assert_eq!(e.code().id, "PAAS-OS-0025");
        assert!(e.to_string().contains(words), "{e}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_its_target_is_told() {
    for status in [301, 302, 303, 307, 308] {
        let (server, client, _) = world().await;
        let elsewhere = MockServer::start().await;
        let target = format!("{}/login?session=abc", elsewhere.uri());
        let redirect = ResponseTemplate::new(status).insert_header("Location", target.as_str());
        answer(&server, "GET", NETWORKS, redirect.clone()).await;
        answer(&server, "POST", NETWORKS, redirect).await;
        let e = listing(&client).await;
        assert_eq!((e.code().id, e.class()), ("PAAS-OS-0027", Class::Invalid));
        let told = format!("to {}/login", elsewhere.uri());
        assert!(
            e.to_string().contains(&told) && !e.to_string().contains("abc"),
            "{e}"
        );
        let effect = client.send(create()).await.unwrap_err().effect();
        assert_eq!(effect == Effect::Unknown, matches!(status, 302 | 303), "{status}");
        assert!(
            elsewhere.received_requests().await.unwrap().is_empty(),
            "the token went nowhere"
        );
    }
}

#[tokio::test]
async fn a_login_that_is_redirected_does_not_send_the_password_on() {
    let (server, elsewhere) = (MockServer::start().await, MockServer::start().await);
    let redirect = ResponseTemplate::new(307).insert_header("Location", elsewhere.uri().as_str());
    answer(&server, "POST", AUTH, redirect).await;
    let e = client(cloud(&server.uri())).0.token().await.unwrap_err();
    assert_eq!(e.code().id, "PAAS-OS-0027");
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_path_that_climbs_out_of_its_service_is_refused_before_it_is_sent() {
    let (server, client, _) = world().await;
    for path in [
        "networks/../../identity",
        "networks/%2e%2E/x",
        "networks?x=y",
        "a#b",
        "a\\..\\b",
    ] {
        let e = client
            .send(Call::get(Kind::Network, "read network", path))
            .await
            .unwrap_err();
        assert_eq!(
            (e.code().id, e.class()),
            ("PAAS-OS-0018", Class::Invalid),
            "{path}"
        );
    }
    let odd = Call::get(Kind::Network, "read network", "networks").header("If Match", "5\n");
    let e = client.send(odd).await.unwrap_err();
    assert!(e.to_string().contains("a header 'If Match'"), "{e}");
    assert_eq!(
        server.received_requests().await.unwrap().len(),
        1,
        "only the login"
    );
}

/// A listener that speaks TLS with this certificate and answers every login.
async fn tls_keystone(key: &CertifiedKey<KeyPair>) -> String {
    tls_keystone_for(key, None).await
}

/// The same, for those only whose certificate this one vouches for.
async fn tls_keystone_for(key: &CertifiedKey<KeyPair>, trusted: Option<&CertifiedKey<KeyPair>>) -> String {
    let chain = vec![key.cert.der().clone()];
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = match trusted {
        None => rustls::server::WebPkiClientVerifier::no_client_auth(),
        Some(trusted) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(trusted.cert.der().clone()).unwrap();
            rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .unwrap()
        }
    };
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, private)
        .unwrap();
    let config = Arc::new(config);
    let address = bare(move |stream, _| {
        let config = config.clone();
        async move {
            let mut stream = stream.into_std().unwrap();
            stream.set_nonblocking(false).unwrap();
            let serve = move || {
                let mut tls = rustls::ServerConnection::new(config).unwrap();
                let mut tls = rustls::Stream::new(&mut tls, &mut stream);
                let mut request = [0; 8192];
                if std::io::Read::read(&mut tls, &mut request).is_ok_and(|n| n > 0) {
                    let body = crate::support::token_body(catalog("https://h"), Duration::from_secs(3600))
                        .to_string();
                    let headers = [("X-Subject-Token", TOKEN), ("connection", "close")];
                    let _ =
                        std::io::Write::write_all(&mut tls, http("201 Created", &headers, &body).as_bytes());
                    tls.conn.send_close_notify();
                }
                let _ = tls.conn.write_tls(tls.sock);
                // What stands unread when a connection is closed destroys what was just written to it.
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            };
            tokio::task::spawn_blocking(serve).await.unwrap();
        }
    })
    .await;
    address.replace("http://127.0.0.1", "https://localhost")
}

fn fails_with_tls(e: &Error, words: &str) {
    assert_eq!(
        (e.code().id, e.class(), e.effect()),
        ("PAAS-OS-0021", Class::Invalid, Effect::None)
    );
    assert!(e.to_string().contains(words), "{e}");
    assert!(
        !e.to_string().contains("attempts"),
        "a certificate does not become better by waiting: {e}"
    );
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_told_and_not_tried_again() {
    let key = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let uri = tls_keystone(&key).await;
    let e = client(cloud(&uri)).0.token().await.unwrap_err();
    fails_with_tls(&e, "certificate");
}

#[tokio::test]
async fn with_its_authority_named_the_cloud_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let key = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut cloud = cloud(&tls_keystone(&key).await);
    cloud.tls.ca = Some(folder.path().join("ca.pem"));
    std::fs::write(folder.path().join("ca.pem"), key.cert.pem()).unwrap();
    let (client, _) = client(cloud);
    assert!(client.warnings().is_empty());
    assert_eq!(client.token().await.unwrap().user.name, "demo");
}

#[tokio::test]
async fn a_cloud_that_wants_our_certificate_gets_it_and_says_so_when_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let key = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let ours = generate_simple_self_signed(["us".to_owned()]).unwrap();
    let mut cloud = cloud(&tls_keystone_for(&key, Some(&ours)).await);
    cloud.tls.ca = Some(folder.path().join("ca.pem"));
    std::fs::write(folder.path().join("ca.pem"), key.cert.pem()).unwrap();
    let e = client(cloud.clone()).0.token().await.unwrap_err();
    fails_with_tls(&e, "CertificateRequired");
    let (certificate, private) = (folder.path().join("us.pem"), folder.path().join("us.key"));
    std::fs::write(&certificate, ours.cert.pem()).unwrap();
    std::fs::write(&private, ours.signing_key.serialize_pem()).unwrap();
    cloud.tls.client = Some((certificate, private));
    assert_eq!(client(cloud).0.token().await.unwrap().user.name, "demo");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let key = generate_simple_self_signed(["other.example".to_owned()]).unwrap();
    let mut cloud = cloud(&tls_keystone(&key).await);
    cloud.tls.ca = Some(folder.path().join("ca.pem"));
    std::fs::write(folder.path().join("ca.pem"), key.cert.pem()).unwrap();
    fails_with_tls(&client(cloud).0.token().await.unwrap_err(), "localhost");
}

#[tokio::test]
async fn a_certificate_that_has_run_out_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let signing_key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&signing_key).unwrap();
    let key = CertifiedKey { cert, signing_key };
    let mut cloud = cloud(&tls_keystone(&key).await);
    cloud.tls.ca = Some(folder.path().join("ca.pem"));
    std::fs::write(folder.path().join("ca.pem"), key.cert.pem()).unwrap();
    fails_with_tls(&client(cloud).0.token().await.unwrap_err(), "expired");
}

#[tokio::test]
async fn without_verification_everybody_is_trusted_and_that_is_said_loudly() {
    let key = generate_simple_self_signed(["other.example".to_owned()]).unwrap();
    let mut cloud = cloud(&tls_keystone(&key).await);
    cloud.tls.verify = false;
    let (client, _) = client(cloud);
    assert_eq!(client.token().await.unwrap().user.name, "demo");
    let words = client.warnings()[0].to_string();
    assert!(
        words.contains("NOT verified") && words.contains("'test'"),
        "{words}"
    );
}

#[tokio::test]
async fn credentials_in_plain_text_are_warned_of_unless_they_stay_here() {
    let said = |uri: &str| {
        client(cloud(uri))
            .0
            .warnings()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert!(said("http://127.0.0.1:5000").is_empty() && said("http://localhost").is_empty());
    assert!(said("http://cloud.example")[0].contains("cloud.example without TLS"));
}

#[tokio::test]
async fn plain_http_where_tls_was_expected_is_told() {
    let uri = bare(|mut stream, _| async move {
        write(&mut stream, "HTTP/1.1 400 Bad Request\r\n\r\n").await;
        read_request(&mut stream).await;
    })
    .await;
    let e = client(cloud(&uri.replace("http:", "https:")))
        .0
        .token()
        .await
        .unwrap_err();
    fails_with_tls(&e, "corrupt message");
}

#[tokio::test]
async fn files_of_certificates_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.pem");
    std::fs::write(&garbage, "no certificate").unwrap();
    let refused = |change: &dyn Fn(&mut Cloud)| {
        let mut cloud = cloud("https://localhost");
        change(&mut cloud);
        Client::new(cloud, Options::default()).unwrap_err()
    };
    for path in [folder.path().join("absent.pem"), garbage] {
        let e = refused(&|cloud| cloud.tls.ca = Some(path.clone()));
        fails_with_tls(&e, &path.display().to_string());
        let e = refused(&|cloud| cloud.tls.client = Some((path.clone(), path.clone())));
        fails_with_tls(&e, &path.display().to_string());
    }
}

#[tokio::test]
async fn every_attempt_ends_at_the_deadline_of_the_whole_call() {
    let server = MockServer::start().await;
    answer(&server, "POST", AUTH, accepted(TOKEN, catalog(&server.uri()))).await;
    let busy = ResponseTemplate::new(503).insert_header("Retry-After", "100");
    answer(&server, "GET", NETWORKS, busy).await;
    let (client, clock) = client(cloud(&server.uri()));
    let e = listing(&client).await;
    assert_eq!((e.code().id, e.class()), ("PAAS-OS-0019", Class::Transient));
    assert_eq!(
        count(&server, "GET", NETWORKS).await,
        2,
        "a third would come after 200 s, beyond the 180 of a call"
    );
    assert!(paas_core::clock::Clock::elapsed(&*clock) < Duration::from_secs(180));
}
