//! The one script of a machine's first boot, in phases that it announces on the console; and what is read from there.

mod progress;

use std::time::Duration;

pub use progress::{Failure, Progress, progress};

/// How every line for a program begins.
pub(super) const MARK: &str = "paas-boot: ";

/// How many lines of a failed phase's own output are shown.
pub const LAST_LINES: usize = 30;

/// Where the script is on the machine.
pub const PATH: &str = "/var/lib/paas/boot";

/// A part of a first boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// Which.
    pub name: &'static str,
    /// Lines of shell. They run in a shell of their own with `set -eu`, and what they print is kept on the machine.
    pub lines: Vec<String>,
}

impl Phase {
    /// A phase of a script text, line by line.
    pub(super) fn new(name: &'static str, lines: impl IntoIterator<Item = String>) -> Self {
        let lines = lines.into_iter().collect();
        Self { name, lines }
    }
}

/// A phase's name, what it does, and the longest time that it may take.
const PHASES: &[(&str, &str, Duration)] = &[
    ("system", "setting up the system", minutes(2)),
    ("packages", "installing packages", minutes(15)),
    ("runtime", "starting the container runtime", minutes(3)),
    (
        "metadata-rule",
        "keeping pods from the metadata service",
        minutes(1),
    ),
    ("identity", "learning which machine this is", minutes(1)),
    ("images", "fetching images", minutes(15)),
    ("kubeadm-init", "starting the control plane", minutes(10)),
    ("kubeadm-join", "joining the cluster", minutes(30)),
    ("k3s-install", "installing k3s", minutes(10)),
    ("k3s-server", "starting the control plane", minutes(10)),
    ("k3s-tokens", "letting machines join", minutes(5)),
    ("k3s-agent", "joining the cluster", minutes(30)),
    ("tidy", "clearing up", minutes(1)),
];

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// The longest time that a phase may take; `None` for a phase that no script of ours has.
pub fn deadline(phase: &str) -> Option<Duration> {
    let found = PHASES.iter().find(|(name, ..)| *name == phase);
    found.map(|(_, _, time)| *time)
}

/// What a phase does, in words.
pub fn words(phase: &str) -> Option<&'static str> {
    let found = PHASES.iter().find(|(name, ..)| *name == phase);
    found.map(|(_, words, _)| *words)
}

/// The script of these phases.
pub fn render(machine: &str, phases: &[Phase]) -> String {
    let mut text = format!(
        r#"#!/bin/sh
# The first boot of {machine}, made by paas. What a phase prints is in /var/log/paas on this machine.
set -eu
umask 022
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root
logs=/var/log/paas
mkdir -p "$logs"
chmod 0700 "$logs"
phase=start

ended() {{
  status=$?
  trap - EXIT
  if [ "$status" -ne 0 ]; then
    echo "{MARK}failed phase=$phase status=$status"
    if [ -f "$logs/$phase" ]; then
      tail -n {LAST_LINES} "$logs/$phase" | cut -c 1-300 |
        sed -E 's/[a-z0-9]{{6}}\.[a-z0-9]{{16}}/[token]/g; s/[A-Za-z0-9+\/=]{{60,}}/[text]/g; s/^/{MARK}| /'
    fi
  fi
  exit "$status"
}}
trap ended EXIT

die() {{
  echo "$*" >&2
  exit 1
}}

retry() {{
  for pause in 2 5 10 20 40; do
    ! "$@" || return 0
    sleep "$pause"
  done
  "$@"
}}

boot() {{
  phase=$1
  echo "{MARK}phase=$phase"
}}
"#
    );
    for phase in phases {
        text.push_str(&format!("\nboot {}\n(\n", phase.name));
        for line in &phase.lines {
            match line.is_empty() {
                true => text.push('\n'),
                false => text.push_str(&format!("  {line}\n")),
            }
        }
        text.push_str(") >\"$logs/$phase\" 2>&1\n");
    }
    text.push_str(&format!("\necho \"{MARK}done\"\n"));
    text
}

/// A word for the shell, whatever is in it.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
