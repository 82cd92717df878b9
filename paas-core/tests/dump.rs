//! A database becomes text and the text becomes the same database, with the real PostgreSQL; pg_dump and psql judge where the machine has
//! them. Without them the test says so, unless `PAAS_TEST_REQUIRE` is `all`.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and tell what it left out"
)]

use std::{
    fs,
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::PathBuf,
    process::{Command, Stdio},
};

use paas_core::{
    database::{
        codes::{PG_DUMP_TEXT, PG_LOAD, PG_NOT_COVERED, PG_NOT_EMPTY},
        connection::Connection,
        dump::{self, Dumped, dump, dump_with},
        load::{self, Loaded, load, load_with},
        session::Session,
    },
    error::{Error, Result},
    local::{
        account::Account,
        build::{self, Choice},
        instance::LocalInstance,
        machine::LocalMachine,
        postmaster,
    },
    spec::{Database, DatabaseInstanceSpec, User},
    testing::postgres,
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use secrecy::ExposeSecret;

struct Place {
    dir: tempfile::TempDir,
    instance: LocalInstance,
    bin: PathBuf,
}

impl Place {
    async fn new(databases: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut machine = LocalMachine::open(dir.path().join("home")).unwrap();
        machine.places = postgres::places().await.unwrap();
        machine.fetch = false;
        let found = build::find(&machine.places).await;
        let Ok(Choice::Here(build)) = build::choose(&found, None, false) else {
            panic!("there is no PostgreSQL where it was found a moment ago: {found:?}");
        };
        let user = |n: &str| User {
            name: n.to_owned(),
            connection_limit: None,
        };
        let database = |n: &&str| Database {
            name: n.to_string(),
            owner: None,
            extensions: Vec::new(),
        };
        let spec = DatabaseInstanceSpec {
            users: ["app", "reader", "writer"].map(user).to_vec(),
            databases: databases.iter().map(database).collect(),
            ..DatabaseInstanceSpec::default()
        };
        let instance = LocalInstance::new(machine, "default", "demo", spec);
        instance.up().await.unwrap();
        Self {
            dir,
            instance,
            bin: build.bin,
        }
    }

    async fn admin(&self, database: &str) -> Connection {
        self.instance.admin(database).await.unwrap()
    }

    async fn owner(&self, database: &str) -> Connection {
        self.instance.connection_to(database, "app").await.unwrap()
    }

    async fn run(&self, database: &str, sql: &str) {
        let session = Session::open(&self.admin(database).await).await.unwrap();
        session.run(sql, "prepare").await.unwrap();
    }

    /// One of PostgreSQL's client programs with its arguments, or nothing if it is not beside the server.
    async fn tool(&self, program: &str, database: &str, args: &[&str], input: &[u8]) -> Option<Vec<u8>> {
        let path = self.bin.join(program);
        if !path.is_file() {
            assert_ne!(
                std::env::var("PAAS_TEST_REQUIRE").as_deref(),
                Ok("all"),
                "{program} is required and is not at {}",
                path.display()
            );
            println!("left out: there is no {program} for this server");
            return None;
        }
        let to = self.admin(database).await;
        let passfile = self.dir.path().join("pgpass");
        let _ = fs::remove_file(&passfile);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&passfile)
            .unwrap();
        file.write_all(to.pgpass().expose_secret().as_bytes()).unwrap();
        let mut command = Command::new(path);
        for (name, value) in to.env().into_iter().filter(|(n, _)| *n != "PGPASSWORD") {
            command.env(name, value.expose_secret());
        }
        let mut child = command
            .env("PGPASSFILE", &passfile)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success(), "{program} failed");
        Some(output.stdout)
    }

    /// What pg_dump says of a database: its entries and its rows, sorted: it orders equals by their numbers. Its guards are random.
    async fn judged(&self, database: &str) -> Option<(String, Vec<String>)> {
        let schema = self.tool("pg_dump", database, &["--schema-only"], b"").await?;
        let rows = self.tool("pg_dump", database, &["--data-only"], b"").await?;
        let schema = String::from_utf8(schema).unwrap();
        let schema: Vec<&str> = schema
            .lines()
            .filter(|l| !l.starts_with("\\restrict") && !l.starts_with("\\unrestrict"))
            .collect();
        let mut rows: Vec<String> = String::from_utf8(rows)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        rows.retain(|l| !l.starts_with("\\restrict") && !l.starts_with("\\unrestrict"));
        rows.sort();
        let schema = schema.join("\n");
        let mut entries: Vec<&str> = schema.split("\n--\n-- Name: ").map(str::trim).collect();
        entries.sort_unstable();
        Some((entries.join("\n\n"), rows))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Ok(Some(server)) = postmaster::running(&self.instance.folder(), &Account::current().unwrap()) {
            let _ = server.process.signal(rustix::process::Signal::QUIT);
            while server.process.is_alive() {
                std::thread::yield_now();
            }
        }
    }
}

