//! Signals, kills, closed pipes, two at once: nothing is made twice, nothing is lost, and the exit code says what happened.
#![allow(clippy::unwrap_used, reason = "a test says what it missed and stops")]

mod common;

use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
};

use common::Home;

fn signal(pid: u32, name: &str) {
    assert!(
        Command::new("kill")
            .args([&format!("-{name}"), &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn an_interrupted_up_says_so_and_the_next_one_goes_on() {
    let home = Home::new();
    for name in ["INT", "TERM"] {
        let mut child = home.spawn(&["up"]);
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        lines
            .by_ref()
            .map(Result::unwrap)
            .find(|l| l.contains("✓ create folder") || l.contains("✓ create data"));
        signal(child.id(), name);
        let rest: Vec<String> = lines.map(Result::unwrap).collect();
        let code = child.wait().unwrap().code();
        if code == Some(0) {
            continue;
        }
        assert_eq!(code, Some(130), "{rest:?}");
        assert!(
            rest.iter()
                .any(|l| l.contains("Stopping after the call under way")),
            "{rest:?}"
        );
        assert!(rest.iter().any(|l| l.contains("PAAS-CORE-0009")), "{rest:?}");
    }
    home.paas(&["up"]).exits(0);
    assert_eq!(home.servers().len(), 1);
}

#[test]
fn a_killed_server_is_healed_by_up_with_its_data() {
    let home = Home::new();
    home.paas(&["up"]).exits(0);
    home.paas(&["db", "sql", "demo", "-c", "create table t as select 42 as a"])
        .exits(0);
    let server = home.servers()[0];
    signal(server, "KILL");
    home.paas(&["up"]).exits(0);
    assert_eq!(
        home.paas(&["db", "sql", "demo", "-c", "select a from t", "-o", "name"])
            .exits(0)
            .out,
        "42\n"
    );
}

#[test]
fn two_at_once_make_one_server() {
    let home = Home::new();
    let children: Vec<_> = (0..3).map(|_| home.spawn(&["up"])).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(home.servers().len(), 1);
}

#[test]
fn no_time_left_is_an_exit_code_of_its_own() {
    let home = Home::new();
    let late = home.paas(&["up", "--timeout", "0s"]).exits(5);
    assert!(late.err.contains("PAAS-CORE-0010"), "{}", late.err);
    home.paas(&["up"]).exits(0);
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let home = Home::new();
    let mut child = home
        .command(&["explain"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{err}");
    assert_eq!(err, "");
}

#[test]
fn init_does_not_overwrite_and_its_file_comes_up() {
    let home = Home::new();
    home.paas(&["init"]).exits(0);
    let again = home.paas(&["init"]).exits(1);
    assert!(again.err.contains("PAAS-CLI-0002"), "{}", again.err);
    home.paas(&["init", "--force"]).exits(0);
    home.paas(&["up"]).exits(0);
    home.paas(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_psql_that_does_not_start_is_told() {
    let home = Home::new();
    home.paas(&["up"]).exits(0);
    std::fs::create_dir(home.folder().join("bin")).unwrap();
    home.write("bin/psql", "not a program");
    let output = home
        .command(&["db", "connect", "demo"])
        .env("PATH", home.folder().join("bin"))
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("PAAS-CLI-0012"), "{err}");
}

#[test]
fn events_of_a_run_are_json_lines_and_stay_in_the_log() {
    let home = Home::new();
    let lines = home.paas(&["up", "-o", "json"]).exits(0).lines();
    assert_eq!(lines[0]["type"], "plan");
    assert!(
        lines
            .iter()
            .any(|l| l["type"] == "event" && l["key"] == "server" && l["state"] == "done")
    );
    let last = lines.last().unwrap();
    assert_eq!(last["type"], "result");
    assert_eq!(last["objects"][1]["outcome"]["state"], "converged");
    let logged = home.paas(&["events", "demo", "-o", "json"]).exits(0).lines();
    assert_eq!(
        logged.len(),
        lines.iter().filter(|l| l["type"] == "event").count()
    );
    assert_eq!(
        home.paas(&["events", "--last", "2", "-o", "json"])
            .exits(0)
            .lines()
            .len(),
        2
    );
}

#[test]
fn without_waiting_it_is_begun_and_the_same_command_goes_on() {
    let home = Home::new();
    let begun = home.paas(&["up", "--wait=false"]).exits(0);
    assert!(begun.err.contains("begun and not over"), "{}", begun.err);
    home.paas(&["up"]).exits(0);
    home.paas(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn an_unknown_and_a_forgotten_name_are_told_apart_from_nothing_to_do() {
    let home = Home::new();
    home.paas(&["up"]).exits(0);
    for args in [
        &["status", "dem"][..],
        &["down", "dem", "--yes"],
        &["db", "show", "dem"],
    ] {
        let refused = home.paas(args).exits(1);
        assert!(
            refused.err.contains("there are: ") && refused.err.contains("demo"),
            "{}",
            refused.err
        );
    }
    assert_eq!(home.servers().len(), 1);
}

#[test]
fn a_file_that_holds_nothing_is_refused_and_takes_nothing_down() {
    let home = Home::new();
    home.write("empty.yaml", "# nothing\n---\n");
    let said = home
        .paas(&["up", "-f", "empty.yaml", "--prune", "--yes"])
        .exits(2);
    assert!(said.err.contains("it holds no object"), "{}", said.err);
}

#[test]
fn data_that_a_full_disk_swallows_is_no_success() {
    let home = Home::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = home.command(&["crds"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to stdout"));
}
