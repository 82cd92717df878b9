//! `paas cloud show` against the fake cloud: what it says, how it ends, and what the trace has.
#![allow(clippy::expect_used, reason = "a test says what it missed and stops")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use paas_openstack::{
    client::service::Kind,
    fake::{Fake, Fault, Setup, What},
};
use serde_json::Value;

/// A folder with the clouds.yaml of a fake cloud.
struct Place {
    folder: tempfile::TempDir,
    fake: Fake,
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    async fn new() -> Self {
        // Much works without Octavia, so that is no finding.
        let mut setup = Setup::default();
        setup.shape.without = vec![Kind::LoadBalancer];
        let fake = Fake::start(setup).await.expect("a fake cloud");
        let folder = tempfile::tempdir().expect("a folder");
        let this = Self { folder, fake };
        this.write(&this.fake.clouds_yaml());
        this
    }

    fn write(&self, clouds: &str) {
        let file = self.folder.path().join("clouds.yaml");
        fs::write(&file, clouds).expect("written");
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("closed");
    }

    async fn paas(&self, args: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paas"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .envs([("HOME", self.folder.path()), ("PAAS_HOME", self.folder.path())])
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.expect("a thread").expect("paas runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let said = Said {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        };
        assert!(
            !format!("{}{}", said.out, said.err).contains("demo-password"),
            "the password is shown"
        );
        said
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cloud_that_is_right_says_who_we_are_and_what_is_there() {
    let place = Place::new().await;
    let said = place.paas(&["cloud", "show", "fake"]).await;
    assert_eq!(said.code, Some(0), "{}\n{}", said.out, said.err);
    for word in [
        "demo (domain Default)",
        "member, reader",
        "Nova",
        "2.1 to",
        "Neutron",
        "extensions",
        "floating IPs",
        "absent",
    ] {
        assert!(said.out.contains(word), "{word}:\n{}", said.out);
    }
    let json = place.paas(&["cloud", "show", "fake", "-o", "json"]).await;
    let json: Value = serde_json::from_str(&json.out).expect("one value");
    assert_eq!(json["identity"]["project"], "demo");
    assert_eq!(json["services"][1]["name"], "Nova");
    assert_eq!(json["services"][1]["state"], "ready");
    let yaml = place.paas(&["cloud", "show", "fake", "-o", "yaml"]).await;
    assert!(yaml.out.contains("tokenExpires:"), "{}", yaml.out);
    assert_eq!(place.fake.mutations(), 0, "looking changes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_fails_is_told_with_the_others_and_ends_with_1() {
    let place = Place::new().await;
    place.fake.inject(
        Fault::new(What::Refuse(403))
            .on(Kind::Image)
            .call("GET", "/v2/images"),
    );
    let said = place.paas(&["cloud", "show", "fake"]).await;
    assert_eq!(said.code, Some(1), "{}\n{}", said.out, said.err);
    assert!(
        said.out.contains("failed") && said.out.contains("ready"),
        "{}",
        said.out
    );
    assert!(
        said.err.contains("Glance:") && said.err.contains("[PAAS-OS-"),
        "{}",
        said.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_ends_with_1_and_its_code() {
    let place = Place::new().await;
    place.write(&place.fake.clouds_yaml().replace("demo-password", "canary-wrong"));
    let said = place.paas(&["cloud", "show", "fake"]).await;
    assert_eq!(said.code, Some(1), "{}\n{}", said.out, said.err);
    assert!(
        said.err.contains("PAAS-OS-0010") && said.out.is_empty(),
        "{}",
        said.err
    );
    assert!(!said.err.contains("canary"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_has_every_call_and_no_secret_and_grows() {
    let place = Place::new().await;
    let file = place.folder.path().join("calls.jsonl");
    let said = place
        .paas(&["cloud", "show", "fake", "-v", "--trace", "calls.jsonl"])
        .await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("Nova: show limits: GET http"), "{}", said.err);
    let mode = fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let first = fs::read_to_string(&file).expect("text");
    let lines: Vec<Value> = first
        .lines()
        .map(|l| serde_json::from_str(l).expect("a line of JSON"))
        .collect();
    assert_eq!(lines.len(), place.fake.calls().len(), "every call is in it");
    assert!(
        lines
            .iter()
            .any(|l| l["operation"] == "list extensions" && l["status"] == 200 && l["requestId"].is_string())
    );
    assert!(
        !first.contains("demo-password") && !first.to_lowercase().contains("x-auth-token"),
        "{first}"
    );
    place
        .paas(&["cloud", "show", "fake", "--trace", "calls.jsonl"])
        .await;
    let both = fs::read_to_string(&file).expect("text");
    assert!(
        both.starts_with(&first) && both.len() > first.len(),
        "the second run is added"
    );
    let refused = place
        .paas(&["cloud", "show", "fake", "--trace", "nowhere/calls.jsonl"])
        .await;
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("PAAS-CLI-0028"), "{}", refused.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_that_are_not_checked_are_warned_of_loudly_and_once() {
    let place = Place::new().await;
    let lax = place
        .fake
        .clouds_yaml()
        .replace("    region_name:", "    verify: false\n    region_name:");
    place.write(&lax);
    let said = place.paas(&["cloud", "show", "fake"]).await;
    assert_eq!(said.err.matches("NOT verified").count(), 1, "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cloud_that_nobody_configured_is_told_before_anybody_is_asked() {
    let place = Place::new().await;
    let said = place.paas(&["cloud", "show", "fakee"]).await;
    assert_ne!(said.code, Some(0));
    assert!(said.err.contains("PAAS-OS-0001"), "{}", said.err);
    assert!(place.fake.calls().is_empty());
}
