//! The pipeline of a database by CloudNativePG.

use std::sync::Arc;

use kube::Client;
use paas_core::{
    clock::SystemClock,
    database::cnpg::{self, CnpgActs, CnpgDriver, CnpgHands, Images, Rotation, names},
    error::Result,
    kube::KubeSecrets,
    owner::Owner,
    pipeline::{DriverStage, Pipeline},
    spec::{Binding, DatabaseInstanceSpec, Object, Runtime},
};

use super::super::{DatabaseFacts, Engine};
use crate::{ADOPT, ROTATE, ROTATE_OVERLAP};

/// For so many seconds a password still works after another one was handed out, unless the object says otherwise.
const OVERLAP: u32 = 600;

pub(super) async fn engine(
    client: &Client,
    images: &Images,
    object: &Object<DatabaseInstanceSpec>,
    owner: &Owner,
) -> Result<Engine<DatabaseFacts>> {
    let namespace = owner.namespace().to_owned();
    let secrets = Arc::new(KubeSecrets::new(client.clone(), namespace.as_str()));
    let annotation = |name: &str| object.metadata.annotations.get(name).cloned();
    let adopt = annotation(ADOPT);
    let rotation = annotation(ROTATE).map(|word| Rotation {
        word,
        overlap: annotation(ROTATE_OVERLAP)
            .and_then(|seconds| seconds.parse().ok())
            .unwrap_or(OVERLAP),
    });
    let adopting = adopt.is_some();
    let hands = CnpgHands::new(client.clone(), owner, secrets, Arc::new(SystemClock))?.adopting(adopt);
    let hands = Arc::new(hands);
    let mut driver = CnpgDriver::new(owner.clone())
        .images(images.clone())
        .rotate(rotation)
        .adopting(adopting)
        .hands(Arc::clone(&hands) as _);
    if let Some(certificate) = cnpg::authority(client, owner).await? {
        driver = driver.authority(certificate);
    }
    let secret = names::binding(&names::cluster(owner)?, None);
    let pipeline = Pipeline::new(vec![Box::new(DriverStage::new(driver, object.spec.clone()))]);
    let engine = Engine::new(pipeline).telling(move |outputs| {
        let bound = outputs.binding.is_some();
        let facts = hands.facts();
        DatabaseFacts {
            runtime: Some(Runtime::CloudNativePG),
            engine_version: facts.as_ref().and_then(|f| f.version.clone()),
            replicas: facts.as_ref().and_then(|f| f.servers),
            ready_replicas: facts.as_ref().and_then(|f| f.ready),
            selector: facts.map(|f| f.selector),
            binding: bound.then(|| Binding { name: secret.clone() }),
            requests: None,
        }
    });
    Ok(engine.acting(Arc::new(CnpgActs::new(
        client.clone(),
        owner,
        Arc::new(SystemClock),
    )?)))
}
