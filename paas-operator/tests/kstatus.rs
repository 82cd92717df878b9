//! What Flux, and all who judge objects as kstatus does, take our conditions for.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use paas_core::spec::Kind;
use paas_operator::PAUSED;
use serde_json::{Value, json};
use support::{World, place, says};

/// The rules of kstatus for kinds that it has no code for, in their order: `augmented conditions` of its README.
fn kstatus(object: &Value) -> &'static str {
    let status = &object["status"];
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return "Terminating";
    }
    let observed = &status["observedGeneration"];
    if observed.is_i64() && *observed != object["metadata"]["generation"] {
        return "InProgress";
    }
    let says = |type_: &str| says(object, type_)[0].clone();
    match (
        says("Reconciling").as_str(),
        says("Stalled").as_str(),
        says("Ready").as_str(),
    ) {
        ("True", ..) => "InProgress",
        (_, "True", _) => "Failed",
        (.., "True") => "Current",
        (.., "False" | "Unknown") => "InProgress",
        _ => "Current",
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_waits_for_what_is_on_its_way_and_fails_what_needs_a_person() {
    let Some(place) = place("what flux takes it for").await else {
        return;
    };
    let instant = World::taking(Duration::ZERO);
    let running = place.operate("a", &instant).await;
    place.database("demo", json!({})).await;
    let ready = place.until_ready("demo").await;
    assert_eq!(kstatus(&ready), "Current");
    // Before the operator has seen a change, it is nobody's success.
    let mut changed = ready.clone();
    changed["metadata"]["generation"] = json!(2);
    assert_eq!(kstatus(&changed), "InProgress");

    place.database("process", json!({"runtime": "Process"})).await;
    let refused = |o: &Value| says(o, "Ready") == ["False", "NotSupported"];
    let refused = place
        .until(Kind::DatabaseInstance, "process", "refused", refused)
        .await;
    assert_eq!(kstatus(&refused), "Failed");

    let backup = json!({"instanceRef": {"name": "demo"}});
    place.make(Kind::DatabaseBackup, "copy", json!({}), backup).await;
    let not_yet = |o: &Value| says(o, "Ready") == ["False", "NotSupportedYet"];
    let not_yet = place
        .until(Kind::DatabaseBackup, "copy", "refused", not_yet)
        .await;
    assert_eq!(kstatus(&not_yet), "Failed");

    place
        .make(
            Kind::DatabaseInstance,
            "paused",
            json!({PAUSED: "true"}),
            json!({}),
        )
        .await;
    let paused = |o: &Value| says(o, "Paused") == ["True", "Paused"];
    let paused = place
        .until(Kind::DatabaseInstance, "paused", "paused", paused)
        .await;
    assert_eq!(kstatus(&paused), "InProgress");

    place.database("kept", json!({"deletionProtection": true})).await;
    place.until_ready("kept").await;
    place.delete("kept").await;
    let kept = |o: &Value| says(o, "Deleting") == ["True", "DeletionProtected"];
    let kept = place
        .until(Kind::DatabaseInstance, "kept", "protected", kept)
        .await;
    assert_eq!(kstatus(&kept), "Terminating");
    place
        .change("kept", json!({"spec": {"deletionProtection": false}}))
        .await;
    place.until_gone("kept").await;
    running.stop().await;

    let endless = World::taking(Duration::from_secs(3600));
    let running = place.operate("b", &endless).await;
    place.database("slow", json!({})).await;
    let waits = |o: &Value| says(o, "Ready") == ["False", "Waiting"];
    let waiting = place
        .until(Kind::DatabaseInstance, "slow", "waiting", waits)
        .await;
    assert_eq!(kstatus(&waiting), "InProgress");
    running.stop().await;
}
