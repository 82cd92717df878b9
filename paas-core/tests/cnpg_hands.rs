//! The hands on CloudNativePG's objects, on a real API server: what pods, volumes and Clusters of others say is put there by the test,
//! for nothing runs here.

#![cfg(all(feature = "kube", feature = "database"))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic, and says where it was not run"
)]

mod kube_place;

use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
};
use kube_place::{Place, place};
use paas_core::{
    actuator::{Actuator, Ids, Reach},
    clock::{Clock, SystemClock},
    database::{
        acts::Acts,
        cnpg::{CnpgActs, CnpgDriver, CnpgHands, Facts, kinds},
    },
    driver::{Driver, Outputs},
    graph::Desired,
    kube::{KubeObject, KubeSecrets, ObjectKind, kind::SERVICE_ACCOUNT},
    ledger::Ledger,
    owner::{Identity, Owner},
    resource::{Diff, Health, Key, Origin, Resource},
    secrets::SecretStore,
    spec::DatabaseInstanceSpec,
    testing::ManualClock,
};
use serde_json::{Value, json};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// CloudNativePG's kinds as far as an API server must know them: any fields, and a status of their own.
fn definitions() -> Vec<CustomResourceDefinition> {
    let of = |kind: &ObjectKind| {
        let singular = kind.kind.to_lowercase();
        let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        serde_json::from_value(json!({
            "metadata": {"name": format!("{}.{}", kind.plural, kind.group)},
            "spec": {
                "group": kind.group, "scope": "Namespaced",
                "names": {"kind": kind.kind, "plural": kind.plural, "singular": singular, "listKind": format!("{}List", kind.kind)},
                "versions": [{
                    "name": kind.version, "served": true, "storage": true, "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": open},
                }],
            },
        }))
        .unwrap()
    };
    [&kinds::CLUSTER, &kinds::ROLE, &kinds::DATABASE, &kinds::POOLER]
        .map(of)
        .to_vec()
}

struct World {
    place: Place,
    owner: Owner,
    secrets: Arc<KubeSecrets>,
}

impl World {
    /// A namespace where the kinds are known; `None` where there can be none of that sort. In a cluster that has CloudNativePG it would
    /// answer for itself.
    async fn new(sentence: &str) -> Option<Self> {
        let place = place(sentence).await?;
        if place.namespace.cluster().is_existing() {
            eprintln!("not run in an existing cluster: {sentence}");
            return None;
        }
        place.namespace.cluster().define(&definitions()).await.unwrap();
        let identity = Identity::of(&[place.name()]);
        let owner = Owner::new(&identity, "DatabaseInstance", place.name(), "pg");
        let secrets = Arc::new(KubeSecrets::new(place.client.clone(), place.name()));
        Some(Self {
            place,
            owner,
            secrets,
        })
    }

    fn hands(&self) -> CnpgHands {
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        self.at(clock)
    }

    fn at(&self, clock: Arc<dyn Clock>) -> CnpgHands {
        CnpgHands::new(
            self.place.client.clone(),
            &self.owner,
            self.secrets.clone(),
            clock,
        )
        .unwrap()
    }

    fn driver(&self) -> CnpgDriver {
        CnpgDriver::new(self.owner.clone())
    }

    fn desired(&self) -> Desired<KubeObject> {
        let spec = DatabaseInstanceSpec::default();
        self.driver().desired(&spec, &Outputs::default()).unwrap()
    }

    fn api(&self, kind: &ObjectKind) -> Api<DynamicObject> {
        let resource = ApiResource {
            group: kind.group.to_owned(),
            version: kind.version.to_owned(),
            api_version: kind.api_version(),
            kind: kind.kind.to_owned(),
            plural: kind.plural.to_owned(),
        };
        Api::namespaced_with(self.place.client.clone(), self.place.name(), &resource)
    }

    async fn make(&self, kind: &ObjectKind, object: Value) -> DynamicObject {
        let mut object = object;
        object["apiVersion"] = kind.api_version().into();
        object["kind"] = kind.kind.into();
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        self.api(kind)
            .create(&PostParams::default(), &object)
            .await
            .unwrap()
    }

    async fn says(&self, kind: &ObjectKind, name: &str, status: Value) {
        let patch = Patch::Merge(json!({"status": status}));
        let params = PatchParams::default();
        self.api(kind).patch_status(name, &params, &patch).await.unwrap();
    }

