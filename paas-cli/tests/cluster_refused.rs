//! What no cluster can be is told by its plan, all at once, and nothing is made of it: neither in the cloud nor here.
#![allow(clippy::expect_used, reason = "a test says what it missed and stops")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use paas_openstack::fake::{Fake, Setup};

fn platform(kubernetes: &str) -> String {
    format!(
        "apiVersion: paas.rs/v1alpha1\nkind: Platform\nmetadata: {{name: demo}}\nspec:\n  infrastructure:\n    type: OpenStack\n    \
         openStack: {{networkCidr: 10.20.0.0/16}}\n  kubernetes: {kubernetes}\n  addons: {{cloudNativePg: false, operator: false}}\n"
    )
}

async fn paas(folder: &Path, args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paas"));
    command
        .args(args)
        .current_dir(folder)
        .env_clear()
        .envs([("HOME", folder), ("PAAS_HOME", &folder.join("home"))])
        .envs([("NO_COLOR", "1"), ("OS_CLOUD", "fake")])
        .stdin(Stdio::null());
    let ended = tokio::task::spawn_blocking(move || command.output());
    let output = ended.await.expect("a thread").expect("paas runs");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8(said).expect("text"),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_cluster_can_be_is_refused_with_its_code_before_anything_is_made() {
    let fake = Fake::start(Setup::default()).await.expect("a fake cloud");
    let folder = tempfile::tempdir().expect("a folder");
    let clouds = folder.path().join("clouds.yaml");
    fs::write(&clouds, fake.clouds_yaml()).expect("written");
    fs::set_permissions(&clouds, fs::Permissions::from_mode(0o600)).expect("closed");
    let long = format!("{{pools: [{{name: {}}}]}}", "a".repeat(63));
    let cases = [
        ("{podCidr: 10.20.128.0/17}", "PAAS-INS-0004"),
        ("{serviceCidr: 10.244.0.0/20}", "PAAS-INS-0004"),
        ("{version: \"1.12\"}", "PAAS-INS-0001"),
        ("{version: newest}", "PAAS-"),
        ("{controlPlane: {replicas: 3}}", "PAAS-INS-0005"),
        (long.as_str(), "PAAS-"),
        ("{pools: [{name: control-plane}]}", "PAAS-"),
        ("{installer: Rke2}", "PAAS-SPEC-0006"),
    ];
    for (kubernetes, code) in cases {
        fs::write(folder.path().join("demo.yaml"), platform(kubernetes)).expect("written");
        let (exit, said) = paas(folder.path(), &["up", "-f", "demo.yaml", "--yes"]).await;
        assert!([1, 2, 4].contains(&exit), "{kubernetes}: {exit}\n{said}");
        let helps = said.contains('→') || said.contains("= help: ");
        assert!(said.contains(code) && helps, "{kubernetes}\n{said}");
    }
    assert_eq!(fake.mutations(), 0, "{:#?}", fake.calls());
    let (_, said) = paas(folder.path(), &["status"]).await;
    assert!(!said.contains("Platform/default/demo"), "{said}");
    let secrets = fs::read_dir(folder.path().join("home/secrets")).expect("a folder");
    let owners = secrets.flatten().filter(|e| e.path().is_dir());
    assert_eq!(owners.count(), 0, "an authority of nothing is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_without_a_worker_is_planned_with_a_warning() {
    let fake = Fake::start(Setup::default()).await.expect("a fake cloud");
    let folder = tempfile::tempdir().expect("a folder");
    let clouds = folder.path().join("clouds.yaml");
    fs::write(&clouds, fake.clouds_yaml()).expect("written");
    fs::set_permissions(&clouds, fs::Permissions::from_mode(0o600)).expect("closed");
    let text = platform("{pools: [{name: workers, replicas: 0}]}");
    fs::write(folder.path().join("demo.yaml"), text).expect("written");
    let (exit, said) = paas(folder.path(), &["plan", "-f", "demo.yaml"]).await;
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("PAAS-INS-0008"), "{said}");
    assert_eq!(fake.mutations(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_for_a_cluster_that_there_is_not_say_so() {
    let folder = tempfile::tempdir().expect("a folder");
    for words in [
        &["cluster", "show"][..],
        &["cluster", "doctor", "demo"],
        &["cluster", "replace", "demo", "workers-1", "--yes"],
        &["kubeconfig", "demo"],
        &["kubeconfig", "--exec"],
        &["status", "--timeline", "demo"],
    ] {
        let (exit, said) = paas(folder.path(), words).await;
        assert_eq!(exit, 1, "{words:?}: {said}");
        assert!(
            said.contains("error") && said.contains("PAAS-CLI-"),
            "{words:?}: {said}"
        );
    }
}
