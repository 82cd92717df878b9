//! Nothing is left when the test process ends, whichever way: a shell is the server's parent and waits for the end of a pipe.
//!
//! The shell holds the place's lock as well, as its standard output. So a free lock means that both are gone, and what is there is swept.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{
    clock::Clock,
    error::{Class, Result},
    local::{
        account::Account,
        build::Build,
        data,
        files::{self, io_error},
        postmaster::{self, LOG},
        proc::Process,
        program,
    },
    testing::place::{self, Place},
};

/// How often the server is looked at while it starts.
const LOOK: Duration = Duration::from_millis(2);

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
        let lock = place.share();
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(SCRIPT).arg("sh");
        command.arg(&postgres).arg(place.folder()).arg(place.lock_file());
        program::quiet(&mut command, account, Path::new("/"));
        command.stdin(Stdio::piped()).stdout(lock?).stderr(Stdio::null());
        let shell = command
            .spawn()
            .map_err(|e| io_error("run", Path::new("/bin/sh"), e))?;
        place.is_watched();
        let mut watch = Self { shell, place };
        let deadline = clock.elapsed().saturating_add(patience);
        let attempt = format!("start {}", postgres.display());
        while !watch.is_ready()? {
            let late = clock.elapsed() > deadline;
            if late || watch.has_ended() {
                let words = postmaster::last_words(&watch.place.folder().join(LOG), 0);
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
        let note = self.place.folder().join(data::FOLDER).join("postmaster.pid");
        let text = files::read(&note)?.unwrap_or_default();
        Ok(text.lines().nth(7).is_some_and(|l| l.trim() == "ready"))
    }

    fn has_ended(&mut self) -> bool {
        // The shell has not waited for it yet; what waits to be waited for counts as gone.
        let server_gone = noted(&self.place).is_some_and(|pid| Process::look(pid).is_none());
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
    for left in place::left(servers) {
        let folder = left.folder().to_path_buf();
        if let Err(e) = remove(&folder, account, clock).await {
            tracing::warn!(folder = %folder.display(), error = %e, "a server of earlier tests was left");
            left.leave();
        }
    }
}

/// The server's process, as the shell noted it.
fn noted(place: &Place) -> Option<u32> {
    place.notes().first()?.trim().parse().ok()
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
