//! The kinds of objects that addons are made of.

use super::health;
use crate::{
    kube::{ObjectKind, kind},
    resource::{Change, Diff},
};

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// Where objects lie.
pub static NAMESPACE: ObjectKind = ObjectKind::core("Namespace", "namespaces", "namespace").of_the_cluster();
/// A kind of objects, whose objects go with it.
pub static DEFINITION: ObjectKind = ObjectKind::core(
    "CustomResourceDefinition",
    "customresourcedefinitions",
    "customResourceDefinition",
)
.of("apiextensions.k8s.io", "v1")
.of_the_cluster()
.judged_by(health::of_definition);
/// What may be done anywhere.
pub static CLUSTER_ROLE: ObjectKind = ObjectKind::core("ClusterRole", "clusterroles", "clusterRole")
    .of(RBAC, "v1")
    .of_the_cluster();
/// Who may do it.
pub static CLUSTER_ROLE_BINDING: ObjectKind =
    ObjectKind::core("ClusterRoleBinding", "clusterrolebindings", "clusterRoleBinding")
        .of(RBAC, "v1")
        .of_the_cluster()
        .changed_by(binding);
/// What may be done in a namespace.
pub static ROLE: ObjectKind = ObjectKind::core("Role", "roles", "role").of(RBAC, "v1");
/// Who may do it.
pub static ROLE_BINDING: ObjectKind = ObjectKind::core("RoleBinding", "rolebindings", "roleBinding")
    .of(RBAC, "v1")
    .changed_by(binding);
/// A pod on every node that fits.
pub static DAEMON_SET: ObjectKind = ObjectKind::core("DaemonSet", "daemonsets", "daemonSet")
    .of("apps", "v1")
    .judged_by(health::of_daemon_set)
    .changed_by(workload)
    .making_others();
/// A number of pods.
pub static DEPLOYMENT: ObjectKind = ObjectKind::core("Deployment", "deployments", "deployment")
    .of("apps", "v1")
    .judged_by(health::of_deployment)
    .changed_by(workload)
    .making_others();
/// A sort of volumes.
pub static STORAGE_CLASS: ObjectKind = ObjectKind::core("StorageClass", "storageclasses", "storageClass")
    .of("storage.k8s.io", "v1")
    .of_the_cluster()
    .changed_by(class);
/// A driver of volumes.
pub static CSI_DRIVER: ObjectKind = ObjectKind::core("CSIDriver", "csidrivers", "csiDriver")
    .of("storage.k8s.io", "v1")
    .of_the_cluster()
    .changed_by(csi_driver);
/// Who changes objects before they are stored.
pub static MUTATING_WEBHOOK: ObjectKind = ObjectKind::core(
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
    "mutatingWebhookConfiguration",
)
.of(ADMISSION, "v1")
.of_the_cluster();
/// Who refuses objects.
pub static VALIDATING_WEBHOOK: ObjectKind = ObjectKind::core(
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    "validatingWebhookConfiguration",
)
.of(ADMISSION, "v1")
.of_the_cluster();
/// A rule by which objects are refused; a kind that clusters have since 1.30.
pub static ADMISSION_POLICY: ObjectKind = ObjectKind::core(
    "ValidatingAdmissionPolicy",
    "validatingadmissionpolicies",
    "validatingAdmissionPolicy",
)
.of(ADMISSION, "v1")
.of_the_cluster()
.or_absent();
/// Where the rule holds.
pub static ADMISSION_POLICY_BINDING: ObjectKind = ObjectKind::core(
    "ValidatingAdmissionPolicyBinding",
    "validatingadmissionpolicybindings",
    "validatingAdmissionPolicyBinding",
)
.of(ADMISSION, "v1")
.of_the_cluster()
.or_absent();

/// All kinds that are looked for, which is one list each.
pub static ALL: [&ObjectKind; 19] = [
    &NAMESPACE,
    &DEFINITION,
    &kind::SERVICE_ACCOUNT,
    &CLUSTER_ROLE,
    &CLUSTER_ROLE_BINDING,
    &ROLE,
    &ROLE_BINDING,
    &kind::CONFIG_MAP,
    &kind::SECRET,
    &kind::SERVICE,
    &DAEMON_SET,
    &DEPLOYMENT,
    &kind::DISRUPTION_BUDGET,
    &STORAGE_CLASS,
    &CSI_DRIVER,
    &MUTATING_WEBHOOK,
    &VALIDATING_WEBHOOK,
    &ADMISSION_POLICY,
    &ADMISSION_POLICY_BINDING,
];

/// Their words.
pub(super) const WORDS: &[&str] = &[
    "namespace",
    "customResourceDefinition",
    "serviceAccount",
    "clusterRole",
    "clusterRoleBinding",
    "role",
    "roleBinding",
    "configMap",
    "secret",
    "service",
    "daemonSet",
    "deployment",
    "podDisruptionBudget",
    "storageClass",
    "csiDriver",
    "mutatingWebhookConfiguration",
    "validatingWebhookConfiguration",
    "validatingAdmissionPolicy",
    "validatingAdmissionPolicyBinding",
];

/// The kind of a document, by its `apiVersion` and `kind`.
pub fn find(api_version: &str, kind: &str) -> Option<&'static ObjectKind> {
    ALL.into_iter()
        .find(|of| of.kind == kind && of.api_version() == api_version)
}

/// Made anew where a field changes that can only be written once.
fn written_once(changes: Vec<Change>, once: &[&str]) -> Diff {
    let is_once = |change: &Change| {
        once.iter().any(|path| {
            change
                .field
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    };
    match changes.iter().any(is_once) {
        true => Diff::Replace(changes),
        false => Diff::Update(changes),
    }
}

fn binding(changes: Vec<Change>) -> Diff {
    written_once(changes, &["roleRef"])
}

fn workload(changes: Vec<Change>) -> Diff {
    written_once(changes, &["spec.selector"])
}

/// What is unknown of a class may be one of these too, and a class that is made anew takes nothing away.
fn class(changes: Vec<Change>) -> Diff {
    let once = [
        "provisioner",
        "parameters",
        "reclaimPolicy",
        "volumeBindingMode",
        "mountOptions",
        "manifest",
    ];
    written_once(changes, &once)
}

fn csi_driver(changes: Vec<Change>) -> Diff {
    written_once(changes, &["spec.attachRequired", "spec.volumeLifecycleModes"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_the_kinds_in_their_order_and_each_is_found() {
        assert_eq!(ALL.map(|of| of.word).as_slice(), WORDS);
        for of in ALL {
            assert_eq!(find(&of.api_version(), of.kind), Some(of));
        }
        assert_eq!(find("v1", "Pod"), None);
    }

    #[test]
    fn what_can_be_written_once_is_made_anew_and_the_rest_changed() {
        let change = |field: &str| vec![Change::new(field, "a", "b")];
        assert!(matches!(binding(change("roleRef.name")), Diff::Replace(_)));
        assert!(matches!(binding(change("subjects[0].name")), Diff::Update(_)));
        assert!(matches!(
            workload(change("spec.selector.matchLabels.app")),
            Diff::Replace(_)
        ));
        assert!(matches!(workload(change("spec.selectors")), Diff::Update(_)));
        assert!(matches!(class(change("parameters.type")), Diff::Replace(_)));
        assert!(matches!(class(change("metadata.annotations.x")), Diff::Update(_)));
        assert!(matches!(
            csi_driver(change("spec.attachRequired")),
            Diff::Replace(_)
        ));
    }
}
