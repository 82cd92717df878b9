//! The write-ahead log that a copy needs: the segments from its start to its end.

use std::path::Path;

use super::{cannot, copy::Place, manifest::Entry};
use crate::{error::Result, local::files};

/// The part of the log that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// The timeline.
    pub(super) timeline: u32,
    /// Bytes of a segment.
    pub(super) segment: u64,
    /// The first byte.
    pub(super) from: u64,
    /// The byte after the last one.
    pub(super) to: u64,
}

impl Span {
    /// The names of its segments; see `XLogFileName` of PostgreSQL.
    pub(super) fn names(&self) -> Vec<String> {
        let segment = self.segment.max(1);
        let in_four_gib = ((1 << 32) / segment).max(1);
        (self.from / segment..=self.to.max(self.from + 1).saturating_sub(1) / segment)
            .map(|n| {
                format!(
                    "{:08X}{:08X}{:08X}",
                    self.timeline,
                    n / in_four_gib,
                    n % in_four_gib
                )
            })
            .collect()
    }
}

/// Copies the segments of a span, and the histories of timelines.
///
/// # Errors
/// `PAAS-LOC-0016` if a segment is gone or cut short; `PAAS-LOC-0013`.
pub(super) fn copy(data: &Path, span: Span, to: &Place) -> Result<Vec<Entry>> {
    let log = data.join("pg_wal");
    let mut copied = Vec::new();
    for name in span.names() {
        let path = format!("pg_wal/{name}");
        match to.copy(&log.join(&name), &path)? {
            Some(entry) if entry.size == span.segment => copied.push(entry),
            Some(entry) => {
                let why = format!(
                    "the segment {name} of its write-ahead log has {} bytes",
                    entry.size
                );
                return Err(cannot(why));
            }
            None => {
                return Err(cannot(format!(
                    "the segment {name} of its write-ahead log was removed during the copy"
                ))
                .remedy("run it again; if max_slot_wal_keep_size is declared, make it larger"));
            }
        }
    }
    for file in files::list(&log)? {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.ends_with(".history") {
            copied.extend(to.copy(&file, &format!("pg_wal/{name}"))?);
        }
    }
    Ok(copied)
}

/// A place in the log: `16/B374D848`.
pub(super) fn parse(lsn: &str) -> Option<u64> {
    let (high, low) = lsn.split_once('/')?;
    let (high, low) = (
        u64::from_str_radix(high, 16).ok()?,
        u64::from_str_radix(low, 16).ok()?,
    );
    (high < 1 << 32 && low < 1 << 32).then_some(high << 32 | low)
}

/// The form that PostgreSQL writes.
pub(super) fn lsn(at: u64) -> String {
    format!("{:X}/{:X}", at >> 32, at & 0xFFFF_FFFF)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::local::{account::Account, codes::LOC_BACKUP};

    const MIB: u64 = 1 << 20;

    fn span(from: u64, to: u64) -> Span {
        Span {
            timeline: 1,
            segment: 16 * MIB,
            from,
            to,
        }
    }

    #[test]
    fn segments_are_named_as_postgresql_names_them() {
        assert_eq!(
            span(0x200_0028, 0x300_0000).names(),
            ["000000010000000000000002"],
            "the end is not part of it"
        );
        let over = span((1 << 32) - 1, (1 << 32) + 1).names();
        assert_eq!(over, ["0000000100000000000000FF", "000000010000000100000000"]);
    }

    #[test]
    fn a_segment_that_is_gone_or_short_ends_the_backup() {
        let dir = tempfile::tempdir().unwrap();
        let to = Place {
            folder: dir.path().join("to"),
            account: Account::Myself { uid: 0 },
            cancel: CancellationToken::new(),
        };
        fs::create_dir_all(to.folder.join("pg_wal")).unwrap();
        fs::create_dir(dir.path().join("pg_wal")).unwrap();
        let e = copy(dir.path(), span(0, 8), &to).unwrap_err();
        assert!(
            e.code() == &LOC_BACKUP && e.words().contains("000000010000000000000000"),
            "{e}"
        );
        fs::write(dir.path().join("pg_wal/000000010000000000000000"), "short").unwrap();
        assert!(
            copy(dir.path(), span(0, 8), &to)
                .unwrap_err()
                .words()
                .contains("5 bytes")
        );
    }

    proptest! {
        #[test]
        fn a_place_in_the_log_is_read_as_it_is_written(at in any::<u64>()) {
            prop_assert_eq!(parse(&lsn(at)), Some(at));
        }
    }
}
