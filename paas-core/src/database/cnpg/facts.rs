//! What a Cluster says of itself, for the status of the instance.

use serde_json::Value;

use super::{
    health::{is_hibernated, text},
    images,
    net::CLUSTER_LABEL,
};

/// What a look shows of a Cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The major version of PostgreSQL that runs, and the image's tag as far as it tells more: `17`, `17.6`.
    pub version: Option<String>,
    /// How many servers there are.
    pub servers: Option<u16>,
    /// How many of them answer queries.
    pub ready: Option<u16>,
    /// The label selector of their pods.
    pub selector: String,
    /// The pod of the primary.
    pub primary: Option<String>,
}

impl Facts {
    /// Of a Cluster as it was listed.
    pub fn of(cluster: &Value) -> Self {
        let status = &cluster["status"];
        let count = |field: &str| status[field].as_u64().and_then(|n| u16::try_from(n).ok());
        let some = |value: &str| (!value.is_empty()).then(|| value.to_owned());
        let rests = is_hibernated(cluster);
        // CloudNativePG leaves out what is zero.
        let seen = !text(&status["phase"]).is_empty();
        let ready = if rests { Some(0) } else { count("readyInstances") };
        let major = status["pgDataImageInfo"]["majorVersion"].as_u64();
        let runs = images::version(text(&status["image"]));
        let primary = some(text(&status["currentPrimary"]));
        Self {
            // What is asked for is said there before anything runs.
            version: runs
                .or(major.map(|m| m.to_string()))
                .filter(|_| primary.is_some()),
            servers: count("instances").or(seen.then_some(0)),
            ready: ready.or(seen.then_some(0)),
            selector: format!(
                "{CLUSTER_LABEL}={},cnpg.io/podRole=instance",
                text(&cluster["metadata"]["name"])
            ),
            primary,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cluster_tells_its_version_its_servers_and_how_to_find_them() {
        let cluster = json!({
            "metadata": {"name": "shop"},
            "status": {
                "phase": "x", "image": "host:5000/pg:17.6-system-trixie", "instances": 3, "readyInstances": 2,
                "currentPrimary": "shop-2",
            },
        });
        let facts = Facts::of(&cluster);
        assert_eq!(facts.version.as_deref(), Some("17.6"));
        assert_eq!((facts.servers, facts.ready), (Some(3), Some(2)));
        assert_eq!(facts.primary.as_deref(), Some("shop-2"));
        assert_eq!(facts.selector, "cnpg.io/cluster=shop,cnpg.io/podRole=instance");
    }

    #[test]
    fn what_cloudnativepg_leaves_out_is_none_before_it_has_looked_and_zero_afterwards() {
        assert_eq!(Facts::of(&json!({})).ready, None);
        let looked = json!({"status": {"phase": "Setting up primary", "instances": 1, "image": "pg:17"}});
        assert_eq!(Facts::of(&looked).ready, Some(0));
        assert_eq!(Facts::of(&looked).version, None);
        let resting = json!({
            "metadata": {"annotations": {"cnpg.io/hibernation": "on"}}, "status": {"phase": "x", "readyInstances": 1},
        });
        assert_eq!(Facts::of(&resting).ready, Some(0));
    }
}
