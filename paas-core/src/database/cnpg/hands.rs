//! The hands on CloudNativePG's objects: those on any object of Kubernetes, and what only this engine knows.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::future::join;
use kube::Client;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::{
    adoption,
    facts::Facts,
    health,
    kinds::{self, CLUSTER, DATABASE, ROLE},
    names, passwords, pooler, session,
    steps::{self, MONITOR, SESSION},
    words,
};
use crate::{
    actuator::{Actuator, Ids, Reach},
    clock::Clock,
    database::resource::password_name,
    error::{Error, Result},
    graph::Observed,
    kube::{KubeActuator, KubeObject, Namespaces},
    ledger::Ledger,
    owner::Owner,
    resource::{Change, Health, Key, Live},
    secrets::SecretStore,
};

/// A Cluster that is on its way for so long is asked about: before, most of what its pods complain of ends by itself.
const GRACE: Duration = Duration::from_secs(15);

/// So soon after a change CloudNativePG may still say what was so before: a phase does not tell of which generation it speaks.
const UNSEEN: Duration = Duration::from_secs(3);

/// An [`Actuator`] of CloudNativePG's objects of one instance: a [`KubeActuator`] that
///
/// - takes a Cluster for ready only once CloudNativePG has had the time to look at our last change;
/// - reads what pods, jobs, volumes and events say of a Cluster that does not get ready ([`super::worse()`]), and only then;
/// - tells whether there is a Prometheus operator that would read metrics;
/// - lists the Cluster's volumes where everything is listed, as what the Cluster made;
/// - asks the Deployment of a pooler whether its pods answer;
/// - finds a password that the store has lost in the Secret that CloudNativePG reads, and never makes another one for a binding;
/// - forgets a password with the Secret that has it, so that the role gets another one the next time;
/// - has a login role's sessions begin as its owner role, before it is noted that they do ([`SESSION`]);
/// - takes over a Cluster that somebody else made, if that was agreed to.
pub struct CnpgHands {
    inner: KubeActuator,
    client: Client,
    clock: Arc<dyn Clock>,
    secrets: Arc<dyn SecretStore>,
    namespace: String,
    cluster: String,
    adopt: Option<String>,
    facts: Mutex<Option<Facts>>,
}

impl fmt::Debug for CnpgHands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CnpgHands")
            .field("namespace", &self.namespace)
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

impl CnpgHands {
    /// Hands for the objects of `owner` in its namespace; `secrets` has the passwords.
    ///
    /// # Errors
    /// As [`names::cluster`].
    pub fn new(
        client: Client,
        owner: &Owner,
        secrets: Arc<dyn SecretStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let namespace = owner.namespace().to_owned();
        let within = Namespaces::These(vec![namespace.clone()]);
        Ok(Self {
            inner: KubeActuator::new(client.clone(), kinds::ALL, within, Arc::clone(&secrets)),
            client,
            clock,
            secrets,
            namespace,
            cluster: names::cluster(owner)?,
            adopt: None,
            facts: Mutex::default(),
        })
    }

    /// Takes over the Cluster of that uid, which somebody else made, without a restart of its servers or not at all.
    #[must_use]
    pub fn adopting(mut self, uid: Option<String>) -> Self {
        self.adopt = uid;
        self
    }

    /// What the Cluster said of itself in the last look; `None` if there was none.
    pub fn facts(&self) -> Option<Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether CloudNativePG has had the time to look at what was applied; before, what it says is about the former.
    fn look_at_age(&self, seen: &mut Observed<KubeObject>) {
        let clusters = seen
            .live
            .values_mut()
            .filter(|l| *l.resource.object_kind() == CLUSTER);
        for live in clusters.filter(|l| l.health == Health::Ready) {
            let applied = live.resource.seen().and_then(|s| words::applied(&s.managed));
            let age = applied.and_then(|at| Duration::try_from(self.clock.now().duration_since(at)).ok());
            if age.is_some_and(|age| age < UNSEEN) {
                let why = "CloudNativePG may not have looked at the change yet".to_owned();
                live.health = Health::Settling { why };
            }
        }
    }

    /// What is the matter with a Cluster that does not get on, by those who know it best.
    async fn ask(&self, seen: &mut Observed<KubeObject>) {
        let found = seen
            .live
            .values_mut()
            .find(|l| *l.resource.object_kind() == CLUSTER);
        let Some(cluster) = found.filter(|l| matches!(l.health, Health::Settling { .. })) else {
            return;
        };
        let Some(there) = cluster.resource.seen().map(|s| s.object.clone()) else {
            return;
        };
        let since = words::since(&there);
        let age = since.and_then(|s| Duration::try_from(self.clock.now().duration_since(s)).ok());
        if health::is_hibernated(&there) || age.is_some_and(|age| age < GRACE) {
            return;
        }
        let Some(worse) = words::ask(&self.client, &self.namespace, &self.cluster).await else {
            return;
        };
        cluster.health = worse.clone();
        if let Health::Broken { code, .. } = worse {
            starve(seen, code);
        }
    }

