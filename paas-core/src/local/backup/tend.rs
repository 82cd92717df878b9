//! What the spec's plan asks for: a backup when one is due, and the old ones removed.

use jiff::Timestamp;

use super::{
    manifest::Cause,
    schedule::{self, Kept},
    store::{Backup, State, Store},
    take::take_locked,
};
use crate::{error::Result, local::instance::LocalInstance};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tended {
    /// The id of the backup that was made.
    pub ran: Option<String>,
    /// The ids of backups that were removed.
    pub removed: Vec<String>,
    /// When a backup is next due; nothing if the spec has no plan.
    pub next: Option<Timestamp>,
}

/// Makes a backup if one is due and the server runs, and removes scheduled ones that are older than the retention. Cheap when nothing is
/// to be done; to be called again and again, after a failure not sooner than a minute later. Without a plan in the spec it does nothing.
///
/// A stopped instance has not changed since its last backup was due, and is left alone. The lock of the instance is not taken.
///
/// # Errors
/// As [`super::take`].
pub async fn tend(instance: &LocalInstance) -> Result<Tended> {
    let Some(plan) = &instance.spec().backup else {
        return Ok(Tended::default());
    };
    let store = Store::new(&instance.machine().home);
    let now = instance.machine().clock.now();
    let mut tended = Tended {
        next: schedule::next(plan, now)?,
        ..Tended::default()
    };
    let (due, old) = look(instance, &store, now)?;
    if !due && old.is_empty() {
        return Ok(tended);
    }
    let _lock = instance
        .lock_at(&store.lock(&instance.owner().uid().to_string()), &|_| ())
        .await?;
    // Somebody else may have done it while we waited.
    let (due, _) = look(instance, &store, now)?;
    if due {
        tended.ran = Some(take_locked(instance, &store, Cause::Schedule).await?.id);
    }
    for backup in look(instance, &store, now)?.1 {
        store.remove(&backup)?;
        tended.removed.push(backup.id);
    }
    Ok(tended)
}

/// Whether a backup is to be made now, and which ones are to go.
fn look(instance: &LocalInstance, store: &Store, now: Timestamp) -> Result<(bool, Vec<Backup>)> {
    let Some(plan) = &instance.spec().backup else {
        return Ok((false, Vec::new()));
    };
    let all = store.list(instance.owner())?;
    let began = |b: &Backup| b.manifest.as_ref().map(|m| m.began);
    let last_good = all
        .iter()
        .filter(|b| b.state == State::Good)
        .filter_map(began)
        // One from before the clock was set back says nothing about today.
        .filter(|at| *at <= now)
        .max();
    let due = schedule::due(plan, last_good, now)? && instance.running()?.is_some();
    let scheduled: Vec<Kept> = all
        .iter()
        .filter(|b| b.manifest.as_ref().is_some_and(|m| m.cause == Cause::Schedule))
        .filter_map(|b| {
            Some(Kept {
                id: b.id.clone(),
                at: began(b)?,
                good: b.state == State::Good,
            })
        })
        .collect();
    let old = schedule::expired(&scheduled, &plan.retention, now)?;
    let old: Vec<String> = old.into_iter().map(str::to_owned).collect();
    Ok((due, all.into_iter().filter(|b| old.contains(&b.id)).collect()))
}
