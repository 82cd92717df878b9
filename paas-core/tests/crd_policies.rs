//! What a real API server refuses to delete, and what it lets go: a control plane of its own, for policies concern the whole cluster.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{fmt::Debug, time::Duration};

use k8s_openapi::{
    api::{
        admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
        core::v1::{ConfigMap, Namespace},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Config, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use paas_core::{
    clock::{Clock, SystemClock},
    crd::{
        self, DatabaseInstance, Platform,
        policies::{self, BY_DATA, BY_OBJECTS, CONSENT, PROTECTED},
    },
    testing::kube::{self as harness, ControlPlane, Options},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// Long enough for a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// The control plane of this file: it ends with the process.
static OWN: Mutex<Option<ControlPlane>> = Mutex::const_new(None);

/// A cluster with our definitions and with the policies in force.
async fn guarded() -> Option<ControlPlane> {
    let mut own = OWN.lock().await;
    if own.is_none() {
        let cluster = ControlPlane::start_own(Options::default()).await;
        let cluster = harness::unless_absent(cluster).unwrap()?;
        cluster.define(&crd::all()).await.unwrap();
        let client = cluster.client().await.unwrap();
        for policy in policies::all() {
            apply(&client, &policy.policy).await;
            apply(&client, &policy.binding).await;
        }
        in_force(&cluster).await;
        *own = Some(cluster);
    }
    own.clone()
}

async fn apply<K>(client: &Client, object: &K)
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::ClusterResourceScope>
        + Serialize
        + DeserializeOwned
        + Clone
        + Debug
        + Send
        + Sync,
{
    let manner = PatchParams::apply("paas-testing").force();
    let name = object.meta().name.clone().unwrap();
    let all: Api<K> = Api::all(client.clone());
    all.patch(&name, &manner, &Patch::Apply(object)).await.unwrap();
}

/// Policies are taken up by and by: asked until each of them refuses what it is to refuse.
async fn in_force(cluster: &ControlPlane) {
    let namespace = cluster.namespace("policies are in force").await.unwrap();
    let client = namespace.client().await.unwrap();
    let instances: Api<DatabaseInstance> = Api::default_namespaced(client.clone());
    make(&instances, "probe", json!({"deletionProtection": true})).await;
    let all: Api<Namespace> = Api::all(client.clone());
    mark(&all, namespace.name(), json!({"labels": {PROTECTED: BY_DATA}})).await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client);
    let dry = DeleteParams::default().dry_run();
    until("every policy is in force", async || {
        instances.delete("probe", &dry).await.is_err()
            && all.delete(namespace.name(), &dry).await.is_err()
            && definitions.delete("platforms.paas.rs", &dry).await.is_err()
    })
    .await;
    mark(&all, namespace.name(), json!({"labels": {PROTECTED: null}})).await;
    protect(&instances, "probe", false).await;
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let began = SystemClock.elapsed();
    while !done().await {
        assert!(
            SystemClock.elapsed() - began < DEADLINE,
            "{what}: not within {DEADLINE:?}"
        );
        SystemClock.sleep(Duration::from_millis(20)).await;
    }
}

fn object<K: DeserializeOwned + Resource<DynamicType = ()>>(name: &str, spec: Value) -> K {
    serde_json::from_value(json!({
        "apiVersion": K::api_version(&()), "kind": K::kind(&()),
        "metadata": {"name": name}, "spec": spec,
    }))
    .unwrap()
}

async fn make<K>(api: &Api<K>, name: &str, spec: Value) -> K
where
    K: DeserializeOwned + Serialize + Clone + Debug + Resource<DynamicType = ()> + Send + Sync,
{
    api.create(&PostParams::default(), &object(name, spec))
        .await
        .unwrap()
}

async fn change<K: DeserializeOwned + Clone + Debug>(api: &Api<K>, name: &str, patch: Value) {
    api.patch(name, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .unwrap();
}

async fn mark<K: DeserializeOwned + Clone + Debug>(api: &Api<K>, name: &str, metadata: Value) {
    change(api, name, json!({"metadata": metadata})).await;
}

async fn protect<K: DeserializeOwned + Clone + Debug>(api: &Api<K>, name: &str, on: bool) {
    change(api, name, json!({"spec": {"deletionProtection": on}})).await;
}

async fn gone<K: DeserializeOwned + Clone + Debug>(api: &Api<K>, name: &str) {
    until(&format!("{name} is gone"), async || {
        api.get_opt(name).await.unwrap().is_none()
    })
    .await;
}

/// The words of a refusal.
fn refused<T: Debug>(answer: Result<T, kube::Error>) -> String {
    match answer {
        Err(kube::Error::Api(status)) => {
            assert_eq!(
                (status.code, status.reason.as_str()),
                (403, "Forbidden"),
                "{status:?}"
            );
            status.message
        }
        other => panic!("it is not refused: {other:?}"),
    }
}

/// The ways to ask for a deletion: Argo CD prunes in the foreground or background, Flux in the background.
fn ways() -> [DeleteParams; 4] {
    [
        DeleteParams::default(),
        DeleteParams::background(),
        DeleteParams::foreground(),
        DeleteParams::default().grace_period(0),
    ]
}

#[tokio::test]
async fn the_expressions_are_what_an_api_server_takes_without_a_warning() {
    let Some(cluster) = guarded().await else { return };
    let client = cluster.client().await.unwrap();
    let all: Api<ValidatingAdmissionPolicy> = Api::all(client.clone());
    let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(client);
    for policy in policies::all() {
        let name = policy.name();
        until("a policy is checked", async || {
            let status = all.get(name).await.unwrap().status;
            status.and_then(|s| s.observed_generation).is_some()
        })
        .await;
        let status = all.get(name).await.unwrap().status.unwrap();
        let warnings = status.type_checking.and_then(|c| c.expression_warnings);
        assert_eq!(warnings, None, "{name}");
        assert_eq!(bindings.get(name).await.unwrap().spec.policy_name, name);
    }
}

#[tokio::test]
async fn a_protected_object_is_not_deleted_in_any_way_and_the_refusal_says_what_to_do() {
    let Some(cluster) = guarded().await else { return };
    let namespace = cluster.namespace("protected objects").await.unwrap();
    let client = namespace.client().await.unwrap();
    let instances: Api<DatabaseInstance> = Api::default_namespaced(client.clone());
    make(&instances, "shop", json!({"deletionProtection": true})).await;
    make(&instances, "free", json!({})).await;
    for way in ways() {
        let words = refused(instances.delete("shop", &way).await);
        let command = format!(
            "kubectl -n {} patch databaseinstances/shop --type=merge -p '{{\"spec\":{{\"deletionProtection\":false}}}}'",
            namespace.name()
        );
        assert!(words.contains(&command), "{words}");
        assert!(words.contains(&format!(
            "DatabaseInstance {}/shop is protected",
            namespace.name()
        )));
        refused(
            instances
                .delete_collection(&way, &ListParams::default().labels("a!=b"))
                .await,
        );
    }
    let platforms: Api<Platform> = Api::default_namespaced(client);
    let local = json!({"infrastructure": {"type": "Local"}, "deletionProtection": true});
    make(&platforms, "here", local).await;
    let words = refused(platforms.delete("here", &DeleteParams::background()).await);
    assert!(words.contains("patch platforms/here"), "{words}");
    assert!(
        instances
            .get("shop")
            .await
            .unwrap()
            .metadata
            .deletion_timestamp
            .is_none()
    );
    gone(&instances, "free").await;
    protect(&instances, "shop", false).await;
    protect(&platforms, "here", false).await;
    instances
        .delete("shop", &DeleteParams::background())
        .await
        .unwrap();
    platforms
        .delete("here", &DeleteParams::background())
        .await
        .unwrap();
    gone(&instances, "shop").await;
    gone(&platforms, "here").await;
}

#[tokio::test]
async fn a_deletion_that_was_let_through_ends_with_its_finalizer_whatever_the_spec_says_by_then() {
    let Some(cluster) = guarded().await else { return };
    let namespace = cluster.namespace("a finalizer goes").await.unwrap();
    let instances: Api<DatabaseInstance> = Api::default_namespaced(namespace.client().await.unwrap());
    make(&instances, "shop", json!({})).await;
    mark(&instances, "shop", json!({"finalizers": ["paas.rs/retire"]})).await;
    instances.delete("shop", &DeleteParams::default()).await.unwrap();
    protect(&instances, "shop", true).await;
    assert!(
        instances
            .get("shop")
            .await
            .unwrap()
            .metadata
            .deletion_timestamp
            .is_some()
    );
    mark(&instances, "shop", json!({"finalizers": null})).await;
    gone(&instances, "shop").await;
}

#[tokio::test]
async fn the_garbage_collector_is_refused_and_deletes_what_lost_its_owner_once_it_is_free() {
    let Some(cluster) = guarded().await else { return };
    let namespace = cluster.namespace("the garbage collector").await.unwrap();
    let client = namespace.client().await.unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let owner: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "app"}})).unwrap();
    let owner = maps.create(&PostParams::default(), &owner).await.unwrap();
    let instances: Api<DatabaseInstance> = Api::default_namespaced(client);
    let mut owned: DatabaseInstance = object("shop", json!({"deletionProtection": true}));
    owned.metadata.owner_references = Some(vec![owner.controller_owner_ref(&()).unwrap()]);
    instances.create(&PostParams::default(), &owned).await.unwrap();

    let file = Kubeconfig::read_from(cluster.kubeconfig()).unwrap();
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .unwrap();
    config.auth_info.impersonate =
        Some("system:serviceaccount:kube-system:generic-garbage-collector".to_owned());
    let collector = Client::try_from(config).unwrap();
    let theirs: Api<DatabaseInstance> = Api::namespaced(collector, namespace.name());
    let words = refused(theirs.delete("shop", &DeleteParams::background()).await);
    assert!(
        words.contains("is protected"),
        "it is not its role that refuses: {words}"
    );

    maps.delete("app", &DeleteParams::background()).await.unwrap();
    gone(&maps, "app").await;
    assert!(
        instances
            .get("shop")
            .await
            .unwrap()
            .metadata
            .deletion_timestamp
            .is_none()
    );
    protect(&instances, "shop", false).await;
    gone(&instances, "shop").await;
}

