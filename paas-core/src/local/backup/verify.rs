//! Proving that a backup can be restored: by restoring it, for a moment and for nobody.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{
    aside::{self, Aside},
    copy::Place,
    manifest::{Manifest, corrupt},
    restore::unpack,
    source::off_thread,
    store::Backup,
};
use crate::{
    database::session::{Session, column},
    error::Result,
    local::{
        account::Account,
        codes::{LOC_CORRUPT, LOC_LOCKED, LOC_RESTORE, LOC_START},
        data,
        files::{self, HALF_MADE},
        lock::Lock,
        machine::LocalMachine,
    },
};

/// The file's name, beside the manifest.
const FILE: &str = "verified.json";

/// What begins the names of throw-away restores.
const ASIDE: &str = "verify-";

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// When.
    pub at: Timestamp,
    /// The databases that were asked.
    pub databases: Vec<String>,
    /// Why the backup cannot be restored, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl Verified {
    pub(super) fn read(backup: &Path) -> Option<Self> {
        let text = files::read(&backup.join(FILE)).ok()??;
        serde_json::from_str(&text).ok()
    }

    /// Remembers that a backup is corrupt, as it was found when it was used.
    pub(super) fn refused(machine: &LocalMachine, backup: &Path, why: &str) -> Result<()> {
        let found = Self {
            at: machine.clock.now(),
            databases: Vec::new(),
            failed: Some(why.to_owned()),
        };
        found.write(backup)
    }

    fn write(&self, backup: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        files::replace(&backup.join(FILE), &text, 0o600, &Account::Myself { uid: 0 })
    }
}

/// Restores a backup into a throw-away folder with every digest checked, lets PostgreSQL recover it, and asks each of its databases.
/// What came of it is kept beside the manifest. One verification of a home runs at a time.
///
/// # Errors
/// `PAAS-LOC-0018` if the backup cannot be restored. Others, such as a full disk or a missing PostgreSQL, say nothing about the backup.
pub async fn verify(machine: &LocalMachine, backup: &Backup, cancel: &CancellationToken) -> Result<Verified> {
    let patience = std::time::Duration::from_secs(600);
    let doing = format!("verify {}", backup.id);
    let _lock = Lock::take(&lock(machine), &doing, patience, &*machine.clock, cancel, &|_| ()).await?;
    sweep_all(machine).await?;
    let folder = machine
        .home
        .instances()
        .join(format!("{HALF_MADE}{ASIDE}{}", backup.id));
    let found = look(machine, backup, &folder, cancel).await;
    let swept = aside::sweep(machine, &folder).await;
    let databases = match found {
        Ok(databases) => databases,
        Err(e) if [&LOC_CORRUPT, &LOC_RESTORE, &LOC_START].contains(&e.code()) => {
            let why = e.words().to_owned();
            Verified::refused(machine, &backup.folder, &why)?;
            return Err(corrupt(&backup.id, why));
        }
        Err(e) => return Err(e),
    };
    swept?;
    let verified = Verified {
        at: machine.clock.now(),
        databases,
        failed: None,
    };
    verified.write(&backup.folder)?;
    Ok(verified)
}

/// Sweeps what killed verifications left, if none is under way.
pub(super) async fn sweep(machine: &LocalMachine) -> Result<()> {
    match Lock::try_take(&lock(machine), "sweep") {
        Ok(_lock) => sweep_all(machine).await,
        Err(e) if e.code() == &LOC_LOCKED => Ok(()),
        Err(e) => Err(e),
    }
}

async fn sweep_all(machine: &LocalMachine) -> Result<()> {
    let ours = format!("{HALF_MADE}{ASIDE}");
    for folder in files::list(&machine.home.instances())? {
        if folder
            .file_name()
            .is_some_and(|n| n.to_string_lossy().starts_with(&ours))
        {
            aside::sweep(machine, &folder).await?;
        }
    }
    Ok(())
}

fn lock(machine: &LocalMachine) -> PathBuf {
    machine.home.locks().join("verify.lock")
}

async fn look(
    machine: &LocalMachine,
    backup: &Backup,
    folder: &Path,
    cancel: &CancellationToken,
) -> Result<Vec<String>> {
    // Read again: what an earlier verification said must not bless or damn this one.
    let manifest = Manifest::read(&backup.folder)?;
    let build = machine.build(None, Some(manifest.major), &|_| ()).await?;
    let account = machine.home.account();
    files::make_new_dir(folder, 0o700, account)?;
    files::make_new_dir(&folder.join(data::FOLDER), 0o700, account)?;
    let place = Place {
        folder: folder.join(data::FOLDER),
        account: account.clone(),
        cancel: cancel.clone(),
    };
    let files = manifest.clone();
    off_thread(backup.folder.join(data::FOLDER), move |from| {
        unpack(from, &files, &place)
    })
    .await?;
    let aside = Aside {
        machine,
        build: &build,
        folder,
        cancel,
    };
    let password = machine.generate.secret();
    aside.recover(&manifest.parameters, &password).await?;
    aside.start().await?;
    let session = aside.session("postgres", &password).await?;
    let rows = session
        .rows(
            "SELECT datname::text AS name FROM pg_database WHERE datallowconn ORDER BY 1",
            &[],
            "list databases",
        )
        .await?;
    let mut databases = Vec::new();
    for row in rows {
        let name: String = column(&row, "name")?;
        let there = aside.session(&name, &password).await?;
        ask(&there)
            .await
            .map_err(|e| corrupt(&backup.id, format!("the database {name}: {}", e.words())))?;
        databases.push(name);
    }
    drop(session);
    aside.finish().await?;
    Ok(databases)
}

/// Reads all catalogs, and the first page of every table: page checksums are checked on the way.
async fn ask(session: &Session) -> Result<()> {
    let sql = "DO $$DECLARE t record; BEGIN FOR t IN SELECT c.oid::regclass AS name, relnamespace = 'pg_catalog'::regnamespace AS catalog \
               FROM pg_class c WHERE relkind = 'r' AND relpersistence = 'p' LOOP \
               IF t.catalog THEN EXECUTE format('SELECT count(*) FROM %s', t.name); \
               ELSE EXECUTE format('SELECT 1 FROM ONLY %s LIMIT 1', t.name); END IF; END LOOP; END$$";
    session.run(sql, "ask the database").await
}
