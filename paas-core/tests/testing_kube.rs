//! Kubernetes for tests: a real API server, namespaces of one's own, and nothing is left however the test process ends. Other test
//! processes are this program itself, run again with the name of one test and a role for it in the environment.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may panic, tell what it measured, and look at the clock"
)]

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1;
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use paas_core::{
    crd::{self, DatabaseInstance},
    testing::kube::{self as harness, ControlPlane, Options, Part, codes::TEST_KUBE_FOREIGN},
};
use serde_json::json;

/// What a child is to do.
const ROLE: &str = "PAAS_TESTING_KUBE";

/// Where its servers are to lie.
const FOLDER: &str = "PAAS_TESTING_KUBE_FOLDER";

/// Long enough for a busy machine.
const DEADLINE: Duration = Duration::from_secs(180);

/// The shared control plane with our definitions, or nothing after saying why.
async fn with_definitions() -> Option<ControlPlane> {
    let cluster = harness::unless_absent(harness::control_plane().await).unwrap()?;
    cluster.define(&crd::all()).await.unwrap();
    Some(cluster)
}

/// What a control plane of one's own is started from; where it is to be built first, children do not all begin with that.
async fn programs_are_here() -> bool {
    harness::unless_absent(harness::programs().await)
        .unwrap()
        .is_some()
}

