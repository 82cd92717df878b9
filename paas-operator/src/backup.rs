//! `DatabaseBackup`: nothing carries it out yet, and each one says so.

use async_trait::async_trait;
use paas_core::{
    error::{Class, Error},
    owner::Owner,
    policy::Policy,
    spec::{DatabaseBackupSpec, DatabaseBackupStatus, Kind, Object},
};

use crate::{
    codes,
    engines::{Engine, Engines},
    reconcile::Managed,
    status::Common,
};

/// The kind `DatabaseBackup`.
#[derive(Debug)]
pub(crate) enum Backups {}

#[async_trait]
impl Managed for Backups {
    type Spec = DatabaseBackupSpec;
    type Status = DatabaseBackupStatus;
    type Facts = ();
    const KIND: Kind = Kind::DatabaseBackup;
    const OWNS: bool = false;

    fn policy(_spec: &DatabaseBackupSpec) -> Policy {
        Policy::default()
    }

    async fn engine(
        _engines: &dyn Engines,
        object: &Object<DatabaseBackupSpec>,
        _owner: &Owner,
        _status: &DatabaseBackupStatus,
    ) -> Result<Engine<()>, Error> {
        Err(Error::new(&codes::OP_BACKUP, Class::Unsupported)
            .attempted(format!("back up {}", object.spec.instance_ref.name))
            .happened("this version of the operator makes no backups; nothing was copied"))
    }

    fn common(status: &DatabaseBackupStatus) -> Common {
        Common {
            observed_generation: status.observed_generation,
            conditions: status.conditions.clone(),
            blocked: None,
        }
    }

    fn status(old: &DatabaseBackupStatus, common: Common, _facts: Option<()>) -> DatabaseBackupStatus {
        DatabaseBackupStatus {
            observed_generation: common.observed_generation,
            conditions: common.conditions,
            ..old.clone()
        }
    }
}
