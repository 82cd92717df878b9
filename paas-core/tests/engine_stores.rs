//! Names, owners, keys, and what is kept in files.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail, and may show its table"
)]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    sync::Arc,
};

use jiff::Timestamp;
use paas_core::{
    codes,
    ledger::{FileLedger, Intent, Ledger, LedgerStore, Scope, Settled},
    names,
    owner::{Identity, Owner},
    resource::Key,
    secrets::{FileSecrets, Generate, SecretRef, SecretStore, SystemRandom},
};
use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn owner_of(namespace: &str, name: &str) -> Owner {
    Owner::new(
        &Identity::of(&["openstack", "https://keystone.example/v3", "p1"]),
        "Platform",
        namespace,
        name,
    )
}

fn owner() -> Owner {
    owner_of("default", "demo")
}

#[test]
fn the_uid_of_an_owner_is_the_same_everywhere_and_for_ever() {
    assert_eq!(owner().uid().to_string(), "acc25643-8e3a-544e-a80c-1a21374a83ee");
    let others = [
        Owner::new(
            &Identity::of(&["openstack", "https://keystone.example/v3", "p2"]),
            "Platform",
            "default",
            "demo",
        ),
        Owner::new(
            &Identity::of(&["openstack", "https://keystone.example/v3", "p1"]),
            "DatabaseInstance",
            "default",
            "demo",
        ),
        owner_of("other", "demo"),
        owner_of("default", "demo2"),
        owner_of("", "defaultdemo"),
    ];
    for other in others {
        assert_ne!(other.uid(), owner().uid(), "{other}");
    }
}

#[test]
fn names_are_as_they_always_were() {
    let long = "server/".to_owned() + &"x".repeat(190);
    let table: Vec<(&str, Owner, Key)> = vec![
        ("network", owner(), key("network")),
        ("server", owner(), key("server/workers-1")),
        ("server", owner(), key("server/one")),
        ("network", owner_of("team-a", "demo"), key("network")),
        ("network", owner(), key("Net.Work_1")),
        ("keyPair", owner(), key("keys")),
        ("skeCluster", owner(), key("cluster")),
        ("skeCluster", owner_of("a", "b"), key("c")),
        ("skeCluster", owner_of("1st", "x"), key("cluster")),
        ("secret", owner(), key(&long)),
        ("network", owner(), key(&long)),
        ("server", owner_of("9lives", "cat"), key("a")),
    ];
    let lines: Vec<String> = table
        .iter()
        .map(|(kind, o, k)| {
            let name = names::for_kind(o, kind, k);
            format!("{kind:<11} {}/{} {} = {name}", o.namespace(), o.name(), k)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

fn segment() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9._-]{1,12}"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn two_keys_never_share_a_name_and_every_name_keeps_the_rules(
        one in prop::collection::vec(segment(), 1..4), two in prop::collection::vec(segment(), 1..4),
        ns in "[a-z0-9][a-z0-9-]{0,20}", name in "[a-z0-9][a-z0-9-]{0,20}",
    ) {
        let (one, two) = (key(&one.join("/")), key(&two.join("/")));
        let owner = owner_of(&ns, &name);
        for kind in ["network", "keyPair", "skeCluster", "server", "anything"] {
            let (a, b) = (names::for_kind(&owner, kind, &one), names::for_kind(&owner, kind, &two));
            prop_assert_eq!(one == two, a == b, "{} {} {}", a, one, two);
            let rules = names::rules(kind);
            let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || rules.also.contains(c);
            prop_assert!(a.len() <= rules.limit && a.chars().all(good), "{}", a);
            prop_assert!(a.starts_with(|c: char| c.is_ascii_lowercase()) && !a.ends_with(['-', '.']), "{}", a);
        }
    }

    #[test]
    fn any_text_is_a_key_or_a_told_error(text in "\\PC{0,40}") {
        match Key::new(&text) {
            Ok(key) => prop_assert_eq!(key.as_str(), text),
            Err(e) => prop_assert_eq!(e.code().id, codes::CORE_NAME.id),
        }
    }
}

#[test]
fn the_name_of_a_key_pair_always_carries_the_hash_because_it_belongs_to_the_user() {
    let name = names::for_kind(&owner(), "keyPair", &key("keys"));
    assert_ne!(name, "default-demo-keys");
    let platform = names::for_kind(&owner(), "applicationCredential", &key("keys"));
    let other = Owner::new(&Identity::of(&["x"]), "Platform", "default", "demo");
    assert_ne!(
        platform,
        names::for_kind(&other, "applicationCredential", &key("keys"))
    );
}

