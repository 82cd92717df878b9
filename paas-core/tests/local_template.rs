//! Data directories that are copies of a template, with every PostgreSQL that tests find.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may panic and tell what it measured"
)]

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use paas_core::{
    clock::SystemClock,
    database::{
        codes::PG_AUTH,
        connection::{Connection, SslMode},
        session::Session,
    },
    local::{
        account::Account,
        build::{self, Build},
        data, port,
        postmaster::{self, Postmaster},
        template::Templates,
    },
    secrets::SystemRandom,
    testing::postgres,
};
use rustix::process::Signal;

struct World {
    dir: tempfile::TempDir,
    account: Account,
    templates: Templates,
}

struct Copy<'a> {
    world: &'a World,
    folder: PathBuf,
    password: &'static str,
    port: u16,
}

fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let cache = dir.path().join("cache");
    fs::create_dir(&cache).unwrap();
    World {
        account: Account::current().unwrap(),
        templates: Templates {
            cache,
            generate: Arc::new(SystemRandom),
            clock: Arc::new(SystemClock),
            durable: true,
            eager: true,
        },
        dir,
    }
}

/// The newest build of each major.
async fn builds() -> Vec<Build> {
    let mut places = postgres::places().await.unwrap();
    places.cache = postgres::cache().ok();
    let mut builds = build::find(&places).await.builds;
    builds.dedup_by_key(|b| b.version.major);
    builds
}

impl World {
    async fn copy(&self, build: &Build, name: &str, password: &'static str) -> Copy<'_> {
        let folder = self.dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        self.account.own(&folder).unwrap();
        let began = Instant::now();
        self.templates
            .make(build, &self.account, &folder, &password.to_owned().into())
            .await
            .unwrap();
        println!("{} {name}: made in {:?}", build.version, began.elapsed());
        let port = port::choose(uuid::Uuid::new_v4(), &Default::default()).unwrap();
        let config = format!(
            "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\n",
            folder.display()
        );
        fs::write(folder.join("paas.conf"), config).unwrap();
        self.account.own(&folder.join("paas.conf")).unwrap();
        Copy {
            world: self,
            folder,
            password,
            port,
        }
    }

    fn template(&self) -> Option<PathBuf> {
        let entries = fs::read_dir(&self.templates.cache).unwrap().flatten();
        entries.map(|e| e.path()).find(|p| p.is_dir())
    }
}

impl Copy<'_> {
    async fn start(&self, build: &Build) -> Postmaster {
        let (account, patience) = (&self.world.account, Duration::from_secs(60));
        postmaster::start(build, account, &self.folder, patience, &SystemClock)
            .await
            .unwrap()
    }

    async fn session(&self, password: &str) -> paas_core::error::Result<Session> {
        Session::open(&Connection {
            host: "127.0.0.1".into(),
            port: self.port,
            database: "postgres".into(),
            user: data::ADMIN.into(),
            password: password.to_owned().into(),
            sslmode: SslMode::Disable,
            address: None,
            ca: None,
        })
        .await
    }

    async fn ask(&self, sql: &str) -> String {
        let session = self.session(self.password).await.unwrap();
        let rows = session.rows(sql, &[], "ask").await.unwrap();
        rows[0].get::<_, String>(0)
    }

    fn stop(&self, signal: Signal) {
        if let Some(server) = postmaster::running(&self.folder, &self.world.account).unwrap() {
            server.process.signal(signal).unwrap();
            while server.process.is_alive() {
                std::thread::yield_now();
            }
        }
    }
}

impl Drop for Copy<'_> {
    fn drop(&mut self) {
        self.stop(Signal::QUIT);
    }
}

const IDENTIFIER: &str = "SELECT system_identifier::text FROM pg_control_system()";

#[tokio::test]
async fn copies_differ_in_identifier_and_password_and_survive_a_crash() {
    for build in builds().await {
        let world = world();
        let one = world.copy(&build, "one", "the first password").await;
        let template = world.template().unwrap();
        let made = fs::metadata(&template).unwrap();
        let two = world.copy(&build, "two", "the second password").await;
        let still = fs::metadata(world.template().unwrap()).unwrap();
        assert_eq!((made.ino(), made.mtime_nsec()), (still.ino(), still.mtime_nsec()));
        assert_eq!(made.mode() & 0o7777, 0o700);
        assert_eq!(
            made.uid(),
            rustix::process::geteuid().as_raw(),
            "nobody else may change it"
        );

        one.start(&build).await;
        two.start(&build).await;
        let (first, second) = (one.ask(IDENTIFIER).await, two.ask(IDENTIFIER).await);
        assert_ne!(first, second);
        let refused = two.session("the first password").await.unwrap_err();
        assert_eq!(refused.code().id, PG_AUTH.id);

        let session = one.session(one.password).await.unwrap();
        session
            .run("CREATE TABLE t AS SELECT 'it is there' AS x", "write")
            .await
            .unwrap();
        // The table of roles is read back from disk with its checksum.
        session.run("CHECKPOINT", "checkpoint").await.unwrap();
        session
            .run("INSERT INTO t VALUES ('after it')", "write")
            .await
            .unwrap();
        drop(session);
        one.stop(Signal::KILL);
        one.start(&build).await;
        assert_eq!(
            one.ask("SELECT string_agg(x, ', ') FROM t").await,
            "it is there, after it"
        );
        assert_eq!(one.ask(IDENTIFIER).await, first);
        let log = fs::read_to_string(one.folder.join(postmaster::LOG)).unwrap();
        assert!(log.contains("automatic recovery in progress"), "{log}");
        assert!(!log.contains("PANIC") && !log.contains("checksum"), "{log}");
        one.stop(Signal::INT);
        let left: Vec<_> = names(&one.folder)
            .into_iter()
            .filter(|n| n.starts_with(".paas"))
            .collect();
        assert_eq!(left, [""; 0]);
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect()
}

#[tokio::test]
async fn a_template_that_is_not_recognised_or_went_away_costs_time_and_nothing_else() {
    let build = builds().await.remove(0);
    let world = world();
    let one = world.copy(&build, "one", "a").await;
    let control = world.template().unwrap().join("global/pg_control");
    let mut bytes = fs::read(&control).unwrap();
    bytes[40] ^= 1;
    fs::write(&control, bytes).unwrap();
    let two = world.copy(&build, "two", "b").await;
    two.start(&build).await;
    assert_eq!(two.ask("SELECT 'answers'").await, "answers");
    assert_eq!(
        names(&two.folder)
            .iter()
            .filter(|n| n.starts_with(".paas"))
            .count(),
        0
    );
    drop((one, two));
    // What a crash left of a template is made anew, too.
    let template = world.template().unwrap();
    let half = format!(".paas-tmp-{}", template.file_name().unwrap().display());
    fs::rename(&template, world.templates.cache.join(half)).unwrap();
    let three = world.copy(&build, "three", "c").await;
    assert!(world.template().is_some() && three.folder.join(data::FOLDER).is_dir());
}

#[tokio::test]
async fn the_first_database_of_a_home_pays_for_no_template_and_the_second_makes_it() {
    let build = builds().await.remove(0);
    let mut world = world();
    world.templates.eager = false;
    let one = world.copy(&build, "one", "a").await;
    assert!(world.template().is_none());
    fs::remove_dir_all(one.folder.join(data::FOLDER)).unwrap();
    let two = world.copy(&build, "two", "b").await;
    assert!(world.template().is_some());
    assert!(two.folder.join(data::FOLDER).is_dir());
}
