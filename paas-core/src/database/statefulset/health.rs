//! How a StatefulSet of one server and its claim do, by what the cluster says of them.

use serde_json::Value;

use super::codes::STS_EXPAND;
use crate::resource::{Change, Diff, Health};

/// A StatefulSet: ready when its one pod is, and is of the latest revision.
pub(super) fn stateful_set(object: &Value) -> Health {
    let status = &object["status"];
    let generation = object["metadata"]["generation"].as_i64().unwrap_or_default();
    let settling = |why: &str| Health::Settling { why: why.to_owned() };
    if status["observedGeneration"].as_i64().unwrap_or_default() < generation {
        return settling("the cluster has not seen the change yet");
    }
    let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
    let count = |name: &str| status[name].as_i64().unwrap_or_default();
    if status["currentRevision"] != status["updateRevision"] && count("updatedReplicas") < wanted {
        return settling("the pod is made anew");
    }
    if count("readyReplicas") < wanted {
        return settling(match count("replicas") {
            0 => "there is no pod yet",
            _ => "PostgreSQL in the pod does not answer yet",
        });
    }
    Health::Ready
}

/// A claim: one that waits for its first pod is as good as bound, and one that grows when it is mounted the next time as good as grown.
pub(super) fn claim(object: &Value) -> Health {
    let status = &object["status"];
    match status["phase"].as_str() {
        Some("Lost") => return Health::broken("the volume behind the claim is lost"),
        Some("Bound") => {}
        _ => return Health::Ready,
    }
    let failed = |state: &str| state.ends_with("ResizeInfeasible");
    if status["allocatedResourceStatuses"]["storage"]
        .as_str()
        .is_some_and(failed)
    {
        return Health::Broken {
            why: "the storage cannot enlarge the volume".to_owned(),
            code: Some(&STS_EXPAND),
        };
    }
    let conditions = status["conditions"].as_array();
    let growing = conditions.and_then(|all| {
        all.iter()
            .find(|c| c["type"] == "Resizing" && c["status"] == "True")
    });
    match growing {
        Some(_) => Health::Settling {
            why: "the volume is being enlarged".to_owned(),
        },
        None => Health::Ready,
    }
}

/// What grows is changed in place; what shrinks or moves cannot be had.
pub(super) fn judge_claim(changes: Vec<Change>) -> Diff {
    let smaller = |c: &Change| {
        let bytes = |text: &str| text.parse::<crate::spec::Quantity>().ok().map(|q| q.bytes());
        c.field == "spec.resources.requests.storage" && bytes(&c.to) < bytes(&c.from)
    };
    let moved = |c: &Change| c.field == "spec.storageClassName";
    match changes.iter().any(|c| smaller(c) || moved(c)) {
        true => Diff::Refuse {
            changes,
            code: &crate::kube::codes::K8S_STORAGE,
        },
        false => Diff::Update(changes),
    }
}

/// A new major version cannot open the files of another one; anything else restarts the server.
pub(super) fn judge_server(changes: Vec<Change>) -> Diff {
    if changes
        .iter()
        .any(|c| c.field == format!("spec.template.metadata.labels.{}", super::manifest::MAJOR))
    {
        return Diff::Refuse {
            changes,
            code: &crate::kube::codes::K8S_MAJOR,
        };
    }
    let restart = |c: Change| match c.field.starts_with("spec.template") {
        true => c.brings("restart"),
        false => c,
    };
    Diff::Update(changes.into_iter().map(restart).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(status: Value) -> Health {
        stateful_set(&json!({"metadata": {"generation": 3}, "spec": {"replicas": 1}, "status": status}))
    }

    #[test]
    fn a_stateful_set_is_ready_when_its_pod_answers_and_is_of_the_latest_revision() {
        let seen = |more: Value| {
            let mut status = json!({"observedGeneration": 3, "replicas": 1, "currentRevision": "a", "updateRevision": "a"});
            status
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            self::status(status)
        };
        assert_eq!(seen(json!({"readyReplicas": 1})), Health::Ready);
        for (more, why) in [
            (
                json!({"observedGeneration": 2, "readyReplicas": 1}),
                "the cluster has not seen the change yet",
            ),
            (
                json!({"updateRevision": "b", "readyReplicas": 1}),
                "the pod is made anew",
            ),
            (json!({"replicas": 0}), "there is no pod yet"),
            (json!({}), "PostgreSQL in the pod does not answer yet"),
        ] {
            assert_eq!(seen(more), Health::Settling { why: why.to_owned() });
        }
        assert!(matches!(status(Value::Null), Health::Settling { .. }));
    }

    #[test]
    fn a_claim_that_waits_for_its_pod_is_fine_and_one_that_lost_its_volume_is_broken() {
        let phase = |phase: &str| claim(&json!({"status": {"phase": phase}}));
        assert_eq!((phase("Pending"), phase("Bound")), (Health::Ready, Health::Ready));
        assert!(matches!(phase("Lost"), Health::Broken { .. }));
    }

    #[test]
    fn a_volume_that_grows_is_waited_for_and_one_that_cannot_grow_is_broken() {
        let growing =
            json!({"status": {"phase": "Bound", "conditions": [{"type": "Resizing", "status": "True"}]}});
        assert!(matches!(claim(&growing), Health::Settling { .. }));
        let state = |state: &str| {
            claim(&json!({"status": {"phase": "Bound", "allocatedResourceStatuses": {"storage": state}}}))
        };
        let Health::Broken { code, .. } = state("ControllerResizeInfeasible") else {
            panic!("not broken")
        };
        assert_eq!(code, Some(&STS_EXPAND));
        assert_eq!(state("NodeResizePending"), Health::Ready);
    }

    #[test]
    fn a_volume_grows_and_neither_shrinks_nor_moves() {
        let size = |from, to| judge_claim(vec![Change::new("spec.resources.requests.storage", from, to)]);
        assert!(matches!(size("1Gi", "2Gi"), Diff::Update(_)));
        assert!(matches!(size("2Gi", "1Gi"), Diff::Refuse { .. }));
        let moved = judge_claim(vec![Change::new("spec.storageClassName", "fast", "slow")]);
        assert!(matches!(moved, Diff::Refuse { .. }));
    }

    #[test]
    fn another_major_version_is_refused_and_another_setting_brings_a_restart() {
        let major = format!("spec.template.metadata.labels.{}", super::super::manifest::MAJOR);
        assert!(matches!(
            judge_server(vec![Change::new(major, "17", "18")]),
            Diff::Refuse { .. }
        ));
        let Diff::Update(changes) = judge_server(vec![Change::new(
            "spec.template.metadata.annotations.paas.rs/configuration",
            "a",
            "b",
        )]) else {
            panic!("no update")
        };
        assert_eq!(changes[0].brings.as_deref(), Some("restart"));
    }
}
