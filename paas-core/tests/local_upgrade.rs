//! Instances change: size, minor version, major version, with the real PostgreSQL.
//!
//! The way through `pg_upgrade` needs a second complete build of a newer major: name its folder of programs in
//! `PAAS_TEST_POSTGRESQL`. Without one the way through dump and load is gone, with a fetched build.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may panic, tell what it measured, and look at the clock"
)]

mod common;

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, sync::Arc, time::Instant};

use common::{Place, code, text};
use paas_core::{
    clock::SystemClock,
    database::{connection::Connection, session::Session},
    execute::Alone,
    local::{
        build::{self, Build, Places},
        data,
        fetch::Fetch,
        instance::LocalInstance,
        postmaster,
        upgrade::{Finding, Way},
    },
    pipeline::Wanted,
    spec::{Database, DatabaseInstanceSpec, EngineVersion, ParameterValue, Plan, Resources},
    testing::postgres,
    view::PlanView,
};
use secrecy::ExposeSecret;

impl Place {
    fn instance(&self, spec: &DatabaseInstanceSpec) -> LocalInstance {
        self.named("demo", spec.clone())
    }

    /// A build whose programs are scripts: it says that it is of this version, and does what the script says.
    fn fake(&self, version: &str, does: &str) -> PathBuf {
        let bin = self.dir.path().join(version);
        fs::create_dir(&bin).unwrap();
        for program in ["postgres", "initdb"] {
            let script = format!(
                "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'postgres (PostgreSQL) {version}'; exit 0; fi\n{does}\n"
            );
            fs::write(bin.join(program), script).unwrap();
            fs::set_permissions(bin.join(program), fs::Permissions::from_mode(0o755)).unwrap();
        }
        bin
    }

    /// What is in the instance's folder, without what every instance has.
    fn left(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder()).unwrap();
        let mut names: Vec<String> = names
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|n| !["paas.json", "paas.conf", "postgres.log", "run", "tls"].contains(&n.as_str()))
            .collect();
        names.sort();
        names
    }
}

async fn plan(instance: &LocalInstance) -> Vec<String> {
    let view: PlanView = instance
        .pipeline()
        .plan(&mut instance.context(Arc::new(Alone)), Wanted::Spec)
        .await
        .unwrap();
    let steps = view.stages.iter().flat_map(|s| &s.steps);
    let changes = steps.flat_map(|s| {
        s.changes.iter().map(|c| {
            let brings = c.brings.as_deref().unwrap_or("-");
            format!("{}: {} -> {} ({brings})", c.field, c.from, c.to)
        })
    });
    changes.collect()
}

