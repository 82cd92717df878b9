//! Ledgers and secrets in a real API server, and in files: one set of laws.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod kube_place;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use kube_place::place;
use paas_core::{
    codes,
    kube::{KubeLedger, KubeSecrets, codes as k8s},
    ledger::{FileLedger, LedgerStore, Scope, Settled},
    owner::{Identity, Owner},
    resource::Key,
    secrets::{ExposeSecret, FileSecrets, SecretStore, SecretString},
    testing::stores,
};
use serde_json::json;

fn owner() -> Owner {
    Owner::new(
        &Identity::of(&["kubernetes", "test"]),
        "DatabaseInstance",
        "shop",
        "db",
    )
}

fn scope() -> Scope {
    Scope {
        owner: owner(),
        stage: "database".to_owned(),
    }
}

fn seen() -> [Settled; 1] {
    [Settled::Seen(Key::new("service").unwrap(), "uid-1".to_owned())]
}

#[tokio::test]
async fn files_keep_the_laws_of_ledgers_and_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let report = stores::secrets(&|| FileSecrets::new(folder.path().join("secrets"))).await;
    assert!(report.is_good(), "{report}");
    let report = stores::ledger(&|| FileLedger::new(folder.path().join("owners")), false).await;
    assert!(report.is_good(), "{report}");
}

#[tokio::test]
async fn secrets_in_a_cluster_keep_the_laws_with_writers_at_once() {
    let Some(place) = place("secrets in a cluster keep the laws").await else {
        return;
    };
    let report = stores::secrets(&|| KubeSecrets::new(place.client.clone(), place.name())).await;
    assert!(report.is_good(), "{report}");
    let all: Api<Secret> = Api::default_namespaced(place.client.clone());
    assert_eq!(
        all.list(&ListParams::default()).await.unwrap().items.len(),
        0,
        "nothing is left"
    );
}

#[tokio::test]
async fn ledgers_in_a_cluster_keep_the_laws_with_writers_at_once() {
    let Some(place) = place("ledgers in a cluster keep the laws").await else {
        return;
    };
    let report = stores::ledger(&|| KubeLedger::new(place.client.clone(), place.name()), true).await;
    assert!(report.is_good(), "{report}");
    let all: Api<ConfigMap> = Api::default_namespaced(place.client.clone());
    let left = all
        .list(&ListParams::default().labels("paas.rs/owner"))
        .await
        .unwrap();
    assert_eq!(left.items.len(), 0, "nothing is left");
}

#[tokio::test]
async fn a_ledger_that_learns_nothing_new_is_not_written() {
    let Some(place) = place("a ledger that learns nothing").await else {
        return;
    };
    let ledger = KubeLedger::new(place.client.clone(), place.name());
    let all: Api<ConfigMap> = Api::default_namespaced(place.client.clone());
    let version = async || {
        let listed = all
            .list(&ListParams::default().labels("paas.rs/owner"))
            .await
            .unwrap();
        let versions: Vec<_> = listed
            .items
            .into_iter()
            .map(|m| m.metadata.resource_version)
            .collect();
        versions
    };
    ledger.settle(&scope(), &[]).await.unwrap();
    ledger
        .settle(&scope(), &[Settled::Nothing(Key::new("service").unwrap())])
        .await
        .unwrap();
    assert!(version().await.is_empty(), "nothing to write, nothing written");
    ledger.settle(&scope(), &seen()).await.unwrap();
    let before = version().await;
    assert_eq!(before.len(), 1);
    ledger.settle(&scope(), &seen()).await.unwrap();
    assert_eq!(version().await, before);
}

#[tokio::test]
async fn a_damaged_ledger_in_a_cluster_is_told_and_can_be_forgotten() {
    let Some(place) = place("a damaged ledger").await else {
        return;
    };
    let ledger = KubeLedger::new(place.client.clone(), place.name());
    ledger.settle(&scope(), &seen()).await.unwrap();
    let all: Api<ConfigMap> = Api::default_namespaced(place.client.clone());
    let map = all
        .list(&ListParams::default().labels("paas.rs/owner"))
        .await
        .unwrap()
        .items
        .remove(0);
    let name = map.metadata.name.unwrap();
    let damage = json!({"data": {"database.json": "{"}});
    all.patch(&name, &PatchParams::default(), &Patch::Merge(damage))
        .await
        .unwrap();
    let error = ledger.load(&scope()).await.unwrap_err();
    assert_eq!(error.code().id, codes::CORE_LEDGER.id);
    assert!(error.to_string().contains(&name), "{error}");
    assert!(
        ledger.settle(&scope(), &seen()).await.is_err(),
        "left as it is, to be looked at"
    );
    ledger.forget(&scope()).await.unwrap();
    assert!(all.get_opt(&name).await.unwrap().is_none());
}

