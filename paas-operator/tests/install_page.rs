//! The book's table of what the operator may do is made of the list of rules, and a role grants just that list. `UPDATE_DOCS=1` writes it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{env, fs, path::Path};

use paas_operator::install::{Manifests, Options, RULES, Where, page};

const BEGIN: &str = "UPDATE_DOCS=1 writes it -->\n";
const END: &str = "<!-- end of the rules -->";

#[test]
fn the_page_has_every_rule() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/operator-install.md");
    let text = fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{BEGIN}\n{}\n{END}{after}", page());
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &expected).unwrap();
    }
    assert!(
        text == expected || env::var_os("UPDATE_DOCS").is_some(),
        "write docs/src/operator-install.md anew with UPDATE_DOCS=1"
    );
}

/// The rules of a role as (group, resource, names, verbs).
fn granted(rules: Option<Vec<k8s_openapi::api::rbac::v1::PolicyRule>>) -> Vec<String> {
    let of = |rule: k8s_openapi::api::rbac::v1::PolicyRule| {
        let lists = [
            rule.api_groups,
            rule.resources,
            rule.resource_names,
            Some(rule.verbs),
        ];
        let lists = lists.map(|l| l.unwrap_or_default().join(","));
        lists.join(" ")
    };
    rules.unwrap_or_default().into_iter().map(of).collect()
}

fn listed(places: &[Where]) -> Vec<String> {
    let ours = RULES.iter().filter(|r| places.contains(&r.place));
    let line = |r: &paas_operator::install::Rule| {
        let (names, verbs) = (r.names.join(","), r.verbs.join(","));
        format!("{} {} {names} {verbs}", r.group, r.resource)
    };
    ours.map(line).collect()
}

#[test]
fn the_roles_grant_the_list_and_nothing_else() {
    let all = Manifests::of(&Options::new("x"));
    let role = all.cluster_roles.into_iter().next().unwrap();
    assert_eq!(granted(role.rules), listed(&[Where::Databases, Where::Cluster]));
    let some = Options {
        watch: vec!["shop".to_owned()],
        ..Options::new("x")
    };
    for role in Manifests::of(&some).roles {
        let places = match role.metadata.namespace.as_deref() {
            Some("shop") => &[Where::Databases, Where::Watched][..],
            _ => &[Where::Own],
        };
        assert_eq!(granted(role.rules), listed(places));
    }
}
