//! What stands in the way of an installation: something newer, something of somebody else, another operator of the same namespaces.

use paas_core::error::{Class, Error};
use paas_operator::install::{INSTANCE, MANAGED_BY, Options, PART_OF, PROJECT, VERSION, VERSIONED};
use serde_json::Value;

use super::{api::title, choose};
use crate::codes::{CLI_OPERATOR_NEWER, CLI_OPERATOR_TAKEN};

/// The three numbers of a version; what follows them is left out.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let core = version.split(['-', '+']).next()?;
    let mut parts = core.split('.').map(|part| part.parse().ok());
    let all = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(all)
}

/// Refuses to put this version over a newer one.
///
/// # Errors
/// [`CLI_OPERATOR_NEWER`].
pub(super) fn not_newer(live: &Value, document: &Value) -> Result<(), Error> {
    let refused = |words: String| {
        Err(Error::new(&CLI_OPERATOR_NEWER, Class::Blocked)
            .attempted(format!("apply {} of version {VERSION}", title(document)))
            .happened(words))
    };
    let label = live["metadata"]["labels"][VERSIONED].as_str();
    let is_newer = |there| numbers(there) > numbers(VERSION);
    if let Some(there) = label.filter(|there| is_newer(there)) {
        return refused(format!("version {there} is installed"));
    }
    let names = |list: &Value, field: Option<&str>| -> Vec<String> {
        let all = list.as_array().into_iter().flatten();
        let name = |v: &Value| field.map_or(v, |f| &v[f]).as_str().map(str::to_owned);
        all.filter_map(name).collect()
    };
    let (stored, known) = (
        names(&live["status"]["storedVersions"], None),
        names(&document["spec"]["versions"], Some("name")),
    );
    match stored.iter().find(|version| !known.contains(version)) {
        Some(version) => refused(format!(
            "objects are stored in {version}, which this version does not know; it knows {}",
            known.join(", ")
        )),
        None => Ok(()),
    }
}

/// True if an object is a part of the installation in that namespace.
fn is_ours(live: &Value, namespace: &str) -> bool {
    let labels = &live["metadata"]["labels"];
    labels[MANAGED_BY] == PROJECT && labels[PART_OF] == PROJECT && labels[INSTANCE] == namespace
}

/// Refuses to take what somebody else made under one of our names.
///
/// # Errors
/// [`CLI_OPERATOR_TAKEN`].
pub(super) fn not_taken(live: &Value, namespace: &str) -> Result<(), Error> {
    if is_ours(live, namespace) {
        return Ok(());
    }
    let labels = &live["metadata"]["labels"];
    let whose = match (labels[PART_OF] == PROJECT, labels[INSTANCE].as_str()) {
        (true, Some(other)) => format!("it is a part of the installation in the namespace {other}"),
        _ => format!("it does not bear the label {INSTANCE}={namespace}"),
    };
    Err(Error::new(&CLI_OPERATOR_TAKEN, Class::Blocked)
        .attempted(format!("apply {}", title(live)))
        .happened(format!("it is there already, and {whose}")))
}

/// Refuses a second operator for the same namespaces; `others` are the Deployments of operators in the cluster.
///
/// # Errors
/// [`CLI_OPERATOR_TAKEN`].
pub(super) fn no_other(options: &Options, others: &[Value]) -> Result<(), Error> {
    for other in others {
        let namespace = other["metadata"]["namespace"].as_str().unwrap_or_default();
        if namespace == options.namespace {
            continue;
        }
        if choose::read(other).is_none_or(|there| there.overlaps(options)) {
            return Err(Error::new(&CLI_OPERATOR_TAKEN, Class::Blocked)
                .attempted(format!("install the operator in {}", options.namespace))
                .happened(format!(
                    "the operator in the namespace {namespace} looks after the same namespaces; two would undo each other's work"
                ))
                .remedy(format!(
                    "upgrade that one (-n {namespace}), uninstall it first, or give both other namespaces with --watch-namespace"
                )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use paas_operator::install::Manifests;
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(numbers("0.10.0") > numbers("0.9.9"));
        assert_eq!(numbers("1.2.3-rc.1"), Some([1, 2, 3]));
        assert_eq!(
            (numbers("1.2"), numbers("x"), numbers("1.2.3.4")),
            (None, None, None)
        );
    }

    #[test]
    fn nothing_older_goes_over_something_newer() {
        let document = json!({"kind": "CustomResourceDefinition", "metadata": {"name": "x"}, "spec": {"versions": [{"name": "v1alpha1"}]}});
        let live = |version: &str, stored: &[&str]| {
            json!({
                "metadata": {"labels": {VERSIONED: version}}, "status": {"storedVersions": stored},
            })
        };
        for good in [live(VERSION, &["v1alpha1"]), live("0.0.1", &[]), json!({})] {
            not_newer(&good, &document).unwrap();
        }
        for newer in [live("99.0.0", &["v1alpha1"]), live(VERSION, &["v1alpha1", "v1"])] {
            let error = not_newer(&newer, &document).unwrap_err();
            assert_eq!(error.code().id, CLI_OPERATOR_NEWER.id);
        }
    }

    #[test]
    fn what_somebody_else_made_is_not_taken() {
        let ours = json!(Manifests::of(&Options::new("x")).deployment);
        not_taken(&ours, "paas-system").unwrap();
        let told = |object: &Value| not_taken(object, "ops").unwrap_err().to_string();
        assert!(told(&ours).contains("in the namespace paas-system"));
        assert!(told(&json!({"metadata": {"name": "x"}})).contains("does not bear the label"));
    }

    #[test]
    fn a_second_operator_of_the_same_namespaces_is_refused() {
        let of = |namespace: &str, watch: &[&str]| Options {
            namespace: namespace.to_owned(),
            watch: watch.iter().map(|&n| n.to_owned()).collect(),
            ..Options::new("x")
        };
        let there = json!(Manifests::of(&of("a", &["shop"])).deployment);
        let there = std::slice::from_ref(&there);
        no_other(&of("a", &[]), there).unwrap();
        no_other(&of("b", &["blog"]), there).unwrap();
        assert!(no_other(&of("b", &["blog", "shop"]), there).is_err());
        assert!(no_other(&of("b", &[]), there).is_err());
    }
}
