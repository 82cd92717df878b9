//! Ledgers in a ConfigMap: one an owner, a key of it for each stage.

use async_trait::async_trait;
use kube::Client;
use serde_json::{Map, Value, json};

use super::{
    OBJECT, OWNER, STORE,
    call::{Place, Server},
    codes::{K8S_CONFLICT, K8S_TAKEN},
    hide::Hidden,
    kind::CONFIG_MAP,
};
use crate::{
    codes,
    error::{Class, Error},
    ledger::{Intent, Ledger, LedgerStore, Scope, Settled},
    names,
    owner::Owner,
    resource::Key,
};

/// How often a write is tried again after somebody else's: each time at least one writer got on.
const TRIES: usize = 32;

/// The value of [`STORE`].
const LEDGER: &str = "ledger";

/// A [`LedgerStore`] in ConfigMaps of one namespace.
///
/// What was learned is applied to what is there at that moment, and written only if that is still there (`resourceVersion`): of two
/// writers none loses the other's facts. The ConfigMap goes with its last stage.
#[derive(Debug, Clone)]
pub struct KubeLedger {
    server: Server,
    namespace: String,
}

/// The ConfigMap as it is.
struct Kept {
    uid: String,
    version: String,
    data: Map<String, Value>,
}

impl KubeLedger {
    /// Ledgers in `namespace`.
    pub fn new(client: Client, namespace: impl Into<String>) -> Self {
        Self {
            server: Server::new(client),
            namespace: namespace.into(),
        }
    }

    fn name(owner: &Owner) -> Result<String, Error> {
        Ok(names::for_kind(owner, "configMap", &Key::new(LEDGER)?))
    }

    fn place<'a>(&'a self, name: &'a str) -> Place<'a> {
        Place {
            kind: &CONFIG_MAP,
            namespace: &self.namespace,
            name,
        }
    }

    async fn kept(&self, owner: &Owner, place: Place<'_>) -> Result<Option<Kept>, Error> {
        let Some(mut map) = self.server.get(place, true).await? else {
            return Ok(None);
        };
        let metadata = &map["metadata"];
        let labels = &metadata["labels"];
        if labels[OWNER] != owner.uid().to_string().as_str() || labels[STORE] != LEDGER {
            return Err(Error::new(&K8S_TAKEN, Class::Blocked)
                .attempted(format!("read the ledger of {owner}"))
                .happened(format!(
                    "{place} is there and is not the ledger of {}",
                    owner.uid()
                )));
        }
        let text = |part: &str| metadata[part].as_str().unwrap_or_default().to_owned();
        let (uid, version) = (text("uid"), text("resourceVersion"));
        let data = match map["data"].take() {
            Value::Object(data) => data,
            _ => Map::new(),
        };
        Ok(Some(Kept { uid, version, data }))
    }

    /// Applies `f` to the ledger of a stage; `None` forgets it.
    async fn change(
        &self,
        scope: &Scope,
        f: &(dyn Fn(&mut Ledger) + Sync),
        forget: bool,
    ) -> Result<(), Error> {
        let name = Self::name(&scope.owner)?;
        let place = self.place(&name);
        let at = field(scope);
        let mut last = None;
        for _ in 0..TRIES {
            let kept = self.kept(&scope.owner, place).await?;
            let data = kept.as_ref().map(|k| &k.data);
            let old = read(place, data.and_then(|d| d.get(&at)), forget)?;
            let mut new = old.clone();
            f(&mut new);
            let written = match &kept {
                None if forget || new == old => return Ok(()),
                Some(kept) if forget && !kept.data.contains_key(&at) => return Ok(()),
                Some(_) if !forget && new == old => return Ok(()),
                Some(kept) if forget && kept.data.len() == 1 => {
                    let version = Some(kept.version.as_str());
                    self.server.delete(place, &kept.uid, version, "Background").await
                }
                Some(kept) => {
                    let text = if forget {
                        Value::Null
                    } else {
                        written(place, &new)?.into()
                    };
                    let metadata = json!({"uid": kept.uid, "resourceVersion": kept.version});
                    let patch = json!({"metadata": metadata, "data": {at.as_str(): text}});
                    let what = format!("write the ledger {place}");
                    self.server.merge(what, place, patch).await.map(drop)
                }
                None => {
                    let map = fresh(&scope.owner, &name, &at, written(place, &new)?);
                    let what = format!("write the ledger {place}");
                    let all = Place { name: "", ..place };
                    self.server
                        .create(what, all, map, Hidden::nothing())
                        .await
                        .map(drop)
                }
            };
            match written {
                Ok(()) => return Ok(()),
                // Somebody else wrote, or deleted it meanwhile: nothing of ours is there.
                Err(failed)
                    if failed.status == Some(409) || (kept.is_some() && failed.status == Some(404)) =>
                {
                    last = Some(failed.error);
                }
                Err(failed) => return Err(failed.into()),
            }
        }
        Err(last.unwrap_or_else(|| Error::new(&K8S_CONFLICT, Class::Conflict)))
    }
}

/// The stage's key in the ConfigMap.
fn field(scope: &Scope) -> String {
    format!("{}.json", scope.stage)
}

fn fresh(owner: &Owner, name: &str, at: &str, text: String) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "labels": {OWNER: owner.uid().to_string(), STORE: LEDGER},
            "annotations": {OBJECT: owner.to_string()},
        },
        "data": {at: text},
    })
}

/// The ledger in a field; one that is to be forgotten need not be readable.
fn read(place: Place<'_>, text: Option<&Value>, forget: bool) -> Result<Ledger, Error> {
    let Some(text) = text.and_then(Value::as_str).filter(|_| !forget) else {
        return Ok(Ledger::default());
    };
    serde_json::from_str(text).map_err(|e| broken("read", place, &e))
}

fn written(place: Place<'_>, ledger: &Ledger) -> Result<String, Error> {
    serde_json::to_string_pretty(ledger).map_err(|e| broken("write", place, &e))
}

fn broken(verb: &str, place: Place<'_>, error: &serde_json::Error) -> Error {
    Error::new(&codes::CORE_LEDGER, Class::Internal)
        .attempted(format!("{verb} the ledger {place}"))
        .happened(error.to_string())
}

#[async_trait]
impl LedgerStore for KubeLedger {
    async fn load(&self, scope: &Scope) -> Result<Ledger, Error> {
        let name = Self::name(&scope.owner)?;
        let place = self.place(&name);
        let kept = self.kept(&scope.owner, place).await?;
        read(
            place,
            kept.as_ref().and_then(|k| k.data.get(&field(scope))),
            false,
        )
    }

    async fn note(&self, scope: &Scope, intents: &[Intent]) -> Result<(), Error> {
        if intents.is_empty() {
            return Ok(());
        }
        self.change(scope, &|ledger| ledger.note(intents), false).await
    }

    async fn settle(&self, scope: &Scope, settled: &[Settled]) -> Result<(), Error> {
        if settled.is_empty() {
            return Ok(());
        }
        self.change(scope, &|ledger| ledger.settle(settled), false).await
    }

    async fn forget(&self, scope: &Scope) -> Result<(), Error> {
        self.change(scope, &|_| {}, true).await
    }
}