fn instance(spec: serde_json::Value) -> DatabaseInstance {
    serde_json::from_value(json!({
        "apiVersion": format!("{}/{}", paas_core::spec::GROUP, paas_core::spec::VERSION),
        "kind": "DatabaseInstance", "metadata": { "name": "demo" }, "spec": spec,
    }))
    .unwrap()
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !done().await {
        assert!(began.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn map(name: &str) -> v1::ConfigMap {
    v1::ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        ..v1::ConfigMap::default()
    }
}

#[tokio::test]
async fn a_definition_of_ours_is_served_and_its_rules_are_kept() {
    let Some(cluster) = with_definitions().await else {
        return;
    };
    let namespace = cluster.namespace("a definition of ours").await.unwrap();
    let instances: Api<DatabaseInstance> = Api::default_namespaced(namespace.client().await.unwrap());
    let manner = PostParams::default();
    let good =
        instance(json!({ "databases": [{ "name": "shop", "owner": "app" }], "users": [{ "name": "app" }] }));
    let made = instances.create(&manner, &good).await.unwrap();
    assert_eq!(made.metadata.namespace.as_deref(), Some(namespace.name()));
    let mut bad = instance(json!({ "databases": [{ "name": "shop", "owner": "nobody-here" }] }));
    bad.metadata.name = Some("other".to_owned());
    let refused = instances.create(&manner, &bad).await.unwrap_err();
    println!("{refused}");
    assert!(refused.to_string().contains("owner"), "{refused}");
}

#[tokio::test]
async fn a_namespace_goes_with_its_value_and_everything_in_it() {
    let Some(cluster) = with_definitions().await else {
        return;
    };
    let client = cluster.client().await.unwrap();
    let namespace = cluster.namespace("goes with its value").await.unwrap();
    let name = namespace.name().to_owned();
    let maps: Api<v1::ConfigMap> = Api::namespaced(client.clone(), &name);
    maps.create(&PostParams::default(), &map("kept")).await.unwrap();
    let all: Api<v1::Namespace> = Api::all(client);
    let there = all.get(&name).await.unwrap();
    assert_eq!(
        there.metadata.annotations.unwrap()[harness::ANNOTATION],
        "goes with its value"
    );
    drop(namespace);
    until("the namespace is gone", async || {
        all.get_opt(&name).await.unwrap().is_none()
    })
    .await;
    assert!(maps.get_opt("kept").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_outlive_servers_that_are_killed_and_started_again() {
    let dir = tempfile::tempdir().unwrap();
    let audit = dir.path().join("audit.log");
    let options = Options {
        audit_log: Some(audit.clone()),
        ..Options::default()
    };
    let own = ControlPlane::start_own(options).await;
    let Some(own) = harness::unless_absent(own).unwrap() else {
        return;
    };
    let mode = fs::metadata(own.kubeconfig()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let namespace = own.namespace("outlive").await.unwrap();
    let maps = async || -> Api<v1::ConfigMap> {
        let client: Client = own.client().await.unwrap();
        Api::namespaced(client, namespace.name())
    };
    maps()
        .await
        .create(&PostParams::default(), &map("kept"))
        .await
        .unwrap();
    own.restart_api_server().await.unwrap();
    maps().await.get("kept").await.unwrap();

    own.kill(Part::Etcd).await.unwrap();
    own.start_again(Part::Etcd).await.unwrap();
    until("the object is there", async || {
        maps().await.get("kept").await.is_ok()
    })
    .await;

    own.kill(Part::ApiServer).await.unwrap();
    own.kill(Part::ApiServer).await.unwrap();
    assert!(maps().await.get("kept").await.is_err());
    own.start_again(Part::ApiServer).await.unwrap();
    maps().await.get("kept").await.unwrap();
    let heard = fs::read_to_string(audit).unwrap();
    assert!(
        heard
            .lines()
            .any(|l| l.contains("\"verb\":\"create\"") && l.contains("\"kept\""))
    );
    let folder = own.log(Part::Etcd).unwrap().parent().unwrap().to_path_buf();
    drop(namespace);
    drop(own);
    assert!(!folder.exists() && living_below(&folder).is_empty());
}

/// A place for the servers of children, apart from those of other tests.
struct World {
    dir: tempfile::TempDir,
}

/// Another test process.
struct Other {
    child: Child,
    folder: PathBuf,
}

impl World {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() {
            memory.to_path_buf()
        } else {
            std::env::temp_dir()
        };
        Self {
            dir: tempfile::tempdir_in(parent).unwrap(),
        }
    }

    fn spawn(&self, role: &str, cluster: Option<&Path>) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        match cluster {
            Some(kubeconfig) => command.env("PAAS_TEST_KUBECONFIG", kubeconfig),
            None => command.env_remove("PAAS_TEST_KUBECONFIG"),
        };
        command
            .args(["--exact", "as_another_test_process", "--nocapture"])
            .env(ROLE, role)
            .env(FOLDER, self.dir.path())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// One whose control plane is ready.
    fn other(&self, role: &str) -> Other {
        let mut child = self.spawn(role, None);
        let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let line = lines
            .map(Result::unwrap)
            .find(|l| l.contains("servers at "))
            .unwrap();
        let folder = PathBuf::from(line.split_once("servers at ").unwrap().1);
        assert!(folder.starts_with(self.dir.path()), "{folder:?}");
        Other { child, folder }
    }

    /// Everything in the folder of servers, and every process that names something there.
    fn left(&self) -> (Vec<PathBuf>, Vec<u32>) {
        let folders = fs::read_dir(self.dir.path()).unwrap().flatten();
        let files = folders.flat_map(|s| fs::read_dir(s.path()).into_iter().flatten().flatten());
        (files.map(|e| e.path()).collect(), living_below(self.dir.path()))
    }

    async fn until_nothing_is_left(&self) {
        until("nothing is left", async || self.left() == (vec![], vec![])).await;
    }
}

impl Other {
    fn pid(&self, name: &str) -> u32 {
        let note = fs::read_to_string(self.folder.join(name).with_extension("pid")).unwrap();
        note.trim().parse().unwrap()
    }

    /// The shell that watches over the servers.
    fn shell(&self) -> u32 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid("etcd"))).unwrap();
        let parent = status.lines().find_map(|l| l.strip_prefix("PPid:")).unwrap();
        parent.trim().parse().unwrap()
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

/// Processes whose command line names something in this folder.
fn living_below(folder: &Path) -> Vec<u32> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(folder.to_str().unwrap())
    })
    .collect()
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// What a test process does whose cluster was there before.
async fn in_an_existing_cluster() {
    let cluster = harness::control_plane().await.unwrap();
    assert!(cluster.is_existing() && cluster.log(Part::ApiServer).is_none());
    let refused = cluster.kill(Part::ApiServer).await.unwrap_err();
    assert_eq!(refused.code().id, TEST_KUBE_FOREIGN.id);
    let namespace = cluster.namespace("existing").await.unwrap();
    let maps: Api<v1::ConfigMap> = Api::default_namespaced(namespace.client().await.unwrap());
    maps.create(&PostParams::default(), &map("one-of-each"))
        .await
        .unwrap();
    println!("namespace {}", namespace.name());
}

#[test]
fn as_another_test_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if role == "existing" {
        return runtime.block_on(in_an_existing_cluster());
    }
    let options = Options {
        folder: std::env::var_os(FOLDER).map(PathBuf::from),
        ..Options::default()
    };
    let own = runtime.block_on(ControlPlane::start_own(options)).unwrap();
    println!(
        "servers at {}",
        own.log(Part::Etcd).unwrap().parent().unwrap().display()
    );
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    assert_ne!(role, "panic", "as it was told to");
    // The end of the process runs no destructor of this one.
    std::mem::forget(own);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn test_processes_at_once_have_namespaces_of_their_own_in_a_cluster_that_exists() {
    let own = ControlPlane::start_own(Options::default()).await;
    let Some(own) = harness::unless_absent(own).unwrap() else {
        return;
    };
    let world = World::new();
    let all: Api<v1::Namespace> = Api::all(own.client().await.unwrap());
    let others = [(); 2].map(|()| world.spawn("existing", Some(&own.kubeconfig())));
    let mut names: Vec<String> = Vec::new();
    for other in others {
        let said = other.wait_with_output().unwrap();
        assert!(said.status.success());
        let said = String::from_utf8(said.stdout).unwrap();
        let name = said.lines().find_map(|l| l.split_once("namespace ")).unwrap().1;
        names.push(name.to_owned());
    }
    assert_ne!(names[0], names[1]);
    for name in names {
        until("the namespace is gone", async || {
            all.get_opt(&name).await.unwrap().is_none()
        })
        .await;
    }
    // Nobody started anything, and nobody stopped it.
    assert_eq!(world.left().0, Vec::<PathBuf>::new());
    all.get("default").await.unwrap();
}

#[tokio::test]
async fn nothing_is_left_of_test_processes_that_end_panic_or_are_killed() {
    if !programs_are_here().await {
        return;
    }
    let world = World::new();
    let mut others = ["end", "panic", "kill"].map(|role| world.other(role));
    // Beside each other, each with servers of its own.
    let mut places: Vec<_> = others.iter().map(|o| o.folder.clone()).collect();
    places.sort();
    places.dedup();
    assert_eq!(places.len(), 3);
    for (other, fine) in others.iter_mut().zip([Some(true), Some(false), None]) {
        assert!(!living_below(&other.folder).is_empty());
        match fine {
            Some(_) => drop(other.child.stdin.take()),
            None => kill(other.child.id()),
        }
        let ended = other.child.wait().unwrap();
        assert_eq!(ended.success(), fine == Some(true));
        let folder = other.folder.clone();
        until("servers and folder are gone", async || {
            !folder.exists() && living_below(&folder).is_empty()
        })
        .await;
    }
    world.until_nothing_is_left().await;
}

#[tokio::test]
async fn what_is_left_where_everything_was_killed_is_swept_by_the_next_and_a_neighbour_is_left_alone() {
    if !programs_are_here().await {
        return;
    }
    let world = World::new();
    let neighbour = world.other("end");
    let mut other = world.other("kill");
    kill(other.shell());
    kill(other.child.id());
    other.child.wait().unwrap();
    assert!(other.folder.exists() && !living_below(&other.folder).is_empty());
    let next = world.other("end");
    assert!(!other.folder.exists() && living_below(&other.folder).is_empty());
    next.end();
    assert!(neighbour.folder.exists() && !living_below(&neighbour.folder).is_empty());
    neighbour.end();
    world.until_nothing_is_left().await;
}

#[tokio::test]
async fn a_test_process_killed_while_its_servers_come_up_leaves_nothing() {
    if !programs_are_here().await {
        return;
    }
    let world = World::new();
    for point in ["", "pki/ca.crt", "etcd.pid", "apiserver.pid"] {
        let before = world.left().0;
        let mut child = world.spawn("kill", None);
        until(point, async || {
            let (now, _) = world.left();
            now.iter()
                .any(|f| !before.contains(f) && f.is_dir() && f.join(point).exists())
        })
        .await;
        kill(child.id());
        child.wait().unwrap();
    }
    // Where the shell was there already, it does it; else the next process does.
    world.other("end").end();
    world.until_nothing_is_left().await;
}
