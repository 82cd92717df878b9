//! A machine as a stage of a pipeline.

use std::sync::Arc;

use async_trait::async_trait;
use paas_core::{
    actuator::Actuator,
    driver::{Driver, Host, Outputs},
    error::Result,
    graph::{Desired, Observed},
    preflight::{Ahead, Finding},
    secrets::SecretStore,
};

use super::{VmSpec, desired};
use crate::{
    client::Client,
    provider::{OpenStackActuator, OpenStackResource, driver::host, preflight},
};

/// One virtual machine in the project that a client's token is for.
#[derive(Debug, Clone)]
pub struct VmDriver {
    client: Client,
    hands: OpenStackActuator,
}

impl VmDriver {
    /// The stage's name.
    pub const STAGE: &'static str = "machine";

    /// For a machine; of its spec only the choice of the external network is remembered, to tell it in the user's words.
    pub fn new(client: Client, secrets: Arc<dyn SecretStore>, spec: &VmSpec) -> Self {
        let hands = OpenStackActuator::new(client.clone(), secrets, Some(spec.external.clone()));
        Self { client, hands }
    }
}

#[async_trait]
impl Driver for VmDriver {
    type Spec = VmSpec;
    type Resource = OpenStackResource;

    fn stage(&self) -> &'static str {
        Self::STAGE
    }

    fn desired(&self, spec: &VmSpec, _from: &Outputs) -> Result<Desired<OpenStackResource>> {
        desired(spec)
    }

    /// The machine with its addresses, once its server and port are there.
    fn gives(&self, _spec: &VmSpec, seen: &Observed<OpenStackResource>) -> Outputs {
        let hosts: Vec<Host> = seen
            .live
            .iter()
            .filter_map(|(key, live)| host(seen, key, live))
            .collect();
        Outputs {
            hosts: (!hosts.is_empty()).then_some(hosts),
            ..Outputs::default()
        }
    }

    async fn actuator(&self, _from: &Outputs) -> Result<Option<Arc<dyn Actuator<OpenStackResource>>>> {
        Ok(Some(Arc::new(self.hands.clone())))
    }

    async fn preflight(&self, _spec: &VmSpec, ahead: Ahead<'_, OpenStackResource>) -> Result<Vec<Finding>> {
        Ok(preflight::look_ahead(&self.client, ahead, preflight::DEADLINE, self.hands.lookups()).await)
    }
}
