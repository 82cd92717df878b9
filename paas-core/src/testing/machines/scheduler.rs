//! The scheduler of a cluster whose nodes are played: a pod goes to the first node that takes it.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, PostParams},
};
use serde_json::{Value, json};

use crate::clock::{Clock, SystemClock};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// Binds pods until it is dropped. What fails is tried again.
pub(super) async fn run(client: Client) {
    loop {
        let _ = look(&client).await;
        SystemClock.sleep(LOOK).await;
    }
}

async fn look(client: &Client) -> kube::Result<()> {
    let waiting = ListParams::default().fields("spec.nodeName=");
    let pods = Api::<Pod>::all(client.clone()).list(&waiting).await?.items;
    if pods.is_empty() {
        return Ok(());
    }
    let mut nodes = Api::<Node>::all(client.clone())
        .list(&ListParams::default())
        .await?
        .items;
    // Workers first, by their names' place in the alphabet.
    nodes.sort_by_key(|n| std::cmp::Reverse(n.name_any()));
    for pod in pods {
        let of = serde_json::to_value(&pod).unwrap_or_default();
        let Some(node) = nodes.iter().find(|node| takes(node, &of)) else {
            continue;
        };
        let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name, "namespace": namespace},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node.name_any()},
        });
        let pods = Api::<Pod>::namespaced(client.clone(), &namespace);
        let _: kube::Result<Value> = pods
            .create_subresource("binding", &name, &PostParams::default(), &binding)
            .await;
    }
    Ok(())
}

/// True if the pod may run there: the node that its DaemonSet names, else any that is open and whose taints it tolerates.
fn takes(node: &Node, pod: &Value) -> bool {
    let terms = &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let fields = terms["nodeSelectorTerms"].as_array().into_iter().flatten();
    let mut fields = fields.flat_map(|t| t["matchFields"].as_array().into_iter().flatten());
    let named = fields.find(|f| f["key"] == "metadata.name");
    if named.is_some_and(|f| f["values"][0] != node.name_any().as_str()) {
        return false;
    }
    let spec = node.spec.as_ref();
    let taints = spec.iter().flat_map(|s| s.taints.iter().flatten());
    let mut hard = taints.filter(|t| t.effect != "PreferNoSchedule");
    let tolerations: Vec<&Value> = pod["spec"]["tolerations"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    hard.all(|taint| {
        tolerations.iter().any(|t| {
            let key = t["key"].as_str().is_none_or(|key| key == taint.key);
            key && t["effect"].as_str().is_none_or(|effect| effect == taint.effect)
        })
    })
}
