//! Nothing is left when the test process ends, whichever way: a shell is the parent of all servers and waits for the end of a pipe.
//!
//! The shell holds the place's lock as well, as its standard output. So a free lock means that both are gone, and what is there is swept.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::Signal;

use super::codes::TEST_KUBE_START;
use crate::{
    clock::{Clock, SystemClock},
    error::{Class, Error, Result},
    local::{
        account::Account,
        files::{self, io_error},
        proc::Process,
        program,
    },
    testing::place::{self, Place},
};

/// How often the shell's answer is looked for.
const LOOK: Duration = Duration::from_millis(2);

/// How long the shell may take to start or kill a process on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads lines of `start NAME NUMBER` and `kill NAME NUMBER`, and notes the number of each when it is done. At the end of its input it
/// kills everything and removes the folder and the lock. Only a parent can be sure that a process is still the one that it started.
///
/// Servers are killed and not asked: nobody will read what they would still write, and an API server waits for its watches for a minute.
const SCRIPT: &str = r#"cd / && umask 077
while read -r verb name number; do
  case $verb in
    start)
      sh "$1/$name.sh" </dev/null >>"$1/$name.log" 2>&1 &
      eval "pid_$name=$!"
      echo $! >"$1/$name.pid" ;;
    kill)
      eval "kill -KILL \$pid_$name; wait \$pid_$name"
      rm -f "$1/$name.pid" ;;
  esac
  echo "$number" >"$1/done"
done
for note in "$1"/*.pid; do
  read -r pid <"$note" && kill -KILL "$pid"
done
wait
rm -rf "$1" "$2"
"#;

/// The shell; every server stops when this is dropped, and when this process ends.
pub(super) struct Guard {
    shell: Child,
    place: Place,
    asked: u32,
}

impl Guard {
    /// Starts the shell, without servers.
    ///
    /// # Errors
    /// `PAAS-LOC-0013` if there is no shell.
    pub(super) fn new(mut place: Place, account: &Account) -> Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(SCRIPT).arg("sh");
        command.arg(place.folder()).arg(place.lock_file());
        program::quiet(&mut command, account, Path::new("/"));
        command
            .stdin(Stdio::piped())
            .stdout(place.share()?)
            .stderr(Stdio::null());
        let shell = command
            .spawn()
            .map_err(|e| io_error("run", Path::new("/bin/sh"), e))?;
        place.is_watched();
        Ok(Self {
            shell,
            place,
            asked: 0,
        })
    }

    /// Starts a server with these words; what it says goes into [`log`].
    ///
    /// # Errors
    /// `PAAS-TEST-0003` if the shell does not do it; `PAAS-LOC-0013`.
    pub(super) async fn start(&mut self, name: &str, words: &[String], account: &Account) -> Result<()> {
        let words: Vec<String> = words.iter().map(|w| quoted(w)).collect();
        let line = format!("exec {}\n", words.join(" "));
        let script = self.place.folder().join(format!("{name}.sh"));
        files::replace_unsynced(&script, line.as_bytes(), 0o600, account)?;
        self.ask("start", name).await
    }

    /// Kills a server and waits for its end; one that does not run is killed already.
    ///
    /// # Errors
    /// As [`Guard::start`].
    pub(super) async fn kill(&mut self, name: &str) -> Result<()> {
        if !self.pid_file(name).exists() {
            return Ok(());
        }
        self.ask("kill", name).await
    }

    /// Whether the server runs; one that ended by itself does not.
    pub(super) fn is_alive(&self, name: &str) -> bool {
        noted(&self.pid_file(name)).is_some_and(|pid| Process::look(pid).is_some())
    }

    fn pid_file(&self, name: &str) -> PathBuf {
        self.place.folder().join(format!("{name}.pid"))
    }

    async fn ask(&mut self, verb: &str, name: &str) -> Result<()> {
        self.asked += 1;
        let refused = |why: String| {
            Error::new(&TEST_KUBE_START, Class::Internal)
                .attempted(format!("{verb} {name} for tests"))
                .happened(why)
        };
        let number = self.asked.to_string();
        let told = match &mut self.shell.stdin {
            Some(input) => writeln!(input, "{verb} {name} {number}"),
            None => Ok(()),
        };
        told.map_err(|e| refused(e.to_string()))?;
        let (clock, done) = (SystemClock, self.place.folder().join("done"));
        let deadline = clock.elapsed().saturating_add(PATIENCE);
        while files::read(&done)?.is_none_or(|text| text.trim() != number) {
            if !matches!(self.shell.try_wait(), Ok(None)) {
                return Err(refused(
                    "the shell that watches over the servers ended".to_owned(),
                ));
            }
            if clock.elapsed() > deadline {
                return Err(refused(format!("not within {} s", PATIENCE.as_secs())));
            }
            clock.sleep(LOOK).await;
        }
        Ok(())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// What a server says.
pub(super) fn log(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}

/// The end of what it said, in which most servers of Kubernetes name the reason of theirs.
pub(super) fn last_words(folder: &Path, name: &str) -> String {
    let said = files::read(&log(folder, name)).ok().flatten().unwrap_or_default();
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join("; ")
}

/// Removes what was left by processes that were killed together with their shells; servers that still run there are killed.
pub(super) fn sweep(servers: &Path) {
    for left in place::left(servers) {
        for note in files::list(left.folder()).unwrap_or_default() {
            if note.extension().is_some_and(|e| e == "pid") {
                kill_if_of(left.folder(), &note);
            }
        }
        // Dropping it removes it.
    }
}

/// Numbers of processes are used again: only one whose words name the folder is of that place.
fn kill_if_of(folder: &Path, note: &Path) {
    let Some(process) = noted(note).and_then(Process::look) else {
        return;
    };
    if words_of(process.pid).contains(&*folder.to_string_lossy()) {
        let _ = process.signal(Signal::KILL);
        while process.is_alive() {
            std::thread::yield_now();
        }
    }
}

fn noted(file: &Path) -> Option<u32> {
    files::read(file).ok().flatten()?.trim().parse().ok()
}

#[cfg(target_os = "linux")]
fn words_of(pid: u32) -> String {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&words).into_owned()
}

#[cfg(not(target_os = "linux"))]
fn words_of(pid: u32) -> String {
    let shown = Command::new("ps")
        .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
        .output();
    shown
        .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
        .unwrap_or_default()
}

/// A word that the shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
