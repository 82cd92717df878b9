//! Nothing is left when the test process ends, whichever way: a shell is the server's parent and waits for the end of a pipe.
//!
//! The shell holds the place's lock as well, as its standard output. So a free lock means that both are gone, and what is there is swept.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{
    clock::Clock,
    error::{Class, Result},
    local::{
        account::Account,
        build::Build,
        codes::LOC_LOCKED,
        data,
        files::{self, io_error},
        lock::Lock,
        postmaster::{self, LOG},
        proc::Process,
        program,
    },
    secrets::{ExposeSecret, Generate, SystemRandom},
};

/// How often the server is looked at while it starts.
const LOOK: Duration = Duration::from_millis(2);

/// How the names of locks end.
const LOCK: &str = "lock";

/// Starts the server, waits for the end of the standard input, stops the server and removes its folder and its lock. Only a parent
/// can be sure that a process is still the one that it started.
///
/// A shell without job control starts it with SIGQUIT ignored: until it has handlers of its own, SIGTERM ends it; afterwards SIGQUIT
/// does, at once and with its shared memory.
const SCRIPT: &str = r#"cd / && umask 077
"$1" -D "$2/data" </dev/null >>"$2/postgres.log" 2>&1 &
echo $!
read -r nothing
kill -TERM $!
kill -QUIT $!
wait $!
rm -rf "$2" "$3"
"#;

/// A new folder for a server, locked for as long as somebody cares for it.
pub(super) struct Place {
    folder: PathBuf,
    lock: Lock,
    watched: bool,
}

impl Place {
    /// Makes one with a new name.
    pub(super) fn new(servers: &Path, account: &Account) -> Result<Self> {
        loop {
            let name = SystemRandom.secret().expose_secret()[..12].to_ascii_lowercase();
            let folder = servers.join(name);
            let lock = match Lock::try_take(&folder.with_extension(LOCK), "a server for tests") {
                // Somebody who sweeps was quicker.
                Err(e) if e.code() == &LOC_LOCKED => continue,
                taken => taken?,
            };
            let place = Self {
                folder,
                lock,
                watched: false,
            };
            files::make_new_dir(&place.folder, 0o700, account)?;
            return Ok(place);
        }
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn lock_file(&self) -> PathBuf {
        self.folder.with_extension(LOCK)
    }

    /// The server's process, as the shell noted it after the two lines of the lock.
    fn noted(&self) -> Option<u32> {
        let text = files::read(&self.lock_file()).ok().flatten()?;
        text.lines().nth(2)?.trim().parse().ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.watched {
            let _ = files::remove(&self.folder);
            let _ = files::remove(&self.lock_file());
        }
    }
}

/// The shell; the server stops when this is dropped, and when this process ends.
pub(super) struct Watch {
    shell: Child,
    place: Place,
}

impl Watch {
    /// Starts the shell with the server, and comes back when it takes connections.
    ///
    /// # Errors
    /// As [`postmaster::start`].
    pub(super) async fn start(
        mut place: Place,
        build: &Build,
        account: &Account,
        patience: Duration,
        clock: &dyn Clock,
    ) -> Result<Self> {
        let postgres = build.program("postgres");
        let lock = place.lock.share();
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(SCRIPT).arg("sh");
        command.arg(&postgres).arg(&place.folder).arg(place.lock_file());
        program::quiet(&mut command, account, Path::new("/"));
        command
            .stdin(Stdio::piped())
            .stdout(lock.map_err(|e| io_error("share", &place.lock_file(), e))?)
            .stderr(Stdio::null());
        let shell = command
            .spawn()
            .map_err(|e| io_error("run", Path::new("/bin/sh"), e))?;
        place.watched = true;
        let mut watch = Self { shell, place };
        let deadline = clock.elapsed().saturating_add(patience);
        let attempt = format!("start {}", postgres.display());
        while !watch.is_ready()? {
            let late = clock.elapsed() > deadline;
            if late || watch.has_ended() {
                let words = postmaster::last_words(&watch.place.folder.join(LOG), 0);
                let why = if late {
                    "it is not ready yet: "
                } else {
                    "it ended: "
                };
                return Err(postmaster::refused(&attempt, format!("{why}{words}")));
            }
            clock.sleep(LOOK).await;
        }
        Ok(watch)
    }

    /// What the server wrote about itself; in a new folder it can be no other one.
    fn is_ready(&self) -> Result<bool> {
        let note = self.place.folder.join(data::FOLDER).join("postmaster.pid");
        let text = files::read(&note)?.unwrap_or_default();
        Ok(text.lines().nth(7).is_some_and(|l| l.trim() == "ready"))
    }

    fn has_ended(&mut self) -> bool {
        // The shell has not waited for it yet; what waits to be waited for counts as gone.
        let server_gone = self.place.noted().is_some_and(|pid| Process::look(pid).is_none());
        server_gone || !matches!(self.shell.try_wait(), Ok(None))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// Removes what was left by processes that were killed together with their shells; a server that still runs there is stopped.
pub(super) async fn sweep(servers: &Path, account: &Account, clock: &dyn Clock) {
    let Ok(servers) = servers.canonicalize() else {
        return;
    };
    for path in files::list(&servers).unwrap_or_default() {
        if path.extension().is_none_or(|e| e != LOCK) {
            continue;
        }
        // Held: by a test process or its shell. Another account's: its own business.
        let Ok(_lock) = Lock::try_take(&path, "sweeping") else {
            continue;
        };
        let folder = path.with_extension("");
        if let Err(e) = remove(&folder, account, clock).await {
            tracing::warn!(folder = %folder.display(), error = %e, "a server of earlier tests was left");
            continue;
        }
        let _ = files::remove(&path);
    }
}

async fn remove(folder: &Path, account: &Account, clock: &dyn Clock) -> Result<()> {
    if let Some(server) = postmaster::running(folder, account)? {
        postmaster::stop(&server, clock).await?;
    }
    match files::remove(folder) {
        // Children of a server that was killed may write their last words.
        Err(e) if e.class() == Class::Conflict => files::remove(folder),
        removed => removed,
    }
}
