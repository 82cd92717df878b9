//! `paas vm` against the fake cloud: made, seen from anywhere, changed, deleted to nothing; what goes wrong, in words.
#![allow(clippy::expect_used, reason = "a test says what it missed and stops")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use paas_openstack::{
    client::service::Kind,
    fake::{Fake, Fault, Setup, What},
};
use serde_json::Value;

/// A cloud that makes and deletes at once.
fn quick() -> Setup {
    let mut setup = Setup::default();
    let soon = Duration::from_millis(20);
    setup.times.boot = soon;
    setup.times.server_delete = soon;
    setup.times.volume = soon;
    setup.times.volume_delete = soon;
    setup
}

/// A folder with the clouds.yaml of a fake cloud, and two laptops.
struct Place {
    folder: tempfile::TempDir,
    fake: Fake,
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.out,
            self.err
        );
        self
    }

    #[track_caller]
    fn says(self, words: &[&str]) -> Self {
        for word in words {
            let both = format!("{}\n{}", self.out, self.err);
            assert!(both.contains(word), "{word}:\n{both}");
        }
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }
}

impl Place {
    async fn new(setup: Setup) -> Self {
        let fake = Fake::start(setup).await.expect("a fake cloud");
        let folder = tempfile::Builder::new()
            .prefix("paas")
            .tempdir_in("/tmp")
            .expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        let clouds = folder.path().join("clouds.yaml");
        fs::write(&clouds, fake.clouds_yaml()).expect("written");
        fs::set_permissions(clouds, fs::Permissions::from_mode(0o600)).expect("closed");
        Self { folder, fake }
    }

