//! Faults on the way to an API server: each does what it says, on a server in memory and on a real one.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, StreamExt, TryStreamExt};
use http::{Request, Response};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, Config, Error,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
    client::Body,
    config::{KubeConfigOptions, Kubeconfig},
    runtime::{WatchStreamExt, watcher},
};
use paas_core::{
    clock::{Clock, SystemClock},
    kube::fault,
    testing::{
        faults::{Fault, Injector, Plan, Proxy},
        kube::{self as harness, Namespace},
    },
};
use serde_json::json;

/// An API server that takes everything and counts it.
fn counting(effects: &Arc<AtomicUsize>) -> Client {
    let effects = Arc::clone(effects);
    let server = tower::service_fn(move |request: Request<Body>| {
        let effects = Arc::clone(&effects);
        async move {
            effects.fetch_add(1, Ordering::SeqCst);
            let object = request.into_body().collect_bytes().await?;
            Ok::<_, Error>(Response::new(Body::from(object)))
        }
    });
    Client::new(server, "shop")
}

/// What became of one write under a fault: whether the effect is there, and the words.
async fn written(fault: Fault) -> (usize, Option<Result<(), Error>>) {
    let effects = Arc::new(AtomicUsize::new(0));
    let injector = Injector::new();
    injector.arm(Plan::nth(0, fault));
    let maps: Api<ConfigMap> = Api::default_namespaced(injector.client(counting(&effects)));
    let (params, map) = (PostParams::default(), ConfigMap::default());
    let ended = tokio::select! {
        biased;
        made = maps.create(&params, &map) => Some(made.map(|_| ())),
        () = injector.died() => None,
    };
    assert_eq!(injector.hits().len(), 1);
    if ended.is_none() {
        injector.revive();
        let late = maps.create(&params, &map).now_or_never();
        assert!(late.is_none(), "a client of a dead process is not answered");
        let after: Api<ConfigMap> = Api::default_namespaced(injector.client(counting(&effects)));
        after.create(&params, &map).await.unwrap();
        effects.fetch_sub(1, Ordering::SeqCst);
    }
    (effects.load(Ordering::SeqCst), ended)
}

