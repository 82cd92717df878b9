//! What changes of an instance bring, what cannot be had, and what is taken over or kept.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use jiff::Timestamp;
use paas_core::{
    codes::Code,
    database::{
        cnpg::{
            CnpgDriver, Logins, Turns, adopt,
            codes::{CNPG_CONTENT, CNPG_STORAGE, CNPG_VERSION},
            kinds, parameters,
        },
        login::Turn,
    },
    driver::{DatabaseEngine, Driver, Outputs},
    graph::Observed,
    kube::{KubeObject, Seen},
    owner::{Identity, Owner},
    resource::{Change, Diff, Health, Key, Live, Resource},
    secrets::SecretRef,
    spec::{DatabaseInstanceSpec, Exposure, ParameterValue, User},
};
use serde_json::{Value, json};

fn driver() -> CnpgDriver {
    let owner = Owner::new(&Identity::of(&["test"]), "DatabaseInstance", "shop", "pg");
    CnpgDriver::new(owner)
}

fn object(driver: &CnpgDriver, spec: &DatabaseInstanceSpec, key: &str) -> KubeObject {
    let desired = driver.desired(spec, &Outputs::default()).unwrap();
    desired.wanted()[&Key::new(key).unwrap()].clone()
}

fn spec(change: impl FnOnce(&mut DatabaseInstanceSpec)) -> DatabaseInstanceSpec {
    let mut spec = DatabaseInstanceSpec::default();
    spec.engine.version = Some("17.5".parse().unwrap());
    spec.storage.size = "10Gi".parse().unwrap();
    spec.parameters
        .insert("work_mem".into(), ParameterValue::Text("4MB".into()));
    change(&mut spec);
    spec
}

/// What comes of changing one spec into the other.
fn between(from: &DatabaseInstanceSpec, to: &DatabaseInstanceSpec) -> Diff {
    object(&driver(), to, "cluster").diff(&object(&driver(), from, "cluster"))
}

fn brings(diff: &Diff) -> Vec<(&str, &str)> {
    let Diff::Update(changes) = diff else {
        panic!("no update: {diff:?}")
    };
    let told = |c: &'_ Change| c.brings.is_some();
    changes
        .iter()
        .filter(|c| told(c))
        .map(|c| (c.field.as_str(), c.brings.as_deref().unwrap()))
        .collect()
}

