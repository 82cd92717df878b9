//! Passwords that rotate on a running instance: no failed login, healed crashes, bindings that say the truth.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use common::Place;
use jiff::{SignedDuration, Timestamp};
use paas_core::{
    clock::{Clock, SystemClock},
    database::{
        binding::Slot,
        connection::Connection,
        driver::service_binding,
        rotate::Rotation,
        session::{Session, ready},
    },
    error::Result,
    execute::Alone,
    local::instance::LocalInstance,
    pipeline::Wanted,
    spec::{Database, DatabaseInstanceSpec, User},
};
use secrecy::ExposeSecret;

/// The system's time, moved on by hand: servers need real waits.
#[derive(Debug, Default)]
struct Shifted(Mutex<SignedDuration>);

impl Shifted {
    fn advance(&self, by: Duration) {
        let mut ahead = self.0.lock().unwrap();
        *ahead += SignedDuration::try_from(by).unwrap();
    }
}

#[async_trait]
impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        SystemClock.now() + *self.0.lock().unwrap()
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        SystemClock.sleep(time).await;
    }
}

/// A running instance, with a clock that is moved on.
struct Turning {
    place: Place,
    clock: Arc<Shifted>,
    it: LocalInstance,
}

/// More than the default overlap.
const LONG: Duration = Duration::from_secs(700);

impl Turning {
    async fn new(users: &[&str]) -> Self {
        let mut place = Place::new().await;
        let clock = Arc::new(Shifted::default());
        place.machine.clock = clock.clone();
        let user = |n: &&str| User {
            name: n.to_string(),
            connection_limit: Some(7),
        };
        let spec = DatabaseInstanceSpec {
            users: users.iter().map(user).collect(),
            databases: vec![Database {
                name: "shop".into(),
                owner: None,
                extensions: Vec::new(),
            }],
            ..DatabaseInstanceSpec::default()
        };
        let it = place.named("demo", spec).patience(Duration::from_secs(60));
        it.up().await.unwrap();
        Self { place, clock, it }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.dir.path().join("home/bindings/default").join(name)
    }

