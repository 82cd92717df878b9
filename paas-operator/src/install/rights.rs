//! What the operator may do: a list that can be looked at, one rule a kind, with only the verbs that are used.
//!
//! A server-side apply is `patch`, and `create` too where there is nothing yet.

use std::fmt::Write;

use paas_core::spec::GROUP;

/// The API group of CloudNativePG.
const CNPG: &str = "postgresql.cnpg.io";

/// Where a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// Wherever databases are: in all namespaces, or in those that the operator looks after.
    Databases,
    /// In the cluster, for an operator that looks after all namespaces.
    Cluster,
    /// On the very namespaces that the operator looks after, where these are some.
    Watched,
    /// In the namespace that the operator runs in.
    Own,
}

/// What may be done with one kind of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The API group, empty for the core group.
    pub group: &'static str,
    /// The resource, with its subresource: `pods/log`.
    pub resource: &'static str,
    /// The verbs.
    pub verbs: &'static [&'static str],
    /// Only the objects of these names; empty for all.
    pub names: &'static [&'static str],
    /// Where.
    pub place: Where,
    /// What for.
    pub why: &'static str,
}

/// All of a resource that the operator makes, changes, deletes, and wants to hear of.
const KEPT: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];
/// The same, of which it hears by other means.
const MADE: &[&str] = &["get", "list", "create", "patch", "delete"];

const fn rule(
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    place: Where,
    why: &'static str,
) -> Rule {
    Rule {
        group,
        resource,
        verbs,
        names: &[],
        place,
        why,
    }
}

const fn only(mut rule: Rule, names: &'static [&'static str]) -> Rule {
    rule.names = names;
    rule
}

/// Objects of ours that are carried out.
const OBJECTS: &[&str] = &["get", "list", "watch", "patch"];
/// Objects of ours that this operator has no engine for, which it says in their status. An operator with an engine of its own for them needs
/// [`OBJECTS`], for the finalizer.
const TOLD: &[&str] = &["list", "watch"];
const DATABASES: Where = Where::Databases;

/// Everything that the operator may do.
pub const RULES: &[Rule] = &[
    rule(
        GROUP,
        "databaseinstances",
        OBJECTS,
        DATABASES,
        "read what is wanted; set the finalizer",
    ),
    rule(GROUP, "platforms", TOLD, DATABASES, "read what is wanted"),
    rule(GROUP, "databasebackups", TOLD, DATABASES, "read what is wanted"),
    rule(
        GROUP,
        "databaseinstances/status",
        &["patch"],
        DATABASES,
        "say how it is doing",
    ),
    rule(
        GROUP,
        "platforms/status",
        &["patch"],
        DATABASES,
        "say how it is doing",
    ),
    rule(
        GROUP,
        "databasebackups/status",
        &["patch"],
        DATABASES,
        "say how it is doing",
    ),
    rule("", "secrets", KEPT, DATABASES, "passwords and bindings"),
    rule(
        "",
        "configmaps",
        KEPT,
        DATABASES,
        "settings of servers; the ledger",
    ),
    rule("", "services", KEPT, DATABASES, "addresses of servers"),
    rule(
        "",
        "persistentvolumeclaims",
        KEPT,
        DATABASES,
        "data of servers in StatefulSets",
    ),
    rule(
        "apps",
        "statefulsets",
        KEPT,
        DATABASES,
        "servers without another operator",
    ),
    rule(
        "networking.k8s.io",
        "networkpolicies",
        KEPT,
        DATABASES,
        "who may reach a server",
    ),
    rule(CNPG, "clusters", KEPT, DATABASES, "servers by CloudNativePG"),
    rule(
        CNPG,
        "clusters/status",
        &["patch"],
        DATABASES,
        "a switchover that is asked for",
    ),
    rule(CNPG, "databases", KEPT, DATABASES, "databases in them"),
    rule(CNPG, "databaseroles", KEPT, DATABASES, "users in them"),
    rule(
        CNPG,
        "poolers",
        MADE,
        DATABASES,
        "connection poolers in front of them",
    ),
    rule(
        "apps",
        "deployments",
        &["get"],
        DATABASES,
        "how a pooler is doing",
    ),
    rule(
        "monitoring.coreos.com",
        "podmonitors",
        MADE,
        DATABASES,
        "metrics of servers, where Prometheus' operator is",
    ),
    rule(
        "",
        "pods",
        &["list"],
        DATABASES,
        "why something does not get ready",
    ),
    rule(
        "",
        "pods/log",
        &["get"],
        DATABASES,
        "the last words of what failed",
    ),
    rule(
        "",
        "pods/portforward",
        &["get", "create"],
        DATABASES,
        "begin a user's sessions as its owner role",
    ),
    rule(
        "batch",
        "jobs",
        &["list"],
        DATABASES,
        "why something does not get ready",
    ),
    rule(
        "",
        "events",
        &["list"],
        DATABASES,
        "why something does not get ready",
    ),
    rule(
        "events.k8s.io",
        "events",
        &["create", "patch"],
        DATABASES,
        "tell what was done",
    ),
    only(
        rule(
            "",
            "namespaces",
            &["get"],
            Where::Cluster,
            "tell this cluster from others",
        ),
        &["kube-system"],
    ),
    rule(
        "",
        "namespaces",
        &["list", "watch", "patch"],
        Where::Cluster,
        "the label of namespaces that must not be deleted",
    ),
    rule(
        "",
        "namespaces",
        &["get", "patch"],
        Where::Watched,
        "the label of namespaces that must not be deleted",
    ),
    rule(
        "coordination.k8s.io",
        "leases",
        &["create"],
        Where::Own,
        "who leads",
    ),
    only(
        rule(
            "coordination.k8s.io",
            "leases",
            &["get", "update"],
            Where::Own,
            "who leads",
        ),
        &[super::NAME],
    ),
];

