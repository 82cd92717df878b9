//! The hands of the cluster stage.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{Node as KubeNode, Secret};
use kube::{Client, ResourceExt as _};

use super::{
    Parts, drain, hands,
    resource::{CONTROL_PLANE, ClusterResource, ControlPlane, LABELS, Node, TOKEN},
    seen::{self, Heard},
};
use crate::{
    actuator::{Actuator, Ids, Reach},
    driver::{ClusterAccess, Host},
    error::{Class, Error, Result},
    graph::Observed,
    installer::{
        codes::{INS_BOOT, INS_STRANGER},
        token,
    },
    ledger::Ledger,
    owner::Owner,
    resource::{Change, Health, Key, Live},
};

/// How long a machine may join by its token. As long as it has not, the token is made anew.
const INVITED: Duration = Duration::from_secs(3600);

/// Does one thing at a time to one cluster.
///
/// To delete a node is several calls, each of which can be repeated: it is cordoned, its pods are asked to go, and it is removed once none
/// is left. The machine's own deletion is the business of the stage that made it, which waits for that.
#[derive(Debug)]
pub struct ClusterActuator {
    pub(super) parts: Parts,
    pub(super) access: ClusterAccess,
    pub(super) hosts: Vec<Host>,
    pub(super) heard: Arc<Heard>,
}

impl ClusterActuator {
    async fn client(&self) -> Result<Client> {
        self.parts.login.client(&self.access).await
    }

    fn role(&self, name: &str) -> String {
        let host = self.hosts.iter().find(|h| h.name == name);
        let by_name = || name.rsplit_once('-').map_or(name, |(role, _)| role).to_owned();
        host.map_or_else(by_name, |h| h.role.clone())
    }

    /// What a machine that has not joined is at.
    async fn boot(&self, name: &str, waits_for: &str) -> Health {
        let host = self.hosts.iter().find(|h| h.name == name);
        let (Some(id), Some(consoles)) = (host.and_then(|h| h.id.as_deref()), &self.parts.consoles) else {
            return seen::boot(None, waits_for);
        };
        let now = self.parts.clock.elapsed();
        let progress = match self.heard.lately(id, now) {
            Some(progress) => Some(progress),
            // That a console cannot be read says nothing about the machine.
            None => consoles
                .tail(id)
                .await
                .ok()
                .map(|text| self.heard.hear(id, now, &text)),
        };
        seen::boot(progress.as_ref(), waits_for)
    }

    /// The cluster before it ever answered: its first machine brings it up.
    async fn before(&self, error: &Error) -> Result<Observed<ClusterResource>> {
        let first = self.hosts.iter().filter(|h| h.role == crate::spec::CONTROL_PLANE);
        let name = first.map(|h| h.name.as_str()).min().unwrap_or_default();
        let waits_for = format!(
            "the API does not answer yet at {}: {}",
            self.access.endpoint,
            error.words()
        );
        let mut observed = Observed::default();
        let plane = ControlPlane {
            endpoint: self.access.endpoint.clone(),
            version: None,
        };
        let health = self.boot(name, &waits_for).await;
        found(
            &mut observed,
            Key::new(CONTROL_PLANE)?,
            &self.access.endpoint,
            ClusterResource::ControlPlane(plane),
            health,
        );
        Ok(observed)
    }

    async fn look(&self, owner: &Owner) -> Result<Observed<ClusterResource>> {
        let client = self.client().await?;
        let world = hands::look(&client).await?;
        let mut observed = Observed::default();
        let versions = world
            .nodes
            .iter()
            .filter(|n| self.role(&n.name_any()) == crate::spec::CONTROL_PLANE);
        let plane = ControlPlane {
            endpoint: self.access.endpoint.clone(),
            version: versions.filter_map(seen::version).next(),
        };
        let plane = ClusterResource::ControlPlane(plane);
        observed.found(
            Key::new(CONTROL_PLANE)?,
            Live::ready(&self.access.endpoint, plane),
        );
        let data = seen::local_data(&world.volumes);
        let invited = self.invited(owner, &world.tokens).await?;
        for object in &world.nodes {
            let (name, uid) = (object.name_any(), object.uid().unwrap_or_default());
            let key = Key::new(format!("node/{name}"))?;
            let mut node = seen::node(object, &self.role(&name));
            let health = seen::health(object);
            // As long as it is not ready, its machine may still be about to join.
            node.invited = health == Health::Ready && invited.contains_key(&name);
            let there = seen::still_there(&self.hosts, &name, &node);
            if let (Some(claims), true) = (data.get(&name), there.is_some()) {
                let why = format!("the data of {} lie on its disk and go with it", claims.join(", "));
                observed.bar_for_data(key.clone(), why);
            }
            let live = Live::ready(uid, ClusterResource::Node(node));
            observed.found(key, live.health(health));
        }
        for (name, token) in &invited {
            let key = Key::new(format!("node/{name}"))?;
            if observed.live.contains_key(&key) {
                continue;
            }
            let node = Node {
                invited: true,
                joined: false,
                ..Node::of(&self.role(name), None, BTreeMap::new())
            };
            let health = self.boot(name, "its machine has not joined yet").await;
            found(&mut observed, key, token, ClusterResource::Node(node), health);
        }
        Ok(observed)
    }

