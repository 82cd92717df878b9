//! Objects of any kind as JSON, and the few calls that an installation is made of.

use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, Preconditions, PropagationPolicy},
    core::ApiResource,
};
use paas_core::{
    error::Error,
    kube::fault,
    spec::{self, GROUP, VERSION},
};
use serde_json::{Value, json};

use super::MANAGER;

/// A kind of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
    pub(super) namespaced: bool,
}

const fn kind(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
) -> Kind {
    Kind {
        group,
        version,
        kind,
        plural,
        namespaced,
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

pub(super) const DEFINITION: Kind = kind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    false,
);
pub(super) const NAMESPACE: Kind = kind("", "v1", "Namespace", "namespaces", false);
pub(super) const DEPLOYMENT: Kind = kind("apps", "v1", "Deployment", "deployments", true);
pub(super) const LEASE: Kind = kind("coordination.k8s.io", "v1", "Lease", "leases", true);
pub(super) const NODE: Kind = kind("", "v1", "Node", "nodes", false);
pub(super) const POD: Kind = kind("", "v1", "Pod", "pods", true);
pub(super) const POLICY_BINDING: Kind = kind(
    ADMISSION,
    "v1",
    "ValidatingAdmissionPolicyBinding",
    "validatingadmissionpolicybindings",
    false,
);
pub(super) const POLICY: Kind = kind(
    ADMISSION,
    "v1",
    "ValidatingAdmissionPolicy",
    "validatingadmissionpolicies",
    false,
);

/// What one installation has for itself, in the order in which it is taken away.
pub(super) const OWN: [Kind; 8] = [
    DEPLOYMENT,
    kind("", "v1", "Service", "services", true),
    kind(
        "policy",
        "v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        true,
    ),
    kind(RBAC, "v1", "RoleBinding", "rolebindings", true),
    kind(RBAC, "v1", "Role", "roles", true),
    kind(RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", false),
    kind(RBAC, "v1", "ClusterRole", "clusterroles", false),
    kind("", "v1", "ServiceAccount", "serviceaccounts", true),
];

impl Kind {
    /// The kind of an object of ours.
    pub(super) fn of(document: &Value) -> Option<Self> {
        let shared = [DEFINITION, POLICY, POLICY_BINDING, NAMESPACE];
        let name = document["kind"].as_str()?;
        OWN.into_iter()
            .chain(shared)
            .chain([LEASE])
            .find(|k| k.kind == name)
    }

    /// One of the kinds that people write.
    pub(super) fn ours(kind: spec::Kind) -> Self {
        self::kind(GROUP, VERSION, kind.as_str(), kind.plural(), true)
    }

    fn resource(self) -> ApiResource {
        let Self { group, version, .. } = self;
        ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: match group {
                "" => version.to_owned(),
                group => format!("{group}/{version}"),
            },
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
        }
    }
}

/// `Deployment/paas-system/paas-operator`, or without a namespace.
pub(super) fn title(object: &Value) -> String {
    let parts = [
        &object["kind"],
        &object["metadata"]["namespace"],
        &object["metadata"]["name"],
    ];
    let parts: Vec<&str> = parts.into_iter().filter_map(Value::as_str).collect();
    parts.join("/")
}

/// The calls.
#[derive(Clone)]
pub(super) struct Calls(pub(super) Client);

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Calls")
    }
}

impl Calls {
    fn api(&self, kind: Kind, namespace: Option<&str>) -> Api<DynamicObject> {
        let resource = kind.resource();
        match namespace.filter(|_| kind.namespaced) {
            Some(namespace) => Api::namespaced_with(self.0.clone(), namespace, &resource),
            None => Api::all_with(self.0.clone(), &resource),
        }
    }

