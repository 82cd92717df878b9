//! Databases that are kept running, through the built command.
#![allow(clippy::unwrap_used, reason = "a test says what it missed and stops")]

mod common;

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

use common::Home;

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

fn foreground(home: &Home, more: &[&str]) -> (Child, Lines<BufReader<ChildStderr>>) {
    let mut child = home.spawn(&[&["up", "--foreground"], more].concat());
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    heard(&mut lines, "Keeping the databases running");
    (child, lines)
}

fn heard(lines: &mut Lines<BufReader<ChildStderr>>, words: &str) {
    let found = lines.map(Result::unwrap).find(|l| l.contains(words));
    assert!(found.is_some(), "it never said: {words}");
}

#[test]
fn an_object_is_explained_by_its_name() {
    let home = Home::new();
    let unknown = home.paas(&["explain", "demo"]).exits(2);
    assert!(unknown.err.contains("no object has that name"), "{}", unknown.err);
    home.paas(&["up"]).exits(0);
    let ready = home.paas(&["explain", "demo"]).exits(0);
    assert!(
        ready.out.contains("DatabaseInstance/default/demo is Ready"),
        "{}",
        ready.out
    );
    signal(home.servers()[0], "KILL");
    let told = home.paas(&["explain", "demo"]).exits(0);
    assert!(told.out.contains("is Stopped"), "{}", told.out);
    assert!(told.out.contains("paas up starts it"), "{}", told.out);
    let data = home.paas(&["explain", "demo", "-o", "json"]).exits(0);
    assert!(
        data.out.contains("\"state\":\"Stopped\"") || data.out.contains("\"state\": \"Stopped\""),
        "{}",
        data.out
    );
    home.paas(&["down", "--yes"]).exits(0);
}

#[test]
fn in_the_foreground_a_killed_server_comes_back_a_down_wins_and_signals_stop_everything() {
    let home = Home::new();
    let (mut child, mut lines) = foreground(&home, &[]);
    let first = home.servers();
    signal(first[0], "KILL");
    heard(&mut lines, "its server does not run; bringing it back");
    heard(&mut lines, "it is as it should be");
    assert_ne!(home.servers(), first);

    home.paas(&["down", "--yes"]).exits(0);
    heard(&mut lines, "leaving it alone");
    assert!(home.servers().is_empty());
    home.paas(&["up"]).exits(0);
    signal(child.id(), "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));

    // What was taken down stays down for the service; the rest is brought up and stopped with it.
    home.paas(&["up"]).exits(0);
    home.paas(&["db", "create", "shop"]).exits(0);
    home.paas(&["down", "--yes"]).exits(0);
    home.paas(&["db", "create", "shop"]).exits(0);
    signal(home.servers()[0], "KILL");
    let (mut child, mut lines) = foreground(&home, &["--resume"]);
    heard(&mut lines, "it is as it should be");
    assert_eq!(home.servers().len(), 1);
    signal(child.id(), "TERM");
    heard(
        &mut lines,
        "DatabaseInstance/default/shop: stopped; its data is kept.",
    );
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(home.servers().is_empty());
}

#[test]
fn a_service_is_shown_anywhere_and_installed_only_where_a_manager_runs() {
    let home = Home::new();
    let shown = home.paas(&["service", "install", "--print"]).exits(0);
    let words = format!("up --foreground --resume --home \"{}\"", home.path().display());
    assert!(shown.out.contains(&words), "{}", shown.out);
    if cfg!(target_os = "linux") && !std::path::Path::new("/run/systemd/system").exists() {
        let refused = home.paas(&["service", "install"]).exits(1);
        assert!(refused.err.contains("PAAS-LOC-0025"), "{}", refused.err);
        let status = home.paas(&["service", "status"]).exits(1);
        assert!(status.out.contains("Not installed"), "{}", status.out);
    }
    if rustix::process::geteuid().is_root() {
        return;
    }
    let mut lost = home.command(&["service", "install"]);
    let said = lost
        .env_remove("HOME")
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&said.stderr).contains("PAAS-CLI-0019"));
}

#[test]
fn a_doctor_makes_no_home_and_says_what_needs_care() {
    let home = Home::new();
    let none = home.path().join("none/yet");
    let before = home
        .paas(&["doctor", "--home", &none.display().to_string()])
        .exits(0);
    assert!(before.out.contains("is not there yet"), "{}", before.out);
    assert!(!home.path().join("none").exists(), "looking makes nothing");

    let small = "apiVersion: paas.rs/v1alpha1\nkind: DatabaseInstance\nmetadata: {name: demo}\n\
        spec: {storage: {size: 10Mi}}\n";
    home.write("small.yaml", small);
    home.paas(&["up", "-f", "small.yaml", "--yes"]).exits(0);
    let status = home.paas(&["status"]).exits(0);
    assert!(status.out.contains("; StorageLow: "), "{}", status.out);
    let status = home.paas(&["status", "demo", "-o", "json"]).exits(0).json();
    assert_eq!(status["objects"][0]["conditions"][0]["type"], "StorageLow");
    let shown = home.paas(&["db", "show", "demo"]).exits(0);
    assert!(
        shown
            .out
            .contains(" of 10Mi used (watched, not enforced on this machine)"),
        "{}",
        shown.out
    );

    let found = home.paas(&["doctor"]).exits(1);
    assert!(found.out.contains("[PAAS-LOC-0024]"), "{}", found.out);
    assert!(found.err.contains("1 warning; "), "{}", found.err);
    let damaged = home.path().join("objects/DatabaseInstance/default/broken.yaml");
    std::fs::write(&damaged, "kind: [").unwrap();
    let found = home.paas(&["doctor", "-o", "json"]).exits(1).json();
    assert_eq!(found["worst"], "bad");
    let all = found["findings"].as_array().unwrap();
    let object = all.iter().find(|f| f["subject"] == "objects").unwrap();
    assert_eq!(object["code"], "PAAS-CLI-0007");
}
