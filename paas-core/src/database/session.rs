//! A session with a PostgreSQL, whose failures say what was attempted and in the server's own words what happened.

use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    task::JoinHandle,
};
use tokio_postgres::{Client, Config, Row, Socket, error::SqlState, tls::MakeTlsConnect, types::ToSql};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    codes::{PG_AUTH, PG_CONNECT, PG_EXTENSION, PG_READ_ONLY, PG_SQL, PG_STARTING, PG_TLS},
    connection::{Connection, SslMode},
    dial::Dial,
    tls,
};
use crate::error::{Class, Error, Result};

/// How long a connect may take; on this machine it takes milliseconds.
const CONNECT: Duration = Duration::from_secs(10);

/// The name of our sessions in the server's views.
const PROGRAM: &str = "paas";

/// The half of a connection that moves its bytes; it has to be polled.
pub type Wire = tokio_postgres::Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Connects as the way says, plainly or with TLS, with a deadline, under the name that the server's own views show.
///
/// # Errors
/// As [`Session::open`].
pub async fn connect(to: &Connection, program: &str) -> Result<(Client, Wire)> {
    let tls = tls::connector(to)?;
    let connected = config(to, program).connect(tls).await;
    connected.map_err(|e| translate(&e, &format!("connect to {to}")))
}

fn config(to: &Connection, program: &str) -> Config {
    let mut config = Config::new();
    config
        .host(&to.host)
        .port(to.port)
        .dbname(&to.database)
        .user(&to.user)
        .password(to.password.expose_secret())
        .application_name(program)
        .connect_timeout(CONNECT)
        .ssl_mode(match to.sslmode {
            SslMode::Disable => tokio_postgres::config::SslMode::Disable,
            SslMode::Require | SslMode::VerifyFull => tokio_postgres::config::SslMode::Require,
        });
    if let Some(address) = to.address {
        config.hostaddr(address);
    }
    config
}

/// An open session; it ends when dropped.
#[derive(Debug)]
pub struct Session {
    pub(super) client: Client,
    wire: JoinHandle<()>,
    version: String,
}

impl Session {
    /// Opens a session.
    ///
    /// # Errors
    /// `PAAS-PG-0001` if nobody answers, `PAAS-PG-0007` while the server starts or stops, `PAAS-PG-0002` if the login is refused,
    /// `PAAS-PG-0014` if TLS is asked for and its certificate does not hold.
    pub async fn open(to: &Connection) -> Result<Self> {
        let (client, connection) = connect(to, PROGRAM).await?;
        Ok(Self::of(client, connection))
    }

    /// Opens a session over a way that `dial` opens, instead of connecting to the address of `to`.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub async fn over(to: &Connection, dial: &dyn Dial) -> Result<Self> {
        let mut connector = tls::connector(to)?;
        let Ok(tls) = MakeTlsConnect::<DuplexStream>::make_tls_connect(&mut connector, &to.host);
        let attempted = format!("connect to {to}");
        let way = dial.dial().await?;
        let config = config(to, PROGRAM);
        let connected = tokio::time::timeout(CONNECT, config.connect_raw(way, tls)).await;
        let late = |_| {
            Error::new(&PG_CONNECT, Class::Transient)
                .attempted(attempted.as_str())
                .happened(format!("no answer within {} s", CONNECT.as_secs()))
        };
        let (client, connection) = connected.map_err(late)?.map_err(|e| translate(&e, &attempted))?;
        Ok(Self::of(client, connection))
    }

    fn of<S, T>(client: Client, connection: tokio_postgres::Connection<S, T>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let version = connection.parameter("server_version").unwrap_or_default();
        // A build may say after it who made it.
        let version = version.split(' ').next().unwrap_or_default().to_owned();
        // The connection's own failure reaches the caller through the client.
        let wire = tokio::spawn(async move {
            let _ = connection.await;
        });
        Self {
            client,
            wire,
            version,
        }
    }

    /// The server's version as it says it: `17.11`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Runs statements without parameters; several in one text are one transaction.
    ///
    /// # Errors
    /// `PAAS-PG-0003` and the others of this module; `attempted` must hold no secret.
    pub async fn run(&self, sql: &str, attempted: &str) -> Result<()> {
        self.client
            .batch_execute(sql)
            .await
            .map_err(|e| translate(&e, attempted))
    }

    /// Asks a question with parameters.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub async fn rows(&self, sql: &str, with: &[&(dyn ToSql + Sync)], attempted: &str) -> Result<Vec<Row>> {
        self.client
            .query(sql, with)
            .await
            .map_err(|e| translate(&e, attempted))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.wire.abort();
    }
}