    /// The object, or `None`, also where the cluster lacks its kind.
    pub(super) async fn get(&self, kind: Kind, namespace: &str, name: &str) -> Result<Option<Value>, Error> {
        let found = self.api(kind, Some(namespace)).get_opt(name).await;
        let what = format!("look at {} {namespace}/{name}", kind.kind);
        let found = found.map_err(|e| fault::of(&what, false, e))?;
        Ok(found.map(|o| json!(o)))
    }

    /// All that the label selector fits, in a namespace or everywhere; none where the cluster lacks the kind.
    pub(super) async fn list(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        selector: &str,
    ) -> Result<Vec<Value>, Error> {
        let all = ListParams::default().labels(selector);
        let what = format!("list {}", kind.plural);
        match self.api(kind, namespace).list(&all).await {
            Ok(found) => Ok(found.items.into_iter().map(|o| typed(kind, json!(o))).collect()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
            Err(e) => Err(fault::of(&what, false, e)),
        }
    }

    /// Server-side apply by force; the object as it is, or as it would be.
    pub(super) async fn apply(&self, document: &Value, dry_run: bool) -> Result<Value, Error> {
        let what = format!("apply {}", title(document));
        let Some(kind) = Kind::of(document) else {
            return Err(
                Error::new(&paas_core::codes::CORE_GRAPH, paas_core::error::Class::Internal)
                    .attempted(what)
                    .happened("no installation has such a kind"),
            );
        };
        let metadata = &document["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default();
        let mut how = PatchParams::apply(MANAGER).force();
        how.dry_run = dry_run;
        let applied = self
            .api(kind, metadata["namespace"].as_str())
            .patch(name, &how, &Patch::Apply(document))
            .await;
        applied
            .map(|o| json!(o))
            .map_err(|e| fault::of(&what, !dry_run, e))
    }

    /// A merge patch of the metadata of an object without a namespace.
    pub(super) async fn annotate(
        &self,
        kind: Kind,
        name: &str,
        annotation: (&str, &str),
    ) -> Result<(), Error> {
        let patch = json!({"metadata": {"annotations": {annotation.0: annotation.1}}});
        let how = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patched = self
            .api(kind, None)
            .patch(name, &how, &Patch::Merge(&patch))
            .await;
        let what = format!("annotate {} {name}", kind.kind);
        patched.map(drop).map_err(|e| fault::of(&what, true, e))
    }

    /// Deletes the very object that was seen; what is gone already is no error.
    pub(super) async fn delete(&self, object: &Value) -> Result<(), Error> {
        let metadata = &object["metadata"];
        let text = |field: &str| metadata[field].as_str().map(str::to_owned);
        let kind = Kind::of(object).unwrap_or(DEPLOYMENT);
        let how = DeleteParams {
            preconditions: Some(Preconditions {
                uid: text("uid"),
                resource_version: None,
            }),
            propagation_policy: Some(PropagationPolicy::Foreground),
            ..DeleteParams::default()
        };
        let api = self.api(kind, metadata["namespace"].as_str());
        match api.delete(&text("name").unwrap_or_default(), &how).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(e) => Err(fault::of(&format!("delete {}", title(object)), true, e)),
        }
    }
}

/// With its kind, which a list leaves out of its items.
fn typed(kind: Kind, mut object: Value) -> Value {
    object["kind"] = kind.kind.into();
    object
}

#[cfg(test)]
mod tests {
    use paas_operator::install::{Manifests, Options};

    use super::*;

    #[test]
    fn every_object_of_an_installation_can_be_called_by_its_kind() {
        let mut options = Options::new("x");
        for watch in [vec![], vec!["shop".to_owned()]] {
            options.watch = watch;
            for document in Manifests::of(&options).documents() {
                let kind = Kind::of(&document).unwrap();
                let version = kind.resource().api_version;
                assert_eq!(document["apiVersion"], version.as_str(), "{}", title(&document));
                let namespaced = document["metadata"]["namespace"].is_string();
                assert_eq!(kind.namespaced, namespaced, "{}", title(&document));
            }
        }
    }
}
