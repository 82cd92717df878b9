//! A controller of yours, hurt at each of its writes in every way, on a real API server.
//!
//! The controller gives every ConfigMap with the label `wants=password` a Secret, and then says so in an annotation. What must never happen:
//! a second password for one that was given out already.
//!
//! `cargo run -p paas-examples --example hurt_a_controller` prints the table.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Api, Client, ResourceExt,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
    runtime::{Controller, controller::Action, watcher},
};
use paas_core::{
    clock::{Clock, SystemClock},
    error::{Class, Error, Result},
    secrets::{ExposeSecret, Generate, SystemRandom},
    testing::faults::{Fault, Injector, Plan, Table},
};
use paas_examples::say;
use serde_json::json;

const GIVEN: &str = "example.com/given";

/// The controller: kube-rs, and nothing of ours.
async fn control(client: Client) {
    let wants = watcher::Config::default().labels("wants=password");
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let soon =
        |_: Arc<ConfigMap>, _: &kube::Error, _: Arc<Client>| Action::requeue(Duration::from_millis(50));
    Controller::new(maps, wants)
        .run(reconcile, soon, Arc::new(client))
        .for_each(|_| std::future::ready(()))
        .await;
}

async fn reconcile(map: Arc<ConfigMap>, client: Arc<Client>) -> Result<Action, kube::Error> {
    let (secrets, maps): (Api<Secret>, Api<ConfigMap>) = (
        Api::default_namespaced((*client).clone()),
        Api::default_namespaced((*client).clone()),
    );
    let name = map.name_any();
    if secrets.get_opt(&name).await?.is_none() {
        let password = SystemRandom.secret().expose_secret().to_owned();
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                ..ObjectMeta::default()
            },
            string_data: Some(BTreeMap::from([("password".to_owned(), password)])),
            ..Secret::default()
        };
        // With create, never with apply: of two that find none, one is refused.
        secrets.create(&PostParams::default(), &secret).await?;
    }
    if !map.annotations().contains_key(GIVEN) {
        let given = json!({"metadata": {"annotations": {GIVEN: "yes"}}});
        maps.patch(&name, &PatchParams::default(), &Patch::Merge(&given))
            .await?;
    }
    Ok(Action::await_change())
}

/// A fresh object, and the controller, and another one whenever it dies, until the object is as it should be. The uid of its Secret.
async fn run(client: &Client, injector: &Injector, name: &str) -> Result<String, String> {
    let (secrets, maps): (Api<Secret>, Api<ConfigMap>) = (
        Api::default_namespaced(client.clone()),
        Api::default_namespaced(client.clone()),
    );
    let map = json!({"metadata": {"name": name, "labels": {"wants": "password"}}});
    let map = serde_json::from_value(map).map_err(|e| e.to_string())?;
    let made = maps.create(&PostParams::default(), &map).await;
    made.map_err(|e| e.to_string())?;
    let given = async {
        let mut uids = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            SystemClock.sleep(Duration::from_millis(10)).await;
            // What is said first is looked at first: it is said of a Secret that is there by then.
            let map = maps.get(name).await.map_err(|e| e.to_string())?;
            let secret = secrets.get_opt(name).await.map_err(|e| e.to_string())?;
            uids.extend(secret.and_then(|s| s.uid()));
            if map.annotations().contains_key(GIVEN) {
                let one = (uids.len() == 1).then(|| uids.pop_first()).flatten();
                return one.ok_or_else(|| format!("{} passwords were given", uids.len()));
            }
        }
        Err("nothing was given within ten seconds".to_owned())
    };
    tokio::pin!(given);
    loop {
        tokio::select! {
            given = &mut given => return given,
            () = control(injector.client(client.clone())) => {}
            () = injector.died() => injector.revive(),
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let Some((_cluster, namespace)) = paas_examples::a_cluster("hurt a controller").await? else {
        return Ok(());
    };
    let (client, injector, mut table) = (namespace.client().await?, Injector::new(), Table::default());
    let wrong = |why: String| Error::new(&paas_core::codes::CORE_PROVIDER, Class::Internal).happened(why);

    // Without a fault: what there is to break.
    run(&client, &injector, "undisturbed").await.map_err(wrong)?;
    let writes = injector.writes();
    for (n, write) in writes.iter().enumerate() {
        for fault in Fault::WRITES {
            injector.arm(Plan::nth(n, fault));
            let name = format!("{}-{n}", fault.to_string().to_lowercase());
            let outcome = run(&client, &injector, &name).await.map(|_| ());
            match injector.hits().first() {
                Some(hit) => table.point("give a password", fault, &hit.call.to_string(), outcome),
                None => table.point(
                    "give a password",
                    fault,
                    &write.to_string(),
                    Err("it was not struck".to_owned()),
                ),
            }
        }
    }
    say(&table.to_string());
    match table.is_good() {
        true => Ok(()),
        false => Err(wrong("the controller does wrong".to_owned())),
    }
}
