//! Objects of our own kinds as an API server has them, for programs that edit and read them; the operator does what they say.

use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{DynamicObject, ListParams},
    core::ApiResource,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    codes::{K8S_DEFINITIONS, K8S_NO_API},
    fault,
};
use crate::{
    codes::CORE_PROVIDER,
    error::{Class, Error, Result},
    spec::{API_VERSION, Condition, Document, GROUP, Kind, VERSION},
};

/// How many objects are asked for at once.
const PAGE: u32 = 500;

/// What the API server calls a kind.
pub fn resource(kind: Kind) -> ApiResource {
    ApiResource {
        group: GROUP.to_owned(),
        version: VERSION.to_owned(),
        api_version: API_VERSION.to_owned(),
        kind: kind.as_str().to_owned(),
        plural: kind.plural().to_owned(),
    }
}

/// The objects of a kind in a namespace, or in all.
pub fn api(client: &Client, kind: Kind, namespace: Option<&str>) -> Api<DynamicObject> {
    let resource = resource(kind);
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// An object as it was read, understood or not.
#[derive(Debug, Clone)]
pub struct Declared {
    /// Its kind.
    pub kind: Kind,
    /// What the API server sent.
    pub object: DynamicObject,
}

impl Declared {
    /// All of a kind in a namespace, or in all namespaces, by namespace and name.
    ///
    /// # Errors
    /// Those of the API server.
    pub async fn list(client: &Client, kind: Kind, namespace: Option<&str>) -> Result<Vec<Self>> {
        let api = api(client, kind, namespace);
        let mut asked = ListParams::default().limit(PAGE);
        let mut all = Vec::new();
        loop {
            let page = api.list(&asked).await;
            let page = page.map_err(|e| refused(&format!("list {}", kind.plural()), false, e))?;
            all.extend(page.items.into_iter().map(|object| Self { kind, object }));
            match page.metadata.continue_.filter(|c| !c.is_empty()) {
                Some(more) => asked.continue_token = Some(more),
                None => break,
            }
        }
        all.sort_by(|a, b| (a.namespace(), a.name()).cmp(&(b.namespace(), b.name())));
        Ok(all)
    }

    /// One object, if it is there.
    ///
    /// # Errors
    /// Those of the API server.
    pub async fn get(client: &Client, kind: Kind, namespace: &str, name: &str) -> Result<Option<Self>> {
        let found = api(client, kind, Some(namespace)).get_opt(name).await;
        let found = found.map_err(|e| refused(&format!("read {kind}/{namespace}/{name}"), false, e))?;
        // A cluster without the kind says "not found" too, of the path.
        if found.is_none() {
            Self::known(client, kind, namespace).await?;
        }
        Ok(found.map(|object| Self { kind, object }))
    }

    /// Nothing, if the API server knows the kind.
    async fn known(client: &Client, kind: Kind, namespace: &str) -> Result<()> {
        let asked = ListParams::default().limit(1);
        let some = api(client, kind, Some(namespace)).list_metadata(&asked).await;
        some.map_err(|e| refused(&format!("list {}", kind.plural()), false, e))?;
        Ok(())
    }

    /// The document that a person would write to get it: without its status and what the cluster adds.
    ///
    /// # Errors
    /// `PAAS-CORE-0001` if this build does not understand it.
    pub fn document(&self) -> Result<Document> {
        let unread = |e: serde_json::Error| {
            Error::new(&CORE_PROVIDER, Class::Invalid)
                .attempted(format!("read {}", self.title()))
                .happened(e.to_string())
        };
        let mut object = serde_json::to_value(&self.object).map_err(unread)?;
        object["apiVersion"] = API_VERSION.into();
        object["kind"] = self.kind.as_str().into();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("generation");
            metadata.remove("uid");
            // What kubectl remembers of its last apply is a second copy of the object.
            let notes = metadata.get_mut("annotations").and_then(Value::as_object_mut);
            notes.map(|n| n.remove("kubectl.kubernetes.io/last-applied-configuration"));
        }
        serde_json::from_value(object).map_err(unread)
    }

    /// `DatabaseInstance/shop/db`.
    pub fn title(&self) -> String {
        format!("{}/{}/{}", self.kind, self.namespace(), self.name())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.object.metadata.name.as_deref().unwrap_or_default()
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        self.object.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// Its uid.
    pub fn uid(&self) -> &str {
        self.object.metadata.uid.as_deref().unwrap_or_default()
    }

    /// When it was made.
    pub fn created(&self) -> Option<Timestamp> {
        self.object.metadata.creation_timestamp.as_ref().map(|t| t.0)
    }

    /// True if somebody deleted it and it is not gone yet.
    pub fn deleting(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
    }

    /// A label.
    pub fn label(&self, key: &str) -> Option<&str> {
        let labels = self.object.metadata.labels.as_ref();
        labels.and_then(|l| l.get(key)).map(String::as_str)
    }

    /// True if a field manager has applied it.
    pub fn is_applied_by(&self, manager: &str) -> bool {
        let entries = self.object.metadata.managed_fields.iter().flatten();
        entries
            .filter(|e| e.manager.as_deref() == Some(manager))
            .any(|e| e.operation.as_deref() == Some("Apply") && e.subresource.is_none())
    }

    /// An annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        let annotations = self.object.metadata.annotations.as_ref();
        annotations.and_then(|a| a.get(key)).map(String::as_str)
    }

    /// Its spec.
    ///
    /// # Errors
    /// `PAAS-CORE-0001` if this build does not understand it.
    pub fn spec<S: DeserializeOwned>(&self) -> Result<S> {
        self.part("spec")
    }

    /// Its status; a default one where there is none yet.
    ///
    /// # Errors
    /// `PAAS-CORE-0001` if this build does not understand it.
    pub fn status<S: DeserializeOwned + Default>(&self) -> Result<S> {
        match self.object.data.get("status") {
            None | Some(Value::Null) => Ok(S::default()),
            Some(_) => self.part("status"),
        }
    }

    /// The conditions that this build understands.
    pub fn conditions(&self) -> Vec<Condition> {
        let all = self.object.data["status"]["conditions"].as_array();
        let read = |c: &Value| serde_json::from_value(c.clone()).ok();
        all.into_iter().flatten().filter_map(read).collect()
    }

    /// True if the operator has seen the spec as it is now.
    pub fn observed(&self) -> bool {
        let seen = self.object.data["status"]["observedGeneration"].as_i64();
        seen.is_some() && seen >= self.object.metadata.generation
    }

    fn part<S: DeserializeOwned>(&self, part: &str) -> Result<S> {
        let value = self.object.data.get(part).cloned().unwrap_or_default();
        serde_json::from_value(value).map_err(|e| {
            Error::new(&CORE_PROVIDER, Class::Invalid)
                .attempted(format!("read the {part} of {}", self.title()))
                .happened(e.to_string())
        })
    }
}

/// What the API server says of one of our kinds: that it does not know the kind has a remedy of its own.
pub(super) fn refused(what: &str, mutating: bool, error: kube::Error) -> Error {
    let error = fault::of(what, mutating, error);
    match error.code() == &K8S_NO_API {
        true => Error::new(&K8S_DEFINITIONS, Class::Unsupported)
            .attempted(what)
            .happened(error.words()),
        false => error,
    }
}
