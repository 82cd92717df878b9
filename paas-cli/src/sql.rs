//! SQL typed by people: several statements, every value as its text, failures in the server's words with their place.

use paas_core::{
    database::{
        codes::{PG_CONNECT, PG_SQL},
        connection::Connection,
        session::{class_of, connect},
        tls::{self, MakeRustlsConnect},
    },
    error::{Class, Error},
};
use serde_json::{Map, Value};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinHandle,
};
use tokio_postgres::{AsyncMessage, Client, SimpleQueryMessage, error::ErrorPosition};

/// A session for SQL of a person. It ends when dropped.
pub(crate) struct Prompt {
    client: Client,
    notices: UnboundedReceiver<String>,
    wire: JoinHandle<()>,
    tls: MakeRustlsConnect,
}

/// What one statement gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Answer {
    /// The names of the columns; none if the statement gives no rows.
    pub(crate) columns: Vec<String>,
    /// The rows; `None` is NULL.
    pub(crate) rows: Vec<Vec<Option<String>>>,
    /// How many rows the statement gave or touched.
    pub(crate) count: u64,
}

impl Answer {
    /// The answer as data; values are texts, because the simple protocol knows no types. Of columns with one name, the later ones get a
    /// number, so that no value is lost.
    pub(crate) fn to_json(&self) -> Value {
        let columns = distinct(&self.columns);
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let pairs = columns.iter().cloned().zip(row.iter().map(|c| c.clone().into()));
                Value::Object(pairs.collect::<Map<_, _>>())
            })
            .collect();
        serde_json::json!({ "columns": columns, "rows": rows, "count": self.count })
    }
}

/// The same names; where one comes again, with a number behind it: `a`, `a_2`.
fn distinct(names: &[String]) -> Vec<String> {
    let mut seen: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let numbered = (2..).map(|n| format!("{name}_{n}"));
        let free = std::iter::once(name.clone())
            .chain(numbered)
            .find(|n| !seen.contains(n) && (n == name || !names.contains(n)));
        seen.extend(free);
    }
    seen
}

impl Prompt {
    /// Opens a session.
    ///
    /// # Errors
    /// `PAAS-PG-0001` if nobody answers, `PAAS-PG-0002` if the login is refused.
    pub(crate) async fn open(to: &Connection) -> Result<Self, Error> {
        let (client, mut connection) = connect(to, "paas db").await?;
        let tls = tls::connector(to)?;
        // The connection's own failure reaches the caller through the client.
        let (told, notices) = unbounded_channel();
        let wire = tokio::spawn(async move {
            while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notice(notice) = message {
                    // Without a listener nobody is left who asked.
                    let _ = told.send(format!("{}: {}", notice.severity(), notice.message()));
                }
            }
        });
        Ok(Self {
            client,
            notices,
            wire,
            tls,
        })
    }

    /// Runs statements; several in one text are one transaction unless they say otherwise.
    ///
    /// # Errors
    /// `PAAS-PG-0003` with the server's words and the place in the text, `PAAS-PG-0001` if the connection broke.
    pub(crate) async fn ask(&self, text: &str) -> Result<Vec<Answer>, Error> {
        let messages = self.client.simple_query(text).await.map_err(|e| {
            let error = match e.code() {
                Some(state) => Error::new(&PG_SQL, class_of(state.code())),
                None if e.is_closed() => Error::new(&PG_CONNECT, Class::Transient).effect_unknown(),
                None => Error::new(&PG_SQL, Class::Unsupported).remedy(
                    "COPY from or to the client needs psql: `paas db connect NAME`; a text must hold no NUL.",
                ),
            };
            error.attempted("run SQL").happened(words(&e, text))
        })?;
        let mut answers = Vec::new();
        let mut open = Answer::default();
        for message in messages {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    open.columns = columns.iter().map(|c| c.name().to_owned()).collect();
                }
                SimpleQueryMessage::Row(row) => {
                    open.rows
                        .push((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect());
                }
                SimpleQueryMessage::CommandComplete(count) => {
                    open.count = count;
                    answers.push(std::mem::take(&mut open));
                }
                _ => {}
            }
        }
        Ok(answers)
    }

    /// What the server said by the way since the last look: `NOTICE: …`.
    pub(crate) fn notices(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.notices.try_recv().ok()).collect()
    }

    /// Asks the server to stop the statement that runs.
    pub(crate) async fn cancel(&self) {
        // If the server cannot be asked, the end of the session ends the statement.
        let _ = self.client.cancel_token().cancel_query(self.tls.clone()).await;
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        self.wire.abort();
    }
}

/// The server's words, and the place in the text where it gives one.
fn words(e: &tokio_postgres::Error, text: &str) -> String {
    let Some(db) = e.as_db_error() else {
        return std::error::Error::source(e).map_or_else(|| e.to_string(), |s| format!("{e}: {s}"));
    };
    let mut out = format!(
        "{}: {} (SQLSTATE {})",
        db.severity(),
        db.message(),
        db.code().code()
    );
    if let Some(ErrorPosition::Original(position)) = db.position() {
        out.push_str(&pointed(text, *position as usize));
    }
    for (name, more) in [("DETAIL", db.detail()), ("HINT", db.hint())] {
        if let Some(more) = more {
            out.push_str(&format!("\n{name}: {more}"));
        }
    }
    out
}

/// The line of a position (in characters, from 1) with a caret under it.
fn pointed(text: &str, position: usize) -> String {
    let before: String = text.chars().take(position.saturating_sub(1)).collect();
    let number = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let line: String = text
        .lines()
        .nth(number - 1)
        .unwrap_or_default()
        .replace('\t', " ");
    format!(
        "\nline {number}: {line}\n{}^",
        " ".repeat(column + format!("line {number}: ").len())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_shown_in_its_line() {
        assert_eq!(
            pointed("select 1;\nselekt 2", 11),
            "\nline 2: selekt 2\n        ^"
        );
        assert_eq!(pointed("select x", 8), "\nline 1: select x\n               ^");
        assert_eq!(pointed("", 9), "\nline 1: \n        ^");
    }

    #[test]
    fn columns_of_one_name_lose_no_value_in_json() {
        let answer = Answer {
            columns: vec!["a".into(), "a".into(), "a_2".into()],
            rows: vec![vec![Some("1".into()), Some("2".into()), Some("3".into())]],
            count: 1,
        };
        let row = serde_json::json!({ "a": "1", "a_3": "2", "a_2": "3" });
        assert_eq!(answer.to_json()["rows"][0], row);
    }

    #[test]
    fn rows_as_json_keep_null_apart_from_empty_text() {
        let answer = Answer {
            columns: vec!["a".into(), "b".into()],
            rows: vec![vec![Some(String::new()), None]],
            count: 1,
        };
        assert_eq!(
            answer.to_json()["rows"][0],
            serde_json::json!({ "a": "", "b": null })
        );
    }
}
