//! Examples live in `examples/examples/`, one program a file, and as YAML files beside this crate.

use std::io::Write;

use paas_core::{
    crd,
    error::Result,
    testing::kube::{self, ControlPlane, Namespace},
};

/// Writes to standard output; a reader that went away is no failure of an example.
pub fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// An API server with the platform's kinds of objects, and a namespace in it, for an example that is run without a cluster. `None`, after
/// saying why, where this machine cannot have one.
///
/// # Errors
/// It is there, and does not start or answer.
pub async fn a_cluster(sentence: &str) -> Result<Option<(ControlPlane, Namespace)>> {
    let Some(cluster) = kube::unless_absent(kube::control_plane().await)? else {
        return Ok(None);
    };
    cluster.define(&crd::all()).await?;
    let namespace = cluster.namespace(sentence).await?;
    Ok(Some((cluster, namespace)))
}
