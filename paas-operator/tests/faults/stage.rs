//! A namespace in which a scene happens again and again.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::{coordination::v1::Lease, core::v1, events::v1::Event};
use kube::{
    Api, Config, ResourceExt,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use paas_core::{
    clock::{Clock, SystemClock},
    crd::policies::PROTECTED,
    database::cnpg::kinds,
    kube::{
        APPLIED, KubeLedger, OWNER, STORE,
        kind::{CONFIG_MAP, SECRET},
    },
    owner::{Identity, Owner},
    spec::Kind,
    testing::{
        faults::{Call, Injector, Plan},
        kube::ControlPlane,
    },
};
use paas_operator::{Operator, Settings, engines::InCluster, lease::Timings, metrics::Metrics, run};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Point, cnpg,
    compare::{self, Objects},
    judge,
    scene::Scene,
    support::{Place, says},
    told,
    witness::{Seen, Witness},
};

/// How long a scene may take with a fault on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often is looked whether it is as it should be.
const LOOK: Duration = Duration::from_millis(100);

/// The instance.
const NAME: &str = "db";

/// What an undisturbed run did and left.
pub(crate) struct Clean {
    pub(crate) writes: Vec<Call>,
    left: Objects,
    seen: Seen,
}

/// Where a scene happens.
pub(crate) struct Stage {
    scene: Scene,
    place: Place,
    owner: Owner,
    standing_in: CancellationToken,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.standing_in.cancel();
    }
}

impl Stage {
    pub(crate) async fn new(cluster: &ControlPlane, scene: Scene) -> Self {
        let place = Place::of(cluster, &format!("faults {scene:?}")).await;
        let namespaces: Api<v1::Namespace> = Api::all(place.client.clone());
        let system = namespaces.get("kube-system").await.unwrap();
        let identity = Identity::of(&["kubernetes", &system.uid().unwrap()]);
        let name = place.namespace.name().to_owned();
        let owner = Owner::new(&identity, Kind::DatabaseInstance.as_str(), &name, NAME);
        let standing_in = CancellationToken::new();
        let stand_in = cnpg::stand_in(place.client.clone(), name, standing_in.clone());
        tokio::spawn(stand_in);
        Self {
            scene,
            place,
            owner,
            standing_in,
        }
    }

    /// The run without a fault.
    pub(crate) async fn clean(&self) -> Result<Clean, String> {
        let injector = Injector::new();
        let (operating, witness) = self.begin(&injector).await?;
        self.happen().await?;
        let mut left = self.left().await;
        // It is over when it stays as it is, and is not only on its way.
        let mut quiet = 0;
        while quiet < 10 {
            SystemClock.sleep(LOOK).await;
            let now = self.left().await;
            let same = compare::difference(&now, &left).is_none();
            quiet = if same && self.is_over(&now) { quiet + 1 } else { 0 };
            left = now;
        }
        operating.cancel();
        let (writes, seen) = (injector.writes(), witness.seen());
        if self.scene.ends_without_it() != seen.deleted.iter().any(|name| name.starts_with("Database")) {
            return Err(format!("{:?} was deleted", seen.deleted));
        }
        drop(witness);
        self.sweep().await;
        Ok(Clean { writes, left, seen })
    }

    /// The run with a fault; false if it did not strike.
    pub(crate) async fn point(&self, clean: &Clean, point: &Point) -> Result<bool, String> {
        let injector = Injector::new();
        let (operating, witness) = self.begin(&injector).await?;
        let call = point.call.clone();
        injector.arm(Plan::nth(point.nth, point.fault).only(move |c| told(c) == call));
        let mut outcome = self.happen().await;
        if outcome.is_ok() {
            outcome = self.until_as(&clean.left).await;
        }
        operating.cancel();
        let outcome = outcome.and_then(|()| judge::wrong(&witness.seen(), &clean.seen));
        drop(witness);
        self.sweep().await;
        outcome.map(|()| !injector.hits().is_empty())
    }

    /// What comes before the fault: an operator, and the instance if the scene begins with it.
    async fn begin(&self, injector: &Injector) -> Result<(CancellationToken, Witness), String> {
        let witness = Witness::new(&self.place.client, self.place.namespace.name());
        let operating = CancellationToken::new();
        if self.scene.begins_with_it() {
            // The operator that makes it is not the one that is hurt.
            let making = CancellationToken::new();
            self.operate(&Injector::new(), &making).await;
            self.place.database(NAME, self.scene.spec()).await;
            self.until("ready", is_ready).await?;
            making.cancel();
        }
        self.operate(injector, &operating).await;
        Ok((operating, witness))
    }

