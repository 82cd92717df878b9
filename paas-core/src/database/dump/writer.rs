//! The text of a dump.

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::Progress;
use crate::{
    database::codes::PG_DUMP_TEXT,
    error::{Class, Error, Result},
};

/// The first words of a dump of ours.
pub(crate) const HEAD: &str = "-- paas: a dump of the PostgreSQL database ";

/// The last words: without them the text is cut short.
pub(crate) const TAIL: &str = "-- paas: the dump is complete";

/// How a line begins that tells what is left out.
pub(crate) const LEFT_OUT: &str = "-- paas: left out, not covered: ";

/// How much is collected before it is written.
const PIECE: usize = 64 << 10;

/// Settings under which every statement means the same everywhere. Bodies of functions are not checked: what they name may come later.
const SETTINGS: &str = "SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

";

/// Writes in pieces, and counts.
pub(super) struct Writer<'a> {
    out: &'a mut (dyn AsyncWrite + Unpin + Send),
    progress: &'a Progress,
    piece: Vec<u8>,
    bytes: u64,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut (dyn AsyncWrite + Unpin + Send), progress: &'a Progress) -> Self {
        Self {
            out,
            progress,
            piece: Vec::with_capacity(PIECE * 2),
            bytes: 0,
        }
    }

    /// What this is, what is left out, and the settings.
    pub(super) async fn head(&mut self, database: &str, version: &str, left_out: &[String]) -> Result<()> {
        let mut text = format!("{HEAD}{} of a server {version}\n", one_line(database));
        for what in left_out {
            text.push_str(&format!("{LEFT_OUT}{}\n", one_line(what)));
        }
        text.push('\n');
        self.raw(&text).await?;
        self.raw(SETTINGS).await
    }

    /// Statements, under a line that says what they are of.
    pub(super) async fn object(&mut self, name: &str, sql: &str) -> Result<()> {
        let end = if sql.starts_with("COPY ") { "" } else { "\n" };
        self.raw(&format!("-- {}\n{sql}\n{end}", one_line(name))).await
    }

    /// Rows as COPY gives them: each ends with a newline, which none has within.
    pub(super) async fn rows(&mut self, piece: &[u8]) -> Result<u64> {
        let rows = piece.iter().filter(|b| **b == b'\n').count() as u64;
        self.progress.add(rows, 0);
        self.put(piece).await?;
        Ok(rows)
    }

    pub(super) async fn raw(&mut self, text: &str) -> Result<()> {
        self.put(text.as_bytes()).await
    }

    /// The last words; how many bytes there were in all.
    pub(super) async fn end(mut self) -> Result<u64> {
        self.raw(&format!("{TAIL}\n")).await?;
        self.flush().await?;
        self.out.flush().await.map_err(failed)?;
        Ok(self.bytes)
    }

    async fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() < PIECE {
            return Ok(());
        }
        self.flush().await
    }

    async fn flush(&mut self) -> Result<()> {
        self.out.write_all(&self.piece).await.map_err(failed)?;
        self.bytes += self.piece.len() as u64;
        self.progress.add(0, self.piece.len() as u64);
        self.piece.clear();
        Ok(())
    }
}

/// A comment ends with its line, and names may hold newlines.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

fn failed(e: std::io::Error) -> Error {
    Error::new(&PG_DUMP_TEXT, Class::Transient)
        .attempted("write the dump")
        .happened(e.to_string())
        .source_error(e)
}
