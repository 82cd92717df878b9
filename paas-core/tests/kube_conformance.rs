//! The laws of hands, and the matrix of faults, on a real API server.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail, and may show its table"
)]

mod kube_place;

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::try_join_all;
use jiff::Timestamp;
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, ListParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use kube_place::{Place, place};
use paas_core::{
    actuator::Actuator,
    clock::Clock,
    error::Error,
    graph::Desired,
    kube::{
        KubeActuator, KubeObject, Namespaces, ObjectKind, fault,
        kind::{CONFIG_MAP, NETWORK_POLICY, SECRET, SERVICE},
    },
    owner::{Identity, Owner},
    resource::{Diff, Key, Need},
    secrets::{FileSecrets, SecretRef, SecretStore, SecretString},
    testing::{Fault, Fixture, ManualClock, Outside, Variant, World, conformance, matrix},
};
use serde_json::json;
use uuid::Uuid;

/// A kind that is made anew for every change.
static IDENTITY: ObjectKind =
    ObjectKind::core("ServiceAccount", "serviceaccounts", "serviceAccount").changed_by(Diff::Replace);

static KINDS: [&ObjectKind; 5] = [&CONFIG_MAP, &SECRET, &SERVICE, &NETWORK_POLICY, &IDENTITY];

/// What controllers put into every namespace.
const BY_CLUSTER: [&str; 2] = ["kube-root-ca.crt", "default"];

const CANARY: &str = "Canary4711Hunter2";

/// Worlds in one namespace, which is emptied for each of them.
#[derive(Debug, Clone)]
struct Shops(Arc<Shop>);

struct Shop {
    place: Place,
    secrets: Arc<FileSecrets>,
    _folder: tempfile::TempDir,
}

impl std::fmt::Debug for Shop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shop")
    }
}

#[derive(Debug)]
struct Cluster(Arc<Shop>, Arc<ManualClock>);

impl Shops {
    async fn new(sentence: &str) -> Option<Self> {
        let place = place(sentence).await?;
        let folder = tempfile::tempdir().unwrap();
        let secrets = Arc::new(FileSecrets::new(folder.path()));
        let shops = Self(Arc::new(Shop {
            place,
            secrets,
            _folder: folder,
        }));
        for n in [0, 1] {
            let store = &shops.0.secrets;
            store
                .put_if_absent(&shops.owner(n), "app", CANARY.to_owned().into())
                .await
                .unwrap();
        }
        Some(shops)
    }
}

impl Shop {
    fn all(&self, kind: &ObjectKind) -> Api<DynamicObject> {
        let of = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
        let of = ApiResource::from_gvk_with_plural(&of, kind.plural);
        Api::namespaced_with(self.place.client.clone(), self.place.name(), &of)
    }
}

fn told(e: kube::Error) -> Error {
    fault::of("look around", false, e)
}

#[async_trait]
impl Fixture for Shops {
    type Resource = KubeObject;

    fn name(&self) -> &str {
        "kubernetes"
    }

