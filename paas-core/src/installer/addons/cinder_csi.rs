//! Volumes of the cloud: the Cinder CSI driver, and the StorageClass that is the default one.
//!
//! Volumes bear the cluster's name in their metadata (`cinder.csi.openstack.org/cluster`). There are no snapshots: the kinds that they
//! need are not installed, and upstream's container for them would fail without.

use serde_json::{Value, json};

use super::{
    cloud,
    cloud_controller::reading_the_secret,
    facts::Facts,
    local_storage::DEFAULT,
    pins::{self, SIDECARS},
    wire::{self, Objects},
};
use crate::error::Result;

/// The addon's name.
pub const NAME: &str = "csi";

/// The name of the StorageClass.
pub const CLASS: &str = "cinder";

const HOME: &str = "kube-system";
const DRIVER: &str = "cinder.csi.openstack.org";
const CONTROLLER: &str = "csi-cinder-controller-sa";
const NODE: &str = "csi-cinder-node-sa";

/// Where the containers of the controller meet.
const SOCKETS: &str = "/var/lib/csi/sockets/pluginproxy";

/// The objects.
///
/// # Errors
/// [`crate::installer::codes::INS_CLOUD`] if nothing is known of the cloud.
pub fn objects(facts: &Facts) -> Result<Objects> {
    let cloud = cloud::of(facts)?;
    let (config, zones) = (cloud.fingerprint(), !cloud.ignore_volume_zone);
    let mut documents = vec![
        json!({
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSIDriver",
            "metadata": {"name": DRIVER},
            "spec": {"attachRequired": true, "podInfoOnMount": true, "volumeLifecycleModes": ["Persistent", "Ephemeral"]},
        }),
        json!({
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": CLASS, "annotations": {DEFAULT: "true"}},
            "provisioner": DRIVER,
            "reclaimPolicy": "Delete",
            "allowVolumeExpansion": true,
            // The zone of a volume is that of the machine that its pod came to.
            "volumeBindingMode": "WaitForFirstConsumer",
        }),
    ];
    documents.extend(rights());
    documents.push(controller(facts, &config, zones));
    documents.push(node(facts, &config, zones));
    reading_the_secret(wire::objects(NAME, HOME, documents, &facts.registry)?)
}

/// Who the pods are, and what they may do: a role for each container that speaks to the API server.
fn rights() -> Vec<Value> {
    let leases = json!({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "watch", "list", "delete", "update", "create"]});
    let events = json!({"apiGroups": [""], "resources": ["events"], "verbs": ["get", "list", "watch", "create", "update", "patch"]});
    let core = |resources: &[&str], verbs: &[&str]| json!({"apiGroups": [""], "resources": resources, "verbs": verbs});
    let storage = |resources: &[&str], verbs: &[&str]| json!({"apiGroups": ["storage.k8s.io"], "resources": resources, "verbs": verbs});
    let read = ["get", "list", "watch"];
    let all = [
        (
            "csi-attacher",
            CONTROLLER,
            json!([
                core(&["persistentvolumes"], &["get", "list", "watch", "patch"]),
                storage(&["csinodes"], &read),
                storage(&["volumeattachments"], &["get", "list", "watch", "patch"]),
                storage(&["volumeattachments/status"], &["patch"]),
                leases,
            ]),
        ),
        (
            "csi-provisioner",
            CONTROLLER,
            json!([
                core(
                    &["persistentvolumes"],
                    &["get", "list", "watch", "create", "delete", "patch"]
                ),
                core(&["persistentvolumeclaims"], &["get", "list", "watch", "update"]),
                core(&["nodes"], &read),
                storage(&["storageclasses", "csinodes", "volumeattachments"], &read),
                events,
                leases,
            ]),
        ),
        (
            "csi-resizer",
            CONTROLLER,
            json!([
                core(&["persistentvolumes"], &["get", "list", "watch", "patch"]),
                core(&["persistentvolumeclaims", "pods"], &read),
                core(&["persistentvolumeclaims/status"], &["patch"]),
                events,
                leases,
            ]),
        ),
        ("csi-nodeplugin", NODE, json!([events])),
    ];
    let account = |name: &str| json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": HOME}});
    let mut documents = vec![account(CONTROLLER), account(NODE)];
    for (name, account, rules) in all {
        let name = format!("cinder:{name}");
        documents.push(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": rules,
        }));
        documents.push(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": HOME}],
        }));
    }
    documents
}

/// A container beside the driver, which speaks to it by a socket.
fn sidecar(name: &str, more: &[&str]) -> Value {
    let image = SIDECARS
        .images
        .iter()
        .find(|image| image.contains(&format!("/{name}:")));
    let mut arguments = vec![format!("--csi-address={SOCKETS}/csi.sock")];
    arguments.extend(more.iter().map(|&a| a.to_owned()));
    json!({
        "name": name,
        "image": image,
        "args": arguments,
        "volumeMounts": [{"name": "socket-dir", "mountPath": SOCKETS}],
    })
}

fn image(facts: &Facts) -> Option<&'static &'static str> {
    pins::openstack_for(facts.minor).images.get(1)
}

