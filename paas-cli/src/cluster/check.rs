//! `paas db check` in a cluster.

use paas_core::kube::check::{Check, Report, Target};

use super::{Cluster, Database, Folder};
use crate::{app::App, args::DbCheck, exit::Failure};

/// Walks the way into a database of a cluster.
pub(crate) async fn check(app: &App, cluster: &Cluster, args: &DbCheck) -> Result<Report, Failure> {
    let folder = Folder::open(app)?;
    let find = async {
        let database = Database::find(cluster, &args.name).await?;
        let (meant, secret) = database.meant(args.user.as_deref(), args.database.as_deref())?;
        Ok(Target {
            words: database.words(),
            namespace: cluster.namespace.clone(),
            secret,
            database: Some(meant.to_owned()),
            pods: database.pods().to_owned(),
            authority: database.authority(&folder),
        })
    };
    Ok(Check::new(cluster.client.clone()).run(Box::pin(find)).await)
}
