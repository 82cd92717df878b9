//! Emptying a node: nothing new comes, what runs there is asked to go, within its disruption budgets.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use k8s_openapi::api::core::v1::{Node as KubeNode, Pod};
use kube::{
    Api, Client, ResourceExt as _,
    api::{EvictParams, ListParams},
};

use super::super::codes::INS_DRAIN;
use crate::{
    clock::Clock,
    error::{Class, Error, Result},
    kube::fault,
};

/// How long one attempt waits for pods to go.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at what is left.
const PAUSE: Duration = Duration::from_secs(1);

/// Evictions under way at once.
const AT_ONCE: usize = 4;

/// Empties a node. Asked again, it goes on where it was.
///
/// Not waited for: pods of daemon sets and of the node itself, and pods that are over. Of a node that nothing is heard of, nobody ends the
/// pods: what was asked to go there counts as gone.
///
/// # Errors
/// `PAAS-INS-0021` with what is left and why; it may pass.
pub(super) async fn drain(client: &Client, node: &KubeNode, heard_of: bool, clock: &dyn Clock) -> Result<()> {
    let name = node.name_any();
    let unschedulable = node.spec.as_ref().and_then(|s| s.unschedulable);
    if unschedulable != Some(true) {
        let nodes: Api<KubeNode> = Api::all(client.clone());
        let cordoned = nodes.cordon(&name).await;
        cordoned.map_err(|e| fault::of(&format!("cordon the node {name}"), true, e))?;
    }
    let until = clock.elapsed().saturating_add(PATIENCE);
    loop {
        let left = left(client, &name, heard_of).await?;
        if left.is_empty() {
            return Ok(());
        }
        let stay = left.iter().filter(|p| p.metadata.deletion_timestamp.is_none());
        let names: Vec<(String, String)> = stay
            .map(|p| (p.namespace().unwrap_or_default(), p.name_any()))
            .collect();
        let asked = stream::iter(names)
            .map(|(namespace, pod)| evict(client.clone(), namespace, pod))
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<Result<Option<String>>>>()
            .await;
        let refused: Vec<String> = asked
            .into_iter()
            .filter_map(Result::transpose)
            .collect::<Result<_>>()?;
        if clock.elapsed() >= until {
            return Err(busy(&name, &left, &refused));
        }
        clock.sleep(PAUSE).await;
    }
}

/// What still has to go.
async fn left(client: &Client, node: &str, heard_of: bool) -> Result<Vec<Pod>> {
    let pods: Api<Pod> = Api::all(client.clone());
    let here = ListParams::default().fields(&format!("spec.nodeName={node}"));
    let all = pods
        .list(&here)
        .await
        .map_err(|e| fault::of(&format!("list the pods on {node}"), false, e))?;
    Ok(all.items.into_iter().filter(|pod| stays(pod, heard_of)).collect())
}

/// True for a pod that has to go before its node does.
fn stays(pod: &Pod, heard_of: bool) -> bool {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    let over = matches!(phase, Some("Succeeded" | "Failed"));
    let mirrored = pod.annotations().contains_key("kubernetes.io/config.mirror");
    let of_the_node = pod
        .owner_references()
        .iter()
        .any(|o| o.kind == "DaemonSet" && o.controller == Some(true));
    let ending = pod.metadata.deletion_timestamp.is_some();
    !over && !mirrored && !of_the_node && (heard_of || !ending)
}

/// Asks a pod to go; `Some` if its budget does not allow that now.
async fn evict(client: Client, namespace: String, name: String) -> Result<Option<String>> {
    let pods: Api<Pod> = Api::namespaced(client, &namespace);
    match pods.evict(&name, &EvictParams::default()).await {
        Ok(_) => Ok(None),
        Err(error) => {
            let error = fault::of(&format!("evict {namespace}/{name}"), true, error);
            match error.class() {
                Class::NotFound => Ok(None),
                Class::Throttled => Ok(Some(format!("{namespace}/{name}: {}", error.words()))),
                _ => Err(error),
            }
        }
    }
}

fn busy(node: &str, left: &[Pod], refused: &[String]) -> Error {
    let names: Vec<String> = left
        .iter()
        .take(5)
        .map(|p| format!("{}/{}", p.namespace().unwrap_or_default(), p.name_any()))
        .collect();
    let more = left.len().saturating_sub(names.len());
    let mut words = format!("{} of its pods are still there: {}", left.len(), names.join(", "));
    if more > 0 {
        words += &format!(" and {more} more");
    }
    if !refused.is_empty() {
        words += &format!("; {}", refused.join("; "));
    }
    Error::new(&INS_DRAIN, Class::Transient)
        .attempted(format!("empty the node {node}"))
        .happened(words)
}
