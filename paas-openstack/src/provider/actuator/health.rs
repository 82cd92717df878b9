//! How servers and volumes do, by what their services say.

use paas_core::resource::Health;

use crate::{
    block_storage::{self, VolumeStatus},
    compute::{self, ServerStatus},
};

/// What becomes of a volume that Cinder failed to delete: it takes no other deletion then.
pub(super) const STUCK: &str = "Cinder failed to delete it (error_deleting) and takes no other deletion until the cloud's operator sets it free";

/// How a volume does.
pub(super) fn volume_health(it: &block_storage::Volume) -> Health {
    match &it.status {
        VolumeStatus::Available
        | VolumeStatus::InUse
        | VolumeStatus::Reserved
        | VolumeStatus::Attaching
        | VolumeStatus::Detaching => Health::Ready,
        VolumeStatus::Deleting => Health::Leaving,
        VolumeStatus::ErrorDeleting => Health::broken(STUCK),
        VolumeStatus::Error | VolumeStatus::ErrorExtending => {
            Health::broken(format!("Cinder says that it is {}", it.status))
        }
        other => Health::Settling {
            why: format!("it is {other}"),
        },
    }
}

/// How a server does.
pub(super) fn health(it: &compute::Server) -> Health {
    let busy = it.task_state.as_deref();
    if busy == Some("deleting") || busy == Some("soft-deleting") {
        return Health::Leaving;
    }
    match (&it.status, busy) {
        (ServerStatus::Active, None) => Health::Ready,
        (ServerStatus::Error, _) => {
            let said = it
                .fault
                .as_ref()
                .map_or("Nova gives no reason", |f| f.message.as_str());
            Health::broken(said)
        }
        (status, None) => Health::Settling {
            why: format!("it is {status}"),
        },
        (status, Some(task)) => Health::Settling {
            why: format!("it is {status} ({task})"),
        },
    }
}
