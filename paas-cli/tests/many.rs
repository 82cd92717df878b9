//! Databases that come and go leave nothing, through the built command. A hundred of them: `.ci/many`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test says what it missed and stops")]

mod common;

use std::{collections::BTreeSet, fs, net::TcpStream};

use common::Home;

/// Ports, and files that are memory, of the servers that run now.
fn used(home: &Home) -> (BTreeSet<u16>, BTreeSet<String>) {
    let instances = fs::read_dir(home.path().join("instances")).unwrap().flatten();
    let notes = instances.filter_map(|i| fs::read_to_string(i.path().join("data/postmaster.pid")).ok());
    let ports = notes
        .map(|n| n.lines().nth(3).unwrap().parse().unwrap())
        .collect();
    let maps = home
        .servers()
        .into_iter()
        .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/maps")).ok());
    let memory = maps.flat_map(|m| {
        let files = m
            .split_whitespace()
            .filter(|w| w.starts_with("/dev/shm/PostgreSQL."));
        files.map(str::to_owned).collect::<Vec<_>>()
    });
    (ports, memory.collect())
}

fn delete(name: &str) -> [&str; 6] {
    ["db", "delete", name, "--delete-data", "--confirm", name]
}

#[test]
fn databases_that_came_and_went_in_a_row_and_at_once_leave_nothing() {
    let home = Home::new();
    let (mut ports, mut memory) = (BTreeSet::new(), BTreeSet::new());
    let mut watch = || {
        let (p, m) = used(&home);
        ports.extend(p);
        memory.extend(m);
    };
    for name in ["a", "b", "c", "d"] {
        home.paas(&["db", "create", name]).exits(0);
        watch();
        home.paas(&delete(name)).exits(0);
        assert!(home.servers().is_empty(), "{name} still runs");
    }
    let all = |words: &dyn Fn(&'static str) -> Vec<&'static str>| {
        let started: Vec<_> = ["e", "f", "g", "h"].map(|name| home.spawn(&words(name))).into();
        for child in started {
            let said = child.wait_with_output().unwrap();
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        }
    };
    all(&|name| vec!["db", "create", name]);
    watch();
    all(&|name| delete(name).to_vec());

    assert!(ports.len() >= 4 && memory.len() >= 4, "{ports:?} {memory:?}");
    assert!(home.servers().is_empty());
    for port in ports {
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "{port} answers");
    }
    for file in memory {
        assert!(!fs::exists(&file).unwrap(), "{file} is left");
    }
    let kept = ["id", "locks", "authority", "cache"];
    let own = |name: &str| kept.iter().any(|k| name.starts_with(k));
    let left: Vec<_> = home.files().into_iter().map(|(path, _)| path).collect();
    let left: Vec<_> = left
        .iter()
        .map(|p| p.strip_prefix(home.path()).unwrap())
        .collect();
    assert!(left.iter().all(|p| own(&p.to_string_lossy())), "{left:?}");
}
