//! How the objects of addons do, by what their controllers say of them.

use serde_json::Value;

use crate::resource::Health;

fn settling(why: impl Into<String>) -> Health {
    Health::Settling { why: why.into() }
}

fn number(object: &Value, path: &str) -> u64 {
    object.pointer(path).and_then(Value::as_u64).unwrap_or_default()
}

fn is_behind(object: &Value) -> bool {
    number(object, "/status/observedGeneration") < number(object, "/metadata/generation")
}

fn condition<'a>(object: &'a Value, named: &str) -> Option<&'a Value> {
    let all = object["status"]["conditions"].as_array()?;
    all.iter().find(|c| c["type"] == named)
}

/// A definition is ready once its kind is served. A name that another one has is never served.
pub fn of_definition(object: &Value) -> Health {
    if condition(object, "Established").is_some_and(|c| c["status"] == "True") {
        return Health::Ready;
    }
    match condition(object, "NamesAccepted").filter(|c| c["status"] == "False") {
        Some(refused) => Health::broken(format!(
            "its names are not accepted: {}",
            refused["message"].as_str().unwrap_or_default()
        )),
        None => settling("its kind is not served yet"),
    }
}

/// A Deployment is ready once all pods are of the present version and available, and no others are left.
pub fn of_deployment(object: &Value) -> Health {
    let wanted = object["spec"]["replicas"].as_u64().unwrap_or(1);
    let (updated, available) = (
        number(object, "/status/updatedReplicas"),
        number(object, "/status/availableReplicas"),
    );
    let all = number(object, "/status/replicas");
    if is_behind(object) {
        return settling("its controller has not seen the change yet");
    }
    let mut why = if updated < wanted {
        format!("{updated} of {wanted} pods are made")
    } else if all > updated {
        format!("{} of the former pods are still there", all - updated)
    } else if available < wanted {
        format!("{available} of {wanted} pods are available")
    } else {
        return Health::Ready;
    };
    // Whoever refuses its pods, such as an admission, is told here alone.
    let failed = condition(object, "ReplicaFailure").filter(|c| c["status"] == "True");
    if let Some(words) = failed.and_then(|c| c["message"].as_str()) {
        why = format!("{why}: {words}");
    }
    settling(why)
}

/// A DaemonSet is ready once every node that it is for has an available pod of the present version.
pub fn of_daemon_set(object: &Value) -> Health {
    let wanted = number(object, "/status/desiredNumberScheduled");
    let (updated, available) = (
        number(object, "/status/updatedNumberScheduled"),
        number(object, "/status/numberAvailable"),
    );
    if is_behind(object) {
        settling("its controller has not seen the change yet")
    } else if wanted == 0 {
        settling("there is no node that it is for yet")
    } else if updated < wanted {
        settling(format!("on {updated} of {wanted} nodes a pod is made"))
    } else if available < wanted {
        settling(format!("on {available} of {wanted} nodes its pod is available"))
    } else {
        Health::Ready
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(health: Health) -> String {
        match health {
            Health::Ready => "ready".to_owned(),
            Health::Settling { why } => why,
            Health::Broken { why, .. } => format!("broken: {why}"),
            Health::Leaving => "leaving".to_owned(),
        }
    }

    #[test]
    fn a_deployment_says_which_pods_are_missing() {
        let of = |status: Value| {
            words(of_deployment(
                &json!({"metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": status}),
            ))
        };
        assert_eq!(of(json!({})), "its controller has not seen the change yet");
        let (g, r, u, a) = (
            "observedGeneration",
            "replicas",
            "updatedReplicas",
            "availableReplicas",
        );
        assert_eq!(of(json!({g: 2, r: 2, u: 1})), "1 of 2 pods are made");
        assert_eq!(
            of(json!({g: 2, r: 3, u: 2, a: 2})),
            "1 of the former pods are still there"
        );
        assert_eq!(of(json!({g: 2, r: 2, u: 2, a: 1})), "1 of 2 pods are available");
        assert_eq!(of(json!({g: 2, r: 2, u: 2, a: 2})), "ready");
        let refused =
            json!([{"type": "ReplicaFailure", "status": "True", "message": "pods \"x\" is forbidden"}]);
        assert_eq!(
            of(json!({g: 2, "conditions": refused})),
            "0 of 2 pods are made: pods \"x\" is forbidden"
        );
    }

    #[test]
    fn a_daemon_set_says_on_how_many_nodes_it_is() {
        let of = |status: Value| {
            words(of_daemon_set(
                &json!({"metadata": {"generation": 1}, "status": status}),
            ))
        };
        let (g, d, u, a) = (
            "observedGeneration",
            "desiredNumberScheduled",
            "updatedNumberScheduled",
            "numberAvailable",
        );
        assert_eq!(of(json!({})), "its controller has not seen the change yet");
        assert_eq!(of(json!({g: 1, d: 0})), "there is no node that it is for yet");
        assert_eq!(of(json!({g: 1, d: 2, u: 1})), "on 1 of 2 nodes a pod is made");
        assert_eq!(
            of(json!({g: 1, d: 2, u: 2, a: 1})),
            "on 1 of 2 nodes its pod is available"
        );
        assert_eq!(of(json!({g: 1, d: 2, u: 2, a: 2})), "ready");
    }

    #[test]
    fn a_definition_is_ready_once_its_kind_is_served() {
        let of = |conditions: Value| words(of_definition(&json!({"status": {"conditions": conditions}})));
        assert_eq!(of(json!([])), "its kind is not served yet");
        assert_eq!(of(json!([{"type": "Established", "status": "True"}])), "ready");
        let taken = json!([{"type": "NamesAccepted", "status": "False", "message": "in use"}]);
        assert_eq!(of(taken), "broken: its names are not accepted: in use");
    }
}
