//! `paas gc` against the fake cloud: what it shows, what it spares, and that nothing is left when it says so.
#![allow(clippy::expect_used, reason = "a test says what it missed and stops")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use paas_openstack::fake::{Fake, Setup};
use serde_json::Value;

const PLATFORM: &str = "apiVersion: paas.rs/v1alpha1
kind: Platform
metadata:
  name: NAME
spec:
  infrastructure:
    type: OpenStack
    openStack:
      flavorAtLeast: {cpus: 1, memory: 512Mi}
      networkCidr: 10.20.0.0/16
  kubernetes:
    installer: None
    pools:
      - {name: workers, replicas: 1, dataVolumeSize: 1Gi}
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
        Self { folder, fake }
    }

    fn home(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `paas` with a home of this name.
    async fn paas(&self, home: &str, args: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paas"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .envs([("HOME", self.folder.path()), ("PAAS_HOME", &self.home(home))])
            .envs([("NO_COLOR", "1"), ("OS_CLOUD", "fake")])
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

    async fn up(&self, home: &str, name: &str) {
        let file = format!("{name}.yaml");
        fs::write(self.folder.path().join(&file), PLATFORM.replace("NAME", name)).expect("written");
        self.paas(home, &["up", "-f", &file]).await.ends(0);
    }
}

impl Said {
    fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(
                self.out.contains(word) || self.err.contains(word),
                "{word}:\n{}\n{}",
                self.out,
                self.err
            );
        }
        self
    }

    fn json(&self) -> Value {
        let last = self.out.trim_end();
        serde_json::from_str(last)
            .or_else(|_| serde_json::from_str(last.lines().last().unwrap_or_default()))
            .expect("JSON")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leftovers_of_a_lost_machine_are_shown_then_deleted_then_proved() {
    let place = Place::new().await;
    place.up("lost", "one").await;
    place.up("here", "two").await;
    place.fake.forget_calls();

    let shown = place.paas("here", &["gc"]).await.ends(0);
    shown.says(&[
        "Platform/default/one",
        "2 servers, 1 volume with data, 1 floating IP",
        "known here",
        "would go",
        "Nothing was changed; paas gc --all --yes deletes",
        "1 volume with data stays",
    ]);
    place.paas("here", &["gc", "--detailed-exitcode"]).await.ends(3);
    place
        .paas("here", &["gc", "--older-than", "1h"])
        .await
        .ends(0)
        .says(&["younger than 1h"]);
    let wide = place.paas("here", &["gc", "-o", "wide"]).await.ends(0);
    wide.says(&["security group", "data, 1 GiB", "default-one-network"]);
    let names = place.paas("here", &["gc", "-o", "name"]).await.ends(0).out;
    let json = place.paas("here", &["gc", "-o", "json"]).await.ends(0).json();
    assert_eq!(json["owners"][0]["uid"], names.trim());
    assert_eq!(json["owners"][1]["knownHere"], true);
    assert_eq!(place.fake.mutations(), 0, "looking changes nothing");
    assert!(!place.home("nowhere").exists());
    place.paas("nowhere", &["gc"]).await.ends(0);
    assert!(!place.home("nowhere").exists(), "a home is not made by looking");

    place
        .paas("here", &["gc", "--all", "--yes"])
        .await
        .ends(0)
        .says(&["Platform/default/one: 1 of ", "it holds data"]);
    let consent = ["gc", "--yes", "--owner", "one", "--delete-data"];
    place
        .paas("here", &consent)
        .await
        .ends(4)
        .says(&["add --confirm one", "PAAS-CLI-0004"]);
    let gone = place
        .paas("here", &[&consent[..], &["--confirm", "one"]].concat())
        .await
        .ends(0);
    gone.says(&["Platform/default/one: nothing is left"]);
    place
        .paas("here", &["gc", "--all", "--yes"])
        .await
        .ends(0)
        .says(&["Nothing is left over"]);

    let args = [
        "gc",
        "--owner",
        "Platform/default/two",
        "--yes",
        "--delete-data",
        "--confirm",
        "two",
        "-o",
        "json",
    ];
    let result = place.paas("elsewhere", &args).await.ends(0).json();
    assert_eq!(result["left"], serde_json::json!([]));
    assert!(place.fake.leftovers().is_empty(), "{:#?}", place.fake.leftovers());
    place
        .paas("elsewhere", &["gc"])
        .await
        .ends(0)
        .says(&["Nothing is left over in project demo of cloud fake."]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consent_to_what_is_not_chosen_is_a_slip_of_the_hand() {
    let place = Place::new().await;
    let said = place
        .paas("here", &["gc", "--delete-data", "--confirm", "demo"])
        .await
        .ends(2);
    said.says(&["PAAS-CLI-0033", "nothing of it is chosen here"]);
    place.paas("here", &["gc", "--confirm", "demo"]).await.ends(2);
}