async fn run(to: &Connection, sql: &str) {
    Session::open(to)
        .await
        .unwrap()
        .run(sql, "prepare")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_size_is_a_restart_that_the_plan_says_and_one_that_the_machine_cannot_give_changes_nothing() {
    let place = Place::new().await;
    let mut spec = DatabaseInstanceSpec {
        plan: Some(Plan::Dev),
        ..DatabaseInstanceSpec::default()
    };
    place.instance(&spec).up().await.unwrap();
    let admin = place.instance(&spec).admin("postgres").await.unwrap();
    let runs = "SELECT current_setting('shared_buffers') || ' ' || current_setting('max_connections') || ' ' \
        || current_setting('work_mem')";
    assert_eq!(text(&admin, runs).await.unwrap(), "128MB 25 5242kB");

    spec.plan = Some(Plan::Small);
    spec.parameters
        .insert("Work_Mem".to_owned(), ParameterValue::Text("7MB".to_owned()));
    assert_eq!(
        plan(&place.instance(&spec)).await,
        [
            "parameters.effective_cache_size: 384MB -> 1536MB (reload)",
            "parameters.maintenance_work_mem: 32MB -> 128MB (reload)",
            "parameters.max_connections: 25 -> 100 (restart)",
            "parameters.shared_buffers: 128MB -> 512MB (restart)",
            "parameters.work_mem: 5242kB -> 7MB (reload)",
        ]
    );
    place.instance(&spec).up().await.unwrap();
    assert_eq!(text(&admin, runs).await.unwrap(), "512MB 100 7MB");
    assert!(plan(&place.instance(&spec)).await.is_empty());

    let mut huge = spec.clone();
    huge.plan = None;
    huge.resources = Some(Resources {
        cpu: None,
        memory: "4000Ti".parse().ok(),
    });
    let e = place.instance(&huge).up().await.unwrap_err();
    assert!(
        e.words().contains("PAAS-PG-0004") && e.words().contains("this machine has"),
        "{e}"
    );
    assert_eq!(text(&admin, runs).await.unwrap(), "512MB 100 7MB");

    // The same server, another minor: one is here that is newer, and one that does not start.
    let is = text(&admin, "SELECT current_setting('server_version')")
        .await
        .unwrap();
    let is = build::Version::parse(&is).unwrap();
    assert_eq!(place.instance(&spec).newer_minor().await.unwrap(), None);
    let newer = place.fake(
        &format!("{}.98", is.major),
        "echo 'this minor is broken' >&2; exit 1",
    );
    let mut machine = place.machine.clone();
    machine.places.path.push(newer);
    let at =
        |spec: &DatabaseInstanceSpec| LocalInstance::new(machine.clone(), "default", "demo", spec.clone());
    let found = at(&spec).newer_minor().await.unwrap().unwrap();
    assert_eq!(found.to_string(), format!("{}.98", is.major));
    assert!(plan(&at(&spec)).await.is_empty(), "never by itself");
    spec.parameters.clear();
    spec.plan = None;
    at(&spec).up().await.unwrap_err();
    let mut exact = spec.clone();
    exact.engine.version = found.to_string().parse().ok();
    place.instance(&spec).up().await.unwrap();
    assert_eq!(
        plan(&at(&exact)).await,
        [format!("version: {is} -> {found} (restart)")]
    );
    let e = at(&exact).up().await.unwrap_err();
    assert!(e.words().contains("PAAS-LOC-0008"), "{e}");
    assert!(e.words().contains("this minor is broken"), "{e}");
    assert!(e.words().contains("the server runs again as it was"), "{e}");
    text(&admin, runs).await.unwrap();
    exact.engine.version = format!("{}.97", is.major).parse().ok();
    let e = at(&exact).up().await.unwrap_err();
    assert!(e.words().contains("PAAS-LOC-0001"), "{e}");
    text(&admin, runs).await.unwrap();
}

/// Two majors, and by which way the data goes.
struct Majors {
    places: Places,
    old: Build,
    new: Build,
    way: Way,
}

/// Two complete builds, if somebody named a second one.
async fn complete() -> Option<Majors> {
    let named = std::env::var_os("PAAS_TEST_POSTGRESQL")?;
    let mut places = postgres::places().await.unwrap();
    places.path.push(PathBuf::from(named));
    let found = build::find(&places).await.builds;
    let (new, old) = (found.first()?.clone(), found.last()?.clone());
    Some(Majors {
        places,
        old,
        new,
        way: Way::PgUpgrade,
    })
}

/// The oldest build that is here, and a fetched one of a newer major that cannot do more than run.
async fn bare() -> Majors {
    // Apart from the builds that other tests take the newest of.
    let cache = postgres::cache().unwrap().join("other-majors");
    fs::create_dir_all(&cache).unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o755)).unwrap();
    let fetch = Fetch {
        cache: cache.clone(),
        clock: Arc::new(SystemClock),
    };
    let new = fetch.major(17, None, &|_| ()).await.unwrap();
    let mut places = postgres::places().await.unwrap();
    let mut olds = build::find(&places).await.builds;
    olds.retain(|b| b.version.major < 17);
    let old = match olds.pop() {
        Some(old) => old,
        None => fetch.major(16, None, &|_| ()).await.unwrap(),
    };
    places.cache = Some(cache);
    Majors {
        places,
        old,
        new,
        way: Way::DumpAndLoad,
    }
}

#[tokio::test]
async fn a_major_upgrade_keeps_every_row_role_and_password_and_there_is_a_way_back() {
    if let Some(majors) = complete().await {
        Box::pin(there_and_back(&majors)).await;
    }
    Box::pin(there_and_back(&bare().await)).await;
}

