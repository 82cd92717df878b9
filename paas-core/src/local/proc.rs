//! Processes of this machine, told apart by more than their number.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(test, not(target_os = "linux")))]
mod ps;

use std::{path::Path, time::Duration};

use rustix::process::{Pid, Signal};
#[cfg(target_os = "linux")]
use tokio::io::{Interest, unix::AsyncFd};

#[cfg(target_os = "linux")]
use self::linux as facts;
#[cfg(not(target_os = "linux"))]
use self::ps as facts;
use super::codes::LOC_FOREIGN;
use crate::{
    clock::Clock,
    error::{Class, Error, Result},
};

/// A process: its number and when it began, because numbers are used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    began: u64,
    dead: bool,
}

/// Who listens on this TCP port, and its command line, where the system shows it.
pub(super) fn listener(port: u16) -> Option<(u32, String)> {
    facts::listener(port)
}

impl Process {
    /// A living process; one that ended and was not waited for yet counts as gone.
    pub fn look(pid: u32) -> Option<Self> {
        Self::look_even_dead(pid).filter(|p| !p.dead)
    }

    /// The same, with those that ended and were not waited for.
    pub(super) fn look_even_dead(pid: u32) -> Option<Self> {
        let (dead, began) = facts::state(pid)?;
        Some(Self { pid, began, dead })
    }

    /// True while this very process lives.
    pub fn is_alive(&self) -> bool {
        Self::look(self.pid).is_some_and(|now| now.began == self.began)
    }

    /// Comes back when this very process has ended: at once where the kernel tells, else within a second.
    #[cfg_attr(
        target_os = "linux",
        allow(
            deprecated,
            reason = "its only safe form; an owned descriptor is what it asks for"
        )
    )]
    pub(super) async fn ended(&self, clock: &dyn Clock) {
        #[cfg(target_os = "linux")]
        if let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
            && let Ok(handle) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())
            && let Ok(handle) = AsyncFd::with_interest(handle, Interest::READABLE)
            && self.is_alive()
        {
            // pidfd_open(2): readable when the process ends.
            let _ = handle.readable().await;
        }
        while self.is_alive() {
            clock.sleep(Duration::from_secs(1)).await;
        }
    }

    /// Sends a signal to this very process; false if it is gone. The kernel's handle on a process cannot pass to another one.
    ///
    /// # Errors
    /// `PAAS-LOC-0010` if the system refuses.
    pub fn signal(&self, signal: Signal) -> Result<bool> {
        let refused = |e: rustix::io::Errno| {
            Error::new(&LOC_FOREIGN, Class::Denied)
                .attempted(format!("signal process {}", self.pid))
                .happened(e.to_string())
        };
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            return Ok(false);
        };
        #[cfg(target_os = "linux")]
        {
            let handle = match rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
                Ok(handle) => handle,
                Err(rustix::io::Errno::SRCH) => return Ok(false),
                Err(e) => return Err(refused(e)),
            };
            if !self.is_alive() {
                return Ok(false);
            }
            match rustix::process::pidfd_send_signal(&handle, signal) {
                Ok(()) => Ok(true),
                Err(rustix::io::Errno::SRCH) => Ok(false),
                Err(e) => Err(refused(e)),
            }
        }
        #[cfg(not(target_os = "linux"))]
        match rustix::process::kill_process(pid, signal) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(e) => Err(refused(e)),
        }
    }

    /// True if this is a PostgreSQL server on this data directory: by the command line that we start it with, else by its working
    /// directory, which for a server is its data directory.
    ///
    /// # Errors
    /// `PAAS-LOC-0010` for a `postgres` of our user of which neither can be told.
    pub(super) fn serves(&self, data: &Path, uid: u32) -> Result<bool> {
        if facts::owner(self.pid).is_some_and(|owner| owner != uid) {
            return Ok(false);
        }
        if self.is_postmaster_of(data) {
            return Ok(true);
        }
        let Some(folder) = facts::postgres_folder(self.pid) else {
            return Ok(false);
        };
        match folder {
            Ok(folder) => Ok(folder == data),
            // It is ending: the kernel takes a process's folders before it calls it dead.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(Error::new(&LOC_FOREIGN, Class::Blocked)
                .attempted(format!(
                    "tell whether process {} runs on {}",
                    self.pid,
                    data.display()
                ))
                .happened(format!(
                    "it is a postgres of our user, and its working directory cannot be read: {e}"
                ))),
        }
    }

    /// By the command line alone: `…/postgres -D <data>`.
    pub(super) fn is_postmaster_of(&self, data: &Path) -> bool {
        facts::is_postmaster_of(self.pid, data)
    }
}

/// A living server on this data directory, by the command lines of all processes.
pub(super) fn postmaster_of(data: &Path) -> Option<Process> {
    facts::postmasters(data).into_iter().find_map(Process::look)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_signal_reaches_the_very_process_and_never_its_successor() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let process = Process::look(child.id()).unwrap();
        let successor = Process {
            began: process.began + 1,
            ..process.clone()
        };
        assert!(!successor.is_alive());
        assert!(!successor.signal(Signal::KILL).unwrap());
        assert!(process.is_alive());
        assert!(process.signal(Signal::KILL).unwrap());
        child.wait().unwrap();
        assert!(!process.is_alive());
        assert!(!process.signal(Signal::KILL).unwrap());
    }

    #[test]
    fn an_ended_child_that_nobody_waited_for_is_gone() {
        let mut child = Command::new("true").spawn().unwrap();
        while Process::look(child.id()).is_some() {
            std::thread::yield_now();
        }
        assert!(Process::look_even_dead(child.id()).is_some());
        child.wait().unwrap();
    }

    #[test]
    fn a_stranger_is_not_a_server() {
        let me = Process::look(std::process::id()).unwrap();
        assert!(
            !me.serves(
                Path::new("/var/lib/paas/instances/x/data"),
                rustix::process::geteuid().as_raw()
            )
            .unwrap()
        );
        assert_eq!(postmaster_of(Path::new("/nowhere")), None);
    }
}
