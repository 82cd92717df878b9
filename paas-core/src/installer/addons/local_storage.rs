//! Volumes on the nodes' own disks: the local-path provisioner. Their data stays on one machine, and goes with it.

use serde_json::{Value, json};

use super::{
    facts::Facts,
    pins::LOCAL_STORAGE,
    wire::{self, Objects},
};
use crate::error::Result;

/// The addon's name.
pub const NAME: &str = "localStorage";

/// The name of the StorageClass.
pub const CLASS: &str = "local-path";

/// The annotation of the StorageClass that claims get which name none.
pub const DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";

/// Where volumes lie on a machine.
pub const FOLDER: &str = "/var/lib/paas/volumes";

const HOME: &str = "local-path-storage";
const ACCOUNT: &str = "local-path-provisioner";

/// The objects.
///
/// # Errors
/// None that a test has not seen: the names are ours.
pub fn objects(facts: &Facts) -> Result<Objects> {
    let rbac = "rbac.authorization.k8s.io";
    let who = json!([{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": HOME}]);
    let documents = vec![
        json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            // Its pods make folders on machines.
            "metadata": {"name": HOME, "labels": {"pod-security.kubernetes.io/enforce": "privileged"}},
        }),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": HOME}}),
        json!({
            "apiVersion": format!("{rbac}/v1"),
            "kind": "Role",
            "metadata": {"name": ACCOUNT, "namespace": HOME},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create", "patch", "update", "delete"]}],
        }),
        json!({
            "apiVersion": format!("{rbac}/v1"),
            "kind": "RoleBinding",
            "metadata": {"name": ACCOUNT, "namespace": HOME},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": ACCOUNT},
            "subjects": who,
        }),
        json!({
            "apiVersion": format!("{rbac}/v1"),
            "kind": "ClusterRole",
            "metadata": {"name": ACCOUNT},
            "rules": [
                {"apiGroups": [""], "resources": ["nodes", "persistentvolumeclaims", "configmaps", "pods", "pods/log"], "verbs": ["get", "list", "watch"]},
                {"apiGroups": [""], "resources": ["persistentvolumes"], "verbs": ["get", "list", "watch", "create", "patch", "update", "delete"]},
                {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
                {"apiGroups": ["storage.k8s.io"], "resources": ["storageclasses"], "verbs": ["get", "list", "watch"]},
            ],
        }),
        json!({
            "apiVersion": format!("{rbac}/v1"),
            "kind": "ClusterRoleBinding",
            "metadata": {"name": ACCOUNT},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": ACCOUNT},
            "subjects": who,
        }),
        config(facts),
        json!({
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": CLASS, "annotations": {DEFAULT: (!facts.cloud_volumes).to_string()}},
            "provisioner": "rancher.io/local-path",
            "reclaimPolicy": "Delete",
            // The disk is that of the machine that the pod came to.
            "volumeBindingMode": "WaitForFirstConsumer",
        }),
        deployment(),
    ];
    wire::objects(NAME, HOME, documents, &facts.registry)
}

fn config(facts: &Facts) -> Value {
    let helper = LOCAL_STORAGE.images.get(1).copied().unwrap_or_default();
    let paths = json!({"nodePathMap": [{"node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": [FOLDER]}]});
    // A pod for a moment, on the node of the volume: also where that is busy or has no room.
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "helper-pod"},
        "spec": {
            "priorityClassName": "system-node-critical",
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "helper-pod", "image": facts.registry.image(helper), "imagePullPolicy": "IfNotPresent"}],
        },
    });
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "local-path-config", "namespace": HOME},
        "data": {
            "config.json": format!("{paths:#}\n"),
            "setup": "#!/bin/sh\nset -eu\nmkdir -m 0777 -p \"$VOL_DIR\"\n",
            "teardown": "#!/bin/sh\nset -eu\nrm -rf \"$VOL_DIR\"\n",
            // JSON is YAML too.
            "helperPod.yaml": format!("{pod:#}\n"),
        },
    })
}

fn deployment() -> Value {
    let chosen = json!({"app": "local-path-provisioner"});
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "local-path-provisioner", "namespace": HOME, "labels": chosen},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": chosen},
            "template": {
                "metadata": {"labels": chosen},
                "spec": {
                    "serviceAccountName": ACCOUNT,
                    "containers": [{
                        "name": "local-path-provisioner",
                        "image": LOCAL_STORAGE.images.first(),
                        "imagePullPolicy": "IfNotPresent",
                        "command": ["local-path-provisioner", "start", "--config", "/etc/config/config.json"],
                        "env": [
                            {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                            {"name": "CONFIG_MOUNT_PATH", "value": "/etc/config/"},
                            {"name": "SERVICE_ACCOUNT_NAME", "value": ACCOUNT},
                            {"name": "HEALTH_PORT", "value": "8080"},
                        ],
                        "ports": [{"name": "health", "containerPort": 8080, "protocol": "TCP"}],
                        "startupProbe": {"httpGet": {"path": "/health", "port": "health"}, "periodSeconds": 5, "failureThreshold": 12},
                        "livenessProbe": {"httpGet": {"path": "/health", "port": "health"}, "periodSeconds": 10},
                        "readinessProbe": {"httpGet": {"path": "/ready", "port": "health"}, "periodSeconds": 5},
                        "volumeMounts": [{"name": "config-volume", "mountPath": "/etc/config/"}],
                    }],
                    "volumes": [{"name": "config-volume", "configMap": {"name": "local-path-config"}}],
                },
            },
        },
    })
}
