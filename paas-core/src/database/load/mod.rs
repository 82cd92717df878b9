//! Loading a dump: plain SQL with rows of COPY between, ours or pg_dump's.
//!
//! All of it is one transaction, so a dump is loaded whole or not at all, whatever happens. Rows are passed on in pieces; memory does not
//! grow with them.

mod statement;

use std::sync::Arc;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

use self::statement::{Splitter, Statement};
use super::{
    codes::{PG_DUMP_TEXT, PG_LOAD, PG_NOT_EMPTY, PG_SQL},
    connection::Connection,
    dump::{self, Progress},
    session::{Session, column},
};
use crate::error::{Class, Error, Result};

/// How many bytes of rows go to the server at once.
const PIECE: usize = 64 << 10;

/// The longest part of a statement that a message shows.
const SHOWN: usize = 200;

/// What was loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Statements run, those that take rows included.
    pub statements: u64,
    /// How many COPY blocks there were.
    pub tables: u64,
    /// Rows of them.
    pub rows: u64,
    /// Bytes of text read.
    pub bytes: u64,
    /// What the dump's head says that it left out.
    pub left_out: Vec<String>,
}

/// How a dump is loaded.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Load into a database that has objects already.
    pub into_existing: bool,
    /// Told how far it is.
    pub progress: Arc<Progress>,
}

/// Loads plain SQL into the database that `to` reaches, as its role. All or nothing.
///
/// # Errors
/// `PAAS-PG-0011` with the line, the statement and the server's words; `PAAS-PG-0012` if the text is cut short, cannot be read or
/// is psql's own; those of [`Session::open`].
pub async fn load(to: &Connection, from: &mut (dyn AsyncBufRead + Unpin + Send)) -> Result<Loaded> {
    let options = Options {
        into_existing: true,
        ..Options::default()
    };
    load_with(to, from, &options).await
}

/// As [`load`], told how.
///
/// # Errors
/// As [`load`]; `PAAS-PG-0013` if the database is not empty and that was not allowed.
pub async fn load_with(
    to: &Connection,
    from: &mut (dyn AsyncBufRead + Unpin + Send),
    options: &Options,
) -> Result<Loaded> {
    let session = Session::open(to).await?;
    session.run("BEGIN", "begin to load").await?;
    if !options.into_existing {
        check_empty(&session, to).await?;
    }
    let mut load = Load {
        session,
        from,
        splitter: Splitter::new(),
        line: Vec::new(),
        loaded: Loaded::default(),
        progress: Arc::clone(&options.progress),
        end: End::NotNeeded,
    };
    load.all().await?;
    load.session
        .run("COMMIT", "commit what was loaded")
        .await
        .map_err(|e| refused(&e, "COMMIT", load.splitter.line()))?;
    Ok(load.loaded)
}

/// What a person made there, if anything.
async fn check_empty(session: &Session, to: &Connection) -> Result<()> {
    let sql = "SELECT pg_describe_object(o.class, o.oid, 0) AS name FROM (
            SELECT tableoid AS class, oid FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND relpersistence <> 't'
            UNION ALL SELECT tableoid, oid FROM pg_proc
            UNION ALL SELECT tableoid, oid FROM pg_type WHERE typtype IN ('e', 'd', 'r')
            UNION ALL SELECT tableoid, oid FROM pg_namespace WHERE nspname !~ '^pg_') o
        WHERE o.oid >= 16384
          AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype IN ('e', 'i'))
        ORDER BY 1 LIMIT 4";
    let rows = session
        .rows(sql, &[], "look whether the database is empty")
        .await?;
    let names: Vec<String> = rows.iter().map(|r| column(r, "name")).collect::<Result<_>>()?;
    if names.is_empty() {
        return Ok(());
    }
    let more = if names.len() > 3 { ", …" } else { "" };
    let shown: Vec<&str> = names.iter().take(3).map(String::as_str).collect();
    Err(Error::new(&PG_NOT_EMPTY, Class::Conflict)
        .attempted(format!("load into {}", to.database))
        .happened(format!("it has {}{more}", shown.join(", "))))
}

/// Whether the text says where it ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// It is not known to be a dump.
    NotNeeded,
    /// Its head promises an end.
    Promised,
    Seen,
}

struct Load<'a> {
    session: Session,
    from: &'a mut (dyn AsyncBufRead + Unpin + Send),
    splitter: Splitter,
    line: Vec<u8>,
    loaded: Loaded,
    progress: Arc<Progress>,
    end: End,
}

