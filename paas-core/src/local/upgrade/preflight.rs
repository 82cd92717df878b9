//! What stands in the way of an upgrade, all at once, before anything is stopped.

use std::{fs, path::Path};

use serde::Serialize;

use super::{
    builds::{self, Pair, Way},
    finding::Finding,
    switch,
};
use crate::{
    database::{
        connection::Connection,
        session::{Session, column},
    },
    error::{Class, Error, Result},
    local::{
        build::Found,
        codes::LOC_PREFLIGHT,
        config::{self, Written},
        data, disk,
        instance::LocalInstance,
    },
    spec::EngineVersion,
};

/// Room beyond the data's own size: the new server's log and write-ahead log.
const BESIDE: u64 = 256 << 20;

/// What was found, and how the upgrade would be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preflight {
    /// The version that runs its data now: `15.19`, or only the major if no build of it is here.
    pub from: String,
    /// The version that it would have.
    pub to: String,
    /// How; `None` if that is not known before a build is fetched.
    pub way: Option<Way>,
    /// The bytes of the data, which are copied.
    pub bytes: u64,
    /// Everything that was found.
    pub findings: Vec<Finding>,
}

impl Preflight {
    /// True if nothing that was found blocks.
    pub fn is_clear(&self) -> bool {
        !self.findings.iter().any(Finding::blocks)
    }

    /// The error that names all that blocks.
    ///
    /// # Errors
    /// `PAAS-LOC-0029`.
    pub fn require(&self) -> Result<()> {
        if self.is_clear() {
            return Ok(());
        }
        let blocking = self.findings.iter().filter(|f| f.blocks());
        let words: Vec<String> = blocking.map(ToString::to_string).collect();
        Err(Error::new(&LOC_PREFLIGHT, Class::Blocked)
            .attempted(format!("upgrade from {} to {}", self.from, self.to))
            .happened(words.join("; ")))
    }
}

/// Looks at everything; changes nothing and fetches nothing.
pub(super) async fn look(
    instance: &LocalInstance,
    from: u32,
    to: &EngineVersion,
    found: &Found,
    pair: Option<&Pair>,
) -> Result<Preflight> {
    let folder = instance.folder();
    let machine = instance.machine();
    let mut findings = Vec::new();
    if to.major() <= from {
        let wanted = to.major();
        findings.push(Finding::NotNewer { is: from, wanted });
    }
    if pair.is_none() {
        if machine.fetch {
            findings.push(Finding::WillFetch { major: to.major() });
        } else {
            let here = found.builds.iter().map(|b| b.version.to_string()).collect();
            findings.push(Finding::NoBuild { here });
        }
    }
    if let Some(kept) = switch::previous(&folder)? {
        findings.push(Finding::KeptBefore { major: kept.major });
    }
    let bytes = disk::size(&folder.join(data::FOLDER), fs::Metadata::len);
    findings.extend(room(&folder, bytes + BESIDE));
    let mut way = pair.map(|p| p.way);
    if let Some(pair) = pair {
        let written = Written::read(&folder)?.unwrap_or_default();
        let account = machine.home.account();
        if let Err(e) = config::check(&pair.new, account, &folder, &written.parameters).await {
            let words = e.words().to_owned();
            findings.push(Finding::Parameters { words });
        }
    }
    match inside(instance, pair).await {
        Ok(more) => {
            let numbers = more.iter().any(|f| matches!(f, Finding::CatalogNumbers { .. }));
            way = way.map(|w| if numbers { Way::DumpAndLoad } else { w });
            findings.extend(more);
        }
        Err(e) => findings.push(Finding::NotRunning { words: e.sentence() }),
    }
    findings.push(Finding::BackUpFirst);
    let here = |major| found.builds.iter().find(|b| b.version.major == major);
    let old = pair.map(|p| &p.old).or_else(|| here(from));
    Ok(Preflight {
        from: old.map_or(from.to_string(), |b| b.version.to_string()),
        to: pair.map_or(to.to_string(), |p| p.new.version.to_string()),
        way,
        bytes,
        findings,
    })
}

fn room(folder: &Path, needed: u64) -> Option<Finding> {
    let free = disk::free(folder).ok()?;
    (free < needed).then_some(Finding::NoRoom { needed, free })
}

/// What only the running server knows.
async fn inside(instance: &LocalInstance, pair: Option<&Pair>) -> Result<Vec<Finding>> {
    let admin = instance.admin("postgres").await?;
    let session = Session::open(&admin).await?;
    let rows = session
        .rows(
            "SELECT (SELECT count(*) FROM pg_prepared_xacts) AS prepared, \
             ARRAY(SELECT slot_name::text FROM pg_replication_slots WHERE NOT temporary ORDER BY 1) AS slots, \
             ARRAY(SELECT spcname::text FROM pg_tablespace WHERE spcname !~ '^pg_' ORDER BY 1) AS spaces, \
             (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) AS others",
            &[],
            "look for what does not survive an upgrade",
        )
        .await?;
    let mut findings = Vec::new();
    for row in &rows {
        let (count, others): (i64, i64) = (column(row, "prepared")?, column(row, "others")?);
        if count > 0 {
            findings.push(Finding::PreparedTransactions { count });
        }
        let names: Vec<String> = column(row, "slots")?;
        if !names.is_empty() {
            findings.push(Finding::ReplicationSlots { names });
        }
        let names: Vec<String> = column(row, "spaces")?;
        if !names.is_empty() {
            findings.push(Finding::Tablespaces { names });
        }
        if others > 0 {
            findings.push(Finding::Connections { count: others });
        }
    }
    let account = instance.machine().home.account();
    let shared = match pair {
        Some(pair) => builds::extensions(&pair.new, account, &instance.folder()).await,
        None => None,
    };
    for database in super::compare::databases(&session).await? {
        let to = Connection {
            database: database.clone(),
            ..admin.clone()
        };
        findings.extend(of_database(&to, shared.as_deref()).await?);
    }
    Ok(findings)
}

async fn of_database(to: &Connection, shared: Option<&Path>) -> Result<Vec<Finding>> {
    let session = Session::open(to).await?;
    // pg_upgrade's own list (src/bin/pg_upgrade/version.c and check.c): those that it keeps the numbers of are not in it.
    let rows = session
        .rows(
            "SELECT ARRAY(SELECT extname::text FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1) AS extensions, \
             (SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
              WHERE NOT a.attisdropped AND a.attnum > 0 AND c.relkind IN ('r', 'm', 'i') AND n.nspname !~ '^pg_' \
              AND n.nspname <> 'information_schema' AND a.atttypid::regtype::text IN ('regcollation', 'regconfig', 'regdictionary', \
              'regnamespace', 'regoper', 'regoperator', 'regproc', 'regprocedure')) AS numbers",
            &[],
            "look into a database before an upgrade",
        )
        .await?;
    let mut findings = Vec::new();
    for row in &rows {
        let extensions: Vec<String> = column(row, "extensions")?;
        for extension in extensions {
            if shared.is_some_and(|s| !s.join(format!("{extension}.control")).is_file()) {
                findings.push(Finding::NoExtension {
                    database: to.database.clone(),
                    extension,
                });
            }
        }
        let columns: i64 = column(row, "numbers")?;
        if columns > 0 {
            findings.push(Finding::CatalogNumbers {
                database: to.database.clone(),
                columns,
            });
        }
    }
    Ok(findings)
}
