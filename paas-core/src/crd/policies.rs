//! What the API server itself refuses to delete, as `ValidatingAdmissionPolicy` objects: the stable API of Kubernetes 1.30.
//!
//! | policy | refuses to delete | until |
//! | --- | --- | --- |
//! | [`OBJECTS`] | a `DatabaseInstance` or `Platform` with `spec.deletionProtection: true` | the field is false |
//! | [`DEFINITIONS`] | our CustomResourceDefinitions: every object goes with them, and nobody is asked about each | [`CONSENT`] with their uid |
//! | [`NAMESPACES`] | a namespace with the label [`PROTECTED`] | the label is gone, or, where only data is at stake, [`CONSENT`] with its uid |
//!
//! Every way to delete is a DELETE request: `kubectl delete`, `kubectl replace --force`, the pruning of Argo CD and Flux, the garbage
//! collector of owners. So nobody is exempt by name, an administrator as little as a controller; what lets a deletion through is the state
//! of the object, which can be read and changed:
//!
//! - **The garbage collector is refused like a person.** It deletes what lost its owner, mostly by mistake, and tries again ever more rarely;
//!   so the object goes by itself once the field is false.
//! - **What is in a namespace that is being deleted goes.** The namespace's controller takes volumes and secrets anyway; to keep one object of
//!   it alive would keep nothing but a namespace that never ends. This is why namespaces have a policy of their own.
//! - **A deletion that has begun is not refused again**, neither a namespace's nor a definition's.
//! - **Taking a finalizer away is an update**, and no policy here looks at updates: a deletion that was let through comes to its end.
//!
//! Consent is bound to the uid, so that a word in a file that made an earlier object of that name agrees to nothing. Every expression gives an
//! answer for every object, whatever it lacks: one that cannot be evaluated would refuse for ever (`failurePolicy: Fail`).

