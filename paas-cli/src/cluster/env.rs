//! `paas db url` and `paas db env` in a cluster: the way of a program that runs in it.

use paas_core::database::{connection::Connection, env};
use secrecy::ExposeSecret;

use super::{Cluster, Database, Folder};
use crate::{
    app::App,
    args::{DbAt, EnvFormat},
    commands::db::env::text,
    exit::{Exit, Failure},
};

/// The way that programs in the cluster have.
pub(crate) async fn url(app: &App, cluster: &Cluster, at: &DbAt) -> Result<Connection, Failure> {
    let database = Database::find(cluster, &at.name).await?;
    let (bound, to) = database.bound(at).await?;
    if !at.tls {
        return Ok(to);
    }
    Ok(database.verified(&bound, to, &Folder::open(app)?)?)
}

/// The same in a form that programs read; the binding's own place is the Secret.
pub(crate) async fn env(app: &App, cluster: &Cluster, at: &DbAt, form: EnvFormat) -> Result<Exit, Failure> {
    match text(form) {
        Some(form) => {
            let to = url(app, cluster, at).await?;
            app.printer.data(env::render(&to, form, None).expose_secret());
        }
        None => {
            let database = Database::find(cluster, &at.name).await?;
            let (bound, _) = database.bound(at).await?;
            app.printer.data(bound.secret());
        }
    }
    Ok(Exit::Done)
}