#[test]
fn a_platform_and_a_database_of_one_name_share_no_name_outside() {
    let infrastructure = Identity::of(&["openstack", "https://keystone.example/v3", "p1"]);
    let names = ["Platform", "DatabaseInstance"].map(|kind| {
        let owner = Owner::new(&infrastructure, kind, "default", "demo");
        names::for_kind(&owner, "network", &key("network"))
    });
    assert_ne!(names[0], names[1]);
}

#[test]
fn a_key_is_segments_of_plain_characters() {
    for good in [
        "network",
        "server/workers-1",
        "a/b/c",
        "A.b_c-9",
        &"x".repeat(200),
    ] {
        assert_eq!(key(good).as_str(), good);
        assert_eq!(
            serde_json::from_str::<Key>(&serde_json::to_string(&key(good)).unwrap()).unwrap(),
            key(good)
        );
    }
    for bad in [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "a b",
        "ä",
        "a\nb",
        "a\0",
        &"x".repeat(201),
    ] {
        let error = Key::new(bad).unwrap_err();
        assert_eq!(error.code().id, codes::CORE_NAME.id, "{bad:?}");
        assert!(!error.to_string().contains(['\n', '\0']), "{error}");
        assert!(serde_json::from_str::<Key>(&serde_json::to_string(bad).unwrap()).is_err());
    }
}

fn scope() -> Scope {
    Scope {
        owner: owner(),
        stage: "machines".into(),
    }
}

fn intent(k: &str) -> Intent {
    Intent {
        key: key(k),
        at: Timestamp::from_second(1_000_000_000).unwrap(),
        id: None,
        missed: 0,
    }
}

#[tokio::test]
async fn a_ledger_in_a_file_is_there_for_the_next_process_and_closed_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("owners");
    let ledger = FileLedger::new(&root);
    assert_eq!(ledger.load(&scope()).await.unwrap(), Ledger::default());
    ledger.note(&scope(), &[]).await.unwrap();
    ledger.settle(&scope(), &[]).await.unwrap();
    assert!(!root.exists(), "nothing to write, nothing written");
    ledger.note(&scope(), &[intent("a"), intent("b")]).await.unwrap();
    ledger
        .settle(
            &scope(),
            &[Settled::Made(key("a"), "id-a".into()), Settled::Nothing(key("b"))],
        )
        .await
        .unwrap();
    let again = FileLedger::new(&root).load(&scope()).await.unwrap();
    assert_eq!(again.intents.len(), 1);
    assert_eq!(again.intents[&key("a")].id.as_deref(), Some("id-a"));
    let home = root.join(owner().uid().to_string());
    let file = home.join("ledger-machines.json");
    let before = fs::metadata(&file).unwrap();
    assert_eq!(
        (before.mode() & 0o777, fs::metadata(&home).unwrap().mode() & 0o777),
        (0o600, 0o700)
    );
    // Nothing new: nothing written.
    ledger
        .settle(&scope(), &[Settled::Made(key("a"), "id-a".into())])
        .await
        .unwrap();
    assert_eq!(fs::metadata(&file).unwrap().ino(), before.ino());
    assert_eq!(fs::read_dir(&home).unwrap().count(), 1, "no leftovers");
    ledger.forget(&scope()).await.unwrap();
    ledger.forget(&scope()).await.unwrap();
    assert!(!home.exists());
}

#[tokio::test]
async fn stages_and_owners_have_ledgers_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = FileLedger::new(folder.path());
    let cluster = Scope {
        stage: "cluster".into(),
        ..scope()
    };
    let other = Scope {
        owner: owner_of("default", "other"),
        ..scope()
    };
    ledger.note(&scope(), &[intent("a")]).await.unwrap();
    ledger.note(&cluster, &[intent("b")]).await.unwrap();
    assert_eq!(ledger.load(&other).await.unwrap(), Ledger::default());
    ledger.forget(&scope()).await.unwrap();
    assert_eq!(ledger.load(&cluster).await.unwrap().intents.len(), 1);
}

#[tokio::test]
async fn a_damaged_ledger_is_a_told_error_and_never_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = FileLedger::new(folder.path());
    ledger.note(&scope(), &[intent("a")]).await.unwrap();
    let file = folder
        .path()
        .join(owner().uid().to_string())
        .join("ledger-machines.json");
    for damage in ["", "{", "3", "{\"intents\": 3}"] {
        fs::write(&file, damage).unwrap();
        let error = ledger.load(&scope()).await.unwrap_err();
        assert_eq!(error.code().id, codes::CORE_LEDGER.id, "{damage:?}");
        assert!(error.to_string().contains("ledger-machines.json"), "{error}");
        assert!(ledger.note(&scope(), &[intent("b")]).await.is_err());
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            damage,
            "left as it is, to be looked at"
        );
    }
}

#[test]
fn a_ledger_of_an_older_version_is_read() {
    let old: Ledger = serde_json::from_str("{\"intents\":{},\"troubles\":{}}").unwrap();
    assert_eq!(old, Ledger::default());
}

