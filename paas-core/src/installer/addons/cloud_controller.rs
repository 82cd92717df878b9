//! OpenStack's cloud controller manager: it tells Kubernetes which machine a node is, and makes load balancers.
//!
//! What it makes bears the cluster's name: `kube_service_<cluster>_<namespace>_<service>`.

use serde_json::{Value, json};

use super::{
    cloud,
    facts::{API_PORT, Facts},
    pins,
    wire::{self, Objects},
};
use crate::{error::Result, resource::Need};

/// The addon's name.
pub const NAME: &str = "cloudController";

const HOME: &str = "kube-system";
const ACCOUNT: &str = "cloud-controller-manager";
const ROLE: &str = "system:cloud-controller-manager";

/// The objects.
///
/// # Errors
/// [`crate::installer::codes::INS_CLOUD`] if nothing is known of the cloud.
pub fn objects(facts: &Facts) -> Result<Objects> {
    let config = cloud::of(facts)?.fingerprint();
    let documents = vec![
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": ACCOUNT, "namespace": HOME},
        }),
        role(),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": ROLE},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": HOME}],
        }),
        daemon_set(facts, &config),
    ];
    reading_the_secret(wire::objects(NAME, HOME, documents, &facts.registry)?)
}

/// The same, with pods that come after the Secret of the cloud and go before it.
pub(super) fn reading_the_secret(objects: Objects) -> Result<Objects> {
    let secret = cloud::key()?;
    Ok(objects
        .into_iter()
        .map(|(key, object)| match object.object_kind().kind {
            "DaemonSet" | "Deployment" => (key, object.need(Need::Order(secret.clone()))),
            _ => (key, object),
        })
        .collect())
}

fn role() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": ROLE},
        "rules": [
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]},
            {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch", "update"]},
            {"apiGroups": [""], "resources": ["nodes"], "verbs": ["*"]},
            {"apiGroups": [""], "resources": ["nodes/status"], "verbs": ["patch"]},
            {"apiGroups": [""], "resources": ["services"], "verbs": ["list", "patch", "update", "watch"]},
            {"apiGroups": [""], "resources": ["services/status"], "verbs": ["patch"]},
            {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["create", "get"]},
            {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]},
            {"apiGroups": [""], "resources": ["persistentvolumes"], "verbs": ["*"]},
            {"apiGroups": [""], "resources": ["endpoints"], "verbs": ["create", "get", "list", "watch", "update"]},
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]},
        ],
    })
}

fn daemon_set(facts: &Facts, config: &str) -> Value {
    let image = pins::openstack_for(facts.minor).images.first();
    let chosen = json!({"k8s-app": "openstack-cloud-controller-manager"});
    json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "openstack-cloud-controller-manager", "namespace": HOME, "labels": chosen},
        "spec": {
            "selector": {"matchLabels": chosen},
            "template": {
                "metadata": {"labels": chosen, "annotations": {cloud::ANNOTATION: config}},
                "spec": {
                    "hostNetwork": true,
                    "priorityClassName": "system-cluster-critical",
                    "serviceAccountName": ACCOUNT,
                    "securityContext": {"runAsUser": 1001},
                    // The label's value is empty with kubeadm, and not with k3s.
                    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]},
                    ]}}},
                    // It is what takes the first of these away.
                    "tolerations": [
                        {"key": "node.cloudprovider.kubernetes.io/uninitialized", "operator": "Exists", "effect": "NoSchedule"},
                        {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"},
                        {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"},
                    ],
                    "containers": [{
                        "name": "openstack-cloud-controller-manager",
                        "image": image,
                        "args": [
                            "/bin/openstack-cloud-controller-manager",
                            "--v=1",
                            format!("--cluster-name={}", facts.cluster),
                            format!("--cloud-config={}/cloud.conf", cloud::FOLDER),
                            "--cloud-provider=openstack",
                            "--use-service-account-credentials=false",
                            "--bind-address=127.0.0.1",
                        ],
                        "env": [
                            {"name": "KUBERNETES_SERVICE_HOST", "value": facts.control_plane},
                            {"name": "KUBERNETES_SERVICE_PORT", "value": API_PORT.to_string()},
                        ],
                        "resources": {"requests": {"cpu": "200m"}},
                        "volumeMounts": [
                            {"name": "certificates", "mountPath": "/etc/ssl/certs", "readOnly": true},
                            {"name": "cloud-config", "mountPath": cloud::FOLDER, "readOnly": true},
                        ],
                    }],
                    "volumes": [
                        {"name": "certificates", "hostPath": {"path": "/etc/ssl/certs", "type": "DirectoryOrCreate"}},
                        {"name": "cloud-config", "secret": {"secretName": cloud::SECRET}},
                    ],
                },
            },
        },
    })
}
