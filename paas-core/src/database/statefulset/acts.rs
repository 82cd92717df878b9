//! A restart of the server, said as `kubectl rollout restart` says it.

use async_trait::async_trait;
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::StatefulSetDriver;
use crate::{
    codes::CORE_UNSUPPORTED,
    database::acts::Acts,
    error::{Class, Error, Result},
    kube::{ASKED, fault},
    owner::Owner,
};

/// The annotation of pods at whose change they are made anew.
const RESTART: &str = "kubectl.kubernetes.io/restartedAt";

/// What can be done to the server of one StatefulSet.
#[derive(Debug, Clone)]
pub struct ServerActs {
    servers: Api<StatefulSet>,
    server: String,
}

impl ServerActs {
    /// Of the StatefulSet of `owner`. The role needs `patch` on StatefulSets.
    ///
    /// # Errors
    /// As [`StatefulSetDriver::server`].
    pub fn new(client: Client, owner: &Owner) -> Result<Self> {
        Ok(Self {
            servers: Api::namespaced(client, owner.namespace()),
            server: StatefulSetDriver::server(owner)?,
        })
    }
}

#[async_trait]
impl Acts for ServerActs {
    async fn restart(&self, word: &str) -> Result<()> {
        let patch = json!({"spec": {"template": {"metadata": {"annotations": {RESTART: word}}}}});
        let by_us = PatchParams {
            field_manager: Some(ASKED.to_owned()),
            ..PatchParams::default()
        };
        let patched = self
            .servers
            .patch(&self.server, &by_us, &Patch::Strategic(patch))
            .await;
        let doing = format!("restart the server {}", self.server);
        patched.map(drop).map_err(|e| fault::of(&doing, true, e))
    }

    async fn switchover(&self, server: &str) -> Result<()> {
        Err(Error::new(&CORE_UNSUPPORTED, Class::Unsupported)
            .attempted(format!("make {server} the primary"))
            .happened("a StatefulSet of ours has one server, and no standby")
            .remedy("use the runtime CloudNativePG with spec.replicas above 1"))
    }
}
