//! Ways to a server in a cluster through its API server, as `kubectl port-forward` opens them, for a program outside of it.
//!
//! A [`Forward`] to a service asks for each way which pod the service leads to now, so that after a failover the next way leads to the
//! new primary. A [`Listener`] gives such ways to programs that know nothing of all this, at a port of this machine.
//!
//! The role needs `create` on `pods/portforward` (and, as Kubernetes asks it for WebSockets, `get`); to a service also `get` on
//! `services` and `list` on `endpointslices`.

mod endpoint;
mod listener;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use tokio::io::DuplexStream;

pub use self::{
    endpoint::Endpoint,
    listener::{Bounds, Listener, Serving},
};
use super::fault;
use crate::{
    database::{codes::PG_CONNECT, dial::Dial},
    error::{Class, Error, Result},
};

/// How long the API server may take to open a way.
const DEADLINE: Duration = Duration::from_secs(10);

/// What the role has to have.
const NEEDS: &str = "the verbs get and create on pods/portforward";

/// Where ways lead.
#[derive(Debug, Clone, PartialEq, Eq)]
enum To {
    Pod(Endpoint),
    Service { name: String, port: u16 },
}

/// Opens ways to a pod, or to whatever pod a service leads to at the moment.
#[derive(Clone)]
pub struct Forward {
    client: Client,
    namespace: String,
    to: To,
    turn: Arc<AtomicUsize>,
}

/// An open way.
pub struct Way {
    /// The bytes. What moves them ends when this is dropped.
    pub stream: DuplexStream,
    /// What the node says where it cannot go on: mostly that nobody listens in the pod. It ends with the way.
    pub trouble: BoxFuture<'static, Option<String>>,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").finish_non_exhaustive()
    }
}

impl Forward {
    /// Ways to a port of a pod.
    pub fn to_pod(client: Client, namespace: &str, pod: impl Into<String>, port: u16) -> Self {
        let pod = pod.into();
        Self::new(client, namespace, To::Pod(Endpoint { pod, port }))
    }

    /// Ways to a port of a service: to its pods that are ready, in turn.
    pub fn to_service(client: Client, namespace: &str, service: impl Into<String>, port: u16) -> Self {
        let name = service.into();
        Self::new(client, namespace, To::Service { name, port })
    }

    fn new(client: Client, namespace: &str, to: To) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
            to,
            turn: Arc::default(),
        }
    }

    /// Which pod the next way leads to.
    ///
    /// # Errors
    /// `PAAS-K8S-0029` if a service leads to none at the moment, and those of the API server.
    pub async fn leads_to(&self) -> Result<Endpoint> {
        match &self.to {
            To::Pod(endpoint) => Ok(endpoint.clone()),
            To::Service { name, port } => {
                let ready = endpoint::ready(&self.client, &self.namespace, name, *port).await?;
                let turn = self.turn.fetch_add(1, Ordering::Relaxed);
                let next = ready.get(turn % ready.len().max(1)).cloned();
                next.ok_or_else(|| endpoint::none(&self.namespace, name, "none of its pods is ready"))
            }
        }
    }

    /// Opens a way to a pod. That it is open says nothing of whether anybody listens there; see [`Way::trouble`].
    ///
    /// # Errors
    /// `PAAS-PG-0001` if the API server opens none, and what it says where it does not allow it.
    pub async fn open(&self, to: &Endpoint) -> Result<Way> {
        let what = format!(
            "open a way to port {} of the pod {}/{}",
            to.port, self.namespace, to.pod
        );
        let failed = |words: String| {
            Error::new(&PG_CONNECT, Class::Transient)
                .attempted(what.as_str())
                .happened(words)
        };
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let ports = [to.port];
        let opened = tokio::time::timeout(DEADLINE, pods.portforward(&to.pod, &ports)).await;
        let late = |_| {
            failed(format!(
                "there was no answer from the API server within {} s",
                DEADLINE.as_secs()
            ))
        };
        // What is not allowed will not be allowed soon; anything else is a pod that is not there yet, or not any more.
        let mut opened = opened
            .map_err(late)?
            .map_err(|e| fault::denied(&what, NEEDS, &e).unwrap_or_else(|| failed(fault::chain(&e))))?;
        let lost = || failed("it forwards another port".to_owned());
        let trouble = opened.take_error(to.port).ok_or_else(lost)?;
        let stream = opened.take_stream(to.port).ok_or_else(lost)?;
        Ok(Way {
            stream,
            trouble: Box::pin(trouble),
        })
    }
}

impl fmt::Debug for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forward")
            .field("namespace", &self.namespace)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Dial for Forward {
    async fn dial(&self) -> Result<DuplexStream> {
        let to = self.leads_to().await?;
        Ok(self.open(&to).await?.stream)
    }
}
