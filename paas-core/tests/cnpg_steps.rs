//! What a CloudNativePG instance asks for next, by how far it is: on the way up, in a rotation, and on the way down.

#![cfg(feature = "kube")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use jiff::Timestamp;
use paas_core::{
    database::cnpg::{CnpgDriver, Rotation, session_role},
    database::login::Turn,
    driver::{Driver, Outputs},
    graph::{Desired, Observed},
    kube::{KubeObject, Seen},
    owner::{Identity, Owner},
    pipeline::Wanted,
    resource::{Diff, Health, Key, Live, Need, Resource},
    spec::{DatabaseInstanceSpec, DeletionPolicy, User},
};
use serde_json::{Value, json};

const SESSION: &str = "paas.rs/session-role";
const NUDGED: &str = "paas.rs/nudged";
const TURNS: &str = "paas.rs/turns";

fn driver() -> CnpgDriver {
    CnpgDriver::new(Owner::new(
        &Identity::of(&["test"]),
        "DatabaseInstance",
        "shop",
        "pg",
    ))
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn next(
    driver: &CnpgDriver,
    spec: &DatabaseInstanceSpec,
    seen: &Observed<KubeObject>,
) -> Desired<KubeObject> {
    let desired = driver.desired(spec, &Outputs::default()).unwrap();
    driver
        .next(spec, Wanted::Spec, desired, &Outputs::default(), seen, at(10_000))
        .unwrap()
}

fn down(
    driver: &CnpgDriver,
    spec: &DatabaseInstanceSpec,
    seen: &Observed<KubeObject>,
) -> Desired<KubeObject> {
    let nothing = Desired::nothing();
    driver
        .next(
            spec,
            Wanted::Nothing,
            nothing,
            &Outputs::default(),
            seen,
            at(10_000),
        )
        .unwrap()
}

/// The object as it was applied, with what only others say of it.
fn found(object: &KubeObject, status: Value) -> Live<KubeObject> {
    let mut whole = object.manifest().clone();
    whole["metadata"]["generation"] = 1.into();
    whole["metadata"]["creationTimestamp"] = "1970-01-01T01:00:00Z".into();
    whole["status"] = status;
    let health = (object.object_kind().health)(&whole);
    let seen = Seen {
        applied: Some(object.fingerprint()),
        managed: Value::Null,
        object: whole,
    };
    let manifest = object.manifest().clone();
    let found = KubeObject::found(object.object_kind(), "shop", object.name(), manifest, seen);
    Live::settling(object.name(), found, "").health(health)
}

fn applied() -> Value {
    json!({"applied": true, "observedGeneration": 1})
}

fn healthy() -> Value {
    json!({
        "phase": "Cluster in healthy state", "instances": 1, "readyInstances": 1,
        "currentPrimary": "pg-1", "targetPrimary": "pg-1",
    })
}

/// All that is wanted is there; `status` says of each key what others say.
fn there(desired: &Desired<KubeObject>, status: impl Fn(&str) -> Value) -> Observed<KubeObject> {
    let mut seen = Observed::default();
    for (key, object) in desired.wanted() {
        seen.found(key.clone(), found(object, status(key.as_str())));
    }
    seen
}

fn well(desired: &Desired<KubeObject>) -> Observed<KubeObject> {
    there(desired, |key| match key {
        "cluster" => healthy(),
        _ => applied(),
    })
}

/// The same after the objects were applied and CloudNativePG did what it was told.
fn step(
    driver: &CnpgDriver,
    spec: &DatabaseInstanceSpec,
    seen: &Observed<KubeObject>,
) -> Observed<KubeObject> {
    well(&next(driver, spec, seen))
}

fn annotation<'a>(desired: &'a Desired<KubeObject>, at: &str, name: &str) -> Option<&'a str> {
    desired.wanted()[&key(at)].manifest()["metadata"]["annotations"][name].as_str()
}

