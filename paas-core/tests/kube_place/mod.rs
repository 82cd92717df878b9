//! A namespace of one test on a real API server, with a client as the hands take it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a module of several tests, each of which uses a part"
)]

use paas_core::secrets::{ExposeSecret, SecretString};
use paas_core::{
    kube::access,
    testing::kube::{Namespace, control_plane, unless_absent},
};

/// A namespace that goes with this value, and a client in it.
pub struct Place {
    pub namespace: Namespace,
    pub client: kube::Client,
}

impl Place {
    pub fn name(&self) -> &str {
        self.namespace.name()
    }

    /// The kubeconfig of the API server, in which the namespace is the default one.
    pub fn kubeconfig(&self) -> SecretString {
        kubeconfig(&self.namespace)
    }
}

fn kubeconfig(namespace: &Namespace) -> SecretString {
    let file = namespace.cluster().kubeconfig();
    std::fs::read_to_string(file).unwrap().into()
}

/// A place of one's own, or `None` where there can be no API server, which is said.
pub async fn place(sentence: &str) -> Option<Place> {
    let cluster = unless_absent(control_plane().await).unwrap()?;
    let namespace = cluster.namespace(sentence).await.unwrap();
    let mut config = config(&namespace).await;
    config.default_namespace = namespace.name().to_owned();
    let client = access::client(config).unwrap();
    Some(Place { namespace, client })
}

/// How the API server is reached.
pub async fn config(namespace: &Namespace) -> kube::Config {
    let kubeconfig = kube::config::Kubeconfig::from_yaml(kubeconfig(namespace).expose_secret()).unwrap();
    let options = kube::config::KubeConfigOptions::default();
    kube::Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap()
}
