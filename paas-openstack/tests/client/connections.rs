//! Connections that end early, and what is sent again because of it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::join_all;
use paas_core::error::{Class, Effect};
use paas_openstack::client::{Call, Client, Options, service::Kind};
use serde_json::json;
use tokio::net::TcpStream;

use crate::support::{bare, client, client_with, closed_port, http, network_at, read_request, write};

const EMPTY: &str = r#"{"networks": []}"#;

fn list() -> Call {
    Call::get(Kind::Network, "list networks", "networks")
}

fn create() -> Call {
    Call::post(Kind::Network, "create network", "networks").body(json!({ "network": { "name": "n" } }))
}

/// A network service that counts the requests it has read and does `act` with each.
async fn service<F, R>(act: F) -> (Client, wiremock::MockServer, Arc<AtomicUsize>)
where
    F: Fn(TcpStream, usize) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let read = Arc::new(AtomicUsize::new(0));
    let counter = read.clone();
    let uri = bare(move |mut stream, _| {
        let (counter, act) = (counter.clone(), act.clone());
        async move {
            if read_request(&mut stream).await.is_some() {
                let n = counter.fetch_add(1, Ordering::SeqCst);
                act(stream, n).await;
            }
        }
    })
    .await;
    let (keystone, cloud) = network_at(&uri).await;
    (client(cloud).0, keystone, read)
}

#[tokio::test]
async fn a_service_that_closes_after_each_answer_is_no_hardship() {
    let (client, _keystone, read) = service(|mut stream, _| async move {
        write(&mut stream, &http("200 OK", &[("connection", "close")], EMPTY)).await;
    })
    .await;
    for _ in 0..20 {
        client.send(list()).await.unwrap();
        client.send(create()).await.unwrap();
    }
    assert_eq!(read.load(Ordering::SeqCst), 40);
}

#[tokio::test]
async fn a_read_whose_answer_was_lost_is_sent_again() {
    let (client, _keystone, read) = service(|mut stream, n| async move {
        if n > 1 {
            write(&mut stream, &http("200 OK", &[("connection", "close")], EMPTY)).await;
        }
    })
    .await;
    client.send(list()).await.unwrap();
    assert_eq!(read.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_read_is_not_sent_again_for_ever() {
    let (client, _keystone, read) = service(|_, _| async {}).await;
    let e = client.send(list()).await.unwrap_err();
    assert_eq!(
        (e.code().id, e.class(), e.effect()),
        ("PAAS-OS-0023", Class::Transient, Effect::None)
    );
    assert_eq!(read.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_sent_once_and_its_effect_is_unknown() {
    let (client, _keystone, read) = service(|_, _| async {}).await;
    let e = client.send(create()).await.unwrap_err();
    assert_eq!(
        (e.code().id, e.class(), e.effect()),
        ("PAAS-OS-0023", Class::Transient, Effect::Unknown)
    );
    assert_eq!(read.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_post_that_only_reads_is_sent_again_like_a_get() {
    let (client, _keystone, read) = service(|mut stream, n| async move {
        if n > 0 {
            write(&mut stream, &http("200 OK", &[("connection", "close")], EMPTY)).await;
        }
    })
    .await;
    client.send(create().reads()).await.unwrap();
    assert_eq!(read.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_connection_that_the_service_closed_while_it_was_idle_is_replaced() {
    // The answer promises to keep the connection and then drops it, as a service that restarts does.
    let (client, _keystone, read) = service(|mut stream, _| async move {
        write(
            &mut stream,
            &http("200 OK", &[("connection", "keep-alive")], EMPTY),
        )
        .await;
    })
    .await;
    for _ in 0..30 {
        client.send(list()).await.unwrap();
    }
    assert!(read.load(Ordering::SeqCst) >= 30);
}

#[tokio::test]
async fn a_create_that_finds_nobody_listening_is_sent_again_since_nothing_was_sent() {
    let (uri, _port) = closed_port();
    let (_keystone, cloud) = network_at(&uri).await;
    let (client, _) = client(cloud);
    let e = client.send(create()).await.unwrap_err();
    assert_eq!((e.code().id, e.effect()), ("PAAS-OS-0022", Effect::None));
    assert!(e.to_string().contains("5 attempts"), "{e}");
}

#[tokio::test]
async fn no_more_calls_are_under_way_at_once_than_were_allowed() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (n, m) = (now.clone(), most.clone());
    let uri = bare(move |mut stream, _| {
        let (now, most) = (n.clone(), m.clone());
        async move {
            while read_request(&mut stream).await.is_some() {
                let under_way = now.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(under_way, Ordering::SeqCst);
                for _ in 0..50 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Ordering::SeqCst);
                write(&mut stream, &http("200 OK", &[], EMPTY)).await;
            }
        }
    })
    .await;
    let (_keystone, cloud) = network_at(&uri).await;
    let options = Options {
        concurrency: 3,
        clock: Arc::new(paas_core::testing::ManualClock::default()),
        ..Options::default()
    };
    let client = client_with(cloud, options);
    for result in join_all((0..60).map(|_| client.send(list()))).await {
        result.unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}