/// True if it was applied as it is wanted.
fn is_applied(want: &KubeObject, live: &Live<KubeObject>) -> bool {
    live.resource.seen().and_then(|s| s.applied.clone()) == Some(want.fingerprint())
}

fn waits_for(desired: &Desired<KubeObject>, at: &str) -> bool {
    let needs = desired.wanted()[&key(at)].needs();
    needs.contains(&Need::Order(key("cluster")))
}

#[test]
fn nothing_seen_is_the_spec_alone() {
    let (driver, spec) = (driver(), DatabaseInstanceSpec::default());
    let desired = driver.desired(&spec, &Outputs::default()).unwrap();
    assert_eq!(next(&driver, &spec, &Observed::default()), desired);
}

#[test]
fn a_role_that_names_a_password_is_there_before_the_server_that_has_to_be_let_read_it() {
    let (driver, spec) = (driver(), DatabaseInstanceSpec::default());
    let mut first = driver.desired(&spec, &Outputs::default()).unwrap();
    // Whether the Cluster of that name is ours is not known before.
    for beside in ["login/app_a", "networkPolicy"] {
        assert!(waits_for(&first, beside), "{beside}");
    }
    let mut seen = there(&first, |_| json!({}));
    seen.live.retain(|k, _| k.as_str() == "cluster");
    first = next(&driver, &spec, &seen);
    assert!(!waits_for(&first, "login/app_a"));
    for inside in ["role/app", "login/app_b", "database/app"] {
        assert!(waits_for(&first, inside), "{inside}");
    }
    // It is set up with the server, so nobody has to say it again.
    assert_eq!(annotation(&first, "login/app_a", SESSION), Some("app"));
}

#[test]
fn as_soon_as_the_primary_takes_statements_the_contents_are_made_and_the_login_is_looked_at_again() {
    let (driver, spec) = (driver(), DatabaseInstanceSpec::default());
    let first = driver.desired(&spec, &Outputs::default()).unwrap();
    let mut seen = there(&first, |key| match key {
        "cluster" => json!({"phase": "Setting up primary", "instances": 1, "targetPrimary": "pg-1"}),
        _ => json!({}),
    });
    seen.live
        .retain(|k, _| !matches!(k.as_str(), "role/app" | "login/app_b" | "database/app"));
    assert!(waits_for(&next(&driver, &spec, &seen), "database/app"));

    let cluster = seen.live.get_mut(&key("cluster")).unwrap();
    let since = json!([{"type": "Ready", "status": "False", "lastTransitionTime": "1970-01-01T01:00:02Z"}]);
    let up = json!({
        "phase": "Waiting for the instances to become active", "instances": 1, "conditions": since,
        "targetPrimary": "pg-1", "currentPrimary": "pg-1",
    });
    *cluster = found(&first.wanted()[&key("cluster")], up);
    let then = next(&driver, &spec, &seen);
    for inside in ["role/app", "login/app_b", "database/app"] {
        assert!(!waits_for(&then, inside), "{inside}");
    }
    assert_eq!(annotation(&then, "login/app_a", NUDGED), Some("1 10000"));
    // Once it is well, it costs no further write.
    let last = next(&driver, &spec, &well(&then));
    for (key, live) in &well(&then).live {
        assert!(is_applied(&last.wanted()[key], live), "{key}");
    }
}

#[test]
fn a_server_that_wakes_up_is_not_taken_for_one_that_answers() {
    let (driver, spec) = (driver(), DatabaseInstanceSpec::default());
    let first = driver.desired(&spec, &Outputs::default()).unwrap();
    let mut seen = well(&first);
    seen.live.retain(|k, _| k.as_str() == "cluster");
    let mut waking = healthy();
    waking["readyInstances"] = 0.into();
    waking["conditions"] =
        json!([{"type": "Ready", "status": "False", "lastTransitionTime": "1970-01-01T02:00:00Z"}]);
    seen.live
        .insert(key("cluster"), found(&first.wanted()[&key("cluster")], waking));
    let then = next(&driver, &spec, &seen);
    assert!(waits_for(&then, "database/app"));
    // Its login roles went with the former instance, so their sessions have to be told anew.
    assert_eq!(annotation(&then, "login/app_a", SESSION), None);
}

