//! The operator on a real API server, with engines that work in memory.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use k8s_openapi::{
    api::{coordination::v1::Lease, core::v1::ConfigMap, events::v1::Event},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, api::Patch};
use paas_core::{
    clock::{Clock, SystemClock},
    crd,
    kube::OWNER,
    spec::Kind,
    testing::kube::{self as harness, ControlPlane, Options},
};
use paas_operator::{CONSENT, FINALIZER, PAUSED};
use serde_json::{Value, json};
use support::{Place, World, place, says};

const SOON: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_becomes_ready_and_the_finalizer_is_there_before_the_first_effect() {
    let Some(place) = place("an object becomes ready").await else {
        return;
    };
    let world = World::taking(SOON);
    let running = place.operate("a", &world).await;
    place.database("demo", json!({})).await;
    let ready = place.until_ready("demo").await;
    assert_eq!(says(&ready, "Progressing"), ["False", "Converged"]);
    assert_eq!(says(&ready, "FixedReady"), ["True", "Converged"]);
    assert_eq!(says(&ready, "Stalled"), ["False", "NotAsked"]);
    assert_eq!(ready["status"]["runtime"], "StatefulSet");
    assert_eq!(ready["metadata"]["finalizers"], json!([FINALIZER]));
    assert_eq!(world.told(), ["create demo data", "create demo server"]);
    assert!(world.effects().iter().all(|e| e.held), "{:?}", world.effects());
    if let Some(kubectl) = place.namespace.cluster().kubectl() {
        let waited = Command::new(kubectl)
            .env("KUBECONFIG", place.namespace.cluster().kubeconfig())
            .args([
                "-n",
                place.namespace.name(),
                "wait",
                "--for=condition=Ready",
                "dbi/demo",
                "--timeout=30s",
            ])
            .output()
            .unwrap();
        assert!(waited.status.success(), "{waited:?}");
    }
    assert_eq!(running.metric("paas_time_to_ready_seconds_count"), 1.0);
    assert_eq!(running.metric("leader_election_master_status"), 1.0);
    running.stop().await;
    let events: Api<Event> = Api::default_namespaced(place.client.clone());
    let told: Vec<String> = events
        .list(&Default::default())
        .await
        .unwrap()
        .into_iter()
        .map(|e| {
            format!(
                "{} {}",
                e.reason.unwrap_or_default(),
                e.action.unwrap_or_default()
            )
        })
        .collect();
    for expected in ["Converged Reconcile", "create fixed/data", "create fixed/server"] {
        assert!(
            told.iter().any(|t| t.contains(expected)),
            "{expected} is not in {told:#?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_the_spec_is_carried_out_and_told_with_its_generation() {
    let Some(place) = place("a change of the spec").await else {
        return;
    };
    let world = World::taking(SOON);
    let running = place.operate("a", &world).await;
    place.database("demo", json!({"runtime": "CloudNativePG"})).await;
    place.until_ready("demo").await;
    place.change("demo", json!({"spec": {"replicas": 3}})).await;
    let ready = place.until_ready("demo").await;
    assert_eq!(ready["status"]["observedGeneration"], 2);
    assert_eq!(world.told().last().unwrap(), "update demo server");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_object_is_looked_at_and_nothing_is_written() {
    let Some(place) = place("an idle object").await else {
        return;
    };
    let world = World::taking(Duration::ZERO);
    let running = place
        .operate_with("a", &world, |s| s.pace.resync = Duration::from_millis(200))
        .await;
    place.database("demo", json!({})).await;
    let ready = place.until_ready("demo").await;
    // Events of the first passes are still on their way: wait for two quiet looks.
    let mut before = (running.writes(), world.asked());
    loop {
        looks(&world, 2).await;
        let now = (running.writes(), world.asked());
        if now.0 == before.0 {
            before = now;
            break;
        }
        before = now;
    }
    looks(&world, 5).await;
    assert!(world.asked() >= before.1 + 5);
    assert_eq!(running.writes(), before.0, "an idle pass writes nothing");
    let now = place.until_ready("demo").await;
    assert_eq!(
        now["metadata"]["resourceVersion"],
        ready["metadata"]["resourceVersion"]
    );
    running.stop().await;
}

async fn looks(world: &World, more: usize) {
    let until = world.asked() + more;
    while world.asked() < until {
        SystemClock.sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_with_retain_leaves_the_data_and_a_later_object_adopts_it() {
    let Some(place) = place("deleting with retain").await else {
        return;
    };
    let world = World::taking(SOON);
    let running = place.operate("a", &world).await;
    place.database("demo", json!({})).await;
    place.until_ready("demo").await;
    place.delete("demo").await;
    place.until_gone("demo").await;
    assert_eq!(
        world.things(),
        1,
        "the volume stays: {:?}",
        world.memory.everything()
    );
    place.database("demo", json!({})).await;
    place.until_ready("demo").await;
    assert_eq!(
        world.told(),
        [
            "create demo data",
            "create demo server",
            "delete demo server",
            "create demo server"
        ]
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_goes_only_with_the_word_for_the_very_steps() {
    let Some(place) = place("data goes only with consent").await else {
        return;
    };
    let world = World::taking(SOON);
    let running = place.operate("a", &world).await;
    place.database("demo", json!({"deletionPolicy": "Delete"})).await;
    place.until_ready("demo").await;
    place.delete("demo").await;
    let asked =
        |o: &Value| says(o, "Ready") == ["False", "ConsentNeeded"] && o["status"]["blocked"].is_object();
    let waiting = place.until(Kind::DatabaseInstance, "demo", "asking", asked).await;
    assert_eq!(says(&waiting, "Stalled"), ["True", "ConsentNeeded"]);
    assert_eq!(waiting["status"]["blocked"]["steps"][0]["key"], "fixed/data");
    let hash = waiting["status"]["blocked"]["planHash"]
        .as_str()
        .unwrap()
        .to_owned();
    place
        .change("demo", json!({"metadata": {"annotations": {CONSENT: "0123"}}}))
        .await;
    let seen = world.asked();
    while world.asked() < seen + 2 {
        SystemClock.sleep(Duration::from_millis(20)).await;
    }
    let events: Api<Event> = Api::default_namespaced(place.client.clone());
    let is_void = |e: &Event| e.note.as_deref().is_some_and(|n| n.contains("PAAS-OP-0008"));
    while !events
        .list(&Default::default())
        .await
        .unwrap()
        .iter()
        .any(is_void)
    {
        SystemClock.sleep(Duration::from_millis(20)).await;
    }
    assert!(
        !world.told().contains(&"delete demo data".to_owned()),
        "{:?}",
        world.told()
    );
    place
        .change("demo", json!({"metadata": {"annotations": {CONSENT: hash}}}))
        .await;
    place.until_gone("demo").await;
    assert_eq!(world.things(), 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protected_object_runs_on_while_it_is_being_deleted() {
    let Some(place) = place("a protected object").await else {
        return;
    };
    let world = World::taking(SOON);
    let running = place.operate("a", &world).await;
    place.database("demo", json!({"deletionProtection": true})).await;
    place.until_ready("demo").await;
    place.delete("demo").await;
    let refused = |o: &Value| says(o, "Deleting") == ["True", "DeletionProtected"];
    let kept = place
        .until(Kind::DatabaseInstance, "demo", "protected", refused)
        .await;
    let message = kept["status"]["conditions"][0]["message"].as_str().unwrap();
    assert!(message.contains("PAAS-OP-0007"), "{message}");
    assert_eq!(world.things(), 2);
    place
        .change("demo", json!({"spec": {"deletionProtection": false}}))
        .await;
    place.until_gone("demo").await;
    assert_eq!(world.things(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_object_is_left_alone_until_it_is_not_paused() {
    let Some(place) = place("a paused object").await else {
        return;
    };
    let world = World::taking(SOON);
    let running = place.operate("a", &world).await;
    place
        .make(Kind::DatabaseInstance, "demo", json!({PAUSED: "true"}), json!({}))
        .await;
    let paused = |o: &Value| says(o, "Paused") == ["True", "Paused"];
    let object = place
        .until(Kind::DatabaseInstance, "demo", "paused", paused)
        .await;
    assert_eq!(object["metadata"]["finalizers"], Value::Null);
    assert_eq!(says(&object, "Ready"), ["Unknown", "Paused"]);
    assert_eq!(world.told(), Vec::<String>::new());
    place
        .change("demo", json!({"metadata": {"annotations": {PAUSED: null}}}))
        .await;
    let ready = place.until_ready("demo").await;
    assert_eq!(says(&ready, "Paused"), ["False", "NotAsked"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_this_operator_does_not_do_is_said_on_the_object() {
    let Some(place) = place("what is not supported").await else {
        return;
    };
    let running = place.operate("a", &World::taking(SOON)).await;
    let cloud = json!({"type": "Stackit", "stackit": {"projectId": "0e1a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8"}});
    place
        .make(
            Kind::Platform,
            "here",
            json!({}),
            json!({"infrastructure": {"type": "Local"}}),
        )
        .await;
    place
        .make(
            Kind::Platform,
            "cloud",
            json!({}),
            json!({"infrastructure": cloud}),
        )
        .await;
    place
        .make(
            Kind::DatabaseBackup,
            "copy",
            json!({}),
            json!({"instanceRef": {"name": "demo"}}),
        )
        .await;
    place.database("process", json!({"runtime": "Process"})).await;
    let table = [
        (Kind::Platform, "here", "NotSupported", "PAAS-OP-0006"),
        (Kind::Platform, "cloud", "NotSupported", "PAAS-OP-0005"),
        (Kind::DatabaseBackup, "copy", "NotSupportedYet", "PAAS-OP-0009"),
        (Kind::DatabaseInstance, "process", "NotSupported", "PAAS-OP-0005"),
    ];
    for (kind, name, reason, code) in table {
        let said = place
            .until(kind, name, reason, |o| says(o, "Ready") == ["False", reason])
            .await;
        let message = said["status"]["conditions"][0]["message"].as_str().unwrap();
        assert!(message.contains(code), "{message}");
        assert_eq!(
            said["metadata"]["finalizers"],
            Value::Null,
            "nothing is outside, so nothing holds it"
        );
    }
    running.stop().await;
}

/// Our definitions, with a schema for databases that lets everything through, as an older one may have.
fn lax() -> Vec<CustomResourceDefinition> {
    let mut all: Vec<Value> = crd::all()
        .iter()
        .map(|d| serde_json::to_value(d).unwrap())
        .collect();
    for definition in &mut all {
        let spec = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        *spec = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    }
    all.into_iter()
        .map(|d| serde_json::from_value(d).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_cannot_be_read_stops_nobody_else() {
    // With a schema of its own, so in a cluster of its own.
    let made = ControlPlane::start_own(Options::default()).await;
    let Some(cluster) = harness::unless_absent(made).unwrap() else {
        return;
    };
    cluster.define(&lax()).await.unwrap();
    let place = Place::of(&cluster, "a broken object").await;
    let world = World::taking(SOON);
    place
        .database("broken", json!({"storage": {"size": "12parsec"}}))
        .await;
    // The definition got its rules after the object was stored.
    cluster.define(&crd::all()).await.unwrap();
    let running = place.operate("a", &world).await;
    place.database("good", json!({})).await;
    place.until_ready("good").await;
    let invalid = |o: &Value| says(o, "Ready") == ["False", "Invalid"];
    let said = place
        .until(Kind::DatabaseInstance, "broken", "invalid", invalid)
        .await;
    let message = said["status"]["conditions"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("12parsec") && message.contains("PAAS-OP-0003"),
        "{message}"
    );
    assert_eq!(
        running.metric(r#"paas_broken_objects{kind="DatabaseInstance"}"#),
        1.0
    );
    place
        .change("broken", json!({"spec": {"storage": {"size": "12Gi"}}}))
        .await;
    place.until_ready("broken").await;
    assert_eq!(
        running.metric(r#"paas_broken_objects{kind="DatabaseInstance"}"#),
        0.0
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_operators_one_leads_and_the_other_goes_on_when_it_dies() {
    let Some(place) = place("two operators").await else {
        return;
    };
    let world = World::taking(Duration::from_secs(1));
    let first = place.operate("first", &world).await;
    while first.metric("leader_election_master_status") < 1.0 {
        SystemClock.sleep(Duration::from_millis(20)).await;
    }
    let second = place.operate("second", &world).await;
    place.database("demo", json!({})).await;
    // In the middle: the volume is being made, the server is not begun.
    while world.told().is_empty() {
        SystemClock.sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(second.metric("leader_election_master_status"), 0.0);
    first.kill().await;
    place.until_ready("demo").await;
    assert_eq!(
        world.told(),
        ["create demo data", "create demo server"],
        "each effect once"
    );
    let who: Vec<_> = world.effects().into_iter().map(|e| e.who).collect();
    assert_eq!(who, ["first", "second"]);
    second.stop().await;
    // What was let go is taken at once, long before the silence would be over.
    let third = place.operate("third", &world).await;
    place
        .change("demo", json!({"spec": {"parameters": {"work_mem": "8MB"}}}))
        .await;
    place.until_ready("demo").await;
    assert_eq!(third.metric("leader_election_master_status"), 1.0);
    assert_eq!(world.told().len(), 2);
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_is_stopped_in_the_middle_is_gone_on_with_by_the_next() {
    let Some(place) = place("stopped in the middle").await else {
        return;
    };
    let world = World::taking(Duration::from_secs(1));
    let running = place.operate("a", &world).await;
    for name in ["one", "two", "three"] {
        place.database(name, json!({})).await;
    }
    while world.told().is_empty() {
        SystemClock.sleep(Duration::from_millis(10)).await;
    }
    running.stop().await;
    let stopped = world.told().len();
    let next = place.operate("b", &world).await;
    for name in ["one", "two", "three"] {
        place.until_ready(name).await;
    }
    let told = world.told();
    assert_eq!(told.len(), 6, "each of three volumes and servers once: {told:?}");
    assert!(world.effects()[..stopped].iter().all(|e| e.who == "a"));
    assert!(
        world.effects()[stopped..].iter().all(|e| e.who == "b"),
        "who was stopped does nothing more"
    );
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_leads_outside_the_cluster_and_lets_the_lease_go_when_it_is_asked_to_end() {
    let Some(place) = place("the program").await else {
        return;
    };
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_paas-operator"))
        .env("KUBECONFIG", place.namespace.cluster().kubeconfig())
        .args(["run", "--log", "json", "--metrics", "127.0.0.1:0"])
        .args(["--namespace", place.namespace.name()])
        .args(["--lease-namespace", place.namespace.name()])
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let leases: Api<Lease> = Api::default_namespaced(place.client.clone());
    let holder = async || {
        let lease = leases.get_opt("paas-operator").await.unwrap();
        lease.and_then(|l| l.spec?.holder_identity)
    };
    while holder().await.is_none_or(|h| h.is_empty()) {
        SystemClock.sleep(Duration::from_millis(20)).await;
        assert_eq!(program.try_wait().unwrap(), None, "it ended by itself");
    }
    place.database("demo", json!({"runtime": "CloudNativePG"})).await;
    let unlinked = |o: &Value| says(o, "Ready") == ["False", "NotSupported"];
    let told = place
        .until(
            Kind::DatabaseInstance,
            "demo",
            "told that CloudNativePG is not there",
            unlinked,
        )
        .await;
    let message = told["status"]["conditions"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("list Clusters") && message.contains("[PAAS-K8S-0007]"),
        "{message}"
    );
    let pid = program.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    let ended = program.wait_with_output().await.unwrap();
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(holder().await.as_deref(), Some(""));
    for line in String::from_utf8(ended.stderr).unwrap().lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_what_an_object_owns_leads_to_a_look() {
    let Some(place) = place("a change of what is owned").await else {
        return;
    };
    let world = World::taking(Duration::ZERO);
    let running = place.operate("a", &world).await;
    place.database("demo", json!({})).await;
    place.until_ready("demo").await;
    let maps: Api<ConfigMap> = Api::default_namespaced(place.client.clone());
    let map = |name: &str, owner: &str| -> ConfigMap {
        serde_json::from_value(json!({"metadata": {"name": name, "labels": {OWNER: owner}}})).unwrap()
    };
    // Another one's first: no look comes of it.
    let strangers = map("another", "0e1a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8");
    maps.create(&Default::default(), &strangers).await.unwrap();
    let owner = world.owner.lock().unwrap().clone();
    for verb in ["made", "deleted"] {
        let before = world.asked();
        match verb {
            "made" => drop(
                maps.create(&Default::default(), &map("own", &owner))
                    .await
                    .unwrap(),
            ),
            _ => drop(maps.delete("own", &Default::default()).await.unwrap()),
        }
        let began = SystemClock.elapsed();
        while world.asked() == before {
            SystemClock.sleep(Duration::from_millis(20)).await;
            assert!(
                SystemClock.elapsed() - began < support::DEADLINE,
                "no look after it was {verb}"
            );
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_whose_lease_was_taken_begins_nothing_more() {
    let Some(place) = place("a lease that was taken").await else {
        return;
    };
    let world = World::taking(Duration::from_secs(1));
    let running = place.operate("a", &world).await;
    place.database("demo", json!({})).await;
    while world.told().is_empty() {
        SystemClock.sleep(Duration::from_millis(10)).await;
    }
    let leases: Api<Lease> = Api::default_namespaced(place.client.clone());
    let taken = json!({"spec": {"holderIdentity": "thief"}});
    let taken = leases
        .patch("paas-operator", &Default::default(), &Patch::Merge(&taken))
        .await
        .unwrap();
    while running.metric("leader_election_master_status") > 0.0 {
        SystemClock.sleep(Duration::from_millis(10)).await;
    }
    // The volume has long settled when the thief has been silent for long enough, and only then the server is made.
    let told = world.told();
    let transitions = |lease: &Lease| lease.spec.as_ref().and_then(|s| s.lease_transitions);
    while transitions(&leases.get("paas-operator").await.unwrap()) == transitions(&taken) {
        let (now, lease) = (world.told(), leases.get("paas-operator").await.unwrap());
        if transitions(&lease) == transitions(&taken) {
            assert_eq!(now, told, "somebody else leads");
        }
        SystemClock.sleep(Duration::from_millis(50)).await;
    }
    place.until_ready("demo").await;
    assert_eq!(world.told(), ["create demo data", "create demo server"]);
    running.stop().await;
}
