//! The sweep as a stage of the engine: nothing is wanted, and what is seen is what a survey finds.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use paas_core::{
    actuator::{Actuator, Ids, Reach},
    driver::{Driver, Outputs},
    error::{Class, Error, Result},
    graph::{Desired, Observed},
    ledger::Ledger,
    owner::Owner,
    resource::{Change, Key, Live},
};

use super::{
    Chosen, Findings,
    graph::{self, Node},
    lists, read,
    remove::remove,
};
use crate::{client::Client, codes::OS_UNSUPPORTED};

/// Looks for what is chosen, and deletes it.
#[derive(Debug, Clone)]
pub(super) struct Sweep {
    client: Client,
    chosen: Arc<Chosen>,
    /// The last look.
    seen: Arc<Mutex<Option<Findings>>>,
}

impl Sweep {
    pub(super) const STAGE: &'static str = "leftovers";

    pub(super) fn new(client: Client, chosen: Arc<Chosen>) -> Self {
        Self {
            client,
            chosen,
            seen: Arc::default(),
        }
    }

    /// What the last look found.
    pub(super) fn seen(&self) -> Option<Findings> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks; owners have the names by which they were chosen, also when nothing that says them is left.
    pub(super) async fn look(&self) -> Result<Findings> {
        let lists = Box::pin(lists::all(&self.client)).await?;
        let mut findings = read::findings(&lists);
        for remains in findings.owners.iter_mut().filter(|it| it.name.is_none()) {
            remains.name = self.chosen.names.get(&remains.uid).cloned();
        }
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(findings.clone());
        Ok(findings)
    }
}

#[async_trait]
impl Driver for Sweep {
    type Spec = ();
    type Resource = Node;

    fn stage(&self) -> &'static str {
        Self::STAGE
    }

    fn desired(&self, _spec: &(), _from: &Outputs) -> Result<Desired<Node>> {
        Ok(Desired::nothing())
    }

    fn gives(&self, _spec: &(), _seen: &Observed<Node>) -> Outputs {
        Outputs::default()
    }

    async fn actuator(&self, _from: &Outputs) -> Result<Option<Arc<dyn Actuator<Node>>>> {
        Ok(Some(Arc::new(self.clone())))
    }
}

#[async_trait]
impl Actuator<Node> for Sweep {
    async fn observe(&self, _owner: &Owner, _hints: &Ledger, _reach: Reach) -> Result<Observed<Node>> {
        Ok(graph::of(&self.look().await?, &self.chosen)?.observed)
    }

    async fn create(&self, _owner: &Owner, key: &Key, _want: &Node, _ids: &Ids) -> Result<Live<Node>> {
        Err(never("create", key))
    }

    async fn update(
        &self,
        _owner: &Owner,
        key: &Key,
        _live: &Live<Node>,
        _want: &Node,
        _changes: &[Change],
        _ids: &Ids,
    ) -> Result<()> {
        Err(never("change", key))
    }

    async fn delete(&self, _owner: &Owner, key: &Key, live: &Live<Node>) -> Result<()> {
        match &live.resource.it {
            Some(it) if live.is_mine() => remove(&self.client, it).await,
            _ => Err(never("delete", key)),
        }
    }
}

fn never(verb: &str, key: &Key) -> Error {
    Error::new(&OS_UNSUPPORTED, Class::Internal)
        .attempted(format!("{verb} {key}"))
        .happened("leftovers are only deleted, and only those that are chosen")
}
