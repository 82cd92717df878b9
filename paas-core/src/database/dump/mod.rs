//! A database as plain SQL, written with the server alone: no pg_dump is needed. It loads with [`load`](super::load) and with psql.
//!
//! Everything is read in one read-only transaction, so the dump is the database at one moment. What there are no words for makes the dump
//! fail before anything is written; nothing is left out in silence. Memory does not grow with the rows.

mod catalog;
mod order;
mod rows;
mod writer;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::io::AsyncWrite;

pub(super) use self::writer::{HEAD, LEFT_OUT, TAIL};

use self::{
    catalog::{Catalog, Section},
    rows::Rows,
    writer::Writer,
};
use super::{codes::PG_NOT_COVERED, connection::Connection, session::Session, session::column};
use crate::error::{Class, Error, Result};

/// One moment for all tables, and values as text that any server reads back as they were.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL search_path = '';
SET LOCAL row_security = off;
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL bytea_output = 'hex';
SET LOCAL extra_float_digits = 3;
SET LOCAL quote_all_identifiers = off;
SET LOCAL synchronize_seqscans = off;";

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dumped {
    /// The tables whose rows were written, with how many there were, in the order of the dump.
    pub tables: Vec<(String, u64)>,
    /// All rows.
    pub rows: u64,
    /// Bytes of text.
    pub bytes: u64,
    /// What was left out, each with the reason; empty unless [`Options::allow_missing`] is set.
    pub left_out: Vec<String>,
}

/// How far a dump or a load is, for who looks at it meanwhile.
#[derive(Debug, Default)]
pub struct Progress {
    rows: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Bytes of text so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, rows: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// How a dump is made.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Leave out what is not covered, and say so in the head of the text, instead of failing.
    pub allow_missing: bool,
    /// Told how far it is.
    pub progress: Arc<Progress>,
}

/// Writes the database that `from` reaches, all of it. The role must be able to read everything: the owner of all, or the platform's own.
///
/// # Errors
/// `PAAS-PG-0010` if something in it is not covered; those of [`Session`]; `PAAS-PG-0001` if `out` cannot be written. What was written until
/// then is not a whole dump, and its end says so by missing.
pub async fn dump(from: &Connection, out: &mut (dyn AsyncWrite + Unpin + Send)) -> Result<Dumped> {
    dump_with(from, out, &Options::default()).await
}

/// As [`dump`], told how.
///
/// # Errors
/// As [`dump`].
pub async fn dump_with(
    from: &Connection,
    out: &mut (dyn AsyncWrite + Unpin + Send),
    options: &Options,
) -> Result<Dumped> {
    let session = Session::open(from).await?;
    session.run(BEGIN, "begin to read the database").await?;
    rows::lock(&session).await?;
    let catalog = Catalog::read(&session).await?;
    let rows = Rows::read(&session, &catalog).await?;
    let mut left_out = catalog.missing.clone();
    left_out.extend(rows.missing.iter().cloned());
    if !left_out.is_empty() && !options.allow_missing {
        return Err(not_covered(from, &left_out));
    }
    let nodes: Vec<_> = catalog.objects.iter().map(|o| o.node.clone()).collect();
    let order = order::order(&nodes).map_err(|circle| {
        let names: Vec<&str> = circle.iter().map(|i| catalog.objects[*i].name.as_str()).collect();
        not_covered(
            from,
            &[format!("{} need each other in a circle", names.join(", "))],
        )
    })?;
    let server = session
        .rows(
            "SELECT current_setting('server_version') AS v",
            &[],
            "ask for the version",
        )
        .await?;
    let version: &str = server.first().map_or(Ok("?"), |row| column(row, "v"))?;

    let mut writer = Writer::new(out, &options.progress);
    writer.head(&from.database, version, &left_out).await?;
    let mut tables = Vec::new();
    let mut told = false;
    for (index, section) in order {
        if section >= Section::Rows && !told {
            tables = rows.write(&session, &mut writer).await?;
            told = true;
        }
        let object = &catalog.objects[index];
        writer.object(&object.name, &object.sql).await?;
    }
    if !told {
        tables = rows.write(&session, &mut writer).await?;
    }
    let bytes = writer.end().await?;
    session.run("COMMIT", "end reading the database").await?;
    Ok(Dumped {
        rows: tables.iter().map(|(_, n)| n).sum(),
        tables,
        bytes,
        left_out: left_out
            .into_iter()
            .map(|what| format!("{what}: not covered"))
            .collect(),
    })
}

fn not_covered(from: &Connection, what: &[String]) -> Error {
    Error::new(&PG_NOT_COVERED, Class::Unsupported)
        .attempted(format!("dump {}", from.database))
        .happened(format!("not covered: {}", what.join("; ")))
}
