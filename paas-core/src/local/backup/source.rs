//! Copying an instance into a folder: a running one in PostgreSQL's backup mode, a stopped one as it lies there.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use jiff::Timestamp;

use super::{
    cannot, control,
    copy::{self, Copied, Place},
    manifest::{Cause, Manifest},
    wal::{self, Span},
};
use crate::{
    database::session::{Session, column},
    error::{Error, Result},
    local::{
        config::Written,
        control::{FILE, Head},
        data, files,
        instance::LocalInstance,
    },
};

/// Counts the copies of this process: each has a slot of its own.
static COPY: AtomicU32 = AtomicU32::new(0);

/// Copies an instance into `to`, and tells what is there then; the id is the caller's. `began` is when.
///
/// # Errors
/// `PAAS-LOC-0016` for what cannot be copied, `PAAS-LOC-0013`, `PAAS-CORE-0009`, and those of [`Session`].
pub(super) async fn fill(
    instance: &LocalInstance,
    to: Place,
    id: &str,
    cause: Cause,
    began: Timestamp,
) -> Result<Manifest> {
    let folder = instance.folder();
    let Some(major) = data::major(&folder)? else {
        return Err(cannot("it has no data yet".to_owned()).remedy("make it with `paas up` first"));
    };
    let data = folder.join(data::FOLDER);
    copy::refuse_tablespaces(&data)?;
    let taken = match instance.running()? {
        Some(_) => running(instance, &data, to, id).await?,
        None => {
            // Nobody may start it meanwhile.
            let _lock = instance.lock(&|_| ()).await?;
            if instance.running()?.is_some() {
                running(instance, &data, to, id).await?
            } else {
                off_thread(data.clone(), move |data| stopped(data, &to)).await?
            }
        }
    };
    let owner = instance.owner();
    let parameters = Written::read(&folder)?.map_or_else(BTreeMap::new, |w| w.parameters);
    let spec = serde_json::to_value(instance.spec()).map_err(|e| cannot(e.to_string()))?;
    Ok(Manifest {
        version: Manifest::VERSION,
        id: id.to_owned(),
        owner: owner.uid().to_string(),
        namespace: owner.namespace().to_owned(),
        name: owner.name().to_owned(),
        cause,
        began,
        finished: instance.machine().clock.now(),
        running: taken.server.is_some(),
        major,
        server: taken.server,
        system_identifier: taken.control.system_identifier.to_string(),
        timeline: taken.span.timeline,
        start_lsn: wal::lsn(taken.span.from),
        stop_lsn: wal::lsn(taken.span.to),
        parameters,
        spec,
        folders: taken.copied.folders,
        files: taken.copied.files,
    })
}

struct Taken {
    server: Option<String>,
    control: Head,
    span: Span,
    copied: Copied,
}

async fn running(instance: &LocalInstance, data: &Path, to: Place, label: &str) -> Result<Taken> {
    let session = Session::open(&instance.admin("postgres").await?).await?;
    let facts = Facts::ask(&session).await?;
    let number = COPY.fetch_add(1, Ordering::Relaxed);
    let slot = format!("paas_backup_{}_{number}", std::process::id());
    // Both end with the session, however it ends. The slot comes first: its place in the log is no later than the backup's start.
    session
        .rows(
            "SELECT pg_create_physical_replication_slot($1::text::name, true, true)::text",
            &[&slot],
            "keep the write-ahead log",
        )
        .await?;
    let start = "begin the backup mode";
    let rows = session.rows(facts.start(), &[&label], start).await?;
    let from = place(rows.first().map(|r| column::<String>(r, "lsn")).transpose()?)?;
    let (target, source) = (to.clone(), data.to_path_buf());
    let (mut copied, control) = off_thread(source, move |data| {
        let mut copied = copy::tree(data, &target)?;
        let bytes = control::bytes(data)?;
        copied.files.push(target.write(FILE, &bytes)?);
        Ok((copied, control::understood(&bytes)?))
    })
    .await?;
    let rows = session.rows(facts.stop(), &[], "end the backup mode").await?;
    let row = rows
        .first()
        .ok_or_else(|| cannot("the server does not say where it ended".to_owned()))?;
    let span = Span {
        timeline: facts.timeline,
        segment: facts.segment,
        from,
        to: place(Some(column(row, "lsn")?))?,
    };
    let (label, map): (String, String) = (column(row, "label")?, column(row, "map")?);
    copied.files.push(to.write("backup_label", label.as_bytes())?);
    if !map.trim().is_empty() {
        copied.files.push(to.write("tablespace_map", map.as_bytes())?);
    }
    let log = off_thread(data.to_path_buf(), move |data| with_log(data, span, &to)).await?;
    add_log(&mut copied, log);
    // The slot held the log until here.
    drop(session);
    Ok(Taken {
        server: Some(facts.version),
        control,
        span,
        copied,
    })
}

