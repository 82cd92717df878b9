//! The hands on a real API server.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod kube_place;
mod kube_shop;

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, Service};
use kube::{
    Api,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use kube_place::{Place, place};
use kube_shop::{NoSecrets, counted, hands, key, map, owner};
use paas_core::{
    actuator::{Actuator, Ids, Reach},
    clock::{Clock, SystemClock},
    codes,
    error::{Class, Effect},
    graph::{Desired, Observed},
    kube::{
        KubeActuator, KubeObject, Namespaces, ObjectKind, access, codes as k8s,
        kind::{CONFIG_MAP, SECRET, SERVICE},
    },
    ledger::{Applied, Ledger},
    plan::plan,
    policy::Policy,
    resource::{Diff, Health, Need, Resource},
    secrets::{FileSecrets, SecretRef, SecretStore, SecretString},
};
use serde_json::{Value, json};

type Seen = Observed<KubeObject>;

async fn look(place: &Place) -> Seen {
    hands(place)
        .observe(&owner(), &Ledger::default(), Reach::Own)
        .await
        .unwrap()
}

async fn make(place: &Place, name: &str, want: &KubeObject) {
    hands(place)
        .create(&owner(), &key(name), want, &Ids::new())
        .await
        .unwrap();
}

fn maps(place: &Place) -> Api<ConfigMap> {
    Api::default_namespaced(place.client.clone())
}

#[tokio::test]
async fn what_was_made_is_found_with_its_needs_and_is_as_it_was_wanted() {
    let Some(place) = place("what was made is found").await else {
        return;
    };
    let want = map(&place, "settings", "one")
        .need(Need::Order(key("secret")))
        .holding_data();
    make(&place, "settings", &want).await;
    let seen = look(&place).await;
    let live = &seen.live[&key("settings")];
    assert_eq!(want.diff(&live.resource), Diff::Same);
    assert_eq!(live.resource.needs(), want.needs());
    assert!(
        live.resource.precious(),
        "whoever finds it knows that it holds data"
    );
    let object = maps(&place).get("settings").await.unwrap();
    assert_eq!(Some(&live.id), object.metadata.uid.as_ref());
    assert_eq!(live.health, Health::Ready);
}

#[tokio::test]
async fn a_field_that_somebody_edits_is_seen_and_brought_back() {
    let Some(place) = place("a field that somebody edits").await else {
        return;
    };
    let want = map(&place, "settings", "ours");
    make(&place, "settings", &want).await;
    let edit = json!({"data": {"value": "theirs", "more": "theirs"}});
    let as_kubectl = PatchParams {
        field_manager: Some("kubectl-edit".to_owned()),
        ..PatchParams::default()
    };
    maps(&place)
        .patch("settings", &as_kubectl, &Patch::Strategic(edit))
        .await
        .unwrap();

    let live = look(&place).await.live.remove(&key("settings")).unwrap();
    let Diff::Update(changes) = want.diff(&live.resource) else {
        panic!("not seen")
    };
    assert_eq!(changes[0].field, "data", "its only field");
    hands(&place)
        .update(&owner(), &key("settings"), &live, &want, &changes, &Ids::new())
        .await
        .unwrap();
    let now = maps(&place).get("settings").await.unwrap().data.unwrap();
    assert_eq!(now["value"], "ours");
    assert_eq!(now["more"], "theirs", "what we never wrote is not ours to judge");
    let live = look(&place).await.live.remove(&key("settings")).unwrap();
    assert_eq!(want.diff(&live.resource), Diff::Same);
}

#[tokio::test]
async fn what_the_spec_no_longer_says_is_taken_away() {
    let Some(place) = place("what the spec no longer says").await else {
        return;
    };
    let with = |data: Value| KubeObject::new(&CONFIG_MAP, place.name(), "settings", json!({"data": data}));
    make(&place, "settings", &with(json!({"a": "1", "b": "2"}))).await;
    let live = look(&place).await.live.remove(&key("settings")).unwrap();
    let want = with(json!({"a": "1"}));
    assert!(matches!(want.diff(&live.resource), Diff::Update(_)));
    hands(&place)
        .update(&owner(), &key("settings"), &live, &want, &[], &Ids::new())
        .await
        .unwrap();
    let now = maps(&place).get("settings").await.unwrap().data.unwrap();
    assert_eq!(now.len(), 1);
}

#[tokio::test]
async fn a_ledger_tells_which_fields_change_only_if_it_fits_the_object() {
    let Some(place) = place("a ledger tells which fields change").await else {
        return;
    };
    let (one, two) = (map(&place, "settings", "one"), map(&place, "settings", "two"));
    make(&place, "settings", &one).await;
    let fields = async |of: &KubeObject| {
        let mut hints = Ledger::default();
        hints.applied.insert(key("settings"), Applied::As(of.view()));
        let seen = hands(&place).observe(&owner(), &hints, Reach::Own).await.unwrap();
        match two.diff(&seen.live[&key("settings")].resource) {
            Diff::Update(changes) => changes.into_iter().map(|c| c.field).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(fields(&one).await, ["data.value"]);
    assert_eq!(fields(&two).await, ["manifest"], "it is of another time");
}

#[tokio::test]
async fn a_foreign_object_with_our_name_is_refused_and_not_touched() {
    let Some(place) = place("a foreign object with our name").await else {
        return;
    };
    let mut foreign = ConfigMap::default();
    foreign.metadata.name = Some("settings".to_owned());
    foreign.data = Some([("value".to_owned(), "theirs".to_owned())].into());
    let by = PostParams {
        field_manager: Some("helm".to_owned()),
        ..PostParams::default()
    };
    let before = maps(&place).create(&by, &foreign).await.unwrap();
    let want = map(&place, "settings", "ours");
    let made = hands(&place)
        .create(&owner(), &key("settings"), &want, &Ids::new())
        .await;
    let error = made.unwrap_err();
    assert_eq!(
        (error.code().id, error.class()),
        (k8s::K8S_TAKEN.id, Class::Blocked)
    );
    for word in ["ConfigMap", "settings", place.name(), "helm"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    assert_eq!(maps(&place).get("settings").await.unwrap(), before);
    assert!(look(&place).await.live.is_empty());
}

#[tokio::test]
async fn an_object_of_another_owner_or_another_key_is_refused_and_ours_is_applied_again() {
    let Some(place) = place("an object of another owner").await else {
        return;
    };
    let want = map(&place, "settings", "ours");
    make(&place, "settings", &want).await;
    let other = paas_core::owner::Owner::new(
        &paas_core::owner::Identity::of(&["kubernetes", "test"]),
        "DatabaseInstance",
        "shop",
        "other",
    );
    let made = hands(&place)
        .create(&other, &key("settings"), &want, &Ids::new())
        .await;
    assert!(made.unwrap_err().to_string().contains("DatabaseInstance/shop/db"));
    let made = hands(&place)
        .create(&owner(), &key("another"), &want, &Ids::new())
        .await;
    assert_eq!(made.unwrap_err().code().id, k8s::K8S_TAKEN.id);
    // As after an answer that was lost.
    make(&place, "settings", &want).await;
    assert_eq!(look(&place).await.live.len(), 1);
}

#[tokio::test]
async fn an_object_that_was_made_anew_is_neither_updated_nor_deleted_in_place_of_the_former() {
    let Some(place) = place("an object that was made anew").await else {
        return;
    };
    let want = map(&place, "settings", "ours");
    make(&place, "settings", &want).await;
    let former = look(&place).await.live.remove(&key("settings")).unwrap();
    maps(&place)
        .delete("settings", &DeleteParams::default())
        .await
        .unwrap();
    let gone = hands(&place)
        .update(&owner(), &key("settings"), &former, &want, &[], &Ids::new())
        .await;
    let error = gone.unwrap_err();
    assert_eq!(
        (error.code().id, error.effect()),
        (k8s::K8S_CONFLICT.id, Effect::None),
        "{error}"
    );
    assert!(
        maps(&place).get_opt("settings").await.unwrap().is_none(),
        "an update makes nothing"
    );

    let mut theirs = ConfigMap::default();
    theirs.metadata.name = Some("settings".to_owned());
    let theirs = maps(&place)
        .create(&PostParams::default(), &theirs)
        .await
        .unwrap();
    let other = hands(&place)
        .update(&owner(), &key("settings"), &former, &want, &[], &Ids::new())
        .await;
    assert_eq!(other.unwrap_err().code().id, k8s::K8S_CONFLICT.id);
    hands(&place)
        .delete(&owner(), &key("settings"), &former)
        .await
        .unwrap();
    assert_eq!(maps(&place).get("settings").await.unwrap(), theirs);
}

#[tokio::test]
async fn an_object_that_changed_since_the_look_is_not_deleted_by_it() {
    let Some(place) = place("an object that changed since the look").await else {
        return;
    };
    make(&place, "settings", &map(&place, "settings", "ours")).await;
    let live = look(&place).await.live.remove(&key("settings")).unwrap();
    // Somebody takes it over: our mark is gone.
    let patch = json!({"metadata": {"labels": {"paas.rs/owner": null}}});
    maps(&place)
        .patch("settings", &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
    let error = hands(&place)
        .delete(&owner(), &key("settings"), &live)
        .await
        .unwrap_err();
    assert_eq!(
        (error.code().id, error.class()),
        (k8s::K8S_CONFLICT.id, Class::Conflict)
    );
    assert!(maps(&place).get_opt("settings").await.unwrap().is_some());
}

#[tokio::test]
async fn an_object_that_waits_for_its_finalizer_is_leaving_and_is_not_made_anew() {
    let Some(place) = place("an object with a finalizer").await else {
        return;
    };
    let manifest = json!({"metadata": {"finalizers": ["example.org/wait"]}, "data": {"a": "b"}});
    let want = KubeObject::new(&CONFIG_MAP, place.name(), "settings", manifest);
    make(&place, "settings", &want).await;
    let live = look(&place).await.live.remove(&key("settings")).unwrap();
    hands(&place)
        .delete(&owner(), &key("settings"), &live)
        .await
        .unwrap();
    assert_eq!(look(&place).await.live[&key("settings")].health, Health::Leaving);
    let again = hands(&place)
        .create(&owner(), &key("settings"), &want, &Ids::new())
        .await;
    assert_eq!(again.unwrap_err().code().id, k8s::K8S_CONFLICT.id);
    let patch = json!({"metadata": {"finalizers": null}});
    maps(&place)
        .patch("settings", &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
    assert!(look(&place).await.live.is_empty());
}

#[tokio::test]
async fn secrets_are_put_in_at_the_last_moment_and_a_missing_one_is_blocked() {
    let Some(place) = place("secrets are put in").await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(FileSecrets::new(folder.path()));
    let hands = KubeActuator::new(
        place.client.clone(),
        [&SECRET],
        Namespaces::These(vec![place.name().to_owned()]),
        store.clone(),
    );
    let value = SecretString::from("hunter2");
    let manifest = json!({"type": "Opaque", "stringData": {"uri": "postgresql://app:${app}@db/shop"}});
    let want = KubeObject::new(&SECRET, place.name(), "binding", manifest)
        .secret("${app}", SecretRef::to("app", &value));
    let missing = hands
        .create(&owner(), &key("binding"), &want, &Ids::new())
        .await
        .unwrap_err();
    assert_eq!(
        (missing.code().id, missing.class()),
        (codes::CORE_SECRET_MISSING.id, Class::Blocked)
    );
    store.put_if_absent(&owner(), "app", value).await.unwrap();
    let live = hands
        .create(&owner(), &key("binding"), &want, &Ids::new())
        .await
        .unwrap();
    let all: Api<Secret> = Api::default_namespaced(place.client.clone());
    let kept = all.get("binding").await.unwrap().data.unwrap();
    assert_eq!(kept["uri"].0, b"postgresql://app:hunter2@db/shop");
    let seen = hands
        .observe(&owner(), &Ledger::default(), Reach::Own)
        .await
        .unwrap();
    assert_eq!(want.diff(&seen.live[&key("binding")].resource), Diff::Same);
    let told = format!("{hands:?} {want:?} {live:?} {seen:?}");
    assert!(
        !told.contains("hunter2") && !told.contains("aHVudGVyMg"),
        "{told}"
    );

    // Somebody changes it: that is seen without reading it.
    let edit = json!({"stringData": {"uri": "theirs"}});
    all.patch("binding", &PatchParams::default(), &Patch::Merge(edit))
        .await
        .unwrap();
    let seen = hands
        .observe(&owner(), &Ledger::default(), Reach::Own)
        .await
        .unwrap();
    assert!(matches!(
        want.diff(&seen.live[&key("binding")].resource),
        Diff::Update(_)
    ));

    let other = want
        .clone()
        .secret("${app}", SecretRef::to("app", &"hunter3".to_owned().into()));
    let changed = hands
        .update(&owner(), &key("binding"), &live, &other, &[], &Ids::new())
        .await
        .unwrap_err();
    assert_eq!(
        changed.code().id,
        codes::CORE_SECRET_MISSING.id,
        "not the one that was planned with"
    );
}

#[tokio::test]
async fn what_is_refused_is_told_in_the_servers_words_without_the_secret_that_it_quotes() {
    let Some(place) = place("what is refused is told").await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(FileSecrets::new(folder.path()));
    let value = SecretString::from("Hunter2Canary");
    store.put_if_absent(&owner(), "app", value.clone()).await.unwrap();
    let reach = Namespaces::These(vec![place.name().to_owned()]);
    let hands = KubeActuator::new(place.client.clone(), [&SERVICE], reach, store);
    let create = async |spec: Value| {
        let want = KubeObject::new(&SERVICE, place.name(), "db", json!({"spec": spec}))
            .secret("${app}", SecretRef::to("app", &value));
        hands
            .create(&owner(), &key("service"), &want, &Ids::new())
            .await
            .unwrap_err()
    };
    let error =
        create(json!({"ports": [{"port": 99999}], "type": "ExternalName", "externalName": "${app}"})).await;
    assert_eq!(
        (error.code().id, error.class(), error.effect()),
        (k8s::K8S_REFUSED.id, Class::Invalid, Effect::None)
    );
    assert!(
        error.words().contains("spec.externalName") && error.words().contains("99999"),
        "{error}"
    );
    assert!(error.words().contains("<secret app>"), "{error}");
    assert!(!format!("{error} {error:?}").contains("Hunter2Canary"));
    assert!(error.request().is_some(), "the audit id");
    // A field that there is not is an error 500 of server-side apply.
    let error = create(json!({"ports": [{"port": 80}], "nope": 1})).await;
    assert_eq!(
        (error.code().id, error.class(), error.effect()),
        (k8s::K8S_REFUSED.id, Class::Invalid, Effect::None)
    );
    assert!(error.words().contains("nope"), "{error}");
}

#[tokio::test]
async fn a_thousand_objects_are_listed_by_pages() {
    let Some(place) = place("a thousand objects").await else {
        return;
    };
    let make = async |n: usize| {
        let want = map(&place, &format!("m{n}"), "x");
        hands(&place)
            .create(&owner(), &key(&format!("map/{n}")), &want, &Ids::new())
            .await
            .unwrap();
    };
    for first in (0..1000).step_by(20) {
        futures::future::join_all((first..first + 20).map(make)).await;
    }
    let (client, calls) = counted(&place).await;
    let reach = Namespaces::These(vec![place.name().to_owned()]);
    let hands = KubeActuator::new(client, [&CONFIG_MAP], reach, Arc::new(NoSecrets));
    let seen = hands
        .observe(&owner(), &Ledger::default(), Reach::Own)
        .await
        .unwrap();
    assert_eq!(seen.live.len(), 1000);
    let calls = calls.take();
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(calls[1].contains("continue="), "{calls:?}");
}

#[tokio::test]
async fn an_idle_look_is_one_get_a_kind_and_writes_nothing() {
    let Some(place) = place("an idle look").await else {
        return;
    };
    make(&place, "settings", &map(&place, "settings", "x")).await;
    let kinds = [&CONFIG_MAP, &SERVICE, &SECRET, &LACKED];
    let (client, calls) = counted(&place).await;
    let reach = Namespaces::These(vec![place.name().to_owned()]);
    let hands = KubeActuator::new(client, kinds, reach, Arc::new(NoSecrets));
    let seen = hands
        .observe(&owner(), &Ledger::default(), Reach::Own)
        .await
        .unwrap();
    let desired = Desired::builder()
        .want(key("settings"), map(&place, "settings", "x"))
        .build()
        .unwrap();
    assert!(plan(&desired, &seen, &Policy::default()).is_empty());
    let calls = calls.take();
    assert_eq!(calls.len(), kinds.len(), "{calls:?}");
    assert!(calls.iter().all(|c| c.starts_with("GET ")), "{calls:?}");
    assert!(
        calls[0].ends_with("PartialObjectMetadataList;g=meta.k8s.io;v=v1"),
        "{calls:?}"
    );
}

/// A kind that no cluster of tests has.
static LACKED: ObjectKind = ObjectKind::core("Thing", "things", "thing")
    .of("absent.example", "v1")
    .or_absent();
/// The same, without which nothing goes.
static NEEDED: ObjectKind = ObjectKind::core("Thing", "things", "thing").of("absent.example", "v1");
/// A version of a group that there is.
static LACKED_VERSION: ObjectKind = ObjectKind::core("Thing", "things", "thing")
    .of("apps", "v1")
    .or_absent();

#[tokio::test]
async fn a_kind_that_the_cluster_lacks_is_none_if_it_may_lack_it_and_an_error_otherwise() {
    let Some(place) = place("a kind that the cluster lacks").await else {
        return;
    };
    let reach = || Namespaces::These(vec![place.name().to_owned()]);
    let of = |kind| KubeActuator::new(place.client.clone(), [kind], reach(), Arc::new(NoSecrets));
    for kind in [&LACKED, &LACKED_VERSION] {
        assert_eq!(
            of(kind)
                .observe(&owner(), &Ledger::default(), Reach::Own)
                .await
                .unwrap(),
            Observed::default()
        );
    }
    let error = of(&NEEDED)
        .observe(&owner(), &Ledger::default(), Reach::Own)
        .await
        .unwrap_err();
    assert_eq!(
        (error.code().id, error.class()),
        (k8s::K8S_NO_API.id, Class::Unsupported)
    );
    let want = KubeObject::new(&LACKED, place.name(), "x", json!({}));
    let error = of(&LACKED)
        .create(&owner(), &key("x"), &want, &Ids::new())
        .await
        .unwrap_err();
    assert_eq!(
        error.code().id,
        k8s::K8S_NO_API.id,
        "what is wanted of it is not there by silence"
    );
}

#[tokio::test]
async fn what_no_look_would_find_is_not_made() {
    let Some(place) = place("what no look would find").await else {
        return;
    };
    let elsewhere = KubeObject::new(&CONFIG_MAP, "kube-public", "settings", json!({}));
    let other_kind = KubeObject::new(
        &paas_core::kube::kind::SERVICE_ACCOUNT,
        place.name(),
        "x",
        json!({}),
    );
    for want in [elsewhere, other_kind] {
        let error = hands(&place)
            .create(&owner(), &key("x"), &want, &Ids::new())
            .await
            .unwrap_err();
        assert_eq!(error.class(), Class::Internal, "{error}");
    }
}

#[tokio::test]
async fn objects_in_every_namespace_are_seen_with_one_list_a_kind() {
    let Some(place) = place("objects in every namespace").await else {
        return;
    };
    let Some(other) = kube_place::place("objects in every namespace too").await else {
        return;
    };
    let unique = paas_core::owner::Owner::new(
        &paas_core::owner::Identity::of(&["kubernetes", place.name()]),
        "DatabaseInstance",
        "shop",
        "db",
    );
    let (client, calls) = counted(&place).await;
    let hands = KubeActuator::new(client, [&CONFIG_MAP], Namespaces::All, Arc::new(NoSecrets));
    for (n, at) in [&place, &other].into_iter().enumerate() {
        let want = map(at, "settings", "x");
        hands
            .create(&unique, &key(&format!("map/{n}")), &want, &Ids::new())
            .await
            .unwrap();
    }
    calls.take();
    assert_eq!(
        hands
            .observe(&unique, &Ledger::default(), Reach::Own)
            .await
            .unwrap()
            .live
            .len(),
        2
    );
    assert_eq!(calls.take().len(), 1);
}

#[tokio::test]
async fn who_may_not_do_it_is_told_which_verb_on_what() {
    let Some(place) = place("who may not do it").await else {
        return;
    };
    let mut config = kube_place::config(&place.namespace).await;
    config.auth_info.impersonate = Some("nobody-in-particular".to_owned());
    let reach = Namespaces::These(vec![place.name().to_owned()]);
    let hands = KubeActuator::new(
        access::client(config).unwrap(),
        [&CONFIG_MAP],
        reach,
        Arc::new(NoSecrets),
    );
    let error = hands
        .observe(&owner(), &Ledger::default(), Reach::Own)
        .await
        .unwrap_err();
    assert_eq!(
        (error.code().id, error.class()),
        (k8s::K8S_DENIED.id, Class::Denied)
    );
    assert!(
        error.words().contains("cannot list resource \"configmaps\""),
        "{error}"
    );
    let error = hands
        .create(&owner(), &key("x"), &map(&place, "x", "y"), &Ids::new())
        .await
        .unwrap_err();
    assert_eq!(
        (error.code().id, error.effect()),
        (k8s::K8S_DENIED.id, Effect::None)
    );
}

#[tokio::test]
async fn a_quota_and_a_namespace_that_goes_are_told_apart_from_missing_rights() {
    let Some(place) = place("a quota").await else {
        return;
    };
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"services": "0"}}});
    let quotas: Api<k8s_openapi::api::core::v1::ResourceQuota> =
        Api::default_namespaced(place.client.clone());
    let quota = serde_json::from_value(quota).unwrap();
    quotas.create(&PostParams::default(), &quota).await.unwrap();
    // It counts once its controller has seen it.
    let clock = SystemClock;
    while quotas
        .get("none")
        .await
        .unwrap()
        .status
        .is_none_or(|s| s.hard.is_none())
    {
        assert!(
            clock.elapsed() < Duration::from_secs(120),
            "no controller looks at quotas"
        );
        clock.sleep(Duration::from_millis(20)).await;
    }
    let want = KubeObject::new(
        &SERVICE,
        place.name(),
        "db",
        json!({"spec": {"ports": [{"port": 80}]}}),
    );
    let reach = Namespaces::These(vec![place.name().to_owned()]);
    let of = KubeActuator::new(place.client.clone(), [&SERVICE], reach, Arc::new(NoSecrets));
    let error = of
        .create(&owner(), &key("service"), &want, &Ids::new())
        .await
        .unwrap_err();
    assert_eq!(
        (error.code().id, error.class()),
        (k8s::K8S_REFUSED.id, Class::Quota),
        "{error}"
    );

    let held = json!({"metadata": {"finalizers": ["example.org/wait"]}});
    make(
        &place,
        "held",
        &KubeObject::new(&CONFIG_MAP, place.name(), "held", held),
    )
    .await;
    let namespaces: Api<Namespace> = Api::all(place.client.clone());
    namespaces
        .delete(place.name(), &DeleteParams::default())
        .await
        .unwrap();
    let late = hands(&place)
        .create(&owner(), &key("late"), &map(&place, "late", "x"), &Ids::new())
        .await;
    let error = late.unwrap_err();
    assert_eq!(
        (error.code().id, error.class()),
        (k8s::K8S_CONFLICT.id, Class::Conflict),
        "{error}"
    );
    let free = json!({"metadata": {"finalizers": null}});
    maps(&place)
        .patch("held", &PatchParams::default(), &Patch::Merge(free))
        .await
        .unwrap();
}

#[tokio::test]
async fn pods_of_a_service_of_ours_do_not_become_ours_by_a_copied_label() {
    let Some(place) = place("a copied label").await else {
        return;
    };
    let services: Api<Service> = Api::default_namespaced(place.client.clone());
    // Who made the copy is there: the cluster itself takes away what belongs to nobody.
    let maps: Api<ConfigMap> = Api::default_namespaced(place.client.clone());
    let maker = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}});
    let maker = maps
        .create(&PostParams::default(), &serde_json::from_value(maker).unwrap())
        .await
        .unwrap();
    let uid = owner().uid().to_string();
    let copy = json!({
        "apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]},
        "metadata": {"name": "copy", "labels": {"paas.rs/owner": uid}, "ownerReferences": [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": maker.metadata.uid, "controller": true},
        ]},
    });
    services
        .create(&PostParams::default(), &serde_json::from_value(copy).unwrap())
        .await
        .unwrap();
    assert_eq!(look(&place).await, Observed::default());
    assert_eq!(
        services.list(&ListParams::default()).await.unwrap().items.len(),
        1
    );
}