#[tokio::test]
async fn somebody_elses_object_with_the_name_of_a_store_is_not_touched() {
    let Some(place) = place("somebody else's object").await else {
        return;
    };
    let (ledger, secrets) = (
        KubeLedger::new(place.client.clone(), place.name()),
        KubeSecrets::new(place.client.clone(), place.name()),
    );
    // Their names are found by making them once.
    ledger.settle(&scope(), &seen()).await.unwrap();
    secrets
        .put_if_absent(&owner(), "admin", "x".to_owned().into())
        .await
        .unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(place.client.clone());
    let all: Api<Secret> = Api::default_namespaced(place.client.clone());
    let only = ListParams::default().labels("paas.rs/owner");
    let mut map = maps.list(&only).await.unwrap().items.remove(0);
    let mut secret = all.list(&only).await.unwrap().items.remove(0);
    ledger.forget(&scope()).await.unwrap();
    secrets.delete(&owner(), "admin").await.unwrap();
    for metadata in [&mut map.metadata, &mut secret.metadata] {
        metadata.labels = None;
        metadata.resource_version = None;
        metadata.uid = None;
        metadata.managed_fields = None;
    }
    let map = maps.create(&PostParams::default(), &map).await.unwrap();
    let secret = all.create(&PostParams::default(), &secret).await.unwrap();

    let error = ledger.settle(&scope(), &seen()).await.unwrap_err();
    assert_eq!(error.code().id, k8s::K8S_TAKEN.id);
    let error = ledger.forget(&scope()).await.unwrap_err();
    assert_eq!(error.code().id, k8s::K8S_TAKEN.id);
    let error = secrets
        .put_if_absent(&owner(), "admin", "y".to_owned().into())
        .await
        .unwrap_err();
    assert_eq!(error.code().id, k8s::K8S_TAKEN.id);
    secrets.delete(&owner(), "admin").await.unwrap();
    secrets.forget(&owner()).await.unwrap();
    let name = |name: &Option<String>| name.clone().unwrap();
    assert_eq!(maps.get(&name(&map.metadata.name)).await.unwrap(), map);
    assert_eq!(all.get(&name(&secret.metadata.name)).await.unwrap(), secret);
}

#[tokio::test]
async fn a_secret_that_was_emptied_is_told_and_not_made_anew() {
    let Some(place) = place("a secret that was emptied").await else {
        return;
    };
    let secrets = KubeSecrets::new(place.client.clone(), place.name());
    secrets
        .put_if_absent(&owner(), "admin", SecretString::from("hunter2"))
        .await
        .unwrap();
    let all: Api<Secret> = Api::default_namespaced(place.client.clone());
    let mut secret = all.list(&ListParams::default()).await.unwrap().items.remove(0);
    let name = secret.metadata.name.clone().unwrap();
    let edit = json!({"data": {"value": "eA=="}});
    let refused = all
        .patch(&name, &PatchParams::default(), &Patch::Merge(edit))
        .await;
    assert!(refused.is_err(), "it is immutable");
    all.delete(&name, &Default::default()).await.unwrap();
    secret.data = None;
    secret.metadata.resource_version = None;
    secret.metadata.uid = None;
    all.create(&PostParams::default(), &secret).await.unwrap();
    for error in [
        secrets.get(&owner(), "admin").await.unwrap_err(),
        secrets
            .put_if_absent(&owner(), "admin", SecretString::from("hunter3"))
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.code().id, codes::CORE_SECRET_STORE.id);
        assert!(!format!("{error:?}").contains("hunter"));
    }
    secrets.delete(&owner(), "admin").await.unwrap();
    let fresh = secrets
        .put_if_absent(&owner(), "admin", SecretString::from("hunter3"))
        .await
        .unwrap();
    assert_eq!(fresh.expose_secret(), "hunter3");
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_told_as_such() {
    let Some(place) = place("a namespace that is not there").await else {
        return;
    };
    let error = KubeLedger::new(place.client.clone(), "nowhere")
        .settle(&scope(), &seen())
        .await
        .unwrap_err();
    assert_eq!(error.code().id, k8s::K8S_NOT_FOUND.id);
    assert!(error.to_string().contains("nowhere"), "{error}");
    let secrets = KubeSecrets::new(place.client.clone(), "nowhere");
    let put = secrets
        .put_if_absent(&owner(), "a", "hunter2".to_owned().into())
        .await;
    let error = put.unwrap_err();
    assert_eq!(error.code().id, k8s::K8S_NOT_FOUND.id);
    assert!(!format!("{error:?}").contains("hunter2"));
}
