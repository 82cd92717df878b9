//! What there is around an object that does not get ready: the pods, jobs and claims of its label, and the events about them.

use std::iter;

use kube::Client;
use serde_json::Value;

use super::{
    ObjectKind,
    call::{Place, Server},
};
use crate::error::Error;

/// Pods.
static POD: ObjectKind = ObjectKind::core("Pod", "pods", "pod");
/// What runs once.
static JOB: ObjectKind = ObjectKind::core("Job", "jobs", "job").of("batch", "v1");
/// Claims of volumes.
static CLAIM: ObjectKind = ObjectKind::core(
    "PersistentVolumeClaim",
    "persistentvolumeclaims",
    "persistentVolumeClaim",
);
/// What the cluster's parts say.
static EVENT: ObjectKind = ObjectKind::core("Event", "events", "event");

/// Objects whose events are asked for at most: the first that are in trouble tell what it is.
const AT_MOST: usize = 8;

/// Everything around an object, whole, as the API server lists it.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// Its pods.
    pub pods: Vec<Value>,
    /// Its jobs.
    pub jobs: Vec<Value>,
    /// Its claims.
    pub claims: Vec<Value>,
    /// What is told of it and of those of all these that are in trouble, oldest first.
    pub events: Vec<Value>,
}

impl Around {
    /// Looks around the object `name` in `namespace`, whose own bear the labels of `selector`. Some lists; meant for what does not get
    /// ready.
    ///
    /// # Errors
    /// The API server's.
    pub async fn of(client: &Client, namespace: &str, name: &str, selector: &str) -> Result<Self, Error> {
        let server = Server::new(client.clone());
        let all = |kind| Place {
            kind,
            namespace,
            name: "",
        };
        let pods = server.list(all(&POD), selector, true).await?;
        let jobs = server.list(all(&JOB), selector, true).await?;
        let claims = server.list(all(&CLAIM), selector, true).await?;
        // A volume that does not come is what jobs and pods wait for.
        let all_three = [&claims, &jobs, &pods].into_iter().flatten();
        let troubled = all_three
            .filter(|object| in_trouble(object))
            .filter_map(|object| object["metadata"]["name"].as_str());
        let mut names: Vec<&str> = iter::once(name).chain(troubled).take(AT_MOST).collect();
        names.sort_unstable();
        names.dedup();
        let mut events = Vec::new();
        for name in names {
            events.extend(server.about(all(&EVENT), name).await?);
        }
        events.sort_by(|a, b| last(a).cmp(last(b)));
        Ok(Self {
            pods,
            jobs,
            claims,
            events,
        })
    }
}

/// A pod that is not ready, a job that has done nothing yet, a claim without a volume.
fn in_trouble(object: &Value) -> bool {
    let status = &object["status"];
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let ready = |c: &Value| c["type"] == "Ready" && c["status"] == "True";
    let fine = status["phase"] == "Bound"
        || status["phase"] == "Succeeded"
        || status["succeeded"].as_u64() > Some(0)
        || conditions.into_iter().any(ready);
    !fine
}

/// When an event was seen last; the form sorts as time does.
fn last(event: &Value) -> &str {
    let text = |field: &str| event[field].as_str().filter(|t| !t.is_empty());
    let at = text("lastTimestamp").or_else(|| text("eventTime"));
    at.or_else(|| event["metadata"]["creationTimestamp"].as_str())
        .unwrap_or_default()
}