fn probe(period: u32) -> Value {
    json!({
        "httpGet": {"path": "/healthz", "port": "healthz"},
        "failureThreshold": 5,
        "initialDelaySeconds": 10,
        "timeoutSeconds": 10,
        "periodSeconds": period,
    })
}

fn controller(facts: &Facts, config: &str, zones: bool) -> Value {
    let chosen = json!({"app": "csi-cinder-controllerplugin"});
    let topology = format!("--feature-gates=Topology={zones}");
    let shared = ["--timeout=3m", "--leader-election=true"];
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "csi-cinder-controllerplugin", "namespace": HOME, "labels": chosen},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "selector": {"matchLabels": chosen},
            "template": {
                "metadata": {"labels": chosen, "annotations": {cloud::ANNOTATION: config}},
                "spec": {
                    "serviceAccountName": CONTROLLER,
                    "priorityClassName": "system-cluster-critical",
                    "containers": [
                        sidecar("csi-attacher", &[&shared[..], &["--default-fstype=ext4"]].concat()),
                        sidecar("csi-provisioner", &[&shared[..], &["--default-fstype=ext4", "--extra-create-metadata", &topology]].concat()),
                        sidecar("csi-resizer", &[&shared[..], &["--handle-volume-inuse-error=false"]].concat()),
                        sidecar("livenessprobe", &[]),
                        {
                            "name": "cinder-csi-plugin",
                            "image": image(facts),
                            "args": [
                                "/bin/cinder-csi-plugin",
                                "--endpoint=unix://csi/csi.sock",
                                format!("--cloud-config={}/cloud.conf", cloud::FOLDER),
                                format!("--cluster={}", facts.cluster),
                                format!("--with-topology={zones}"),
                                "--pvc-annotations",
                                "--v=1",
                            ],
                            "ports": [{"name": "healthz", "containerPort": 9808, "protocol": "TCP"}],
                            "livenessProbe": probe(60),
                            "volumeMounts": [
                                {"name": "socket-dir", "mountPath": "/csi"},
                                {"name": "cloud-config", "mountPath": cloud::FOLDER, "readOnly": true},
                            ],
                        },
                    ],
                    "volumes": [
                        {"name": "socket-dir", "emptyDir": {}},
                        {"name": "cloud-config", "secret": {"secretName": cloud::SECRET}},
                    ],
                },
            },
        },
    })
}

fn node(facts: &Facts, config: &str, zones: bool) -> Value {
    let chosen = json!({"app": "csi-cinder-nodeplugin"});
    let folder = format!("/var/lib/kubelet/plugins/{DRIVER}");
    let mut registrar = sidecar(
        "csi-node-driver-registrar",
        &[&format!("--kubelet-registration-path={folder}/csi.sock")],
    );
    registrar["volumeMounts"] = json!([
        {"name": "socket-dir", "mountPath": SOCKETS},
        {"name": "registration-dir", "mountPath": "/registration"},
    ]);
    json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "csi-cinder-nodeplugin", "namespace": HOME, "labels": chosen},
        "spec": {
            "selector": {"matchLabels": chosen},
            "template": {
                "metadata": {"labels": chosen, "annotations": {cloud::ANNOTATION: config}},
                "spec": {
                    // It asks the metadata service which machine this is, which pods of their own network may not.
                    "hostNetwork": true,
                    "serviceAccountName": NODE,
                    "priorityClassName": "system-node-critical",
                    "tolerations": [{"operator": "Exists"}],
                    "containers": [
                        registrar,
                        sidecar("livenessprobe", &[]),
                        {
                            "name": "cinder-csi-plugin",
                            "image": image(facts),
                            "args": [
                                "/bin/cinder-csi-plugin",
                                "--endpoint=unix://csi/csi.sock",
                                "--provide-controller-service=false",
                                format!("--cloud-config={}/cloud.conf", cloud::FOLDER),
                                format!("--with-topology={zones}"),
                                "--v=1",
                            ],
                            "securityContext": {
                                "privileged": true,
                                "capabilities": {"add": ["SYS_ADMIN"]},
                                "allowPrivilegeEscalation": true,
                            },
                            "ports": [{"name": "healthz", "containerPort": 9808, "protocol": "TCP"}],
                            "livenessProbe": probe(10),
                            "volumeMounts": [
                                {"name": "socket-dir", "mountPath": "/csi"},
                                {"name": "kubelet-dir", "mountPath": "/var/lib/kubelet", "mountPropagation": "Bidirectional"},
                                {"name": "device-dir", "mountPath": "/dev", "mountPropagation": "HostToContainer"},
                                {"name": "cloud-config", "mountPath": cloud::FOLDER, "readOnly": true},
                            ],
                        },
                    ],
                    "volumes": [
                        {"name": "socket-dir", "hostPath": {"path": folder, "type": "DirectoryOrCreate"}},
                        {"name": "registration-dir", "hostPath": {"path": "/var/lib/kubelet/plugins_registry/", "type": "Directory"}},
                        {"name": "kubelet-dir", "hostPath": {"path": "/var/lib/kubelet", "type": "Directory"}},
                        {"name": "device-dir", "hostPath": {"path": "/dev", "type": "Directory"}},
                        {"name": "cloud-config", "secret": {"secretName": cloud::SECRET}},
                    ],
                },
            },
        },
    })
}