/// Ready means: a query was answered over the wire.
///
/// # Errors
/// As [`Session::open`] and [`Session::run`].
pub async fn ready(to: &Connection) -> Result<()> {
    Session::open(to)
        .await?
        .run("SELECT 1", "ask whether the server is ready")
        .await
}

/// A column of a row; a driver's mismatch is our bug, told as such and not as a panic.
pub(crate) fn column<'r, T: tokio_postgres::types::FromSql<'r>>(row: &'r Row, name: &str) -> Result<T> {
    row.try_get(name).map_err(|e| {
        Error::new(&PG_SQL, Class::Internal)
            .attempted(format!("read column {name}"))
            .happened(e.to_string())
    })
}

pub(super) fn translate(e: &tokio_postgres::Error, attempted: &str) -> Error {
    let Some(db) = e.as_db_error() else {
        let words = std::error::Error::source(e).map_or_else(|| e.to_string(), |s| format!("{e}: {s}"));
        // The driver's kinds of errors cannot be told apart but by their words.
        if words.contains("TLS handshake") {
            return tls_error(words).attempted(attempted);
        }
        let error = Error::new(&PG_CONNECT, Class::Transient)
            .attempted(attempted)
            .happened(words);
        // Refused before it was sent is certain; a connection that broke under a statement is not.
        return if e.is_closed() || attempted.starts_with("connect") {
            error
        } else {
            error.effect_unknown()
        };
    };
    let (code, class) = match *db.code() {
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            (&PG_AUTH, Class::Denied)
        }
        SqlState::CANNOT_CONNECT_NOW | SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN => {
            (&PG_STARTING, Class::Transient)
        }
        SqlState::READ_ONLY_SQL_TRANSACTION => (&PG_READ_ONLY, Class::Denied),
        SqlState::DISK_FULL => (&PG_READ_ONLY, Class::Quota),
        SqlState::UNDEFINED_FILE if attempted.starts_with("create extension") => {
            (&PG_EXTENSION, Class::NotFound)
        }
        SqlState::FEATURE_NOT_SUPPORTED if attempted.starts_with("create extension") => {
            (&PG_EXTENSION, Class::NotFound)
        }
        ref state => (&PG_SQL, class_of(state.code())),
    };
    let mut words = format!(
        "{}: {} (SQLSTATE {})",
        db.severity(),
        db.message(),
        db.code().code()
    );
    // Where it was: a line of COPY, a statement within a function.
    for more in [db.detail(), db.hint(), db.where_()].into_iter().flatten() {
        words.push_str("; ");
        words.push_str(more);
    }
    Error::new(code, class).attempted(attempted).happened(words)
}

/// A handshake that failed, with what to do about it.
pub(crate) fn tls_error(words: String) -> Error {
    let advice = tls::remedy(&words);
    let error = Error::new(&PG_TLS, Class::Denied).happened(words);
    match advice {
        Some(advice) => error.remedy(advice),
        None => error,
    }
}

/// What a caller can decide on from a SQLSTATE, whose first two characters are its class; see appendix A of PostgreSQL's manual.
///
/// ```
/// use paas_core::{database::session::class_of, error::Class};
/// assert_eq!(class_of("42601"), Class::Invalid); // a syntax error
/// assert_eq!(class_of("23505"), Class::Conflict); // a unique key that is there already
/// assert_eq!(class_of("42501"), Class::Denied);
/// ```
pub fn class_of(state: &str) -> Class {
    match state {
        "42501" => return Class::Denied,
        // A table, a function, a schema, a database, a column or another object that is there already.
        "42P07" | "42723" | "42P06" | "42P04" | "42701" | "42710" => return Class::Conflict,
        _ => {}
    }
    match state.get(..2) {
        Some("08" | "40" | "57" | "58") => Class::Transient,
        Some("53") => Class::Quota,
        // Object in use, dependent objects, already there.
        Some("55" | "2B" | "23") => Class::Conflict,
        Some("28") => Class::Denied,
        Some("0A") => Class::Unsupported,
        Some("XX") => Class::Internal,
        _ => Class::Invalid,
    }
}