async fn there_and_back(majors: &Majors) {
    let place = Place::with(&std::env::temp_dir(), majors.places.clone());
    let version = |b: &Build| b.version.major.to_string().parse::<EngineVersion>().unwrap();
    let database = |name: &str, extensions: &[&str]| Database {
        name: name.to_owned(),
        owner: None,
        extensions: extensions.iter().map(ToString::to_string).collect(),
    };
    let mut spec = DatabaseInstanceSpec {
        databases: vec![database("app", &["pgcrypto"]), database("Zweite", &[])],
        ..DatabaseInstanceSpec::default()
    };
    spec.engine.version = Some(version(&majors.old));
    spec.parameters
        .insert("work_mem".to_owned(), ParameterValue::Text("6MB".to_owned()));
    let old = place.instance(&spec);
    old.up().await.unwrap();
    let app = old.connection().await.unwrap();
    let url = app.url();
    let second = old.connection_to("Zweite", "app").await.unwrap();
    run(
        &app,
        "CREATE TABLE t (id bigserial PRIMARY KEY, at timestamptz, f float8, j jsonb, b bytea); \
         INSERT INTO t (at, f, j, b) SELECT now(), random(), jsonb_build_object('n', n), sha256(n::text::bytea) \
         FROM generate_series(1, 3000) n; CREATE SCHEMA s; CREATE VIEW s.v AS SELECT count(*) AS n FROM t; \
         CREATE INDEX ON t (f); CREATE MATERIALIZED VIEW s.m AS SELECT 1 AS one",
    )
    .await;
    run(
        &second,
        "CREATE TABLE \"Ü\" (a text); INSERT INTO \"Ü\" VALUES ('ä'), (NULL)",
    )
    .await;
    let admin = old.admin("postgres").await.unwrap();
    run(
        &admin,
        "CREATE ROLE extra LOGIN PASSWORD 'pass-word' CONNECTION LIMIT 3; GRANT app TO extra; \
         ALTER ROLE extra SET search_path = s, public; ALTER DATABASE app SET statement_timeout = '61s'",
    )
    .await;
    let numbers = "SELECT (SELECT count(*) || ' ' || sum(id) || ' ' || md5(string_agg(b::text, '' ORDER BY id)) FROM t) \
         || ' ' || (SELECT n FROM s.v) || ' ' || current_setting('statement_timeout')";
    let before = text(&app, numbers).await.unwrap();

    // Another major that is only declared is refused, and one that is older or not here is found beforehand.
    let mut declared = spec.clone();
    declared.engine.version = Some(version(&majors.new));
    assert_eq!(
        code(&place.instance(&declared).up().await.unwrap_err()),
        "PAAS-CORE-0011"
    );
    let check = old.check_upgrade(&"10".parse().unwrap()).await.unwrap();
    assert!(
        matches!(
            check.findings[..],
            [Finding::NotNewer { .. }, Finding::NoBuild { .. }, ..]
        ),
        "{check:?}"
    );
    let e = old.upgrade(&"98".parse().unwrap()).await.unwrap_err();
    assert_eq!(code(&e), "PAAS-LOC-0001", "{e}");

    // A replication slot stands in the way, and so does an extension that the new build does not have.
    let to = version(&majors.new);
    let inside = old.admin("app").await.unwrap();
    run(
        &inside,
        "UPDATE pg_extension SET extname = 'pgcrypt0' WHERE extname = 'pgcrypto'",
    )
    .await;
    let slot = "SELECT pg_create_physical_replication_slot('standby')";
    run(&admin, slot).await;
    let e = old.upgrade(&to).await.unwrap_err();
    assert_eq!(code(&e), "PAAS-LOC-0029", "{e}");
    assert!(
        e.words()
            .contains("replication slots, which would be lost: standby"),
        "{e}"
    );
    run(&admin, "SELECT pg_drop_replication_slot('standby')").await;
    assert!(
        e.words().contains("the database app uses the extension pgcrypt0"),
        "{e}"
    );
    run(
        &inside,
        "UPDATE pg_extension SET extname = 'pgcrypto' WHERE extname = 'pgcrypt0'",
    )
    .await;
    run(&app, "CREATE TABLE numbers (p regproc)").await;
    let check = old.check_upgrade(&to).await.unwrap();
    let numbers_found = Finding::CatalogNumbers {
        database: "app".to_owned(),
        columns: 1,
    };
    assert!(
        check.is_clear() && check.findings.contains(&numbers_found),
        "{check:?}"
    );
    assert_eq!(check.way, Some(Way::DumpAndLoad));

    // What the dump has no words for is refused on the way, and the old server goes on.
    run(&inside, "CREATE TEXT SEARCH CONFIGURATION odd (COPY = simple)").await;
    let e = old.upgrade(&to).await.unwrap_err();
    assert_eq!(code(&e), "PAAS-LOC-0030", "{e}");
    assert!(e.words().contains("the old server runs as before"), "{e}");
    assert_eq!(text(&app, numbers).await.unwrap(), before);
    assert_eq!(place.left(), ["data"]);
    run(&inside, "DROP TEXT SEARCH CONFIGURATION odd; DROP TABLE numbers").await;
    let check = old.check_upgrade(&to).await.unwrap();
    assert!(check.is_clear(), "{check:?}");
    assert_eq!(check.way, Some(majors.way));

    // Cut off while it copies: the old server runs as before, whether it is cancelled or killed.
    let cancel = tokio_util::sync::CancellationToken::new();
    let stopper = cancel.clone();
    let work = place.folder().join(".paas-tmp-upgrade/data");
    let watch = tokio::spawn(async move {
        while !work.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        stopper.cancel();
    });
    let e = old.clone().cancelled_by(cancel).upgrade(&to).await.unwrap_err();
    watch.await.unwrap();
    assert_eq!(code(&e), "PAAS-CORE-0009", "{e}");
    assert_eq!(text(&app, numbers).await.unwrap(), before);
    assert_eq!(place.left(), ["data"]);

    // Killed while both servers run: what it leaves running and lying there goes with the next `up`.
    let half = place.folder().join(".paas-tmp-upgrade");
    let (killed, next) = (old.clone(), to.clone());
    let task = tokio::spawn(async move { killed.upgrade(&next).await });
    let runs = || postmaster::running(&half, place.machine.home.account()).unwrap();
    while runs().is_none_or(|server| server.status != "ready") {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    old.up().await.unwrap();
    assert!(runs().is_none());
    assert_eq!(text(&app, numbers).await.unwrap(), before);
    assert_eq!(place.left(), ["data"]);
    assert!(plan(&old).await.is_empty());

    let began = Instant::now();
    let done = old.upgrade(&to).await.unwrap();
    println!("{:?} took {:?}: {done:?}", majors.way, began.elapsed());
    assert_eq!(
        (done.way, done.declare.clone()),
        (Some(majors.way), Some(to.clone()))
    );
    assert_eq!(done.tables, Some(3), "{done:?}");
    let new = place.instance(&declared);
    assert!(plan(&new).await.is_empty(), "{:?}", plan(&new).await);
    assert_eq!(
        new.connection().await.unwrap().url().expose_secret(),
        url.expose_secret()
    );
    assert_eq!(text(&app, numbers).await.unwrap(), before);
    let extra = Connection {
        user: "extra".to_owned(),
        password: "pass-word".to_owned().into(),
        ..app.clone()
    };
    assert_eq!(
        text(&extra, "SELECT current_setting('search_path')")
            .await
            .unwrap(),
        "s, public"
    );
    assert_eq!(
        text(
            &second,
            "SELECT string_agg(coalesce(a, 'null'), ',' ORDER BY a) FROM \"Ü\""
        )
        .await
        .unwrap(),
        "ä,null"
    );
    run(&app, "INSERT INTO t (f) VALUES (1)").await;
    let kept = new.previous().unwrap().unwrap();
    assert_eq!(kept.major, majors.old.version.major);
    assert!(kept.bytes > 1 << 20);
    let again = new.check_upgrade(&"98".parse().unwrap()).await.unwrap();
    assert!(
        again
            .findings
            .contains(&Finding::KeptBefore { major: kept.major })
    );

    // Cut off between the renames: nothing empty is made, whoever comes next.
    new.down().await.unwrap();
    let cut = || {
        fs::create_dir(&half).unwrap();
        fs::rename(place.folder().join(data::FOLDER), half.join(data::FOLDER)).unwrap();
    };
    cut();
    new.up().await.unwrap();
    assert_eq!(
        place.left(),
        [
            kept.folder.file_name().unwrap().to_string_lossy().into_owned(),
            "data".to_owned()
        ]
    );
    assert_eq!(text(&app, "SELECT count(*)::text FROM t").await.unwrap(), "3001");
    assert_eq!(
        old.upgrade(&to).await.unwrap().way,
        None,
        "the switch was made already"
    );

    assert_eq!(
        code(&new.upgrade_back("other").await.unwrap_err()),
        "PAAS-CORE-0011"
    );
    let mut protected = declared.clone();
    protected.deletion_protection = true;
    assert_eq!(
        code(&place.instance(&protected).upgrade_back("demo").await.unwrap_err()),
        "PAAS-CORE-0011"
    );
    let back = new.upgrade_back("demo").await.unwrap();
    assert_eq!((back.to, back.declare), (kept.major, Some(version(&majors.old))));
    assert_eq!(text(&app, numbers).await.unwrap(), before);
    assert_eq!(place.left(), ["data"]);
    assert_eq!(
        code(&old.upgrade_back("demo").await.unwrap_err()),
        "PAAS-LOC-0032"
    );
    assert!(plan(&old).await.is_empty());
}
