//! Sequences of specs, each of which is a valid change of the one before.

use std::collections::BTreeSet;

use paas_core::spec::{
    Database, DatabaseInstanceSpec, DeletionPolicy, Exposure, LoadBalancer, ParameterValue, Plan, PoolMode,
    Pooler, User,
};
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::{select, subsequence},
};

const USERS: [&str; 4] = ["app", "report", "batch", "a_b"];
const DATABASES: [&str; 3] = ["app", "shop", "events"];
const EXTENSIONS: [&str; 3] = ["citext", "pg_trgm", "hstore"];
const PARAMETERS: [(&str, &str); 6] = [
    ("work_mem", "8MB"),
    ("work_mem", "16MB"),
    ("Max_Connections", "60"),
    ("shared_buffers", "64MB"),
    ("log_min_duration_statement", "500"),
    ("app.tenant", "it's"),
];

/// What somebody would like next; the rules of the sequence make a valid spec of it.
#[derive(Debug, Clone)]
struct Wish {
    version: usize,
    plan: Option<Plan>,
    replicas: u16,
    more_storage: u64,
    users: Vec<(&'static str, Option<u32>)>,
    databases: Vec<(&'static str, usize, Vec<&'static str>)>,
    parameters: Vec<(&'static str, &'static str)>,
    exposure: Option<Exposure>,
    pooler: Option<Pooler>,
    policy: DeletionPolicy,
}

fn exposure() -> impl Strategy<Value = Option<Exposure>> {
    let ranges = subsequence(vec!["203.0.113.0/24", "198.51.100.0/24", "2001:db8::/32"], 1..=3);
    let ranges = ranges.prop_map(|all| LoadBalancer {
        source_ranges: all.into_iter().map(str::to_owned).collect(),
    });
    let port = option::of(select(vec![5432_u16, 6432]));
    option::of((port, option::of(ranges)).prop_map(|(port, load_balancer)| Exposure { port, load_balancer }))
}

fn pooler() -> impl Strategy<Value = Option<Pooler>> {
    let mode = select(vec![PoolMode::Session, PoolMode::Transaction]);
    let one = (mode, 1..=3_u16, select(vec![5_u16, 20]));
    option::of(one.prop_map(|(mode, replicas, pool_size)| Pooler {
        mode,
        replicas,
        pool_size,
        ..Pooler::default()
    }))
}

fn wish() -> impl Strategy<Value = Wish> {
    let users = subsequence(USERS.to_vec(), 1..=USERS.len()).prop_shuffle();
    let users = (users, option::of(1..50_u32))
        .prop_map(|(users, limit)| users.into_iter().map(|user| (user, limit)).collect());
    let extensions = subsequence(EXTENSIONS.to_vec(), 0..=EXTENSIONS.len());
    let databases = subsequence(DATABASES.to_vec(), 1..=DATABASES.len()).prop_shuffle();
    let databases = (databases, vec((0..4_usize, extensions), DATABASES.len()))
        .prop_map(|(names, rest)| names.into_iter().zip(rest).map(|(n, (o, e))| (n, o, e)).collect());
    let parameters = btree_map(0..PARAMETERS.len(), Just(()), 0..4)
        .prop_map(|chosen| chosen.into_keys().map(|at| PARAMETERS[at]).collect());
    let plan = option::of(select(vec![Plan::Dev, Plan::Small]));
    let policy = prop_oneof![3 => Just(DeletionPolicy::Retain), 1 => Just(DeletionPolicy::Delete)];
    (
        (0..5_usize, plan, 1..=3_u16, 0..3_u64),
        (users, databases, parameters, exposure(), pooler(), policy),
    )
        .prop_map(|((version, plan, replicas, more_storage), rest)| {
            let (users, databases, parameters, exposure, pooler, policy) = rest;
            Wish {
                version,
                plan,
                replicas,
                more_storage,
                users,
                databases,
                parameters,
                exposure,
                pooler,
                policy,
            }
        })
}

/// Two to five specs for one of the runtimes.
pub(crate) fn sequences(single: bool) -> impl Strategy<Value = Vec<DatabaseInstanceSpec>> {
    vec(wish(), 2..=5).prop_map(move |wishes| {
        let mut all: Vec<DatabaseInstanceSpec> = Vec::new();
        for wish in wishes {
            let next = follow(all.last(), wish, single);
            all.push(next);
        }
        all
    })
}

/// The versions that a sequence goes through, upwards; `None` is CloudNativePG's own choice.
const SEVERAL: [Option<&str>; 5] = [None, Some("16"), Some("17.5"), Some("17.6"), Some("18")];
/// Those of one major version.
const ONE_MAJOR: [Option<&str>; 5] = [Some("17"), Some("17.5"), Some("17.6"), Some("17.7"), Some("17.8")];

fn follow(before: Option<&DatabaseInstanceSpec>, wish: Wish, single: bool) -> DatabaseInstanceSpec {
    let mut spec = DatabaseInstanceSpec::default();
    let versions = if single { ONE_MAJOR } else { SEVERAL };
    let at = |spec: &DatabaseInstanceSpec| {
        let version = spec.engine.version.as_ref().map(|v| v.as_str());
        versions.iter().position(|v| *v == version).unwrap()
    };
    let version = match before {
        Some(before) if !single => wish.version.max(at(before)),
        _ => wish.version,
    };
    spec.engine.version = versions[version].map(|v| v.parse().unwrap());
    spec.plan = wish.plan;
    spec.replicas = if single { 1 } else { wish.replicas };
    let gibibytes = before.map_or(1, |b| b.storage.size.bytes() >> 30) + wish.more_storage;
    spec.storage.size = format!("{gibibytes}Gi").parse().unwrap();
    spec.storage.class = single.then(|| super::volumes::CLASS.to_owned());
    spec.users = wish
        .users
        .iter()
        .map(|(name, connection_limit)| User {
            name: (*name).to_owned(),
            connection_limit: *connection_limit,
        })
        .collect();
    let owner = |at: usize| Some(spec.users[at % spec.users.len()].name.clone());
    spec.databases = wish
        .databases
        .iter()
        .map(|(name, at, extensions)| Database {
            name: (*name).to_owned(),
            owner: owner(*at),
            extensions: extensions.iter().map(|e| (*e).to_owned()).collect(),
        })
        .collect();
    let mut names = BTreeSet::new();
    for (name, value) in wish.parameters {
        if names.insert(name.to_lowercase()) {
            let value = ParameterValue::Text(value.to_owned());
            spec.parameters.insert(name.to_owned(), value);
        }
    }
    spec.exposure = wish.exposure.map(|exposure| Exposure {
        load_balancer: exposure.load_balancer.filter(|_| !single),
        ..exposure
    });
    spec.pooler = wish.pooler.filter(|_| !single);
    spec.deletion_policy = wish.policy;
    keep_data(before, &mut spec);
    spec
}

/// What was under `Delete` goes only with the owner's word: it stays declared, with an owner that there is.
fn keep_data(before: Option<&DatabaseInstanceSpec>, spec: &mut DatabaseInstanceSpec) {
    let Some(before) = before.filter(|b| b.deletion_policy == DeletionPolicy::Delete) else {
        return;
    };
    let user = spec.users[0].name.clone();
    for former in &before.databases {
        if !spec.databases.iter().any(|d| d.name == former.name) {
            spec.databases.push(Database {
                owner: Some(user.clone()),
                ..former.clone()
            });
        }
    }
}
