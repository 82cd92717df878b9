//! The same with `paas` itself, as people run it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
    sync::Arc,
};

use paas_core::testing::{kube as harness, machines::Machines};
use paas_openstack::fake::{Fake, Setup};

use crate::{bridge::Bridge, place};

const PLATFORM: &str = "
apiVersion: paas.rs/v1alpha1
kind: Platform
metadata:
  name: demo
spec:
  infrastructure:
    type: OpenStack
    openStack: {}
  kubernetes:
    installer: Kubeadm
    pools:
      - name: workers
        replicas: 1
  addons:
    cloudController: false
    csi: false
    cloudNativePg: false
    operator: false
";

struct Person {
    folder: tempfile::TempDir,
    machines: Machines,
}

impl Person {
    /// Runs `paas`, which is to end with that code; what it said.
    async fn paas(&self, words: &[&str], code: i32) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paas"));
        command
            .args(words)
            .current_dir(self.folder.path())
            .env_clear()
            .envs([
                ("HOME", self.folder.path()),
                ("PAAS_HOME", &self.folder.path().join("home")),
            ])
            .envs([("NO_COLOR", "1"), ("OS_CLOUD", "fake")])
            .stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .unwrap()
            .unwrap();
        let (out, err) = (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        );
        let consoles: Vec<String> = self
            .machines
            .known()
            .iter()
            .map(|id| self.machines.console(id))
            .collect();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{words:?}\n{out}\n{err}\n{}",
            consoles.join("\n")
        );
        out
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_command_makes_a_cluster_of_nothing_and_another_leaves_nothing() {
    if harness::unless_absent(harness::programs().await)
        .unwrap()
        .is_none()
    {
        return;
    }
    let mut setup = Setup::default();
    setup.networks[0].cidr = place::block();
    let fake = Arc::new(Fake::start(setup).await.unwrap());
    let person = Person {
        folder: tempfile::tempdir().unwrap(),
        machines: Machines::new(),
    };
    let _bridge = Bridge::start(fake.clone(), person.machines.clone());
    let clouds = person.folder.path().join("clouds.yaml");
    fs::write(&clouds, fake.clouds_yaml()).unwrap();
    fs::set_permissions(&clouds, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(person.folder.path().join("demo.yaml"), PLATFORM).unwrap();

    person.paas(&["up", "-f", "demo.yaml", "--yes"], 0).await;
    let shown = person.paas(&["cluster", "show", "demo"], 0).await;
    assert!(
        shown.contains("control-plane-1") && shown.contains("workers-1"),
        "{shown}"
    );
    fake.forget_calls();
    let again = person.paas(&["up", "-f", "demo.yaml", "--yes"], 0).await;
    assert!(
        again.contains("Nothing to do") && fake.mutations() == 0,
        "{again}"
    );
    let doctor = person.paas(&["cluster", "doctor", "demo"], 0).await;
    assert!(doctor.contains("all 2 are ready"), "{doctor}");
    person
        .paas(&["cluster", "replace", "demo", "control-plane-1", "--yes"], 4)
        .await;
    person
        .paas(&["cluster", "replace", "demo", "workers-1", "--yes"], 0)
        .await;
    let kubeconfig = person.paas(&["kubeconfig", "demo"], 0).await;
    assert!(kubeconfig.contains("https://127."), "its address outside");
    let gone = person.paas(&["down", "-f", "demo.yaml", "--yes"], 0).await;
    assert!(gone.contains("nothing is left"), "{gone}");
    assert!(fake.leftovers().is_empty(), "{:#?}", fake.leftovers());
}
