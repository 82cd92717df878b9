//! The log of an owner: `owners/<uid>/events.jsonl`, one event a line; a full one is set aside once.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use paas_core::{
    error::{Class, Error},
    event::{Event, EventSink},
};

use crate::codes::CLI_EVENTS;

/// The log's name in the owner's folder.
const FILE: &str = "events.jsonl";
/// The log that was full before.
const OLDER: &str = "events.1.jsonl";
/// The file with the owner's name, beside it: a hint that saves asking a cloud whose folder it is.
pub(crate) const OWNER: &str = "owner.json";
/// A log of this size, in bytes, is full.
const FULL: u64 = 1 << 20;

/// Writes events into the log of one owner, and passes them on.
#[derive(Debug)]
pub(crate) struct Log {
    folder: PathBuf,
    next: Arc<dyn EventSink>,
}

impl Log {
    /// The log in an owner's folder.
    pub(crate) fn new(folder: PathBuf, next: Arc<dyn EventSink>) -> Self {
        Self { folder, next }
    }

    fn append(&self, event: &Event) -> io::Result<()> {
        let path = self.folder.join(FILE);
        if fs::metadata(&path).is_ok_and(|m| m.len() >= FULL) {
            fs::rename(&path, self.folder.join(OLDER))?;
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)?
            .write_all(&line)
    }
}

impl EventSink for Log {
    fn emit(&self, event: &Event) {
        // A log that cannot be written must not stop the work (the sink's law).
        let _ = self.append(event);
        self.next.emit(event);
    }
}

/// Everything in the logs below `owners`, oldest first. A line that a crash cut off or a disk spoilt is left out.
pub(crate) fn read(owners: &Path) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    let folders = match fs::read_dir(owners) {
        Ok(folders) => folders,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(events),
        Err(e) => return Err(failed(owners, &e)),
    };
    for folder in folders {
        let folder = folder.map_err(|e| failed(owners, &e))?.path();
        events.extend(of(&folder)?);
    }
    events.sort_by_key(|e: &Event| e.at);
    Ok(events)
}

/// The log of one owner, oldest first.
pub(crate) fn of(folder: &Path) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    for name in [OLDER, FILE] {
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(bytes) => {
                let lines = bytes.split(|b| *b == b'\n');
                events.extend(lines.filter_map(|l| serde_json::from_slice::<Event>(l).ok()));
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(e) => return Err(failed(&path, &e)),
        }
    }
    Ok(events)
}

/// Removes the log of an owner of whom nothing is left.
pub(crate) fn forget(folder: &Path) {
    for name in [OLDER, FILE, OWNER] {
        let _ = fs::remove_file(folder.join(name));
    }
    // The folder goes with its last file; that it still has others is no failure.
    let _ = fs::remove_dir(folder);
}

fn failed(path: &Path, e: &io::Error) -> Error {
    Error::new(&CLI_EVENTS, Class::Internal)
        .attempted(format!("read {}", path.display()))
        .happened(e.to_string())
}

#[cfg(test)]
mod tests {
    use paas_core::event::{Silent, State};

    use super::*;

    fn event(message: &str) -> Event {
        Event {
            at: "2026-11-02T10:00:00Z".parse().unwrap(),
            owner: "DatabaseInstance/default/demo".into(),
            stage: "database".into(),
            key: None,
            verb: "create".into(),
            state: State::Done,
            reason: "Done".into(),
            message: message.into(),
            request_id: None,
        }
    }

    #[test]
    fn a_log_gives_back_its_events_and_leaves_out_a_torn_line() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("uid");
        let log = Log::new(folder.clone(), Arc::new(Silent));
        log.emit(&event("one"));
        OpenOptions::new()
            .append(true)
            .open(folder.join(FILE))
            .unwrap()
            .write_all(b"{\"at\n\xff\xfe\n")
            .unwrap();
        log.emit(&event("two"));
        assert_eq!(read(dir.path()).unwrap(), [event("one"), event("two")]);
        forget(&folder);
        assert!(!folder.exists());
    }

    #[test]
    fn a_log_stays_small() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::new(dir.path().join("uid"), Arc::new(Silent));
        let long = event(&"x".repeat(300_000));
        for _ in 0..20 {
            log.emit(&long);
        }
        let size: u64 = fs::read_dir(dir.path().join("uid"))
            .unwrap()
            .map(|f| f.unwrap().metadata().unwrap().len())
            .sum();
        assert!(size < 3 << 20, "{size}");
        assert!(!of(&dir.path().join("uid")).unwrap().is_empty());
    }

    #[test]
    fn a_log_that_cannot_be_read_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("uid").join(FILE)).unwrap();
        let error = read(dir.path()).unwrap_err();
        assert_eq!(error.code().id, CLI_EVENTS.id);
    }
}
