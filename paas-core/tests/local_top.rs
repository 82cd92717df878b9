//! What a server does, a restart, and its log, with the real PostgreSQL.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic and poll with the system's clock"
)]

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use common::Place;
use paas_core::{
    database::{
        activity::{Activity, Slowest, Watch},
        session::Session,
    },
    local::{
        instance::LocalInstance,
        log::{Log, LogLimit, Tail},
        supervise::Chore,
    },
    spec::DatabaseInstanceSpec,
};

impl Place {
    fn instance(&self, spec: &str) -> LocalInstance {
        let spec: DatabaseInstanceSpec = serde_json::from_str(spec).unwrap();
        self.named("demo", spec)
    }
}

async fn seen(watch: &mut Watch, what: &str, is: impl Fn(&Activity) -> bool) -> Activity {
    let began = Instant::now();
    loop {
        let activity = watch.look().await.unwrap();
        if is(&activity) {
            return activity;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{what} never came: {activity:#?}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn messages(tail: &mut Tail) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let some = tail.more().unwrap();
        if some.is_empty() {
            return all;
        }
        all.extend(some.into_iter().map(|e| e.message));
    }
}

#[tokio::test]
async fn what_runs_who_is_blocked_by_whom_and_what_was_slow_is_seen() {
    let place = Place::new().await;
    let it = place.instance("{}");
    it.up().await.unwrap();
    let to = it.connection().await.unwrap();
    let (holder, waiter, sleeper) = (
        Session::open(&to).await.unwrap(),
        Session::open(&to).await.unwrap(),
        Session::open(&to).await.unwrap(),
    );
    let mut watch = Watch::open(it.admin("postgres").await.unwrap()).await.unwrap();
    let first = watch.look().await.unwrap();
    assert_eq!(first.transactions_per_second, None);
    assert!(first.version.starts_with(|c: char| c.is_ascii_digit()) && !first.version.contains(' '));

    holder
        .run("CREATE TABLE t (a int)", "make a table")
        .await
        .unwrap();
    holder.run("BEGIN; LOCK TABLE t", "hold a table").await.unwrap();
    let waits = tokio::spawn(async move { waiter.run("SELECT\n  * FROM t", "wait").await });
    let sleeps = tokio::spawn(async move { sleeper.run("SELECT pg_sleep(600)", "sleep").await });
    let now = seen(&mut watch, "the blocked session", |a| {
        // Each number is a query of its own, and a session may begin between two of them.
        let active = a.connections.by_state.get("active");
        a.blocked.len() == 1 && a.running.len() == 3 && active == Some(&2)
    })
    .await;
    let blocked = &now.blocked[0];
    assert_eq!(blocked.waits.statement, "SELECT * FROM t");
    assert_eq!(blocked.waits.wait.as_deref(), Some("Lock:relation"));
    assert_eq!(
        (blocked.waits.user.as_str(), blocked.waits.database.as_str()),
        ("app_a", "app")
    );
    assert_eq!(blocked.by[0].state, "idle in transaction");
    assert_eq!(blocked.waits.blocked_by, [blocked.by[0].pid]);
    let asleep = now.running.iter().find(|r| r.statement.contains("pg_sleep"));
    assert!(
        asleep.is_some_and(|r| r.blocked_by.is_empty() && r.state == "active"),
        "{now:#?}"
    );
    assert_eq!(
        (now.connections.total, now.connections.by_state["active"]),
        (3, 2)
    );
    let app = &now.databases[0];
    assert_eq!((app.name.as_str(), app.connections), ("app", 3));
    assert!(app.bytes.unwrap() > 1_000_000 && now.cache_hit_ratio.unwrap() <= 1.0);
    assert!(matches!(&now.slowest, Slowest::Unknown(why) if why.contains("shared_preload_libraries")));

    holder.run("COMMIT", "let go").await.unwrap();
    waits.await.unwrap().unwrap();
    seen(&mut watch, "the end of the wait", |a| a.blocked.is_empty()).await;
    // A session tells the statistics of its transactions at the end of one, once a second.
    let began = Instant::now();
    while watch
        .look()
        .await
        .unwrap()
        .transactions_per_second
        .is_none_or(|r| r <= 0.0)
    {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "no transaction was seen"
        );
        holder.run("SELECT 1", "make a transaction").await.unwrap();
    }
    sleeps.abort();

    let admin = Session::open(&it.admin("app").await.unwrap()).await.unwrap();
    let sql = "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_stat_statements'";
    if admin.rows(sql, &[], "look for it").await.unwrap().is_empty() {
        return;
    }
    let it = place.instance(r#"{"parameters": {"shared_preload_libraries": "pg_stat_statements"}}"#);
    it.up().await.unwrap();
    let mut watch = Watch::open(it.admin("postgres").await.unwrap()).await.unwrap();
    let without = watch.look().await.unwrap().slowest;
    assert!(
        matches!(&without, Slowest::Unknown(why) if why.contains("no database has")),
        "{without:?}"
    );
    let admin = Session::open(&it.admin("app").await.unwrap()).await.unwrap();
    admin
        .run(
            "CREATE SCHEMA \"A b\"; CREATE EXTENSION pg_stat_statements SCHEMA \"A b\"",
            "make it",
        )
        .await
        .unwrap();
    let session = Session::open(&it.connection().await.unwrap()).await.unwrap();
    session.run("SELECT pg_sleep(0.05)", "sleep").await.unwrap();
    let now = watch.look().await.unwrap();
    let Slowest::Statements(slow) = &now.slowest else {
        panic!("{now:#?}");
    };
    assert_eq!(
        (
            slow[0].statement.as_str(),
            slow[0].database.as_str(),
            slow[0].calls
        ),
        ("SELECT pg_sleep($1)", "app", 1)
    );
    assert!(slow[0].mean_milliseconds >= 50.0);
}

#[tokio::test]
async fn a_restart_keeps_the_data_starts_what_is_stopped_and_the_log_is_followed_through_it() {
    let place = Place::new().await;
    let it = place.instance("{}");
    it.up().await.unwrap();
    let session = Session::open(&it.connection().await.unwrap()).await.unwrap();
    session.run("CREATE TABLE kept ()", "make a table").await.unwrap();
    let mut tail = Log::of(&it).open(Some(0)).unwrap().unwrap();
    let before = it.running().unwrap().unwrap().process.pid;

    // What would be refused when it does not run stops nothing.
    let major = fs::read_to_string(it.folder().join("data/PG_VERSION")).unwrap();
    let absent = place.instance(&format!(r#"{{"engine": {{"version": "{}.99"}}}}"#, major.trim()));
    let refused = absent.restart(&|_| ()).await.unwrap_err();
    assert_eq!(refused.code().id, "PAAS-LOC-0001", "{refused}");
    assert_eq!(it.running().unwrap().unwrap().process.pid, before);

    let done = it.restart(&|_| ()).await.unwrap();
    assert_eq!(done.from.as_deref(), Some(done.to.as_str()));
    assert!(done.away.is_some());
    assert_ne!(it.running().unwrap().unwrap().process.pid, before);
    let said = messages(&mut tail);
    assert!(
        said.iter().any(|m| m == "database system is shut down"),
        "{said:?}"
    );
    assert!(
        said.last().unwrap().contains("ready to accept connections"),
        "{said:?}"
    );

    it.down().await.unwrap();
    assert!(it.is_taken_down());
    let done = it.restart(&|_| ()).await.unwrap();
    assert_eq!((done.from, done.away), (None, None));
    assert!(!it.is_taken_down() && it.running().unwrap().is_some());

    // A log that is too large is set aside while the server writes on.
    messages(&mut tail);
    let log = Log::of(&it);
    let old = fs::read_to_string(log.path()).unwrap();
    LogLimit::default().tend(&it).await.unwrap();
    assert_eq!(fs::read_to_string(log.path()).unwrap(), old);
    LogLimit::of(10).tend(&it).await.unwrap();
    let aside = log.path().with_extension("log.1");
    assert_eq!(fs::read_to_string(&aside).unwrap(), old);
    assert_eq!(fs::metadata(&aside).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(log.path()).unwrap().len(), 0);
    let session = Session::open(&it.connection().await.unwrap()).await.unwrap();
    session.run("SELECT * FROM kept", "look").await.unwrap();
    session.run("SELECT 1 / 0", "fail").await.unwrap_err();
    assert_eq!(messages(&mut tail), ["division by zero", "SELECT 1 / 0"]);

    // While another writer is at work, it is left for the next time.
    let _lock = it.lock(&|_| ()).await.unwrap();
    LogLimit::of(10).tend(&it).await.unwrap();
    assert!(fs::metadata(log.path()).unwrap().len() > 10);
}
