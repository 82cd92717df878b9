//! What servers wrote on their consoles, for whoever installs a cluster on them.

use async_trait::async_trait;
use paas_core::{
    driver::Consoles,
    error::{Class, Result},
};

use crate::client::Client;

/// How many lines are asked for: a boot of cloud-init writes some hundreds.
const LINES: u32 = 400;

/// The consoles of a project's servers.
#[derive(Debug, Clone)]
pub struct ServerConsoles(
    /// Speaks to the cloud.
    pub Client,
);

#[async_trait]
impl Consoles for ServerConsoles {
    async fn tail(&self, machine: &str) -> Result<String> {
        match self.0.compute().servers().console_output(machine, LINES).await {
            // The server has no console yet, or its hypervisor has none at all.
            Err(e) if matches!(e.class(), Class::NotFound | Class::Conflict | Class::Unsupported) => {
                Ok(String::new())
            }
            other => other,
        }
    }
}