    fn entry(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    async fn plan(&self) -> Vec<String> {
        let cx = &mut self.it.context(Arc::new(Alone));
        let view = self.it.pipeline().plan(cx, Wanted::Spec).await.unwrap();
        let steps = view.stages.iter().flat_map(|s| &s.steps);
        steps
            .map(|s| {
                let changes = s
                    .changes
                    .iter()
                    .map(|c| format!(" {}: {} → {}", c.field, c.from, c.to));
                format!("{} {}{}", s.verb, s.key, changes.collect::<String>())
            })
            .collect()
    }

    async fn admin(&self, sql: &str) {
        let to = self.it.admin("postgres").await.unwrap();
        Session::open(&to)
            .await
            .unwrap()
            .run(sql, "arrange")
            .await
            .unwrap();
    }

    async fn roles(&self) -> Vec<String> {
        let to = self.it.admin("postgres").await.unwrap();
        let sql = "SELECT rolname || ' ' || rolcanlogin || ' ' || rolconnlimit || ' ' || coalesce(rolpassword IS NOT NULL, false) \
             || ' ' || split_part(shobj_description(oid, 'pg_authid'), ' ', 4) FROM pg_authid \
             WHERE rolname ~ '_[ab]$' ORDER BY 1";
        let rows = Session::open(&to)
            .await
            .unwrap()
            .rows(sql, &[], "look")
            .await
            .unwrap();
        rows.iter().map(|r| r.get(0)).collect()
    }

    async fn secrets(&self) -> Vec<String> {
        let mut all = self.it.machine().secrets.list(self.it.owner()).await.unwrap();
        all.retain(|n| n.starts_with("login-"));
        all
    }
}

fn overlap(seconds: u64) -> Rotation {
    Rotation {
        overlap: Duration::from_secs(seconds),
        ..Rotation::default()
    }
}

/// One new connection with what the binding says at this moment.
async fn log_in(uri: &Path) -> Result<(), String> {
    let uri = fs::read_to_string(uri).map_err(|e| format!("read the binding: {e}"))?;
    let (client, wire) = tokio_postgres::connect(&uri, tokio_postgres::NoTls)
        .await
        .map_err(|e| format!("log in: {e:?}"))?;
    let wire = tokio::spawn(wire);
    let answer = client
        .simple_query("SELECT 1")
        .await
        .map_err(|e| format!("ask: {e:?}"));
    drop(client);
    let _ = wire.await;
    answer.map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_the_binding_sees_no_failed_login_over_many_rotations_and_locks() {
    let place = Turning::new(&["app"]).await;
    let (done, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let failed = Arc::new(Mutex::new(Vec::new()));
    let client = tokio::spawn({
        let (done, count, failed, uri) = (
            done.clone(),
            count.clone(),
            failed.clone(),
            place.file("demo/uri"),
        );
        async move {
            while !done.load(Ordering::Relaxed) {
                match log_in(&uri).await {
                    Ok(()) => {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(e) => failed.lock().unwrap().push(e),
                }
            }
        }
    });
    let more = async || {
        let from = count.load(Ordering::Relaxed);
        let failures = || failed.lock().unwrap().len();
        while count.load(Ordering::Relaxed) < from + 2 && failures() == 0 {
            tokio::task::yield_now().await;
        }
    };
    for turn in 0..6 {
        more().await;
        let done = place.it.rotate(None, &Rotation::default()).await.unwrap();
        let names = if turn % 2 == 0 {
            ("app_b", "app_a")
        } else {
            ("app_a", "app_b")
        };
        assert_eq!((done[0].login.as_str(), done[0].former.as_str()), names);
        more().await;
        place.clock.advance(LONG);
        if turn % 2 == 0 {
            place.it.up().await.unwrap();
        } else {
            assert_eq!(place.it.lock_former().await.unwrap(), [names.1]);
        }
        assert_eq!(place.secrets().await, [format!("login-{}", names.0)]);
    }
    more().await;
    done.store(true, Ordering::Relaxed);
    client.await.unwrap();
    assert!(failed.lock().unwrap().is_empty(), "{:?}", failed.lock().unwrap());
    assert!(count.load(Ordering::Relaxed) >= 14);
}

#[tokio::test]
async fn the_former_login_works_for_the_overlap_and_then_not_and_sessions_end_only_when_asked_for() {
    let place = Turning::new(&["app", "reader"]).await;
    let it = &place.it;
    let before = it.connection().await.unwrap();
    let reader = it.connection_to("shop", "reader").await.unwrap();
    let session = Session::open(&before).await.unwrap();
    let rotated = it.rotate(Some("app"), &Rotation::default()).await.unwrap();
    assert_eq!(rotated.len(), 1);
    ready(&before).await.unwrap();
    let after = it.connection().await.unwrap();
    assert_eq!((before.user.as_str(), after.user.as_str()), ("app_a", "app_b"));
    assert_eq!(place.entry("demo/uri"), after.url().expose_secret());
    assert_eq!(place.entry("demo/password"), after.password.expose_secret());
    // A passing glance changes nothing while the overlap lasts.
    assert!(place.plan().await.is_empty());
    let e = it.rotate(None, &Rotation::default()).await.unwrap_err();
    assert_eq!(e.code().id, "PAAS-PG-0008");
    assert!(e.to_string().contains(&rotated[0].until.to_string()), "{e}");
    assert_eq!(
        place.secrets().await,
        ["login-app_a", "login-app_b", "login-reader_a"]
    );

    place.clock.advance(LONG);
    assert_eq!(
        place.plan().await,
        ["update login/app old login app_a: retiring → locked"]
    );
    it.up().await.unwrap();
    assert!(place.plan().await.is_empty());
    assert_eq!(ready(&before).await.unwrap_err().code().id, "PAAS-PG-0002");
    session.run("SELECT 1", "go on").await.unwrap();
    let limits = [
        "app_a false 7 false locked",
        "app_b true 7 true active",
        "reader_a true 7 true active",
    ];
    assert_eq!(place.roles().await, limits);
    ready(&reader).await.unwrap();

    // The next turn, with no overlap: locked at once, its sessions ended.
    let session = Session::open(&after).await.unwrap();
    let how = Rotation {
        disconnect: true,
        ..overlap(0)
    };
    assert!(it.rotate(Some("app"), &how).await.unwrap()[0].locked);
    assert!(session.run("SELECT 1", "go on").await.is_err());
    assert!(ready(&after).await.is_err());
    ready(&it.connection().await.unwrap()).await.unwrap();

    // A wish to end sessions is kept for whoever locks.
    let now = it.connection().await.unwrap();
    let session = Session::open(&now).await.unwrap();
    let how = Rotation {
        disconnect: true,
        ..Rotation::default()
    };
    it.rotate(Some("app"), &how).await.unwrap();
    session.run("SELECT 1", "go on").await.unwrap();
    // And one that still works is cut short only when asked for.
    let how = Rotation {
        now: true,
        ..Rotation::default()
    };
    it.rotate(Some("app"), &how).await.unwrap();
    assert!(session.run("SELECT 1", "go on").await.is_err());

    let e = it.rotate(Some("nobody"), &how).await.unwrap_err();
    assert_eq!(e.code().id, "PAAS-PG-0008");
    it.down().await.unwrap();
    assert_eq!(it.connection().await.unwrap().user, "app_a");
    let e = it.rotate(None, &how).await.unwrap_err();
    assert_eq!(e.code().id, "PAAS-PG-0001");
    it.delete("demo").await.unwrap();
    assert!(!place.file("demo").exists() && !place.file("demo.reader").exists());
}

#[tokio::test]
async fn a_rotation_that_was_interrupted_anywhere_is_healed_with_no_login_lost() {
    let place = Turning::new(&["app"]).await;
    let it = &place.it;
    let owner = it.owner();
    let (secrets, generate) = (&it.machine().secrets, &it.machine().generate);

    // After the new password was stored: nothing is to be done, and the next rotation makes its own.
    let lost = secrets
        .put_if_absent(owner, "login-app_b", generate.secret())
        .await
        .unwrap();
    assert!(place.plan().await.is_empty());
    it.rotate(None, &Rotation::default()).await.unwrap();
    assert_ne!(place.entry("demo/password"), lost.expose_secret());
    log_in(&place.file("demo/uri")).await.unwrap();
    place.clock.advance(LONG);
    it.up().await.unwrap();

    // After the roles changed turns and before the binding did: long after, the former login is still good.
    half_rotated(&place).await;
    place.clock.advance(LONG);
    assert_eq!(place.entry("demo/username"), "app_b");
    log_in(&place.file("demo/uri")).await.unwrap();
    let held: Connection = it.connection().await.unwrap();
    assert_eq!(
        place.plan().await,
        ["update binding/app username: app_b → app_a password: another → the active login's"]
    );
    it.up().await.unwrap();
    assert_eq!(place.entry("demo/username"), "app_a");
    log_in(&place.file("demo/uri")).await.unwrap();
    // Who read the old one a moment ago gets in.
    ready(&held).await.unwrap();
    place.clock.advance(Duration::from_secs(61));
    it.up().await.unwrap();
    assert!(ready(&held).await.is_err());

    // The same, but the rotation itself is run again: it finishes what was begun.
    half_rotated(&place).await;
    let done = it.rotate(None, &Rotation::default()).await.unwrap();
    assert!(done[0].resumed && done[0].login == "app_b", "{done:?}");
    log_in(&place.file("demo/uri")).await.unwrap();
    place.clock.advance(LONG);

    // While sessions were being ended, and after the lock, before the password was forgotten.
    place.admin("ALTER ROLE app_a NOLOGIN PASSWORD NULL").await;
    assert_eq!(
        place.plan().await,
        ["update login/app old login app_a: retiring → locked"]
    );
    it.up().await.unwrap();
    secrets
        .put_if_absent(owner, "login-app_a", generate.secret())
        .await
        .unwrap();
    assert_eq!(
        place.plan().await,
        ["update login/app old password of app_a: kept → deleted"]
    );
    it.up().await.unwrap();
    assert_eq!(place.secrets().await, ["login-app_b"]);
    place.admin("ALTER ROLE app_a LOGIN").await;
    assert_eq!(
        place.plan().await,
        ["update login/app old login app_a: open → locked"]
    );
    it.up().await.unwrap();

    // Anywhere else: the future is dropped after a while that grows.
    for n in 0..20 {
        place.clock.advance(LONG);
        let stop = Duration::from_micros(150 * n * n);
        let _ = tokio::time::timeout(stop, it.rotate(None, &Rotation::default())).await;
        log_in(&place.file("demo/uri")).await.unwrap();
    }
    it.up().await.unwrap();
    log_in(&place.file("demo/uri")).await.unwrap();
    place.clock.advance(LONG);
    it.up().await.unwrap();
    log_in(&place.file("demo/uri")).await.unwrap();
    assert!(place.plan().await.is_empty());
    assert_eq!(place.secrets().await.len(), 1);
}

/// A rotation that ended after its transaction.
async fn half_rotated(place: &Turning) {
    let it = &place.it;
    let kept = it.machine().bindings.list(it.owner()).await.unwrap().remove(0);
    it.rotate(None, &Rotation::default()).await.unwrap();
    let store = &it.machine().bindings;
    store
        .publish(it.owner(), Slot::Main, "app", &kept.entries)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_lost_or_damaged_binding_and_two_active_logins_are_told_and_healed_or_refused() {
    let place = Turning::new(&["app", "reader"]).await;
    let it = &place.it;
    let binding = service_binding(it.spec(), "reader").unwrap();
    assert_eq!(
        (binding.slots, binding.database),
        (vec![Slot::User], "shop".to_owned())
    );
    assert_eq!(place.entry("demo.reader/username"), "reader_a");
    for key in [
        "type", "provider", "host", "port", "database", "dbname", "username", "password", "uri", "jdbc-uri",
        "pgpass",
    ] {
        assert!(!place.entry(&format!("demo/{key}")).is_empty(), "{key}");
    }
    fs::remove_file(place.file("demo/uri")).unwrap();
    assert_eq!(
        place.plan().await,
        ["update binding/app entries: uri wrong → whole"]
    );
    it.up().await.unwrap();
    log_in(&place.file("demo/uri")).await.unwrap();
    fs::set_permissions(place.file("demo/password"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        place.plan().await,
        ["update binding/app password: another → the active login's"]
    );
    fs::remove_dir_all(place.file("demo.reader")).unwrap();
    assert_eq!(place.plan().await[1], "create binding/reader");
    it.up().await.unwrap();
    log_in(&place.file("demo.reader/uri")).await.unwrap();

    // Without a binding and without the server, the stored password tells which login it is.
    it.rotate(Some("app"), &overlap(0)).await.unwrap();
    fs::remove_dir_all(place.file("demo")).unwrap();
    assert_eq!(it.connection().await.unwrap().user, "app_b");
    it.up().await.unwrap();

    // A lost password is told, and a rotation, being asked for, makes another one.
    it.machine()
        .secrets
        .delete(it.owner(), "login-app_b")
        .await
        .unwrap();
    let e = it.up().await.unwrap_err();
    assert!(e.to_string().contains("PAAS-CORE-0007"), "{e}");
    it.rotate(Some("app"), &overlap(0)).await.unwrap();
    it.up().await.unwrap();
    log_in(&place.file("demo/uri")).await.unwrap();

    // A user that is no longer declared goes with both roles, secrets and binding.
    let mut spec = it.spec().clone();
    spec.users.pop();
    it.rotate(Some("reader"), &Rotation::default()).await.unwrap();
    let fewer = LocalInstance::new(it.machine().clone(), "default", "demo", spec);
    fewer.up().await.unwrap();
    assert!(!place.file("demo.reader").exists());
    assert_eq!(
        place.roles().await,
        ["app_a true 7 true active", "app_b false 7 false locked"]
    );
    assert_eq!(place.secrets().await, ["login-app_a"]);

    place
        .admin("COMMENT ON ROLE app_b IS 'paas:login app 00 active'")
        .await;
    let e = fewer.up().await.unwrap_err();
    assert!(e.to_string().contains("app_a, app_b"), "{e}");
    assert_eq!(
        fewer.rotate(None, &overlap(0)).await.unwrap_err().code().id,
        "PAAS-PG-0008"
    );
    place.admin("COMMENT ON ROLE app_b IS 'paas:login app 00 locked'; COMMENT ON ROLE app_a IS 'paas:login app 00 locked'").await;
    let e = fewer.up().await.unwrap_err();
    assert!(e.to_string().contains("none is active"), "{e}");
}
