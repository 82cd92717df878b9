//! What this machine has for the memory that a server is given.

use std::collections::BTreeMap;

use super::disk::human;
use crate::{
    database::codes::PG_PARAMETER,
    error::{Class, Error, Result},
};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const TIB: u64 = 1024 * 1024 * MIB;

/// Refuses shared memory that this machine does not have. Not every system does: some give it out and then run out of it.
///
/// # Errors
/// `PAAS-PG-0004` naming both amounts. Where the machine's memory is not known, nothing is refused.
pub(super) fn check(parameters: &BTreeMap<String, String>) -> Result<()> {
    let Some((text, wanted)) = parameters
        .get("shared_buffers")
        .and_then(|t| bytes(t).map(|b| (t, b)))
    else {
        return Ok(());
    };
    match machine() {
        Some(there) if wanted > there => Err(Error::new(&PG_PARAMETER, Class::Invalid)
            .attempted(format!("give the server shared_buffers = {text}"))
            .happened(format!("this machine has {} of memory", human(there)))
            .remedy("declare a smaller plan, less resources.memory, or a smaller shared_buffers")),
        _ => Ok(()),
    }
}

/// The memory of this machine, where the system tells it in `/proc/meminfo`.
fn machine() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(KIB)
}

/// What a setting of memory means: a number of blocks of 8 KiB, or with a unit.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "" => 8 * KIB,
        "B" => 1,
        "kB" => KIB,
        "MB" => MIB,
        "GB" => 1024 * MIB,
        "TB" => TIB,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_shared_memory_than_the_machine_has_is_refused_in_every_unit() {
        let with = |value: &str| check(&BTreeMap::from([("shared_buffers".to_owned(), value.to_owned())]));
        for fits in ["128MB", "16384", "1GB", "131072kB", "a lot"] {
            with(fits).unwrap();
        }
        for too_much in ["4000TB", "4096000GB", "536870912000"] {
            let e = with(too_much).unwrap_err();
            assert_eq!(e.code().id, PG_PARAMETER.id);
            assert!(e.to_string().contains("this machine has"), "{e}");
        }
        assert_eq!(bytes("99999999999999999999TB"), None);
    }
}