fn refusal(diff: &Diff) -> &'static Code {
    match diff {
        Diff::Refuse { code, .. } => code,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_change_says_whether_servers_restart() {
    let base = spec(|_| ());
    let with = |name: &str, value: &str| {
        let value = ParameterValue::Text(value.to_owned());
        between(&base, &spec(|s| drop(s.parameters.insert(name.into(), value))))
    };
    assert_eq!(
        brings(&with("work_mem", "8MB")),
        [("spec.postgresql.parameters.work_mem", "a reload")]
    );
    let rolling = "a restart of each server, the primary last";
    assert_eq!(
        brings(&with("Shared_Buffers", "64MB")),
        [("spec.postgresql.parameters.shared_buffers", rolling)]
    );
    let libraries = with("shared_preload_libraries", "auto_explain");
    assert_eq!(brings(&libraries)[0].1, rolling);
    let larger = spec(|s| s.plan = Some(paas_core::spec::Plan::Small));
    assert!(brings(&between(&base, &larger)).contains(&("spec.resources.requests.memory", rolling)));
    let minor = spec(|s| s.engine.version = Some("17.6".parse().unwrap()));
    assert_eq!(brings(&between(&base, &minor)), [("spec.imageName", rolling)]);
}

#[test]
fn a_first_parameter_that_needs_a_restart_is_told_like_any_other() {
    let without = spec(|s| s.parameters.clear());
    let with = spec(|s| {
        s.parameters = BTreeMap::from([("max_connections".into(), ParameterValue::Integer(50))]);
    });
    assert!(brings(&between(&without, &with))[0].1.contains("restart"));
    let calm = spec(|_| ());
    assert_eq!(brings(&between(&without, &calm))[0].1, "a reload");
}

#[test]
fn volumes_grow_and_neither_shrink_nor_move() {
    let base = spec(|s| s.storage.class = Some("slow".into()));
    let size = |text: &str| {
        spec(|s| {
            s.storage.size = text.parse().unwrap();
            s.storage.class = Some("slow".into());
        })
    };
    assert!(
        brings(&between(&base, &size("20Gi")))[0]
            .1
            .starts_with("larger volumes")
    );
    assert_eq!(refusal(&between(&base, &size("9Gi"))).id, CNPG_STORAGE.id);
    for class in [Some("fast".to_owned()), None] {
        let other = spec(|s| s.storage.class = class);
        assert_eq!(refusal(&between(&base, &other)).id, CNPG_STORAGE.id);
    }
}

#[test]
fn an_older_major_version_is_refused_and_a_newer_one_says_what_it_costs() {
    let of = |version: Option<&str>| spec(|s| s.engine.version = version.map(|v| v.parse().unwrap()));
    let major = between(&of(Some("16")), &of(Some("17.6")));
    assert!(brings(&major)[0].1.contains("major upgrade"), "{major:?}");
    for (from, to) in [
        (Some("17"), Some("16")),
        (Some("17.6"), None),
        (Some("13"), Some("15")),
    ] {
        assert_eq!(
            refusal(&between(&of(from), &of(to))).id,
            CNPG_VERSION.id,
            "{from:?} {to:?}"
        );
    }
}

#[test]
fn standbys_come_and_go_and_what_only_a_new_instance_reads_brings_nothing() {
    let base = spec(|s| s.replicas = 3);
    let fewer = brings_of(&between(&base, &spec(|s| s.replicas = 2)), "spec.instances");
    assert_eq!(fewer, "standbys go, with their copies of the data");
    let more = brings_of(&between(&base, &spec(|s| s.replicas = 4)), "spec.instances");
    assert_eq!(more, "new standbys");
    let another = User {
        name: "report".into(),
        connection_limit: None,
    };
    let users = between(&spec(|_| ()), &spec(|s| s.users.push(another)));
    assert!(brings(&users).iter().all(|(_, what)| what.starts_with("nothing")));
    assert!(adopt::is_seamless(&users));
}

fn brings_of(diff: &Diff, field: &str) -> String {
    let all = brings(diff);
    all.iter().find(|(f, _)| *f == field).unwrap().1.to_owned()
}

#[test]
fn stopping_and_starting_is_told() {
    let (runs, stands) = (
        object(&driver(), &spec(|_| ()), "cluster"),
        object(&driver(), &spec(|s| s.stopped = true), "cluster"),
    );
    assert_eq!(brings(&stands.diff(&runs))[0].1, "all servers are stopped");
    assert_eq!(brings(&runs.diff(&stands))[0].1, "the servers are started");
}

#[test]
fn a_role_cannot_be_renamed() {
    let change = vec![Change::new("spec.name", "app", "shop")];
    assert_eq!(refusal(&(kinds::ROLE.judge)(change)).id, CNPG_CONTENT.id);
    let change = vec![Change::new("spec.connectionLimit", -1, 5)];
    assert!(matches!((kinds::ROLE.judge)(change), Diff::Update(_)));
}

#[test]
fn a_cluster_that_is_as_it_is_wanted_is_taken_over_without_a_restart() {
    let wanted = object(&driver(), &spec(|_| ()), "cluster");
    let mut there = wanted.manifest().clone();
    there["metadata"] = json!({"name": "pg", "annotations": {"argocd.argoproj.io/x": "y"}});
    // The webhook's defaults, another way to write an amount, and another beginning.
    there["spec"]["logLevel"] = "info".into();
    there["spec"]["postgresql"]["parameters"]["archive_mode"] = "on".into();
    there["spec"]["storage"]["size"] = "10240Mi".into();
    there["spec"]["bootstrap"] = json!({"recovery": {"source": "old"}});
    assert_eq!(adopt::differs(&wanted, &there), Diff::Same);

    there["spec"]["postgresql"]["parameters"]["work_mem"] = "64MB".into();
    let reload = adopt::differs(&wanted, &there);
    assert_eq!(
        brings(&reload),
        [("spec.postgresql.parameters.work_mem", "a reload")]
    );
    assert!(adopt::is_seamless(&reload));

    there["spec"]["resources"]["requests"]["memory"] = "2Gi".into();
    assert!(!adopt::is_seamless(&adopt::differs(&wanted, &there)));
    there["spec"]["storage"]["size"] = "100Gi".into();
    assert_eq!(refusal(&adopt::differs(&wanted, &there)).id, CNPG_STORAGE.id);
}

/// The object as it would be found, with more that only a server says.
fn live(object: &KubeObject, id: &str, more: Value) -> Live<KubeObject> {
    let mut whole = object.manifest().clone();
    for (name, value) in more.as_object().unwrap() {
        whole[name.as_str()] = value.clone();
    }
    whole["metadata"]["generation"] = 1.into();
    let health = (object.object_kind().health)(&whole);
    let seen = Seen {
        applied: Some(object.fingerprint()),
        managed: Value::Null,
        object: whole,
    };
    let manifest = object.manifest().clone();
    let found = KubeObject::found(object.object_kind(), "shop", object.name(), manifest, seen);
    Live::settling(id, found, "").health(health)
}

/// Everything that a driver wants, applied and well.
fn all_well(driver: &CnpgDriver, spec: &DatabaseInstanceSpec) -> Observed<KubeObject> {
    let mut seen = Observed::default();
    for (key, object) in driver.desired(spec, &Outputs::default()).unwrap().wanted() {
        let status = match object.kind() {
            "cluster" => json!({"phase": "Cluster in healthy state", "instances": 1, "readyInstances": 1}),
            _ => json!({"applied": true, "observedGeneration": 1}),
        };
        seen.found(key.clone(), live(object, key.as_str(), json!({"status": status})));
    }
    seen
}

#[test]
fn a_binding_is_given_once_login_and_database_are_there() {
    let password = SecretRef::to("login-app_a", &"long and random".to_owned().into());
    let logins = Logins {
        passwords: BTreeMap::from([("app_a".to_owned(), password.clone())]),
        ..Logins::default()
    };
    let (driver, spec) = (driver().logins(logins), spec(|_| ()));
    let seen = all_well(&driver, &spec);
    let binding = driver.binding(&spec, &seen).unwrap();
    assert_eq!((binding.host.as_str(), binding.port), ("pg-rw.shop.svc", 5432));
    assert_eq!(
        (binding.username.as_str(), &binding.password),
        ("app_a", &password)
    );
    let gives = driver.gives(&spec, &seen);
    assert_eq!((gives.server, gives.binding), (None, Some(binding)));
    for missing in ["login/app_a", "database/app", "cluster"] {
        let mut less = seen.clone();
        let key = Key::new(missing).unwrap();
        less.live.get_mut(&key).unwrap().health = Health::Settling { why: "x".into() };
        assert_eq!(driver.binding(&spec, &less), None, "{missing}");
    }
    let elsewhere = DatabaseInstanceSpec {
        exposure: Some(Exposure {
            port: Some(6432),
            load_balancer: None,
        }),
        ..spec.clone()
    };
    let binding = driver.binding(&elsewhere, &seen).unwrap();
    assert_eq!(
        (binding.host.as_str(), binding.port),
        ("pg-public.shop.svc", 6432)
    );
}

#[test]
fn an_administrator_is_given_only_where_one_was_asked_for_and_servers_run() {
    let password = SecretRef::to("administrator", &"long and random".to_owned().into());
    let driver = driver().administrator(password.clone()).unwrap();
    let runs = spec(|_| ());
    let server = driver.gives(&runs, &all_well(&driver, &runs)).server.unwrap();
    assert_eq!(
        (server.username.as_str(), server.password),
        ("postgres", password)
    );
    // A Cluster that has reached its hibernation is ready, and nobody can be let in.
    let stands = spec(|s| s.stopped = true);
    let mut seen = all_well(&driver, &stands);
    let key = Key::new("cluster").unwrap();
    let hibernated =
        json!([{"type": "cnpg.io/hibernation", "status": "True", "message": "Cluster has been hibernated"}]);
    let status = json!({"status": {"phase": "Cluster in healthy state", "conditions": hibernated}});
    let cluster = live(&object(&driver, &stands, "cluster"), "cluster", status);
    assert!(cluster.is_ready());
    seen.live.insert(key, cluster);
    assert_eq!(driver.gives(&stands, &seen), Outputs::default());
    assert_eq!(driver.binding(&stands, &seen), None);
}

#[test]
fn whose_turn_it_is_is_read_where_it_was_written_and_goes_on_by_itself() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let with = |turns: Turns| {
        let turns = BTreeMap::from([("app".to_owned(), turns)]);
        driver().logins(Logins {
            turns,
            ..Logins::default()
        })
    };
    let spec = spec(|_| ());
    assert_eq!(Turns::seen("app", &Observed::default(), at(0)), Turns::default());
    let opening = Turns::default().rotate(60);
    let mut seen = all_well(&with(opening), &spec);
    let next = Turns::seen("app", &seen, at(1000));
    assert_eq!(next.to_string(), "b retiring 1060");
    // What is ready is the closed role, as it was before: the new one is not open yet.
    let closed = object(&driver(), &spec, "login/app_b");
    let key = Key::new("login/app_b").unwrap();
    let status = json!({"status": {"applied": true, "observedGeneration": 1}});
    seen.live.insert(key, live(&closed, "login/app_b", status));
    assert_eq!(Turns::seen("app", &seen, at(1000)), opening);

    let retiring = all_well(&with(next), &spec);
    assert_eq!(Turns::seen("app", &retiring, at(1059)).active, Turn::B);
    assert_eq!(Turns::seen("app", &retiring, at(1060)).to_string(), "b locked");
}

