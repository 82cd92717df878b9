//! The note that somebody took an instance down: its object stays accepted, and whoever keeps instances running leaves it alone until
//! somebody brings it up.

use std::path::PathBuf;

use super::{files, instance::LocalInstance};
use crate::{durable, error::Result};

/// The note's name in the owner's folder.
const FILE: &str = "taken-down";

impl LocalInstance {
    fn note(&self) -> PathBuf {
        let owners = self.machine().home.owners();
        owners.join(self.owner().uid().to_string()).join(FILE)
    }

    /// True if somebody took it down and nobody brought it up since.
    pub fn is_taken_down(&self) -> bool {
        self.note().symlink_metadata().is_ok()
    }

    /// Notes that it is taken down. Written before the server is stopped, under the instance's lock: a supervisor that sees the process end
    /// finds the note, however fast it looks.
    ///
    /// # Errors
    /// `PAAS-LOC-0013`.
    pub fn note_taken_down(&self) -> Result<()> {
        let note = self.note();
        let text = format!("{}\n", self.machine().clock.now());
        durable::write(&note, text.as_bytes()).map_err(|e| files::io_error("write", &note, e))
    }

    /// Takes the note away, because it is brought up or gone.
    ///
    /// # Errors
    /// `PAAS-LOC-0013`.
    pub fn forget_taken_down(&self) -> Result<()> {
        let note = self.note();
        files::remove(&note)?;
        // The owner's folder goes with its last file; that it still has others is no failure.
        let _ = note.parent().map(std::fs::remove_dir);
        Ok(())
    }
}
