//! The authority that signs the servers' certificates, so that programs can tell whom they talk to.

use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::{Api, Client};

use super::{kinds::CLUSTER, names};
use crate::{error::Result, kube::fault, owner::Owner};

/// The certificate (PEM) of the authority that CloudNativePG makes for an instance's Cluster, as it is now: it is renewed every few
/// months. `None` before it is made, and for a Cluster that somebody gave one of their own.
///
/// # Errors
/// Those of Kubernetes, and of [`names::cluster`].
pub async fn authority(client: &Client, owner: &Owner) -> Result<Option<String>> {
    let (namespace, cluster) = (owner.namespace(), names::cluster(owner)?);
    let name = names::authority(&cluster);
    let what = format!("read the authority's certificate in the Secret {namespace}/{name}");
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let there = api.get_opt(&name).await.map_err(|e| fault::of(&what, false, e))?;
    Ok(there.and_then(|secret| certificate(secret, &cluster)))
}

fn certificate(secret: Secret, cluster: &str) -> Option<String> {
    let owners = secret.metadata.owner_references.unwrap_or_default();
    let its = |o: &OwnerReference| {
        o.kind == CLUSTER.kind && o.api_version == CLUSTER.api_version() && o.name == cluster
    };
    let bytes = secret.data.filter(|_| owners.iter().any(its))?.remove("ca.crt")?;
    String::from_utf8(bytes.0).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_certificate_of_the_clusters_own_authority_is_taken() {
        let secret = |name: &str| {
            let owner =
                json!({"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "name": name, "uid": "1"});
            let text = json!({"metadata": {"ownerReferences": [owner]}, "data": {"ca.crt": "UEVN"}});
            serde_json::from_value::<Secret>(text).unwrap()
        };
        assert_eq!(certificate(secret("shop"), "shop").as_deref(), Some("PEM"));
        assert_eq!(certificate(secret("other"), "shop"), None);
        assert_eq!(certificate(Secret::default(), "shop"), None);
    }
}