impl Where {
    fn words(self) -> &'static str {
        match self {
            Self::Databases => "databases",
            Self::Cluster => "cluster",
            Self::Watched => "watched",
            Self::Own => "own",
        }
    }
}

/// The rules as a table in Markdown, which the documents show.
pub fn page() -> String {
    let mut page = "| group | resource | verbs | where | for |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for rule in RULES {
        let group = match rule.group {
            "" => "core",
            group => group,
        };
        let names = match rule.names {
            [] => String::new(),
            names => format!(" {}", names.join(", ")),
        };
        let (resource, verbs, why) = (rule.resource, rule.verbs.join(", "), rule.why);
        let place = rule.place.words();
        // A String takes whatever is written to it.
        let _ = writeln!(
            page,
            "| {group} | {resource}{names} | {verbs} | {place} | {why} |"
        );
    }
    page
}

#[cfg(all(test, feature = "run"))]
mod tests {
    use std::collections::BTreeSet;

    use paas_core::{
        database::{cnpg::kinds, statefulset},
        spec::Kind,
    };

    use super::*;

    #[test]
    fn there_is_one_rule_a_kind_and_place_and_no_right_that_stands_for_many() {
        let mut seen = BTreeSet::new();
        for rule in RULES {
            let at = (rule.group, rule.resource, rule.place.words(), rule.names);
            assert!(seen.insert(at), "{at:?} is there twice");
            let all = rule.verbs.iter().chain([&rule.group, &rule.resource]);
            assert!(!all.into_iter().any(|word| word.contains('*')), "{rule:?}");
        }
    }

    #[test]
    fn nothing_that_gives_more_rights_is_allowed() {
        for rule in RULES {
            assert_ne!(rule.group, "rbac.authorization.k8s.io", "{rule:?}");
            assert!(
                !["pods/exec", "serviceaccounts", "nodes"].contains(&rule.resource),
                "{rule:?}"
            );
            let strong = ["escalate", "bind", "impersonate", "deletecollection"];
            assert!(!rule.verbs.iter().any(|v| strong.contains(v)), "{rule:?}");
        }
    }

    #[test]
    fn every_kind_of_ours_and_every_kind_that_a_driver_makes_has_its_rule() {
        let of = |group: &str, resource: &str| {
            let rule = RULES.iter().find(|r| (r.group, r.resource) == (group, resource));
            rule.map_or(&[][..], |r| r.verbs)
        };
        for kind in Kind::ALL {
            let wanted = if kind == Kind::DatabaseInstance {
                OBJECTS
            } else {
                TOLD
            };
            assert_eq!(of(GROUP, kind.plural()), wanted, "{kind}");
            assert_eq!(
                of(GROUP, &format!("{}/status", kind.plural())),
                ["patch"],
                "{kind}"
            );
        }
        for kind in kinds::ALL.iter().chain(&statefulset::KINDS) {
            let verbs = of(kind.group, kind.plural);
            assert!(MADE.iter().all(|v| verbs.contains(v)), "{kind:?}: {verbs:?}");
        }
    }

    #[test]
    fn the_label_of_namespaces_is_the_only_thing_outside_that_is_changed() {
        let outside = RULES.iter().filter(|r| r.place == Where::Cluster);
        let changing = outside.filter(|r| r.verbs.iter().any(|v| !["get", "list", "watch"].contains(v)));
        assert_eq!(changing.map(|r| r.resource).collect::<Vec<_>>(), ["namespaces"]);
    }
}
