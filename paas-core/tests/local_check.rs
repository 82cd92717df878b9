//! TLS on this machine, and the check that names the broken hop: each hop is broken in turn, on real PostgreSQL.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may panic, say what it left out, and look at the clock"
)]

mod common;

use std::{
    fs, io::Write, net::TcpListener, os::unix::fs::PermissionsExt, path::PathBuf, process::Command,
    sync::Arc, time::Duration,
};

use async_trait::async_trait;
use common::Place;
use jiff::{SignedDuration, Timestamp};
use paas_core::{
    actuator::{Actuator, Ids},
    clock::{Clock, SystemClock},
    database::{
        connection::{Connection, SslMode},
        resource::{Turn, password_name},
        session::Session,
    },
    error::Error,
    execute::Alone,
    local::{
        account::Account,
        actuator::LocalActuator,
        build,
        check::{Finding, Hop, Limits, Report},
        driver::ProcessDriver,
        instance::LocalInstance,
        port, postmaster,
        resource::LocalResource,
        storage,
    },
    pipeline::Wanted,
    spec::DatabaseInstanceSpec,
    testing::postgres,
};
use secrecy::ExposeSecret;

/// The system's clock, so many days off.
#[derive(Debug)]
struct Off(i64);

#[async_trait]
impl Clock for Off {
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_hours(24 * self.0)
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        SystemClock.sleep(time).await;
    }
}

impl Place {
    fn instance(&self, days: i64) -> LocalInstance {
        let mut machine = self.machine.clone();
        machine.clock = Arc::new(Off(days));
        LocalInstance::new(machine, "default", "demo", DatabaseInstanceSpec::default())
    }

    fn conf(&self) -> PathBuf {
        self.instance(0).folder().join("paas.conf")
    }

    /// Rewrites our part of the configuration by hand.
    fn edit(&self, change: impl Fn(&str) -> Option<String>) -> String {
        let before = fs::read_to_string(self.conf()).unwrap();
        let after: Vec<String> = before.lines().filter_map(change).collect();
        fs::write(self.conf(), after.join("\n") + "\n").unwrap();
        before
    }
}

async fn check(it: &LocalInstance) -> Report {
    let patience = Duration::from_secs(5);
    it.check(
        "app",
        "app",
        &Limits {
            patience,
            ..Limits::default()
        },
    )
    .await
}

/// Checks that this hop is the first broken one, that what is behind it was not looked at, and gives what was said.
#[track_caller]
fn broken(report: &Report, hop: Hop, code: &str) -> Error {
    let (first, error) = report.broken().unwrap();
    assert_eq!((first, error.code().id), (hop, code), "{report:?}");
    for step in &report.hops {
        match &step.finding {
            Finding::Ok(_) => assert!(step.hop < hop || step.hop == Hop::Disk, "{report:?}"),
            Finding::Failed(_) => assert_eq!(step.hop, hop),
            Finding::Skipped(why) => {
                assert!(step.hop > hop, "{report:?}");
                assert_eq!(why, &format!("not reached: {} is broken", hop.as_str()));
            }
        }
    }
    error.clone()
}

#[track_caller]
fn holds(report: &Report) {
    assert!(report.holds(), "{:?}", report.broken());
    assert!(
        report.hops.iter().all(|s| matches!(s.finding, Finding::Ok(_))),
        "{report:?}"
    );
}

async fn changes(it: &LocalInstance) -> Vec<String> {
    let plan = it
        .pipeline()
        .plan(&mut it.context(Arc::new(Alone)), Wanted::Spec)
        .await
        .unwrap();
    let steps = plan.stages.iter().flat_map(|s| &s.steps).flat_map(|s| &s.changes);
    steps
        .map(|c| format!("{} {}", c.field, c.brings.as_deref().unwrap_or("-")))
        .collect()
}

async fn encrypted(to: &Connection) -> bool {
    let session = Session::open(to).await.unwrap();
    // The owner's role may not look at the login's session.
    session.run("SET ROLE NONE", "be the login").await.unwrap();
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    session.rows(sql, &[], "ask").await.unwrap()[0].get(0)
}