#[tokio::test]
async fn a_namespace_with_protected_objects_stays_whatever_is_agreed_to() {
    let Some(cluster) = guarded().await else { return };
    let namespace = cluster.namespace("holds protected objects").await.unwrap();
    let all: Api<Namespace> = Api::all(cluster.client().await.unwrap());
    let uid = all.get(namespace.name()).await.unwrap().uid().unwrap();
    let marks = json!({"labels": {PROTECTED: BY_OBJECTS}, "annotations": {CONSENT: uid}});
    mark(&all, namespace.name(), marks).await;
    for way in ways() {
        let words = refused(all.delete(namespace.name(), &way).await);
        assert!(
            words.contains("holds objects with spec.deletionProtection"),
            "{words}"
        );
        assert!(
            words.contains(&format!("kubectl -n {} get paas", namespace.name())),
            "{words}"
        );
    }
    mark(&all, namespace.name(), json!({"labels": {PROTECTED: null}})).await;
    all.delete(namespace.name(), &DeleteParams::background())
        .await
        .unwrap();
    gone(&all, namespace.name()).await;
}

#[tokio::test]
async fn a_namespace_with_data_goes_with_the_word_for_this_very_one_and_everything_in_it_goes_too() {
    let Some(cluster) = guarded().await else { return };
    let namespace = cluster.namespace("holds data").await.unwrap();
    let client = namespace.client().await.unwrap();
    let all: Api<Namespace> = Api::all(client.clone());
    let instances: Api<DatabaseInstance> = Api::default_namespaced(client);
    // Somebody labelled it by hand, and nobody noticed that an object in it is protected meanwhile.
    mark(&all, namespace.name(), json!({"labels": {PROTECTED: "true"}})).await;
    make(&instances, "shop", json!({"deletionProtection": true})).await;
    let uid = all.get(namespace.name()).await.unwrap().uid().unwrap();
    let command = format!(
        "kubectl annotate namespace {} paas.rs/consent={uid}",
        namespace.name()
    );
    let words = refused(all.delete(namespace.name(), &DeleteParams::background()).await);
    assert!(words.contains(&command), "{words}");
    mark(&all, namespace.name(), json!({"annotations": {CONSENT: "yes"}})).await;
    refused(all.delete(namespace.name(), &DeleteParams::background()).await);
    mark(
        &all,
        namespace.name(),
        json!({"annotations": {CONSENT: uid}, "finalizers": ["paas.rs/test"]}),
    )
    .await;
    all.delete(namespace.name(), &DeleteParams::background())
        .await
        .unwrap();
    gone(&instances, "shop").await;
    // While it goes, a second deletion is not refused: it is what it is already.
    mark(&all, namespace.name(), json!({"annotations": {CONSENT: null}})).await;
    all.delete(namespace.name(), &DeleteParams::background())
        .await
        .unwrap();
    mark(&all, namespace.name(), json!({"finalizers": null})).await;
    gone(&all, namespace.name()).await;
}

