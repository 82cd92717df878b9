//! What the control file says: `global/pg_control`, whose head is the same from PostgreSQL 11 on.

use std::{fs, path::Path};

use super::{cannot, copy::CONTROL};
use crate::{error::Result, local::files};

/// `DB_SHUTDOWNED` of PostgreSQL's `pg_control.h`.
const SHUT_DOWN: u32 = 1;

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 100;

/// The head of a control file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Control {
    /// What tells this cluster from others.
    pub(super) system_identifier: u64,
    /// Whether the server was shut down in order.
    pub(super) clean: bool,
    /// The last checkpoint's record.
    pub(super) checkpoint: u64,
    /// Where recovery from it begins.
    pub(super) redo: u64,
    /// The timeline.
    pub(super) timeline: u32,
}

impl Control {
    /// Understands the file's bytes: they are in this machine's own order.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let long = |at: usize| Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let short = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        Some(Self {
            system_identifier: long(0)?,
            clean: short(16)? == SHUT_DOWN,
            checkpoint: long(32)?,
            redo: long(40)?,
            timeline: short(48)?,
        })
    }

    /// The control file of a data directory.
    pub(super) fn read(data: &Path) -> Result<Self> {
        Self::parse(&bytes(data)?).ok_or_else(|| cannot("its control file is too short".to_owned()))
    }
}

/// The file as a whole: a running server may write it at the same moment, so it counts when two reads agree.
pub(super) fn bytes(data: &Path) -> Result<Vec<u8>> {
    let path = data.join(CONTROL);
    let read = || fs::read(&path).map_err(|e| files::io_error("read", &path, e));
    let mut before = read()?;
    for _ in 0..ATTEMPTS {
        let now = read()?;
        if now == before {
            return Ok(now);
        }
        before = now;
    }
    Err(cannot("its control file changes all the time".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_control_file_is_understood_and_a_short_one_is_not() {
        // The first bytes of a cluster of PostgreSQL 15 that pg_controldata describes with these values, on a little-endian machine.
        let mut bytes = vec![0; 64];
        bytes[..8].copy_from_slice(&7_711_126_926_982_622_644_u64.to_ne_bytes());
        bytes[16..20].copy_from_slice(&1_u32.to_ne_bytes());
        bytes[32..40].copy_from_slice(&0x150_0718_u64.to_ne_bytes());
        bytes[40..48].copy_from_slice(&0x150_0718_u64.to_ne_bytes());
        bytes[48..52].copy_from_slice(&1_u32.to_ne_bytes());
        let seen = Control::parse(&bytes).unwrap();
        assert_eq!(seen.system_identifier, 7_711_126_926_982_622_644);
        assert!(seen.clean && seen.redo == 0x150_0718 && seen.timeline == 1);
        assert_eq!(Control::parse(&bytes[..40]), None);
    }
}
