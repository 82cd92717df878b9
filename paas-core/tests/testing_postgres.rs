//! Databases for tests: isolated, on one server, and nothing is left of it however the test process ends. Other test processes are this
//! program itself, run again with the name of one test and a role for it in the environment.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may panic, tell what it measured, and look at the clock"
)]

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use paas_core::{
    database::{
        codes::{PG_EXTENSION, PG_PARAMETER, PG_SQL},
        connection::Connection,
        session::Session,
    },
    error::Class,
    testing::postgres::{self, Options, TestDatabase, postgres_blocking_with, postgres_with},
};

/// What a child is to do.
const ROLE: &str = "PAAS_TESTING_POSTGRES";

/// Where its server is to lie.
const FOLDER: &str = "PAAS_TESTING_POSTGRES_FOLDER";

/// Long enough for a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

async fn text(session: &Session, sql: &str) -> String {
    let rows = session.rows(sql, &[], "ask").await.unwrap();
    rows[0].get::<_, String>(0)
}

/// A place for the servers of children, apart from those of other tests.
struct Box {
    dir: tempfile::TempDir,
}

/// Another test process.
struct Other {
    child: Child,
    server: u32,
    folder: PathBuf,
}

impl Box {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() {
            memory.to_path_buf()
        } else {
            std::env::temp_dir()
        };
        let dir = tempfile::tempdir_in(parent).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir }
    }

    fn spawn(&self, role: &str) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "as_another_test_process", "--nocapture"])
            .env(ROLE, role)
            .env(FOLDER, self.dir.path())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// One that has its database.
    fn other(&self, role: &str) -> Other {
        let mut child = self.spawn(role);
        let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let line = lines
            .map(Result::unwrap)
            .find(|l| l.contains("server at "))
            .unwrap();
        let folder = PathBuf::from(line.split_once("server at ").unwrap().1);
        let note = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
        let server = note.lines().next().unwrap().parse().unwrap();
        assert!(folder.starts_with(self.dir.path()), "{folder:?}");
        Other {
            child,
            server,
            folder,
        }
    }

    /// Everything in the folder of servers.
    fn left(&self) -> Vec<PathBuf> {
        let folders = fs::read_dir(self.dir.path()).unwrap().flatten();
        let servers = folders.filter(|e| e.file_name().to_string_lossy().starts_with("paas-test-servers-"));
        servers
            .flat_map(|s| fs::read_dir(s.path()).unwrap())
            .map(|e| e.unwrap().path())
            .collect()
    }

    fn until_nothing_is_left(&self) {
        until("nothing is left", || {
            self.left().is_empty() && living_below(self.dir.path()).is_empty()
        });
    }
}

impl Other {
    fn is_gone(&self) -> bool {
        // One that ended and was not waited for yet by those who adopted it has ended.
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.server)).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")) && !self.folder.exists()
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        // Looking without a pause would take the processor from what is waited for.
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Processes whose command line names something in this folder.
fn living_below(folder: &Path) -> Vec<u32> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(folder.to_str().unwrap())
    })
    .collect()
}

fn shell_of(other: &Other) -> u32 {
    let status = fs::read_to_string(format!("/proc/{}/status", other.server)).unwrap();
    let parent = status.lines().find_map(|l| l.strip_prefix("PPid:")).unwrap();
    parent.trim().parse().unwrap()
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn as_another_test_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let folder = std::env::var_os(FOLDER).map(PathBuf::from);
    let db = postgres_blocking_with(Options {
        folder,
        ..Options::default()
    })
    .unwrap();
    println!("server at {}", db.log().parent().unwrap().display());
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    assert_ne!(role, "panic", "as it was told to");
    // The end of the process runs no destructor of this one.
    std::mem::forget(db);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tests_at_once_have_databases_of_their_own_on_one_server() {
    let tests = (0..8).map(|n: i32| {
        tokio::spawn(async move {
            let db = paas_core::testing::postgres().await.unwrap();
            let session = Session::open(db.connection()).await.unwrap();
            let sql = format!("CREATE TABLE things (n int); INSERT INTO things VALUES ({n})");
            session.run(&sql, "write").await.unwrap();
            let wrote = text(&session, "SELECT string_agg(n::text, ',') FROM things").await;
            assert_eq!(wrote, n.to_string());
            assert_eq!(text(&session, "SHOW fsync").await, "off");
            assert!(db.url().contains(&format!("/{}?", db.name())) && !format!("{db:?}").contains(db.url()));
            db
        })
    });
    let mut all = Vec::new();
    for test in futures_of(tests).await {
        all.push(test);
    }
    let names: BTreeSet<&str> = all.iter().map(TestDatabase::name).collect();
    let ports: BTreeSet<u16> = all.iter().map(|db| db.connection().port).collect();
    assert_eq!((names.len(), ports.len()), (8, 1));

    // One's way in opens nobody else's.
    let foreign = Connection {
        database: all[1].name().to_owned(),
        ..all[0].connection().clone()
    };
    assert_eq!(Session::open(&foreign).await.unwrap_err().code().id, PG_SQL.id);

    // A dropped one goes, with those who are connected to it.
    let gone = all.pop().unwrap();
    let way = gone.connection().clone();
    let connected = Session::open(&way).await.unwrap();
    drop(gone);
    let began = Instant::now();
    while Session::open(&way).await.is_ok() {
        assert!(began.elapsed() < DEADLINE);
    }
    assert!(connected.run("SELECT 1", "ask").await.is_err());
}

async fn futures_of<T>(tasks: impl Iterator<Item = tokio::task::JoinHandle<T>>) -> Vec<T> {
    let mut done = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        done.push(task.await.unwrap());
    }
    done
}

