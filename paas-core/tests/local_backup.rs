//! Backups of instances on this machine, with the real PostgreSQL.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic and wait"
)]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use common::{Place, text};
use paas_core::{
    database::{connection::Connection, session::Session},
    error::{Class, Error},
    local::{
        backup::{self, Cause, State, Store},
        instance::LocalInstance,
    },
    spec::{BackupPlan, DatabaseInstanceSpec, ParameterValue},
};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

impl Place {
    fn instance(&self, name: &str, spec: DatabaseInstanceSpec) -> LocalInstance {
        self.named(name, spec)
    }

    fn demo(&self) -> LocalInstance {
        self.instance("demo", DatabaseInstanceSpec::default())
    }

    fn store(&self) -> Store {
        Store::new(&self.machine.home)
    }

    /// What lies in the folder of instances, without their contents.
    fn instances(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.machine.home.instances())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

async fn run(to: &Connection, sql: &str) {
    Session::open(to).await.unwrap().run(sql, "run").await.unwrap();
}

async fn number(to: &Connection, sql: &str) -> i64 {
    let rows = Session::open(to)
        .await
        .unwrap()
        .rows(sql, &[], "ask")
        .await
        .unwrap();
    rows[0].get(0)
}

fn code<T: std::fmt::Debug>(done: std::result::Result<T, Error>) -> &'static str {
    done.unwrap_err().code().id
}

