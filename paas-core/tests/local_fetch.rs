//! Fetching PostgreSQL for real. Without a network it says so and does not run, unless `PAAS_TEST_REQUIRE` is `all`.
#![cfg(all(target_os = "linux", feature = "local-download"))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may panic and measure"
)]

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
    time::Instant,
};

use paas_core::{
    clock::SystemClock,
    database::session::Session,
    error::{Class, Error},
    local::{build::Build, codes::LOC_FETCH, fetch::Fetch, instance::LocalInstance, machine::LocalMachine},
    spec::DatabaseInstanceSpec,
};

/// Whether the archive's side could not even be asked for its versions; what came and is wrong is another matter.
fn no_network(e: &Error, told: &[String]) -> bool {
    let asked_only = told
        .iter()
        .all(|t| t.starts_with("asking") || t.contains("fetches PostgreSQL already"));
    e.code().id == LOC_FETCH.id && e.class() == Class::Transient && asked_only
}

#[tokio::test]
async fn a_fetched_build_is_fetched_once_runs_here_and_stands_beside_the_machines_own() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let machine = LocalMachine::open(dir.path().join("home")).unwrap();
    let fetch = Fetch {
        cache: machine.home.cache(),
        clock: Arc::new(SystemClock),
    };
    let told = Mutex::new(Vec::new());
    let tell = |p: paas_core::local::fetch::Progress| told.lock().unwrap().push(p.to_string());
    let began = Instant::now();
    let (a, b) = tokio::join!(fetch.major(18, None, &tell), fetch.major(18, None, &tell));
    let (a, b): (Build, Build) = match (a, b) {
        (Err(e), Err(_))
            if no_network(&e, &told.lock().unwrap())
                && std::env::var("PAAS_TEST_REQUIRE").as_deref() != Ok("all") =>
        {
            // Straight to the terminal: the words of a test that passes are not shown.
            let _ = writeln!(std::io::stderr(), "did not run, nothing was fetched: {e}");
            return;
        }
        (a, b) => (a.unwrap(), b.unwrap()),
    };
    println!(
        "fetched {} in {:?}: {:#?}",
        a.version,
        began.elapsed(),
        told.lock().unwrap()
    );
    assert_eq!(a, b);
    assert_eq!(a.version.major, 18);
    let fetches = told
        .lock()
        .unwrap()
        .iter()
        .filter(|t| t.starts_with("fetching"))
        .count();
    assert_eq!(fetches, 1);

    let run = |name: &str, version: Option<&str>| {
        let mut spec = DatabaseInstanceSpec::default();
        spec.engine.version = version.map(|v| v.parse().unwrap());
        LocalInstance::new(machine.clone(), "default", name, spec)
    };
    for (name, version, want) in [("eighteen", Some("18"), "18."), ("newest", None, "18.")] {
        let instance = run(name, version);
        let began = Instant::now();
        instance.up().await.unwrap();
        let session = Session::open(&instance.connection().await.unwrap())
            .await
            .unwrap();
        let rows = session.rows("SHOW server_version", &[], "ask").await.unwrap();
        let said: String = rows[0].get(0);
        println!("{name}: PostgreSQL {said} after {:?}", began.elapsed());
        assert!(said.starts_with(want));
        let rows = session.rows(
            "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = 'app'",
            &[],
            "ask",
        );
        assert_eq!(rows.await.unwrap()[0].get::<_, String>(0), "bC.UTF-8");
        instance.delete(name).await.unwrap();
    }
}