    /// What the scene is, and its owner's part in it.
    async fn happen(&self) -> Result<(), String> {
        if self.scene == Scene::Create {
            self.place.database(NAME, self.scene.spec()).await;
        }
        if let Some(patch) = self.scene.patch() {
            self.place.change(NAME, patch).await;
        }
        if self.scene.ends_without_it() {
            self.place.delete(NAME).await;
            return self.until("gone", Value::is_null).await;
        }
        Ok(())
    }

    async fn until(&self, what: &str, expected: impl Fn(&Value) -> bool) -> Result<(), String> {
        let began = SystemClock.elapsed();
        let api = self.place.api(Kind::DatabaseInstance);
        loop {
            let now = api.get_opt(NAME).await.unwrap();
            let now = now.map_or(Value::Null, |o| serde_json::to_value(o).unwrap());
            if expected(&now) {
                return Ok(());
            }
            if let Some(word) = self.scene.consent(&now) {
                let data = cnpg::api(&self.place.client, self.place.namespace.name(), &kinds::CLUSTER);
                if data.list(&ListParams::default()).await.unwrap().items.is_empty() {
                    return Err("the data went without its owner's word".to_owned());
                }
                let manner = PatchParams::default();
                // It may be gone by now, or show another plan.
                let _ = api.patch(NAME, &manner, &Patch::Merge(&word)).await;
            }
            if SystemClock.elapsed() - began > PATIENCE {
                return Err(format!("it is not {what}: {:#}", now["status"]));
            }
            SystemClock.sleep(LOOK).await;
        }
    }

    async fn until_as(&self, clean: &Objects) -> Result<(), String> {
        let began = SystemClock.elapsed();
        loop {
            let left = self.left().await;
            let Some(difference) = compare::difference(&left, clean) else {
                return Ok(());
            };
            if SystemClock.elapsed() - began > PATIENCE {
                return Err(difference);
            }
            SystemClock.sleep(LOOK).await;
        }
    }

    /// True if what is there is the end of the scene and not a state before it.
    fn is_over(&self, left: &Objects) -> bool {
        if self.scene.ends_without_it() {
            return !left.contains_key("instance");
        }
        let turned = |state: &Value| state["metadata"]["annotations"]["paas.rs/turns"] == "b locked";
        let rotated = left
            .iter()
            .any(|(name, o)| name.starts_with("DatabaseRole/") && turned(o));
        is_ready(&left["instance"]) && (self.scene != Scene::Rotate || rotated)
    }

    /// All that there is of the instance: its objects, which passwords are kept, itself, and its namespace's label.
    async fn left(&self) -> Objects {
        let (client, namespace) = (&self.place.client, self.place.namespace.name());
        let mut all = compare::everything(client, &self.owner, &kinds::ALL).await;
        let kept = ListParams::default().labels(&format!("{OWNER}={},{STORE}", self.owner.uid()));
        for kind in [&SECRET, &CONFIG_MAP] {
            for object in cnpg::api(client, namespace, kind).list(&kept).await.unwrap() {
                let name = format!("kept {}/{}", kind.kind, object.name_any());
                all.insert(name, Value::Null);
            }
        }
        let namespaces: Api<v1::Namespace> = Api::all(client.clone());
        let label = namespaces
            .get(namespace)
            .await
            .unwrap()
            .labels()
            .get(PROTECTED)
            .cloned();
        all.insert("label".to_owned(), json!(label));
        for (name, object) in &mut all {
            unhurried(object, name.starts_with("Database"));
        }
        let instance = self
            .place
            .api(Kind::DatabaseInstance)
            .get_opt(NAME)
            .await
            .unwrap();
        if let Some(instance) = instance {
            all.insert("instance".to_owned(), plain(instance));
        }
        all
    }

