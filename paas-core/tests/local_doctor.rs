//! The doctor: each thing that can be wrong with a home is told, a healthy one gives no warning, and nothing is changed by looking.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use paas_core::{
    local::{
        build::Places,
        doctor::{Doctor, Finding, Objects, Report, Severity, Subject},
        lock::Lock,
        machine::LocalMachine,
        mark::Mark,
        service::{Manager, Service},
        tls::authority::Authority,
    },
    owner::Owner,
    spec::DatabaseInstanceSpec,
};

/// A made-up home with a build that only says its version, and one stopped instance, `shop`, whose object is accepted.
struct Scene {
    dir: tempfile::TempDir,
    machine: LocalMachine,
    doctor: Doctor,
    shop: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        build(&dir.path().join("bin"), "echo 'postgres (PostgreSQL) 15.3'");
        fs::create_dir(dir.path().join("short")).unwrap();
        let machine = LocalMachine::open(dir.path().join("home")).unwrap();
        let mut spec = DatabaseInstanceSpec::default();
        spec.storage.size = "1Mi".parse().unwrap();
        let owner = machine.owner("default", "shop");
        let doctor = Doctor {
            places: Places {
                path: vec![dir.path().join("bin")],
                ..Places::default()
            },
            fetch: false,
            short: dir.path().join("short"),
            objects: Some(Objects {
                databases: vec![(owner.clone(), spec)],
                others: Vec::new(),
            }),
            ..Doctor::new(dir.path().join("home"))
        };
        let shop = machine.folder(&owner);
        let it = Self {
            dir,
            machine,
            doctor,
            shop,
        };
        it.data(&owner, &it.shop, 15);
        it
    }

    fn owner(&self, name: &str) -> Owner {
        self.machine.owner("default", name)
    }

    fn home(&self, path: &str) -> PathBuf {
        self.machine.home.root().join(path)
    }

    /// A marked folder with data of a major version, as far as a look tells.
    fn data(&self, owner: &Owner, folder: &Path, major: u32) {
        let name = format!("default/{}", owner.name());
        let mark = Mark::new(
            owner.uid().to_string(),
            "instance",
            name,
            "2026-01-01T00:00:00Z".parse().unwrap(),
        );
        mark.make_folder(folder, self.machine.home.account()).unwrap();
        put(&folder.join("data/PG_VERSION"), &format!("{major}\n"));
    }

    async fn look(&self) -> Report {
        let before = tree(self.dir.path());
        let report = self.doctor.look().await;
        assert_eq!(tree(self.dir.path()), before, "looking changes nothing");
        for finding in &report.findings {
            assert!(
                finding.severity <= Severity::Note || !finding.todo.is_empty(),
                "it says what to do: {finding:?}"
            );
        }
        report
    }

    /// The one finding that is not in a healthy home.
    async fn finding(&self, severity: Severity, subject: Subject, code: Option<&str>) -> Finding {
        let report = self.look().await;
        let all: Vec<&Finding> = report
            .findings
            .iter()
            .filter(|f| f.severity > Severity::Ok)
            .collect();
        assert_eq!(all.len(), 1, "{all:#?}");
        assert_eq!((all[0].severity, all[0].subject), (severity, subject), "{all:#?}");
        assert_eq!(all[0].code, code, "{all:#?}");
        all[0].clone()
    }
}