    async fn create(&self, hands: &CnpgHands, at: &str, want: &KubeObject) -> Result<(), String> {
        let made = hands.create(&self.owner, &key(at), want, &Ids::new()).await;
        made.map(|_| ()).map_err(|e| e.to_string())
    }
}

static POD: ObjectKind = ObjectKind::core("Pod", "pods", "pod");

const LONG: std::time::Duration = std::time::Duration::from_secs(60);

#[tokio::test]
async fn a_cluster_that_does_not_get_on_says_what_its_pods_say_but_not_before_it_had_its_time() {
    let Some(world) = World::new("a cluster that does not get on").await else {
        return;
    };
    let desired = world.desired();
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let hands = world.at(clock.clone());
    world
        .create(&hands, "cluster", &desired.wanted()[&key("cluster")])
        .await
        .unwrap();
    for at in ["password/app_a", "login/app_a"] {
        world
            .create(&hands, at, &desired.wanted()[&key(at)])
            .await
            .unwrap();
    }
    let status = json!({"phase": "Setting up primary", "instances": 1});
    world.says(&kinds::CLUSTER, "pg", status).await;
    // No controller makes it here.
    world
        .make(&SERVICE_ACCOUNT, json!({"metadata": {"name": "default"}}))
        .await;
    let labels = json!({"cnpg.io/cluster": "pg"});
    world
        .make(
            &POD,
            json!({
                "metadata": {"name": "pg-1-initdb-x", "labels": labels},
                "spec": {"containers": [{"name": "initdb", "image": "host/pg:99"}]},
            }),
        )
        .await;
    let waiting = json!({"waiting": {"reason": "ErrImagePull", "message": "not found"}});
    let status = json!({"phase": "Pending", "containerStatuses": [
        {"name": "initdb", "image": "host/pg:99", "imageID": "", "ready": false, "restartCount": 0, "state": waiting},
    ]});
    world.says(&POD, "pg-1-initdb-x", status).await;

    let look = async || {
        hands
            .observe(&world.owner, &Ledger::default(), Reach::Own)
            .await
            .unwrap()
    };
    let early = look().await;
    assert!(matches!(
        early.live[&key("cluster")].health,
        Health::Settling { .. }
    ));
    assert_eq!(hands.facts().unwrap().ready, Some(0));

    clock.advance(LONG);
    let late = look().await;
    let Health::Broken { why, code } = &late.live[&key("cluster")].health else {
        panic!("{:?}", late.live[&key("cluster")].health)
    };
    assert!(why.contains("ErrImagePull of host/pg:99: not found"), "{why}");
    assert_eq!(code.unwrap().id, "PAAS-K8S-0014");
    // What is inside waits for nothing that would come, and is not to be made anew.
    let login = &late.live[&key("login/app_a")];
    assert!(
        matches!(&login.health, Health::Broken { .. }) && login.was_ready,
        "{login:?}"
    );
}

#[tokio::test]
async fn a_password_is_forgotten_with_its_secret_and_the_next_one_is_another() {
    let Some(world) = World::new("a password is forgotten").await else {
        return;
    };
    let (desired, hands) = (world.desired(), world.hands());
    let want = &desired.wanted()[&key("password/app_a")];
    world.create(&hands, "password/app_a", want).await.unwrap();
    let first = world
        .secrets
        .get(&world.owner, "login-app_a")
        .await
        .unwrap()
        .unwrap();
    let seen = hands
        .observe(&world.owner, &Ledger::default(), Reach::Own)
        .await
        .unwrap();
    let live = &seen.live[&key("password/app_a")];
    hands
        .delete(&world.owner, &key("password/app_a"), live)
        .await
        .unwrap();
    assert!(world.secrets.list(&world.owner).await.unwrap().is_empty());
    world.create(&hands, "password/app_a", want).await.unwrap();
    let second = world
        .secrets
        .get(&world.owner, "login-app_a")
        .await
        .unwrap()
        .unwrap();
    use paas_core::secrets::ExposeSecret;
    assert_ne!(first.expose_secret(), second.expose_secret());
}