#[tokio::test]
async fn an_instance_has_tls_that_every_client_can_verify_and_plain_connections_stay_possible() {
    let place = Place::new().await;
    let it = place.instance(0);
    broken(&check(&it).await, Hop::Name, "PAAS-PG-0001");
    it.up().await.unwrap();
    assert_eq!(changes(&it).await, [""; 0]);
    holds(&check(&it).await);

    let plain = it.connection().await.unwrap();
    assert_eq!(plain.sslmode, SslMode::Disable);
    assert!(!encrypted(&plain).await);
    let verified = it.with_tls(plain.clone()).unwrap();
    assert!(encrypted(&verified).await);

    let key = it.folder().join("tls/server.key");
    let mode = |p: &PathBuf| fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&key), 0o600);
    assert_eq!(mode(&place.machine.home.authority().join("ca.key")), 0o600);

    // An independent judge: libpq with OpenSSL.
    if Command::new("psql")
        .arg("--version")
        .output()
        .is_ok_and(|o| o.status.success())
    {
        let psql = |to: &Connection| {
            let mut command = Command::new("psql");
            for (name, value) in to.env() {
                command.env(name, value.expose_secret());
            }
            command.args([
                "-XAtqc",
                "SET ROLE NONE",
                "-c",
                "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
            ]);
            command.output().unwrap()
        };
        let said = psql(&verified);
        assert_eq!(String::from_utf8_lossy(&said.stdout), "t\n", "{said:?}");
        let stranger = place.dir.path().join("stranger");
        let stranger = paas_core::local::home::Home::open(stranger, Account::current().unwrap()).unwrap();
        paas_core::local::tls::authority::Authority::open(&stranger).unwrap();
        let foreign = Connection {
            ca: Some(stranger.authority().join("ca.crt")),
            ..verified
        };
        assert!(!psql(&foreign).status.success(), "psql takes any authority");
    } else {
        assert_ne!(
            std::env::var("PAAS_TEST_REQUIRE").as_deref(),
            Ok("all"),
            "psql is missing"
        );
    }
}

#[tokio::test]
async fn a_certificate_is_renewed_by_a_reload_and_an_older_instance_gets_one() {
    let place = Place::new().await;
    // Made three years ago.
    let past = place.instance(-3 * 365);
    past.up().await.unwrap();
    let process = past.running().unwrap().unwrap().process;
    let it = place.instance(0);
    let e = broken(&check(&it).await, Hop::Tls, "PAAS-PG-0014");
    assert!(
        e.words().contains("expired") && e.advice().contains("paas up"),
        "{e}"
    );
    assert_eq!(changes(&it).await, ["tls.certificate reload"]);
    it.up().await.unwrap();
    assert_eq!(changes(&it).await, [""; 0]);
    holds(&check(&it).await);
    assert_eq!(changes(&place.instance(540)).await, [""; 0]);
    assert_eq!(
        changes(&place.instance(600)).await,
        ["tls.certificate reload"],
        "well before its end"
    );

    // As an instance looks that was made before there was TLS.
    place.edit(|l| (!l.contains("ssl") && !l.contains("paas.certificate")).then(|| l.to_owned()));
    fs::remove_dir_all(it.folder().join("tls")).unwrap();
    postmaster::reload(&it.running().unwrap().unwrap()).unwrap();
    let admin = it.admin("postgres").await.unwrap();
    for _ in 0..500 {
        let session = Session::open(&admin).await.unwrap();
        let rows = session
            .rows("SELECT current_setting('ssl')", &[], "ask")
            .await
            .unwrap();
        if rows[0].get::<_, String>(0) == "off" {
            break;
        }
        SystemClock.sleep(Duration::from_millis(5)).await;
    }
    let report = check(&it).await;
    assert!(report.holds(), "{report:?}");
    assert!(
        matches!(report.at(Hop::Tls), Some(Finding::Skipped(why)) if why.contains("next `paas up`")),
        "{report:?}"
    );
    let refused = it.with_tls(it.connection().await.unwrap()).unwrap_err();
    assert_eq!(refused.code().id, "PAAS-LOC-0023");
    assert_eq!(changes(&it).await, ["tls reload"]);
    it.up().await.unwrap();
    holds(&check(&it).await);
    assert_eq!(
        it.running().unwrap().unwrap().process,
        process,
        "a reload is enough"
    );
}

