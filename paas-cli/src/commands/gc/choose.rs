//! Whose leftovers are meant.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use paas_core::{
    error::{Class, Error},
    owner::Owner,
};
use paas_openstack::gc::{Chosen, Findings, Remains};
use uuid::Uuid;

use crate::{args::Gc, codes::CLI_GC_OWNER};

/// Whose leftovers go, and why others' do not.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) chosen: Chosen,
    /// Why the rest is left alone.
    pub(super) spared: BTreeMap<Uuid, String>,
    /// The owners that this machine knows.
    pub(super) known: BTreeSet<Uuid>,
}

/// The owners that the arguments mean.
///
/// # Errors
/// [`CLI_GC_OWNER`] for a name that several have, and for consent to what is not chosen.
pub(super) fn among(
    findings: &Findings,
    args: &Gc,
    known: &BTreeSet<Uuid>,
    now: Timestamp,
) -> Result<Selection, Error> {
    let mut asked = BTreeSet::new();
    for name in &args.owner {
        asked.extend(meant(findings, name)?.map(|it| it.uid));
    }
    let mut spared = BTreeMap::new();
    let mut chosen = Vec::new();
    for remains in &findings.owners {
        let named = asked.contains(&remains.uid);
        let why = if !args.owner.is_empty() && !named {
            Some("not asked for".to_owned())
        } else if known.contains(&remains.uid) && !named {
            Some("known here".to_owned())
        } else {
            args.older_than.and_then(|least| too_young(remains, least, now))
        };
        match why {
            Some(why) => {
                spared.insert(remains.uid, why);
            }
            None => chosen.push(remains),
        }
    }
    let mut chosen = Chosen::of(chosen);
    for name in &args.confirm {
        let owner = meant(findings, name)?.filter(|it| chosen.owners.contains(&it.uid));
        let owner = owner.ok_or_else(|| refused(name, "nothing of it is chosen here"))?;
        chosen.data.insert(owner.uid);
    }
    Ok(Selection {
        chosen,
        spared,
        known: known.clone(),
    })
}

/// Who is meant by a name, if anything of that one is here.
fn meant<'a>(findings: &'a Findings, name: &str) -> Result<Option<&'a Remains>, Error> {
    let uid = match name.split('/').collect::<Vec<_>>()[..] {
        // What the cloud no longer says can still be worked out.
        [kind, namespace, name] => Some(Owner::new(&findings.identity, kind, namespace, name).uid()),
        _ => None,
    };
    let all: Vec<&Remains> = findings
        .owners
        .iter()
        .filter(|it| it.is_called(name) || Some(it.uid) == uid)
        .collect();
    match all[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => {
            let names: Vec<String> = all
                .iter()
                .map(|it| it.name.clone().unwrap_or_else(|| it.uid.to_string()))
                .collect();
            Err(refused(name, &format!("these have it: {}", names.join(", "))))
        }
    }
}

fn refused(name: &str, why: &str) -> Error {
    Error::new(&CLI_GC_OWNER, Class::Invalid)
        .attempted(format!(
            "find whose leftovers are meant by '{}'",
            name.escape_debug()
        ))
        .happened(why)
}

/// Why an owner is too young. Without any time that the cloud tells, it is.
fn too_young(remains: &Remains, least: Duration, now: Timestamp) -> Option<String> {
    let Some(youngest) = remains.youngest() else {
        return Some("of unknown age".to_owned());
    };
    let age = Duration::try_from(now.duration_since(youngest)).unwrap_or_default();
    (age < least).then(|| format!("younger than {}", super::print::age(least)))
}
