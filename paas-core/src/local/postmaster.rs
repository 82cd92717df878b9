//! The server process: started detached, recognised beyond doubt, stopped without touching anybody else's.

use std::{
    fs::{self, OpenOptions},
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rustix::process::Signal;

use super::{
    account::Account,
    build::Build,
    codes::{LOC_FOREIGN, LOC_PORT, LOC_START, LOC_STOP},
    data::FOLDER,
    files,
    proc::{self, Process},
    program,
};
use crate::{
    clock::Clock,
    error::{Class, Error, Result},
};

/// The server's log, in the instance's folder.
pub const LOG: &str = "postgres.log";

/// A log larger than this is set aside at the next start.
pub(super) const LOG_LIMIT: u64 = 16 << 20;

/// How often a process is looked at while it starts or stops.
const LOOK: Duration = Duration::from_millis(5);

/// How long a server may take for a fast shutdown, which writes everything to disk, before an immediate one is asked for.
const FAST: Duration = Duration::from_secs(60);

/// How long an immediate shutdown may take: the server itself kills its children after 5 seconds.
const IMMEDIATE: Duration = Duration::from_secs(15);

/// A running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postmaster {
    /// Its process.
    pub process: Process,
    /// The port it listens on, as it wrote it down.
    pub port: Option<u16>,
    /// What it wrote about itself: `starting`, `ready`, `stopping`.
    pub status: String,
}

/// The server that runs on the data directory of this instance, if one does: by its own `postmaster.pid` (whose process is checked,
/// because after a crash or a reboot another one may have that number), else by looking at all processes.
///
/// # Errors
/// `PAAS-LOC-0010` if a process cannot be told from ours; `PAAS-LOC-0013`.
pub fn running(instance: &Path, account: &Account) -> Result<Option<Postmaster>> {
    let data = instance.join(FOLDER);
    let Ok(data) = data.canonicalize() else {
        return Ok(None);
    };
    let note = files::read(&data.join("postmaster.pid"))?.unwrap_or_default();
    let lines: Vec<&str> = note.lines().map(str::trim).collect();
    let noted = lines
        .first()
        .and_then(|pid| pid.trim_start_matches('-').parse().ok());
    if let Some(process) = noted.and_then(Process::look)
        && process.serves(&data, account.uid())?
    {
        let port = lines.get(3).and_then(|p| p.parse().ok());
        let status = lines.get(7).unwrap_or(&"starting").to_string();
        return Ok(Some(Postmaster {
            process,
            port,
            status,
        }));
    }
    // Somebody removed the note, or the server has not written it yet.
    Ok(proc::postmaster_of(&data).map(|process| Postmaster {
        process,
        port: None,
        status: "starting".to_owned(),
    }))
}

/// Starts the server and comes back when it takes connections, when `patience` is over (it may be recovering after a crash), or with
/// the reason why it ended.
///
/// # Errors
/// `PAAS-LOC-0011` if its port is taken, `PAAS-LOC-0008` with its last words otherwise; `PAAS-LOC-0010`, `PAAS-LOC-0013`.
pub async fn start(
    build: &Build,
    account: &Account,
    instance: &Path,
    patience: Duration,
    clock: &dyn Clock,
) -> Result<Postmaster> {
    let data = instance
        .join(FOLDER)
        .canonicalize()
        .map_err(|e| files::io_error("open", &instance.join(FOLDER), e))?;
    drop_stale_note(&data, account)?;
    let log = instance.join(LOG);
    let began_at = open_log(&log, account)?;
    let output = || {
        OpenOptions::new()
            .append(true)
            .open(&log)
            .map_err(|e| files::io_error("open", &log, e))
    };
    let mut command = Command::new(build.program("postgres"));
    command.arg("-D").arg(&data).stdout(output()?).stderr(output()?);
    program::quiet(&mut command, account, instance);
    // Ctrl-C in the terminal goes to the terminal's process group: the server has one of its own.
    command.process_group(0);
    let attempt = format!("start {}", build.program("postgres").display());
    let refused = |words: String| refused(&attempt, words);
    let mut child = tokio::process::Command::from(command)
        .spawn()
        .map_err(|e| refused(e.to_string()))?;
    let deadline = clock.elapsed().saturating_add(patience);
    loop {
        // A child that ends is reaped here or, once this is dropped, by the runtime: a zombie would count as running.
        if let Some(status) = child.try_wait().map_err(|e| refused(e.to_string()))? {
            let words = last_words(&log, began_at);
            return Err(refused(if words.is_empty() {
                format!("it ended with {status}")
            } else {
                words
            }));
        }
        if let Some(server) = running(instance, account)?
            && (server.status == "ready" || clock.elapsed() > deadline)
        {
            return Ok(server);
        }
        clock.sleep(LOOK).await;
    }
}