    /// An operator, and another one each time it dies, until `stop`.
    async fn operate(&self, injector: &Injector, stop: &CancellationToken) {
        let namespace = self.place.namespace.name().to_owned();
        let file = Kubeconfig::read_from(self.place.namespace.cluster().kubeconfig()).unwrap();
        let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
            .await
            .unwrap();
        config.default_namespace = namespace.clone();
        let (injector, stop) = (injector.clone(), stop.clone());
        tokio::spawn(async move {
            while !stop.is_cancelled() {
                let client = run::client(
                    config.clone(),
                    Arc::new(Metrics::default()),
                    Arc::new(SystemClock),
                );
                let client = injector.client(client.unwrap());
                let engines = Arc::new(InCluster::new(client.clone()));
                let kept = client.clone();
                let operator = Operator::new(client, engines, settings(&namespace))
                    .ledgers(move |namespace| Arc::new(KubeLedger::new(kept.clone(), namespace)));
                let ends = CancellationToken::new();
                tokio::select! {
                    ended = operator.run(ends) => ended.unwrap(),
                    () = injector.died() => injector.revive(),
                    () = stop.cancelled() => {}
                }
            }
        });
    }

    /// Takes everything away.
    async fn sweep(&self) {
        let (client, namespace) = (&self.place.client, self.place.namespace.name());
        let instances = self.place.api(Kind::DatabaseInstance);
        let now = DeleteParams::background();
        let _ = instances.delete(NAME, &now).await;
        let let_go = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        let _ = instances.patch(NAME, &PatchParams::default(), &let_go).await;
        let ours = ListParams::default().labels(OWNER);
        let kinds = kinds::ALL.into_iter().chain([&CONFIG_MAP]);
        let kinds: Vec<_> = kinds.filter(|k| !k.optional).collect();
        loop {
            let mut left = 0;
            for kind in &kinds {
                let api = cnpg::api(client, namespace, kind);
                for object in api.list(&ours).await.unwrap() {
                    left += 1;
                    let _ = api.delete(&object.name_any(), &now).await;
                }
            }
            if left == 0 && instances.get_opt(NAME).await.unwrap().is_none() {
                break;
            }
            SystemClock.sleep(Duration::from_millis(20)).await;
        }
        let (leases, events): (Api<Lease>, Api<Event>) = (
            Api::default_namespaced(client.clone()),
            Api::default_namespaced(client.clone()),
        );
        let all = ListParams::default();
        let _ = leases.delete_collection(&now, &all).await;
        let _ = events.delete_collection(&now, &all).await;
        let namespaces: Api<v1::Namespace> = Api::all(client.clone());
        let unlabelled = Patch::Merge(json!({"metadata": {"labels": {PROTECTED: null}}}));
        let _ = namespaces
            .patch(namespace, &PatchParams::default(), &unlabelled)
            .await;
    }
}

fn settings(namespace: &str) -> Settings {
    let mut settings = Settings {
        namespaces: vec![namespace.to_owned()],
        ..Settings::default()
    };
    // The next operator is the same one for the lease, or every crash would be followed by its silence.
    settings.lease.identity = "the-operator".to_owned();
    settings.lease.timings = Timings {
        duration: Duration::from_secs(5),
        renew_deadline: Duration::from_secs(4),
        retry: Duration::from_millis(250),
    };
    settings.bounds.poll = Duration::from_millis(100);
    settings.bounds.poll_max = Duration::from_millis(500);
    settings.bounds.backoff = Duration::from_millis(100);
    settings.pace.blocked = Duration::from_secs(1);
    settings.pace.backoff = Duration::from_millis(100);
    settings
}

fn is_ready(instance: &Value) -> bool {
    says(instance, "Ready") == ["True", "Converged"]
        && instance["status"]["observedGeneration"] == instance["metadata"]["generation"]
}

/// When CloudNativePG was last asked to look at an object again, which the time decides, and with it what was applied last.
const NUDGED: [&str; 2] = ["paas.rs/nudged", "f:paas.rs/nudged"];

fn unhurried(value: &mut Value, contents: bool) {
    match value {
        Value::Object(fields) => {
            if contents {
                fields.remove(APPLIED);
            }
            fields.retain(|name, _| !NUDGED.contains(&name.as_str()));
            fields.values_mut().for_each(|value| unhurried(value, contents));
        }
        Value::Array(all) => all.iter_mut().for_each(|value| unhurried(value, contents)),
        _ => {}
    }
}

/// An instance without times and what is counted.
fn plain(instance: DynamicObject) -> Value {
    let mut instance = serde_json::to_value(instance).unwrap();
    let metadata = instance["metadata"].as_object_mut().unwrap();
    for counted in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
        metadata.remove(counted);
    }
    for condition in instance["status"]["conditions"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        condition.as_object_mut().unwrap().remove("lastTransitionTime");
    }
    instance
}
