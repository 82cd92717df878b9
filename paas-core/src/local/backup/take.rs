//! Making a backup.

use jiff::Timestamp;

use super::{
    copy::Place,
    manifest::{Cause, Manifest},
    source,
    store::{Backup, Store},
    verify,
};
use crate::{
    error::Result,
    event::{Event, State},
    local::{account::Account, data, files, instance::LocalInstance},
    owner::Owner,
    resource::Key,
};

/// The stage's name in events.
pub(super) const STAGE: &str = "backup";

/// Backs up an instance: a running one without a pause for its users, a stopped one while nobody can start it.
///
/// One backup of an instance is made at a time. What an interrupted one left is swept by the next.
///
/// # Errors
/// `PAAS-LOC-0016` for what cannot be backed up; `PAAS-LOC-0013` for a full disk; `PAAS-CORE-0009` when cancelled. Nothing is left then.
pub async fn take(instance: &LocalInstance, cause: Cause) -> Result<Backup> {
    let store = Store::new(&instance.machine().home);
    let _lock = instance
        .lock_at(&store.lock(&instance.owner().uid().to_string()), &|_| ())
        .await?;
    take_locked(instance, &store, cause).await
}

/// The same for who holds the lock of the instance's backups.
pub(super) async fn take_locked(instance: &LocalInstance, store: &Store, cause: Cause) -> Result<Backup> {
    let (owner, began) = (instance.owner(), instance.machine().clock.now());
    let folder = store.of(&owner.uid().to_string());
    let us = Account::Myself { uid: 0 };
    files::make_dir(&folder, 0o700)?;
    store.sweep(&owner.uid().to_string())?;
    verify::sweep(instance.machine()).await?;
    let id = store.free(owner, began);
    let place = folder.join(&id);
    let half = files::half_made(&place);
    tell(
        instance,
        "back up",
        State::Started,
        "Copying",
        format!("copying {}", owner.name()),
    );
    let made = async {
        files::make_new_dir(&half, 0o700, &us)?;
        files::make_new_dir(&half.join(data::FOLDER), 0o700, &us)?;
        let to = Place {
            folder: half.join(data::FOLDER),
            account: us,
            cancel: instance.cancel().clone(),
        };
        let manifest = source::fill(instance, to, &id, cause, began).await?;
        manifest.write(&half)?;
        data::sync(&half).await?;
        files::rename(&half, &place)?;
        Ok(manifest)
    };
    match made.await {
        Ok(manifest) => {
            tell(
                instance,
                "back up",
                State::Done,
                "Copied",
                format!("{id}, {} files", manifest.files.len()),
            );
            Ok(Backup::good(place, manifest))
        }
        Err(e) => {
            // What cannot be removed now is swept by the next one.
            let _ = files::remove(&half);
            tell(instance, "back up", State::Failed, "Failed", format!("{e}"));
            Err(e)
        }
    }
}

pub(super) fn tell(instance: &LocalInstance, verb: &str, state: State, reason: &str, message: String) {
    let machine = instance.machine();
    machine.events.emit(&Event {
        at: machine.clock.now(),
        owner: instance.owner().to_string(),
        stage: STAGE.to_owned(),
        key: Key::new(data::FOLDER).ok(),
        verb: verb.to_owned(),
        state,
        reason: reason.to_owned(),
        message,
        request_id: None,
    });
}

/// `20261122T221500Z-demo-1a2b3c4d`: sorts by time, and two owners of one name do not meet.
pub(super) fn id(owner: &Owner, at: Timestamp) -> String {
    let uid = owner.uid().simple().to_string();
    format!(
        "{}-{}-{}",
        at.strftime("%Y%m%dT%H%M%SZ"),
        owner.name(),
        uid.get(..8).unwrap_or_default()
    )
}

impl Backup {
    fn good(folder: std::path::PathBuf, manifest: Manifest) -> Self {
        Self {
            id: manifest.id.clone(),
            folder,
            state: super::State::Good,
            why: None,
            manifest: Some(manifest),
            verified: None,
        }
    }
}
