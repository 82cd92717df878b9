//! What an instance is as objects of CloudNativePG.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use paas_core::{
    codes::{self, Code},
    database::{
        cnpg::{
            CnpgDriver, Images, Logins, Turns,
            codes::{CNPG_NAME, CNPG_PARAMETER, CNPG_VERSION},
            names,
        },
        codes::{PG_IDENTIFIER, PG_PARAMETER},
    },
    driver::{Driver, Outputs},
    graph::Desired,
    kube::KubeObject,
    owner::{Identity, Owner},
    resource::Resource,
    secrets::SecretRef,
    spec::{
        Database, DatabaseInstanceSpec, Exposure, LoadBalancer, ParameterValue, Plan, PoolMode, Pooler,
        Runtime, User,
    },
};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

fn owner(name: &str) -> Owner {
    Owner::new(&Identity::of(&["test"]), "DatabaseInstance", "shop", name)
}

fn driver() -> CnpgDriver {
    CnpgDriver::new(owner("shop"))
}

fn desired(driver: &CnpgDriver, spec: &DatabaseInstanceSpec) -> Desired<KubeObject> {
    driver.desired(spec, &Outputs::default()).unwrap()
}

/// Every object whole, in the order of the plan: what the kind's own schema can be asked about.
fn documents(desired: &Desired<KubeObject>) -> String {
    let document = |key| {
        let object: &KubeObject = &desired.wanted()[key];
        let kind = object.object_kind();
        let mut whole = json!({
            "apiVersion": kind.api_version(), "kind": kind.kind,
            "metadata": {"name": object.name(), "namespace": object.namespace()},
        });
        merge(&mut whole, object.manifest());
        let needs: Vec<String> = object.needs().iter().map(|n| n.key().to_string()).collect();
        let needs = needs.join(", ");
        let needs = if needs.is_empty() {
            String::new()
        } else {
            format!(" needs {needs}")
        };
        let data = if object.precious() { " (holds data)" } else { "" };
        format!(
            "# {key}{needs}{data}\n{}",
            serde_saphyr::to_string(&whole).unwrap()
        )
    };
    let all: Vec<String> = desired.order().iter().map(document).collect();
    all.join("---\n")
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

fn cluster(driver: &CnpgDriver, spec: &DatabaseInstanceSpec) -> Value {
    let desired = desired(driver, spec);
    let found = desired.wanted().iter().find(|(k, _)| k.as_str() == "cluster");
    found.unwrap().1.manifest().clone()
}

fn user(name: &str) -> User {
    User {
        name: name.to_owned(),
        connection_limit: None,
    }
}

fn with_parameters(all: &[(&str, &str)]) -> DatabaseInstanceSpec {
    let text = |v: &str| ParameterValue::Text(v.to_owned());
    DatabaseInstanceSpec {
        parameters: all.iter().map(|(k, v)| ((*k).to_owned(), text(v))).collect(),
        ..DatabaseInstanceSpec::default()
    }
}

#[test]
fn an_empty_spec_is_a_small_cluster_with_a_database_and_a_login() {
    insta::assert_snapshot!(documents(&desired(&driver(), &DatabaseInstanceSpec::default())));
}

#[test]
fn a_pooler_is_beside_the_cluster_and_every_binding_tells_it() {
    let spec = DatabaseInstanceSpec {
        pooler: Some(Pooler {
            mode: PoolMode::Transaction,
            replicas: 2,
            ..Pooler::default()
        }),
        users: vec![user("app"), user("report")],
        ..DatabaseInstanceSpec::default()
    };
    let all = desired(&driver(), &spec);
    let manifest = |key: &str| {
        let found = all.wanted().iter().find(|(k, _)| k.as_str() == key);
        found.unwrap().1.manifest().clone()
    };
    assert_eq!(
        manifest("pooler")["spec"],
        json!({
            "cluster": {"name": "shop"}, "type": "rw", "instances": 2,
            "pgbouncer": {
                "poolMode": "transaction", "parameters": {"default_pool_size": "20", "max_client_conn": "1000"},
            },
        })
    );
    let bindings = all.wanted().keys().filter(|k| k.as_str().starts_with("binding/"));
    let mut told = 0;
    for key in bindings {
        let entries = &manifest(key.as_str())["stringData"];
        assert_eq!(entries["host"], "shop-rw.shop.svc");
        assert_eq!(entries["pooler-host"], "shop-pooler.shop.svc");
        let uri = entries["pooler-uri"].as_str().unwrap();
        let plain = entries["uri"].as_str().unwrap();
        assert_eq!(uri, plain.replace("shop-rw", "shop-pooler"));
        told += 1;
    }
    assert!(told > 0);
    let none = desired(&driver(), &DatabaseInstanceSpec::default());
    assert!(none.wanted().keys().all(|k| k.as_str() != "pooler"));
}

#[test]
fn an_instance_that_is_to_rest_wants_the_same_with_its_servers_stopped() {
    let spec = DatabaseInstanceSpec {
        stopped: true,
        ..DatabaseInstanceSpec::default()
    };
    let resting = cluster(&driver(), &spec);
    assert_eq!(resting["metadata"]["annotations"]["cnpg.io/hibernation"], "on");
    let running = cluster(&driver(), &DatabaseInstanceSpec::default());
    assert_eq!(resting["spec"], running["spec"]);
    let keys = |spec: &DatabaseInstanceSpec| desired(&driver(), spec).order().to_vec();
    assert_eq!(keys(&spec), keys(&DatabaseInstanceSpec::default()));
}

#[test]
fn three_servers_of_a_plan_with_a_version_confirm_a_commit_twice() {
    let mut spec = DatabaseInstanceSpec {
        plan: Some(Plan::Medium),
        replicas: 3,
        ..DatabaseInstanceSpec::default()
    };
    spec.engine.version = Some("17.6".parse().unwrap());
    spec.storage.size = "20Gi".parse().unwrap();
    spec.storage.class = Some("fast".to_owned());
    let administrator = SecretRef {
        name: "administrator".to_owned(),
        fingerprint: "0f".repeat(16),
    };
    let driver = driver().administrator(administrator).unwrap().monitored(true);
    insta::assert_snapshot!(documents(&desired(&driver, &spec)));
}

#[test]
fn users_databases_extensions_and_parameters_are_objects_of_their_own() {
    let database = |name: &str, owner: &str, extensions: &[&str]| Database {
        name: name.to_owned(),
        owner: Some(owner.to_owned()),
        extensions: extensions.iter().map(ToString::to_string).collect(),
    };
    let mut spec = with_parameters(&[
        ("Work_Mem", "8MB"),
        ("shared_buffers", "64MB"),
        ("shared_preload_libraries", "pg_stat_statements, auto_explain"),
    ]);
    spec.users = vec![
        user("shop"),
        User {
            connection_limit: Some(5),
            ..user("night_report")
        },
    ];
    spec.databases = vec![
        database("orders", "shop", &["pg_trgm", "hstore"]),
        database("sums", "night_report", &[]),
    ];
    spec.exposure = Some(Exposure {
        port: Some(6432),
        load_balancer: None,
    });
    spec.stopped = true;
    let turns = Turns::parse("b retiring 1800000000").unwrap();
    let logins = Logins {
        turns: BTreeMap::from([("shop".to_owned(), turns)]),
        ..Logins::default()
    };
    let driver = driver().logins(logins).authority("-----BEGIN CERTIFICATE-----\n");
    insta::assert_snapshot!(documents(&desired(&driver, &spec)));
}

#[test]
fn two_servers_prefer_two_confirmations_and_one_has_none() {
    let synchronous = |replicas| {
        let spec = DatabaseInstanceSpec {
            replicas,
            ..DatabaseInstanceSpec::default()
        };
        cluster(&driver(), &spec)["spec"]["postgresql"]["synchronous"].clone()
    };
    assert_eq!(synchronous(1), Value::Null);
    assert_eq!(synchronous(2)["dataDurability"], "preferred");
    assert_eq!(synchronous(9)["dataDurability"], "required");
}

#[test]
fn a_load_balancer_lets_in_the_networks_that_are_named_and_the_policy_whoever_comes_by_it() {
    let networks = vec!["203.0.113.0/24".to_owned(), "2001:db8::/32".to_owned()];
    let load_balancer = Some(LoadBalancer {
        source_ranges: networks.clone(),
    });
    let spec = DatabaseInstanceSpec {
        exposure: Some(Exposure {
            port: None,
            load_balancer,
        }),
        ..DatabaseInstanceSpec::default()
    };
    let service = &cluster(&driver(), &spec)["spec"]["managed"]["services"]["additional"][0];
    assert_eq!(service["serviceTemplate"]["spec"]["type"], "LoadBalancer");
    assert_eq!(
        service["serviceTemplate"]["spec"]["loadBalancerSourceRanges"],
        json!(networks)
    );
    let open = |spec: &DatabaseInstanceSpec| {
        let all = desired(&driver(), spec);
        let found = all.wanted().iter().find(|(k, _)| k.as_str() == "networkPolicy");
        let rules = found.unwrap().1.manifest()["spec"]["ingress"].clone();
        rules.as_array().unwrap().iter().any(|r| r["from"].is_null())
    };
    assert!(open(&spec) && !open(&DatabaseInstanceSpec::default()));
}

#[test]
fn a_login_that_opens_is_not_handed_out_before_it_is_open() {
    let with = |text: &str| {
        let turns = BTreeMap::from([("app".to_owned(), Turns::parse(text).unwrap())]);
        let logins = Logins {
            turns,
            ..Logins::default()
        };
        let all = desired(&driver().logins(logins), &DatabaseInstanceSpec::default());
        let of = |key: &str| {
            let found = all.wanted().iter().find(|(k, _)| k.as_str() == key);
            found.map(|(_, o)| o.manifest().clone()).unwrap_or_default()
        };
        let handed = of("binding/app")["stringData"]["username"].clone();
        let open: Vec<bool> = ["login/app_a", "login/app_b"]
            .map(|key| of(key)["spec"]["login"] == true)
            .to_vec();
        (handed, open, of("password/app_b").is_object())
    };
    assert_eq!(with("a locked"), (json!("app_a"), vec![true, false], false));
    assert_eq!(with("a opening 60"), (json!("app_a"), vec![true, true], true));
    assert_eq!(
        with("b retiring 1800000000"),
        (json!("app_b"), vec![true, true], true)
    );
    assert_eq!(with("b locked"), (json!("app_b"), vec![false, true], true));
}

#[test]
fn what_cloudnativepg_would_refuse_is_refused_before_with_the_reason() {
    let mut other_runtime = DatabaseInstanceSpec {
        runtime: Runtime::Process,
        ..DatabaseInstanceSpec::default()
    };
    let mut reserved = DatabaseInstanceSpec::default();
    reserved.users.push(user("cnpg_metrics"));
    let mut twice = DatabaseInstanceSpec::default();
    twice.users.push(user("app_a"));
    let mut small = with_parameters(&[("shared_buffers", "1GB")]);
    small.plan = Some(Plan::Dev);
    let mut standby = with_parameters(&[("wal_log_hints", "OFF")]);
    standby.replicas = 2;
    let cases: Vec<(DatabaseInstanceSpec, &Code, &str)> = vec![
        (
            with_parameters(&[("Archive_Mode", "off")]),
            &CNPG_PARAMETER,
            "sets it itself",
        ),
        (
            with_parameters(&[("wal_level", "minimal")]),
            &CNPG_PARAMETER,
            "replica or logical",
        ),
        (standby, &CNPG_PARAMETER, "takes over"),
        (small, &CNPG_PARAMETER, "1073741824"),
        (with_parameters(&[("fsync", "off")]), &PG_PARAMETER, "platform"),
        (reserved, &CNPG_PARAMETER, "cnpg_"),
        (twice, &PG_IDENTIFIER, "login role"),
        (
            std::mem::take(&mut other_runtime),
            &codes::CORE_UNSUPPORTED,
            "Process",
        ),
    ];
    for (spec, code, words) in cases {
        let e = driver().desired(&spec, &Outputs::default()).unwrap_err();
        assert_eq!(e.code().id, code.id, "{e}");
        assert!(e.to_string().contains(words), "{e}");
    }
    let named =
        CnpgDriver::new(owner("1shop")).desired(&DatabaseInstanceSpec::default(), &Outputs::default());
    assert_eq!(named.unwrap_err().code().id, CNPG_NAME.id);
}

#[test]
fn a_version_that_a_table_of_images_lacks_is_refused() {
    let mut spec = DatabaseInstanceSpec::default();
    spec.engine.version = Some("18".parse().unwrap());
    let images = Images::Table(BTreeMap::from([(
        "17".to_owned(),
        "somewhere/postgresql:17".to_owned(),
    )]));
    let driver = driver().images(images);
    let e = driver.desired(&spec, &Outputs::default()).unwrap_err();
    assert_eq!(e.code().id, CNPG_VERSION.id);
    spec.engine.version = Some("17".parse().unwrap());
    assert_eq!(
        cluster(&driver, &spec)["spec"]["imageName"],
        "somewhere/postgresql:17"
    );
}

fn specs() -> impl Strategy<Value = DatabaseInstanceSpec> {
    let users = proptest::collection::btree_set("[a-z][a-z0-9_]{0,20}[c-z0-9]", 1..5)
        .prop_map(|names| names.iter().map(|n| user(n)).collect::<Vec<_>>());
    let plan = proptest::option::of(select(vec![Plan::Dev, Plan::Small, Plan::Medium]));
    let parameters = proptest::collection::btree_map(
        select(vec!["work_mem", "random_page_cost", "log_min_duration_statement"]),
        (1..900i64).prop_map(ParameterValue::Integer),
        0..3,
    );
    (users, plan, 1..=9u16, parameters).prop_map(|(users, plan, replicas, parameters)| {
        let databases = users.iter().map(|u| Database {
            name: format!("d_{}", u.name),
            owner: Some(u.name.clone()),
            extensions: Vec::new(),
        });
        DatabaseInstanceSpec {
            plan,
            replicas,
            databases: databases.collect(),
            users,
            parameters: parameters.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
            ..DatabaseInstanceSpec::default()
        }
    })
}

proptest! {
    #[test]
    fn the_same_spec_asks_for_the_same_and_no_two_objects_share_a_name(
        spec in specs(), name in "[a-z]([-a-z0-9]{0,61}[a-z0-9])?",
    ) {
        let driver = CnpgDriver::new(owner(&name));
        let once = desired(&driver, &spec);
        prop_assert_eq!(&once, &desired(&driver.clone(), &spec.clone()));
        let mut named: Vec<String> = Vec::new();
        for object in once.wanted().values() {
            prop_assert!(object.name().len() <= 253);
            prop_assert!(object.name().starts_with(&names::cluster(&owner(&name)).unwrap()));
            named.push(format!("{}/{}", object.kind(), object.name()));
        }
        let all = named.len();
        named.sort();
        named.dedup();
        prop_assert_eq!(named.len(), all);
        let cluster = names::cluster(&owner(&name)).unwrap();
        prop_assert!(cluster.len() <= names::LIMIT);
        prop_assert!(names::exposed(&cluster).len() <= 63);
    }

    #[test]
    fn the_order_of_users_and_databases_changes_no_key(spec in specs()) {
        let mut turned = spec.clone();
        turned.users.reverse();
        turned.databases.reverse();
        let keys = |spec| desired(&driver(), spec).wanted().keys().cloned().collect::<Vec<_>>();
        prop_assert_eq!(keys(&spec), keys(&turned));
    }

    #[test]
    fn whose_turn_it_is_changes_passwords_and_nothing_else(spec in specs()) {
        let turns = spec.users.iter().map(|u| (u.name.clone(), Turns::default().rotate(60))).collect();
        let logins = Logins { turns, ..Logins::default() };
        let (before, after) = (desired(&driver(), &spec), desired(&driver().logins(logins), &spec));
        for (key, object) in before.wanted() {
            let same = object == &after.wanted()[key];
            let concerned = key.as_str().starts_with("role/") || key.as_str().ends_with("_b");
            prop_assert_eq!(same, !concerned, "{}", key);
        }
        prop_assert_eq!(after.wanted().len(), before.wanted().len() + spec.users.len());
    }
}