#[test]
fn a_user_that_comes_later_is_of_use_only_once_its_sessions_begin_as_its_owner_role() {
    let (driver, mut spec) = (driver(), DatabaseInstanceSpec::default());
    let seen = well(&driver.desired(&spec, &Outputs::default()).unwrap());
    spec.users.push(User {
        name: "report".to_owned(),
        connection_limit: None,
    });
    let first = next(&driver, &spec, &seen);
    assert_eq!(annotation(&first, "login/report_a", SESSION), None);
    let seen = well(&first);
    let health = &seen.live[&key("login/report_a")].health;
    assert!(
        matches!(health, Health::Settling { why } if why.contains("owner role")),
        "{health:?}"
    );
    let told = next(&driver, &spec, &seen);
    assert_eq!(annotation(&told, "login/report_a", SESSION), Some("report"));
    assert_eq!(well(&told).live[&key("login/report_a")].health, Health::Ready);
    assert_eq!(
        session_role("report", Turn::A),
        "ALTER ROLE \"report_a\" SET role = 'report'"
    );
}

#[test]
fn a_rotation_is_carried_out_once_for_each_word_and_hands_out_only_what_is_open() {
    let spec = DatabaseInstanceSpec::default();
    let asking = |word: &str| {
        let word = word.to_owned();
        driver().rotate(Some(Rotation { word, overlap: 60 }))
    };
    // A new instance has new passwords already.
    let mut seen = well(&asking("one").desired(&spec, &Outputs::default()).unwrap());
    let calm = next(&asking("one"), &spec, &seen);
    assert_eq!(annotation(&calm, "role/app", TURNS), Some("a locked"));

    let opening = next(&asking("two"), &spec, &seen);
    assert_eq!(annotation(&opening, "role/app", TURNS), Some("a opening 60"));
    assert_eq!(annotation(&opening, "role/app", "paas.rs/rotated"), Some("two"));
    assert!(opening.wanted().contains_key(&key("password/app_b")));
    seen = step(&asking("two"), &spec, &seen);
    // Its sessions have to be told first; until then the former one is handed out.
    let telling = next(&asking("two"), &spec, &seen);
    assert_eq!(annotation(&telling, "role/app", TURNS), Some("a opening 60"));
    assert_eq!(annotation(&telling, "login/app_b", SESSION), Some("app"));
    seen = step(&asking("two"), &spec, &seen);
    let retiring = next(&asking("two"), &spec, &seen);
    assert_eq!(annotation(&retiring, "role/app", TURNS), Some("b retiring 10060"));
    let binding = &retiring.wanted()[&key("binding/app")].manifest()["stringData"]["username"];
    assert_eq!(binding, "app_b");

    // Another word waits for its turn, and is not lost.
    seen = step(&asking("two"), &spec, &seen);
    let waiting = next(&asking("three"), &spec, &seen);
    assert_eq!(annotation(&waiting, "role/app", TURNS), Some("b retiring 10060"));
    assert_eq!(annotation(&waiting, "role/app", "paas.rs/rotated"), Some("two"));
}

