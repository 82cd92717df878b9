//! The servers of a database in a cluster as who runs them tells of them: CloudNativePG's own status, or that of the StatefulSet.

use kube::{Api, Client, api::DynamicObject, core::ApiResource};
use serde::Serialize;
use serde_json::Value;

use super::fault;
use crate::{error::Result, spec::Runtime};

/// The servers of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Servers {
    /// How many there are to be.
    pub wanted: u64,
    /// How many are ready.
    pub ready: u64,
    /// The pod of the primary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<String>,
    /// The pod that is to become the primary, while it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// PostgreSQL's timeline: each promotion begins another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<u64>,
    /// What CloudNativePG says it is doing, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
}

/// The servers of the instance of that name; `None` where there are none yet, or none that these runtimes have.
///
/// # Errors
/// Those of the API server.
pub async fn look(client: &Client, namespace: &str, name: &str, runtime: Runtime) -> Result<Option<Servers>> {
    let (group, kind, plural, read): (_, _, _, fn(&Value) -> Servers) = match runtime {
        Runtime::CloudNativePG => ("postgresql.cnpg.io", "Cluster", "clusters", cluster),
        Runtime::StatefulSet => ("apps", "StatefulSet", "statefulsets", stateful_set),
        Runtime::Auto | Runtime::Process | Runtime::StackitFlex => return Ok(None),
    };
    let resource = ApiResource {
        group: group.to_owned(),
        version: "v1".to_owned(),
        api_version: format!("{group}/v1"),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    };
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let found = api.get_opt(name).await;
    let found = found.map_err(|e| fault::of(&format!("read the {kind} {namespace}/{name}"), false, e))?;
    Ok(found.map(|object| read(&object.data)))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|t| !t.is_empty()).map(str::to_owned)
}

fn cluster(object: &Value) -> Servers {
    let status = &object["status"];
    let primary = text(&status["currentPrimary"]);
    let phase = text(&status["phase"]).map(|phase| match text(&status["phaseReason"]) {
        Some(reason) => format!("{phase}: {reason}"),
        None => phase,
    });
    Servers {
        wanted: object["spec"]["instances"].as_u64().unwrap_or(1),
        ready: status["readyInstances"].as_u64().unwrap_or(0),
        target: text(&status["targetPrimary"]).filter(|target| Some(target) != primary.as_ref()),
        primary,
        timeline: status["timelineID"].as_u64(),
        phase,
    }
}

fn stateful_set(object: &Value) -> Servers {
    Servers {
        wanted: object["spec"]["replicas"].as_u64().unwrap_or(1),
        ready: object["status"]["readyReplicas"].as_u64().unwrap_or(0),
        ..Servers::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_primary_that_moves_is_told_with_where_it_goes() {
        let status = json!({
            "phase": "Switchover in progress", "phaseReason": "Switching over to shop-2", "currentPrimary": "shop-1",
            "targetPrimary": "shop-2", "readyInstances": 2, "timelineID": 4,
        });
        let moving = cluster(&json!({"spec": {"instances": 3}, "status": status}));
        assert_eq!((moving.wanted, moving.ready, moving.timeline), (3, 2, Some(4)));
        assert_eq!(moving.target.as_deref(), Some("shop-2"));
        assert_eq!(
            moving.phase.as_deref(),
            Some("Switchover in progress: Switching over to shop-2")
        );
        let still = cluster(&json!({"status": {"currentPrimary": "shop-1", "targetPrimary": "shop-1"}}));
        assert_eq!(still.target, None);
        let one = stateful_set(&json!({"spec": {"replicas": 1}, "status": {"readyReplicas": 1}}));
        assert_eq!((one.wanted, one.ready), (1, 1));
    }
}