#[test]
fn wishes_have_a_server_of_their_own_and_mistakes_in_them_are_told() {
    let logical = Options {
        parameters: [("wal_level".to_owned(), "logical".to_owned())].into(),
        extensions: vec!["plpgsql".to_owned()],
        ..Options::default()
    };
    // Each runtime ends before the next one begins, as with tests.
    let run = |options: Options| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async move {
            let db = postgres_with(options).await?;
            let session = Session::open(db.connection()).await?;
            Ok::<_, paas_core::error::Error>((db.connection().port, text(&session, "SHOW wal_level").await))
        })
    };
    let (port, level) = run(logical.clone()).unwrap();
    assert_eq!(level, "logical");
    assert_eq!(run(logical.clone()).unwrap().0, port);
    assert_ne!(run(Options::default()).unwrap().0, port);
    assert_eq!(postgres_blocking_with(logical).unwrap().connection().port, port);

    let with = |name: &str, value: &str| Options {
        parameters: [(name.to_owned(), value.to_owned())].into(),
        ..Options::default()
    };
    for bad in [with("port", "1"), with("work_mem", "much")] {
        let e = run(bad.clone()).unwrap_err();
        assert_eq!(e.code().id, PG_PARAMETER.id, "{bad:?}: {e}");
        assert_eq!(run(bad).unwrap_err().words(), e.words());
    }
    let absent = Options {
        extensions: vec!["no_such_thing".to_owned()],
        ..Options::default()
    };
    assert_eq!(run(absent).unwrap_err().code().id, PG_EXTENSION.id);
    let ancient = Options {
        major: Some(7),
        ..Options::default()
    };
    assert_ne!(run(ancient).unwrap_err().class(), Class::Internal);
}

#[test]
fn nothing_is_left_of_a_test_process_that_ends_panics_or_is_killed() {
    let world = Box::new();
    let mut others = ["end", "panic", "kill"].map(|role| world.other(role));
    for other in &others {
        assert!(!other.is_gone());
    }
    for (other, fine) in others.iter_mut().zip([Some(true), Some(false), None]) {
        match fine {
            Some(_) => drop(other.child.stdin.take()),
            None => kill(other.child.id()),
        }
        let ended = other.child.wait().unwrap();
        assert_eq!(ended.success(), fine == Some(true));
        until("server and folder are gone", || other.is_gone());
    }
    world.until_nothing_is_left();
}

#[test]
fn what_is_left_where_everything_was_killed_is_swept_by_the_next() {
    let world = Box::new();
    // A neighbour that lives is left alone.
    let mut neighbour = world.other("end");
    for also_the_server in [false, true] {
        let mut other = world.other("kill");
        kill(shell_of(&other));
        kill(other.child.id());
        if also_the_server {
            kill(other.server);
        }
        other.child.wait().unwrap();
        assert!(other.folder.exists());
        let mut next = world.other("end");
        assert!(!other.folder.exists());
        until("the server is gone", || other.is_gone());
        drop(next.child.stdin.take());
        next.child.wait().unwrap();
        until("the next one is gone", || next.is_gone());
    }
    assert!(!neighbour.is_gone());
    drop(neighbour.child.stdin.take());
    neighbour.child.wait().unwrap();
    world.until_nothing_is_left();
}

#[test]
fn a_test_process_killed_while_its_server_comes_up_leaves_nothing_for_long() {
    let world = Box::new();
    for point in ["", "data", "paas.conf", "postgres.log", "data/postmaster.pid"] {
        let before = world.left();
        let mut child = world.spawn("kill");
        until(point, || {
            let mut new = world.left().into_iter().filter(|f| !before.contains(f));
            new.any(|f| f.is_dir() && f.join(point).exists())
        });
        kill(child.id());
        child.wait().unwrap();
    }
    // Where the shell was there already, it does it; else the next process does.
    let mut next = world.other("end");
    drop(next.child.stdin.take());
    next.child.wait().unwrap();
    world.until_nothing_is_left();
}

#[test]
fn the_cost_of_a_database() {
    let began = Instant::now();
    let first = postgres::postgres_blocking().unwrap();
    let first_took = began.elapsed();
    let mut further: Vec<Duration> = (0..21)
        .map(|_| {
            let began = Instant::now();
            let db = postgres::postgres_blocking().unwrap();
            assert_ne!(db.name(), first.name());
            began.elapsed()
        })
        .collect();
    further.sort();
    println!("first {first_took:?}, further {:?} (median of 21)", further[10]);
}
