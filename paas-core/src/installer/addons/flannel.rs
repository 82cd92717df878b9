//! The network of pods: flannel, by VXLAN.
//!
//! Two ways differ from upstream's manifest:
//! - flanneld is told the control plane's own address. The Service's works only once kube-proxy has written its rules, and flanneld gives
//!   up after 30 s, to begin again after a pause.
//! - The node's configuration is copied by `cp`, which every image of flannel has, not by `install-conf`, which came late.
//!
//! The plugin comes from an image of its own ([`super::pins::FLANNEL`]), as upstream has it: a registry or a machine without a network
//! must have both.

use serde_json::{Value, json};

use super::{
    facts::{API_PORT, Facts},
    pins::FLANNEL,
    wire::{self, Objects},
};
use crate::error::Result;

/// The addon's name.
pub const NAME: &str = "flannel";

const HOME: &str = "kube-flannel";

/// The objects.
///
/// # Errors
/// None that a test has not seen: the names are ours.
pub fn objects(facts: &Facts) -> Result<Objects> {
    let documents = vec![
        json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            // Its pods are in the nodes' own network.
            "metadata": {"name": HOME, "labels": {"pod-security.kubernetes.io/enforce": "privileged"}},
        }),
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "flannel", "namespace": HOME},
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "flannel"},
            "rules": [
                {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
                {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
                {"apiGroups": [""], "resources": ["nodes/status"], "verbs": ["patch"]},
            ],
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "flannel"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "flannel"},
            "subjects": [{"kind": "ServiceAccount", "name": "flannel", "namespace": HOME}],
        }),
        config(facts),
        daemon_set(facts),
    ];
    wire::objects(NAME, HOME, documents, &facts.registry)
}

fn config(facts: &Facts) -> Value {
    let network = json!({
        "Network": facts.pod_cidr,
        "EnableNFTables": false,
        "Backend": {"Type": "vxlan"},
    });
    let node = json!({
        "name": "cbr0",
        "cniVersion": "1.0.0",
        "plugins": [
            {"type": "flannel", "delegate": {"hairpinMode": true, "isDefaultGateway": true}},
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    });
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "kube-flannel-cfg", "namespace": HOME},
        "data": {"cni-conf.json": format!("{node:#}\n"), "net-conf.json": format!("{network:#}\n")},
    })
}

fn daemon_set(facts: &Facts) -> Value {
    let [flanneld, plugin, ..] = FLANNEL.images else {
        return Value::Null;
    };
    let chosen = json!({"app": "flannel"});
    json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "kube-flannel-ds", "namespace": HOME, "labels": chosen},
        "spec": {
            "selector": {"matchLabels": chosen},
            "template": {
                "metadata": {
                    "labels": chosen,
                    // flanneld reads its configuration once.
                    "annotations": {"paas.rs/pod-network": facts.pod_cidr},
                },
                "spec": {
                    "hostNetwork": true,
                    "priorityClassName": "system-node-critical",
                    "serviceAccountName": "flannel",
                    "nodeSelector": {"kubernetes.io/os": "linux"},
                    // No node is ready before this, none has its cloud's word, and none is left out.
                    "tolerations": [{"operator": "Exists", "effect": "NoSchedule"}],
                    "initContainers": [
                        {
                            "name": "install-cni-plugin",
                            "image": plugin,
                            "command": ["cp"],
                            "args": ["-f", "/flannel", "/opt/cni/bin/flannel"],
                            "volumeMounts": [{"name": "cni-plugin", "mountPath": "/opt/cni/bin"}],
                        },
                        {
                            "name": "install-cni",
                            "image": flanneld,
                            "command": ["cp"],
                            "args": ["-f", "/etc/kube-flannel/cni-conf.json", "/etc/cni/net.d/10-flannel.conflist"],
                            "volumeMounts": [
                                {"name": "cni", "mountPath": "/etc/cni/net.d"},
                                {"name": "flannel-cfg", "mountPath": "/etc/kube-flannel/"},
                            ],
                        },
                    ],
                    "containers": [{
                        "name": "kube-flannel",
                        "image": flanneld,
                        "command": ["/opt/bin/flanneld"],
                        "args": ["--ip-masq", "--kube-subnet-mgr", "--healthz-port=8081"],
                        "ports": [{"name": "healthz", "containerPort": 8081, "protocol": "TCP"}],
                        "livenessProbe": {
                            "httpGet": {"path": "/healthz", "port": "healthz"},
                            "initialDelaySeconds": 10,
                            "periodSeconds": 30,
                        },
                        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "healthz"}, "periodSeconds": 5},
                        "resources": {"requests": {"cpu": "100m", "memory": "50Mi"}},
                        "securityContext": {"privileged": false, "capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
                        "env": [
                            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                            {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                            {"name": "KUBERNETES_SERVICE_HOST", "value": facts.control_plane},
                            {"name": "KUBERNETES_SERVICE_PORT", "value": API_PORT.to_string()},
                            {"name": "EVENT_QUEUE_DEPTH", "value": "5000"},
                            {"name": "CONT_WHEN_CACHE_NOT_READY", "value": "false"},
                        ],
                        "volumeMounts": [
                            {"name": "run", "mountPath": "/run/flannel"},
                            {"name": "flannel-cfg", "mountPath": "/etc/kube-flannel/"},
                            {"name": "xtables-lock", "mountPath": "/run/xtables.lock"},
                        ],
                    }],
                    "volumes": [
                        {"name": "run", "hostPath": {"path": "/run/flannel"}},
                        {"name": "cni-plugin", "hostPath": {"path": "/opt/cni/bin"}},
                        {"name": "cni", "hostPath": {"path": "/etc/cni/net.d"}},
                        {"name": "flannel-cfg", "configMap": {"name": "kube-flannel-cfg"}},
                        {"name": "xtables-lock", "hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"}},
                    ],
                },
            },
        },
    })
}