#[tokio::test]
async fn each_broken_hop_is_named_with_what_it_said_and_what_to_do() {
    let place = Place::new().await;
    let it = place.instance(0);
    it.up().await.unwrap();
    holds(&check(&it).await);
    let server = it.running().unwrap().unwrap();
    let own = server.port.unwrap();

    // The port that clients are given is not the server's: nobody is there, or somebody else.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = free.local_addr().unwrap().port();
    drop(free);
    let conf = place.edit(|l| Some(l.replace(&format!("port = '{own}'"), &format!("port = '{other}'"))));
    let e = broken(&check(&it).await, Hop::Tcp, "PAAS-PG-0001");
    assert!(e.words().contains("refused"), "{e}");
    let stranger = tokio::net::TcpListener::bind(("127.0.0.1", other)).await.unwrap();
    let greeting = tokio::spawn(async move {
        let (mut stream, _) = stranger.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"220 mail.example\r\n")
            .await
            .unwrap();
        stream
    });
    let e = broken(&check(&it).await, Hop::Tls, "PAAS-PG-0014");
    assert!(e.words().contains("no PostgreSQL"), "{e}");
    drop(greeting.await);
    fs::write(place.conf(), conf).unwrap();

    // Another authority lies where clients look: it is neither trusted nor overwritten.
    let ca = place.machine.home.authority();
    let apart = place.dir.path().join("apart");
    fs::rename(&ca, &apart).unwrap();
    let e = broken(&check(&it).await, Hop::Tls, "PAAS-PG-0014");
    assert!(e.advice().contains("put the authority's file back"), "{e}");
    paas_core::local::tls::authority::Authority::open(&place.machine.home).unwrap();
    let e = broken(&check(&it).await, Hop::Tls, "PAAS-PG-0014");
    assert!(
        e.words().contains("UnknownIssuer") && e.advice().contains("ca.crt"),
        "{e}"
    );
    fs::copy(apart.join("ca.key"), ca.join("ca.key")).unwrap();
    let e = it.up().await.unwrap_err();
    assert!(format!("{e}").contains("PAAS-LOC-0022"), "{e}");
    it.down().await.unwrap();
    let e = it.up().await.unwrap_err();
    assert!(format!("{e}").contains("PAAS-LOC-0022"), "{e}");
    assert!(
        it.running().unwrap().is_some(),
        "the data is there for those who do not verify"
    );
    fs::remove_dir_all(&ca).unwrap();
    fs::rename(&apart, &ca).unwrap();
    holds(&check(&it).await);

    // The stored password is not the server's.
    let secret = password_name(&Turn::A.login("app"));
    let secrets = &place.machine.secrets;
    let right = secrets.get(it.owner(), &secret).await.unwrap().unwrap();
    secrets.delete(it.owner(), &secret).await.unwrap();
    broken(&check(&it).await, Hop::Auth, "PAAS-CORE-0007");
    secrets
        .put_if_absent(it.owner(), &secret, "wrong".to_owned().into())
        .await
        .unwrap();
    let report = check(&it).await;
    let e = broken(&report, Hop::Auth, "PAAS-PG-0002");
    assert!(!format!("{report:?}{e}").contains(right.expose_secret()));
    secrets.delete(it.owner(), &secret).await.unwrap();
    secrets.put_if_absent(it.owner(), &secret, right).await.unwrap();

    // Logins are let in and nothing can be asked, or nothing can be written.
    let admin = Session::open(&it.admin("postgres").await.unwrap()).await.unwrap();
    let set = |sql: &'static str| admin.run(sql, "set the scene");
    set("ALTER ROLE app_a SET default_transaction_read_only = on")
        .await
        .unwrap();
    let e = broken(&check(&it).await, Hop::Write, "PAAS-PG-0015");
    assert!(e.words().contains("read-only transaction"), "{e}");
    set("ALTER ROLE app_a RESET default_transaction_read_only")
        .await
        .unwrap();
    let inside = Session::open(&it.admin("app").await.unwrap()).await.unwrap();
    let rights = "FUNCTION pg_catalog.current_setting(text)";
    inside
        .run(
            &format!("REVOKE EXECUTE ON {rights} FROM PUBLIC"),
            "set the scene",
        )
        .await
        .unwrap();
    let e = broken(&check(&it).await, Hop::Query, "PAAS-PG-0003");
    assert!(
        e.words()
            .contains("permission denied for function current_setting"),
        "{e}"
    );
    inside
        .run(&format!("GRANT EXECUTE ON {rights} TO PUBLIC"), "clear the scene")
        .await
        .unwrap();
    holds(&check(&it).await);

    // Little room.
    let scarce = Limits {
        storage: storage::Limits {
            free: u64::MAX,
            ..Default::default()
        },
        ..Limits::default()
    };
    let report = it.check("app", "app", &scarce).await;
    let e = broken(&report, Hop::Disk, "PAAS-LOC-0024");
    assert!(e.words().contains("StorageLow"), "{e}");
    let grown = Limits {
        storage: storage::Limits {
            used_percent: 1,
            ..Default::default()
        },
        ..Limits::default()
    };
    broken(&it.check("app", "app", &grown).await, Hop::Disk, "PAAS-LOC-0024");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["hops"][7]["state"], "failed");
    assert_eq!(json["hops"][7]["code"], "PAAS-LOC-0024");
    assert_eq!(json["hops"][3]["hop"], "tls");

    // No server; and somebody else on its port.
    it.down().await.unwrap();
    let e = broken(&check(&it).await, Hop::Server, "PAAS-PG-0001");
    assert!(e.advice().contains("paas up"), "{e}");
    assert!(port::is_free(own));
    let _thief = TcpListener::bind(("127.0.0.1", own)).unwrap();
    let e = broken(&check(&it).await, Hop::Server, "PAAS-PG-0001");
    assert!(
        e.words()
            .contains(&format!("another program listens on its port {own}")),
        "{e}"
    );
}

