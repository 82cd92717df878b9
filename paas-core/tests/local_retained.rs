//! Data that was kept: listed, taken up by name, deleted for good.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
};

use common::Place;
use paas_core::{
    database::session::Session,
    error::Error,
    local::{
        instance::LocalInstance,
        machine::LocalMachine,
        retained::{self, Standing},
    },
    spec::{Database, DatabaseInstanceSpec, ParameterValue, User},
};

impl Place {
    fn instance(&self, spec: DatabaseInstanceSpec) -> LocalInstance {
        LocalInstance::new(self.machine.clone(), "team", "shop", spec)
    }

    async fn standings(&self) -> Vec<Standing> {
        let listing = retained::list(&self.machine).await.unwrap();
        listing.found.iter().map(|r| r.standing).collect()
    }
}

fn spec() -> DatabaseInstanceSpec {
    let user = |name: &str, connection_limit| User {
        name: name.into(),
        connection_limit,
    };
    let database = |name: &str, owner: &str| Database {
        name: name.into(),
        owner: Some(owner.into()),
        extensions: Vec::new(),
    };
    let mut spec = DatabaseInstanceSpec {
        users: vec![user("reader", Some(3)), user("web", None)],
        databases: vec![database("stats", "reader"), database("web", "web")],
        ..DatabaseInstanceSpec::default()
    };
    let set = |n: &str| ParameterValue::Text(n.into());
    spec.parameters.insert("work_mem".into(), set("8MB"));
    spec.parameters
        .insert("max_connections".into(), ParameterValue::Integer(31));
    spec
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>, code: &str) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.code().id, code, "{error}");
    error.to_string()
}

/// Everything below a folder that names the owner, or lies in one that does.
fn traces(folder: &Path, words: &[String], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if words.iter().any(|w| name.contains(w)) {
            found.push(path);
        } else if path.is_dir() {
            traces(&path, words, found);
        }
    }
}

#[tokio::test]
async fn data_whose_object_was_lost_tell_what_is_in_them_and_are_purged_with_all_that_belongs_to_them() {
    let place = Place::new().await;
    let it = place.instance(spec());
    it.up().await.unwrap();
    let to = it.connection_to("web", "web").await.unwrap();
    let session = Session::open(&to).await.unwrap();
    session
        .run("CREATE TABLE kept AS SELECT 7 AS a", "make a table")
        .await
        .unwrap();
    drop(session);

    // Nobody has the object: only the name is known.
    let nameless = place.instance(DatabaseInstanceSpec::default());
    let listing = retained::list(&place.machine).await.unwrap();
    let one = &listing.found[0];
    assert_eq!(
        (one.owner.namespace(), one.owner.name(), one.standing),
        ("team", "shop", Standing::InPlace)
    );
    assert!(one.pid.is_some() && one.major.is_some() && one.used.is_some() && one.size > 10 << 20);
    refused(retained::purge(&nameless, "shop", &|_| ()).await, "PAAS-LOC-0035");
    it.down().await.unwrap();

    let known = retained::adopt(&nameless, None, &|_| ()).await.unwrap();
    let wanted = DatabaseInstanceSpec {
        engine: known.engine.clone(),
        ..spec()
    };
    assert_eq!(known, wanted, "the version is that of the data");
    assert!(known.engine.version.is_some());
    let again = place.instance(known);
    again.up().await.unwrap();
    let session = Session::open(&to).await.unwrap();
    assert_eq!(
        session
            .rows("SELECT a FROM kept", &[], "ask")
            .await
            .unwrap()
            .len(),
        1
    );
    drop(session);
    again.down().await.unwrap();

    // What is kept of it, and of others, beside its folder.
    let home = &place.machine.home;
    assert!(home.bindings().join("team/shop/uri").exists());
    let uid = it.owner().uid().to_string();
    for beside in [
        home.bindings().join("team/shop-two/uri"),
        home.owners().join(&uid).join("events.jsonl"),
        home.backups().join(&uid).join("one"),
    ] {
        fs::create_dir_all(beside.parent().unwrap()).unwrap();
        fs::write(beside, "").unwrap();
    }
    refused(
        retained::purge(&nameless, "shopp", &|_| ()).await,
        "PAAS-CORE-0011",
    );
    let protected = place.instance(DatabaseInstanceSpec {
        deletion_protection: true,
        ..spec()
    });
    refused(
        retained::purge(&protected, "shop", &|_| ()).await,
        "PAAS-CORE-0016",
    );
    assert_eq!(place.standings().await, [Standing::InPlace]);
    let purged = retained::purge(&nameless, "shop", &|_| ()).await.unwrap();
    assert_eq!(purged.backups.as_deref(), Some(&*home.backups().join(&uid)));
    let mut left = Vec::new();
    traces(home.root(), &["shop".to_owned(), uid.clone()], &mut left);
    left.sort();
    assert_eq!(
        left,
        [home.backups().join(&uid), home.bindings().join("team/shop-two")]
    );
    refused(retained::purge(&nameless, "shop", &|_| ()).await, "PAAS-LOC-0034");
    refused(retained::adopt(&nameless, None, &|_| ()).await, "PAAS-LOC-0034");
}

