//! The disk below an instance's data: what is used of what was declared, what is free, and when that is little.
//!
//! `spec.storage.size` is watched, not enforced: a plain directory has no limit of its own.

use std::fs::Metadata;

use serde::Serialize;

use super::{
    data,
    disk::{self, human},
    instance::LocalInstance,
};
use crate::error::Result;

/// From when on room is little.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Less free space than this, in bytes, beyond what the data may still grow by, is little.
    pub free: u64,
    /// The share of `spec.storage.size`, in percent, from which on the data is nearly as large as it may be.
    pub used_percent: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            free: 256 << 20,
            used_percent: 90,
        }
    }
}

/// What a look at the disk found; all in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// What the files of the data directory hold, its write-ahead log included.
    pub used: u64,
    /// What `spec.storage.size` says.
    pub declared: u64,
    /// What the file system still takes from others than root.
    pub free: u64,
    /// Why room is little, if it is: the words of the condition `StorageLow`.
    pub low: Option<String>,
}

impl Storage {
    /// The figures in a sentence: `45.4 MiB of 1.0 GiB declared are used, 48.1 GiB are free`.
    pub fn words(&self) -> String {
        format!(
            "{} of {} declared are used, {} are free",
            human(self.used),
            human(self.declared),
            human(self.free)
        )
    }
}

/// Looks at the disk below the data of an instance. Files are looked at, not read.
///
/// # Errors
/// `PAAS-LOC-0013` if there is no data yet, or the system does not tell.
pub fn look(it: &LocalInstance, limits: &Limits) -> Result<Storage> {
    let folder = it.folder().join(data::FOLDER);
    let free = disk::free(&folder)?;
    Ok(judge(
        disk::size(&folder, Metadata::len),
        it.spec().storage.size.bytes(),
        free,
        limits,
    ))
}

fn judge(used: u64, declared: u64, free: u64, limits: &Limits) -> Storage {
    let mut it = Storage {
        used,
        declared,
        free,
        low: None,
    };
    let may_grow = declared.saturating_sub(used);
    let disk = free < may_grow.saturating_add(limits.free);
    let size = used >= declared / 100 * limits.used_percent;
    let why = match (disk, size) {
        (_, true) => "the data is nearly as large as it may be",
        (true, false) => "the disk is nearly full for what the data may still grow by",
        (false, false) => return it,
    };
    it.low = Some(format!("{why}: {}", it.words()));
    it
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_little_when_the_size_is_nearly_reached_or_the_disk_cannot_hold_it() {
        let limits = Limits {
            free: 10,
            used_percent: 90,
        };
        let low = |used, declared, free| judge(used, declared, free, &limits).low;
        assert_eq!(low(50, 100, 60), None, "50 may come, and 10 are over");
        assert!(low(50, 100, 59).unwrap().contains("the disk is nearly full"));
        assert_eq!(low(89, 100, 1000), None);
        assert!(low(90, 100, 1000).unwrap().contains("nearly as large"));
        assert!(low(u64::MAX, 100, 0).is_some(), "no sum overflows");
    }
}