#[tokio::test]
async fn a_build_without_tls_is_used_without_it_and_the_check_says_so() {
    let mut place = Place::new().await;
    let real = build::find(&place.machine.places).await.builds.remove(0);
    let bin = place.dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    // As the real one refuses: see check_ssl in PostgreSQL's guc.c (guc_tables.c since 16).
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = -D ] && grep -qs \"^ssl = 'on'\" \"$2/../paas.conf\"; then\n\
         echo 'LOG:  SSL is not supported by this build' >&2\necho 'FATAL:  configuration file contains errors' >&2\nexit 1\nfi\n\
         exec '{}' \"$@\"\n",
        real.program("postgres").display()
    );
    fs::write(bin.join("postgres"), script).unwrap();
    fs::set_permissions(bin.join("postgres"), fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(real.program("initdb"), bin.join("initdb")).unwrap();
    place.machine.places = build::Places {
        named: Some(bin),
        ..build::Places::default()
    };

    let it = place.instance(0);
    let driver = ProcessDriver::new(place.machine.clone(), it.owner().clone(), it.spec());
    let wanted = paas_core::driver::Driver::desired(&driver, it.spec(), &Default::default()).unwrap();
    let hands = LocalActuator::new(place.machine.clone(), None);
    for key in [LocalResource::FOLDER, LocalResource::DATA, LocalResource::SERVER] {
        let key = paas_core::resource::Key::new(key).unwrap();
        let want = &wanted.wanted()[&key];
        hands
            .create(it.owner(), &key, want, &Ids::default())
            .await
            .unwrap();
    }
    assert!(fs::read_to_string(place.conf()).unwrap().contains("ssl = 'off'"));
    let report = check(&it).await;
    assert!(
        matches!(report.at(Hop::Tls), Some(Finding::Skipped(why)) if why == "this PostgreSQL build has no TLS"),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_full_disk_is_named_where_something_is_written() {
    let Some(disk) = std::env::var_os(SMALL_DISK).map(PathBuf::from) else {
        return on_a_small_disk("a_full_disk_is_named_where_something_is_written");
    };
    let place = Place::with(&disk, postgres::places().await.unwrap());
    let it = place.instance(0);
    it.up().await.unwrap();
    let mut filler = fs::File::create(disk.join("filler")).unwrap();
    while filler.write_all(&[0; 4096]).is_ok() {}
    let report = check(&it).await;
    let (hop, e) = report.broken().unwrap();
    assert_eq!((hop, e.code().id), (Hop::Write, "PAAS-PG-0015"), "{report:?}");
    assert!(e.words().contains("No space left on device"), "{e}");
    assert!(matches!(report.at(Hop::Disk), Some(Finding::Failed(e)) if e.code().id == "PAAS-LOC-0024"));
    filler.set_len(0).unwrap();
    let report = check(&it).await;
    assert!(
        matches!(report.at(Hop::Write), Some(Finding::Ok(_))),
        "{report:?}"
    );
}

/// Where the small disk is, for a test that was started again on one.
const SMALL_DISK: &str = "PAAS_TEST_SMALL_DISK";

/// Starts a test again with a disk of 100 MB that only it sees. Only root can mount one.
fn on_a_small_disk(test: &str) {
    if !rustix::process::geteuid().is_root() {
        println!("left out: only root can mount a small disk");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let script = "mount -t tmpfs -o size=100m,mode=755 none \"$1\" && exec \"$0\" --exact \"$2\"";
    let status = Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(place.path())
        .arg(test)
        .env(SMALL_DISK, place.path())
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}
