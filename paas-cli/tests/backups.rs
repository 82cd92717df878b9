//! Backups through the built command and real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test says what it missed and stops")]

mod common;

use std::{fs, path::Path};

use common::Home;

/// Whether something half-made lies in this folder or one below it.
fn half_made(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|e| e.path())
        .filter(|p| p.is_dir() && !p.ends_with("data"))
        .any(|p| p.file_name().unwrap().to_string_lossy().starts_with(".paas-tmp-") || half_made(&p))
}

/// Runs a command and kills it as soon as it has begun to make something; true if it was quicker and finished.
fn killed_midway(home: &Home, args: &[&str], folder: &str) -> bool {
    let mut child = home.spawn(args);
    while !half_made(&home.path().join(folder)) && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let _ = child.kill();
    child.wait().unwrap().success()
}

fn good(home: &Home) -> Vec<String> {
    let listed = home.paas(&["db", "backups", "-o", "name"]).exits(0).out;
    listed.lines().map(str::to_owned).collect()
}

#[test]
fn a_database_is_backed_up_restored_cloned_and_its_backups_outlive_it() {
    let home = Home::new();
    home.paas(&["db", "create", "shop"]).exits(0);
    let sql = "create table t as select g from generate_series(1, 100000) g";
    home.paas(&["db", "sql", "shop", "-c", sql]).exits(0);
    let count = |name: &str| {
        home.paas(&["db", "sql", name, "-c", "select count(*) from t", "-o", "name"])
            .exits(0)
            .out
    };

    // Killed in the middle: not listed as good, and swept by the next.
    let finished = killed_midway(&home, &["db", "backup", "shop"], "backups");
    assert_eq!(good(&home).len(), usize::from(finished));
    let made = home
        .paas(&["db", "backup", "shop", "--verify", "-o", "json"])
        .exits(0)
        .lines()
        .pop()
        .unwrap();
    assert_eq!(made["state"], "good");
    assert_eq!(made["verified"]["databases"][0], "app");
    assert!(!half_made(&home.path().join("backups")));
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(good(&home).last(), Some(&id));
    let table = home.paas(&["db", "backups", "shop"]).exits(0).out;
    assert!(
        table.starts_with("ID") && table.contains(&id) && table.contains("Good"),
        "{table}"
    );

    killed_midway(&home, &["db", "backup", "verify", &id], "instances");
    home.paas(&["db", "backup", "verify", &id]).exits(0);
    assert!(!half_made(&home.path().join("instances")));

    // A restore that was killed is done by the same command again.
    if !killed_midway(&home, &["db", "restore", &id, "--to", "back"], "instances") {
        home.paas(&["db", "restore", &id, "--to", "back"]).exits(0);
    }
    assert!(!half_made(&home.path().join("instances")));
    assert_eq!(count("back"), "100000\n");
    let taken = home.paas(&["db", "restore", "shop", "--to", "back"]).exits(1);
    assert!(taken.err.contains("PAAS-CLI-0015"), "{}", taken.err);
    home.paas(&["db", "clone", "back", "--to", "twin"]).exits(0);
    assert_eq!(count("twin"), "100000\n");

    // An object that asks for one gets one, once.
    home.write(
        "today.yaml",
        "apiVersion: paas.rs/v1alpha1\nkind: DatabaseBackup\nmetadata: {name: today}\nspec: {instanceRef: {name: shop}}\n",
    );
    home.paas(&["plan", "-f", "today.yaml", "--detailed-exitcode"])
        .exits(3);
    home.paas(&["up", "-f", "today.yaml"]).exits(0);
    home.paas(&["plan", "-f", "today.yaml", "--detailed-exitcode"])
        .exits(0);
    let wide = home.paas(&["db", "backups", "-o", "wide"]).exits(0).out;
    assert!(wide.contains("DatabaseBackup/default/today"), "{wide}");

    home.paas(&["db", "delete", "shop", "--delete-data", "--confirm", "shop"])
        .exits(0);
    let refused = home.paas(&["db", "backup", "delete", &id]).exits(4);
    assert!(
        refused.err.contains(&format!("--confirm {id}")),
        "{}",
        refused.err
    );
    home.paas(&["db", "backup", "delete", &id, "--confirm", &id])
        .exits(0);
    assert!(!good(&home).contains(&id));
    let gone = home.paas(&["db", "backup", "verify", &id]).exits(1);
    assert!(gone.err.contains("PAAS-LOC-0020"), "{}", gone.err);
    home.paas(&["db", "restore", "shop", "--to", "shop"]).exits(0);
    assert_eq!(count("shop"), "100000\n");
}