#[test]
fn on_the_way_down_the_contents_go_first_then_the_servers_stop_and_the_data_stays() {
    let (driver, spec) = (driver(), DatabaseInstanceSpec::default());
    assert_eq!(spec.deletion_policy, DeletionPolicy::Retain);
    let mut seen = well(&driver.desired(&spec, &Outputs::default()).unwrap());
    assert_eq!(down(&driver, &spec, &seen), Desired::nothing());
    seen.live.retain(|k, _| k.as_str() == "cluster");
    let stopping = down(&driver, &spec, &seen);
    assert_eq!(
        annotation(&stopping, "cluster", "cnpg.io/hibernation"),
        Some("on")
    );
    let cluster = &stopping.wanted()[&key("cluster")];
    let live = &seen.live[&key("cluster")].resource;
    assert_eq!(cluster.manifest()["spec"], live.manifest()["spec"]);
    assert!(matches!(cluster.diff(live), Diff::Update(_)));

    let status = |reason: &str, is: &str| {
        let mut status = healthy();
        status["conditions"] =
            json!([{"type": "cnpg.io/hibernation", "status": is, "reason": reason, "message": "x"}]);
        status
    };
    let under_way = there(&stopping, |_| status("DeletingPods", "False"));
    let still = down(&driver, &spec, &under_way);
    let live = &under_way.live[&key("cluster")];
    assert!(is_applied(&still.wanted()[&key("cluster")], live));
    assert!(matches!(live.health, Health::Settling { .. }));
    for done in [status("Hibernated", "True"), status("WaitingForHealthy", "False")] {
        let rests = there(&stopping, |_| done.clone());
        assert_eq!(down(&driver, &spec, &rests), Desired::nothing());
    }
    // A later instance wants it as before.
    let rests = there(&stopping, |_| status("Hibernated", "True"));
    let woken = next(&driver, &spec, &rests);
    assert_eq!(annotation(&woken, "cluster", "cnpg.io/hibernation"), None);
}

#[test]
fn prometheus_is_told_where_a_look_shows_its_kind_and_nowhere_else() {
    let (driver, spec) = (driver(), DatabaseInstanceSpec::default());
    let mut seen = well(&driver.desired(&spec, &Outputs::default()).unwrap());
    assert!(
        !next(&driver, &spec, &seen)
            .wanted()
            .contains_key(&key("podMonitor"))
    );
    seen.also.insert(key("podMonitor"), Vec::new());
    assert!(
        next(&driver, &spec, &seen)
            .wanted()
            .contains_key(&key("podMonitor"))
    );
}

#[test]
fn what_may_go_goes_without_a_rest() {
    let spec = DatabaseInstanceSpec {
        deletion_policy: DeletionPolicy::Delete,
        ..DatabaseInstanceSpec::default()
    };
    let mut seen = well(&driver().desired(&spec, &Outputs::default()).unwrap());
    seen.live.retain(|k, _| k.as_str() == "cluster");
    assert_eq!(down(&driver(), &spec, &seen), Desired::nothing());
}

#[test]
fn of_a_cluster_that_somebody_else_made_only_what_the_spec_speaks_of_is_said() {
    let spec = DatabaseInstanceSpec {
        replicas: 2,
        ..DatabaseInstanceSpec::default()
    };
    let taking = driver().adopting(true);
    let first = taking.desired(&spec, &Outputs::default()).unwrap();
    assert!(waits_for(&first, "login/app_a"));
    let said = |desired: &Desired<KubeObject>| {
        let spec = desired.wanted()[&key("cluster")].manifest()["spec"].clone();
        let fields = spec.as_object().unwrap().keys().cloned();
        fields.collect::<Vec<_>>()
    };
    assert_eq!(said(&first), ["instances", "storage"]);
    assert!(
        !first.wanted().contains_key(&key("networkPolicy")),
        "its clients may come from anywhere"
    );
    // Its sessions are told once it is there.
    assert_eq!(annotation(&first, "login/app_a", SESSION), None);
    // Programs that log in as the owner role go on.
    let owner = |desired: &Desired<KubeObject>| {
        desired.wanted()[&key("role/app")].manifest()["spec"]["login"].clone()
    };
    assert_eq!(owner(&first), true);
    assert_eq!(
        owner(&driver().desired(&spec, &Outputs::default()).unwrap()),
        Value::Null
    );
    // It is known as such afterwards, whether anybody still says so or not.
    assert_eq!(
        said(&next(&driver(), &spec, &well(&first))),
        ["instances", "storage"]
    );
}
