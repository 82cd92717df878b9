//! The way to a server in a pod through the API server, for a program outside the cluster.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use tokio::io::DuplexStream;

use crate::{
    database::{codes::PG_CONNECT, dial::Dial},
    error::{Class, Error, Result},
};

/// How long the API server may take to open a way.
const DEADLINE: Duration = Duration::from_secs(10);

/// Opens ways to a port of a pod, as `kubectl port-forward` does. The role needs the verb `create` on `pods/portforward`.
#[derive(Clone)]
pub struct PodForward {
    pods: Api<Pod>,
    pod: String,
    port: u16,
}

impl PodForward {
    /// Ways to `port` of a pod.
    pub fn new(client: Client, namespace: &str, pod: impl Into<String>, port: u16) -> Self {
        Self {
            pods: Api::namespaced(client, namespace),
            pod: pod.into(),
            port,
        }
    }

    fn failed(&self, words: impl fmt::Display) -> Error {
        Error::new(&PG_CONNECT, Class::Transient)
            .attempted(format!("connect to port {} of the pod {}", self.port, self.pod))
            .happened(format!("the API server opens no way to it: {words}"))
    }
}

impl fmt::Debug for PodForward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PodForward({}:{})", self.pod, self.port)
    }
}

#[async_trait]
impl Dial for PodForward {
    async fn dial(&self) -> Result<DuplexStream> {
        let ports = [self.port];
        let opening = self.pods.portforward(&self.pod, &ports);
        let mut forwarder = tokio::time::timeout(DEADLINE, opening)
            .await
            .map_err(|_| self.failed(format!("no answer within {} s", DEADLINE.as_secs())))?
            .map_err(|e| self.failed(crate::kube::fault::chain(&e)))?;
        // What moves its bytes ends with it.
        let stream = forwarder.take_stream(self.port);
        stream.ok_or_else(|| self.failed("it forwards another port"))
    }
}
