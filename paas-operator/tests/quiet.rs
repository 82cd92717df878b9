//! What an operator asks and writes while nothing changes, and what one object may cost the others.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{sync::atomic::Ordering, time::Duration};

use paas_core::{
    clock::{Clock, SystemClock},
    spec::Kind,
};
use paas_operator::CONSENT;
use serde_json::{Value, json};
use support::{World, place, says};

const SOON: Duration = Duration::from_millis(100);

/// Longer than any test.
const NEVER: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_told_once_with_since_and_until_and_looked_at_without_a_write() {
    let Some(place) = place("what waits").await else {
        return;
    };
    let world = World::taking(NEVER);
    let running = place.operate("a", &world).await;
    place.database("demo", json!({})).await;
    let waits = |o: &Value| says(o, "Ready") == ["False", "Waiting"];
    let waiting = place
        .until(Kind::DatabaseInstance, "demo", "waiting", waits)
        .await;
    let message = waiting["status"]["conditions"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("fixed/data waits")
            && message.contains(", since 20")
            && message.contains("at the latest"),
        "{message}"
    );
    running.until_quiet(&world, 6).await;
    let now = place
        .until(Kind::DatabaseInstance, "demo", "waiting", waits)
        .await;
    assert_eq!(
        now["metadata"]["resourceVersion"],
        waiting["metadata"]["resourceVersion"]
    );
    let told = place.events().await;
    let waits = told
        .iter()
        .filter(|e| e.starts_with("Waiting observe fixed/data ×1"));
    assert_eq!(waits.count(), 1, "{told:#?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_blocked_is_told_once_and_so_is_a_word_that_is_void() {
    let Some(place) = place("what is blocked").await else {
        return;
    };
    let world = World::taking(Duration::ZERO);
    let running = place.operate_with("a", &world, |s| s.pace.blocked = SOON).await;
    place.database("demo", json!({"deletionPolicy": "Delete"})).await;
    place.until_ready("demo").await;
    place.delete("demo").await;
    let asks = |o: &Value| says(o, "Stalled") == ["True", "ConsentNeeded"];
    place.until(Kind::DatabaseInstance, "demo", "asking", asks).await;
    place
        .change("demo", json!({"metadata": {"annotations": {CONSENT: "0123"}}}))
        .await;
    let told = async |what: &str| {
        let all = place.events().await;
        all.iter()
            .filter(|e| e.starts_with(what))
            .cloned()
            .collect::<Vec<_>>()
    };
    while told("ConsentVoid").await.is_empty() {
        SystemClock.sleep(Duration::from_millis(20)).await;
    }
    running.until_quiet(&world, 8).await;
    for what in ["ConsentVoid Reconcile ×1", "ConsentNeeded Reconcile ×1"] {
        assert_eq!(told(what).await.len(), 1, "{:#?}", place.events().await);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_owned_is_watched_by_its_metadata_alone() {
    let Some(place) = place("metadata alone").await else {
        return;
    };
    let world = World::taking(Duration::ZERO);
    let running = place.operate("a", &world).await;
    place.database("demo", json!({})).await;
    place.until_ready("demo").await;
    let calls = running.calls.lock().unwrap().clone();
    let watches: Vec<_> = calls
        .iter()
        .filter(|c| c.path.contains("/configmaps?") && c.path.contains("paas.rs%2Fowner"))
        .collect();
    assert!(
        watches.iter().any(|c| c.path.contains("watch=true")),
        "{calls:#?}"
    );
    for call in watches {
        assert!(call.accept.contains("as=PartialObjectMetadata"), "{call:?}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_objects_are_looked_at_at_once_than_was_said() {
    let Some(place) = place("no more at once").await else {
        return;
    };
    let world = World::taking(Duration::ZERO);
    let running = place.operate_with("a", &world, |s| s.concurrency = 2).await;
    let names: Vec<String> = (0..8).map(|n| format!("slow-{n}")).collect();
    for name in &names {
        place.database(name, json!({})).await;
    }
    for name in &names {
        place.until_ready(name).await;
    }
    assert_eq!(world.at_once[1].load(Ordering::SeqCst), 2);
    assert_eq!(
        running.metric(r#"controller_runtime_max_concurrent_reconciles{controller="databaseinstance"}"#),
        2.0
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_panics_over_one_object_serves_the_others() {
    let Some(place) = place("an engine that panics").await else {
        return;
    };
    let world = World::taking(Duration::ZERO);
    let running = place.operate("a", &world).await;
    place.database("bomb", json!({})).await;
    let told = place
        .until(Kind::DatabaseInstance, "bomb", "told of the panic", |o| {
            says(o, "Progressing") == ["True", "Retrying"]
        })
        .await;
    let message = told["status"]["conditions"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("the bomb went off") && message.contains("PAAS-OP-0017"),
        "{message}"
    );
    place.database("demo", json!({})).await;
    place.until_ready("demo").await;
    assert!(running.metric("controller_runtime_reconcile_panics_total") >= 1.0);
    while running.metric("controller_runtime_active_workers") > 0.0 {
        SystemClock.sleep(Duration::from_millis(5)).await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_hears_late_does_and_tells_nothing_twice() {
    let Some(place) = place("hearing late").await else {
        return;
    };
    let mut world = World::taking(Duration::ZERO);
    world.news_takes = Duration::from_millis(700);
    let running = place.operate_with("a", &world, |s| s.pace.resync = SOON).await;
    place.database("demo", json!({})).await;
    place.until_ready("demo").await;
    place.change("demo", json!({"spec": {"replicas": 2}})).await;
    place.until_ready("demo").await;
    running.until_quiet(&world, 8).await;
    assert_eq!(
        world.told(),
        ["create demo data", "create demo server", "update demo server"]
    );
    let events = place.events().await;
    for once_a_change in ["Working Reconcile ×2", "Converged Reconcile ×2"] {
        assert!(events.iter().any(|e| e.starts_with(once_a_change)), "{events:#?}");
    }
    let reads = running.calls.lock().unwrap().clone();
    assert!(
        reads
            .iter()
            .any(|c| c.method == "GET" && c.path.ends_with("/databaseinstances/demo")),
        "what was shown was older than what was written, so it was read"
    );
    running.stop().await;
}