#[tokio::test]
async fn a_lost_password_is_found_again_where_cloudnativepg_reads_it_and_none_is_made_in_its_place() {
    use paas_core::secrets::ExposeSecret;
    let Some(world) = World::new("a lost password is found again").await else {
        return;
    };
    let (desired, hands) = (world.desired(), world.hands());
    let (login, binding) = (key("password/app_a"), key("binding/app"));
    world
        .create(&hands, "password/app_a", &desired.wanted()[&login])
        .await
        .unwrap();
    let kept = async || world.secrets.get(&world.owner, "login-app_a").await.unwrap();
    let first = kept().await.unwrap();
    world.secrets.delete(&world.owner, "login-app_a").await.unwrap();
    let bound = &desired.wanted()[&binding];
    world.create(&hands, "binding/app", bound).await.unwrap();
    assert_eq!(first.expose_secret(), kept().await.unwrap().expose_secret());

    // Where it stands nowhere any more, nobody can say what it was.
    let seen = hands
        .observe(&world.owner, &Ledger::default(), Reach::Own)
        .await
        .unwrap();
    for key in [&binding, &login] {
        hands.delete(&world.owner, key, &seen.live[key]).await.unwrap();
    }
    let refused = world.create(&hands, "binding/app", bound).await.unwrap_err();
    assert!(refused.contains("neither in the store"), "{refused}");
    assert!(kept().await.is_none());
}

