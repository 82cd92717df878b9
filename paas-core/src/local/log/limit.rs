//! A log that does not grow for ever while its server runs.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use rustix::fs::OFlags;

use super::Log;
use crate::{
    error::Result,
    local::{codes::LOC_LOCKED, files, instance::LocalInstance, postmaster::LOG_LIMIT, supervise::Chore},
};

/// Sets a large log aside while the server goes on writing: a copy becomes the older file, and the log is cut off.
///
/// The server has the file open from its start to its end and never opens it again, so it cannot be moved; it appends, so it can be cut
/// off. A line that is written between the last look and the cut is lost: the window is one system call.
#[derive(Debug, Clone)]
pub struct LogLimit {
    bytes: u64,
}

impl Default for LogLimit {
    fn default() -> Self {
        Self { bytes: LOG_LIMIT }
    }
}

impl LogLimit {
    /// Another limit than 16 MiB.
    pub fn of(bytes: u64) -> Self {
        Self { bytes }
    }

    /// Sets the log of an instance aside if it is too large; true if it was.
    fn keep(&self, instance: &LocalInstance) -> Result<bool> {
        let log = Log::of(instance);
        let large = fs::symlink_metadata(log.path()).is_ok_and(|m| m.is_file() && m.len() > self.bytes);
        if large {
            let failed = |e| files::io_error("set aside", log.path(), e);
            set_aside(&log, instance).map_err(failed)?;
        }
        Ok(large)
    }
}

#[async_trait]
impl Chore for LogLimit {
    fn name(&self) -> &str {
        "log"
    }

    async fn tend(&self, instance: &LocalInstance) -> Result<Option<Timestamp>> {
        // A start sets it aside too.
        let now = instance.clone().patience(Duration::ZERO);
        let _lock = match now.lock(&|_| ()).await {
            Err(e) if e.code() == &LOC_LOCKED => return Ok(None),
            taken => taken?,
        };
        self.keep(instance).map(|_| None)
    }
}

fn set_aside(log: &Log, instance: &LocalInstance) -> io::Result<()> {
    // The account that the server runs as can put links there.
    let nofollow = OFlags::NOFOLLOW.bits().cast_signed();
    let mut from = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(nofollow)
        .open(log.path())?;
    let half = files::half_made(&log.aside());
    match fs::remove_file(&half) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut to = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&half)?;
    instance.machine().home.account().own(&half)?;
    io::copy(&mut from, &mut to)?;
    to.sync_all()?;
    fs::rename(&half, log.aside())?;
    // What was written while the copy went to disk.
    cut_off(&mut from, &mut to)
}

/// Copies until there is nothing more, and cuts off at once.
fn cut_off(from: &mut File, to: &mut File) -> io::Result<()> {
    let at = from.stream_position()?;
    to.seek(SeekFrom::Start(at))?;
    while io::copy(from, to)? > 0 {}
    from.set_len(0)
}
