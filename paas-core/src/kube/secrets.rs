//! Secrets in Kubernetes: a Secret for each name.

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use kube::Client;
use serde_json::{Value, json};

use super::{
    OBJECT, OWNER, STORE,
    call::{Place, Server},
    codes::K8S_TAKEN,
    hide::Hidden,
    kind::SECRET,
};
use crate::{
    codes,
    error::{Class, Error},
    names,
    owner::Owner,
    resource::Key,
    secrets::{ExposeSecret, SecretStore, SecretString},
};

/// The value of [`STORE`].
const SECRETS: &str = "secrets";

/// The annotation with the name inside the owner.
const NAME: &str = "paas.rs/secret";

/// The key in the Secret.
const VALUE: &str = "value";

/// A [`SecretStore`] in Secrets of one namespace, one for each name: to make it is the lock, since a name can be taken once, and to
/// list the names reads no value. They are immutable: a value that changed under what was made with it would help nobody.
#[derive(Debug, Clone)]
pub struct KubeSecrets {
    server: Server,
    namespace: String,
}

impl KubeSecrets {
    /// Secrets in `namespace`.
    pub fn new(client: Client, namespace: impl Into<String>) -> Self {
        Self {
            server: Server::new(client),
            namespace: namespace.into(),
        }
    }

    fn place<'a>(&'a self, name: &'a str) -> Place<'a> {
        Place {
            kind: &SECRET,
            namespace: &self.namespace,
            name,
        }
    }

    async fn read(&self, owner: &Owner, name: &str, place: Place<'_>) -> Result<Option<SecretString>, Error> {
        let Some(secret) = self.server.get(place, true).await? else {
            return Ok(None);
        };
        let metadata = &secret["metadata"];
        let labels = &metadata["labels"];
        let ours = labels[OWNER] == owner.uid().to_string().as_str() && labels[STORE] == SECRETS;
        if !ours || metadata["annotations"][NAME] != name {
            return Err(Error::new(&K8S_TAKEN, Class::Blocked)
                .attempted(format!("read the secret '{name}' of {owner}"))
                .happened(format!("{place} is there and is not that secret")));
        }
        let value = secret["data"][VALUE]
            .as_str()
            .and_then(|text| STANDARD.decode(text).ok());
        let value = value.and_then(|bytes| String::from_utf8(bytes).ok());
        match value {
            Some(value) => Ok(Some(value.into())),
            None => Err(Error::new(&codes::CORE_SECRET_STORE, Class::Internal)
                .attempted(format!("read the secret '{name}' of {owner}"))
                .happened(format!("{place} has no text under '{VALUE}'"))
                .remedy(format!(
                    "Put the value back into '{VALUE}' of {place}; it is not made anew."
                ))),
        }
    }

    /// All of an owner: name inside the owner, name of the object, uid.
    async fn all(&self, owner: &Owner) -> Result<Vec<(String, String, String)>, Error> {
        let selector = format!("{OWNER}={},{STORE}={SECRETS}", owner.uid());
        let listed = self.server.list(self.place(""), &selector, false).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let read = |item: &Value| {
            let metadata = &item["metadata"];
            let inside = text(&metadata["annotations"][NAME]);
            (inside, text(&metadata["name"]), text(&metadata["uid"]))
        };
        Ok(listed.iter().map(read).collect())
    }
}

/// The name of the object.
fn object(owner: &Owner, name: &str) -> Result<String, Error> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(good) {
        return Err(Error::new(&codes::CORE_NAME, Class::Invalid)
            .attempted("name a secret")
            .happened(format!(
                "'{}' is not a name of letters, digits, '.', '_', '-'",
                name.escape_debug()
            )));
    }
    Ok(names::for_kind(
        owner,
        "secret",
        &Key::new(format!("{SECRETS}/{name}"))?,
    ))
}

#[async_trait]
impl SecretStore for KubeSecrets {
    async fn get(&self, owner: &Owner, name: &str) -> Result<Option<SecretString>, Error> {
        let object = object(owner, name)?;
        self.read(owner, name, self.place(&object)).await
    }

    async fn put_if_absent(
        &self,
        owner: &Owner,
        name: &str,
        value: SecretString,
    ) -> Result<SecretString, Error> {
        let object = object(owner, name)?;
        let place = self.place(&object);
        if let Some(stored) = self.read(owner, name, place).await? {
            return Ok(stored);
        }
        let mut hidden = Hidden::nothing();
        hidden.add(name, &value);
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true,
            "metadata": {
                "name": object,
                "labels": {OWNER: owner.uid().to_string(), STORE: SECRETS},
                "annotations": {NAME: name, OBJECT: owner.to_string()},
            },
            "data": {VALUE: STANDARD.encode(value.expose_secret())},
        });
        let what = format!("store the secret '{name}' of {owner}");
        match self.server.create(what, self.place(""), secret, hidden).await {
            Ok(_) => Ok(value),
            // Another process was first, or the answer to ours was lost: what is there counts.
            Err(failed) if failed.status == Some(409) => {
                let stored = self.read(owner, name, place).await?;
                stored.ok_or(failed.error)
            }
            Err(failed) => Err(failed.into()),
        }
    }

    async fn delete(&self, owner: &Owner, name: &str) -> Result<(), Error> {
        let object = object(owner, name)?;
        let all = self.all(owner).await?;
        for (_, _, uid) in all.iter().filter(|(_, there, _)| *there == object) {
            self.server
                .delete(self.place(&object), uid, None, "Background")
                .await?;
        }
        Ok(())
    }

    async fn list(&self, owner: &Owner) -> Result<Vec<String>, Error> {
        let mut names: Vec<String> = self
            .all(owner)
            .await?
            .into_iter()
            .map(|(name, _, _)| name)
            .collect();
        names.sort();
        Ok(names)
    }

    async fn forget(&self, owner: &Owner) -> Result<(), Error> {
        for (_, object, uid) in self.all(owner).await? {
            self.server
                .delete(self.place(&object), &uid, None, "Background")
                .await?;
        }
        Ok(())
    }
}