impl Load<'_> {
    async fn all(&mut self) -> Result<()> {
        while self.next().await? {
            if self.splitter.is_between() {
                self.note();
                if self.line.first() == Some(&b'\\') {
                    self.splitter.skip();
                    meta(&self.line, self.splitter.line())?;
                    continue;
                }
            }
            for statement in self.splitter.take(&self.line) {
                self.loaded.statements += 1;
                if statement.copies_in() {
                    self.copy(&statement).await?;
                } else {
                    self.run(&statement).await?;
                }
            }
        }
        if !self.splitter.is_between() {
            let line = self.splitter.begun();
            return Err(unusable(format!(
                "the text ends within the statement that begins in line {line}"
            )));
        }
        if self.end == End::Promised {
            return Err(unusable("the dump is cut short: its last line is not there"));
        }
        Ok(())
    }

    /// Reads the next line; false at the end.
    async fn next(&mut self) -> Result<bool> {
        self.line.clear();
        let read = self
            .from
            .read_until(b'\n', &mut self.line)
            .await
            .map_err(|e| unusable(e.to_string()).source_error(e))?;
        self.loaded.bytes += read as u64;
        self.progress.add(0, read as u64);
        Ok(read > 0)
    }

    /// What comments say of the dump: ours and those of pg_dump.
    fn note(&mut self) {
        let Some(comment) = self.line.strip_prefix(b"-- ") else {
            return;
        };
        let comment = String::from_utf8_lossy(comment);
        let line = format!("-- {}", comment.trim_end());
        if line.starts_with(dump::HEAD) || line == "-- PostgreSQL database dump" {
            self.end = End::Promised;
        } else if line == dump::TAIL || line == "-- PostgreSQL database dump complete" {
            self.end = End::Seen;
        } else if let Some(what) = line.strip_prefix(dump::LEFT_OUT) {
            self.loaded.left_out.push(what.to_owned());
        }
    }

    async fn run(&mut self, statement: &Statement) -> Result<()> {
        let text = sql(statement)?;
        if let Some("begin" | "start" | "commit" | "end" | "rollback" | "abort") =
            statement.words.first().map(String::as_str)
        {
            return Err(unusable(format!(
                "line {}: `{}`: all of it is loaded in one transaction already",
                statement.line,
                shown(text)
            )));
        }
        self.session
            .run(text, "load")
            .await
            .map_err(|e| refused(&e, text, statement.line))
    }

    /// Passes on rows until `\.`.
    async fn copy(&mut self, statement: &Statement) -> Result<()> {
        let text = sql(statement)?;
        let first = self.splitter.line() + 1;
        let told = |e: Error| {
            // The server counts the rows of this block; people count the lines of the file.
            let line = copy_line(e.words()).map_or(statement.line, |n| first + n - 1);
            refused(&e, text, line)
        };
        let mut copy = self.session.copy_in(text, "load").await.map_err(told)?;
        let mut piece = Vec::with_capacity(PIECE * 2);
        loop {
            if !self.next().await? {
                return Err(unusable(format!(
                    "the text ends within the rows of the statement in line {}",
                    statement.line
                )));
            }
            self.splitter.skip();
            if matches!(self.line.as_slice(), b"\\.\n" | b"\\.\r\n" | b"\\.") {
                break;
            }
            piece.extend_from_slice(&self.line);
            self.progress.add(1, 0);
            if piece.len() >= PIECE
                && copy
                    .send(std::mem::replace(&mut piece, Vec::with_capacity(PIECE * 2)))
                    .await
                    .is_err()
            {
                // The server ended it; why is told at the end.
                break;
            }
        }
        if !piece.is_empty() {
            let _ = copy.send(piece).await;
        }
        self.loaded.rows += copy.finish().await.map_err(told)?;
        self.loaded.tables += 1;
        Ok(())
    }
}

/// psql's own commands: pg_dump's guards mean nothing here, others cannot be followed.
fn meta(line: &[u8], number: u64) -> Result<()> {
    let line = String::from_utf8_lossy(line);
    let word = line.split_whitespace().next().unwrap_or_default();
    match word {
        // Guards of newer pg_dump against commands hidden in rows; here rows are never read as commands.
        "\\restrict" | "\\unrestrict" => Ok(()),
        "\\connect" | "\\c" => Err(unusable(format!(
            "line {number}: {word}: a dump is loaded into the one database that was named"
        ))
        .remedy("Make the dump without --create.")),
        _ => Err(unusable(format!(
            "line {number}: {word} is a command of psql, not SQL"
        ))),
    }
}

fn sql(statement: &Statement) -> Result<&str> {
    std::str::from_utf8(&statement.text)
        .map_err(|e| unusable(format!("line {}: it is not UTF-8: {e}", statement.line)))
}

fn unusable(why: impl Into<String>) -> Error {
    Error::new(&PG_DUMP_TEXT, Class::Invalid)
        .attempted("load a dump")
        .happened(why)
}

/// The line within COPY's rows that the server names: `COPY t, line 3, column a`.
fn copy_line(words: &str) -> Option<u64> {
    let (_, after) = words.rsplit_once("; COPY ")?;
    let (_, after) = after.split_once(", line ")?;
    after
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
        .filter(|n| *n > 0)
}

/// The server's words with the place. A lost connection stays what it is.
fn refused(e: &Error, text: &str, line: u64) -> Error {
    let code = if e.code().id == PG_SQL.id {
        &PG_LOAD
    } else {
        e.code()
    };
    Error::new(code, e.class())
        .attempted(format!("load line {line}: `{}`", shown(text)))
        .happened(e.words())
}

/// A statement's beginning in one line.
fn shown(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN {
        return line;
    }
    let mut short: String = line.chars().take(SHOWN).collect();
    short.push('…');
    short
}
