//! An open way into a database, wherever it is.

use std::path::PathBuf;

use paas_core::database::connection::Connection;

use super::url;
use crate::{
    app::App,
    args::DbAt,
    cluster::{Database, Folder, Way},
    exit::Failure,
    session::Session,
    site::{self, Site},
};

/// A way, and what has to live as long as it is used.
#[derive(Debug)]
pub(super) struct Open {
    /// How it is entered from here.
    pub(super) to: Connection,
    /// A folder that only we can read, for files that live for a moment.
    pub(super) scratch: PathBuf,
    _way: Option<Way>,
}

/// The way that the arguments mean, on this machine or into a cluster.
pub(super) async fn open(app: &App, at: &DbAt) -> Result<Open, Failure> {
    match site::of(app).await? {
        Site::Machine => {
            let session = Session::open(app)?;
            Ok(Open {
                to: url::connection(&session, at).await?,
                scratch: session.scratch(),
                _way: None,
            })
        }
        Site::Cluster(cluster) => {
            let folder = Folder::open(app)?;
            let database = Database::find(&cluster, &at.name).await?;
            let way = database.open(app, at, &folder).await?;
            Ok(Open {
                to: way.to.clone(),
                scratch: folder.path().to_owned(),
                _way: Some(way),
            })
        }
    }
}
