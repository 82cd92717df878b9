//! Reading one file, within bounds.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::Path,
};

use paas_core::error::{Class, Error};

use crate::codes;

/// The largest clouds.yaml known has a few hundred clouds and 100 KiB.
const LARGEST: u64 = 4 << 20;

/// What is at a path.
pub(super) enum Found {
    /// Nothing, or nothing that can be seen.
    Nothing,
    /// A file that this user may not read.
    Closed,
    /// A text.
    Text {
        text: String,
        /// Everybody on this machine can read it.
        open: bool,
    },
}

/// Reads a file. What is there and can never be a configuration is an error: the next place would have another one.
pub(super) fn read(path: &Path) -> Result<Found, Error> {
    let refused = |what: String| {
        Error::new(&codes::OS_FILE, Class::Invalid)
            .attempted("read clouds")
            .happened(format!("{} {what}", path.display()))
    };
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(_) => return Ok(Found::Nothing),
    };
    if metadata.is_dir() {
        return Err(refused("is a folder, not a file".to_owned()));
    }
    let mut bytes = Vec::new();
    let text = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    match text {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return Ok(Found::Closed),
        Err(e) => return Err(refused(format!("cannot be read: {e}"))),
        Ok(_) if bytes.len() as u64 > LARGEST => {
            return Err(refused(format!("is larger than {} MiB", LARGEST >> 20)));
        }
        Ok(_) => {}
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        refused(format!(
            "is not text in UTF-8: byte {}",
            e.utf8_error().valid_up_to()
        ))
    })?;
    Ok(Found::Text {
        text,
        open: metadata.mode() & 0o004 != 0,
    })
}