    /// The login that is to be noted as one whose sessions begin as its owner role and is not yet, with that role.
    fn is_told(live: &Live<KubeObject>, want: &KubeObject) -> Option<(String, String)> {
        let session = |value: &Value| {
            value["metadata"]["annotations"][SESSION]
                .as_str()
                .map(str::to_owned)
        };
        if *want.object_kind() != ROLE || live.resource.seen().and_then(|s| session(&s.object)).is_some() {
            return None;
        }
        let login = want.manifest()["spec"]["name"].as_str()?;
        Some((login.to_owned(), session(want.manifest())?))
    }

    async fn recall(&self, owner: &Owner, binding: &KubeObject) -> Result<()> {
        passwords::recall(&self.client, &*self.secrets, owner, &self.cluster, binding).await
    }

    /// Has the sessions of a login role begin as its owner role, by the login role itself.
    async fn begin(&self, owner: &Owner, login: &str, user: &str) -> Result<()> {
        let name = password_name(login);
        let password = self.secrets.get(owner, &name).await?;
        let password = password.ok_or_else(|| session::without(login, &name))?;
        let pod = self.facts().and_then(|f| f.primary);
        let pod = pod.ok_or_else(|| session::alone(login))?;
        session::begin(
            &self.client,
            (&self.namespace, &pod),
            (login, password.expose_secret()),
            user,
        )
        .await
    }
}

/// What is inside has no server as long as the Cluster is broken: that is what is in the way, and nothing is on its way.
fn starve(seen: &mut Observed<KubeObject>, code: Option<&'static crate::codes::Code>) {
    let inside = |o: &KubeObject| *o.object_kind() == ROLE || *o.object_kind() == DATABASE;
    for live in seen.live.values_mut().filter(|l| inside(&l.resource)) {
        if let Health::Settling { why } = &live.health {
            let why = format!("{why}, and the Cluster is broken");
            live.health = Health::Broken { why, code };
            // It is not to be made anew for that.
            live.was_ready = true;
        }
    }
}

#[async_trait]
impl Actuator<KubeObject> for CnpgHands {
    async fn observe(&self, owner: &Owner, hints: &Ledger, reach: Reach) -> Result<Observed<KubeObject>> {
        let look = self.inner.observe(owner, hints, reach);
        let (seen, monitors) = join(look, words::monitors(&self.client)).await;
        let mut seen = seen?;
        if monitors {
            seen.also.entry(Key::new(MONITOR)?).or_default();
        }
        let cluster = steps::object(&seen, "cluster").and_then(|l| l.resource.seen());
        let facts = cluster.map(|c| Facts::of(&c.object));
        *self.facts.lock().unwrap_or_else(PoisonError::into_inner) = facts;
        self.look_at_age(&mut seen);
        self.ask(&mut seen).await;
        pooler::look(&self.client, &self.namespace, &mut seen).await?;
        if reach == Reach::All {
            words::volumes(&self.client, &self.namespace, &self.cluster, &mut seen).await?;
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
        if *want.object_kind() == CLUSTER {
            let at = (self.namespace.as_str(), want.name());
            match &self.adopt {
                None => adoption::vacant(&self.client, at).await?,
                Some(uid) => {
                    let live = adoption::agreed(&self.client, at, want, uid).await?;
                    self.inner.update(owner, key, &live, want, &[], ids).await?;
                    return Ok(live);
                }
            }
        }
        if key.as_str().starts_with("binding/") {
            self.recall(owner, want).await?;
        }
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
    ) -> Result<(), Error> {
        if let Some((login, user)) = Self::is_told(live, want) {
            self.begin(owner, &login, &user).await?;
        }
        if key.as_str().starts_with("binding/") {
            self.recall(owner, want).await?;
        }
        self.inner.update(owner, key, live, want, changes, ids).await
    }

    async fn delete(&self, owner: &Owner, key: &Key, live: &Live<KubeObject>) -> Result<()> {
        // What was handed out once is never handed out again.
        if let Some(login) = key.as_str().strip_prefix("password/") {
            self.secrets.delete(owner, &password_name(login)).await?;
        }
        self.inner.delete(owner, key, live).await
    }
}
