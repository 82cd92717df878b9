//! The laws of ledgers and secret stores, as suites that every store passes: in files, in Kubernetes, and those of third parties.
//!
//! ```
//! use paas_core::{ledger::FileLedger, secrets::FileSecrets, testing::stores};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! # let folder = tempfile::tempdir().unwrap();
//! let secrets = || FileSecrets::new(folder.path().join("secrets"));
//! let report = stores::secrets(&secrets).await;
//! assert!(report.is_good(), "{report}");
//! # });
//! ```

use std::collections::BTreeSet;

use futures::future::join_all;
use jiff::Timestamp;

use super::conformance::Report;
use crate::{
    error::Error,
    ledger::{Intent, Ledger, LedgerStore, Scope, Settled},
    owner::{Identity, Owner},
    resource::Key,
    secrets::{ExposeSecret, Generate, SecretStore, SystemRandom},
};

/// Writers at once where they race.
const WRITERS: usize = 8;

fn words(e: Error) -> String {
    e.to_string()
}

/// A law that holds if `holds`, else the words.
fn law(holds: bool, broken: impl FnOnce() -> String) -> Result<(), String> {
    match holds {
        true => Ok(()),
        false => Err(broken()),
    }
}

/// Owners of one run, which no other run has.
fn owners() -> [Owner; 2] {
    let run = SystemRandom.secret();
    let place = Identity::of(&["stores", run.expose_secret()]);
    ["one", "two"].map(|name| Owner::new(&place, "DatabaseInstance", "default", name))
}

/// Checks the laws of a [`SecretStore`]. `open` opens the same store anew, as another process would.
pub async fn secrets<S: SecretStore>(open: &(dyn Fn() -> S + Sync)) -> Report {
    let mut report = Report::default();
    report.note(
        "the first value counts, for everybody who opens the store",
        first_counts(open).await,
    );
    report.note("writers that race agree on one value", secrets_race(open).await);
    report.note(
        "owners have secrets of their own, and a name leads nowhere else",
        names(open).await,
    );
    report.note(
        "what is deleted is gone, and deleting it again is no error",
        deleted(open).await,
    );
    report.note(
        "to forget an owner leaves nothing of it and everything else",
        forgotten(open).await,
    );
    report.note("no secret is in the store's own words", silent(open).await);
    report
}

async fn first_counts<S: SecretStore>(open: &(dyn Fn() -> S + Sync)) -> Result<(), String> {
    let [owner, _] = owners();
    let none = open().get(&owner, "admin").await.map_err(words)?;
    law(none.is_none(), || {
        "there is a secret before there is one".to_owned()
    })?;
    for value in ["one", "two"] {
        let kept = open()
            .put_if_absent(&owner, "admin", value.to_owned().into())
            .await
            .map_err(words)?;
        law(kept.expose_secret() == "one", || {
            format!("after '{value}' another value counts")
        })?;
    }
    let read = open().get(&owner, "admin").await.map_err(words)?;
    law(read.is_some_and(|r| r.expose_secret() == "one"), || {
        "another value is read".to_owned()
    })?;
    open().forget(&owner).await.map_err(words)
}

async fn secrets_race<S: SecretStore>(open: &(dyn Fn() -> S + Sync)) -> Result<(), String> {
    let [owner, _] = owners();
    let stores: Vec<S> = (0..WRITERS).map(|_| open()).collect();
    let writers = stores.iter().enumerate().map(|(n, store)| {
        let value = format!("value-{n}");
        store.put_if_absent(&owner, "admin", value.into())
    });
    let mut seen = BTreeSet::new();
    for kept in join_all(writers).await {
        seen.insert(kept.map_err(words)?.expose_secret().to_owned());
    }
    law(seen.len() == 1, || format!("{} values count", seen.len()))?;
    let listed = open().list(&owner).await.map_err(words)?;
    law(listed == ["admin"], || format!("there are {listed:?}"))?;
    open().forget(&owner).await.map_err(words)
}

