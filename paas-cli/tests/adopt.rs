//! `paas adopt` against the fake cloud: what it shows, what it asks, what it writes, and the way back.
#![allow(clippy::expect_used, reason = "a test says what it missed and stops")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use paas_openstack::{
    Client,
    client::Options,
    fake::{Fake, Setup},
    network::NewNetwork,
};
use serde_json::Value;

const PLATFORM: &str = "apiVersion: paas.rs/v1alpha1
kind: Platform
metadata: {name: demo}
spec:
  infrastructure: {type: OpenStack, openStack: {}}
  kubernetes: {installer: None}
---
apiVersion: paas.rs/v1alpha1
kind: Platform
metadata: {name: here}
spec:
  infrastructure: {type: Local}
";

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
        let fake = Fake::start(Setup::default()).await.expect("a fake cloud");
        let folder = tempfile::tempdir().expect("a folder");
        let clouds = folder.path().join("clouds.yaml");
        fs::write(&clouds, fake.clouds_yaml()).expect("written");
        fs::set_permissions(clouds, fs::Permissions::from_mode(0o600)).expect("closed");
        fs::write(folder.path().join("paas.yaml"), PLATFORM).expect("written");
        Self { folder, fake }
    }

    async fn paas(&self, args: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paas"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .envs([
                ("HOME", self.folder.path().to_owned()),
                ("PAAS_HOME", self.folder.path().join("home")),
            ])
            .env("OS_CLOUD", "demo")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.expect("a thread").expect("paas runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Said {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

impl Said {
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_is_shown_asked_for_taken_over_and_given_back() {
    let place = Place::new().await;
    let client = Client::new(place.fake.cloud(), Options::default()).expect("a client");
    let corp = NewNetwork::new("corp").description("by hand");
    let networks = client.network();
    let id = networks.networks().create(&corp).await.expect("a network").id;
    place.fake.forget_calls();

    let unasked = place.paas(&["adopt", "demo", "network", "corp"]).await.exits(4);
    assert!(unasked.err.contains("PAAS-CLI-0004"), "{}", unasked.err);
    for words in [
        &*format!("takes over network corp ({id}) as network"),
        "tag paas-key=network",
        "description 'paas:",
        "The next `paas up` then:",
        "+ subnet",
    ] {
        assert!(unasked.err.contains(words), "{words}:\n{}", unasked.err);
    }
    assert!(!unasked.err.contains("+ network"), "{}", unasked.err);
    assert_eq!(place.fake.mutations(), 0);

    let json = place
        .paas(&["adopt", "demo", "network", "corp", "--yes", "-o", "json"])
        .await
        .exits(0);
    let json: Value = serde_json::from_str(&json.out).expect("one value");
    assert_eq!(json["things"][0]["id"], id);
    assert_eq!(json["written"].as_array().map(Vec::len), Some(3));
    assert_eq!(place.fake.mutations(), 3);
    let again = place.paas(&["adopt", "demo", "network", &id]).await.exits(0);
    assert!(again.out.contains("nothing is written"), "{}", again.out);
    let plan = place.paas(&["plan"]).await.exits(0);
    assert!(
        plan.out.contains("+ router") && !plan.out.contains("+ network"),
        "{}",
        plan.out
    );

    let back = place
        .paas(&["adopt", "demo", "network", "--release", "--yes"])
        .await
        .exits(0);
    assert_eq!(back.out, format!("network {id} is given back\n"));
    let shown = networks.networks().show(&id).await.expect("it is there");
    assert_eq!((shown.description.as_str(), shown.tags.len()), ("by hand", 0));
}

const TWO: &str = "apiVersion: paas.rs/v1alpha1
kind: Platform
metadata: {name: two}
spec:
  infrastructure: {type: OpenStack, openStack: {CIDR}}
  kubernetes: {installer: None}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_took_something_over_is_known_without_its_file() {
    let place = Place::new().await;
    fs::remove_file(place.folder.path().join("paas.yaml")).expect("removed");
    let write = |name: &str, inside: &str| {
        fs::write(place.folder.path().join(name), TWO.replace("CIDR", inside)).expect("written");
    };
    write("two.yaml", "");
    write("other.yaml", "networkCidr: 192.168.7.0/24");
    let client = Client::new(place.fake.cloud(), Options::default()).expect("a client");
    let networks = client.network();
    let corp = NewNetwork::new("corp");
    let id = networks.networks().create(&corp).await.expect("a network").id;

    place
        .paas(&["adopt", "-f", "two.yaml", "two", "network", "corp"])
        .await
        .exits(4);
    let unknown = place
        .paas(&["adopt", "two", "network", "--release", "--yes"])
        .await
        .exits(1);
    assert!(unknown.err.contains("PAAS-CLI-0003"), "{}", unknown.err);
    assert!(unknown.err.contains("paas status"), "{}", unknown.err);

    place
        .paas(&["adopt", "-f", "two.yaml", "two", "network", "corp", "--yes"])
        .await
        .exits(0);
    let names = place.paas(&["status", "-o", "name"]).await;
    assert_eq!(names.out, "Platform/default/two\n");
    let plan = place.paas(&["plan"]).await.exits(0);
    assert!(
        plan.out.contains("+ router") && !plan.out.contains("+ network"),
        "{}",
        plan.out
    );

    // Another file is the newest word, as in `up`.
    place
        .paas(&["adopt", "-f", "other.yaml", "two", "network", "corp", "--yes"])
        .await
        .exits(0);
    let kept = place.folder.path().join("home/objects/Platform/default/two.yaml");
    let kept = fs::read_to_string(kept).expect("kept");
    assert!(kept.contains("192.168.7.0/24"), "{kept}");

    let back = place
        .paas(&["adopt", "two", "network", "--release", "--yes"])
        .await
        .exits(0);
    assert_eq!(back.out, format!("network {id} is given back\n"));
    place.paas(&["down", "two", "--yes"]).await.exits(0);
    assert_eq!(place.paas(&["status", "-o", "name"]).await.out, "");
    networks.networks().show(&id).await.expect("it is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_changes_what_cannot_change_is_refused_as_by_up() {
    let place = Place::new().await;
    let cloud = PLATFORM
        .replace("name: here", "name: there")
        .replace("name: demo", "name: here");
    fs::write(place.folder.path().join("cloud.yaml"), cloud).expect("written");
    let client = Client::new(place.fake.cloud(), Options::default()).expect("a client");
    let corp = NewNetwork::new("corp");
    client
        .network()
        .networks()
        .create(&corp)
        .await
        .expect("a network");
    let local = "apiVersion: paas.rs/v1alpha1\nkind: Platform\nmetadata: {name: here}\nspec: {infrastructure: {type: Local}}\n";
    fs::write(place.folder.path().join("local.yaml"), local).expect("written");
    place.paas(&["up", "-f", "local.yaml", "--yes"]).await.exits(0);
    place.fake.forget_calls();
    let adopt = ["adopt", "-f", "cloud.yaml", "here", "network", "corp", "--yes"];
    let refused = place.paas(&adopt).await;
    let up = place.paas(&["up", "-f", "cloud.yaml", "--yes"]).await;
    assert_eq!((refused.code, &refused.err), (up.code, &up.err));
    assert!(refused.err.contains("PAAS-SPEC-0010"), "{}", refused.err);
    assert_eq!(place.fake.mutations(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_taken_over_says_why_and_what_could() {
    let place = Place::new().await;
    let local = place.paas(&["adopt", "here", "network", "corp"]).await.exits(2);
    assert!(local.err.contains("PAAS-CLI-0030"), "{}", local.err);
    let unknown = place.paas(&["adopt", "demo", "networks", "corp"]).await;
    assert!(
        unknown.err.contains("PAAS-OS-0039")
            && unknown
                .err
                .contains("free are: floating-ip/control-plane-1, network, port/control-plane-1"),
        "{}",
        unknown.err
    );
    let usage = place.paas(&["adopt", "demo", "network"]).await.exits(2);
    assert!(usage.err.contains("<THING>"), "{}", usage.err);
}
