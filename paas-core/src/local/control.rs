//! The identity of a data directory: `pg_control` and the heads of the write-ahead log's files.
//!
//! A copy of a data directory has the same system identifier as its original, and PostgreSQL would take log files and standbys of one for
//! those of the other. A copy that was cleanly shut down and never started gets its own identity by three changes: the identifier and the
//! nonce in `pg_control`, the checksum over them, and the identifier in the first page of each log file. `pg_createsubscriber` of
//! PostgreSQL 17 changes the first two for the same reason. Every fact that is relied on is checked first; see `catalog/pg_control.h` and
//! `access/xlog_internal.h` in PostgreSQL's sources.

use std::ops::Range;

/// Where the file is, in the data directory.
pub(super) const FILE: &str = "global/pg_control";

/// `pg_control_version` of PostgreSQL 13 to 16, 17, and 18.
const KNOWN: [u32; 3] = [1300, 1700, 1800];

/// `DB_SHUTDOWNED`: nothing in the log has to be replayed.
const SHUT_DOWN: u32 = 1;

/// Length of `mock_authentication_nonce`, the last field before the checksum.
const NONCE: usize = 32;

/// A log page's flag for the header that has the identifier.
const LONG_HEADER: u16 = 2;

/// The head of the file, which is the same from PostgreSQL 11 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
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

impl Head {
    /// Understands the file's bytes, which are in this machine's own order; nothing if they are too few.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            system_identifier: wide(bytes, 0)?,
            clean: number(bytes, 16)? == SHUT_DOWN,
            checkpoint: wide(bytes, 32)?,
            redo: wide(bytes, 40)?,
            timeline: number(bytes, 48)?,
        })
    }
}

/// A `pg_control` whose checksum is right, of a server that was shut down.
#[derive(Debug, Clone)]
pub(super) struct Control {
    head: Head,
    bytes: Vec<u8>,
    checksum: usize,
    nonce: Range<usize>,
}

impl Control {
    /// Reads it; nothing if its layout or state is not one of those that are known here.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (version, head) = (number(bytes, 8)?, Head::parse(bytes)?);
        if !KNOWN.contains(&version) || !head.clean {
            return None;
        }
        // Versions differ in what lies before the checksum: the place is where the checksum of all before it stands.
        let checksum = (200..400)
            .step_by(4)
            .find(|at| number(bytes, *at) == bytes.get(..*at).map(crc32c))?;
        // Since 18 there is a lone flag before the nonce, so three bytes of padding after it.
        let end = if version >= 1800 { checksum - 3 } else { checksum };
        Some(Self {
            head,
            bytes: bytes.to_vec(),
            checksum,
            nonce: end - NONCE..end,
        })
    }

    /// The system identifier.
    pub(super) fn identifier(&self) -> u64 {
        self.head.system_identifier
    }

    /// The same with another identifier and another nonce: what only this server may know, to hide which roles it has.
    #[must_use]
    pub(super) fn renewed(&self, identifier: u64, nonce: [u8; NONCE]) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[..8].copy_from_slice(&identifier.to_ne_bytes());
        bytes[self.nonce.clone()].copy_from_slice(&nonce);
        let checksum = crc32c(&bytes[..self.checksum]);
        bytes[self.checksum..self.checksum + 4].copy_from_slice(&checksum.to_ne_bytes());
        bytes
    }
}

/// Gives a log file another identifier; false, with nothing changed, if it is not a whole one of `from`.
pub(super) fn renew_log(file: &mut [u8], from: u64, to: u64) -> bool {
    let flags = file.get(2..4).map(|b| u16::from_ne_bytes([b[0], b[1]]));
    let known = flags.is_some_and(|f| f & LONG_HEADER != 0)
        && wide(file, 24) == Some(from)
        && number(file, 32).and_then(|n| usize::try_from(n).ok()) == Some(file.len());
    if known {
        file[24..32].copy_from_slice(&to.to_ne_bytes());
    }
    known
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(field.try_into().ok()?))
}

