//! The log, the activity and the restart of a database, through the built command.
#![allow(clippy::unwrap_used, reason = "a test says what it missed and stops")]

mod common;

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Command,
};

use common::Home;

#[test]
fn the_log_is_shown_and_followed_a_restart_is_asked_for_and_top_shows_what_runs() {
    let home = Home::new();
    home.paas(&["up"]).exits(0);
    let failed = home.paas(&["db", "sql", "demo", "-c", "select 1 /\n0"]);
    failed.exits(1);

    let last = home
        .paas(&["db", "logs", "demo", "--last", "20", "-o", "json"])
        .exits(0);
    // The server may say more of its own, before and after.
    let lines: Vec<_> = last
        .lines()
        .into_iter()
        .skip_while(|l| l["level"] != "ERROR")
        .collect();
    let word = |at: usize, key: &str| lines[at][key].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (word(0, "level"), word(0, "message")),
        ("ERROR".into(), "division by zero".into())
    );
    assert_eq!(
        (word(0, "user"), word(0, "database")),
        ("app_a".into(), "app".into())
    );
    assert_eq!(
        (word(1, "level"), word(1, "message")),
        ("STATEMENT".into(), "select 1 /\n0".into())
    );
    let log = fs::read_dir(home.path().join("instances"))
        .unwrap()
        .next()
        .unwrap();
    let log = log.unwrap().path().join("postgres.log");
    let shown = home.paas(&["db", "logs", "demo"]).exits(0);
    assert_eq!(shown.out, fs::read_to_string(&log).unwrap());

    let mut child = home.spawn(&["db", "logs", "demo", "-f", "--last", "20"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert!(lines.any(|l| l.contains("STATEMENT:  select 1 /")));
    let refused = home.paas(&["db", "restart", "demo"]).exits(4);
    assert!(refused.err.contains("PAAS-CLI-0004"), "{}", refused.err);
    let before = home.servers();
    let done = home.paas(&["db", "restart", "demo", "--yes"]).exits(0);
    assert!(done.out.contains("it was away for"), "{}", done.out);
    assert_ne!(home.servers(), before);
    assert!(lines.any(|l| l.ends_with("database system is shut down")));
    assert!(lines.any(|l| l.ends_with("ready to accept connections")));
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut child = home.spawn(&["events", "-f"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|l| l.unwrap().contains("create server")));
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));

    let top = home.paas(&["db", "top", "demo"]).exits(0);
    assert!(top.out.contains("Connections    0 of 100\n"), "{}", top.out);
    assert!(top.out.contains("No statement runs."), "{}", top.out);
    let top = home
        .paas(&["db", "top", "demo", "--once", "-o", "json"])
        .exits(0)
        .json();
    assert_eq!(
        (&top["name"], &top["connections"]["max"]),
        (&"demo".into(), &100.into())
    );
    assert!(top["transactions_per_second"].is_number(), "{top}");

    home.paas(&["down", "--yes"]).exits(0);
    let stopped = home.paas(&["db", "top", "demo"]).exits(1);
    assert!(stopped.err.contains("PAAS-CLI-0009"), "{}", stopped.err);
    home.paas(&["db", "logs", "demo"]).exits(0);
    let done = home.paas(&["db", "restart", "demo", "-o", "json"]).exits(0);
    assert_eq!(done.lines().last().unwrap()["wasRunning"], false);
    assert_eq!(home.servers().len(), 1);

    home.paas(&["down", "--yes"]).exits(0);
    fs::remove_file(&log).unwrap();
    let none = home.paas(&["db", "logs", "demo", "-f"]).exits(1);
    assert!(none.err.contains("PAAS-CLI-0020"), "{}", none.err);
}
