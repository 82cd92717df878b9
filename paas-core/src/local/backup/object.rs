//! A `DatabaseBackup` as something that should exist: made once, and kept until somebody lets go of it with consent.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::json;

use super::{
    manifest::Cause,
    store::{Backup, State, Store},
    take::take,
};
use crate::{
    actuator::{Actuator, Ids, Reach},
    codes::CORE_UNSUPPORTED,
    driver::{Driver, Outputs},
    error::{Class, Error, Result},
    graph::{Desired, Observed},
    ledger::Ledger,
    local::instance::LocalInstance,
    owner::Owner,
    resource::{Change, Diff, Key, Live, Need, Resource, View},
    spec::{BackupMethod, DatabaseBackupSpec},
};

/// The key of the only thing that such an object asks for.
const KEY: &str = "backup";

/// How long it waits for somebody who holds a stopped instance: it may be the one who waits for this.
const PATIENCE: Duration = Duration::from_secs(5);

/// The backup that one `DatabaseBackup` asks for.
#[derive(Debug, Clone)]
pub struct BackupDriver {
    instance: LocalInstance,
    owner: Owner,
}

impl BackupDriver {
    /// For the `DatabaseBackup` named `namespace/name`, of an instance that need not exist.
    pub fn new(instance: LocalInstance, namespace: &str, name: &str) -> Self {
        Self {
            owner: Owner::new(instance.machine().identity(), "DatabaseBackup", namespace, name),
            instance: instance.patience(PATIENCE),
        }
    }

    /// Who owns the backup.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    fn cause(&self) -> Cause {
        Cause::Object(format!("{}/{}", self.owner.namespace(), self.owner.name()))
    }
}

/// One backup, wanted or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// Its id, once it is made.
    pub id: Option<String>,
    /// The instance that it is of.
    pub instance: String,
}

impl Resource for Once {
    fn kind(&self) -> &'static str {
        "backup"
    }

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn diff(&self, _live: &Self) -> Diff {
        Diff::Same
    }

    fn precious(&self) -> bool {
        true
    }

    fn natural(&self) -> bool {
        // One writer at a time looks before it makes one, and a rename makes it visible.
        true
    }

    fn view(&self) -> View {
        let mut view = View::new();
        view.insert("instance".to_owned(), json!(self.instance));
        view.extend(self.id.as_ref().map(|id| ("id".to_owned(), json!(id))));
        view
    }
}

#[async_trait]
impl Driver for BackupDriver {
    type Spec = DatabaseBackupSpec;
    type Resource = Once;

    fn stage(&self) -> &'static str {
        "backup"
    }

    fn desired(&self, spec: &DatabaseBackupSpec, _from: &Outputs) -> Result<Desired<Once>> {
        if spec.method == BackupMethod::Logical {
            return Err(Error::new(&CORE_UNSUPPORTED, Class::Unsupported)
                .attempted(format!("make {}", self.owner))
                .happened("this machine makes no backups with the method Logical")
                .remedy("use the method Physical, or `paas db dump`"));
        }
        let mut builder = Desired::builder();
        let wanted = Once {
            id: None,
            instance: spec.instance_ref.name.clone(),
        };
        builder.add(Key::new(KEY)?, wanted);
        builder.build()
    }

    fn gives(&self, _spec: &DatabaseBackupSpec, _seen: &Observed<Once>) -> Outputs {
        Outputs::default()
    }

    async fn actuator(&self, _from: &Outputs) -> Result<Option<Arc<dyn Actuator<Once>>>> {
        Ok(Some(Arc::new(BackupActuator(self.clone()))))
    }
}

/// Makes and lets go of one backup.
#[derive(Debug)]
struct BackupActuator(BackupDriver);

impl BackupActuator {
    fn store(&self) -> Store {
        Store::new(&self.0.instance.machine().home)
    }

    fn live(&self, backup: &Backup) -> Live<Once> {
        let resource = Once {
            id: Some(backup.id.clone()),
            instance: self.0.instance.owner().name().to_owned(),
        };
        Live {
            was_ready: true,
            ..Live::ready(backup.id.clone(), resource)
        }
    }
}

#[async_trait]
impl Actuator<Once> for BackupActuator {
    async fn observe(&self, _owner: &Owner, _hints: &Ledger, _reach: Reach) -> Result<Observed<Once>> {
        let mut seen = Observed::default();
        let ours = |b: &&Backup| {
            let manifest = b.manifest.as_ref().filter(|_| b.state == State::Good);
            manifest.is_some_and(|m| m.cause == self.0.cause())
        };
        // The oldest: should there be two, the later one was not needed.
        if let Some(made) = self.store().list(self.0.instance.owner())?.iter().find(ours) {
            seen.found(Key::new(KEY)?, self.live(made));
        }
        Ok(seen)
    }

    async fn create(&self, _owner: &Owner, _key: &Key, _want: &Once, _ids: &Ids) -> Result<Live<Once>> {
        Ok(self.live(&take(&self.0.instance, self.0.cause()).await?))
    }

    async fn update(
        &self,
        _owner: &Owner,
        _key: &Key,
        _live: &Live<Once>,
        _want: &Once,
        _changes: &[Change],
        _ids: &Ids,
    ) -> Result<()> {
        // Nothing of it ever differs.
        Ok(())
    }

    async fn delete(&self, _owner: &Owner, _key: &Key, live: &Live<Once>) -> Result<()> {
        let store = self.store();
        store.remove(&store.find(&live.id)?)
    }
}