#[tokio::test]
async fn the_first_secret_counts_and_it_is_closed_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileSecrets::new(folder.path().join("secrets"));
    assert!(store.get(&owner(), "admin").await.unwrap().is_none());
    let first = store
        .put_if_absent(&owner(), "admin", SecretString::from("one"))
        .await
        .unwrap();
    let second = store
        .put_if_absent(&owner(), "admin", SecretString::from("two"))
        .await
        .unwrap();
    assert_eq!((first.expose_secret(), second.expose_secret()), ("one", "one"));
    let home = folder.path().join("secrets").join(owner().uid().to_string());
    let mode = |p: &std::path::Path| fs::metadata(p).unwrap().mode() & 0o777;
    assert_eq!((mode(&home), mode(&home.join("admin"))), (0o700, 0o600));
    assert_eq!(store.list(&owner()).await.unwrap(), ["admin"]);
    assert!(
        store
            .list(&owner_of("default", "other"))
            .await
            .unwrap()
            .is_empty()
    );
    store.delete(&owner(), "admin").await.unwrap();
    store.delete(&owner(), "admin").await.unwrap();
    assert!(!home.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_that_race_agree_on_one_secret() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(FileSecrets::new(folder.path()));
    let write = |n: u32| {
        let store = store.clone();
        tokio::spawn(async move {
            let value = SecretString::from(format!("value-{n}"));
            store
                .put_if_absent(&owner(), "admin", value)
                .await
                .unwrap()
                .expose_secret()
                .to_owned()
        })
    };
    let mut seen = BTreeMap::new();
    for task in (0..16).map(write).collect::<Vec<_>>() {
        *seen.entry(task.await.unwrap()).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(store.list(&owner()).await.unwrap(), ["admin"], "no leftovers");
}

#[tokio::test]
async fn a_secret_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileSecrets::new(folder.path());
    store
        .put_if_absent(&owner(), "admin", SecretString::from("hunter2"))
        .await
        .unwrap();
    let file = folder.path().join(owner().uid().to_string()).join("admin");
    for mode in [0o640, 0o604, 0o666] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let error = store.get(&owner(), "admin").await.unwrap_err();
        assert_eq!(error.code().id, codes::CORE_SECRET_STORE.id);
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        assert!(
            store
                .put_if_absent(&owner(), "admin", SecretString::from("x"))
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn a_name_that_leads_out_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileSecrets::new(folder.path().join("secrets"));
    for bad in [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "/etc/passwd",
        ".hidden",
        "a\0b",
        "a b",
    ] {
        let put = store.put_if_absent(&owner(), bad, SecretString::from("x")).await;
        assert_eq!(put.unwrap_err().code().id, codes::CORE_NAME.id, "{bad:?}");
        assert!(store.get(&owner(), bad).await.is_err());
        assert!(store.delete(&owner(), bad).await.is_err());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_reference_tells_a_change_and_not_the_value() {
    let value = SystemRandom.secret();
    let reference = SecretRef::to("admin", &value);
    assert_eq!(reference, SecretRef::to("admin", &value));
    assert_ne!(reference, SecretRef::to("admin", &SystemRandom.secret()));
    assert!(!format!("{reference:?}").contains(value.expose_secret()));
    assert!(!format!("{value:?}").contains(value.expose_secret()));
    assert_eq!(value.expose_secret().len(), 32);
    assert!(value.expose_secret().chars().all(|c| c.is_ascii_alphanumeric()));
}

#[tokio::test]
async fn what_a_killed_writer_left_goes_with_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(owner().uid().to_string());
    let secrets = FileSecrets::new(dir.path());
    secrets.put_if_absent(&owner(), "one", "x".into()).await.unwrap();
    std::fs::write(folder.join(".one.half"), "x").unwrap();
    secrets.delete(&owner(), "one").await.unwrap();
    assert!(!folder.exists(), "the last secret takes the folder along");

    secrets.put_if_absent(&owner(), "one", "x".into()).await.unwrap();
    std::fs::write(folder.join(".two.half"), "x").unwrap();
    secrets.forget(&owner()).await.unwrap();
    assert!(!folder.exists());
    secrets.forget(&owner()).await.unwrap();

    let scope = Scope {
        owner: owner(),
        stage: "server".to_owned(),
    };
    let ledger = FileLedger::new(dir.path());
    ledger
        .settle(
            &scope,
            &[
                Settled::Made(key("a"), "1".into()),
                Settled::Seen(key("a"), "1".into()),
            ],
        )
        .await
        .unwrap();
    std::fs::write(folder.join(".ledger-server.json.half"), "{").unwrap();
    ledger.forget(&scope).await.unwrap();
    assert!(!folder.exists());
}