#[tokio::test]
async fn a_write_has_the_effect_and_the_end_that_its_fault_says() {
    let table = [
        (Fault::DiesBefore, 0, "died"),
        (Fault::DiesAfter, 1, "died"),
        (Fault::Unsent, 0, "connection refused"),
        (Fault::LostRequest, 0, "connection reset"),
        (Fault::LostReply, 1, "connection reset while the answer was read"),
        (Fault::TruncatedReply, 1, "the connection ended within the answer"),
        (Fault::Conflict409, 0, "already exists"),
        (Fault::Throttled429, 0, "try again later"),
        (Fault::Failed500, 1, "an error on the server"),
    ];
    assert_eq!(table.map(|(fault, ..)| fault), Fault::WRITES);
    for (fault, effects, words) in table {
        let (there, ended) = written(fault).await;
        let told = match &ended {
            None => "died".to_owned(),
            Some(Ok(())) => "Ok".to_owned(),
            // The sources are where a client tells why.
            Some(Err(error)) => fault::of("write", true, clone_of(error)).to_string() + &chain(error),
        };
        assert_eq!(there, effects, "{fault}");
        assert!(told.contains(words), "{fault}: {told}");
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    error
        .source()
        .map_or(String::new(), |e| format!(": {e}{}", chain(e)))
}

fn clone_of(error: &Error) -> Error {
    match error {
        Error::Api(status) => Error::Api(status.clone()),
        other => Error::Service(other.to_string().into()),
    }
}

#[tokio::test]
async fn a_refused_connection_is_known_to_have_sent_nothing_and_a_lost_one_is_not() {
    for (strikes, unknown) in [(Fault::Unsent, false), (Fault::LostRequest, true)] {
        let (_, ended) = written(strikes).await;
        let error = fault::of("write", true, ended.unwrap().unwrap_err());
        assert_eq!(
            error.effect() == paas_core::error::Effect::Unknown,
            unknown,
            "{strikes}: {error}"
        );
    }
}

async fn place(sentence: &str) -> Option<(Namespace, Client)> {
    let cluster = harness::unless_absent(harness::control_plane().await).unwrap()?;
    let namespace = cluster.namespace(sentence).await.unwrap();
    let client = namespace.client().await.unwrap();
    Some((namespace, client))
}

async fn make(maps: &Api<ConfigMap>, name: &str) -> u64 {
    let map = serde_json::from_value(json!({"metadata": {"name": name, "labels": {"test": "yes"}}})).unwrap();
    let made = maps.create(&PostParams::default(), &map).await.unwrap();
    made.metadata.resource_version.unwrap().parse().unwrap()
}

fn names(maps: impl IntoIterator<Item = ConfigMap>) -> Vec<String> {
    maps.into_iter().map(|m| m.metadata.name.unwrap()).collect()
}

#[tokio::test]
async fn what_is_stale_is_served_by_the_server_itself_as_it_once_was() {
    let Some((_namespace, client)) = place("what is stale").await else {
        return;
    };
    let injector = Injector::new();
    let direct: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let faulty: Api<ConfigMap> = Api::default_namespaced(injector.client(client));
    let first = make(&direct, "one").await;
    make(&direct, "two").await;
    let marked = ListParams::default().labels("test=yes");
    injector.arm(Plan::nth(0, Fault::StaleList));
    assert_eq!(names(faulty.list(&marked).await.unwrap()), ["one", "two"]);
    assert_eq!(injector.hits(), [], "nothing old is known yet");
    injector.arm(Plan::nth(0, Fault::StaleList).and(Plan::nth(0, Fault::WatchStale)));
    injector.remember(first);
    assert_eq!(names(faulty.list(&marked).await.unwrap()), ["one"]);
    assert_eq!(names(faulty.list(&marked).await.unwrap()), ["one", "two"]);
    let watched = WatchParams::default().labels("test=yes").timeout(1);
    let now = direct
        .list(&marked)
        .await
        .unwrap()
        .metadata
        .resource_version
        .unwrap();
    let told: Vec<_> = faulty
        .watch(&watched, &now)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert!(
        matches!(told.as_slice(), [WatchEvent::Added(map)] if map.metadata.name.as_deref() == Some("two")),
        "{told:?}"
    );
}

/// Objects that come, change and go, as a watch of kube-runtime keeps them in the end.
async fn kept(maps: Api<ConfigMap>, direct: Api<ConfigMap>, injector: &Injector) -> BTreeMap<String, String> {
    let config = watcher::Config::default().labels("test=yes");
    let mut kept = BTreeMap::new();
    let mut listing = BTreeMap::new();
    let mut changes = watcher(maps, config).default_backoff().boxed();
    let of = |map: ConfigMap| {
        let value = map.data.unwrap_or_default().remove("value").unwrap_or_default();
        (map.metadata.name.unwrap(), value)
    };
    let doing = async {
        for round in 0..6 {
            for name in ["a", "b", "c"] {
                let map = json!({
                    "apiVersion": "v1", "kind": "ConfigMap", "data": {"value": round.to_string()},
                    "metadata": {"name": name, "labels": {"test": "yes"}},
                });
                let manner = PatchParams::apply("test");
                direct.patch(name, &manner, &Patch::Apply(&map)).await.unwrap();
                SystemClock.sleep(Duration::from_millis(20)).await;
            }
            if round % 2 == 1 {
                direct.delete("c", &DeleteParams::default()).await.unwrap();
            }
        }
        make(&direct, "last").await;
    };
    let hearing = async {
        let is_over = |kept: &BTreeMap<String, String>| {
            kept.contains_key("last")
                && !kept.contains_key("c")
                && kept.values().filter(|v| *v == "5").count() == 2
        };
        while !is_over(&kept) {
            match changes.next().await.unwrap() {
                Ok(watcher::Event::Apply(map)) => kept.extend([of(map)]),
                Ok(watcher::Event::Delete(map)) => kept.retain(|name, _| *name != of(map.clone()).0),
                Ok(watcher::Event::Init) => listing.clear(),
                Ok(watcher::Event::InitApply(map)) => listing.extend([of(map)]),
                Ok(watcher::Event::InitDone) => kept = std::mem::take(&mut listing),
                Err(_) => {}
            }
        }
    };
    let both = async { tokio::join!(doing, hearing) };
    let ended = tokio::time::timeout(Duration::from_secs(60), both).await;
    assert!(ended.is_ok(), "{:?}", injector.hits());
    kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reflector_of_kube_ends_with_what_is_there_whatever_befalls_its_watches() {
    for fault in Fault::WATCHES {
        let Some((_namespace, client)) = place("a reflector").await else {
            return;
        };
        let injector = Injector::new();
        injector.arm(Plan::nth(0, fault).and(Plan::nth(1, fault)));
        let direct = Api::default_namespaced(client.clone());
        let kept = kept(
            Api::default_namespaced(injector.client(client)),
            direct,
            &injector,
        )
        .await;
        let kept: Vec<_> = kept.keys().map(String::as_str).collect();
        assert_eq!(kept, ["a", "b", "last"], "{fault}");
        // The second one is stale where the first was not begun late enough for anything to be old.
        assert!(
            !injector.hits().is_empty() || fault == Fault::WatchStale,
            "{fault}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_serves_whoever_has_its_kubeconfig_and_is_away_when_it_is_shut() {
    let Some((namespace, client)) = place("a proxy").await else {
        return;
    };
    let direct: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let proxy = Proxy::start(client, Injector::new()).await.unwrap();
    let file = Kubeconfig::from_yaml(&proxy.kubeconfig(namespace.name())).unwrap();
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .unwrap();
    // What is sent again would hide what went wrong.
    config.default_retry = false;
    let through: Api<ConfigMap> = Api::default_namespaced(Client::try_from(config).unwrap());
    make(&through, "one").await;
    assert_eq!(names(direct.get_opt("one").await.unwrap()), ["one"]);

    let mut watch = through.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    assert!(watch.next().await.unwrap().is_ok());
    proxy.cut();
    while let Some(event) = watch.next().await {
        if event.is_err() {
            break;
        }
    }

    proxy.injector().arm(Plan::nth(0, Fault::LostReply));
    let map = ConfigMap {
        metadata: kube::api::ObjectMeta {
            name: Some("two".to_owned()),
            ..Default::default()
        },
        ..ConfigMap::default()
    };
    assert!(through.create(&PostParams::default(), &map).await.is_err());
    assert!(
        direct.get_opt("two").await.unwrap().is_some(),
        "the effect is there"
    );

    proxy.shut();
    let error = through.get_opt("one").await.unwrap_err();
    let error = fault::of("look", true, error);
    assert!(error.to_string().contains("onnection refused"), "{error}");
    proxy.open().await.unwrap();
    assert!(through.get_opt("one").await.unwrap().is_some());
    proxy.delay(Duration::from_secs(3600));
    assert!(through.get_opt("one").now_or_never().is_none());
}
