//! An engine of your own for the operator: databases of a server that somebody else runs. What programs bind to is an object here; the
//! operator does the rest: finalizer, status, events, consent, retries, one writer.
//!
//! `cargo run -p paas-examples --example operator_engine` shows it on an API server of its own, and ends.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use kube::{
    Client,
    api::{Api, DeleteParams, DynamicObject, PostParams},
    core::ApiResource,
};
use paas_core::{
    actuator::Actuator,
    clock::{Clock, SystemClock},
    driver::{Driver, Outputs},
    error::Result,
    graph::{Desired, Observed},
    kube::{KubeActuator, KubeObject, KubeSecrets, Namespaces, ObjectKind, kind::CONFIG_MAP},
    owner::Owner,
    pipeline::{DriverStage, Pipeline},
    resource::Key,
    spec::{API_VERSION, Binding, DatabaseInstanceSpec, GROUP, Kind, Object, Runtime, VERSION},
};
use paas_examples::say;
use paas_operator::{DatabaseFacts, Engine, Engines, Operator, Settings};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// What there is to be of one instance: a ConfigMap that says where the shared server is.
#[derive(Debug)]
struct Shared {
    owner: Owner,
    hands: Arc<dyn Actuator<KubeObject>>,
}

#[async_trait]
impl Driver for Shared {
    type Spec = DatabaseInstanceSpec;
    type Resource = KubeObject;

    fn stage(&self) -> &'static str {
        "database"
    }

    fn desired(&self, spec: &DatabaseInstanceSpec, _from: &Outputs) -> Result<Desired<KubeObject>> {
        let names: Vec<&str> = spec.databases.iter().map(|d| d.name.as_str()).collect();
        let data =
            json!({"data": {"host": "shared.databases.svc", "port": "5432", "databases": names.join(",")}});
        let object = KubeObject::new(&CONFIG_MAP, self.owner.namespace(), binding(&self.owner), data);
        Desired::builder().want(Key::new("binding")?, object).build()
    }

    fn gives(&self, _spec: &DatabaseInstanceSpec, _seen: &Observed<KubeObject>) -> Outputs {
        Outputs::default()
    }

    async fn actuator(&self, _from: &Outputs) -> Result<Option<Arc<dyn Actuator<KubeObject>>>> {
        Ok(Some(Arc::clone(&self.hands)))
    }
}

fn binding(owner: &Owner) -> String {
    format!("{}.binding", owner.name())
}

/// What the operator is given: it asks for the pipeline of each object.
#[derive(Clone)]
struct SharedServer(Client);

impl std::fmt::Debug for SharedServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedServer")
    }
}

#[async_trait]
impl Engines for SharedServer {
    async fn database(
        &self,
        object: &Object<DatabaseInstanceSpec>,
        owner: &Owner,
        _chosen: Option<Runtime>,
    ) -> Result<Engine<DatabaseFacts>> {
        let namespace = owner.namespace();
        let secrets = Arc::new(KubeSecrets::new(self.0.clone(), namespace));
        let reach = Namespaces::These(vec![namespace.to_owned()]);
        let hands = Arc::new(KubeActuator::new(self.0.clone(), self.kinds(), reach, secrets));
        let owner = owner.clone();
        let name = binding(&owner);
        let stage = DriverStage::new(Shared { owner, hands }, object.spec.clone());
        let engine = Engine::new(Pipeline::new(vec![Box::new(stage)]));
        Ok(engine.telling(move |_| DatabaseFacts {
            binding: Some(Binding { name: name.clone() }),
            ..DatabaseFacts::default()
        }))
    }

    /// Changed by somebody else, it is looked at and put right.
    fn kinds(&self) -> Vec<&'static ObjectKind> {
        vec![&CONFIG_MAP]
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let Some((_cluster, namespace)) = paas_examples::a_cluster("an engine of ones own").await? else {
        return Ok(());
    };
    let client = namespace.client().await?;
    let settings = Settings {
        namespaces: vec![namespace.name().to_owned()],
        ..Settings::default()
    };
    let stop = CancellationToken::new();
    let operator = Operator::new(client.clone(), Arc::new(SharedServer(client.clone())), settings);
    let running = tokio::spawn(operator.run(stop.clone()));
    let lived = live_and_go(client).await;
    stop.cancel();
    if let Ok(ended) = running.await {
        ended?;
    }
    say(&lived.unwrap_or_else(|e| e.to_string()));
    Ok(())
}

/// An instance as somebody with kubectl sees it: made, ready, deleted.
async fn live_and_go(client: Client) -> Result<String, kube::Error> {
    let kind = ApiResource {
        group: GROUP.to_owned(),
        version: VERSION.to_owned(),
        api_version: API_VERSION.to_owned(),
        kind: Kind::DatabaseInstance.as_str().to_owned(),
        plural: Kind::DatabaseInstance.plural().to_owned(),
    };
    let databases = Api::<DynamicObject>::default_namespaced_with(client, &kind);
    let mut demo = DynamicObject::new("demo", &kind);
    demo.data = json!({"spec": {"databases": [{"name": "shop"}]}});
    databases.create(&PostParams::default(), &demo).await?;
    let bound = until(&databases, |o| o.data["status"]["binding"]["name"].is_string()).await?;
    let name = bound.map_or(json!(null), |o| o.data["status"]["binding"]["name"].clone());
    databases.delete("demo", &DeleteParams::default()).await?;
    for _ in 0..600 {
        if databases.get_opt("demo").await?.is_none() {
            return Ok(format!("demo: ready with the binding {name}, deleted, gone\n"));
        }
        SystemClock.sleep(Duration::from_millis(100)).await;
    }
    Ok("demo: it did not go within a minute\n".to_owned())
}

/// Looks until an object is so, for a minute at most.
async fn until(
    all: &Api<DynamicObject>,
    so: impl Fn(&DynamicObject) -> bool,
) -> Result<Option<DynamicObject>, kube::Error> {
    for _ in 0..600 {
        let now = all.get("demo").await?;
        if so(&now) {
            return Ok(Some(now));
        }
        SystemClock.sleep(Duration::from_millis(100)).await;
    }
    Ok(None)
}
