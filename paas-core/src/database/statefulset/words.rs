//! What the cluster says of a server that does not get ready, in the words of whoever knows it best.

use serde_json::Value;

use super::codes::{STS_FAILING, STS_REFUSED};
use crate::{
    database::cnpg::{codes::CNPG_STUCK, worse},
    kube::Around,
    resource::Health,
};

/// What a server, `initdb` or our own script begins the line with that tells why it ends.
const TELLING: &[&str] = &["PANIC:", "FATAL:", "initdb: error:", "paas: "];

/// The longest line of a log that is told.
const LONGEST: usize = 300;

/// The worst that is said of the server `name`; `None` if nothing is.
///
/// The causes and their order are those of any server in a pod ([`worse()`]). A container's last words are cut down to the line that
/// tells why it ended: the others may hold what programs sent.
pub(super) fn worst(name: &str, mut around: Around) -> Option<Health> {
    for pod in &mut around.pods {
        for list in ["initContainerStatuses", "containerStatuses"] {
            for container in pod["status"][list].as_array_mut().into_iter().flatten() {
                shorten(&mut container["state"]["terminated"]);
                shorten(&mut container["lastState"]["terminated"]);
            }
        }
    }
    match worse(&around.pods, &around.jobs, &around.claims, &around.events) {
        Some(Health::Broken { why, code }) if code == Some(&CNPG_STUCK) => Some(Health::Broken {
            why,
            code: Some(&STS_FAILING),
        }),
        Some(worse) => Some(worse),
        None if around.pods.is_empty() => refused(name, &around.events),
        None => None,
    }
}

/// Why there is no pod at all: a quota, an admission policy.
fn refused(name: &str, events: &[Value]) -> Option<Health> {
    let failed = |e: &&Value| {
        e["reason"] == "FailedCreate"
            && e["involvedObject"]["kind"] == "StatefulSet"
            && e["involvedObject"]["name"] == name
    };
    let event = events.iter().rfind(failed)?;
    Some(Health::Broken {
        why: format!("{name}: {}", event["message"].as_str().unwrap_or_default()),
        code: Some(&STS_REFUSED),
    })
}

/// Leaves the telling line of a container's last words.
fn shorten(ended: &mut Value) {
    let Some(log) = ended["message"].as_str() else {
        return;
    };
    let telling = log
        .lines()
        .rfind(|line| TELLING.iter().any(|word| line.contains(word)));
    let line: String = telling.unwrap_or_default().chars().take(LONGEST).collect();
    ended["message"] = line.into();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::database::cnpg::codes::{CNPG_IMAGE, CNPG_UNSCHEDULABLE, CNPG_VOLUME};

    fn told(around: Around) -> (String, &'static str) {
        match worst("orders", around) {
            Some(Health::Broken { why, code }) => (why, code.map_or("", |c| c.id)),
            other => panic!("{other:?}"),
        }
    }

    fn pod(status: Value) -> Around {
        Around {
            pods: vec![json!({"metadata": {"name": "orders-0"}, "status": status})],
            ..Around::default()
        }
    }

    #[test]
    fn an_image_that_does_not_exist_and_a_node_that_is_full_are_told_in_the_pods_words() {
        let waiting = json!({"initContainerStatuses": [{
            "name": "init", "image": "postgres:99",
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}},
        }]});
        let (why, code) = told(pod(waiting));
        assert!(why.contains("postgres:99") && why.contains("not found"), "{why}");
        assert_eq!(code, CNPG_IMAGE.id);
        let full = json!({"conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "Insufficient memory",
        }]});
        let (why, code) = told(pod(full));
        assert!(why.contains("Insufficient memory"), "{why}");
        assert_eq!(code, CNPG_UNSCHEDULABLE.id);
    }

    #[test]
    fn of_a_server_that_ends_again_and_again_the_line_that_tells_why_is_told_and_no_other() {
        let log = "LOG: starting\nSTATEMENT: ALTER ROLE x PASSWORD 'hunter2'\nFATAL:  could not map memory\nLOG: bye";
        let ended = json!({"containerStatuses": [{
            "name": "postgresql", "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"reason": "Error", "message": log}},
        }]});
        let (why, code) = told(pod(ended));
        assert!(why.contains("could not map memory"), "{why}");
        assert!(!why.contains("hunter2") && !why.contains("bye"), "{why}");
        assert_eq!(code, STS_FAILING.id);
    }

    #[test]
    fn a_claim_without_a_class_and_a_quota_are_told_by_their_events() {
        let event = |kind: &str, name: &str, reason: &str, message: &str| {
            json!({
                "involvedObject": {"kind": kind, "name": name}, "type": "Warning", "reason": reason, "message": message,
            })
        };
        let classless = Around {
            claims: vec![json!({"metadata": {"name": "orders-data"}, "status": {"phase": "Pending"}})],
            events: vec![event(
                "PersistentVolumeClaim",
                "orders-data",
                "ProvisioningFailed",
                "class \"x\" not found",
            )],
            ..Around::default()
        };
        assert_eq!(told(classless).1, CNPG_VOLUME.id);
        let full = vec![event("StatefulSet", "orders", "FailedCreate", "exceeded quota")];
        let quota = Around {
            events: full.clone(),
            ..Around::default()
        };
        let (why, code) = told(quota);
        assert_eq!((why.as_str(), code), ("orders: exceeded quota", STS_REFUSED.id));
        // Once there is a pod, what kept it from being made is over.
        let over = Around {
            events: full,
            ..pod(json!({}))
        };
        assert_eq!(worst("orders", over), None);
    }
}