#[tokio::test]
async fn every_parameter_that_postgresql_takes_at_its_start_only_is_known_to_need_one() {
    let Ok(db) = paas_core::testing::postgres().await else {
        panic!("no PostgreSQL to ask")
    };
    let url: tokio_postgres::Config = db.url().parse().unwrap();
    let (client, connection) = url.connect(tokio_postgres::NoTls).await.unwrap();
    let serving = tokio::spawn(connection);
    let sql = "SELECT name FROM pg_settings WHERE context = 'postmaster' AND name NOT LIKE '%.%'";
    let unknown: Vec<String> = client
        .query(sql, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get::<_, String>(0))
        .filter(|name| !parameters::needs_restart(name) && !parameters::is_fixed(name))
        .collect();
    drop(client);
    serving.await.unwrap().unwrap();
    // These are the platform's own, and refused before it comes to that.
    let ours = [
        "cluster_name",
        "config_file",
        "data_directory",
        "external_pid_file",
        "hba_file",
        "ident_file",
        "listen_addresses",
        "port",
        "unix_socket_directories",
        "unix_socket_permissions",
    ];
    let left: Vec<&String> = unknown.iter().filter(|n| !ours.contains(&n.as_str())).collect();
    assert_eq!(left, Vec::<&String>::new());
}
