//! Fetching PostgreSQL for real. Needs a network, so it runs only where it is asked for: `cargo test -- --ignored`.
#![cfg(all(target_os = "linux", feature = "local-download"))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may panic and measure"
)]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
    time::Instant,
};

use paas_core::{
    clock::SystemClock,
    database::session::Session,
    local::{build::Build, fetch::Fetch, instance::LocalInstance, machine::LocalMachine},
    spec::DatabaseInstanceSpec,
};

#[tokio::test]
#[ignore = "fetches about 15 MB"]
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
    let (a, b): (Build, Build) = (a.unwrap(), b.unwrap());
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
