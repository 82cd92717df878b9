//! The administrator's password in a data directory that no server has: its verifier in the table of roles.
//!
//! A copy of a data directory has the password of its original until somebody has connected with that. Here the copy gets its own before
//! there is a server: the SCRAM verifier is text of a fixed length, so another takes its place and nothing in the page moves. The page's
//! checksum is the judge: where the one that stands there is not the one that is computed here, the layout is not known and nothing is done.
//! See `storage/checksum_impl.h` and `storage/bufpage.h` in PostgreSQL's sources.

/// Where the table of roles is, in a data directory that initdb just made: `pg_authid` has this number in every version.
pub(super) const FILE: &str = "global/1260";

/// PostgreSQL's usual size of a page; another one fails at its checksum.
const PAGE: usize = 8192;

/// Where a page's checksum stands.
const CHECKSUM: usize = 8;

/// How a verifier begins that PostgreSQL made: its number of rounds is a default that initdb does not change.
const BEGINS: &[u8] = b"SCRAM-SHA-256$4096:";

/// Puts `verifier` in the place of the only one in the table; false, with nothing changed, if there is not exactly one of the same length
/// in a page whose checksum is right.
pub(super) fn replace(table: &mut [u8], verifier: &str) -> bool {
    let new = verifier.as_bytes();
    let mut places = (0..table.len()).filter(|at| table[*at..].starts_with(BEGINS));
    let (Some(at), None) = (places.next(), places.next()) else {
        return false;
    };
    let (block, end) = (at / PAGE, at + new.len());
    let Some(page) = table.get_mut(block * PAGE..(block + 1) * PAGE) else {
        return false;
    };
    let (at, end) = (at - block * PAGE, end - block * PAGE);
    let text = |b: &u8| b.is_ascii_alphanumeric() || b"+/=$:-".contains(b);
    let fits = new.starts_with(BEGINS)
        && page.get(at..end).is_some_and(|old| old.iter().all(text))
        && page.get(end).is_none_or(|next| !text(next));
    let Some(block) = u32::try_from(block).ok().filter(|_| fits) else {
        return false;
    };
    if page[CHECKSUM..CHECKSUM + 2] != checksum(page, block).to_ne_bytes() {
        return false;
    }
    page[at..end].copy_from_slice(new);
    let sum = checksum(page, block).to_ne_bytes();
    page[CHECKSUM..CHECKSUM + 2].copy_from_slice(&sum);
    true
}

/// The checksum of a page: 32 sums side by side in the manner of FNV-1a, each with a start of its own, over the page with an empty
/// checksum; then the number of the block, so that a page in a wrong place is noticed; never 0.
fn checksum(page: &[u8], block: u32) -> u16 {
    let mut sums = STARTS;
    let step = |sum: u32, value: u32| {
        let mixed = sum ^ value;
        mixed.wrapping_mul(16_777_619) ^ (mixed >> 17)
    };
    for (i, word) in page.chunks_exact(4).enumerate() {
        let value = match i * 4 {
            CHECKSUM => u32::from_ne_bytes([0, 0, word[2], word[3]]),
            _ => u32::from_ne_bytes([word[0], word[1], word[2], word[3]]),
        };
        sums[i % STARTS.len()] = step(sums[i % STARTS.len()], value);
    }
    let folded = sums.iter().fold(0, |all, sum| all ^ step(step(*sum, 0), 0));
    u16::try_from((folded ^ block) % 65_535 + 1).unwrap_or(u16::MAX)
}

/// The starts of the sums: part of the format.
const STARTS: [u32; 32] = [
    0x5B1F_36E9,
    0xB852_5960,
    0x02AB_50AA,
    0x1DE6_6D2A,
    0x79FF_467A,
    0x9BB9_F8A3,
    0x217E_7CD2,
    0x83E1_3D2C,
    0xF8D4_474F,
    0xE39E_B970,
    0x42C6_AE16,
    0x9932_16FA,
    0x7B09_3B5D,
    0x98DA_FF3C,
    0xF718_902A,
    0x0B1C_9CDB,
    0xE58F_764B,
    0x1876_36BC,
    0x5D7B_3BB1,
    0xE73D_E7DE,
    0x92BE_C979,
    0xCCA6_C0B2,
    0x304A_0979,
    0x85AA_43D4,
    0x7831_25BB,
    0x6CA8_EAA2,
    0xE407_EAC6,
    0x4B5C_FC3E,
    0x9FBF_8C76,
    0x15CA_20BE,
    0xF2CA_9FD3,
    0x959B_D756,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn verifier(letter: &str) -> String {
        format!(
            "SCRAM-SHA-256$4096:{}==${}=:{}=",
            letter.repeat(22),
            letter.repeat(43),
            letter.repeat(43)
        )
    }

    /// Two pages, the second with a verifier.
    fn table() -> Vec<u8> {
        let mut table = vec![1; 2 * PAGE];
        let at = PAGE + 5000;
        let text = verifier("a");
        table[at..at + text.len()].copy_from_slice(text.as_bytes());
        let sum = checksum(&table[PAGE..], 1).to_ne_bytes();
        table[PAGE + CHECKSUM..PAGE + CHECKSUM + 2].copy_from_slice(&sum);
        table
    }

    #[test]
    fn the_only_verifier_is_replaced_and_its_page_stays_whole() {
        let mut it = table();
        assert!(replace(&mut it, &verifier("b")));
        assert!(
            replace(&mut it, &verifier("c")),
            "the checksum fits the new content"
        );
        let text = String::from_utf8_lossy(&it).into_owned();
        assert!(text.contains(&verifier("c")) && !text.contains(&verifier("a")));
    }

    #[test]
    fn what_is_not_known_for_certain_is_left_alone() {
        let mut longer = verifier("b");
        longer.push('b');
        let shorter = verifier("b")[..100].to_owned();
        let mut damaged = table();
        damaged[PAGE + 100] ^= 1;
        let mut twice = table();
        twice[..19].copy_from_slice(BEGINS);
        for (table, new) in [
            (table(), longer),
            (table(), shorter),
            (table(), "md5".repeat(50)),
            (damaged, verifier("b")),
            (twice, verifier("b")),
            (vec![0; PAGE], verifier("b")),
            (Vec::new(), verifier("b")),
        ] {
            let mut after = table.clone();
            assert!(!replace(&mut after, &new));
            assert!(after == table);
        }
    }
}