fn build(bin: &Path, says: &str) {
    for program in ["postgres", "initdb"] {
        put(&bin.join(program), &format!("#!/bin/sh\n{says}\n"));
        fs::set_permissions(bin.join(program), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Every path below a folder with its size and time.
fn tree(root: &Path) -> BTreeMap<PathBuf, (u64, i64, i64)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let meta = entry.metadata().unwrap();
        all.insert(entry.path(), (meta.len(), meta.mtime(), meta.mtime_nsec()));
        if meta.is_dir() {
            all.extend(tree(&entry.path()));
        }
    }
    all
}

#[tokio::test]
async fn a_healthy_home_gives_no_warning() {
    let it = Scene::new();
    let report = it.look().await;
    assert_eq!(report.worst(), Severity::Ok, "{:#?}", report.findings);
    let of = |subject| report.findings.iter().find(|f| f.subject == subject).unwrap();
    assert_eq!(of(Subject::Instances).what, "1 stopped (shop)");
    assert!(
        of(Subject::PostgreSQL)
            .what
            .contains("without psql, pg_dump, pg_upgrade")
    );
}

#[tokio::test]
async fn where_there_is_no_home_none_is_made() {
    let mut it = Scene::new();
    it.doctor.home = it.dir.path().join("none/yet");
    let found = it.finding(Severity::Note, Subject::Home, None).await;
    assert!(found.what.contains("is not there yet"), "{found:?}");
}

#[tokio::test]
async fn builds_that_do_not_run_or_are_not_there_are_told() {
    let mut it = Scene::new();
    let bad = it.dir.path().join("bad");
    build(&bad, "echo 'libssl.so.1.1: cannot open' >&2; exit 127");
    it.doctor.places.path.push(bad);
    let found = it
        .finding(Severity::Warn, Subject::PostgreSQL, Some("PAAS-LOC-0014"))
        .await;
    assert!(found.what.contains("libssl.so.1.1"), "{found:?}");

    it.doctor.places.path.clear();
    let report = it.look().await;
    let codes: Vec<_> = report
        .findings
        .iter()
        .filter_map(|f| Some((f.subject, f.code?)))
        .collect();
    let both = [Subject::PostgreSQL, Subject::Instances].map(|s| (s, "PAAS-LOC-0001"));
    assert_eq!(codes, both, "no build, and none for the data that is here");
    it.doctor.fetch = true;
    assert_eq!(it.look().await.worst(), Severity::Note, "both are fetched");
}

#[tokio::test]
async fn a_home_that_cannot_be_used_is_told() {
    let mut it = Scene::new();
    it.doctor.home = it.dir.path().join("file");
    put(&it.doctor.home, "");
    it.finding(Severity::Bad, Subject::Home, Some("PAAS-LOC-0005"))
        .await;

    it.doctor.home = it.dir.path().join("closed/home");
    let closed = it.dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    if rustix::process::geteuid().is_root() {
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        let report = it.look().await;
        let found = report
            .findings
            .iter()
            .find(|f| f.subject == Subject::Account)
            .unwrap();
        assert_eq!(found.code, Some("PAAS-LOC-0003"), "{found:?}");
    } else {
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
        assert_eq!(it.look().await.worst_of(Subject::Home), Severity::Bad);
    }
}

#[tokio::test]
async fn data_without_object_or_astray_is_told_with_the_command_that_takes_it_up() {
    let it = Scene::new();
    let lost = it.owner("lost");
    let place = it.machine.folder(&lost);
    it.data(&lost, &place, 15);
    let found = it.finding(Severity::Note, Subject::Instances, None).await;
    assert!(found.todo.contains("paas db adopt lost"), "{found:?}");

    let elsewhere = it.home("instances/elsewhere");
    fs::rename(&place, &elsewhere).unwrap();
    it.finding(Severity::Warn, Subject::Instances, Some("PAAS-LOC-0033"))
        .await;
    it.data(&lost, &it.home("instances/again"), 15);
    let report = it.look().await;
    let copies = report
        .findings
        .iter()
        .filter(|f| f.code == Some("PAAS-CORE-0002"));
    assert_eq!(copies.count(), 2, "{report:#?}");
    fs::remove_dir_all(it.home("instances/again")).unwrap();

    let half = it.home("instances/.paas-tmp-lost-0");
    fs::rename(&elsewhere, &half).unwrap();
    it.finding(Severity::Warn, Subject::Instances, Some("PAAS-LOC-0034"))
        .await;
    fs::remove_dir_all(half).unwrap();

    let other = LocalMachine::open(it.dir.path().join("other")).unwrap();
    it.data(&other.owner("default", "guest"), &it.home("instances/guest"), 15);
    it.finding(Severity::Warn, Subject::Instances, Some("PAAS-LOC-0036"))
        .await;
    put(&it.home("instances/guest/paas.json"), "{");
    it.finding(Severity::Bad, Subject::Instances, Some("PAAS-LOC-0012"))
        .await;
}

#[tokio::test]
async fn little_room_is_told_of_the_instance_that_has_it() {
    let it = Scene::new();
    put(&it.shop.join("data/pg_wal/1"), &"x".repeat(1 << 20));
    let found = it
        .finding(Severity::Warn, Subject::Instances, Some("PAAS-LOC-0024"))
        .await;
    assert!(found.what.starts_with("shop: StorageLow: "), "{found:?}");
}

#[tokio::test]
async fn a_port_that_somebody_else_holds_is_told_with_its_holder() {
    let it = Scene::new();
    let foreign = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = foreign.local_addr().unwrap().port();
    put(&it.shop.join("paas.conf"), &format!("port = '{port}'\n"));
    let found = it
        .finding(Severity::Warn, Subject::Ports, Some("PAAS-LOC-0011"))
        .await;
    assert!(found.what.contains(&std::process::id().to_string()), "{found:?}");
    drop(foreign);
    it.look().await;

    let second = it.owner("second");
    it.data(&second, &it.machine.folder(&second), 15);
    put(
        &it.machine.folder(&second).join("paas.conf"),
        &format!("port = '{port}'\n"),
    );
    let report = it.look().await;
    let same = report
        .findings
        .iter()
        .find(|f| f.subject == Subject::Ports)
        .unwrap();
    assert!(
        same.what.contains("second and shop have the same port") || same.what.contains("shop and second")
    );
}

#[tokio::test]
async fn what_interrupted_work_left_is_told_unless_somebody_is_at_work() {
    let it = Scene::new();
    let uid = it.owner("shop").uid().to_string();
    for (left, says) in [
        ("instances/.paas-tmp-verify-1/data/x".to_owned(), "paas db backup"),
        ("instances/.paas-tmp-demo-1/x".to_owned(), "paas up"),
        (format!("{}/.paas-tmp-upgrade/x", it.shop.display()), "paas up"),
        ("cache/.paas-tmp-18.1/x".to_owned(), "paas db create"),
        ("bindings/default/.paas-tmp-shop/x".to_owned(), "paas up"),
        (format!("backups/{uid}/.paas-tmp-1/x"), "paas db backup shop"),
        (
            "backups/c4a760a8-dbcf-5254-a0d9-6a4474bd1b62/.paas-tmp-1/x".to_owned(),
            "removed",
        ),
    ] {
        let file = it.home(&left);
        put(&file, "");
        let found = it.finding(Severity::Warn, Subject::Leftovers, None).await;
        assert!(found.todo.contains(says), "{found:?}");
        fs::remove_file(&file).unwrap();
        fs::remove_dir_all(file.parent().unwrap()).unwrap();
        let _ = fs::remove_dir(file.parent().unwrap().parent().unwrap());
    }
    put(&it.home("instances/.paas-tmp-demo-1/x"), "");
    let path = it.home(&format!("locks/{uid}.lock"));
    let lock = Lock::try_take(&path, "paas up").unwrap();
    let report = it.look().await;
    assert_eq!(report.worst(), Severity::Note, "{:#?}", report.findings);
    let held = report
        .findings
        .iter()
        .find(|f| f.subject == Subject::Locks)
        .unwrap();
    assert!(held.what.contains("(paas up) works on shop"), "{held:?}");
    drop(lock);
    assert_eq!(
        it.look().await.worst(),
        Severity::Warn,
        "the lock file alone is nothing"
    );
}

#[tokio::test]
async fn kept_and_half_upgraded_data_and_corrupt_backups_are_told() {
    let it = Scene::new();
    put(&it.shop.join("before-14/PG_VERSION"), "14\n");
    let found = it.finding(Severity::Note, Subject::Leftovers, None).await;
    assert!(found.todo.contains("--forget-old"), "{found:?}");
    fs::rename(it.shop.join("data"), it.shop.join("away")).unwrap();
    let found = it.finding(Severity::Warn, Subject::Leftovers, None).await;
    assert!(found.what.contains("was cut off"), "{found:?}");
    fs::rename(it.shop.join("away"), it.shop.join("data")).unwrap();
    fs::remove_dir_all(it.shop.join("before-14")).unwrap();

    let uid = it.owner("shop").uid();
    put(&it.home(&format!("backups/{uid}/b1/manifest.json")), "{");
    it.finding(Severity::Warn, Subject::Leftovers, Some("PAAS-LOC-0018"))
        .await;
}

#[tokio::test]
async fn folders_of_nobody_are_told() {
    let it = Scene::new();
    let secrets = it.home("secrets/c4a760a8-dbcf-5254-a0d9-6a4474bd1b62");
    put(&secrets.join("app"), "x");
    let found = it.finding(Severity::Note, Subject::Leftovers, None).await;
    assert!(found.what.contains("secrets of 1 owner"), "{found:?}");
    fs::remove_dir_all(secrets).unwrap();

    let sockets = it.dir.path().join("short/paas-0123456789ab");
    fs::create_dir(&sockets).unwrap();
    let server = UnixListener::bind(sockets.join(".s.PGSQL.20001")).unwrap();
    it.machine.home.account().own(&sockets).unwrap();
    assert_eq!(it.look().await.worst(), Severity::Ok, "somebody answers there");
    drop(server);
    let found = it.finding(Severity::Note, Subject::Leftovers, None).await;
    assert!(found.why.contains("paas-0123456789ab"), "{found:?}");
}

#[tokio::test]
async fn an_authority_that_lost_a_file_is_told_and_not_made_anew() {
    let it = Scene::new();
    Authority::open(&it.machine.home).unwrap();
    assert_eq!(it.look().await.worst(), Severity::Ok);
    let certificate = it.home("authority/ca.crt");
    let kept = fs::read(&certificate).unwrap();
    fs::remove_file(&certificate).unwrap();
    it.finding(Severity::Warn, Subject::Authority, None).await;
    fs::write(&certificate, kept).unwrap();
    fs::remove_file(it.home("authority/ca.key")).unwrap();
    it.finding(Severity::Bad, Subject::Authority, Some("PAAS-LOC-0022"))
        .await;
}

#[tokio::test]
async fn a_clock_that_was_set_back_is_told() {
    let it = Scene::new();
    let log = it.home(&format!("owners/{}/events.jsonl", it.owner("shop").uid()));
    put(&log, "");
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    fs::File::open(&log).unwrap().set_modified(later).unwrap();
    let found = it
        .finding(Severity::Warn, Subject::Clock, Some("PAAS-LOC-0028"))
        .await;
    assert!(found.what.contains("ahead of the clock"), "{found:?}");
}

#[tokio::test]
async fn a_service_that_is_missing_or_not_ours_is_told() {
    let mut it = Scene::new();
    let service = Service {
        manager: Manager::SystemdSystem,
        program: "/usr/bin/paas".into(),
        home: it.doctor.home.clone(),
        units: it.dir.path().join("units"),
        control: it.dir.path().join("no-systemctl"),
        sign: it.dir.path().join("no-sign"),
    };
    it.doctor.service = Some(service.clone());
    let found = it.finding(Severity::Note, Subject::Service, None).await;
    assert!(
        found.todo.contains("--foreground"),
        "no manager is here: {found:?}"
    );
    put(&service.path(), "[Unit]\n");
    let found = it.finding(Severity::Warn, Subject::Service, None).await;
    assert!(found.todo.contains("paas service install"), "{found:?}");
}