async fn names<S: SecretStore>(open: &(dyn Fn() -> S + Sync)) -> Result<(), String> {
    let (store, [one, two]) = (open(), owners());
    for (owner, value) in [(&one, "first"), (&two, "second")] {
        for name in ["a", "a-b", "A.b_1"] {
            store
                .put_if_absent(owner, name, format!("{value} {name}").into())
                .await
                .map_err(words)?;
        }
    }
    for name in ["a", "a-b", "A.b_1"] {
        let read = store.get(&two, name).await.map_err(words)?;
        let fits = read.is_some_and(|r| r.expose_secret() == format!("second {name}"));
        law(fits, || format!("'{name}' is another's secret"))?;
    }
    let listed = store.list(&one).await.map_err(words)?;
    law(listed == ["A.b_1", "a", "a-b"], || {
        format!("there are {listed:?}")
    })?;
    for bad in ["", ".", "..", "../a", "a/b", ".hidden", "a\0b", "a b"] {
        let put = store.put_if_absent(&one, bad, "x".to_owned().into()).await;
        law(put.is_err(), || format!("{bad:?} is taken as a name"))?;
        let read = store.get(&one, bad).await;
        law(read.is_err(), || format!("{bad:?} is read as a name"))?;
    }
    store.forget(&one).await.map_err(words)?;
    store.forget(&two).await.map_err(words)
}

async fn deleted<S: SecretStore>(open: &(dyn Fn() -> S + Sync)) -> Result<(), String> {
    let (store, [owner, _]) = (open(), owners());
    for name in ["a", "b"] {
        store
            .put_if_absent(&owner, name, "x".to_owned().into())
            .await
            .map_err(words)?;
    }
    for _ in 0..2 {
        store.delete(&owner, "a").await.map_err(words)?;
    }
    let listed = store.list(&owner).await.map_err(words)?;
    law(listed == ["b"], || {
        format!("after deleting 'a' there are {listed:?}")
    })?;
    let fresh = store
        .put_if_absent(&owner, "a", "y".to_owned().into())
        .await
        .map_err(words)?;
    law(fresh.expose_secret() == "y", || {
        "the deleted value counts".to_owned()
    })?;
    store.forget(&owner).await.map_err(words)
}

async fn forgotten<S: SecretStore>(open: &(dyn Fn() -> S + Sync)) -> Result<(), String> {
    let (store, [one, two]) = (open(), owners());
    for owner in [&one, &two] {
        for name in ["a", "b"] {
            store
                .put_if_absent(owner, name, "x".to_owned().into())
                .await
                .map_err(words)?;
        }
    }
    for _ in 0..2 {
        store.forget(&one).await.map_err(words)?;
    }
    let (left, others) = (
        store.list(&one).await.map_err(words)?,
        store.list(&two).await.map_err(words)?,
    );
    law(left.is_empty() && others == ["a", "b"], || {
        format!("left are {left:?}, of another {others:?}")
    })?;
    store.forget(&two).await.map_err(words)
}

async fn silent<S: SecretStore>(open: &(dyn Fn() -> S + Sync)) -> Result<(), String> {
    let (store, [owner, _]) = (open(), owners());
    let value = SystemRandom.secret();
    let kept = store
        .put_if_absent(&owner, "admin", value.clone())
        .await
        .map_err(words)?;
    let refused = store.put_if_absent(&owner, "a b", value.clone()).await;
    let told = format!(
        "{store:?} {kept:?} {refused:?} {:?}",
        store.list(&owner).await.map_err(words)?
    );
    law(!told.contains(value.expose_secret()), || {
        "the secret is told".to_owned()
    })?;
    store.forget(&owner).await.map_err(words)
}

/// Checks the laws of a [`LedgerStore`]. `open` opens the same store anew, as another process would; `racing` says whether several
/// processes may write at once, which a store on one machine leaves to a lock.
pub async fn ledger<S: LedgerStore>(open: &(dyn Fn() -> S + Sync), racing: bool) -> Report {
    let mut report = Report::default();
    report.note("what was written is there for the next process", kept(open).await);
    report.note("stages and owners have ledgers of their own", apart(open).await);
    report.note(
        "what is forgotten is gone, and forgetting it again is no error",
        left(open).await,
    );
    if racing {
        report.note(
            "of writers that race none loses what it learned",
            ledgers_race(open).await,
        );
    }
    report
}

fn scope(owner: &Owner, stage: &str) -> Scope {
    Scope {
        owner: owner.clone(),
        stage: stage.to_owned(),
    }
}

fn key(text: &str) -> Result<Key, String> {
    Key::new(text).map_err(words)
}

