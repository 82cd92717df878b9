//! The hands on addons: those on any object of Kubernetes, which also ask pods why they are not there.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use kube::Client;
use serde_json::Value;

use super::{kinds, pods};
use crate::{
    actuator::{Actuator, Ids, Reach},
    clock::Clock,
    error::Result,
    graph::Observed,
    kube::{Around, KubeActuator, KubeObject, Namespaces},
    ledger::Ledger,
    owner::Owner,
    resource::{Change, Health, Key, Live},
    secrets::SecretStore,
};

/// What is younger is on its way: nobody is asked yet.
const GRACE: Duration = Duration::from_secs(10);

/// What is younger may fail at first.
const PATIENCE: Duration = Duration::from_secs(90);

/// An [`Actuator`] of addons: a [`KubeActuator`] in all namespaces, one list a kind, that asks the pods of what does not get ready.
pub struct AddonsHands {
    inner: KubeActuator,
    client: Client,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for AddonsHands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddonsHands").finish_non_exhaustive()
    }
}

impl AddonsHands {
    /// Hands in the cluster of this client; `secrets` has the credential for the cloud.
    pub fn new(client: Client, secrets: Arc<dyn SecretStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: KubeActuator::new(client.clone(), kinds::ALL, Namespaces::All, secrets),
            client,
            clock,
        }
    }

    /// Why the pods of a workload are not there, in better words than its own; what nobody says more of stays as it is.
    async fn ask(&self, live: &mut Live<KubeObject>) {
        let Health::Settling { why } = &live.health else {
            return;
        };
        let Some(object) = live.resource.seen().map(|s| &s.object) else {
            return;
        };
        let age = self.age(object);
        let Some(selector) = selector(object).filter(|_| age >= GRACE) else {
            return;
        };
        let (namespace, name) = (live.resource.namespace(), live.resource.name());
        // Who cannot be asked says nothing.
        let Ok(around) = Around::of(&self.client, namespace, name, &selector).await else {
            return;
        };
        live.health = match pods::judge(&around, age < PATIENCE) {
            None => return,
            Some(Health::Settling { why: more }) => Health::Settling {
                why: format!("{why}; {more}"),
            },
            Some(worse) => worse,
        };
        // Making it anew would bring the same pods.
        live.was_ready = true;
    }

    fn age(&self, object: &Value) -> Duration {
        let made = object["metadata"]["creationTimestamp"]
            .as_str()
            .and_then(|t| t.parse().ok());
        made.and_then(|made| Duration::try_from(self.clock.now().duration_since(made)).ok())
            .unwrap_or_default()
    }
}

/// The label selector of a workload's pods.
fn selector(object: &Value) -> Option<String> {
    let labels = object["spec"]["selector"]["matchLabels"].as_object()?;
    let all: Vec<String> = labels
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)))
        .collect();
    (!all.is_empty()).then(|| all.join(","))
}

#[async_trait]
impl Actuator<KubeObject> for AddonsHands {
    async fn observe(&self, owner: &Owner, hints: &Ledger, reach: Reach) -> Result<Observed<KubeObject>> {
        let mut seen = self.inner.observe(owner, hints, reach).await?;
        for live in seen
            .live
            .values_mut()
            .filter(|l| l.resource.object_kind().makes_others)
        {
            self.ask(live).await;
        }
        Ok(seen)
    }

    async fn create(
        &self,
        owner: &Owner,
        key: &Key,
        want: &KubeObject,
        ids: &Ids,
    ) -> Result<Live<KubeObject>> {
        self.inner.create(owner, key, want, ids).await
    }

    async fn update(
        &self,
        owner: &Owner,
        key: &Key,
        live: &Live<KubeObject>,
        want: &KubeObject,
        changes: &[Change],
        ids: &Ids,
    ) -> Result<()> {
        self.inner.update(owner, key, live, want, changes, ids).await
    }

    async fn delete(&self, owner: &Owner, key: &Key, live: &Live<KubeObject>) -> Result<()> {
        self.inner.delete(owner, key, live).await
    }
}
