//! `paas plan` and `paas up` where the cloud has no room: everything is told at once, nothing is asked and nothing is begun.
#![allow(clippy::expect_used, reason = "a test says what it missed and stops")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output, Stdio},
};

use paas_openstack::fake::{Fake, Setup};
use serde_json::Value;

const PLATFORM: &str = r"
apiVersion: paas.rs/v1alpha1
kind: Platform
metadata:
  name: shop
spec:
  infrastructure:
    type: OpenStack
    openStack:
      floatingIps: All
      availabilityZones: [az7]
  kubernetes: {installer: None}
";

async fn paas(folder: &std::path::Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paas"));
    command
        .args(args)
        .current_dir(folder)
        .env_clear()
        .envs([("HOME", folder), ("PAAS_HOME", &folder.join("home"))])
        .envs([("NO_COLOR", "1"), ("OS_CLOUD", "fake")])
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output());
    let Output {
        status,
        stdout,
        stderr,
    } = output.await.expect("a thread").expect("paas runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_ends_with_all_findings_before_anybody_is_asked_and_before_the_first_write() {
    let mut setup = Setup::default();
    setup.quotas.cores = 3;
    setup.quotas.floating_ips = 1;
    setup.images[0].min_disk = 50;
    let fake = Fake::start(setup).await.expect("a fake cloud");
    let folder = tempfile::tempdir().expect("a folder");
    let clouds = folder.path().join("clouds.yaml");
    fs::write(&clouds, fake.clouds_yaml()).expect("written");
    fs::set_permissions(&clouds, fs::Permissions::from_mode(0o600)).expect("closed");
    fs::write(folder.path().join("shop.yaml"), PLATFORM).expect("written");

    let (code, out, _) = paas(folder.path(), &["plan", "-f", "shop.yaml"]).await;
    assert_eq!(code, 0, "{out}");
    let told = [
        "in the way: nothing is begun before it is gone",
        "✗ the zone az7 for servers does not exist; these take servers: nova  [PAAS-OS-0036]",
        "✗ flavor m1.medium has a disk of 40 GiB, image debian-12 needs 50 GiB",
        "✗ cores: 4 more are needed, 3 of 3 are free  [PAAS-OS-0034]",
        "→ ask for a quota of 4 (it is 3), or choose a smaller flavor or fewer machines",
        "✗ floating IPs: 2 more are needed, 1 of 1 is free  [PAAS-OS-0034]",
        "to create; 4 in the way.",
    ];
    for words in told {
        assert!(out.contains(words), "{words}\n{out}");
    }

    let (code, out, err) = paas(folder.path(), &["up", "-f", "shop.yaml"]).await;
    assert_eq!(code, 4, "{out}{err}");
    let last = [
        "cannot bring it up",
        "nothing was changed: 4 findings stand in the way",
        "PAAS-CORE-0017",
    ];
    for words in told.iter().chain(&last) {
        assert!(err.contains(words), "{words}\n{err}");
    }

    let (code, out, err) = paas(folder.path(), &["up", "-f", "shop.yaml", "--yes", "-o", "json"]).await;
    assert_eq!(code, 4, "{out}{err}");
    let plan: Value = serde_json::from_str(out.lines().next().expect("a line")).expect("JSON");
    let findings = plan
        .pointer("/plan/stages/0/findings")
        .or_else(|| plan.pointer("/stages/0/findings"));
    let findings = findings.and_then(Value::as_array).expect("findings");
    assert_eq!(findings.len(), 4, "{plan}");
    assert!(
        findings
            .iter()
            .all(|f| f["severity"] == "error" && f["remedy"].is_string()),
        "{plan}"
    );

    let writes: Vec<_> = fake.calls().into_iter().filter(|c| c.mutates()).collect();
    assert!(writes.is_empty(), "{writes:#?}");
    // It was not accepted either: nothing of it is remembered.
    let (_, out, err) = paas(folder.path(), &["status"]).await;
    assert!(
        !format!("{out}{err}").contains("Platform/default/shop"),
        "{out}{err}"
    );
}
