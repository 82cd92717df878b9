//! The operator inside a program of yours: the same controllers, with your `main`, your settings and your metrics.
//!
//! `cargo run -p paas-examples --example operator` shows it on an API server of its own, and ends. With `-- --cluster` it works on the
//! cluster of the current kubeconfig, as `paas-operator run` does, until Ctrl-C.

use std::{sync::Arc, time::Duration};

use kube::api::{Api, DynamicObject, PostParams};
use paas_core::{
    clock::{Clock, SystemClock},
    error::Result,
    kube::KubeLedger,
    spec::Kind,
};
use paas_examples::say;
use paas_operator::{Operator, Settings, engines::InCluster, metrics::Metrics, run};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<()> {
    let (stop, metrics) = (CancellationToken::new(), Arc::new(Metrics::default()));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    if std::env::args().any(|word| word == "--cluster") {
        let client = run::connect(None, Arc::clone(&metrics), clock).await?;
        let ends = stop.clone();
        tokio::spawn(async move {
            let _ = tokio::signal::ctrl_c().await;
            ends.cancel();
        });
        return operator(client, Settings::default(), metrics).run(stop).await;
    }

    let Some((_cluster, namespace)) = paas_examples::a_cluster("an embedded operator").await? else {
        return Ok(());
    };
    let client = namespace.client().await?;
    let settings = Settings {
        namespaces: vec![namespace.name().to_owned()],
        ..Settings::default()
    };
    let running = tokio::spawn(operator(client.clone(), settings, Arc::clone(&metrics)).run(stop.clone()));
    let told = tell(client).await;
    stop.cancel(); // calls under way are finished, and the lease is let go
    if let Ok(ended) = running.await {
        ended?;
    }
    let looks = metrics.text();
    let looks = looks
        .lines()
        .filter(|l| l.starts_with("controller_runtime_reconcile_total"));
    say(&format!("{}\n{}\n", told, looks.collect::<Vec<_>>().join("\n")));
    Ok(())
}

/// An operator with the engines that need nothing but the cluster, and its memory kept there too.
fn operator(client: kube::Client, settings: Settings, metrics: Arc<Metrics>) -> Operator {
    let (engines, kept) = (Arc::new(InCluster::new(client.clone())), client.clone());
    Operator::new(client, engines, settings)
        .ledgers(move |namespace| Arc::new(KubeLedger::new(kept.clone(), namespace)))
        .metrics(metrics)
}

/// Makes a database, and says what the operator says of it.
async fn tell(client: kube::Client) -> String {
    let databases = Api::<DynamicObject>::default_namespaced_with(client, &resource());
    let mut demo = DynamicObject::new("demo", &resource());
    demo.data = serde_json::json!({"spec": {"plan": "dev"}});
    if let Err(error) = databases.create(&PostParams::default(), &demo).await {
        return error.to_string();
    }
    for _ in 0..600 {
        SystemClock.sleep(Duration::from_millis(100)).await;
        let status = databases.get("demo").await.map(|o| o.data["status"].clone());
        let conditions = status.unwrap_or_default()["conditions"].clone();
        let all = conditions.as_array().cloned().unwrap_or_default();
        if let Some(ready) = all.iter().find(|c| c["type"] == "Ready") {
            // There are no nodes here: what it waits for is what there is to see.
            let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
            return format!("demo: {}: {}", text("reason"), text("message"));
        }
    }
    "the operator said nothing of it within a minute".to_owned()
}

fn resource() -> kube::core::ApiResource {
    let (kind, api) = (Kind::DatabaseInstance, paas_core::spec::API_VERSION);
    kube::core::ApiResource {
        group: paas_core::spec::GROUP.to_owned(),
        version: paas_core::spec::VERSION.to_owned(),
        api_version: api.to_owned(),
        kind: kind.as_str().to_owned(),
        plural: kind.plural().to_owned(),
    }
}
