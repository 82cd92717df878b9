//! Room on a disk, and how it is said.

use std::{
    fs::{self, DirEntry, Metadata},
    os::unix::fs::MetadataExt,
    path::Path,
};

use super::files;
use crate::error::Result;

/// What the file system of a path still takes, in bytes.
///
/// # Errors
/// `PAAS-LOC-0013`.
pub(crate) fn free(path: &Path) -> Result<u64> {
    let stat =
        rustix::fs::statvfs(path).map_err(|e| files::io_error("look at the disk of", path, e.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The sum over the files below a folder: of what they hold (`Metadata::len`) or of what they take ([`on_disk`]). Files come and go while
/// a server runs: what is gone, or cannot be looked at, counts nothing.
pub(super) fn size(folder: &Path, of: fn(&Metadata) -> u64) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let count = |entry: DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size(&entry.path(), of),
        Ok(meta) => of(&meta),
        Err(_) => 0,
    };
    entries.map(count).sum()
}

/// What a file takes on the disk: `stat(2)` counts blocks of 512 bytes, whatever the file system's own are.
pub(super) fn on_disk(file: &Metadata) -> u64 {
    file.blocks() * 512
}

/// Bytes in the largest binary unit that leaves a number of at least one.
pub fn human(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            let digits = usize::from(unit != "B");
            return format!("{value:.digits$} {unit}");
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_in_the_unit_that_people_read() {
        assert_eq!(human(17), "17 B");
        assert_eq!(human(45 << 20), "45.0 MiB");
        assert_eq!(human(3 << 40), "3.0 TiB");
    }
}
