//! Managed instances on this machine: the whole vertical with the real PostgreSQL.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may panic, tell what it measured, and look at the clock"
)]

mod common;

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc, time::Instant};

use common::{Place, code, text};
use paas_core::{
    database::session::{Session, ready},
    execute::Alone,
    local::{account::Account, instance::LocalInstance, postmaster},
    pipeline::Wanted,
    spec::{Database, DatabaseInstanceSpec, ParameterValue, User},
    view::PlanView,
};
use secrecy::ExposeSecret;

impl Place {
    fn instance(&self, spec: DatabaseInstanceSpec) -> LocalInstance {
        self.named("demo", spec)
    }

    fn running(&self) -> Option<postmaster::Postmaster> {
        postmaster::running(&self.folder(), &Account::current().unwrap()).unwrap()
    }

    fn kill(&self) {
        let server = self.running().unwrap();
        server.process.signal(rustix::process::Signal::KILL).unwrap();
        while server.process.is_alive() {
            std::thread::yield_now();
        }
    }
}

async fn plan(instance: &LocalInstance, wanted: Wanted) -> PlanView {
    instance
        .pipeline()
        .plan(&mut instance.context(Arc::new(Alone)), wanted)
        .await
        .unwrap()
}

fn lines(view: &PlanView) -> Vec<String> {
    let steps = view.stages.iter().flat_map(|s| &s.steps);
    let line = |s: &paas_core::view::StepView| {
        let changes = s
            .changes
            .iter()
            .map(|c| format!(" {}={} ({})", c.field, c.to, c.brings.as_deref().unwrap_or("-")));
        format!("{} {}{}", s.verb, s.key, changes.collect::<String>())
    };
    steps.map(line).collect()
}

fn named(names: &[&str]) -> DatabaseInstanceSpec {
    let database = |n: &&str| Database {
        name: n.to_string(),
        owner: None,
        extensions: Vec::new(),
    };
    DatabaseInstanceSpec {
        databases: names.iter().map(database).collect(),
        ..DatabaseInstanceSpec::default()
    }
}

#[tokio::test]
async fn an_empty_spec_gives_a_database_that_its_user_owns_and_a_second_up_has_nothing_to_do() {
    let place = Place::new().await;
    let it = place.instance(DatabaseInstanceSpec::default());
    let began = Instant::now();
    it.up().await.unwrap();
    let to = it.connection().await.unwrap();
    assert_eq!(
        text(&to, "SELECT current_user::text || '/' || session_user")
            .await
            .unwrap(),
        "app/app_a"
    );
    println!("nothing to first SQL: {:?}", began.elapsed());
    let session = Session::open(&to).await.unwrap();
    session
        .run(
            "CREATE TABLE t (n int); CREATE SCHEMA s; CREATE TABLE s.t (n int)",
            "make tables",
        )
        .await
        .unwrap();
    let owner = "SELECT string_agg(DISTINCT tableowner::text, ',') FROM pg_tables WHERE tablename = 't'";
    assert_eq!(text(&to, owner).await.unwrap(), "app");
    assert!(session.run("CREATE ROLE more", "make a role").await.is_err());

    let began = Instant::now();
    it.up().await.unwrap();
    println!("up with nothing to do: {:?}", began.elapsed());
    assert!(plan(&it, Wanted::Spec).await.is_empty());
    let ledger = fs::read_dir(place.machine.home.owners()).unwrap().count();
    assert!(ledger <= 1, "an idle pass wrote something");
}

