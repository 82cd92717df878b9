//! A driver that wants what it is told, for runs of one actuator without a spec.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::{
    actuator::Actuator,
    clock::Clock,
    driver::{Driver, Outputs},
    error::Error,
    event::Silent,
    execute::{Alone, Tools},
    graph::{Desired, Observed},
    ledger::LedgerStore,
    pipeline::{DriverStage, Pipeline},
    resource::Resource,
};

/// A driver whose spec is the graph itself.
#[derive(Debug)]
pub struct Fixed<R: Resource> {
    actuator: Arc<dyn Actuator<R>>,
}

impl<R: Resource> Fixed<R> {
    /// A pipeline of one stage that wants `desired` of `actuator`.
    pub fn pipeline(actuator: Arc<dyn Actuator<R>>, desired: Desired<R>) -> Pipeline {
        Pipeline::new(vec![Box::new(DriverStage::new(Self { actuator }, desired))])
    }
}

#[async_trait]
impl<R: Resource> Driver for Fixed<R> {
    type Spec = Desired<R>;
    type Resource = R;

    fn stage(&self) -> &'static str {
        "fixed"
    }

    fn desired(&self, spec: &Desired<R>, _from: &Outputs) -> Result<Desired<R>, Error> {
        Ok(spec.clone())
    }

    fn gives(&self, _spec: &Desired<R>, _seen: &Observed<R>) -> Outputs {
        Outputs::default()
    }

    async fn actuator(&self, _from: &Outputs) -> Result<Option<Arc<dyn Actuator<R>>>, Error> {
        Ok(Some(self.actuator.clone()))
    }
}

/// Tools of a program that is alone and that nobody listens to.
pub fn tools(ledger: Arc<dyn LedgerStore>, clock: Arc<dyn Clock>) -> Tools {
    Tools {
        ledger,
        fence: Arc::new(Alone),
        clock,
        events: Arc::new(Silent),
        cancel: CancellationToken::new(),
    }
}
