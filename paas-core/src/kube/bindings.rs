//! Bindings in Kubernetes: a Secret by the Service Binding specification for each user.

use std::collections::BTreeMap;

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use kube::Client;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::{
    OBJECT, OWNER, STORE,
    call::{Place, Server},
    codes::K8S_TAKEN,
    hide::Hidden,
    kind::SECRET,
};
use crate::{
    database::{
        binding::{BindingStore, Entries, Published, Slot},
        cnpg::{BINDING_TYPE, names},
    },
    error::{Class, Error, Result},
    owner::Owner,
};

/// The value of [`STORE`].
const BINDINGS: &str = "bindings";

/// The annotation with the user.
const USER: &str = "paas.rs/user";

/// The annotation with the last request to change the password that was answered.
const ANSWERED: &str = "paas.rs/rotated";

/// A [`BindingStore`] in Secrets of one namespace, called as CloudNativePG's runtime calls them ([`names::binding`]), so that programs
/// see no difference. One is written by a single apply: a reader sees the old entries or the new ones.
#[derive(Debug, Clone)]
pub struct KubeBindings {
    server: Server,
    namespace: String,
    request: Option<String>,
    answers: bool,
}

impl KubeBindings {
    /// Bindings in `namespace`. `request` is the last one to change passwords, if there is any: what is published for the first time
    /// has a password that is new enough for it.
    pub fn new(client: Client, namespace: impl Into<String>, request: Option<String>) -> Self {
        Self {
            server: Server::new(client),
            namespace: namespace.into(),
            request,
            answers: false,
        }
    }

    /// The same, for whoever carries out the request: what is published answers it.
    #[must_use]
    pub fn answering(mut self) -> Self {
        self.answers = true;
        self
    }

    /// Which request the binding of each user answered last; empty for none.
    ///
    /// # Errors
    /// Those of the API server.
    pub async fn answered(&self, owner: &Owner) -> Result<BTreeMap<String, String>> {
        let all = self.all(owner).await?;
        let read = |secret: &Value| {
            let annotations = &secret["metadata"]["annotations"];
            let user = annotations[USER].as_str()?.to_owned();
            Some((user, text(&annotations[ANSWERED]).to_owned()))
        };
        Ok(all.iter().filter_map(read).collect())
    }

    async fn all(&self, owner: &Owner) -> Result<Vec<Value>> {
        let selector = format!("{OWNER}={},{STORE}={BINDINGS}", owner.uid());
        Ok(self.server.list(self.place(""), &selector, true).await?)
    }

    fn place<'a>(&'a self, name: &'a str) -> Place<'a> {
        Place {
            kind: &SECRET,
            namespace: &self.namespace,
            name,
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The name of the Secret.
fn name(owner: &Owner, slot: Slot, user: &str) -> Result<String> {
    let user = match slot {
        Slot::Main => None,
        Slot::User => Some(user),
    };
    Ok(names::binding(&names::cluster(owner)?, user))
}

fn is_ours(owner: &Owner, secret: &Value) -> bool {
    let labels = &secret["metadata"]["labels"];
    labels[OWNER] == owner.uid().to_string().as_str() && labels[STORE] == BINDINGS
}

/// What is published in a Secret; `None` if it cannot be told whose it is.
fn read(owner: &Owner, secret: &Value) -> Option<Published> {
    let metadata = &secret["metadata"];
    let user = metadata["annotations"][USER].as_str()?;
    let named = |slot: &Slot| name(owner, *slot, user).is_ok_and(|n| n == text(&metadata["name"]));
    let slot = [Slot::Main, Slot::User].into_iter().find(named)?;
    let mut entries = Entries::new();
    for (key, value) in secret["data"].as_object().into_iter().flatten() {
        let bytes = STANDARD.decode(text(value)).ok();
        if let Some(plain) = bytes.and_then(|b| String::from_utf8(b).ok()) {
            entries.insert(key.clone(), plain.into());
        }
    }
    Some(Published {
        slot,
        user: user.to_owned(),
        entries,
    })
}

#[async_trait]
impl BindingStore for KubeBindings {
    async fn list(&self, owner: &Owner) -> Result<Vec<Published>> {
        let all = self.all(owner).await?;
        Ok(all.iter().filter_map(|secret| read(owner, secret)).collect())
    }

    async fn publish(&self, owner: &Owner, slot: Slot, user: &str, entries: &Entries) -> Result<()> {
        let name = name(owner, slot, user)?;
        let place = self.place(&name);
        let there = self.server.get(place, false).await?;
        if there.as_ref().is_some_and(|secret| !is_ours(owner, secret)) {
            return Err(Error::new(&K8S_TAKEN, Class::Blocked)
                .attempted(format!("publish the binding of {user}"))
                .happened(format!("{place} is there already and is no binding of {owner}")));
        }
        let before = there.as_ref().map(|s| &s["metadata"]["annotations"][ANSWERED]);
        let answered = match before {
            Some(before) if !self.answers => before.as_str(),
            _ => self.request.as_deref(),
        };
        let mut annotations = json!({USER: user, OBJECT: owner.to_string()});
        if let Some(answered) = answered {
            annotations[ANSWERED] = answered.into();
        }
        let mut metadata = json!({
            "name": name, "namespace": self.namespace, "annotations": annotations,
            "labels": {OWNER: owner.uid().to_string(), STORE: BINDINGS},
        });
        if let Some(there) = &there {
            metadata["uid"] = there["metadata"]["uid"].clone();
        }
        let mut hidden = Hidden::nothing();
        for key in ["uri", "jdbc-uri", "pgpass", "password"] {
            if let Some(value) = entries.get(key) {
                hidden.add(key, value);
            }
        }
        let encoded = |(key, value): (&String, &secrecy::SecretString)| {
            (key.clone(), STANDARD.encode(value.expose_secret()).into())
        };
        let data: Map<String, Value> = entries.iter().map(encoded).collect();
        let body = json!({
            "apiVersion": "v1", "kind": "Secret", "type": BINDING_TYPE, "metadata": metadata, "data": data,
        });
        let what = format!("publish the binding of {user}");
        self.server
            .apply(what, place, body, there.is_some(), false, hidden)
            .await?;
        Ok(())
    }

    async fn remove(&self, owner: &Owner, slot: Slot, user: &str) -> Result<()> {
        let name = name(owner, slot, user)?;
        let place = self.place(&name);
        let there = self.server.get(place, false).await?;
        let theirs = |s: &Value| is_ours(owner, s) && s["metadata"]["annotations"][USER] == user;
        if let Some(there) = there.filter(theirs) {
            let uid = text(&there["metadata"]["uid"]);
            self.server.delete(place, uid, None, "Background").await?;
        }
        Ok(())
    }

    /// A Secret is replaced as a whole: nothing is left.
    async fn tidy(&self, _owner: &Owner) -> Result<()> {
        Ok(())
    }

    async fn forget(&self, owner: &Owner) -> Result<()> {
        for secret in self.all(owner).await? {
            let metadata = &secret["metadata"];
            let (name, uid) = (text(&metadata["name"]), text(&metadata["uid"]));
            self.server
                .delete(self.place(name), uid, None, "Background")
                .await?;
        }
        Ok(())
    }
}