/// A stopped server's files are what they are. After a crash all of the log from the last checkpoint on is needed.
fn stopped(data: &Path, to: &Place) -> Result<Taken> {
    let control = control::read(data)?;
    let mut copied = copy::tree(data, to)?;
    copied.files.push(to.write(FILE, &control::bytes(data)?)?);
    let segments = segments(data)?;
    let Some((_, segment)) = segments.first() else {
        return Err(cannot("it has no write-ahead log".to_owned()));
    };
    let mut span = Span {
        timeline: control.timeline,
        segment: *segment,
        from: control.redo,
        to: control.checkpoint + 1,
    };
    if !control.clean {
        let needed = span.names().first().cloned().unwrap_or_default();
        span.to = span.from;
        let later = segments.iter().filter(|(name, _)| *name >= needed).count() as u64;
        span.to = (span.from / span.segment + later.max(1)) * span.segment;
    }
    let log = with_log(data, span, to)?;
    add_log(&mut copied, log);
    Ok(Taken {
        server: None,
        control,
        span,
        copied,
    })
}

fn with_log(data: &Path, span: Span, to: &Place) -> Result<Vec<super::manifest::Entry>> {
    to.make("pg_wal/archive_status")?;
    wal::copy(data, span, to)
}

fn add_log(copied: &mut Copied, log: Vec<super::manifest::Entry>) {
    copied.folders.push("pg_wal/archive_status".to_owned());
    copied.files.extend(log);
}

/// The segments of the log by name, with their sizes.
fn segments(data: &Path) -> Result<Vec<(String, u64)>> {
    let mut found = Vec::new();
    for file in files::list(&data.join("pg_wal"))? {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.len() == 24 && name.bytes().all(|b| b.is_ascii_hexdigit()) {
            found.push((
                name,
                file.metadata()
                    .map_err(|e| files::io_error("look at", &file, e))?
                    .len(),
            ));
        }
    }
    Ok(found)
}

/// What has to be known of a running server.
struct Facts {
    number: i32,
    version: String,
    timeline: u32,
    segment: u64,
}

impl Facts {
    async fn ask(session: &Session) -> Result<Self> {
        // Declared limits are meant for users' statements.
        let ours = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_session_timeout = 0";
        session.run(ours, "prepare the backup").await?;
        let rows = session
            .rows(
                "SELECT current_setting('wal_level') AS level, current_setting('max_replication_slots')::int AS slots, \
                 current_setting('server_version_num')::int AS number, current_setting('server_version') AS version, \
                 (SELECT setting::int8 FROM pg_settings WHERE name = 'wal_segment_size') AS segment, \
                 (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline",
                &[],
                "ask the server for its settings",
            )
            .await?;
        let row = rows
            .first()
            .ok_or_else(|| cannot("the server does not tell its settings".to_owned()))?;
        let refused = |name: &str, value: &str| -> Error {
            cannot(format!("{name} = {value} rules out a copy of the running server"))
                .remedy(format!("remove {name} from the declared parameters and run `paas up`, or stop the instance and back it up then"))
        };
        let level: String = column(row, "level")?;
        if level == "minimal" {
            return Err(refused("wal_level", &level));
        }
        if column::<i32>(row, "slots")? == 0 {
            return Err(refused("max_replication_slots", "0"));
        }
        let version: String = column(row, "version")?;
        let count = |n: i64| u64::try_from(n).unwrap_or_default();
        Ok(Self {
            number: column(row, "number")?,
            version: version.split(' ').next().unwrap_or_default().to_owned(),
            timeline: u32::try_from(column::<i32>(row, "timeline")?).unwrap_or_default(),
            segment: count(column(row, "segment")?),
        })
    }

    /// Version 15 renamed these functions, and took their exclusive form away.
    fn start(&self) -> &'static str {
        if self.number >= 150_000 {
            "SELECT pg_backup_start($1, true)::text AS lsn"
        } else {
            "SELECT pg_start_backup($1, true, false)::text AS lsn"
        }
    }

    fn stop(&self) -> &'static str {
        if self.number >= 150_000 {
            "SELECT lsn::text, labelfile AS label, coalesce(spcmapfile, '') AS map FROM pg_backup_stop(false)"
        } else {
            "SELECT lsn::text, labelfile AS label, coalesce(spcmapfile, '') AS map FROM pg_stop_backup(false, false)"
        }
    }
}

fn place(lsn: Option<String>) -> Result<u64> {
    lsn.as_deref()
        .and_then(wal::parse)
        .ok_or_else(|| cannot(format!("the server names the place {lsn:?} in its log")))
}

/// Copies on a thread where waiting for a disk stops nobody.
pub(super) async fn off_thread<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> Result<T> + Send + 'static,
) -> Result<T> {
    let there = path.clone();
    let done = tokio::task::spawn_blocking(move || work(&path)).await;
    done.map_err(|e| files::io_error("copy", &there, std::io::Error::other(e)))?
}
