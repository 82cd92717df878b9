//! The hands on one server's objects, which ask further about a server that does not get ready.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use kube::Client;

use super::{
    codes::STS_EXPAND,
    manifest::{CLAIM, INSTANCE, STATEFUL_SET},
    words,
};
use crate::{
    actuator::{Actuator, Ids, Reach},
    error::{Error, Result},
    graph::Observed,
    kube::{Around, KubeObject},
    ledger::Ledger,
    owner::Owner,
    resource::{Change, Health, Key, Live},
};

/// Hands on objects that read what the pod, its volume and events say of a server that is not ready, and only then: a StatefulSet
/// itself says nothing of it.
#[derive(Clone)]
pub struct ServerHands {
    inner: Arc<dyn Actuator<KubeObject>>,
    client: Client,
}

impl fmt::Debug for ServerHands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHands").field("inner", &self.inner).finish()
    }
}

impl ServerHands {
    /// Over other hands; `client` may list pods, jobs, claims and events.
    pub fn new(inner: Arc<dyn Actuator<KubeObject>>, client: Client) -> Self {
        Self { inner, client }
    }

    /// What is in the way of a server, by those who know it best; what cannot be asked leaves what the server says itself.
    async fn ask(&self, server: &mut Live<KubeObject>) {
        let (namespace, name) = (server.resource.namespace(), server.resource.name());
        let selector = format!("{INSTANCE}={name}");
        let around = match Around::of(&self.client, namespace, name, &selector).await {
            Ok(around) => around,
            Err(error) => {
                tracing::debug!(%error, name, "what is in the way of the server cannot be asked");
                return;
            }
        };
        if let Some(worse) = words::worst(name, around) {
            server.health = worse;
            // Made anew, it would be in the same way.
            server.was_ready = true;
        }
    }
}

#[async_trait]
impl Actuator<KubeObject> for ServerHands {
    async fn observe(&self, owner: &Owner, hints: &Ledger, reach: Reach) -> Result<Observed<KubeObject>> {
        let mut seen = self.inner.observe(owner, hints, reach).await?;
        for live in seen.live.values_mut() {
            let waits = matches!(live.health, Health::Settling { .. });
            if waits && *live.resource.object_kind() == STATEFUL_SET {
                self.ask(live).await;
            }
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
        let updated = self.inner.update(owner, key, live, want, changes, ids).await;
        match updated {
            // All that can change of a claim is its size.
            Err(error) if *want.object_kind() == CLAIM && !error.may_pass() => {
                Err(Error::new(&STS_EXPAND, error.class())
                    .attempted(format!("enlarge the volume {}", want.name()))
                    .happened(error.words()))
            }
            other => other,
        }
    }

    async fn delete(&self, owner: &Owner, key: &Key, live: &Live<KubeObject>) -> Result<()> {
        self.inner.delete(owner, key, live).await
    }
}
