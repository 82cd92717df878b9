//! What an installation of the operator in a cluster consists of, as Kubernetes objects: pure, from [`Options`].
//!
//! `paas operator install` applies them, and prints them for Git with `--print`; a program that installs the operator by itself
//! ([`Manifests::of`]) gets the same. Everything that the operator may do stands in [`RULES`], one rule a kind, with only the verbs
//! that it uses.
//!
//! - Without [`Options::watch`] the operator looks after every namespace, by a ClusterRole. With it, it has a Role in each of these
//!   namespaces and nothing of the cluster, not even the name of another namespace.
//! - Every object bears [`MANAGED_BY`], [`PART_OF`] and, unless the whole cluster shares it, [`INSTANCE`]: what an older version had and this
//!   one has not is found by them.
//! - The options stand in the annotation [`OPTIONS`] of the Deployment, so that an upgrade changes nothing that it was not told to.

mod options;
mod rights;
mod roles;
mod workload;

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{Namespace, Service, ServiceAccount},
        policy::v1::PodDisruptionBudget,
        rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use paas_core::crd::{
    self,
    policies::{self, Policy},
};
use serde_json::{Value, json};

pub use options::{Options, Resources};
pub use rights::{RULES, Rule, Where, page};

/// What everything is called: Deployment, ServiceAccount, roles, and the lease.
pub const NAME: &str = "paas-operator";

/// The namespace, if no other is asked for.
pub const NAMESPACE: &str = "paas-system";

/// The version of these manifests.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The label with the program that manages an object; its value is [`PROJECT`].
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The label with what an object is a part of; its value is [`PROJECT`].
pub const PART_OF: &str = "app.kubernetes.io/part-of";

/// The label with the name of the program: [`NAME`].
pub const APP: &str = "app.kubernetes.io/name";

/// The label with the installation: its namespace.
pub const INSTANCE: &str = "app.kubernetes.io/instance";

/// The label with the version of the manifests.
pub const VERSIONED: &str = "app.kubernetes.io/version";

/// The value of [`MANAGED_BY`] and [`PART_OF`].
pub const PROJECT: &str = "paas";

/// The annotation of the Deployment with its [`Options`].
pub const OPTIONS: &str = "paas.rs/install-options";

/// Where the pods serve metrics and health.
pub const PORT: i32 = 8080;

/// An installation.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifests {
    /// Our kinds. Every installation of a cluster shares them.
    pub definitions: Vec<CustomResourceDefinition>,
    /// What the cluster refuses to delete; shared too.
    pub policies: Vec<Policy>,
    /// Where the operator runs.
    pub namespace: Namespace,
    /// Who the pods are.
    pub account: ServiceAccount,
    /// What they may do everywhere; empty for an operator of some namespaces.
    pub cluster_roles: Vec<ClusterRole>,
    /// That they may.
    pub cluster_role_bindings: Vec<ClusterRoleBinding>,
    /// What they may do in a namespace: where they run, and in each that they look after.
    pub roles: Vec<Role>,
    /// That they may.
    pub role_bindings: Vec<RoleBinding>,
    /// The pods.
    pub deployment: Deployment,
    /// How many of them may be away at once.
    pub budget: PodDisruptionBudget,
    /// Where their metrics are.
    pub metrics: Service,
}

impl Manifests {
    /// The installation of these options, the same for the same options.
    pub fn of(options: &Options) -> Self {
        let shared = |metadata: &mut ObjectMeta| {
            metadata.labels.get_or_insert_default().extend(shared_labels());
        };
        let mut definitions = match options.definitions {
            true => crd::all(),
            false => Vec::new(),
        };
        definitions.iter_mut().for_each(|d| shared(&mut d.metadata));
        let mut policies = if options.policies {
            policies::all()
        } else {
            Vec::new()
        };
        for policy in &mut policies {
            shared(&mut policy.policy.metadata);
            shared(&mut policy.binding.metadata);
        }
        Self {
            definitions,
            policies,
            namespace: workload::namespace(options),
            account: workload::account(options),
            cluster_roles: roles::of_the_cluster(options),
            cluster_role_bindings: roles::cluster_bindings(options),
            roles: roles::of_namespaces(options),
            role_bindings: roles::bindings(options),
            deployment: workload::deployment(options),
            budget: workload::budget(options),
            metrics: workload::metrics(options),
        }
    }

    /// Everything, in an order in which it can be applied: what somebody names comes before them.
    pub fn documents(&self) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        all.extend(self.definitions.iter().map(|d| json!(d)));
        all.extend(
            self.policies
                .iter()
                .flat_map(|p| [json!(p.policy), json!(p.binding)]),
        );
        all.extend([json!(self.namespace), json!(self.account)]);
        all.extend(self.cluster_roles.iter().map(|r| json!(r)));
        all.extend(self.cluster_role_bindings.iter().map(|r| json!(r)));
        all.extend(self.roles.iter().map(|r| json!(r)));
        all.extend(self.role_bindings.iter().map(|r| json!(r)));
        all.extend([json!(self.budget), json!(self.metrics), json!(self.deployment)]);
        all
    }
}

