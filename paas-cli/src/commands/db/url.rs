//! `paas db url`.

use crate::{
    app::App,
    args::{DbAt, Output},
    cluster,
    exit::{Exit, Failure},
    session::Session,
    site::{self, Site},
};
use paas_core::database::connection::Connection;
use secrecy::ExposeSecret;

pub(crate) async fn run(app: &App, at: &DbAt) -> Result<Exit, Failure> {
    let connection = match site::of(app).await? {
        Site::Machine => connection(&Session::open(app)?, at).await?,
        Site::Cluster(cluster) => cluster::url(app, &cluster, at).await?,
    };
    match app.printer.output() {
        Output::Json | Output::Yaml => {
            let value = serde_json::json!({
                "host": connection.host, "port": connection.port, "database": connection.database,
                "username": connection.user, "password": connection.password.expose_secret(),
                "uri": connection.url().expose_secret(), "jdbc-uri": connection.jdbc().expose_secret(),
                "sslmode": connection.sslmode.as_str(), "sslrootcert": connection.ca,
            });
            app.printer.value(&value);
        }
        Output::Table | Output::Wide | Output::Name => app.printer.data(connection.url().expose_secret()),
    }
    Ok(Exit::Done)
}

/// The way on this machine that the arguments mean.
pub(super) async fn connection(session: &Session, at: &DbAt) -> Result<Connection, Failure> {
    let target = super::named(session, &at.name)?;
    let connection = session
        .connection(&target, at.user.as_deref(), at.database.as_deref())
        .await?;
    match target.instance() {
        Some(instance) if at.tls => Ok(instance.with_tls(connection)?),
        _ => Ok(connection),
    }
}
