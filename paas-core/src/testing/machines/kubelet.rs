//! A kubelet of a machine that is played: its Node, and the pods that are bound to it, which run as soon as they can.

use std::{fmt, time::Duration};

use k8s_openapi::api::{
    coordination::v1::Lease,
    core::v1::{Node, Pod},
};
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::{Value, json};

use crate::clock::{Clock, SystemClock};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// Between two signs of life.
const SIGN: Duration = Duration::from_secs(3);

/// Where the network of pods is; a node without it is not ready, and runs nothing but what uses the machine's own.
const NETWORK: &str = "kube-flannel";

/// A kubelet with its rights.
#[derive(Clone)]
pub(super) struct Kubelet {
    pub(super) client: Client,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) version: String,
}

impl fmt::Debug for Kubelet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubelet")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Kubelet {
    /// Makes the Node. One that is there is taken as it is, with whatever machine stands in it: a kubelet does no more.
    pub(super) async fn register(&self, registration: &Value) -> kube::Result<()> {
        let arguments = registration["kubeletExtraArgs"].as_array();
        let argument = |name: &str| {
            let mut found = arguments.into_iter().flatten().filter(|a| a["name"] == name);
            found.next().and_then(|a| a["value"].as_str())
        };
        let mut labels = json!({
            "kubernetes.io/hostname": self.name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        });
        for (name, value) in argument("node-labels")
            .iter()
            .flat_map(|l| l.split(','))
            .filter_map(|l| l.split_once('='))
        {
            labels[name] = json!(value);
        }
        let mut taints = Vec::new();
        if argument("cloud-provider") == Some("external") {
            let key = "node.cloudprovider.kubernetes.io/uninitialized";
            taints.push(json!({"key": key, "value": "true", "effect": "NoSchedule"}));
        }
        let node = json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": self.name, "labels": labels},
            "spec": {"providerID": argument("provider-id"), "taints": taints},
        });
        let node: Node = serde_json::from_value(node).map_err(kube::Error::SerdeError)?;
        let made = Api::<Node>::all(self.client.clone())
            .create(&PostParams::default(), &node)
            .await;
        match made {
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            other => other.map(drop),
        }
    }

    /// Lives until it is dropped. What fails is tried again.
    pub(super) async fn run(self) {
        let mut said: Option<(bool, Duration)> = None;
        loop {
            if let Ok(network) = self.pods().await {
                let now = SystemClock.elapsed();
                let anew = said.is_none_or(|(was, at)| was != network || now.saturating_sub(at) > SIGN);
                if anew {
                    match self.tell(network, said.map(|(was, _)| was)).await {
                        Ok(()) => said = Some((network, now)),
                        Err(error) => tracing::debug!(%error, node = self.name, "a kubelet is not heard"),
                    }
                }
            }
            SystemClock.sleep(LOOK).await;
        }
    }

    /// That it lives, and whether it is ready.
    async fn tell(&self, network: bool, before: Option<bool>) -> kube::Result<()> {
        // Six digits, or it is no time to the API server.
        let now = SystemClock.now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), "kube-node-lease");
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": self.name},
            "spec": {"holderIdentity": self.name, "leaseDurationSeconds": 40, "renewTime": now},
        });
        let params = PatchParams::apply("kubelet").force();
        leases.patch(&self.name, &params, &Patch::Apply(&lease)).await?;
        if before == Some(network) {
            return Ok(());
        }
        let (ready, reason, message) = match network {
            true => ("True", "KubeletReady", "kubelet is posting ready status"),
            false => (
                "False",
                "KubeletNotReady",
                "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized",
            ),
        };
        let now = now_in_seconds();
        let status = json!({"status": {
            "addresses": [{"type": "InternalIP", "address": self.address}, {"type": "Hostname", "address": self.name}],
            "capacity": {"cpu": "2", "memory": "4Gi", "pods": "110"},
            "allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"},
            "conditions": [{
                "type": "Ready", "status": ready, "reason": reason, "message": message, "lastHeartbeatTime": now, "lastTransitionTime": now,
            }],
            "nodeInfo": {
                "kubeletVersion": self.version, "kubeProxyVersion": self.version, "osImage": "Debian GNU/Linux 12 (bookworm)",
                "operatingSystem": "linux", "architecture": "amd64", "kernelVersion": "6.1.0", "containerRuntimeVersion": "containerd://2.1.0",
                "machineID": self.name, "systemUUID": self.name, "bootID": self.name,
            },
        }});
        let nodes: Api<Node> = Api::all(self.client.clone());
        let patch = Patch::Strategic(status);
        let told = nodes
            .patch_status(&self.name, &PatchParams::default(), &patch)
            .await;
        told.map(drop)
    }

    /// Lets pods run, and those end that are asked to. True if the network of pods runs here.
    async fn pods(&self) -> kube::Result<bool> {
        let mine = ListParams::default().fields(&format!("spec.nodeName={}", self.name));
        let pods = Api::<Pod>::all(self.client.clone()).list(&mine).await?.items;
        let network = pods.iter().any(|p| {
            p.namespace().as_deref() == Some(NETWORK) && runs(p) && p.metadata.deletion_timestamp.is_none()
        });
        for pod in pods {
            let own: Api<Pod> = Api::namespaced(self.client.clone(), &pod.namespace().unwrap_or_default());
            let on_host = pod.spec.as_ref().and_then(|s| s.host_network) == Some(true);
            if pod.metadata.deletion_timestamp.is_some() {
                let over = DeleteParams {
                    grace_period_seconds: Some(0),
                    preconditions: Some(Preconditions {
                        uid: pod.uid(),
                        resource_version: None,
                    }),
                    ..DeleteParams::default()
                };
                let _ = own.delete(&pod.name_any(), &over).await;
            } else if !runs(&pod) && (on_host || network) {
                let status = self.running(&pod);
                let patch = Patch::Merge(json!({"status": status}));
                let _ = own
                    .patch_status(&pod.name_any(), &PatchParams::default(), &patch)
                    .await;
            }
        }
        Ok(network)
    }

    fn running(&self, pod: &Pod) -> Value {
        let now = now_in_seconds();
        let containers = pod.spec.iter().flat_map(|s| &s.containers);
        let containers: Vec<Value> = containers
            .map(|c| {
                json!({
                    "name": c.name, "image": c.image.clone().unwrap_or_default(), "imageID": "played", "ready": true, "started": true,
                    "restartCount": 0, "state": {"running": {"startedAt": now}},
                })
            })
            .collect();
        let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"];
        let conditions = conditions.map(|c| json!({"type": c, "status": "True", "lastTransitionTime": now}));
        json!({
            "phase": "Running", "hostIP": self.address, "podIP": self.address, "startTime": now, "conditions": conditions,
            "containerStatuses": containers,
        })
    }
}

fn runs(pod: &Pod) -> bool {
    pod.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Running")
}

fn now_in_seconds() -> String {
    let now = SystemClock.now();
    jiff::Timestamp::from_second(now.as_second())
        .unwrap_or(now)
        .to_string()
}
