//! Scheduled backups as a chore of a supervisor.

use async_trait::async_trait;
use jiff::Timestamp;

use super::tend;
use crate::{
    error::Result,
    local::{instance::LocalInstance, supervise::Chore},
};

/// Makes the backups that the spec's plan asks for, and removes the old ones.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scheduled;

#[async_trait]
impl Chore for Scheduled {
    fn name(&self) -> &str {
        "backup"
    }

    async fn tend(&self, instance: &LocalInstance) -> Result<Option<Timestamp>> {
        tend(instance).await?;
        // Looked at in every round, because the plan may change before the next one is due.
        Ok(None)
    }
}