    fn laptop(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn on(&self, laptop: &str, args: &str) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paas"));
        let home = self.laptop(laptop);
        command
            .args(args.split_whitespace())
            .current_dir(self.folder.path())
            .env_clear()
            .envs([("HOME", home.clone()), ("PAAS_HOME", home.join("paas"))])
            .envs([("NO_COLOR", "1"), ("OS_CLOUD", "demo")])
            .stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.expect("a thread").expect("paas runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let said = Said {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        };
        for secret in ["demo-password", "PRIVATE KEY", "canary"] {
            assert!(
                !format!("{}{}", said.out, said.err).contains(secret),
                "{secret} is shown"
            );
        }
        said
    }

    async fn paas(&self, args: &str) -> Said {
        self.on("one", args).await
    }

    #[track_caller]
    fn is_clean(&self) {
        assert!(self.fake.leftovers().is_empty(), "{:#?}", self.fake.leftovers());
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push(path);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_command_makes_a_machine_and_another_laptop_sees_and_deletes_it() {
    let place = Place::new(quick()).await;
    let made = place.paas("vm create web --allow 80,443").await.exits(0).says(&[
        "VirtualMachine/default/web is ready (debian-12 on m1.small)",
        "debian@203.0.113.",
        "There is no SSH key: a new one is in ",
        "paas vm delete web",
    ]);
    let owners = place.laptop("one").join("paas/owners");
    let key = files(&owners)
        .into_iter()
        .find(|f| f.ends_with("id_ed25519"))
        .expect("a key");
    assert!(
        made.out.contains(&format!("ssh -i {} debian@", key.display())),
        "{}",
        made.out
    );
    assert_eq!(
        fs::metadata(&key).expect("it is there").permissions().mode() & 0o777,
        0o600
    );

    place.fake.forget_calls();
    place
        .paas("vm create web --allow 80,443")
        .await
        .exits(0)
        .says(&["Nothing to do"]);
    assert_eq!(place.fake.mutations(), 0);

    let list = place.on("two", "vm list").await.exits(0);
    assert!(
        list.out.contains("web") && list.out.contains("ACTIVE") && list.out.contains("debian-12"),
        "{}",
        list.out
    );
    place.on("two", "vm show web").await.exits(0).says(&[
        "ACTIVE, power running",
        "tcp 443 from 0.0.0.0/0",
        "m1.small: 1 CPU, 2 GiB, disk 20 GiB",
        "web login:",
    ]);
    assert!(!place.laptop("two").exists(), "looking keeps nothing here");
    let seen = place
        .on("two", "vm show web -o json --lines 0")
        .await
        .exits(0)
        .json();
    assert_eq!(
        (seen["user"].as_str(), seen["console"].as_str()),
        (Some("debian"), None)
    );
    assert_eq!(place.on("two", "vm list -o name").await.out, "web\n");

    place
        .on("two", "vm delete web")
        .await
        .exits(4)
        .says(&["PAAS-CLI-0004"]);
    place
        .on("two", "vm delete web --yes")
        .await
        .exits(0)
        .says(&["web: nothing is left."]);
    place.is_clean();
    place
        .paas("vm list")
        .await
        .exits(0)
        .says(&["no virtual machines"]);
    place
        .paas("vm delete web --yes")
        .await
        .exits(1)
        .says(&["PAAS-CLI-0031", "the project has none"]);
    // The key of a machine that is gone is of no use: the laptop that made it forgets it when it is made anew and deleted here.
    place.paas("vm create web").await.exits(0);
    place.paas("vm delete web --yes").await.exits(0);
    assert!(files(&owners).is_empty(), "{:?}", files(&owners));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_flags_show_the_difference_and_need_consent_where_something_goes() {
    let place = Place::new(quick()).await;
    let ssh = place.laptop("one").join(".ssh");
    fs::create_dir_all(&ssh).expect("a folder");
    let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0Yq0fGv0YB1cqTYKHYkVwhBJyVVxkBHvLPs1Yb0tQK me";
    fs::write(ssh.join("id_ed25519.pub"), line).expect("written");
    fs::write(ssh.join("id_ed25519"), "").expect("written");
    let made = place.paas("vm create web").await.exits(0);
    assert!(
        made.out.contains("  ssh debian@") && !made.err.contains("a new one"),
        "{}{}",
        made.out,
        made.err
    );

    place
        .paas("vm create web --allow 80")
        .await
        .exits(0)
        .says(&["+ rule/web/ingress-IPv4-tcp-80-80"]);
    place
        .paas("vm create web")
        .await
        .exits(4)
        .says(&["- rule/web/ingress-IPv4-tcp-80-80", "PAAS-CLI-0004"]);
    place.paas("vm create web --yes").await.exits(0);
    place
        .paas("vm create web --flavor m1.medium")
        .await
        .exits(4)
        .says(&["± server/web", "m1.medium", "nothing was changed"]);
    place
        .paas("vm create web --flavor m1.medium --yes")
        .await
        .exits(0)
        .says(&["on m1.medium"]);
    for fixed in ["--data-volume 5Gi", "--ssh-key other.pub"] {
        fs::write(
            place.folder.path().join("other.pub"),
            line.replace("J0Yq", "J0Yr"),
        )
        .expect("written");
        let said = place
            .paas(&format!("vm create web --flavor m1.medium {fixed}"))
            .await;
        said.exits(4).says(&["PAAS-OS-0044", "nothing was changed"]);
    }
    place.paas("vm delete web --yes").await.exits(0);
    place.is_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_had_is_told_with_its_code_and_nothing_is_made() {
    let mut setup = quick();
    setup.images[0].min_disk = 15;
    let place = Place::new(setup).await;
    fs::write(
        place.folder.path().join("private"),
        "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary",
    )
    .expect("written");
    for (args, code, words) in [
        ("--image nothing", 1, &["PAAS-OS-0041", "none of that name"][..]),
        ("--image-distro plan9", 1, &["PAAS-OS-0041", "debian-12"]),
        ("--flavor huge", 1, &["PAAS-OS-0041", "m1.medium"]),
        (
            "--flavor m1.tiny",
            1,
            &["PAAS-OS-0044", "needs 15 GiB of disk, and the flavor has 1"],
        ),
        ("--external-network elsewhere", 1, &["PAAS-OS-0041", "public"]),
        ("--network team", 1, &["PAAS-OS-0041"]),
        ("--cidr 10.0.0.0/8", 1, &["PAAS-OS-0044", "from /10 to /28"]),
        ("--from everybody", 1, &["PAAS-OS-0044", "not a range"]),
        ("--ssh-key private", 2, &["PAAS-CLI-0032", "the private half"]),
        ("--ssh-key nowhere.pub", 2, &["PAAS-CLI-0032", "No such file"]),
        ("--user-data nowhere", 2, &["PAAS-CLI-0001", "No such file"]),
        ("--allow http", 2, &["a port from 1 to 65535"]),
    ] {
        let said = place.paas(&format!("vm create web {args}")).await;
        said.exits(code).says(words);
    }
    place
        .paas("vm create Web")
        .await
        .exits(1)
        .says(&["PAAS-OS-0044", "is not a name"]);
    for verb in ["show", "console", "delete --yes"] {
        place
            .paas(&format!("vm {verb} web"))
            .await
            .exits(1)
            .says(&["PAAS-CLI-0031", "the project has none"]);
    }
    assert_eq!(place.fake.mutations(), 0);

    let bare = Place::new(Setup {
        networks: Vec::new(),
        ..quick()
    })
    .await;
    bare.paas("vm create web")
        .await
        .exits(1)
        .says(&["PAAS-OS-0041", "there is none at all"]);
    assert_eq!(bare.fake.mutations(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_and_a_fault_are_told_in_the_clouds_words_and_delete_leaves_nothing() {
    let mut setup = quick();
    setup.quotas.instances = 0;
    let place = Place::new(setup).await;
    let said = place.paas("vm create web").await;
    said.exits(4)
        .says(&["servers: 1 more is needed, 0 of 0 are free", "PAAS-OS-0034"]);
    place.is_clean();

    let mut setup = quick();
    setup.quotas.cores = -1;
    let full = Place::new(setup).await;
    // It is made anew a few times, each time later than before: the reason is told at once.
    let said = full.paas("vm create web --flavor m1.toobig --timeout 2s").await;
    said.exits(5).says(&["No valid host"]);
    full.paas("vm delete web --yes").await.exits(0);
    full.is_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_is_read_or_shown_in_a_browser_and_a_cloud_without_one_says_so() {
    let place = Place::new(quick()).await;
    fs::write(place.folder.path().join("setup.sh"), "#!/bin/sh\necho canary\n").expect("written");
    place
        .paas("vm create web --user-data setup.sh --no-floating-ip --trace calls.jsonl")
        .await
        .exits(0)
        .says(&["debian@10.20.0."]);
    let trace = fs::read_to_string(place.folder.path().join("calls.jsonl")).expect("a trace");
    assert!(trace.contains("create server") && !trace.contains("canary"));
    assert_eq!(
        place.paas("vm console web -n 1").await.exits(0).out,
        "web login: \n"
    );
    let json = place.paas("vm console web -o json").await.exits(0).json();
    assert!(
        json["console"]
            .as_str()
            .is_some_and(|text| text.contains("Cloud-init finished"))
    );
    let url = place.paas("vm console web --url").await.exits(0).out;
    assert!(
        url.starts_with("http://127.0.0.1:") && url.contains("token"),
        "{url}"
    );
    place
        .paas("vm console web --url serial")
        .await
        .exits(1)
        .says(&["Unavailable console type serial"]);
    place.fake.inject(
        Fault::new(What::Refuse(501))
            .on(Kind::Compute)
            .call("POST", "/v2.1/servers/*/action")
            .always(),
    );
    place
        .paas("vm console web")
        .await
        .exits(1)
        .says(&["PAAS-OS-0020"]);
    place
        .paas("vm show web")
        .await
        .exits(0)
        .says(&["console   none: "]);
    place.fake.heal();
    place
        .paas("vm create web --user-data setup.sh --no-floating-ip")
        .await
        .exits(0)
        .says(&["first boot only"]);
    place.paas("vm delete web --yes").await.exits(0);
    place.is_clean();
    let kept = files(&place.laptop("one").join("paas/secrets"));
    assert!(kept.is_empty(), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_are_kept_until_their_name_is_said() {
    let place = Place::new(quick()).await;
    let made = place
        .paas("vm create db --volume 5Gi --data-volume 7Gi -o json")
        .await
        .exits(0);
    let last: Value = made
        .out
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok())
        .expect("a result");
    assert_eq!(last["type"], "result");
    assert_eq!(
        last["objects"][0]["machine"]["volumes"].as_array().map(Vec::len),
        Some(2)
    );
    place
        .paas("vm show db")
        .await
        .exits(0)
        .says(&["7 GiB data, outlives the machine", "5 GiB root"]);
    place
        .paas("vm delete db --delete-data --yes")
        .await
        .exits(4)
        .says(&["--confirm db", "nothing was changed"]);
    place
        .paas("vm delete db --delete-data --confirm bd")
        .await
        .exits(1)
        .says(&["no object has that name"]);
    place
        .paas("vm delete db --yes")
        .await
        .exits(0)
        .says(&["its data is kept", "volume/db-data"]);
    place.paas("vm list").await.exits(0).says(&["no server"]);
    place
        .paas("vm delete db --delete-data --confirm db")
        .await
        .exits(0)
        .says(&["nothing is left"]);
    place.is_clean();
}
