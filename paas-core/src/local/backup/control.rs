//! Reading `global/pg_control` of a server that may run.

use std::{fs, path::Path};

use super::cannot;
use crate::{
    error::Result,
    local::{
        control::{self, Head},
        files,
    },
};

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 100;

/// The head of the control file of a data directory.
pub(super) fn read(data: &Path) -> Result<Head> {
    understood(&bytes(data)?)
}

/// The head of the control file with these bytes.
pub(super) fn understood(bytes: &[u8]) -> Result<Head> {
    Head::parse(bytes).ok_or_else(|| cannot("its control file is too short".to_owned()))
}

/// The file as a whole: a running server may write it at the same moment, so it counts when two reads agree.
pub(super) fn bytes(data: &Path) -> Result<Vec<u8>> {
    let path = data.join(control::FILE);
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
