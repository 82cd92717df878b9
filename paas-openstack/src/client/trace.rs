//! What was asked of the cloud and what it answered, for people: one entry an exchange, without headers, bodies and secrets.

use std::{
    fmt,
    io::Write,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use serde::Serialize;

/// One exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Exchange {
    /// When it began.
    pub at: Timestamp,
    /// `GET`, `POST`, ….
    pub method: String,
    /// Where to; values of parameters that may be secrets are left out.
    pub url: String,
    /// The service by its project's name: `Nova`.
    pub service: &'static str,
    /// What was attempted: `list servers`.
    pub operation: String,
    /// The HTTP status, if an answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The id under which the service logged it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Milliseconds from sending to the last byte of the answer.
    pub ms: u64,
    /// 1 for the first attempt of a call.
    pub attempt: u32,
    /// Why no answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Is told every exchange, in the order in which they end.
///
/// Implementations must be quick: the call waits for them.
pub trait Trace: fmt::Debug + Send + Sync {
    /// An exchange has ended, well or not.
    fn exchanged(&self, exchange: &Exchange);
}

/// Writes each exchange as a line of JSON.
pub struct JsonLines<W>(Mutex<W>);

impl<W: Write + Send> JsonLines<W> {
    /// Into `writer`; a line that cannot be written is lost, the call goes on.
    pub fn new(writer: W) -> Self {
        Self(Mutex::new(writer))
    }

    /// Gives the writer back.
    pub fn into_inner(self) -> W {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W> fmt::Debug for JsonLines<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JsonLines")
    }
}

impl<W: Write + Send> Trace for JsonLines<W> {
    fn exchanged(&self, exchange: &Exchange) {
        let Ok(mut line) = serde_json::to_vec(exchange) else {
            return;
        };
        line.push(b'\n');
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One write, so that lines of several processes in one file stay whole.
        let _ = writer.write_all(&line).and_then(|()| writer.flush());
    }
}