async fn text(from: &Connection) -> Result<(String, Dumped)> {
    let mut out = Vec::new();
    let dumped = dump(from, &mut out).await?;
    assert_eq!(dumped.bytes, out.len() as u64);
    Ok((String::from_utf8(out).unwrap(), dumped))
}

async fn take(to: &Connection, text: &str) -> Result<Loaded> {
    load(to, &mut text.as_bytes()).await
}

/// Without the first line, which names the database.
fn body(text: &str) -> &str {
    text.split_once('\n').unwrap().1
}

fn code(e: &Error) -> &'static str {
    e.code().id
}

#[track_caller]
fn same(one: &str, other: &str, what: &str) {
    for (n, (a, b)) in one.lines().zip(other.lines()).enumerate() {
        assert_eq!(a, b, "{what}, line {}", n + 1);
    }
    assert_eq!(one.lines().count(), other.lines().count(), "{what}");
}

#[tokio::test]
async fn a_rich_database_is_dumped_and_loaded_and_every_judge_finds_it_the_same() {
    let place = Place::new(&["source", "ours", "psql", "theirs"]).await;
    place.run("source", include_str!("dump.sql")).await;
    let source = place.admin("source").await;
    let (dumped, told) = text(&source).await.unwrap();
    if let Ok(path) = std::env::var("DUMP_DEBUG") {
        fs::write(path, &dumped).unwrap();
    }
    let rows = |name: &str| told.tables.iter().find(|(n, _)| n == name).unwrap().1;
    assert_eq!(rows("shop.hashed_0") + rows("shop.hashed_1"), 20);
    assert_eq!(rows(r#""Odd Name"."Every ""Value""#), 3);
    assert_eq!(rows("shop.no_columns"), 2);

    let ours = place.admin("ours").await;
    let loaded = take(&ours, &dumped).await.unwrap();
    assert_eq!(loaded.bytes, dumped.len() as u64);
    assert_eq!(
        (loaded.rows, loaded.tables),
        (told.rows, told.tables.len() as u64)
    );
    let (again, _) = text(&ours).await.unwrap();
    same(body(&dumped), body(&again), "a dump of the copy");
    for password in [source.password.expose_secret(), "SCRAM-SHA-256"] {
        assert!(!dumped.contains(password));
    }

    let Some((schema, data)) = place.judged("source").await else {
        return;
    };
    let (copied, copied_data) = place.judged("ours").await.unwrap();
    same(&schema, &copied, "pg_dump of our copy");
    assert_eq!(data, copied_data);

    let quiet = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"];
    place.tool("psql", "psql", &quiet, dumped.as_bytes()).await;
    let (by_psql, psql_data) = place.judged("psql").await.unwrap();
    same(&schema, &by_psql, "our dump loaded by psql");
    assert_eq!(data, psql_data);

    let theirs = place.tool("pg_dump", "source", &[], b"").await.unwrap();
    take(&place.admin("theirs").await, &String::from_utf8(theirs).unwrap())
        .await
        .unwrap();
    let (from_theirs, their_data) = place.judged("theirs").await.unwrap();
    same(&schema, &from_theirs, "pg_dump's dump loaded by us");
    assert_eq!(data, their_data);
}

#[tokio::test]
async fn nothing_is_left_out_in_silence_and_nothing_is_half_loaded() {
    let place = Place::new(&["one", "two"]).await;
    let (one, two) = (place.admin("one").await, place.owner("two").await);
    place
        .run(
            "one",
            "SET ROLE app; CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1);
             RESET ROLE; CREATE COLLATION public.mine (locale = 'C'); CREATE PUBLICATION everything FOR ALL TABLES;
             SELECT lo_create(4711)",
        )
        .await;
    let e = text(&one).await.unwrap_err();
    assert_eq!(code(&e), PG_NOT_COVERED.id);
    for name in [
        "collation public.mine",
        "publication everything",
        "large object 4711",
    ] {
        assert!(e.words().contains(name), "{name}: {e}");
    }
    let options = dump::Options {
        allow_missing: true,
        ..dump::Options::default()
    };
    let mut out = Vec::new();
    let dumped = dump_with(&one, &mut out, &options).await.unwrap();
    assert_eq!(dumped.left_out.len(), 3, "{:?}", dumped.left_out);
    let whole = String::from_utf8(out).unwrap();

    // Nothing of what fails at its end is there afterwards, and the place is told.
    let spoilt = whole.replace("\n1\n\\.", "\n1\nx\n\\.");
    let line = spoilt.lines().position(|l| l == "x").unwrap() + 1;
    let e = take(&two, &spoilt).await.unwrap_err();
    assert_eq!(code(&e), PG_LOAD.id);
    for words in [
        format!("line {line}: `COPY public.t (a)"),
        "invalid input syntax for type integer: \"x\"".into(),
    ] {
        assert!(e.to_string().contains(&words), "{words}: {e}");
    }
    for (cut, words) in [
        (&whole[..whole.find("\n1\n").unwrap() + 3], "within the rows"),
        (
            whole.split_inclusive("CREATE TABLE").next().unwrap(),
            "within the statement",
        ),
        (
            whole
                .trim_end()
                .strip_suffix("-- paas: the dump is complete")
                .unwrap(),
            "its last line is not there",
        ),
        ("SELECT 1;\n\\connect other\n", "line 2: \\connect"),
        ("\\! ls\n", "a command of psql"),
        ("COMMIT;", "one transaction"),
    ] {
        let e = take(&two, cut).await.unwrap_err();
        assert_eq!(code(&e), PG_DUMP_TEXT.id, "{e}");
        assert!(e.words().contains(words), "{words}: {e}");
    }
    let fresh = load::Options::default();
    let loaded = load_with(&two, &mut whole.as_bytes(), &fresh).await.unwrap();
    assert_eq!((loaded.rows, loaded.left_out.len()), (1, 3));
    let e = load_with(&two, &mut whole.as_bytes(), &fresh).await.unwrap_err();
    assert_eq!(code(&e), PG_NOT_EMPTY.id);
    assert!(e.words().contains("table t"), "{e}");
    take(&two, "\\restrict abc\nSELECT 1;\n\\unrestrict abc\n")
        .await
        .unwrap();
}

/// Texts, bytes, numbers and times as they come.
fn row() -> impl Strategy<Value = (Option<String>, Vec<u8>, f64, Vec<Option<String>>, String)> {
    (
        prop::option::of("[^\0]{0,20}"),
        prop::collection::vec(any::<u8>(), 0..20),
        // Of the many NaN, text has one.
        prop::num::f64::ANY.prop_map(|f| if f.is_nan() { f64::NAN } else { f }),
        prop::collection::vec(prop::option::of("[\\\\\t\n\r\"'{},a-cN.]{0,6}"), 0..4),
        prop::sample::select(vec![
            "infinity",
            "-infinity",
            "0044-03-15 12:00:00 BC",
            "2024-02-29 01:02:03.000004+00",
        ])
        .prop_map(str::to_owned),
    )
}

#[tokio::test]
async fn values_of_any_content_come_back_as_they_were() {
    let place = Place::new(&["one", "two"]).await;
    let (one, two) = (place.owner("one").await, place.owner("two").await);
    let shape = "CREATE TABLE v (n int, t text, b bytea, f float8, a text[], at timestamptz, j jsonb)";
    let session = Session::open(&one).await.unwrap();
    session.run(shape, "prepare").await.unwrap();
    let mut runner = TestRunner::new(Config::default());
    let mut rows = 0;
    for n in 0..300_i32 {
        let (t, b, f, a, at) = row().new_tree(&mut runner).unwrap().current();
        let sql = "INSERT INTO v VALUES ($1, $2, $3, $4, $5, $6::text::timestamptz, to_jsonb($2::text))";
        session
            .rows(sql, &[&n, &t, &b, &f, &a, &at], "insert")
            .await
            .unwrap();
        rows += 1;
    }
    let (dumped, told) = text(&one).await.unwrap();
    assert_eq!(told.rows, rows);
    take(&two, &dumped).await.unwrap();
    let whole = "SELECT md5(string_agg(v::text || float8send(f)::text, E'\\n' ORDER BY n)) AS sum, count(*) AS n FROM v";
    let mut sums = Vec::new();
    for to in [&one, &two] {
        let rows = Session::open(to)
            .await
            .unwrap()
            .rows(whole, &[], "compare")
            .await
            .unwrap();
        sums.push((rows[0].get::<_, String>(0), rows[0].get::<_, i64>(1)));
    }
    assert_eq!(sums[0], sums[1]);
}