/// Why a server did not start, by its last words.
pub(crate) fn refused(attempt: &str, words: String) -> Error {
    let (code, class) = if words.contains("Address already in use") {
        (&LOC_PORT, Class::Conflict)
    } else if words.contains("pre-existing shared memory block") || words.contains("lock file") {
        // The last children of a killed server are still ending.
        (&LOC_START, Class::Transient)
    } else {
        (&LOC_START, Class::Invalid)
    };
    Error::new(code, class).attempted(attempt).happened(words)
}

/// Stops the server: sessions are ended and everything is written to disk; if that takes too long, at once, and the next start
/// recovers from the write-ahead log. Comes back when the process is gone.
///
/// # Errors
/// `PAAS-LOC-0009` if it is still there; `PAAS-LOC-0010` if the process is not this server any more.
pub async fn stop(server: &Postmaster, clock: &dyn Clock) -> Result<()> {
    for (signal, patience) in [(Signal::INT, FAST), (Signal::QUIT, IMMEDIATE)] {
        if !server.process.signal(signal)? {
            return Ok(());
        }
        let deadline = clock.elapsed().saturating_add(patience);
        while clock.elapsed() < deadline {
            if !server.process.is_alive() {
                return Ok(());
            }
            clock.sleep(LOOK).await;
        }
    }
    Err(Error::new(&LOC_STOP, Class::Transient)
        .attempted("stop PostgreSQL")
        .happened(format!("process {} is still there", server.process.pid)))
}

/// Asks the server to read its configuration again.
///
/// # Errors
/// As [`stop`].
pub fn reload(server: &Postmaster) -> Result<()> {
    server.process.signal(Signal::HUP).map(|_| ())
}

/// Removes a `postmaster.pid` whose number now belongs to another process of the same user: PostgreSQL would take that for a running
/// server and refuse. Every other stale note is PostgreSQL's own business.
fn drop_stale_note(data: &Path, account: &Account) -> Result<()> {
    let note = data.join("postmaster.pid");
    let Some(text) = files::read(&note)? else {
        return Ok(());
    };
    let Some(process) = text
        .lines()
        .next()
        .and_then(|pid| pid.trim().parse().ok())
        .and_then(Process::look_even_dead)
    else {
        return Ok(());
    };
    if process.is_alive() && process.serves(data, account.uid())? {
        return Err(Error::new(&LOC_FOREIGN, Class::Conflict)
            .attempted(format!("start PostgreSQL on {}", data.display()))
            .happened(format!("process {} runs on it already", process.pid)));
    }
    files::remove(&note)
}

/// Makes sure that there is a log; gives its length.
fn open_log(log: &Path, account: &Account) -> Result<u64> {
    if fs::metadata(log).is_ok_and(|m| m.len() > LOG_LIMIT) {
        files::rename(log, &PathBuf::from(format!("{}.1", log.display())))?;
    }
    let open = || {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(log)?;
        account.own(log)?;
        Ok(file.metadata()?.len())
    };
    open().map_err(|e| files::io_error("open", log, e))
}

/// What the server wrote since then, as far as it explains its end.
pub(crate) fn last_words(log: &Path, since: u64) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(
        bytes
            .get(usize::try_from(since).unwrap_or(0)..)
            .unwrap_or_default(),
    );
    let routine = [
        "LOG:  starting PostgreSQL",
        "LOG:  listening on",
        "LOG:  database system",
        "LOG:  last completed",
    ];
    let lines: Vec<&str> = text
        .lines()
        .filter(|l| !routine.iter().any(|r| l.contains(r)))
        .collect();
    // The prefix is `time [pid] `.
    let plain = |l: &&str| l.split_once("] ").map_or(*l, |(_, rest)| rest).trim().to_owned();
    lines
        .iter()
        .rev()
        .take(4)
        .rev()
        .map(plain)
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;
    use jiff::Timestamp;

    use super::*;

    /// Every look at the clock takes a minute.
    #[derive(Debug, Default)]
    struct Hasty(AtomicU64);

    #[async_trait]
    impl Clock for Hasty {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        fn elapsed(&self) -> Duration {
            Duration::from_secs(self.0.fetch_add(60, Ordering::SeqCst))
        }

        async fn sleep(&self, _time: Duration) {}
    }

    #[tokio::test]
    async fn a_process_that_does_not_end_is_named() {
        let mut child = Command::new("sh")
            .args(["-c", "trap '' INT QUIT; echo ready; while :; do sleep 60; done"])
            .stdout(std::process::Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut ready = [0; 5];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        let process = Process::look(child.id()).unwrap();
        let stubborn = Postmaster {
            process,
            port: None,
            status: "ready".to_owned(),
        };
        let e = stop(&stubborn, &Hasty::default()).await.unwrap_err();
        assert_eq!(e.code().id, LOC_STOP.id);
        assert!(e.to_string().contains(&child.id().to_string()), "{e}");
        let group = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        rustix::process::kill_process_group(group, Signal::KILL).unwrap();
        child.wait().unwrap();
        stop(&stubborn, &Hasty::default()).await.unwrap();
    }
}
