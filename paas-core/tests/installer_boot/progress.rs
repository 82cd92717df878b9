//! The script by itself, in the shells that machines have, and what is read from its console.

use std::{fs, process::Command, time::Duration};

use paas_core::installer::{
    boot::recipe,
    script::{self, LAST_LINES, Phase, Progress, progress},
};
use proptest::prelude::*;

use super::shapes::{machine, owner, shapes};

fn phase(name: &'static str, lines: &[&str]) -> Phase {
    let lines = lines.iter().map(|line| (*line).to_owned()).collect();
    Phase { name, lines }
}

/// Runs a script of these phases with its logs in a folder of the test's; what it printed, and its exit status.
fn run(shell: &str, phases: &[Phase]) -> (String, i32) {
    let box_ = tempfile::tempdir().unwrap();
    let text = script::render("workers-1", phases)
        .replace("/var/log/paas", &box_.path().join("logs").display().to_string());
    let path = box_.path().join("boot");
    fs::write(&path, text).unwrap();
    let done = Command::new(shell).arg(&path).output().unwrap();
    assert!(
        done.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    (
        String::from_utf8(done.stdout).unwrap(),
        done.status.code().unwrap(),
    )
}

#[test]
fn a_script_says_what_it_does_and_that_it_is_done() {
    for shell in ["sh", "bash"] {
        let (console, status) = run(
            shell,
            &[phase("system", &["echo hidden"]), phase("packages", &["true"])],
        );
        assert_eq!(status, 0);
        assert_eq!(
            console,
            "paas-boot: phase=system\npaas-boot: phase=packages\npaas-boot: done\n"
        );
        let seen = progress(&console);
        assert_eq!((seen.phase.as_deref(), seen.done), (Some("packages"), true));
    }
}

#[test]
fn a_phase_that_fails_ends_the_script_with_its_own_last_words_and_no_token() {
    for shell in ["sh", "bash"] {
        let failing = phase(
            "packages",
            &[
                "i=0; while [ $i -lt 50 ]; do i=$((i + 1)); echo \"line $i\"; done",
                "echo 'could not use abcdef.0123456789abcdef there'",
                "echo MHcCAQEEIODkfWvVfc1VwLAzGMlVqqW2zUdqHhUPd2YzL8gFsKkRoAoGCCqGSM49",
                "sh -c 'exit 42'",
                "echo never",
            ],
        );
        let (console, status) = run(
            shell,
            &[
                phase("system", &["echo other"]),
                failing,
                phase("tidy", &["true"]),
            ],
        );
        assert_eq!(status, 42, "{console}");
        let failed = progress(&console).failed.unwrap();
        assert_eq!((failed.phase.as_str(), failed.status), ("packages", 42));
        assert_eq!(failed.last_lines.len(), LAST_LINES);
        assert_eq!(failed.last_lines[0], "line 23");
        assert_eq!(failed.last_lines[28], "could not use [token] there");
        assert_eq!(failed.last_lines[29], "[text]");
        assert!(
            !console.contains("never") && !console.contains("done"),
            "{console}"
        );
    }
}

#[test]
fn a_console_is_read_whatever_else_is_on_it() {
    let console = "se=packages\n\
        [   12.345678] cloud-init[312]: paas-boot: phase=system\r\n\
        [   13.1] random kernel words\n\
        Nov 23 10:00:00 workers-1 cloud-init[312]: paas-boot: phase=kubeadm-join\n\
        \u{1b}[0;1;31m junk \u{fffd}\n\
        [   99.9] cloud-init[312]: paas-boot: failed phase=kubeadm-join status=1\n\
        [   99.9] cloud-init[312]: paas-boot: | error: \u{1b}[31mno route\n\
        [   99.9] cloud-init[312]: paas-boot: | to host\n\
        login: ";
    let failed = progress(console).failed.unwrap();
    assert_eq!(failed.last_lines, ["error: [31mno route", "to host"]);
    assert_eq!(
        progress("paas-boot: phase=kubeadm-in").phase,
        None,
        "a name that is cut off is none"
    );
    assert_eq!(progress("paas-boot: phase=tidy").phase.as_deref(), Some("tidy"));
    let again = format!("{console}\npaas-boot: phase=system\n");
    assert_eq!(
        progress(&again).failed,
        None,
        "a machine that boots anew has not failed"
    );
    assert_eq!(progress("paas-boot: failed phase=images stat").failed, None);
    assert_eq!(progress(""), Progress::default());
}

#[test]
fn every_phase_of_every_shape_has_a_deadline_and_words() {
    for (shape, spec, name, role) in shapes() {
        let recipe = recipe(&spec, &owner(), &machine(name, role, true)).unwrap();
        for phase in recipe.phases {
            let deadline = script::deadline(phase.name);
            assert!(
                deadline.is_some_and(|d| d >= Duration::from_secs(60)),
                "{shape}: {}",
                phase.name
            );
            assert!(script::words(phase.name).is_some());
        }
    }
    assert_eq!(script::deadline("unheard-of"), None);
}

#[test]
fn every_script_is_one_for_the_shells_and_shows_no_command() {
    for (shape, spec, name, role) in shapes() {
        let recipe = recipe(&spec, &owner(), &machine(name, role, true)).unwrap();
        let text = script::render(name, &recipe.phases);
        assert!(
            text.contains("\nset -eu\n") && !text.contains("set -x"),
            "{shape}"
        );
        let box_ = tempfile::tempdir().unwrap();
        let path = box_.path().join("boot");
        fs::write(&path, text).unwrap();
        for shell in ["sh", "bash"] {
            let checked = Command::new(shell).arg("-n").arg(&path).output().unwrap();
            assert!(
                checked.status.success(),
                "{shape}: {}",
                String::from_utf8_lossy(&checked.stderr)
            );
        }
    }
}

proptest! {
    #[test]
    fn no_console_is_too_strange(text in ".{0,200}", lines in prop::collection::vec("(paas-boot: )?(phase=|failed phase=|\\| |done|status=)?[a-z0-9= |-]{0,20}", 0..20)) {
        let _ = progress(&text);
        let _ = progress(&lines.join("\n"));
        let whole = progress(&format!("{}\npaas-boot: phase=tidy\npaas-boot: done\n{}", lines.join("\n"), text.replace("paas-boot", "")));
        prop_assert!(whole.done);
    }

    #[test]
    fn a_quoted_word_is_one_word_for_the_shell(word in "[^\\x00]{0,40}") {
        let quoted = script::quote(&word);
        let said = Command::new("sh").arg("-c").arg(format!("printf %s {quoted}")).output().unwrap();
        prop_assert_eq!(String::from_utf8_lossy(&said.stdout), word);
    }
}
