//! Bulk data to and from a server, in PostgreSQL's COPY protocol.

use std::{fmt, io::Cursor, pin::Pin};

use futures::{SinkExt, Stream, TryStreamExt};
use tokio_postgres::CopyInSink;

use super::session::{Session, translate};
use crate::error::Result;

/// Rows on their way into a table. The server drops them all unless [`CopyIn::finish`] is called.
pub struct CopyIn {
    sink: Pin<Box<CopyInSink<Cursor<Vec<u8>>>>>,
    attempted: String,
}

impl fmt::Debug for CopyIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyIn")
            .field("attempted", &self.attempted)
            .finish_non_exhaustive()
    }
}

impl CopyIn {
    /// Sends a piece, cut anywhere; waits while the server is slower.
    ///
    /// # Errors
    /// `PAAS-PG-0001` if the connection broke. That the server refused a row may only be told by [`CopyIn::finish`].
    pub async fn send(&mut self, piece: Vec<u8>) -> Result<()> {
        self.sink
            .send(Cursor::new(piece))
            .await
            .map_err(|e| translate(&e, &self.attempted))
    }

    /// Says that this was all; gives how many rows the server took.
    ///
    /// # Errors
    /// `PAAS-PG-0003` in the server's words, if it refused a row.
    pub async fn finish(mut self) -> Result<u64> {
        self.sink
            .as_mut()
            .finish()
            .await
            .map_err(|e| translate(&e, &self.attempted))
    }
}

impl Session {
    /// Runs `COPY … TO STDOUT` and gives the bytes as they come, in pieces that end with a row's end.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub async fn copy_out(
        &self,
        sql: &str,
        attempted: &str,
    ) -> Result<impl Stream<Item = Result<impl AsRef<[u8]> + Send + use<>>> + Send + use<>> {
        let attempted = attempted.to_owned();
        let stream = self
            .client
            .copy_out(sql)
            .await
            .map_err(|e| translate(&e, &attempted))?;
        Ok(stream.map_err(move |e| translate(&e, &attempted)))
    }

    /// Runs `COPY … FROM STDIN` and takes rows.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub async fn copy_in(&self, sql: &str, attempted: &str) -> Result<CopyIn> {
        let sink = self
            .client
            .copy_in(sql)
            .await
            .map_err(|e| translate(&e, attempted))?;
        Ok(CopyIn {
            sink: Box::pin(sink),
            attempted: attempted.to_owned(),
        })
    }
}