    async fn world(&self) -> Result<Arc<dyn World<KubeObject>>, Error> {
        let empty = KINDS.map(|kind| async move {
            let all = self.0.all(kind);
            let only = BY_CLUSTER.map(|name| format!("metadata.name!={name}")).join(",");
            all.delete_collection(&DeleteParams::default(), &ListParams::default().fields(&only))
                .await
        });
        try_join_all(empty).await.map_err(told)?;
        let foreign = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "labels": {"app": "other"}},
            "data": {"value": "theirs"},
        });
        let foreign: DynamicObject = serde_json::from_value(foreign).unwrap();
        self.0
            .all(&CONFIG_MAP)
            .create(&PostParams::default(), &foreign)
            .await
            .map_err(told)?;
        let clock = ManualClock::at(Timestamp::from_second(1_790_000_000).unwrap());
        Ok(Arc::new(Cluster(self.0.clone(), Arc::new(clock))))
    }

    fn owner(&self, n: u8) -> Owner {
        let place = Identity::of(&["kubernetes", self.0.place.name()]);
        Owner::new(&place, "DatabaseInstance", "shop", &format!("db{n}"))
    }

    fn desired(&self, variant: Variant) -> Result<Desired<KubeObject>, Error> {
        self.desired_by(&self.owner(0), variant)
    }

    fn desired_by(&self, owner: &Owner, variant: Variant) -> Result<Desired<KubeObject>, Error> {
        let key = |text: &str| Key::new(text).unwrap();
        let object = |kind: &'static ObjectKind, what: &str, manifest| {
            KubeObject::new(
                kind,
                self.0.place.name(),
                format!("{}-{what}", owner.name()),
                manifest,
            )
        };
        let (first, changed) = (variant == Variant::First, variant == Variant::Changed);
        let value = SecretString::from(CANARY);
        let uri = json!({"stringData": {"uri": "postgresql://app:${app}@db", "user": "app"}});
        let secret = object(&SECRET, "app", uri).secret("${app}", SecretRef::to("app", &value));
        let settings = json!({"data": {"size": if first { "1" } else { "2" }, "port": "5432"}});
        let port = if first { 5432 } else { 5433 };
        let ports = json!({"spec": {"selector": {"app": "db"}, "ports": [{"name": "pg", "port": port}]}});
        let account = json!({"automountServiceAccountToken": changed});
        let mut desired = Desired::builder()
            .want(key("identity"), object(&IDENTITY, "id", account))
            .want(key("secret/app"), secret.need(Need::Order(key("identity"))))
            .want(
                key("settings"),
                object(&CONFIG_MAP, "settings", settings).need(Need::Built(key("identity"))),
            )
            .want(
                key("service"),
                object(&SERVICE, "db", ports).need(Need::Order(key("settings"))),
            );
        match changed {
            true => {
                let policy = json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}});
                desired.add(key("policy"), object(&NETWORK_POLICY, "policy", policy));
            }
            false => desired.add(
                key("more"),
                object(&CONFIG_MAP, "more", json!({"data": {"a": "b"}})),
            ),
        }
        desired.build()
    }

    fn canaries(&self) -> Vec<String> {
        vec![CANARY.to_owned()]
    }
}

#[async_trait]
impl World<KubeObject> for Cluster {
    fn actuator(&self) -> Arc<dyn Actuator<KubeObject>> {
        let reach = Namespaces::These(vec![self.0.place.name().to_owned()]);
        Arc::new(KubeActuator::new(
            self.0.place.client.clone(),
            KINDS,
            reach,
            self.0.secrets.clone(),
        ))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.1.clone()
    }

    async fn outside(&self) -> Result<Vec<Outside>, Error> {
        let listed = KINDS.map(|kind| async move { self.0.all(kind).list(&ListParams::default()).await });
        let listed = try_join_all(listed).await.map_err(told)?;
        let all = listed.into_iter().flat_map(|l| l.items);
        let seen = all.map(|object| {
            let metadata = &object.metadata;
            let owner = metadata.labels.as_ref().and_then(|l| l.get("paas.rs/owner"));
            Outside {
                id: metadata.uid.clone().unwrap_or_default(),
                owner: owner.and_then(|o| Uuid::parse_str(o).ok()),
                state: format!("{object:?}"),
            }
        });
        let of_cluster = |o: &Outside| {
            BY_CLUSTER
                .iter()
                .any(|n| o.state.contains(&format!("name: Some(\"{n}\")")))
        };
        Ok(seen.filter(|o| !of_cluster(o)).collect())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hands_on_a_cluster_keep_the_laws() {
    let Some(shops) = Shops::new("the hands keep the laws").await else {
        return;
    };
    let report = conformance::run(&shops).await;
    println!("{report}");
    assert!(report.is_good(), "{report}");
}

/// The fault matrix: all of it if `PAAS_TEST_FULL` is 1 (five minutes: a point is some thirty calls of a real API server), else some
/// points, other ones in every run; `PAAS_TEST_SEED` repeats a run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_at_a_call_on_a_cluster_is_healed_by_running_again() {
    let Some(shops) = Shops::new("a fault is healed").await else {
        return;
    };
    let said = |name| std::env::var(name).ok();
    let scene = matrix::OneStage::new(shops);
    let table = if said("PAAS_TEST_FULL").as_deref() == Some("1") {
        matrix::run(&scene, &Fault::ALL).await
    } else {
        let seed =
            said("PAAS_TEST_SEED").map_or_else(|| u64::from(std::process::id()), |s| s.parse().unwrap());
        println!("PAAS_TEST_SEED={seed}");
        matrix::sample(&scene, &Fault::ALL, matrix::Sample { points: 20, seed }).await
    };
    println!("{table}");
    assert!(table.is_good(), "{table}");
    assert!(table.points() >= 20, "{table}");
}
