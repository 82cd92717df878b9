//! The server process on this machine, with the real PostgreSQL.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may panic, tell what it measured, and look at the clock"
)]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::{Duration, Instant},
};

use paas_core::{
    clock::SystemClock,
    database::{
        codes,
        connection::{Connection, SslMode},
        session::{Session, ready},
    },
    error::{Error, Result},
    local::{
        account::Account,
        build::{self, Build, Choice},
        codes::{LOC_INITDB, LOC_PORT, LOC_START},
        config::ServerConfig,
        data, port,
        postmaster::{self, Postmaster},
    },
    testing::postgres,
};

const PATIENCE: Duration = Duration::from_secs(30);

struct Instance {
    _dir: tempfile::TempDir,
    folder: PathBuf,
    account: Account,
    build: Build,
    config: ServerConfig,
}

async fn build() -> Build {
    static BUILD: OnceLock<Build> = OnceLock::new();
    if let Some(build) = BUILD.get() {
        return build.clone();
    }
    let found = build::find(&postgres::places().await.unwrap()).await;
    let Ok(Choice::Here(build)) = build::choose(&found, None, false) else {
        panic!("there is no PostgreSQL where it was found a moment ago: {found:?}");
    };
    BUILD.get_or_init(|| build).clone()
}

impl Instance {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let account = Account::current().unwrap();
        let folder = dir.path().join("demo");
        fs::create_dir(&folder).unwrap();
        account.own(&folder).unwrap();
        let run = folder.join("run");
        fs::create_dir(&run).unwrap();
        account.own(&run).unwrap();
        let build = build().await;
        let owner = uuid::Uuid::new_v4();
        let config = ServerConfig {
            port: port::choose(owner, &Default::default()).unwrap(),
            sockets: run,
            major: build.version.major,
            certificate: None,
            parameters: BTreeMap::new(),
        };
        Self {
            _dir: dir,
            folder,
            account,
            build,
            config,
        }
    }

    async fn make(&self) -> Result<()> {
        data::make(
            &self.build,
            &self.account,
            &self.folder,
            &"the admin's password".to_owned().into(),
        )
        .await
    }

    async fn start(&self) -> Result<Postmaster> {
        self.config.write(&self.folder, &self.account).unwrap();
        postmaster::start(&self.build, &self.account, &self.folder, PATIENCE, &SystemClock).await
    }

    fn admin(&self) -> Connection {
        Connection {
            host: self.config.sockets.display().to_string(),
            port: self.config.port,
            database: "postgres".into(),
            user: data::ADMIN.into(),
            password: "the admin's password".to_owned().into(),
            sslmode: SslMode::Disable,
            address: None,
            ca: None,
        }
    }

    fn running(&self) -> Option<Postmaster> {
        postmaster::running(&self.folder, &self.account).unwrap()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(server) = postmaster::running(&self.folder, &self.account).unwrap() {
            server.process.signal(rustix::process::Signal::QUIT).unwrap();
            while server.process.is_alive() {
                std::thread::yield_now();
            }
        }
    }
}

async fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < PATIENCE, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn code(e: &Error) -> &'static str {
    e.code().id
}

#[tokio::test]
async fn a_server_is_made_started_asked_killed_healed_and_stopped() {
    let began = Instant::now();
    let it = Instance::new().await;
    it.make().await.unwrap();
    let made = began.elapsed();
    assert_eq!(data::major(&it.folder).unwrap(), Some(it.build.version.major));
    let server = it.start().await.unwrap();
    let session = Session::open(&it.admin()).await.unwrap();
    session
        .run(
            "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)",
            "make a table",
        )
        .await
        .unwrap();
    println!("made in {made:?}, first SQL after {:?}", began.elapsed());
    for (name, want) in [
        ("data_checksums", "on"),
        ("fsync", "on"),
        ("password_encryption", "scram-sha-256"),
    ] {
        let rows = session
            .rows("SELECT setting FROM pg_settings WHERE name = $1", &[&name], "ask")
            .await
            .unwrap();
        assert_eq!(rows[0].get::<_, &str>(0), want, "{name}");
    }
    assert_eq!(it.running().unwrap(), server);
    assert_eq!(server.port, Some(it.config.port));

    assert!(server.process.signal(rustix::process::Signal::KILL).unwrap());
    eventually("the end of the killed server", || it.running().is_none()).await;
    // The session's own process may answer a little longer than the server lives.
    let e = loop {
        if let Err(e) = session.run("SELECT 1", "ask a killed server").await {
            break e;
        }
    };
    assert!(
        [codes::PG_CONNECT.id, codes::PG_STARTING.id].contains(&code(&e)),
        "{e}"
    );
    let again = loop {
        match it.start().await {
            Ok(server) => break server,
            Err(e) => assert!(e.may_pass(), "{e}"),
        }
    };
    let session = Session::open(&it.admin()).await.unwrap();
    let rows = session.rows("SELECT n FROM kept", &[], "ask").await.unwrap();
    assert_eq!(rows[0].get::<_, i32>(0), 7);

    postmaster::stop(&again, &SystemClock).await.unwrap();
    assert!(it.running().is_none());
    postmaster::stop(&again, &SystemClock).await.unwrap();
    let e = ready(&it.admin()).await.unwrap_err();
    assert_eq!(code(&e), codes::PG_CONNECT.id);
}

