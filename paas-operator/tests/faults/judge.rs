//! Whether what happened was right: by what the undisturbed run did.

use std::collections::{BTreeMap, BTreeSet};

use super::witness::Seen;

/// The first thing that happened here and not there, in words without any value.
pub(crate) fn wrong(here: &Seen, clean: &Seen) -> Result<(), String> {
    if let Some(name) = here.deleted.difference(&clean.deleted).next() {
        return Err(format!("{name} was deleted"));
    }
    more("objects", &here.uids, &clean.uids)?;
    more("passwords", &here.passwords, &clean.passwords)
}

fn more(
    what: &str,
    here: &BTreeMap<String, BTreeSet<String>>,
    clean: &BTreeMap<String, BTreeSet<String>>,
) -> Result<(), String> {
    for (name, all) in here {
        let right = clean.get(name).map_or(0, BTreeSet::len);
        if all.len() > right {
            return Err(format!(
                "{} {what} were seen as {name}, and {right} are right",
                all.len()
            ));
        }
    }
    Ok(())
}