#[tokio::test]
async fn no_output_and_no_file_but_the_secret_holds_a_password() {
    let place = Place::new().await;
    let it = place.instance(DatabaseInstanceSpec::default());
    it.up().await.unwrap();
    let passwords = [
        it.connection().await.unwrap().password,
        it.admin("postgres").await.unwrap().password,
    ];
    let mut told = format!(
        "{:?} {:?} {:?}",
        place.events.all(),
        plan(&it, Wanted::Nothing).await,
        it
    );
    told += &format!(
        "{:?} {}",
        it.connection().await.unwrap(),
        it.connection().await.unwrap()
    );
    let mut folders = vec![place.folder(), place.machine.home.owners()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            if meta.is_dir() {
                folders.push(path);
            } else if meta.is_file() {
                told += &String::from_utf8_lossy(&fs::read(path).unwrap());
            }
        }
    }
    for password in passwords {
        assert!(password.expose_secret().len() >= 22);
        assert!(!told.contains(password.expose_secret()));
    }
    let secrets = place.machine.home.secrets().join(it.owner().uid().to_string());
    for entry in fs::read_dir(secrets).unwrap() {
        assert_eq!(
            entry.unwrap().metadata().unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

#[tokio::test]
async fn a_killed_server_is_healed_with_its_data_and_down_keeps_them_for_a_later_up() {
    let place = Place::new().await;
    let it = place.instance(named(&["demo"]));
    it.up().await.unwrap();
    let to = it.connection().await.unwrap();
    let session = Session::open(&to).await.unwrap();
    session
        .run(
            "CREATE TABLE kept AS SELECT 'still here'::text AS word",
            "make a table",
        )
        .await
        .unwrap();
    place.kill();
    assert_eq!(lines(&plan(&it, Wanted::Spec).await)[0], "create server");
    it.up().await.unwrap();
    assert_eq!(text(&to, "SELECT word FROM kept").await.unwrap(), "still here");

    assert_eq!(lines(&plan(&it, Wanted::Nothing).await), ["delete server"]);
    it.down().await.unwrap();
    assert!(place.running().is_none());
    assert!(ready(&to).await.is_err());
    it.down().await.unwrap();
    it.up().await.unwrap();
    assert_eq!(text(&to, "SELECT word FROM kept").await.unwrap(), "still here");

    let e = it.delete("another").await.unwrap_err();
    assert_eq!(code(&e), "PAAS-CORE-0011", "{e}");
    ready(&to).await.unwrap_or(());
    it.delete("demo").await.unwrap();
    assert!(place.running().is_none());
    assert!(
        fs::read_dir(place.machine.home.instances())
            .unwrap()
            .next()
            .is_none()
    );
    let secrets = place.machine.secrets.list(it.owner()).await.unwrap();
    assert!(secrets.is_empty(), "{secrets:?}");
    it.delete("demo").await.unwrap();
}

#[tokio::test]
async fn parameters_users_databases_and_extensions_are_reconciled_in_place() {
    let place = Place::new().await;
    let mut spec = named(&["shop"]);
    let it = place.instance(spec.clone());
    it.up().await.unwrap();
    let server = place.running().unwrap();
    let has = "SELECT count(*)::text FROM pg_available_extensions WHERE name IN ('cube', 'earthdistance')";
    let extensions = text(&it.connection().await.unwrap(), has).await.unwrap() == "2";

    spec.parameters
        .insert("work_mem".into(), ParameterValue::Text("8MB".into()));
    spec.users.push(User {
        name: "reader".into(),
        connection_limit: Some(3),
    });
    if extensions {
        spec.databases[0].extensions = vec!["cube".into(), "earthdistance".into()];
    } else {
        println!("without extensions: this PostgreSQL has not got cube and earthdistance");
    }
    let possible = |lines: &[&'static str]| -> Vec<&'static str> {
        let all = lines.iter().copied();
        all.filter(|l| extensions || !l.contains(" extension/")).collect()
    };
    spec.databases.push(Database {
        name: "other".into(),
        owner: Some("reader".into()),
        extensions: Vec::new(),
    });
    let it = place.instance(spec.clone());
    assert_eq!(
        lines(&plan(&it, Wanted::Spec).await),
        possible(&[
            "update server parameters.work_mem=8MB (reload)",
            "create extension/shop/cube",
            "create extension/shop/earthdistance",
            "create role/reader",
            "create database/other",
            "create login/reader",
            "create binding/reader",
        ])
    );
    it.up().await.unwrap();
    assert!(plan(&it, Wanted::Spec).await.is_empty());
    assert_eq!(
        place.running().unwrap().process,
        server.process,
        "a reload does not restart"
    );
    let to = it.connection_to("other", "reader").await.unwrap();
    assert_eq!(text(&to, "SHOW work_mem").await.unwrap(), "8MB");

    spec.parameters
        .insert("max_connections".into(), ParameterValue::Integer(31));
    spec.parameters.remove("work_mem");
    spec.users[1].connection_limit = None;
    spec.databases[1].owner = None;
    spec.databases[0].extensions.pop();
    let it = place.instance(spec.clone());
    assert_eq!(
        lines(&plan(&it, Wanted::Spec).await),
        possible(&[
            "update server parameters.max_connections=31 (restart) parameters.work_mem=default (reload)",
            "delete extension/shop/earthdistance",
            "update database/other owner=app (-)",
            "update login/reader connectionLimit=none (-)",
            "update binding/reader database=shop (-)",
        ])
    );
    it.up().await.unwrap();
    assert!(plan(&it, Wanted::Spec).await.is_empty());
    assert_eq!(text(&to, "SHOW max_connections").await.unwrap(), "31");
    assert_eq!(text(&to, "SHOW work_mem").await.unwrap(), "4MB");

    // A database that is no longer declared holds data and stays; a user that owns nothing goes.
    spec.databases.pop();
    spec.users.pop();
    let it = place.instance(spec);
    it.up().await.unwrap();
    let view = plan(&it, Wanted::Spec).await;
    assert!(
        view.stages[1]
            .kept
            .iter()
            .any(|k| k.key.as_str() == "database/other"),
        "{view:?}"
    );
    assert!(ready(&to).await.is_err());
    assert!(it.connection_to("other", "reader").await.is_err());
}

#[tokio::test]
async fn a_wrong_parameter_never_takes_a_running_server_down() {
    let place = Place::new().await;
    let mut spec = named(&["demo"]);
    place.instance(spec.clone()).up().await.unwrap();
    let server = place.running().unwrap();
    for (name, value) in [("shared_buffers", "plenty"), ("no_such_thing", "1")] {
        spec.parameters = [(name.to_owned(), ParameterValue::Text(value.into()))].into();
        let e = place.instance(spec.clone()).up().await.unwrap_err();
        assert!(
            e.to_string().contains("PAAS-PG-0004") && e.to_string().contains(name),
            "{e}"
        );
    }
    assert_eq!(place.running().unwrap().process, server.process);
    spec.parameters.clear();
    place.instance(spec).up().await.unwrap();
}

#[tokio::test]
async fn a_server_that_refuses_its_new_parameters_at_the_start_runs_on_with_the_old_ones() {
    let place = Place::new().await;
    let mut spec = named(&["demo"]);
    let set = |name: &str, value: &str| (name.to_owned(), ParameterValue::Text(value.into()));
    spec.parameters = [set("work_mem", "8MB")].into();
    place.instance(spec.clone()).up().await.unwrap();
    spec.parameters = [
        set("work_mem", "16MB"),
        set("shared_preload_libraries", "no_such_library"),
    ]
    .into();
    let it = place.instance(spec);
    let e = it.up().await.unwrap_err();
    assert!(
        e.to_string().contains("no_such_library") && e.to_string().contains("runs again"),
        "the cause is told, not what it leads to: {e}"
    );
    let to = it.connection().await.unwrap();
    assert_eq!(text(&to, "SHOW work_mem").await.unwrap(), "8MB");
}

#[tokio::test]
async fn an_extension_that_is_not_there_is_told_in_the_servers_words() {
    let place = Place::new().await;
    let mut spec = named(&["demo"]);
    spec.databases[0].extensions.push("no_such_extension".into());
    let e = place.instance(spec).up().await.unwrap_err();
    assert!(
        e.to_string().contains("PAAS-PG-0005") && e.to_string().contains("no_such_extension"),
        "{e}"
    );
}

#[tokio::test]
async fn a_lost_secret_is_told_and_never_made_anew() {
    let place = Place::new().await;
    let it = place.instance(named(&["demo"]));
    it.up().await.unwrap();
    let before = it.connection().await.unwrap();
    place
        .machine
        .secrets
        .delete(it.owner(), "login-app_a")
        .await
        .unwrap();
    let e = it.up().await.unwrap_err();
    assert!(e.to_string().contains("PAAS-CORE-0007"), "{e}");
    ready(&before).await.unwrap();
    place.machine.secrets.delete(it.owner(), "admin").await.unwrap();
    let e = it.up().await.unwrap_err();
    assert!(e.to_string().contains("'admin'"), "{e}");
    it.down().await.unwrap();
    assert!(place.running().is_none());
}

#[tokio::test]
async fn data_of_another_major_is_kept_and_told() {
    let place = Place::new().await;
    let mut spec = named(&["demo"]);
    place.instance(spec.clone()).up().await.unwrap();
    spec.engine.version = Some("99".parse().unwrap());
    let e = place.instance(spec).up().await.unwrap_err();
    assert!(e.to_string().contains("PAAS-LOC-0015"), "{e}");
}

#[tokio::test]
async fn a_wanted_major_that_is_not_here_names_those_that_are() {
    let place = Place::new().await;
    let mut spec = named(&["demo"]);
    spec.engine.version = Some("99".parse().unwrap());
    let e = place.instance(spec).up().await.unwrap_err();
    assert!(
        e.to_string().contains("PAAS-LOC-0001") && e.to_string().contains("here: "),
        "{e}"
    );
}

#[tokio::test]
async fn what_a_crash_left_half_made_is_removed_and_a_folder_of_another_is_not_touched() {
    let place = Place::new().await;
    let it = place.instance(named(&["demo"]));
    let folder = place.folder();
    let half = folder.with_file_name(format!(
        ".paas-tmp-{}",
        folder.file_name().unwrap().to_string_lossy()
    ));
    fs::create_dir_all(half.join("data")).unwrap();
    it.down().await.unwrap();
    assert!(!half.exists());
    fs::create_dir_all(&half).unwrap();
    it.up().await.unwrap();
    assert!(!half.exists());
    it.down().await.unwrap();

    let copy = folder.with_file_name("copy");
    let done = std::process::Command::new("cp")
        .arg("-a")
        .args([&folder, &copy])
        .status()
        .unwrap();
    assert!(done.success());
    let e = it.up().await.unwrap_err();
    assert!(
        e.to_string().contains("PAAS-CORE-0002") && e.to_string().contains("/copy"),
        "{e}"
    );
    fs::remove_dir_all(copy).unwrap();
    fs::remove_file(folder.join("paas.json")).unwrap();
    let e = it.up().await.unwrap_err();
    assert_eq!(code(&e), "PAAS-LOC-0010", "{e}");
    assert!(folder.join("data/PG_VERSION").exists());
}

#[tokio::test]
async fn two_instances_made_at_once_have_ports_of_their_own_and_two_ups_of_one_make_one_server() {
    let place = Place::new().await;
    let one = place.instance(named(&["demo"]));
    let two = LocalInstance::new(place.machine.clone(), "default", "other", named(&["demo"]));
    let (a, b, c) = tokio::join!(one.up(), two.up(), one.up());
    a.and(b).and(c).unwrap();
    let (one, two) = (one.connection().await.unwrap(), two.connection().await.unwrap());
    assert_ne!(one.port, two.port);
    ready(&one).await.unwrap();
    ready(&two).await.unwrap();
}