/// A marked folder without data, which is enough where no server is needed.
fn marked(machine: &LocalMachine, folder: &str) {
    let owner = machine.owner("team", "shop");
    let mark = paas_core::local::mark::Mark::new(
        owner.uid().to_string(),
        "folder",
        "team/shop",
        jiff::Timestamp::UNIX_EPOCH,
    );
    let path = machine.home.instances().join(folder);
    mark.make_folder(&path, machine.home.account()).unwrap();
}

#[tokio::test]
async fn a_folder_that_was_moved_is_told_and_goes_back_and_of_two_none_is_chosen() {
    let place = Place::new().await;
    let it = place.instance(spec());
    marked(&place.machine, "elsewhere");
    assert_eq!(place.standings().await, [Standing::Moved]);
    let told = refused(it.up().await, "PAAS-LOC-0033");
    assert!(
        told.contains("instances/elsewhere") && told.contains("is empty"),
        "{told}"
    );
    assert_eq!(retained::adopt(&it, Some(spec()), &|_| ()).await.unwrap(), spec());
    assert!(it.folder().is_dir());
    assert_eq!(place.standings().await, [Standing::InPlace]);

    marked(&place.machine, "copy");
    assert_eq!(place.standings().await, [Standing::Copy, Standing::InPlace]);
    for told in [
        refused(retained::adopt(&it, None, &|_| ()).await, "PAAS-CORE-0002"),
        refused(retained::purge(&it, "shop", &|_| ()).await, "PAAS-CORE-0002"),
    ] {
        assert!(
            told.contains("instances/copy") && told.contains(&*it.folder().to_string_lossy()),
            "{told}"
        );
    }
    fs::remove_dir_all(place.machine.home.instances().join("copy")).unwrap();

    let other = LocalMachine::open(place.dir.path().join("other")).unwrap();
    let name = it.folder().file_name().unwrap().to_owned();
    fs::rename(it.folder(), other.home.instances().join(name)).unwrap();
    let there = LocalInstance::new(other, "team", "shop", spec());
    refused(retained::adopt(&there, None, &|_| ()).await, "PAAS-LOC-0036");
    refused(retained::purge(&there, "shop", &|_| ()).await, "PAAS-LOC-0036");
}

#[tokio::test]
async fn a_purge_that_was_cut_off_is_ended_by_the_next_and_a_damaged_mark_is_told() {
    let place = Place::new().await;
    let it = place.instance(spec());
    marked(&place.machine, "shop");
    let half = it.folder().with_file_name(format!(
        ".paas-tmp-{}",
        it.folder().file_name().unwrap().to_string_lossy()
    ));
    fs::rename(place.machine.home.instances().join("shop"), half).unwrap();
    assert_eq!(place.standings().await, [Standing::HalfRemoved]);
    refused(retained::adopt(&it, None, &|_| ()).await, "PAAS-LOC-0034");
    retained::purge(&it, "shop", &|_| ()).await.unwrap();
    assert_eq!(place.standings().await, []);

    marked(&place.machine, "damaged");
    let mark = place.machine.home.instances().join("damaged/paas.json");
    fs::write(mark, "{").unwrap();
    let listing = retained::list(&place.machine).await.unwrap();
    assert_eq!(listing.unreadable[0].code().id, "PAAS-LOC-0012");
}
