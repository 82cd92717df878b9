//! The pipeline of a database by CloudNativePG.

use std::sync::Arc;

use kube::Client;
use paas_core::{
    database::cnpg::{CnpgDriver, Images, kinds, names},
    error::Result,
    kube::{KubeActuator, KubeSecrets, Namespaces},
    owner::Owner,
    pipeline::{DriverStage, Pipeline},
    spec::{Binding, DatabaseInstanceSpec, Object, Runtime},
};

use super::super::{DatabaseFacts, Engine};

pub(super) fn engine(
    client: &Client,
    images: &Images,
    object: &Object<DatabaseInstanceSpec>,
    owner: &Owner,
) -> Result<Engine<DatabaseFacts>> {
    let namespace = owner.namespace().to_owned();
    let secrets = Arc::new(KubeSecrets::new(client.clone(), namespace.as_str()));
    let hands = KubeActuator::new(
        client.clone(),
        kinds::ALL,
        Namespaces::These(vec![namespace]),
        secrets,
    );
    let driver = CnpgDriver::new(owner.clone())
        .images(images.clone())
        .hands(Arc::new(hands));
    let secret = names::binding(&names::cluster(owner)?, None);
    let replicas = object.spec.replicas;
    let pipeline = Pipeline::new(vec![Box::new(DriverStage::new(driver, object.spec.clone()))]);
    Ok(Engine::new(pipeline).telling(move |outputs| DatabaseFacts {
        runtime: Some(Runtime::CloudNativePG),
        replicas: outputs.binding.is_some().then_some(replicas),
        binding: outputs
            .binding
            .is_some()
            .then(|| Binding { name: secret.clone() }),
        ..DatabaseFacts::default()
    }))
}
