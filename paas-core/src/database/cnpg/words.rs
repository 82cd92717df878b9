//! Asking those who know why a Cluster does not get on: its pods, jobs, volumes, and the events about them.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::{
    Api, Client,
    api::{ListParams, LogParams},
};
use serde_json::{Value, json};

use super::{
    health::text,
    kinds::{CLUSTER, POD_MONITOR, VOLUME},
    net::CLUSTER_LABEL,
    worse::{last_words, worse},
};
use crate::{
    error::{Error, Result},
    graph::Observed,
    kube::{Around, KubeObject, MANAGER, Seen, fault},
    resource::{Health, Key, Live, Origin},
};

/// Lines of a log that are read from its end.
const LINES: i64 = 50;

/// Since when a Cluster is not ready: the time of its condition, or of its making.
pub(super) fn since(cluster: &Value) -> Option<Timestamp> {
    let conditions = cluster["status"]["conditions"].as_array();
    let ready = conditions.and_then(|all| all.iter().find(|c| c["type"] == "Ready"));
    let turned = ready.and_then(|c| c["lastTransitionTime"].as_str());
    let made = cluster["metadata"]["creationTimestamp"].as_str();
    turned.or(made)?.parse().ok()
}

/// When we applied an object the last time so that it changed, by its `metadata.managedFields`.
pub(super) fn applied(managed: &Value) -> Option<Timestamp> {
    let ours = |m: &&Value| m["manager"] == MANAGER && m["operation"] == "Apply";
    let entry = managed.as_array()?.iter().find(ours)?;
    entry["time"].as_str()?.parse().ok()
}

/// What is worse than the Cluster itself says; `None` too if nobody may be asked, for what the Cluster says is true all the same.
pub(super) async fn ask(client: &Client, namespace: &str, cluster: &str) -> Option<Health> {
    let label = format!("{CLUSTER_LABEL}={cluster}");
    let mut around = match Around::of(client, namespace, cluster, &label).await {
        Ok(around) => around,
        Err(error) => {
            tracing::debug!(%error, cluster, "what is in the way of the Cluster cannot be asked");
            return None;
        }
    };
    speak(client, namespace, &mut around.pods).await;
    worse(&around.pods, &around.jobs, &around.claims, &around.events)
}

/// True if the cluster has the kind that Prometheus' operator reads. Without an answer nothing is made for it.
pub(super) async fn monitors(client: &Client) -> bool {
    let version = POD_MONITOR.api_version();
    let kinds = client.list_api_group_resources(&version).await;
    kinds.is_ok_and(|all| all.resources.iter().any(|r| r.name == POD_MONITOR.plural))
}

/// Puts the last words of a job's failed pods where [`worse`] reads them: CloudNativePG leaves none in their status.
async fn speak(client: &Client, namespace: &str, pods: &mut [Value]) {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let failed = |p: &&mut Value| {
        p["status"]["phase"] == "Failed"
            && p["metadata"]["labels"]["batch.kubernetes.io/job-name"].is_string()
    };
    let Some(pod) = pods.iter_mut().filter(failed).last() else {
        return;
    };
    let how = LogParams {
        tail_lines: Some(LINES),
        ..LogParams::default()
    };
    let name = text(&pod["metadata"]["name"]).to_owned();
    let Ok(log) = api.logs(&name, &how).await else {
        return;
    };
    if let (Some(words), Some(statuses)) = (
        last_words(&log),
        pod["status"]["containerStatuses"].as_array_mut(),
    ) {
        for status in statuses {
            status["state"]["terminated"]["message"] = json!(words);
        }
    }
}

/// The Cluster's volumes, as what it made: they hold what it holds, and go with it.
///
/// # Errors
/// They cannot be listed.
pub(super) async fn volumes(
    client: &Client,
    namespace: &str,
    cluster: &str,
    seen: &mut Observed<KubeObject>,
) -> Result<(), Error> {
    let ours = seen.live.values().find(|l| *l.resource.object_kind() == CLUSTER);
    let Some(uid) = ours.map(|l| l.id.clone()) else {
        return Ok(());
    };
    let label = format!("{CLUSTER_LABEL}={cluster}");
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    let found = claims.list(&ListParams::default().labels(&label)).await;
    let found = found.map_err(|e| fault::of("list the volumes of a Cluster", false, e))?;
    for claim in found.items.iter().filter_map(|c| serde_json::to_value(c).ok()) {
        let metadata = &claim["metadata"];
        let owners = metadata["ownerReferences"].as_array();
        if !owners.is_some_and(|all| all.iter().any(|o| o["uid"] == uid.as_str())) {
            continue;
        }
        let health = match metadata["deletionTimestamp"].is_string() {
            true => Health::Leaving,
            false => Health::Ready,
        };
        let (id, name) = (
            text(&metadata["uid"]).to_owned(),
            text(&metadata["name"]).to_owned(),
        );
        let key = Key::new(format!("volume/{name}"))?;
        let whole = Seen {
            object: claim,
            ..Seen::default()
        };
        let volume = KubeObject::found(&VOLUME, namespace, name, Value::Null, whole).holding_data();
        let live = Live {
            id,
            resource: volume,
            health,
            origin: Origin::Derived,
            was_ready: true,
            drifted: Vec::new(),
        };
        seen.found(key, live);
    }
    Ok(())
}