fn wide(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at + 8)?;
    Some(u64::from_ne_bytes(field.try_into().ok()?))
}

/// CRC-32C (Castagnoli), bit by bit: it is computed over 300 bytes.
fn crc32c(bytes: &[u8]) -> u32 {
    let folded = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                crc >> 1 ^ 0x82F6_3B78
            } else {
                crc >> 1
            }
        })
    });
    !folded
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of this version whose fields are counted up, with the checksum at `place`.
    fn file(version: u32, place: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..place).map(|i| u8::try_from(i % 251).unwrap()).collect();
        bytes[8..12].copy_from_slice(&version.to_ne_bytes());
        bytes[16..20].copy_from_slice(&SHUT_DOWN.to_ne_bytes());
        let checksum = crc32c(&bytes);
        bytes.extend(checksum.to_ne_bytes());
        bytes.resize(8192, 0);
        bytes
    }

    #[test]
    fn the_checksum_is_castagnolis() {
        // The check value of the catalogue of parametrised CRC algorithms.
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
    }

    #[test]
    fn a_renewed_file_is_read_back_and_differs_in_identity_only() {
        for (version, place, nonce) in [(1300, 288, 256..288), (1800, 292, 257..289)] {
            let old = file(version, place);
            let new = Control::parse(&old).unwrap().renewed(7, [9; NONCE]);
            let read = Control::parse(&new).unwrap();
            assert_eq!((read.identifier(), read.checksum), (7, place));
            assert_eq!(new[nonce.clone()], [9; NONCE]);
            assert_eq!(new[8..nonce.start], old[8..nonce.start]);
            assert_eq!(new.len(), old.len());
        }
    }

    #[test]
    fn an_unknown_version_a_running_server_and_a_damaged_file_are_not_taken() {
        assert!(Control::parse(&file(1900, 288)).is_none());
        let mut running = file(1300, 288);
        running[16] = 6;
        assert!(Control::parse(&running).is_none());
        let mut damaged = file(1300, 288);
        damaged[100] ^= 1;
        assert!(Control::parse(&damaged).is_none());
        assert!(Control::parse(&[]).is_none());
    }

    #[test]
    fn the_head_of_a_control_file_is_understood_and_a_short_one_is_not() {
        // The first bytes of a cluster of PostgreSQL 15 that pg_controldata describes with these values, on a little-endian machine.
        let mut bytes = vec![0; 64];
        bytes[..8].copy_from_slice(&7_711_126_926_982_622_644_u64.to_ne_bytes());
        bytes[16..20].copy_from_slice(&1_u32.to_ne_bytes());
        bytes[32..40].copy_from_slice(&0x150_0718_u64.to_ne_bytes());
        bytes[40..48].copy_from_slice(&0x150_0718_u64.to_ne_bytes());
        bytes[48..52].copy_from_slice(&1_u32.to_ne_bytes());
        let seen = Head::parse(&bytes).unwrap();
        assert_eq!(seen.system_identifier, 7_711_126_926_982_622_644);
        assert!(seen.clean && seen.redo == 0x150_0718 && seen.timeline == 1);
        assert_eq!(Head::parse(&bytes[..40]), None);
    }

    #[test]
    fn a_log_file_of_another_server_or_length_is_left_alone() {
        let mut page = vec![0; 64];
        page[2] = 2;
        page[24..32].copy_from_slice(&5_u64.to_ne_bytes());
        page[32..36].copy_from_slice(&64_u32.to_ne_bytes());
        let before = page.clone();
        assert!(!renew_log(&mut page, 6, 7));
        assert!(!renew_log(&mut page[..63], 5, 7));
        assert!(!renew_log(&mut [], 5, 7));
        assert_eq!(page, before);
        assert!(renew_log(&mut page, 5, 7));
        assert_eq!(wide(&page, 24), Some(7));
    }
}