/// Turns one byte of a file.
fn spoil(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn largest(folder: PathBuf) -> PathBuf {
    let files = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    files.max_by_key(|f| f.metadata().unwrap().len()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_database_that_is_written_to_has_what_was_committed_before_it_and_is_restored_as_another_instance()
 {
    let place = Place::new().await;
    let demo = place.demo();
    demo.up().await.unwrap();
    let to = demo.connection().await.unwrap();
    run(&to, "CREATE TABLE t (n bigserial, filler text); INSERT INTO t (filler) SELECT repeat('x', 500) FROM generate_series(1, 5000)").await;

    let (stop, done) = (Arc::new(AtomicBool::new(false)), to.clone());
    let writer = tokio::spawn({
        let stop = Arc::clone(&stop);
        async move {
            let session = Session::open(&done).await.unwrap();
            while !stop.load(Ordering::Relaxed) {
                // Two rows a transaction: half of one must never be seen.
                session
                    .run("INSERT INTO t (filler) VALUES ('a'), ('b')", "write")
                    .await
                    .unwrap();
            }
        }
    });
    let before = number(&to, "SELECT count(*) FROM t").await;
    let taken = backup::take(&demo, Cause::Asked).await.unwrap();
    let after = number(&to, "SELECT count(*) FROM t").await;
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    let manifest = taken.manifest().unwrap();
    assert!(
        manifest.running && manifest.size() > 5000 * 500,
        "{}",
        manifest.size()
    );

    // Nothing is left in the server.
    let slots = "SELECT count(*) FROM pg_replication_slots";
    assert_eq!(number(&demo.admin("postgres").await.unwrap(), slots).await, 0);

    let again = place.instance("again", taken.spec().unwrap());
    backup::restore(&again, &taken).await.unwrap();
    // A program that died here would do it again, and finds it done.
    backup::restore(&again, &taken).await.unwrap();
    again.up().await.unwrap();
    let there = again.connection().await.unwrap();
    let rows = number(&there, "SELECT count(*) FROM t").await;
    assert!(
        before <= rows && rows <= after && rows % 2 == 0,
        "{before} <= {rows} <= {after}"
    );
    let halves = number(
        &there,
        "SELECT count(*) FILTER (WHERE filler = 'a') - count(*) FILTER (WHERE filler = 'b') FROM t",
    )
    .await;
    assert_eq!(halves, 0);
    run(&there, "INSERT INTO t (filler) VALUES ('after')").await;

    // It has a port and passwords of its own, and those of its origin do not open it.
    assert_ne!(there.port, to.port);
    assert_ne!(there.password.expose_secret(), to.password.expose_secret());
    let stolen = Connection {
        password: to.password.clone(),
        ..there.clone()
    };
    assert_eq!(code(Session::open(&stolen).await), "PAAS-PG-0002");
    let admin = demo.admin("postgres").await.unwrap();
    let stolen = Connection {
        password: admin.password,
        ..again.admin("postgres").await.unwrap()
    };
    assert_eq!(code(Session::open(&stolen).await), "PAAS-PG-0002");
    let copied: Vec<u8> = fs::read(taken.folder.join(backup::FILE)).unwrap();
    assert!(
        !String::from_utf8(copied)
            .unwrap()
            .contains(to.password.expose_secret())
    );

    // It shares its system identifier, so it does not archive; a change of its spec that would is refused and it runs on.
    let mut archiving = taken.spec().unwrap();
    archiving
        .parameters
        .insert("archive_mode".into(), ParameterValue::Text("on".into()));
    let e = place.instance("again", archiving.clone()).up().await.unwrap_err();
    assert!(e.words().contains("PAAS-LOC-0019"), "{e}");
    run(&there, "SELECT 1").await;
    let origin = place.instance("demo", archiving);
    origin.up().await.unwrap();

    assert_eq!(code(backup::restore(&demo, &taken).await), "PAAS-LOC-0017");

    // The proof: a throw-away restore that leaves nothing.
    let before = place.instances();
    let never = CancellationToken::new();
    let verified = backup::verify(&place.machine, &taken, &never).await.unwrap();
    assert_eq!(verified.databases, ["app", "postgres", "template1"]);
    assert_eq!(place.instances(), before);
    let listed = place.store().list(demo.owner()).unwrap();
    assert_eq!((listed.len(), listed[0].state), (1, State::Good));
    assert_eq!(listed[0].verified.as_ref(), Some(&verified));

    // A byte that turned: the file is named, nothing is made, and the backup is not listed as good any more.
    spoil(&largest(taken.folder.join("data/base/1")));
    let lost = place.instance("lost", taken.spec().unwrap());
    let e = backup::restore(&lost, &taken).await.unwrap_err();
    assert_eq!(e.code().id, "PAAS-LOC-0018");
    assert!(
        e.words().contains("base/1/") && e.words().contains("SHA-256"),
        "{e}"
    );
    assert_eq!(place.instances(), before);
    assert_eq!(place.store().find(&taken.id).unwrap().state, State::Corrupt);
    assert_eq!(
        code(backup::verify(&place.machine, &taken, &never).await),
        "PAAS-LOC-0018"
    );
    assert_eq!(place.store().find(&taken.id).unwrap().state, State::Corrupt);

    let found = place.store().find(&taken.id).unwrap();
    place.store().remove(&found).unwrap();
    assert_eq!(code(place.store().find(&taken.id)), "PAAS-LOC-0020");
}

#[tokio::test]
async fn a_stopped_or_crashed_instance_is_backed_up_cold_and_a_clone_leaves_no_backup() {
    let place = Place::new().await;
    let demo = place.demo();
    assert_eq!(
        code(backup::take(&demo, Cause::Asked).await),
        "PAAS-LOC-0016",
        "nothing is there yet"
    );
    demo.up().await.unwrap();
    let to = demo.connection().await.unwrap();
    run(&to, "CREATE TABLE t AS SELECT 'one'::text AS word").await;

    let twin = place.instance("twin", DatabaseInstanceSpec::default());
    backup::clone(&demo, &twin).await.unwrap();
    assert!(place.store().all().unwrap().is_empty());
    twin.up().await.unwrap();
    run(&to, "UPDATE t SET word = 'two'").await;
    assert_eq!(
        text(&twin.connection().await.unwrap(), "SELECT word FROM t")
            .await
            .unwrap(),
        "one"
    );

    let server = demo.running().unwrap().unwrap();
    server.process.signal(rustix::process::Signal::KILL).unwrap();
    while server.process.is_alive() {
        std::thread::yield_now();
    }
    let crashed = backup::take(&demo, Cause::Asked).await.unwrap();
    demo.up().await.unwrap();
    run(&to, "UPDATE t SET word = 'three'").await;
    demo.down().await.unwrap();
    let stopped = backup::take(&demo, Cause::Object("default/last".into()))
        .await
        .unwrap();
    assert!(!stopped.manifest().unwrap().running);
    for (backup, word) in [(&crashed, "two"), (&stopped, "three")] {
        let back = place.instance(&format!("back-{word}"), backup.spec().unwrap());
        backup::restore(&back, backup).await.unwrap();
        back.up().await.unwrap();
        assert_eq!(
            text(&back.connection().await.unwrap(), "SELECT word FROM t")
                .await
                .unwrap(),
            word
        );
        back.down().await.unwrap();
    }
    // Backups outlive their instance.
    demo.delete("demo").await.unwrap();
    assert_eq!(place.store().list(demo.owner()).unwrap().len(), 2);
    assert_eq!(place.store().find("demo").unwrap().id, stopped.id);
}

#[tokio::test]
async fn what_was_interrupted_is_never_listed_as_good_and_is_swept_by_the_next() {
    let place = Place::new().await;
    let cancel = CancellationToken::new();
    let mut spec = DatabaseInstanceSpec {
        backup: Some(BackupPlan::default()),
        ..DatabaseInstanceSpec::default()
    };
    let demo = place.instance("demo", spec.clone());
    demo.up().await.unwrap();

    // Cancelled: nothing is left.
    cancel.cancel();
    let stopped = place.demo().cancelled_by(cancel);
    assert_eq!(
        backup::take(&stopped, Cause::Asked).await.unwrap_err().class(),
        Class::Cancelled
    );
    assert!(place.store().all().unwrap().is_empty());

    // Killed: a half-made copy, and one whose manifest was lost.
    let folder = place.machine.home.backups().join(demo.owner().uid().to_string());
    fs::create_dir_all(folder.join(".paas-tmp-20260101T000000Z-demo-00000000/data")).unwrap();
    fs::create_dir_all(folder.join("20260102T000000Z-demo-00000000/data")).unwrap();
    let left = place.machine.home.instances().join(".paas-tmp-verify-x");
    fs::create_dir_all(left.join("data")).unwrap();
    let states: Vec<State> = place.store().all().unwrap().iter().map(|b| b.state).collect();
    assert_eq!(states, [State::Incomplete, State::Corrupt]);
    let lost = place.store().find("20260102T000000Z-demo-00000000").unwrap();
    assert_eq!(
        code(backup::restore(&place.instance("new", spec.clone()), &lost).await),
        "PAAS-LOC-0018"
    );

    // The plan of the spec: the first one is due at once, then none until the next time; old ones go, others never.
    let tended = backup::tend(&demo).await.unwrap();
    let made = tended.ran.unwrap();
    assert!(tended.removed.is_empty() && tended.next.is_some());
    assert!(!left.exists());
    let states: Vec<State> = place.store().all().unwrap().iter().map(|b| b.state).collect();
    assert_eq!(states, [State::Corrupt, State::Good]);
    assert_eq!(backup::tend(&demo).await.unwrap().ran, None);
    assert_eq!(place.store().find("demo").unwrap().id, made);
    assert_eq!(
        backup::tend(&place.demo()).await.unwrap(),
        backup::Tended::default(),
        "without a plan nothing is done"
    );

    // Without enough in its log a running server cannot be copied; a stopped one can.
    let parameters = [("wal_level", "minimal"), ("max_wal_senders", "0")];
    spec.parameters = parameters
        .map(|(k, v)| (k.to_owned(), ParameterValue::Text(v.to_owned())))
        .into();
    let minimal = place.instance("demo", spec);
    minimal.up().await.unwrap();
    let e = backup::take(&minimal, Cause::Asked).await.unwrap_err();
    assert!(
        e.code().id == "PAAS-LOC-0016" && e.words().contains("wal_level"),
        "{e}"
    );
    minimal.down().await.unwrap();
    backup::take(&minimal, Cause::Asked).await.unwrap();
}