    /// The machines that may join by a token now, each with the token's name.
    async fn invited(&self, owner: &Owner, tokens: &[Secret]) -> Result<BTreeMap<String, String>> {
        let now = self.parts.clock.now();
        let mut invited = BTreeMap::new();
        for host in self.hosts.iter().filter(|h| h.role != crate::spec::CONTROL_PLANE) {
            let Some(token) = token::stored(&*self.parts.secrets, owner, &host.name).await? else {
                continue;
            };
            let name = token.secret_name();
            if tokens
                .iter()
                .any(|t| t.name_any() == name && seen::lets_join(t, now))
            {
                invited.insert(host.name.clone(), name);
            }
        }
        Ok(invited)
    }

    async fn node(&self, client: &Client, name: &str) -> Result<Option<KubeNode>> {
        let nodes: kube::Api<KubeNode> = kube::Api::all(client.clone());
        let found = nodes.get_opt(name).await;
        found.map_err(|e| crate::kube::fault::of(&format!("read the node {name}"), false, e))
    }
}

/// Notes what has not come up yet. What will not by itself is left to a person: to make it again does not help without another machine.
fn found(
    observed: &mut Observed<ClusterResource>,
    key: Key,
    id: &str,
    resource: ClusterResource,
    health: Health,
) {
    if let Health::Broken { why, .. } = &health {
        observed.bar(key.clone(), &INS_BOOT, why.clone());
    }
    let mut live = Live::settling(id, resource, "it comes up").health(health);
    live.was_ready = live.broken().is_some();
    observed.found(key, live);
}

fn name_of(key: &Key) -> &str {
    key.as_str().rsplit('/').next().unwrap_or_default()
}

#[async_trait]
impl Actuator<ClusterResource> for ClusterActuator {
    async fn observe(
        &self,
        owner: &Owner,
        hints: &Ledger,
        _reach: Reach,
    ) -> Result<Observed<ClusterResource>> {
        match self.look(owner).await {
            Err(error) if hands::is_stranger(&error) => Err(Error::new(&INS_STRANGER, Class::Blocked)
                .attempted(format!("log in to the cluster at {}", self.access.endpoint))
                .happened(error.words())),
            // A cluster that has answered before is not one that has yet to come up.
            Err(error) if error.may_pass() && hints.outputs.is_none() => self.before(&error).await,
            other => other,
        }
    }

    async fn glance(
        &self,
        owner: &Owner,
        waited: &BTreeMap<Key, Live<ClusterResource>>,
    ) -> Result<Option<BTreeMap<Key, Health>>> {
        let seen = match self.look(owner).await {
            Err(error) if error.may_pass() => self.before(&error).await?,
            other => other?,
        };
        let now = seen.live.into_iter().filter(|(key, _)| waited.contains_key(key));
        Ok(Some(now.map(|(key, live)| (key, live.health)).collect()))
    }

    async fn create(
        &self,
        owner: &Owner,
        key: &Key,
        want: &ClusterResource,
        _ids: &Ids,
    ) -> Result<Live<ClusterResource>> {
        let ClusterResource::Node(node) = want else {
            return Ok(Live::settling(
                &self.access.endpoint,
                want.clone(),
                "its first machine brings it up",
            ));
        };
        if !node.joins {
            return Ok(Live::settling(
                key.as_str(),
                want.clone(),
                "its machine registers it",
            ));
        }
        let token = token::ensure(&*self.parts.secrets, owner, name_of(key), &*self.parts.random).await?;
        let ends = self.parts.clock.now().saturating_add(INVITED);
        let ends = ends.unwrap_or_else(|_| self.parts.clock.now());
        let secret = hands::invite(&self.client().await?, owner, &token, ends).await?;
        Ok(Live::settling(
            secret.name_any(),
            want.clone(),
            "its machine has not joined yet",
        ))
    }

    async fn update(
        &self,
        owner: &Owner,
        key: &Key,
        _live: &Live<ClusterResource>,
        want: &ClusterResource,
        changes: &[Change],
        _ids: &Ids,
    ) -> Result<()> {
        let ClusterResource::Node(node) = want else {
            return Ok(());
        };
        let name = name_of(key);
        if changes.iter().any(|c| c.field == TOKEN) {
            if let Some(token) = token::stored(&*self.parts.secrets, owner, name).await? {
                hands::uninvite(&self.client().await?, &token.secret_name()).await?;
            }
            return token::forget(&*self.parts.secrets, owner, name).await;
        }
        match changes.iter().any(|c| c.field == LABELS) {
            true => hands::label(&self.client().await?, name, &node.labels).await,
            false => Ok(()),
        }
    }

    async fn delete(&self, owner: &Owner, key: &Key, live: &Live<ClusterResource>) -> Result<()> {
        let ClusterResource::Node(node) = &live.resource else {
            return Ok(());
        };
        let (name, client) = (name_of(key), self.client().await?);
        // Another machine by this name has been told the token by now, and is about to join by it.
        let another =
            self.hosts.iter().any(|h| h.name == name) && seen::still_there(&self.hosts, name, node).is_none();
        if !another && let Some(token) = token::stored(&*self.parts.secrets, owner, name).await? {
            hands::uninvite(&client, &token.secret_name()).await?;
            token::forget(&*self.parts.secrets, owner, name).await?;
        }
        let Some(object) = self.node(&client, name).await? else {
            return Ok(());
        };
        if object.uid().as_deref() != Some(live.id.as_str()) {
            return Ok(());
        }
        if seen::still_there(&self.hosts, name, node).is_some() {
            let heard_of = seen::health(&object) == Health::Ready;
            drain::drain(&client, &object, heard_of, &*self.parts.clock).await?;
        }
        hands::remove(&client, &object).await
    }
}