#[tokio::test]
async fn only_the_right_password_opens_the_server() {
    let it = Instance::new().await;
    it.make().await.unwrap();
    it.start().await.unwrap();
    for host in [it.admin().host, "127.0.0.1".to_owned()] {
        ready(&Connection {
            host: host.clone(),
            ..it.admin()
        })
        .await
        .unwrap();
        let wrong = Connection {
            host,
            password: "x".to_owned().into(),
            ..it.admin()
        };
        let e = ready(&wrong).await.unwrap_err();
        assert_eq!(code(&e), codes::PG_AUTH.id, "{e}");
    }
    let session = Session::open(&it.admin()).await.unwrap();
    let e = session
        .run("SELECT * FROM nowhere", "look into a table")
        .await
        .unwrap_err();
    assert_eq!(code(&e), codes::PG_SQL.id);
    assert!(
        e.to_string()
            .contains("relation \"nowhere\" does not exist (SQLSTATE 42P01)"),
        "{e}"
    );
}

#[tokio::test]
async fn a_taken_port_and_a_wrong_parameter_are_told_in_the_servers_words() {
    let mut it = Instance::new().await;
    it.make().await.unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = std::mem::replace(&mut it.config.port, taken.local_addr().unwrap().port());
    let e = it.start().await.unwrap_err();
    assert_eq!(code(&e), LOC_PORT.id, "{e}");
    it.config.port = free;
    it.config.parameters.insert("work_mem".into(), "many".into());
    let e = it.start().await.unwrap_err();
    assert_eq!(code(&e), LOC_START.id);
    assert!(
        e.to_string()
            .contains("invalid value for parameter \"work_mem\": \"many\""),
        "{e}"
    );
    assert!(it.running().is_none());
    it.config.parameters.clear();
    it.start().await.unwrap();
}

#[tokio::test]
async fn an_interrupted_initdb_is_done_again_and_a_failed_one_leaves_no_data_directory() {
    let it = Instance::new().await;
    let half = it.folder.join(".paas-tmp-data/pgdata/base");
    fs::create_dir_all(&half).unwrap();
    assert_eq!(data::major(&it.folder).unwrap(), None);
    let broken = Build {
        bin: it.folder.clone(),
        ..it.build.clone()
    };
    let e = data::make(&broken, &it.account, &it.folder, &"x".to_owned().into())
        .await
        .unwrap_err();
    assert_eq!(code(&e), LOC_INITDB.id);
    assert_eq!(data::major(&it.folder).unwrap(), None);
    it.make().await.unwrap();
    assert!(!it.folder.join(".paas-tmp-data").exists());
    let e = it.make().await.unwrap_err();
    assert_eq!(e.class(), paas_core::error::Class::Conflict, "{e}");
    fs::remove_file(it.folder.join("data/PG_VERSION")).unwrap();
    assert_eq!(code(&data::major(&it.folder).unwrap_err()), LOC_INITDB.id);
}

#[tokio::test]
async fn a_note_of_a_process_that_is_somebody_elses_now_does_not_stop_the_start() {
    let it = Instance::new().await;
    it.make().await.unwrap();
    // A process of the same user that has nothing to do with it took the number after a reboot.
    let mut command = Command::new("sleep");
    it.account.apply(command.arg("600"));
    let mut stranger = command.spawn().unwrap();
    let note = it.folder.join("data/postmaster.pid");
    let text = format!(
        "{}\n{}\n1\n{}\n\n\n\n",
        stranger.id(),
        it.folder.join("data").display(),
        it.config.port
    );
    fs::write(&note, text).unwrap();
    it.account.own(&note).unwrap();
    assert!(it.running().is_none());
    let server = it.start().await.unwrap();
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger was touched");
    // Nothing is started beside a server whose note somebody removed.
    fs::remove_file(&note).unwrap();
    assert_eq!(it.running().unwrap().process, server.process);
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn a_server_that_is_stopping_says_so() {
    let it = Instance::new().await;
    it.make().await.unwrap();
    let server = it.start().await.unwrap();
    let last = Session::open(&it.admin()).await.unwrap();
    // A smart shutdown waits for the sessions that are open, and takes no more.
    server.process.signal(rustix::process::Signal::TERM).unwrap();
    let e = loop {
        if let Err(e) = ready(&it.admin()).await {
            break e;
        }
    };
    assert_eq!(code(&e), codes::PG_STARTING.id, "{e}");
    drop(last);
    eventually("the end of the server", || it.running().is_none()).await;
}

#[test]
fn a_data_directory_of_another_is_not_there() {
    assert_eq!(data::major(Path::new("/nonexistent")).unwrap(), None);
}