/// The labels of what every installation of a cluster shares.
pub fn shared_labels() -> BTreeMap<String, String> {
    let labels = [(MANAGED_BY, PROJECT), (PART_OF, PROJECT), (VERSIONED, VERSION)];
    labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into()
}

/// The label selector of everything of one installation that is not shared.
pub fn selector(namespace: &str) -> String {
    format!("{MANAGED_BY}={PROJECT},{PART_OF}={PROJECT},{APP}={NAME},{INSTANCE}={namespace}")
}

/// The labels of what belongs to one installation.
fn labels(options: &Options) -> BTreeMap<String, String> {
    let mut labels = shared_labels();
    labels.extend(chosen(options));
    labels
}

/// The labels by which the pods are chosen: they never change.
fn chosen(options: &Options) -> BTreeMap<String, String> {
    let labels = [(APP, NAME), (INSTANCE, options.namespace.as_str())];
    labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into()
}

/// The metadata of something in a namespace.
fn metadata(options: &Options, namespace: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(NAME.to_owned()),
        namespace: Some(namespace.to_owned()),
        labels: Some(labels(options)),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn options(watch: &[&str]) -> Options {
        Options {
            watch: watch.iter().map(|&n| n.to_owned()).collect(),
            ..Options::new("example/paas-operator:1")
        }
    }

    fn kinds(manifests: &Manifests) -> BTreeSet<String> {
        let documents = manifests.documents();
        let kind = |d: &Value| d["kind"].as_str().unwrap_or_default().to_owned();
        documents.iter().map(kind).collect()
    }

    #[test]
    fn an_operator_of_some_namespaces_has_nothing_of_the_cluster_but_the_definitions() {
        let some = Manifests::of(&options(&["shop", "blog"]));
        assert!(some.cluster_roles.is_empty() && some.cluster_role_bindings.is_empty());
        let places: BTreeSet<_> = some
            .roles
            .iter()
            .map(|r| r.metadata.namespace.as_deref())
            .collect();
        assert_eq!(places, [Some("blog"), Some("paas-system"), Some("shop")].into());
        let all = Manifests::of(&options(&[]));
        assert_eq!(all.cluster_roles.len(), 1);
        assert_eq!(all.roles.len(), 1, "the lease, where it runs");
    }

    #[test]
    fn the_namespace_that_it_runs_in_may_be_one_that_it_looks_after() {
        let own = Manifests::of(&options(&["paas-system"]));
        let (roles, bindings) = (&own.roles, &own.role_bindings);
        let names: BTreeSet<_> = roles.iter().map(|r| r.metadata.name.clone()).collect();
        assert_eq!((names.len(), roles.len(), bindings.len()), (2, 2, 2), "{names:?}");
    }

    #[test]
    fn everything_bears_its_labels_and_no_name_is_there_twice() {
        let manifests = Manifests::of(&options(&["shop"]));
        let mut seen = BTreeSet::new();
        for document in manifests.documents() {
            let labels = &document["metadata"]["labels"];
            assert_eq!(labels[MANAGED_BY], PROJECT, "{document}");
            assert_eq!(labels[PART_OF], PROJECT, "{document}");
            let at = [
                &document["kind"],
                &document["metadata"]["namespace"],
                &document["metadata"]["name"],
            ];
            assert!(seen.insert(at.map(Value::to_string)), "{at:?} is there twice");
        }
        assert!(kinds(&manifests).contains("ValidatingAdmissionPolicy"));
        let without = Manifests::of(&Options {
            policies: false,
            ..options(&[])
        });
        assert!(!kinds(&without).contains("ValidatingAdmissionPolicy"));
        let alone = Options {
            definitions: false,
            policies: false,
            ..options(&["shop"])
        };
        let alone = Manifests::of(&alone).documents();
        let outside = alone.iter().filter(|d| !d["metadata"]["namespace"].is_string());
        assert_eq!(outside.map(|d| &d["kind"]).collect::<Vec<_>>(), ["Namespace"]);
    }

    #[test]
    fn the_options_are_found_again_in_the_deployment() {
        let mut told = options(&["shop"]);
        told.replicas = 3;
        told.cluster_id = Some("5f4b7a52-4f0e-4a55-9b0f-0d8b3d7f6a11".to_owned());
        let manifests = Manifests::of(&told);
        assert_eq!(Options::read(&manifests.deployment), Some(told));
        assert_eq!(Options::read(&Deployment::default()), None);
    }

    #[test]
    fn the_pods_are_what_a_namespace_of_the_restricted_level_takes() {
        let manifests = Manifests::of(&options(&[]));
        let pod = &json!(manifests.deployment)["spec"]["template"]["spec"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        let context = &pod["containers"][0]["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["readOnlyRootFilesystem"], true);
        assert_eq!(context["capabilities"]["drop"], json!(["ALL"]));
        let namespace = &json!(manifests.namespace)["metadata"]["labels"];
        assert_eq!(namespace["pod-security.kubernetes.io/enforce"], "restricted");
    }
}