fn intent(key: Key) -> Intent {
    let (at, id, missed) = (Timestamp::UNIX_EPOCH, None, 0);
    Intent { key, at, id, missed }
}

async fn kept<S: LedgerStore>(open: &(dyn Fn() -> S + Sync)) -> Result<(), String> {
    let [owner, _] = owners();
    let scope = scope(&owner, "machines");
    let empty = open().load(&scope).await.map_err(words)?;
    law(empty == Ledger::default(), || {
        "a ledger that was never written is not empty".to_owned()
    })?;
    open().note(&scope, &[]).await.map_err(words)?;
    open().settle(&scope, &[]).await.map_err(words)?;
    let intents = [intent(key("a")?), intent(key("b")?)];
    open().note(&scope, &intents).await.map_err(words)?;
    let settled = [
        Settled::Made(key("a")?, "id-a".to_owned()),
        Settled::Nothing(key("b")?),
        Settled::Seen(key("c")?, "id-c".to_owned()),
    ];
    open().settle(&scope, &settled).await.map_err(words)?;
    let mut want = Ledger::default();
    want.note(&intents);
    want.settle(&settled);
    let read = open().load(&scope).await.map_err(words)?;
    law(read == want, || format!("{read:?} is read instead of {want:?}"))?;
    open().forget(&scope).await.map_err(words)
}

async fn apart<S: LedgerStore>(open: &(dyn Fn() -> S + Sync)) -> Result<(), String> {
    let (store, [one, two]) = (open(), owners());
    let scopes = [
        scope(&one, "machines"),
        scope(&one, "cluster"),
        scope(&two, "machines"),
    ];
    for (n, scope) in scopes.iter().enumerate() {
        store
            .note(scope, &[intent(key(&format!("k{n}"))?)])
            .await
            .map_err(words)?;
    }
    for (n, scope) in scopes.iter().enumerate() {
        let read = store.load(scope).await.map_err(words)?;
        let names: Vec<String> = read.intents.keys().map(Key::to_string).collect();
        law(names == [format!("k{n}")], || format!("{scope:?} has {names:?}"))?;
    }
    store.forget(&scopes[0]).await.map_err(words)?;
    let read = store.load(&scopes[1]).await.map_err(words)?;
    law(read.intents.len() == 1, || {
        "forgetting a stage takes another one along".to_owned()
    })?;
    for scope in &scopes {
        store.forget(scope).await.map_err(words)?;
    }
    Ok(())
}

async fn left<S: LedgerStore>(open: &(dyn Fn() -> S + Sync)) -> Result<(), String> {
    let (store, [owner, _]) = (open(), owners());
    let scope = scope(&owner, "machines");
    store.forget(&scope).await.map_err(words)?;
    store.note(&scope, &[intent(key("a")?)]).await.map_err(words)?;
    for _ in 0..2 {
        store.forget(&scope).await.map_err(words)?;
    }
    let read = store.load(&scope).await.map_err(words)?;
    law(read == Ledger::default(), || format!("{read:?} is left"))
}

async fn ledgers_race<S: LedgerStore>(open: &(dyn Fn() -> S + Sync)) -> Result<(), String> {
    let [owner, _] = owners();
    let stores: Vec<S> = (0..WRITERS).map(|_| open()).collect();
    let mut keys = Vec::new();
    for n in 0..WRITERS {
        keys.push(key(&format!("k{n}"))?);
    }
    // Two stages, so that the first writers also race for the place of both.
    let scopes = [scope(&owner, "machines"), scope(&owner, "cluster")];
    let writers = stores.iter().zip(&keys).enumerate().map(|(n, (store, key))| {
        let scope = &scopes[n % scopes.len()];
        async move {
            store.note(scope, &[intent(key.clone())]).await?;
            store
                .settle(scope, &[Settled::Seen(key.clone(), key.to_string())])
                .await
        }
    });
    for written in join_all(writers).await {
        written.map_err(words)?;
    }
    for (n, key) in keys.iter().enumerate() {
        let read = open().load(&scopes[n % scopes.len()]).await.map_err(words)?;
        law(read.ids.contains_key(key), || {
            format!("what was learned about {key} is lost: {read:?}")
        })?;
    }
    for scope in &scopes {
        open().forget(scope).await.map_err(words)?;
    }
    Ok(())
}
