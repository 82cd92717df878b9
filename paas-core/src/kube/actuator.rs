//! The hands on a Kubernetes cluster.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use kube::Client;
use serde_json::Value;

use super::{
    KEY, KubeObject, OWNER, ObjectKind, STORE,
    call::{Place, Server},
    codes::{K8S_CONFLICT, K8S_NO_API, K8S_TAKEN},
    hide::Hidden,
    manifest::{self, Values},
    observe,
};
use crate::{
    actuator::{Actuator, Ids, Reach},
    codes,
    error::{Class, Error},
    graph::Observed,
    ledger::Ledger,
    owner::Owner,
    resource::{Change, Key, Live},
    secrets::{Generate, SecretRef, SecretStore, SystemRandom},
};

/// Lists that are under way at once.
const AT_ONCE: usize = 8;

/// In which namespaces objects are looked for: those that a driver may want some in, and no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Namespaces {
    /// In these: a list for each of them and each kind.
    These(Vec<String>),
    /// In all: one list a kind, and a role for the whole cluster.
    All,
}

/// An [`Actuator`] of Kubernetes objects.
///
/// - To observe is one list a kind (and namespace), by the owner's label, in pages; of metadata only unless the kind is
///   [`ObjectKind::whole`]. It costs as much in a cluster of any size.
/// - A create is a look at the name and then one server-side apply. What is there without our mark is refused. The look and the apply
///   are two calls: what somebody else makes in between is refused too, unless it agrees with every field of ours.
/// - An update is one server-side apply by force of the very object that was seen, by its uid.
/// - A deletion is of the very object that was seen, in the very version.
///
/// Mutating calls are never repeated here; a client that repeats them by itself breaks law 4, so take one of [`super::access`].
pub struct KubeActuator {
    server: Server,
    kinds: Vec<&'static ObjectKind>,
    namespaces: Namespaces,
    secrets: Arc<dyn SecretStore>,
    random: Arc<dyn Generate>,
}

impl fmt::Debug for KubeActuator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeActuator")
            .field("kinds", &self.kinds)
            .field("namespaces", &self.namespaces)
            .finish_non_exhaustive()
    }
}

impl KubeActuator {
    /// Hands for objects of these kinds in these namespaces; `secrets` has what placeholders stand for.
    pub fn new(
        client: Client,
        kinds: impl IntoIterator<Item = &'static ObjectKind>,
        namespaces: Namespaces,
        secrets: Arc<dyn SecretStore>,
    ) -> Self {
        Self {
            server: Server::new(client),
            kinds: kinds.into_iter().collect(),
            namespaces,
            secrets,
            random: Arc::new(SystemRandom),
        }
    }

    /// Makes secrets by other means.
    #[must_use]
    pub fn with_random(mut self, random: Arc<dyn Generate>) -> Self {
        self.random = random;
        self
    }

    /// All lists of one look.
    fn places(&self) -> Vec<Place<'_>> {
        let mut places = Vec::new();
        for kind in self.kinds.iter().copied() {
            let of = |namespace| Place {
                kind,
                namespace,
                name: "",
            };
            match &self.namespaces {
                Namespaces::These(names) if kind.namespaced => {
                    places.extend(names.iter().map(|n| of(n.as_str())))
                }
                Namespaces::These(_) | Namespaces::All => places.push(of("")),
            }
        }
        places
    }

    async fn list(
        &self,
        place: Place<'_>,
        selector: &str,
    ) -> Result<(&'static ObjectKind, Vec<Value>), Error> {
        match self.server.list(place, selector, place.kind.whole).await {
            Ok(items) => Ok((place.kind, items)),
            Err(failed) if place.kind.optional && failed.error.code().id == K8S_NO_API.id => {
                Ok((place.kind, Vec::new()))
            }
            Err(failed) => Err(failed.into()),
        }
    }

    /// Refuses what no look would find again: it would be made and forgotten.
    fn within_reach(&self, want: &KubeObject) -> Result<(), Error> {
        let kind = want.object_kind();
        let looked = self.kinds.contains(&kind)
            && match &self.namespaces {
                Namespaces::These(names) if kind.namespaced => names.iter().any(|n| n == want.namespace()),
                Namespaces::These(_) | Namespaces::All => kind.namespaced != want.namespace().is_empty(),
            };
        let object = want.manifest().is_object() || want.manifest().is_null();
        if looked && object && !want.name().is_empty() {
            return Ok(());
        }
        Err(Error::new(&codes::CORE_GRAPH, Class::Internal)
            .attempted(format!("write {}", place(want)))
            .happened(format!(
                "a driver wants it where these hands do not look, or it is no object: {self:?}"
            )))
    }

    /// What is applied, with the secrets in it, and what must be hidden of the answer. A secret of no certain value is generated with the
    /// first object that holds it; what exists never gets another one by itself (design law 9).
    async fn body(
        &self,
        owner: &Owner,
        key: &Key,
        want: &KubeObject,
        new: bool,
    ) -> Result<(Value, Hidden), Error> {
        let mut values = Vec::new();
        let mut hidden = Hidden::nothing();
        for (at, secret) in want.secrets() {
            let any = secret.fingerprint.is_empty();
            let value = match self.secrets.get(owner, &secret.name).await? {
                // It is stored before anything knows it.
                None if any && new => Some(
                    self.secrets
                        .put_if_absent(owner, &secret.name, self.random.secret())
                        .await?,
                ),
                stored => stored,
            };
            let value =
                value.ok_or_else(|| secret_is(owner, &secret.name, want, "is not in the secret store"))?;
            if !any && SecretRef::to(secret.name.as_str(), &value).fingerprint != secret.fingerprint {
                return Err(secret_is(
                    owner,
                    &secret.name,
                    want,
                    "is not the one that was planned with",
                ));
            }
            hidden.add(&secret.name, &value);
            values.push((at.clone(), value));
        }
        Ok((manifest::body(owner, key, want, &Values::new(values)), hidden))
    }
}

