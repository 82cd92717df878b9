//! What the tests of the hands want in a cluster, and how they count calls.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a module of several tests, each of which uses a part"
)]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kube::client::Body;
use paas_core::{
    error::Error,
    kube::{
        KubeActuator, KubeObject, Namespaces, access,
        kind::{CONFIG_MAP, SECRET, SERVICE},
    },
    owner::{Identity, Owner},
    resource::Key,
    secrets::{SecretStore, SecretString},
};
use serde_json::json;

use crate::kube_place::{Place, config};

pub fn owner() -> Owner {
    Owner::new(
        &Identity::of(&["kubernetes", "test"]),
        "DatabaseInstance",
        "shop",
        "db",
    )
}

pub fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// A ConfigMap with one value.
pub fn map(place: &Place, name: &str, value: &str) -> KubeObject {
    KubeObject::new(&CONFIG_MAP, place.name(), name, json!({"data": {"value": value}}))
}

/// Fresh hands in the place.
pub fn hands(place: &Place) -> KubeActuator {
    let reach = Namespaces::These(vec![place.name().to_owned()]);
    KubeActuator::new(
        place.client.clone(),
        [&CONFIG_MAP, &SERVICE, &SECRET],
        reach,
        Arc::new(NoSecrets),
    )
}

/// The requests that went out: method, path and query, what is accepted.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A client as ours that notes what it sends.
pub async fn counted(place: &Place) -> (kube::Client, Calls) {
    let calls = Calls::default();
    let inner = access::client(config(&place.namespace).await).unwrap();
    let noted = calls.clone();
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (inner, noted) = (inner.clone(), noted.clone());
        async move {
            let accept = request.headers()["accept"].to_str().unwrap().to_owned();
            let line = format!("{} {} {accept}", request.method(), request.uri());
            noted.0.lock().unwrap().push(line);
            inner.send(request).await
        }
    });
    (kube::Client::new(service, place.name()), calls)
}

/// A store that has none.
#[derive(Debug)]
pub struct NoSecrets;

#[async_trait]
impl SecretStore for NoSecrets {
    async fn get(&self, _: &Owner, _: &str) -> Result<Option<SecretString>, Error> {
        Ok(None)
    }
    async fn put_if_absent(&self, _: &Owner, _: &str, value: SecretString) -> Result<SecretString, Error> {
        Ok(value)
    }
    async fn delete(&self, _: &Owner, _: &str) -> Result<(), Error> {
        Ok(())
    }
    async fn list(&self, _: &Owner) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }
    async fn forget(&self, _: &Owner) -> Result<(), Error> {
        Ok(())
    }
}
