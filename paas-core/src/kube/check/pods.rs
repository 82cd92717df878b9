//! What the pods of a server say.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

/// The pods of a server, by name.
#[derive(Debug, Default)]
pub(super) struct Pods(Vec<One>);

#[derive(Debug)]
struct One {
    name: String,
    container: String,
    runs: bool,
    ready: bool,
    words: String,
}

impl Pods {
    pub(super) fn of(pods: Vec<Pod>) -> Self {
        let mut all: Vec<One> = pods.iter().map(One::of).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Self(all)
    }

    pub(super) fn any_ready(&self) -> bool {
        self.0.iter().any(|p| p.ready)
    }

    /// Those that are ready.
    pub(super) fn ready(&self) -> String {
        let names: Vec<&str> = self
            .0
            .iter()
            .filter(|p| p.ready)
            .map(|p| p.name.as_str())
            .collect();
        names.join(", ")
    }

    /// What each says; empty without any.
    pub(super) fn words(&self) -> String {
        let told: Vec<String> = self.0.iter().map(|p| format!("{} {}", p.name, p.words)).collect();
        told.join("; ")
    }

    /// A pod and a container in it to run a command in.
    pub(super) fn running(&self) -> Option<(&str, &str)> {
        let one = self
            .0
            .iter()
            .find(|p| p.ready)
            .or_else(|| self.0.iter().find(|p| p.runs))?;
        Some((&one.name, &one.container))
    }
}

impl One {
    fn of(pod: &Pod) -> Self {
        let status = pod.status.as_ref();
        let phase = status.and_then(|s| s.phase.as_deref()).unwrap_or("Unknown");
        let condition = |type_: &str| {
            let all = status.and_then(|s| s.conditions.as_ref());
            all.and_then(|all| all.iter().find(|c| c.type_ == type_).cloned())
        };
        let leaves = pod.metadata.deletion_timestamp.is_some();
        let ready = !leaves && condition("Ready").is_some_and(|c| c.status == "True");
        let containers = status.and_then(|s| s.container_statuses.as_ref());
        let waits = containers.into_iter().flatten().find_map(waiting);
        let unscheduled = condition("PodScheduled").filter(|c| c.status == "False");
        let words = if ready {
            "is ready".to_owned()
        } else if leaves {
            "is being deleted".to_owned()
        } else if let Some(why) = waits.or_else(|| unscheduled.and_then(|c| c.message)) {
            format!("is {phase}: {why}")
        } else {
            format!("is {phase} and not ready")
        };
        let spec = pod.spec.as_ref();
        let container = spec.and_then(|s| s.containers.first().map(|c| c.name.clone()));
        Self {
            name: pod.metadata.name.clone().unwrap_or_default(),
            container: container.unwrap_or_default(),
            runs: phase == "Running",
            ready,
            words,
        }
    }
}

/// What a container that does not run says: `CrashLoopBackOff: back-off 10s …`.
fn waiting(container: &ContainerStatus) -> Option<String> {
    let state = container.state.as_ref()?;
    if let Some(waiting) = &state.waiting {
        let words: Vec<&str> = [waiting.reason.as_deref(), waiting.message.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        return Some(words.join(": "));
    }
    let ended = state.terminated.as_ref()?;
    let reason = ended.reason.as_deref().unwrap_or("it ended");
    Some(format!("{reason}, exit code {}", ended.exit_code))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pods(all: &[Value]) -> Pods {
        Pods::of(
            all.iter()
                .map(|p| serde_json::from_value(p.clone()).unwrap())
                .collect(),
        )
    }

    fn pod(name: &str, status: &Value) -> Value {
        json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "postgres"}]}, "status": status})
    }

    #[test]
    fn each_pod_says_in_its_own_words_why_it_is_not_ready() {
        let ready = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
        let crash = json!({"phase": "Running", "containerStatuses": [{"name": "postgres", "image": "x", "imageID": "x", "ready": false,
            "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}}]});
        let nowhere = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]});
        let mut leaving = pod("d", &ready);
        leaving["metadata"]["deletionTimestamp"] = "2026-11-22T00:00:00Z".into();
        let all = pods(&[pod("b", &crash), pod("a", &ready), pod("c", &nowhere), leaving]);
        assert_eq!(
            all.words(),
            "a is ready; b is Running: CrashLoopBackOff: back-off 10s; c is Pending: 0/1 nodes; d is being deleted"
        );
        assert_eq!((all.any_ready(), all.ready().as_str()), (true, "a"));
        assert_eq!(all.running(), Some(("a", "postgres")));
        let broken = pods(&[pod("c", &nowhere), pod("b", &crash)]);
        assert_eq!(
            (broken.any_ready(), broken.running()),
            (false, Some(("b", "postgres")))
        );
        assert_eq!((pods(&[]).words().as_str(), pods(&[]).running()), ("", None));
    }
}
