//! What an embedder brings: for each object the pipeline that carries out its spec.

mod in_cluster;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use paas_core::{
    database::acts::Acts,
    driver::Outputs,
    error::{Class, Error, Result},
    kube::ObjectKind,
    owner::Owner,
    pipeline::Pipeline,
    spec::{Binding, DatabaseInstanceSpec, Object, PlatformSpec, Requests, Runtime},
};

pub use in_cluster::{InCluster, ROTATE, ROTATE_OVERLAP, Reach};

use crate::codes;

/// Makes pipelines.
///
/// Laws: making one changes nothing and asks little; the same object gives the same pipeline, so that what was chosen once (`runtime:
/// Auto`) stays chosen; what cannot be served is [`codes::OP_NO_ENGINE`] of [`Class::Unsupported`], in words, not an empty pipeline.
#[async_trait]
pub trait Engines: fmt::Debug + Send + Sync {
    /// The pipeline of a database. `chosen` is the runtime that its status names.
    ///
    /// # Errors
    /// The runtime is not linked, or the cluster lacks what it needs.
    async fn database(
        &self,
        object: &Object<DatabaseInstanceSpec>,
        owner: &Owner,
        chosen: Option<Runtime>,
    ) -> Result<Engine<DatabaseFacts>>;

    /// The pipeline of a platform. Local ones never come here.
    ///
    /// # Errors
    /// The infrastructure is not linked, or its credentials are missing.
    async fn platform(&self, object: &Object<PlatformSpec>, _owner: &Owner) -> Result<Engine<PlatformFacts>> {
        let kind = format!("{:?}", object.spec.infrastructure.type_);
        Err(Error::new(&codes::OP_NO_ENGINE, Class::Unsupported)
            .attempted(format!("find a provider for {kind}"))
            .happened(format!("this operator has no provider for {kind}; none is linked into it"))
            .remedy("use `paas up` for this platform until an operator has the provider, and delete the object here"))
    }

    /// The kinds of objects that the pipelines make in this cluster: a change of one that bears our label leads to a look.
    fn kinds(&self) -> Vec<&'static ObjectKind> {
        Vec::new()
    }
}

/// The pipeline of one object, and what it has to tell beside its outcome.
pub struct Engine<F> {
    /// What carries out the spec.
    pub pipeline: Pipeline,
    facts: Box<dyn Fn(&Outputs) -> F + Send + Sync>,
    acts: Option<Arc<dyn Acts>>,
}

impl<F: Default + 'static> Engine<F> {
    /// An engine that has nothing to tell.
    pub fn new(pipeline: Pipeline) -> Self {
        let facts = Box::new(|_: &Outputs| F::default());
        let acts = None;
        Self {
            pipeline,
            facts,
            acts,
        }
    }

    /// The same, asked after each pass what there is to tell.
    #[must_use]
    pub fn telling(mut self, facts: impl Fn(&Outputs) -> F + Send + Sync + 'static) -> Self {
        self.facts = Box::new(facts);
        self
    }

    /// The same, able to do what somebody asks for once.
    #[must_use]
    pub fn acting(mut self, acts: Arc<dyn Acts>) -> Self {
        self.acts = Some(acts);
        self
    }

    /// What can be asked for once.
    pub fn acts(&self) -> Option<&dyn Acts> {
        self.acts.as_deref()
    }

    /// What there is to tell after a pass that gave `outputs`.
    pub fn facts(&self, outputs: &Outputs) -> F {
        (self.facts)(outputs)
    }
}

impl<F> fmt::Debug for Engine<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("pipeline", &self.pipeline)
            .finish_non_exhaustive()
    }
}

/// What an engine tells of a database. What it leaves out stays in the status as it was.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DatabaseFacts {
    /// What runs the servers.
    pub runtime: Option<Runtime>,
    /// The version that runs.
    pub engine_version: Option<String>,
    /// How many servers there are.
    pub replicas: Option<u16>,
    /// How many of them answer queries.
    pub ready_replicas: Option<u16>,
    /// The label selector of their pods.
    pub selector: Option<String>,
    /// The Secret with the connection.
    pub binding: Option<Binding>,
    /// What was asked for once, and answered.
    pub requests: Option<Requests>,
}

/// What an engine tells of a platform. What it leaves out stays in the status as it was.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlatformFacts {
    /// The version of Kubernetes that runs.
    pub kubernetes_version: Option<String>,
    /// The URL of the cluster's API.
    pub endpoint: Option<String>,
}

/// No engine at all: every object says that there is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlinked;

#[async_trait]
impl Engines for Unlinked {
    async fn database(
        &self,
        object: &Object<DatabaseInstanceSpec>,
        _owner: &Owner,
        _chosen: Option<Runtime>,
    ) -> Result<Engine<DatabaseFacts>> {
        let runtime = object.spec.runtime;
        Err(Error::new(&codes::OP_NO_ENGINE, Class::Unsupported)
            .attempted(format!("find an engine for the runtime {runtime:?}"))
            .happened("no engine is linked into this operator"))
    }
}
