//! A reconcile as a collector of OpenTelemetry sees it.
#![cfg(all(target_os = "linux", feature = "otel"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use paas_core::{
    clock::{Clock, SystemClock},
    spec::Kind,
};
use serde_json::{Value, json};
use support::{place, says};
use tokio::net::TcpListener;

type Batches = Arc<Mutex<Vec<Bytes>>>;

async fn take(State(batches): State<Batches>, batch: Bytes) -> StatusCode {
    batches.lock().unwrap().push(batch);
    StatusCode::OK
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_of_a_reconcile_reaches_the_collector() {
    let Some(place) = place("traces").await else {
        return;
    };
    let batches = Batches::default();
    let collector = Router::new()
        .route("/v1/traces", post(take))
        .with_state(batches.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let collecting = tokio::spawn(async move { axum::serve(listener, collector).await });
    let mut program = Command::new(env!("CARGO_BIN_EXE_paas-operator"))
        .env("KUBECONFIG", place.namespace.cluster().kubeconfig())
        .args(["run", "--metrics", "127.0.0.1:0", "--otlp-endpoint", &endpoint])
        .args(["--namespace", place.namespace.name()])
        .args(["--lease-namespace", place.namespace.name()])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    place.database("traced", json!({"runtime": "Process"})).await;
    let refused = |o: &Value| says(o, "Ready") == ["False", "NotSupported"];
    place
        .until(Kind::DatabaseInstance, "traced", "refused", refused)
        .await;
    // What is not sent yet is sent at the end.
    let pid = program.id().to_string();
    let asked = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(asked.success());
    let ended = tokio::task::spawn_blocking(move || program.wait().unwrap());
    assert!(ended.await.unwrap().success());
    let has = |batch: &Bytes, word: &str| batch.windows(word.len()).any(|at| at == word.as_bytes());
    // Protocol buffers hold texts as they are: the service, the span, what it says, and the calls beneath it.
    let words = [
        "paas-operator",
        "reconcile",
        "DatabaseInstance",
        "traced",
        place.namespace.name(),
        "http.method",
    ];
    let complete = || {
        let all = batches.lock().unwrap();
        all.iter().any(|batch| words.iter().all(|word| has(batch, word)))
    };
    let began = SystemClock.elapsed();
    while !complete() {
        let missing: Vec<_> = words
            .iter()
            .filter(|w| !batches.lock().unwrap().iter().any(|b| has(b, w)))
            .collect();
        assert!(
            SystemClock.elapsed() - began < support::DEADLINE,
            "missing: {missing:?}"
        );
        SystemClock.sleep(Duration::from_millis(20)).await;
    }
    collecting.abort();
}