use k8s_openapi::{
    api::admissionregistration::v1::{
        MatchCondition, MatchResources, NamedRuleWithOperations, ValidatingAdmissionPolicy,
        ValidatingAdmissionPolicyBinding, ValidatingAdmissionPolicyBindingSpec,
        ValidatingAdmissionPolicySpec, Validation,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
#[cfg(feature = "load")]
use serde::Serialize;

use crate::spec::{GROUP, Kind};

/// The label of a namespace whose deletion is refused. Its value says why: [`BY_OBJECTS`], [`BY_DATA`]; any other is a person's own.
pub const PROTECTED: &str = "paas.rs/protected";

/// An object in it has `spec.deletionProtection: true`. No consent counts, as with the object itself.
pub const BY_OBJECTS: &str = "objects";

/// A database in it has data, which would go with the namespace whatever its `deletionPolicy` says.
pub const BY_DATA: &str = "data";

/// The annotation that agrees to a deletion; for definitions and namespaces its value is their uid.
pub const CONSENT: &str = "paas.rs/consent";

/// The policy about our objects.
pub const OBJECTS: &str = "objects.protection.paas.rs";

/// The policy about our CustomResourceDefinitions.
pub const DEFINITIONS: &str = "definitions.protection.paas.rs";

/// The policy about namespaces.
pub const NAMESPACES: &str = "namespaces.protection.paas.rs";

/// A policy, and what puts it into force for the whole cluster. They bear the same name.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// What is refused.
    pub policy: ValidatingAdmissionPolicy,
    /// That it is refused everywhere.
    pub binding: ValidatingAdmissionPolicyBinding,
}

impl Policy {
    /// The name of both.
    pub fn name(&self) -> &str {
        self.policy.metadata.name.as_deref().unwrap_or_default()
    }
}

/// All policies.
pub fn all() -> Vec<Policy> {
    vec![objects(), definitions(), namespaces()]
}

/// The policies as a stream of YAML documents, for `kubectl apply -f -`.
#[cfg(feature = "load")]
pub fn to_yaml() -> String {
    fn document(object: &impl Serialize) -> String {
        let yaml = serde_saphyr::to_string(object);
        let yaml = yaml.or_else(|_| serde_json::to_string(object));
        format!("---\n{}\n", yaml.unwrap_or_default().trim_end())
    }
    let both = |p: &Policy| document(&p.policy) + &document(&p.binding);
    all().iter().map(both).collect()
}

fn objects() -> Policy {
    let kinds = [Kind::DatabaseInstance, Kind::Platform];
    let message = "request.kind.kind + ' ' + oldObject.metadata.namespace + '/' + oldObject.metadata.name + ' is protected: \
                   spec.deletionProtection is true. If it is to go, say so first: kubectl -n ' + oldObject.metadata.namespace + ' patch ' \
                   + request.resource.resource + '/' + oldObject.metadata.name \
                   + \" --type=merge -p '{\\\"spec\\\":{\\\"deletionProtection\\\":false}}'\"";
    made(
        OBJECTS,
        rule(GROUP, &kinds.map(Kind::plural)),
        (
            "is-protected",
            "has(oldObject.spec) && has(oldObject.spec.deletionProtection) && oldObject.spec.deletionProtection == true",
        ),
        vec![refusal(
            "has(namespaceObject.metadata.deletionTimestamp)",
            message,
            "the object is protected: set spec.deletionProtection to false before you delete it",
        )],
    )
}

fn definitions() -> Policy {
    let message = "'every ' + oldObject.spec.names.kind + ' in every namespace goes with its definition. Delete them first \
                   (kubectl get ' + oldObject.metadata.name + ' -A), then agree: kubectl annotate crd ' + oldObject.metadata.name \
                   + ' paas.rs/consent=' + oldObject.metadata.uid";
    made(
        DEFINITIONS,
        rule("apiextensions.k8s.io", &["customresourcedefinitions"]),
        (
            "is-ours-and-stays",
            &format!("oldObject.spec.group == '{GROUP}' && !has(oldObject.metadata.deletionTimestamp)"),
        ),
        vec![refusal(
            &agreed(),
            message,
            "every object goes with its definition: annotate it with paas.rs/consent and its uid before you delete it",
        )],
    )
}

fn namespaces() -> Policy {
    let label = format!("oldObject.metadata.labels['{PROTECTED}']");
    let unprotect = format!(
        "'namespace ' + oldObject.metadata.name + ' holds objects with spec.deletionProtection (kubectl -n ' + oldObject.metadata.name \
         + ' get paas). Set it to false in each of them; the operator then takes the label {PROTECTED} off'"
    );
    let agree = "'namespace ' + oldObject.metadata.name + ' holds databases, and their data would go with it, also what \
                 deletionPolicy Retain keeps (kubectl -n ' + oldObject.metadata.name + ' get paas). Copy what is needed elsewhere, then agree: \
                 kubectl annotate namespace ' + oldObject.metadata.name + ' paas.rs/consent=' + oldObject.metadata.uid";
    made(
        NAMESPACES,
        rule("", &["namespaces"]),
        (
            "is-protected-and-stays",
            &format!(
                "has(oldObject.metadata.labels) && '{PROTECTED}' in oldObject.metadata.labels && \
                 !has(oldObject.metadata.deletionTimestamp)"
            ),
        ),
        vec![
            refusal(
                &format!("{label} != '{BY_OBJECTS}'"),
                &unprotect,
                "the namespace holds protected objects: set spec.deletionProtection to false in each of them first",
            ),
            refusal(
                &format!("{label} == '{BY_OBJECTS}' || {}", agreed()),
                agree,
                "the data in the namespace would go with it: annotate it with paas.rs/consent and its uid before you delete it",
            ),
        ],
    )
}

/// True if the object's owner agreed to the deletion of just this object.
fn agreed() -> String {
    format!(
        "has(oldObject.metadata.annotations) && '{CONSENT}' in oldObject.metadata.annotations && \
         oldObject.metadata.annotations['{CONSENT}'] == oldObject.metadata.uid"
    )
}

/// Deletions of these resources.
fn rule(group: &str, resources: &[&str]) -> NamedRuleWithOperations {
    let owned = |text: &str| vec![text.to_owned()];
    NamedRuleWithOperations {
        api_groups: Some(owned(group)),
        api_versions: Some(owned("*")),
        operations: Some(owned("DELETE")),
        resources: Some(resources.iter().map(|&r| r.to_owned()).collect()),
        scope: Some("*".to_owned()),
        ..NamedRuleWithOperations::default()
    }
}

/// Refused unless the expression holds. The plain words are for where the others cannot be made.
fn refusal(unless: &str, message: &str, plain: &str) -> Validation {
    Validation {
        expression: unless.to_owned(),
        message: Some(plain.to_owned()),
        message_expression: Some(message.to_owned()),
        reason: Some("Forbidden".to_owned()),
    }
}

fn made(
    name: &str,
    rule: NamedRuleWithOperations,
    (condition, holds): (&str, &str),
    validations: Vec<Validation>,
) -> Policy {
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    };
    let policy = ValidatingAdmissionPolicy {
        metadata: metadata.clone(),
        spec: Some(ValidatingAdmissionPolicySpec {
            failure_policy: Some("Fail".to_owned()),
            match_constraints: Some(MatchResources {
                resource_rules: Some(vec![rule]),
                ..MatchResources::default()
            }),
            match_conditions: Some(vec![MatchCondition {
                name: condition.to_owned(),
                expression: holds.to_owned(),
            }]),
            validations: Some(validations),
            ..ValidatingAdmissionPolicySpec::default()
        }),
        status: None,
    };
    let binding = ValidatingAdmissionPolicyBinding {
        metadata,
        spec: ValidatingAdmissionPolicyBindingSpec {
            policy_name: name.to_owned(),
            validation_actions: vec!["Deny".to_owned()],
            ..ValidatingAdmissionPolicyBindingSpec::default()
        },
    };
    Policy { policy, binding }
}