fn place(object: &KubeObject) -> Place<'_> {
    Place {
        kind: object.object_kind(),
        namespace: object.namespace(),
        name: object.name(),
    }
}

fn secret_is(owner: &Owner, name: &str, want: &KubeObject, what: &str) -> Error {
    Error::new(&codes::CORE_SECRET_MISSING, Class::Blocked)
        .attempted(format!("write {}", place(want)))
        .happened(format!("the secret '{name}' of {owner} {what}"))
}

/// Whether what is there under a wanted name may be applied to.
fn may_apply(owner: &Owner, key: &Key, place: Place<'_>, there: &Value) -> Result<(), Error> {
    let metadata = &there["metadata"];
    let (mark, at) = (&metadata["labels"][OWNER], &metadata["annotations"][KEY]);
    let ours = *mark == owner.uid().to_string().as_str();
    // Without a readable key it is ours all the same: the name is made of the key.
    let same = at
        .as_str()
        .is_none_or(|k| k == key.as_str() || Key::new(k).is_err());
    if ours && same && metadata["labels"][STORE].is_null() {
        if metadata["deletionTimestamp"].is_string() {
            return Err(Error::new(&K8S_CONFLICT, Class::Conflict)
                .attempted(format!("create {place}"))
                .happened("the former one of that name is still leaving"));
        }
        return Ok(());
    }
    let whose = match (ours, mark.as_str()) {
        (true, _) => format!(
            "is what '{}' of the same owner is",
            at.as_str().unwrap_or("its store")
        ),
        (false, Some(uid)) => {
            let object = metadata["annotations"][super::OBJECT]
                .as_str()
                .unwrap_or("an owner");
            format!("belongs to {object} with the uid {uid}")
        }
        (false, None) => format!("bears no mark of ours; it is managed by {}", managers(metadata)),
    };
    Err(taken(place, &whose))
}

fn taken(place: Place<'_>, whose: &str) -> Error {
    Error::new(&K8S_TAKEN, Class::Blocked)
        .attempted(format!("create {place}"))
        .happened(format!("{place} is there already and {whose}"))
}

/// Who wrote an object, each name once.
fn managers(metadata: &Value) -> String {
    let mut names: Vec<&str> = metadata["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|m| m["manager"].as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    match names.is_empty() {
        true => "nobody that the API server knows of".to_owned(),
        false => names.join(", "),
    }
}

#[async_trait]
impl Actuator<KubeObject> for KubeActuator {
    async fn observe(
        &self,
        owner: &Owner,
        hints: &Ledger,
        _reach: Reach,
    ) -> Result<Observed<KubeObject>, Error> {
        let selector = format!("{OWNER}={},!{STORE}", owner.uid());
        let mut lists = Vec::new();
        for place in self.places() {
            lists.push(self.list(place, &selector).boxed());
        }
        let lists: Vec<_> = stream::iter(lists).buffered(AT_ONCE).try_collect().await?;
        let mut seen = Observed::default();
        for (kind, items) in lists {
            for item in items {
                observe::note(&mut seen, kind, item, hints);
            }
        }
        Ok(seen)
    }

    async fn create(
        &self,
        owner: &Owner,
        key: &Key,
        want: &KubeObject,
        _ids: &Ids,
    ) -> Result<Live<KubeObject>, Error> {
        self.within_reach(want)?;
        let (mut body, hidden) = self.body(owner, key, want, true).await?;
        let (place, kind) = (place(want), want.object_kind());
        let there = self.server.get(place, false).await?;
        if let Some(there) = &there {
            may_apply(owner, key, place, there)?;
            body["metadata"]["uid"] = there["metadata"]["uid"].clone();
        }
        let what = format!("create {place}");
        // Without force, so that what somebody made since the look is not taken from them.
        let made = self
            .server
            .apply(what, place, body, there.is_some(), kind.whole, hidden)
            .await;
        match made {
            Ok(made) => Ok(observe::live(kind, made)),
            Err(failed) if failed.managed_by_another => {
                let whose = format!("somebody made it just now: {}", failed.error.words());
                Err(taken(place, &whose))
            }
            Err(failed) => Err(failed.into()),
        }
    }

    async fn update(
        &self,
        owner: &Owner,
        key: &Key,
        live: &Live<KubeObject>,
        want: &KubeObject,
        _changes: &[Change],
        _ids: &Ids,
    ) -> Result<(), Error> {
        self.within_reach(want)?;
        let (mut body, hidden) = self.body(owner, key, want, false).await?;
        body["metadata"]["uid"] = live.id.as_str().into();
        let place = place(want);
        let what = format!("update {place}");
        self.server.apply(what, place, body, true, false, hidden).await?;
        Ok(())
    }

    async fn delete(&self, _owner: &Owner, _key: &Key, live: &Live<KubeObject>) -> Result<(), Error> {
        let seen = live.resource.seen();
        let version = seen.and_then(|s| s.object["metadata"]["resourceVersion"].as_str());
        let propagation = live.resource.object_kind().propagation();
        Ok(self
            .server
            .delete(place(&live.resource), &live.id, version, propagation)
            .await?)
    }
}
