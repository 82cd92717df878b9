//! Operating instances on this machine: supervision, storage, logs, numbers and findings, with the real PostgreSQL.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic and poll with the system's clock"
)]

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use common::Place;
use paas_core::{
    error::Result,
    local::{
        codes::{LOC_BREAKS, LOC_NO_SERVICES, LOC_SERVICE},
        instance::LocalInstance,
        service::{Manager, Service},
        supervise::{Accepted, Chore, Stopped, Supervisor},
    },
    spec::DatabaseInstanceSpec,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
struct These(Vec<LocalInstance>);

impl Accepted for These {
    fn instances(&self) -> Result<Vec<LocalInstance>> {
        Ok(self.0.clone())
    }
}

/// Counts how often it was called.
#[derive(Debug, Clone, Default)]
struct Count(Arc<AtomicUsize>);

#[async_trait]
impl Chore for Count {
    fn name(&self) -> &str {
        "count"
    }

    async fn tend(&self, instance: &LocalInstance) -> Result<Option<jiff::Timestamp>> {
        assert!(instance.running().unwrap().is_some());
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(None)
    }
}

impl Place {
    fn instance(&self, spec: DatabaseInstanceSpec) -> LocalInstance {
        self.named("demo", spec)
    }

    fn supervise(&self, it: &LocalInstance, chore: &Count) -> (CancellationToken, JoinHandle<Stopped>) {
        let cancel = CancellationToken::new();
        let token = cancel.clone();
        let supervisor = Supervisor::new(Arc::new(These(vec![it.clone()])), self.machine.clock.clone())
            .every(Duration::from_millis(100))
            .chore(chore.clone());
        let running = tokio::spawn(async move { supervisor.run(&token).await });
        (cancel, running)
    }

    async fn said(&self, words: &str) -> String {
        let mut found = String::new();
        until(words, || {
            let all = self.events.all();
            let event = all
                .iter()
                .find(|e| e.reason == words || e.message.contains(words));
            found = event.map_or(String::new(), |e| e.message.clone());
            event.is_some()
        })
        .await;
        found
    }
}

async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what} never came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn pid(it: &LocalInstance) -> Option<u32> {
    let server = it.running().unwrap();
    server.filter(|s| s.status == "ready").map(|s| s.process.pid)
}

#[tokio::test]
async fn what_dies_is_brought_back_what_is_taken_down_stays_down_and_the_end_stops_everything() {
    let place = Place::new().await;
    let it = place.instance(DatabaseInstanceSpec::default());
    let chore = Count::default();
    let (cancel, running) = place.supervise(&it, &chore);
    until("the first server", || pid(&it).is_some()).await;
    until("a chore", || chore.0.load(Ordering::SeqCst) > 1).await;

    let killed = it.running().unwrap().unwrap();
    killed.process.signal(rustix::process::Signal::KILL).unwrap();
    until("a new server", || {
        pid(&it).is_some_and(|p| p != killed.process.pid)
    })
    .await;

    // A second supervisor of the same instance leaves it to the first.
    let (second, other) = place.supervise(&it, &Count::default());
    let words = place.said("Elsewhere").await;
    assert!(words.contains(&std::process::id().to_string()), "{words}");
    second.cancel();
    assert!(other.await.unwrap().stopped.is_empty());
    assert!(it.running().unwrap().is_some());

    it.down().await.unwrap();
    place.said("LetGo").await;
    assert!(it.is_taken_down() && it.running().unwrap().is_none());

    it.up().await.unwrap();
    let before = chore.0.load(Ordering::SeqCst);
    until("a chore of the one that is back", || {
        chore.0.load(Ordering::SeqCst) > before
    })
    .await;
    cancel.cancel();
    let stopped = running.await.unwrap();
    assert_eq!(stopped.stopped, [it.owner().clone()]);
    assert!(stopped.left.is_empty(), "{:?}", stopped.left);
    assert!(it.running().unwrap().is_none() && !it.is_taken_down());
}

