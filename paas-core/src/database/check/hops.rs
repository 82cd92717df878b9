//! The hops at the end of every way: TLS, a query, a write.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};

use crate::{
    database::{
        codes::PG_SQL,
        connection::Connection,
        session::{Session, column, tls_error},
        tls,
    },
    error::{Class, Error, Result},
};

/// What a client sends to ask for TLS: its length, and a number that is no protocol version; the answer is one byte, `S` or `N`. See
/// `SSLRequest` in chapter "Message Formats" of PostgreSQL's manual.
pub(crate) const ASK_FOR_TLS: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// About a megabyte in a table that nobody else sees, in a transaction that leaves nothing.
const WRITE: &str = "BEGIN; CREATE TEMPORARY TABLE paas_check (words text) ON COMMIT DROP; \
    INSERT INTO paas_check SELECT repeat('x', 1000) FROM generate_series(1, 1000); ROLLBACK";

/// Asks for TLS on an open connection to `place`, and checks the certificate as the way says.
///
/// # Errors
/// `PAAS-PG-0014` if it speaks no TLS, or its certificate does not hold.
pub async fn encrypted<S>(mut stream: S, verified: Result<Connection>, place: &str) -> Result<((), String)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let verified = verified?;
    let attempt = format!("encrypt the connection to {place}");
    let broken = |words: String| tls_error(words).attempted(&attempt);
    let mut tls = tls::connector(&verified).map_err(|e| broken(e.words().to_owned()))?;
    let mut answer = [0];
    let asked = async {
        stream.write_all(&ASK_FOR_TLS).await?;
        stream.read_exact(&mut answer).await
    };
    asked
        .await
        .map_err(|e| broken(format!("what listens there is no PostgreSQL: {e}")))?;
    match answer {
        [b'S'] => {}
        [b'N'] => {
            return Err(broken(
                "the server offers no TLS; its configuration says it does".into(),
            ));
        }
        [other] => {
            let words = format!("what listens there is no PostgreSQL: its first byte is {other}");
            return Err(
                broken(words).remedy("see which program holds the port, and stop it; then run `paas up`")
            );
        }
    }
    let name = &verified.host;
    let connect = MakeTlsConnect::<S>::make_tls_connect(&mut tls, name);
    let connect = connect.map_err(|e| broken(e.to_string()))?;
    connect.connect(stream).await.map_err(|e| broken(e.to_string()))?;
    Ok(((), format!("chain and name ({name}) are verified")))
}

/// Asks who answers.
///
/// # Errors
/// Those of a session.
pub async fn answers(session: &Session) -> Result<((), String)> {
    let sql = "SELECT current_setting('server_version') AS version, current_user::text AS who";
    let rows = session.rows(sql, &[], "ask for the version").await?;
    let row = rows.first().ok_or_else(|| {
        Error::new(&PG_SQL, Class::Internal)
            .attempted("ask for the version")
            .happened("the answer has no row")
    })?;
    let (version, who): (&str, &str) = (column(row, "version")?, column(row, "who")?);
    Ok(((), format!("PostgreSQL {version} answers {who}")))
}

/// Writes something and takes it back.
///
/// # Errors
/// Those of a session; `PAAS-PG-0015` if the server takes no writes.
pub async fn writes(session: &Session) -> Result<((), String)> {
    session.run(WRITE, "write to a temporary table").await?;
    Ok(((), "a megabyte was written and rolled back".to_owned()))
}
