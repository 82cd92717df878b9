//! A namespace of a real API server with the built `paas` pointed at it, and an operator over pretended servers.

use std::{
    fs,
    os::unix::fs::symlink,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use kube::{
    Api, Client, Config,
    api::{DynamicObject, Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use paas_core::{
    clock::{Clock, SystemClock},
    crd,
    kube::declared,
    spec::Kind,
    testing::kube::{self as harness, ControlPlane, Namespace},
};
use paas_operator::{Operator, Settings, engines::InCluster, metrics::Metrics, run};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::cnpg;

/// Long enough for a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// What a run of a program said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        let all = format!("{}{}", self.out, self.err);
        assert!(all.contains(words), "no {words:?} in:\n{all}");
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }

    /// The last of its lines of JSON.
    #[track_caller]
    pub fn result(&self) -> Value {
        let last = self.out.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }
}

pub struct Place {
    pub client: Client,
    namespace: Namespace,
    folder: tempfile::TempDir,
    stop: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A namespace of the cluster of all tests, with our kinds; `None` after saying why it cannot be had here.
pub async fn place(sentence: &str) -> Option<Place> {
    let cluster = harness::unless_absent(harness::control_plane().await).unwrap()?;
    cluster.define(&crd::all()).await.unwrap();
    Some(Place::of(&cluster, sentence).await)
}

/// The same with an operator.
pub async fn operated(sentence: &str) -> Option<Place> {
    let place = place(sentence).await?;
    if !cnpg::define(place.namespace.cluster(), sentence).await {
        return None;
    }
    place.operate().await;
    Some(place)
}

impl Place {
    pub async fn of(cluster: &ControlPlane, sentence: &str) -> Self {
        let namespace = cluster.namespace(sentence).await.unwrap();
        let client = namespace.client().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        let plugin = folder.path().join("bin/kubectl-paas");
        symlink(env!("CARGO_BIN_EXE_paas"), plugin).unwrap();
        Self {
            client,
            namespace,
            folder,
            stop: CancellationToken::new(),
        }
    }

    pub fn name(&self) -> &str {
        self.namespace.name()
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.namespace.cluster().kubeconfig()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Starts an operator for this namespace, and who says of its servers that they do well.
    async fn operate(&self) {
        let file = Kubeconfig::read_from(self.kubeconfig()).unwrap();
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(file, &options).await.unwrap();
        config.default_namespace = self.name().to_owned();
        let client = run::client(config, Arc::new(Metrics::default()), Arc::new(SystemClock)).unwrap();
        let mut settings = Settings {
            namespaces: vec![self.name().to_owned()],
            ..Settings::default()
        };
        settings.bounds.poll = Duration::from_millis(100);
        settings.bounds.poll_max = Duration::from_millis(500);
        settings.pace.blocked = Duration::from_secs(1);
        let engines = Arc::new(InCluster::new(client.clone()));
        tokio::spawn(Operator::new(client, engines, settings).run(self.stop.clone()));
        let (client, name) = (self.client.clone(), self.name().to_owned());
        tokio::spawn(cnpg::stand_in(client, name, self.stop.clone()));
    }

    /// Runs `paas` on this namespace. The runtime of the test goes on meanwhile.
    pub async fn paas(&self, words: &[&str]) -> Said {
        let mut all = vec!["--namespace", self.name()];
        all.extend(words);
        self.run(env!("CARGO_BIN_EXE_paas"), &all).await
    }

    /// Runs kubectl on this namespace.
    pub async fn kubectl(&self, words: &[&str]) -> Said {
        let kubectl = self.namespace.cluster().kubectl().unwrap();
        let mut all = words.to_vec();
        all.extend(["--namespace", self.name()]);
        self.run(kubectl.to_str().unwrap(), &all).await
    }

    pub async fn run(&self, program: &str, words: &[&str]) -> Said {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(self.folder.path())
            .env(
                "PATH",
                format!("{}:{path}", self.folder.path().join("bin").display()),
            )
            .env("PAAS_HOME", self.folder.path().join("home"))
            .env("KUBECONFIG", self.kubeconfig())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.unwrap().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn api(&self) -> Api<DynamicObject> {
        declared::api(&self.client, Kind::DatabaseInstance, Some(self.name()))
    }

    pub async fn object(&self, name: &str) -> Option<Value> {
        let found = self.api().get_opt(name).await.unwrap();
        found.map(|o| serde_json::to_value(o).unwrap())
    }

    /// Writes a status as an operator would.
    pub async fn status(&self, name: &str, status: Value) {
        let patch = Patch::Merge(serde_json::json!({ "status": status }));
        let api = self.api();
        api.patch_status(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// Waits for an object to be as a test expects.
    pub async fn until(&self, name: &str, what: &str, expected: impl Fn(&Value) -> bool) -> Value {
        let began = SystemClock.elapsed();
        let mut last = Value::Null;
        while SystemClock.elapsed() - began < DEADLINE {
            last = self.object(name).await.unwrap_or_default();
            if expected(&last) {
                return last;
            }
            SystemClock.sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} is not {what}: {last:#}");
    }
}