#[tokio::test]
async fn the_volumes_of_a_cluster_are_listed_with_it_and_those_of_anothers_are_not() {
    let Some(world) = World::new("the volumes of a cluster").await else {
        return;
    };
    let (desired, hands) = (world.desired(), world.hands());
    world
        .create(&hands, "cluster", &desired.wanted()[&key("cluster")])
        .await
        .unwrap();
    let uid = world
        .api(&kinds::CLUSTER)
        .get("pg")
        .await
        .unwrap()
        .metadata
        .uid
        .unwrap();
    for (name, of) in [
        ("pg-1", uid.as_str()),
        ("pg-7", "5f0c6a0e-0000-4000-8000-000000000000"),
    ] {
        let owner =
            json!([{"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "name": "pg", "uid": of}]);
        world
            .make(
                &kinds::VOLUME,
                json!({
                    "metadata": {"name": name, "labels": {"cnpg.io/cluster": "pg"}, "ownerReferences": owner},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
                }),
            )
            .await;
    }
    let look = async |reach| {
        hands
            .observe(&world.owner, &Ledger::default(), reach)
            .await
            .unwrap()
    };
    let all = look(Reach::All).await;
    let volume = &all.live[&key("volume/pg-1")];
    assert_eq!(volume.origin, Origin::Derived);
    assert!(volume.resource.precious());
    assert!(!all.live.contains_key(&key("volume/pg-7")));
    assert!(!look(Reach::Own).await.live.contains_key(&key("volume/pg-1")));
}

#[tokio::test]
async fn a_cluster_of_somebody_else_is_taken_by_its_uid_only_and_only_if_nothing_restarts() {
    let Some(world) = World::new("a cluster of somebody else").await else {
        return;
    };
    let theirs = world
        .make(&kinds::CLUSTER, json!({
            "metadata": {"name": "pg"},
            "spec": {"instances": 1, "storage": {"size": "1Gi"}, "imageName": "host/pg:17", "bootstrap": {"initdb": {"database": "x"}}},
        }))
        .await;
    let uid = theirs.metadata.uid.clone().unwrap();
    let mut spec = DatabaseInstanceSpec::default();
    spec.storage.size = "1024Mi".parse().unwrap();
    let driver = world.driver().adopting(true);
    let want = |spec: &DatabaseInstanceSpec| {
        let desired = driver.desired(spec, &Outputs::default()).unwrap();
        desired.wanted()[&key("cluster")].clone()
    };
    let refused = world
        .create(&world.hands(), "cluster", &want(&spec))
        .await
        .unwrap_err();
    assert!(refused.contains("bears no mark of ours"), "{refused}");
    assert!(
        refused.contains(&format!("the annotation paas.rs/adopt with its uid, {uid}")),
        "{refused}"
    );
    let other = world.hands().adopting(Some("another".to_owned()));
    let refused = world.create(&other, "cluster", &want(&spec)).await.unwrap_err();
    assert!(refused.contains("what was agreed to is another"), "{refused}");
    let taking = world.hands().adopting(Some(uid.clone()));
    let mut restarting = spec.clone();
    restarting.engine.version = Some("17.9".parse().unwrap());
    let refused = world
        .create(&taking, "cluster", &want(&restarting))
        .await
        .unwrap_err();
    assert!(
        refused.contains("would be restarted: spec.imageName"),
        "{refused}"
    );

    world.create(&taking, "cluster", &want(&spec)).await.unwrap();
    let now = world.api(&kinds::CLUSTER).get("pg").await.unwrap();
    assert_eq!(now.metadata.uid, Some(uid));
    assert_eq!(
        now.data["spec"]["bootstrap"],
        json!({"initdb": {"database": "x"}})
    );
    assert_eq!(now.data["spec"]["imageName"], "host/pg:17");
    // From now on it is ours, and its spec needs no further word.
    let seen = taking
        .observe(&world.owner, &Ledger::default(), Reach::Own)
        .await
        .unwrap();
    let live = &seen.live[&key("cluster")];
    let again = world.driver().next(
        &spec,
        paas_core::pipeline::Wanted::Spec,
        Desired::nothing(),
        &Outputs::default(),
        &seen,
        SystemClock.now(),
    );
    assert_eq!(
        again.unwrap().wanted()[&key("cluster")].diff(&live.resource),
        Diff::Same
    );
    assert_eq!(Facts::of(&live.resource.seen().unwrap().object).primary, None);
}

#[tokio::test]
async fn a_restart_and_a_switchover_are_said_as_cloudnativepg_understands_them_and_are_no_drift() {
    let Some(world) = World::new("a restart and a switchover").await else {
        return;
    };
    let desired = world.desired();
    let hands = world.hands();
    let made = &desired.wanted()[&key("cluster")];
    world.create(&hands, "cluster", made).await.unwrap();
    let acts = CnpgActs::new(world.place.client.clone(), &world.owner, Arc::new(SystemClock)).unwrap();
    let well = json!({
        "phase": "Cluster in healthy state", "instances": 2, "readyInstances": 2, "currentPrimary": "pg-1",
        "targetPrimary": "pg-1", "instanceNames": ["pg-1", "pg-2"], "instancesStatus": {"healthy": ["pg-1", "pg-2"]},
    });
    world.says(&kinds::CLUSTER, "pg", well).await;
    acts.restart("monday").await.unwrap();
    acts.restart("monday").await.unwrap();
    acts.switchover("pg-2").await.unwrap();
    let there = world.api(&kinds::CLUSTER).get("pg").await.unwrap();
    let annotations = there.metadata.annotations.unwrap();
    assert_eq!(annotations["kubectl.kubernetes.io/restartedAt"], "monday");
    assert_eq!(there.data["status"]["targetPrimary"], "pg-2");
    assert_eq!(there.data["status"]["phase"], "Switchover in progress");
    assert!(
        acts.switchover("pg-7")
            .await
            .unwrap_err()
            .words()
            .contains("no such server")
    );
    let seen = hands
        .observe(&world.owner, &Ledger::default(), Reach::Own)
        .await
        .unwrap();
    assert!(matches!(
        seen.live[&key("cluster")].health,
        Health::Settling { .. }
    ));
    assert_eq!(made.diff(&seen.live[&key("cluster")].resource), Diff::Same);
}

#[tokio::test]
async fn right_after_a_change_a_cluster_is_not_taken_at_its_former_word() {
    let Some(world) = World::new("right after a change").await else {
        return;
    };
    let desired = world.desired();
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let hands = world.at(clock.clone());
    world
        .create(&hands, "cluster", &desired.wanted()[&key("cluster")])
        .await
        .unwrap();
    let well = json!({"phase": "Cluster in healthy state", "instances": 1, "readyInstances": 1});
    world.says(&kinds::CLUSTER, "pg", well).await;
    let look = async || {
        let seen = hands
            .observe(&world.owner, &Ledger::default(), Reach::Own)
            .await
            .unwrap();
        seen.live[&key("cluster")].health.clone()
    };
    clock.set(SystemClock.now());
    let early = look().await;
    assert!(
        matches!(&early, Health::Settling { why } if why.contains("looked at the change")),
        "{early:?}"
    );
    clock.advance(LONG);
    assert_eq!(look().await, Health::Ready);
}
