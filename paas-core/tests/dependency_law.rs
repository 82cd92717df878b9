//! Law 12, "dependencies point one way", over `cargo metadata` and `cargo tree`.
#![allow(clippy::expect_used, reason = "a test says what it missed and stops")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::Command,
};

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand};

/// Crates of this workspace and those of this workspace that they may use, apart from tests.
/// Examples and benches stand outside the law as users of the platform; nothing may use them.
const MAY_USE: [(&str, &[&str]); 7] = [
    ("paas-core", &[]),
    ("paas-openstack", &["paas-core"]),
    ("paas-stackit", &["paas-core"]),
    ("paas-operator", &["paas-core", "paas-openstack", "paas-stackit"]),
    (
        "paas-cli",
        &["paas-core", "paas-openstack", "paas-stackit", "paas-operator"],
    ),
    (
        "paas-examples",
        &["paas-core", "paas-openstack", "paas-stackit", "paas-operator"],
    ),
    (
        "paas-benches",
        &["paas-core", "paas-openstack", "paas-stackit", "paas-operator"],
    ),
];

/// The crates that talk HTTP to a cloud.
const PROVIDERS: [&str; 2] = ["paas-openstack", "paas-stackit"];

/// What the default features of core may cost: library crates of others, procedural macros and build scripts not counted.
const CORE_LIMIT: usize = 48;

#[test]
fn crates_of_this_workspace_use_each_other_in_one_direction() {
    let metadata = metadata();
    let ours = metadata.workspace_packages();
    let names: BTreeSet<_> = ours.iter().map(|package| package.name.as_str()).collect();
    let allowed: BTreeMap<_, _> = MAY_USE.into_iter().collect();
    assert_eq!(
        names,
        allowed.keys().copied().collect(),
        "a crate came or went: give it a line in MAY_USE"
    );

    let mut broken = Vec::new();
    for package in &ours {
        for dependency in &package.dependencies {
            let (from, to) = (package.name.as_str(), dependency.name.as_str());
            let itself_in_tests = from == to && dependency.kind == DependencyKind::Development;
            if names.contains(to) && !itself_in_tests && !allowed[from].contains(&to) {
                broken.push(format!("{from} -> {to} ({})", dependency.kind));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn only_providers_name_the_http_client() {
    let metadata = metadata();
    let naming: Vec<_> = metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| {
            package
                .dependencies
                .iter()
                .any(|dependency| dependency.name == "reqwest")
        })
        .map(|package| package.name.to_string())
        .filter(|name| !PROVIDERS.contains(&name.as_str()))
        .collect();
    assert!(naming.is_empty(), "{naming:?} must not use reqwest");
}

#[test]
fn core_brings_the_http_client_only_to_download_postgresql() {
    for feature in features_of_core() {
        let tree = tree(&["-p", "paas-core", "--no-default-features", "--features", &feature]);
        assert_eq!(
            tree.contains("reqwest"),
            feature == "local-download",
            "reqwest with feature {feature} of core"
        );
    }
}

#[test]
fn core_brings_the_kubernetes_client_only_with_its_kube_feature() {
    for feature in features_of_core() {
        let tree = tree(&["-p", "paas-core", "--no-default-features", "--features", &feature]);
        assert_eq!(
            tree.contains("kube-client"),
            // The installer speaks to the clusters that it makes.
            ["kube", "installer"].contains(&feature.as_str()),
            "kube-client with feature {feature} of core"
        );
    }
}

#[test]
fn only_core_the_operator_and_programs_name_the_kubernetes_client() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| dependency.name == "kube")
        {
            assert!(
                // A program opens the client that core and the operator are given, for it stands in their interfaces.
                ["paas-core", "paas-operator", "paas-cli", "paas-examples"].contains(&name),
                "{name} must not use kube"
            );
            assert!(
                name != "paas-core" || dependency.optional || dependency.kind == DependencyKind::Development,
                "kube must be optional in core"
            );
        }
    }
}

#[test]
fn there_is_one_tls_stack_and_it_is_rustls_with_aws_lc_rs() {
    let everything = tree(&["--workspace", "--all-features", "--target", "all"]);
    for banned in ["ring", "openssl", "openssl-sys", "native-tls"] {
        assert!(!everything.contains(banned), "{banned} is in the tree");
    }
    assert!(
        !everything.contains("rustls") || everything.contains("aws-lc-rs"),
        "rustls without aws-lc-rs"
    );
}

#[test]
fn engine_and_words_stay_a_small_dependency() {
    let mut crates = tree(&["-p", "paas-core"]);
    crates.remove("paas-core");
    println!(
        "default features of paas-core: {} library crates of others (limit {CORE_LIMIT})",
        crates.len()
    );
    assert!(crates.len() <= CORE_LIMIT, "{} crates: {crates:#?}", crates.len());
}

/// The whole graph as it is locked; the network is never asked.
fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command
        .manifest_path(workspace().join("Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .no_deps();
    command.exec().expect("cargo metadata")
}

/// The names of the library crates that a build would link.
fn tree(args: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace())
        .args([
            "tree",
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .args(args)
        .output()
        .expect("cargo tree");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let names = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    names
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// Every feature that core offers.
fn features_of_core() -> Vec<String> {
    let metadata = metadata();
    let core = metadata
        .workspace_packages()
        .into_iter()
        .find(|package| package.name == "paas-core");
    core.expect("paas-core is in the workspace")
        .features
        .keys()
        .cloned()
        .collect()
}

/// The folder of the workspace.
fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
