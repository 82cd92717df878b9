//! Access to a cluster, from what the secret store has of it.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::{driver::ClusterAccess, error::Error, secrets::SecretString};

/// Gives access to a cluster that we made.
#[async_trait]
pub trait Login: Debug + Send + Sync {
    /// A kubeconfig with all rights.
    ///
    /// # Errors
    /// What the login is made from is not there or cannot be used.
    async fn kubeconfig(&self, access: &ClusterAccess) -> Result<SecretString, Error>;

    /// A client with all rights, which repeats nothing that changes something ([`crate::kube::access`]).
    ///
    /// # Errors
    /// As [`Login::kubeconfig`].
    async fn client(&self, access: &ClusterAccess) -> Result<kube::Client, Error>;
}