#[tokio::test]
async fn a_namespace_without_the_label_goes_as_ever() {
    let Some(cluster) = guarded().await else { return };
    let namespace = cluster.namespace("nothing is protected").await.unwrap();
    let all: Api<Namespace> = Api::all(cluster.client().await.unwrap());
    let plain: Namespace = serde_json::from_value(json!({"metadata": {"name": "plain"}})).unwrap();
    all.create(&PostParams::default(), &plain).await.unwrap();
    for name in ["plain", namespace.name()] {
        all.delete(name, &DeleteParams::background()).await.unwrap();
        gone(&all, name).await;
    }
}

#[tokio::test]
async fn a_definition_of_ours_goes_only_with_the_word_for_it_and_those_of_others_go_as_ever() {
    let Some(cluster) = guarded().await else { return };
    let all: Api<CustomResourceDefinition> = Api::all(cluster.client().await.unwrap());
    for definition in crd::all() {
        let name = definition.name_any();
        let uid = all.get(&name).await.unwrap().uid().unwrap();
        for way in ways() {
            let words = refused(all.delete(&name, &way).await);
            let command = format!("kubectl annotate crd {name} paas.rs/consent={uid}");
            assert!(words.contains(&command), "{words}");
            assert!(words.contains(&format!("kubectl get {name} -A")), "{words}");
        }
    }
    let mut others = crd::all().remove(2);
    others.spec.group = "example.org".to_owned();
    others.metadata.name = Some("databasebackups.example.org".to_owned());
    all.create(&PostParams::default(), &others).await.unwrap();
    all.delete("databasebackups.example.org", &DeleteParams::default())
        .await
        .unwrap();
    gone(&all, "databasebackups.example.org").await;

    // The other tests of this server have no backups.
    let name = "databasebackups.paas.rs";
    mark(&all, name, json!({"annotations": {CONSENT: "another-uid"}})).await;
    refused(all.delete(name, &DeleteParams::background()).await);
    let uid = all.get(name).await.unwrap().uid().unwrap();
    mark(&all, name, json!({"annotations": {CONSENT: uid}})).await;
    all.delete(name, &DeleteParams::background()).await.unwrap();
    gone(&all, name).await;
    // An apply of all definitions makes it anew, and the word for the former one agrees to nothing.
    cluster.define(&crd::all()).await.unwrap();
    mark(&all, name, json!({"annotations": {CONSENT: uid}})).await;
    refused(all.delete(name, &DeleteParams::background()).await);
}

#[tokio::test]
async fn the_policies_are_printed_as_they_are() {
    let yaml = policies::to_yaml();
    assert_eq!(
        yaml.matches("kind: ValidatingAdmissionPolicy\n").count(),
        3,
        "{yaml}"
    );
    assert_eq!(
        yaml.matches("kind: ValidatingAdmissionPolicyBinding\n").count(),
        3
    );
    insta::assert_snapshot!(yaml);
}
