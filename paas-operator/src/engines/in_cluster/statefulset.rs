//! The pipeline of a database as a StatefulSet.

use std::sync::{Arc, OnceLock};

use paas_core::{
    database::{
        cnpg::names,
        driver::ContentDriver,
        statefulset::{INSTANCE, KINDS, PORT, ServerActs, ServerHands, StatefulSetDriver, Stores, stages},
    },
    error::Result,
    kube::{Forward, KubeActuator, KubeBindings, KubeSecrets, Namespaces},
    owner::Owner,
    pipeline::Pipeline,
    secrets::{SecretStore, SystemRandom},
    spec::{Binding, DatabaseInstanceSpec, Object, Runtime},
};

use super::{DatabaseFacts, Engine, InCluster, Reach, rotation};

pub(super) fn engine(
    cluster: &InCluster,
    object: &Object<DatabaseInstanceSpec>,
    owner: &Owner,
) -> Result<Engine<DatabaseFacts>> {
    let client = || cluster.client.clone();
    let namespace = owner.namespace();
    let rotation = rotation::asked(&object.metadata.annotations)?;
    let secrets: Arc<dyn SecretStore> = Arc::new(KubeSecrets::new(client(), namespace));
    let hands = KubeActuator::new(
        client(),
        KINDS,
        Namespaces::These(vec![namespace.to_owned()]),
        Arc::clone(&secrets),
    );
    let hands = ServerHands::new(Arc::new(hands), client());
    let server = StatefulSetDriver::new(owner.clone(), Arc::new(hands)).image(cluster.image.clone());
    let version: Arc<OnceLock<String>> = Arc::default();
    let mut contents = ContentDriver::new(
        owner.clone(),
        Some(server.host()?),
        Arc::clone(&secrets),
        Arc::new(SystemRandom),
    )
    .version(Arc::clone(&version));
    if cluster.reach == Reach::Forwarded {
        let pod = StatefulSetDriver::pod(owner)?;
        contents = contents.dial(Arc::new(Forward::to_pod(client(), namespace, pod, PORT)));
    }
    let word = rotation.as_ref().map(|(word, _)| word.clone());
    let stores = Stores {
        secrets,
        bindings: KubeBindings::new(client(), namespace, word),
    };
    let pipeline = Pipeline::new(stages(server, contents, &object.spec, &stores, rotation));
    let selector = format!("{INSTANCE}={}", StatefulSetDriver::server(owner)?);
    let secret = names::binding(&names::cluster(owner)?, None);
    let engine = Engine::new(pipeline).telling(move |outputs| DatabaseFacts {
        runtime: Some(Runtime::StatefulSet),
        engine_version: version.get().filter(|v| !v.is_empty()).cloned(),
        replicas: Some(1),
        ready_replicas: Some(outputs.server.is_some().into()),
        selector: Some(selector.clone()),
        binding: outputs.binding.as_ref().map(|_| Binding { name: secret.clone() }),
        requests: None,
    });
    Ok(engine.acting(Arc::new(ServerActs::new(client(), owner)?)))
}