#[tokio::test]
async fn what_breaks_again_and_again_is_said_and_tried_less_often() {
    let place = Place::new().await;
    let it = place.instance(DatabaseInstanceSpec::default());
    it.up().await.unwrap();
    let server = it.running().unwrap().unwrap();
    server.process.signal(rustix::process::Signal::KILL).unwrap();
    until("its end", || !server.process.is_alive()).await;
    let control = it.folder().join("data/global/pg_control");
    let aside = place.dir.path().join("pg_control");
    fs::rename(&control, &aside).unwrap();
    let (cancel, running) = place.supervise(&it, &Count::default());
    let words = tokio::time::timeout(Duration::from_secs(30), place.said(LOC_BREAKS.id)).await;
    let words = words.unwrap_or_else(|_| panic!("{:#?}", place.events.all()));
    assert!(words.contains("tried 2 times in a row"), "{words}");
    assert!(it.running().unwrap().is_none());
    // A person mends it, and nobody has to say so.
    fs::rename(&aside, &control).unwrap();
    until("it is back", || pid(&it).is_some()).await;
    cancel.cancel();
    assert_eq!(running.await.unwrap().stopped.len(), 1);
}

/// A service whose manager is a script that takes down what it is asked; it refuses what its folder has a file `refuse` for.
fn service(place: &std::path::Path) -> Service {
    let control = place.join("systemctl");
    let asked = place.display();
    let script = format!(
        "#!/bin/sh\necho \"$*\" >> {asked}/asked\nif grep -q \"$2\" {asked}/refuse 2>/dev/null; then echo no >&2; exit 1; fi\n"
    );
    fs::write(&control, script).unwrap();
    fs::set_permissions(&control, fs::Permissions::from_mode(0o755)).unwrap();
    Service {
        manager: Manager::SystemdUser,
        program: "/opt/my tools/paas".into(),
        home: "/srv/100%".into(),
        units: place.join("units"),
        control,
        sign: place.to_path_buf(),
    }
}

#[tokio::test]
async fn a_service_is_installed_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let service = service(dir.path());
    let nowhere = Service {
        sign: dir.path().join("nowhere"),
        ..service.clone()
    };
    let e = nowhere.install().await.unwrap_err();
    assert_eq!(e.code().id, LOC_NO_SERVICES.id);
    assert!(!service.units.exists());

    fs::write(dir.path().join("refuse"), "restart\n").unwrap();
    let e = service.install().await.unwrap_err();
    assert_eq!(e.code().id, LOC_SERVICE.id);
    assert!(e.to_string().contains("restart"), "{e}");
    assert!(!service.path().exists());

    fs::remove_file(dir.path().join("refuse")).unwrap();
    let path = service.install().await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), service.text());
    let standing = service.standing().await.unwrap();
    assert!(standing.installed && standing.current);
    let asked = fs::read_to_string(dir.path().join("asked")).unwrap();
    assert!(
        asked.contains("--user enable paas.service\n--user restart paas.service"),
        "{asked}"
    );
    assert!(service.uninstall().await.unwrap() && !path.exists());
    assert!(!service.uninstall().await.unwrap());
}

#[test]
fn systemd_itself_understands_the_unit() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("my paas");
    fs::copy("/bin/true", &program).unwrap();
    let service = Service {
        program,
        units: dir.path().into(),
        ..service(dir.path())
    };
    fs::write(service.path(), service.text()).unwrap();
    let mut verify = std::process::Command::new("systemd-analyze");
    let Ok(said) = verify.arg("verify").arg(service.path()).output() else {
        return;
    };
    let words = String::from_utf8_lossy(&said.stderr);
    let ours: Vec<&str> = words.lines().filter(|l| l.contains("paas.service")).collect();
    assert!(ours.is_empty(), "{ours:?}");
}
