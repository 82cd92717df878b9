//! The rules as roles, and who has them.

use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};

use super::{
    NAME, Options, metadata,
    rights::{RULES, Rule, Where},
};

/// The role in the namespace that the operator runs in.
const LEADER: &str = "paas-operator-leader";

/// What holds in the whole cluster.
pub(super) fn of_the_cluster(options: &Options) -> Vec<ClusterRole> {
    if !options.watch.is_empty() {
        return Vec::new();
    }
    let mut role = ClusterRole {
        metadata: metadata(options, ""),
        rules: Some(rules(&[Where::Databases, Where::Cluster])),
        ..ClusterRole::default()
    };
    role.metadata.namespace = None;
    vec![role]
}

/// Who has it.
pub(super) fn cluster_bindings(options: &Options) -> Vec<ClusterRoleBinding> {
    let binding = |role: ClusterRole| ClusterRoleBinding {
        metadata: role.metadata,
        role_ref: to("ClusterRole", NAME),
        subjects: Some(vec![account(options)]),
    };
    of_the_cluster(options).into_iter().map(binding).collect()
}

/// What holds in a namespace: the one that it runs in, and those that it looks after if these are some.
pub(super) fn of_namespaces(options: &Options) -> Vec<Role> {
    let role = |namespace: &str, name: &str, places: &[Where]| {
        let mut role = Role {
            metadata: metadata(options, namespace),
            rules: Some(rules(places)),
        };
        role.metadata.name = Some(name.to_owned());
        role
    };
    let mut watched: Vec<&str> = options.watch.iter().map(String::as_str).collect();
    watched.sort_unstable();
    watched.dedup();
    let mut all = vec![role(&options.namespace, LEADER, &[Where::Own])];
    all.extend(
        watched
            .into_iter()
            .map(|namespace| role(namespace, NAME, &[Where::Databases, Where::Watched])),
    );
    all
}

/// Who has it.
pub(super) fn bindings(options: &Options) -> Vec<RoleBinding> {
    let binding = |role: Role| RoleBinding {
        role_ref: to("Role", role.metadata.name.as_deref().unwrap_or_default()),
        metadata: role.metadata,
        subjects: Some(vec![account(options)]),
    };
    of_namespaces(options).into_iter().map(binding).collect()
}

fn to(kind: &str, name: &str) -> RoleRef {
    RoleRef {
        api_group: Some("rbac.authorization.k8s.io".to_owned()),
        kind: kind.to_owned(),
        name: name.to_owned(),
    }
}

fn account(options: &Options) -> Subject {
    Subject {
        kind: "ServiceAccount".to_owned(),
        name: NAME.to_owned(),
        namespace: Some(options.namespace.clone()),
        ..Subject::default()
    }
}

fn rules(places: &[Where]) -> Vec<PolicyRule> {
    let ours = RULES.iter().filter(|rule| places.contains(&rule.place));
    ours.map(policy).collect()
}

fn policy(rule: &Rule) -> PolicyRule {
    let owned = |words: &[&str]| words.iter().map(|&w| w.to_owned()).collect::<Vec<_>>();
    PolicyRule {
        api_groups: Some(owned(&[rule.group])),
        resources: Some(owned(&[rule.resource])),
        resource_names: (!rule.names.is_empty()).then(|| owned(rule.names)),
        verbs: owned(rule.verbs),
        ..PolicyRule::default()
    }
}
