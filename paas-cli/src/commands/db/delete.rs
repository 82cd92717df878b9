//! `paas db delete`.

use paas_core::{
    driver::Outputs,
    error::Error,
    pipeline::Wanted,
    spec::{DatabaseInstanceSpec, DeletionPolicy, Document, Meta, Object, validate},
};

use crate::{
    app::App,
    args::DbDelete,
    cluster,
    commands::down,
    exit::{Exit, Failure},
    input,
    session::Session,
    site::{self, Site},
};

pub(crate) async fn run(app: &App, args: &DbDelete) -> Result<Exit, Failure> {
    if let Site::Cluster(cluster) = site::of(app).await? {
        return cluster::delete::run(app, &cluster, args).await;
    }
    let session = Session::open(app)?;
    let accepted = super::databases(&session)?;
    let known = accepted.iter().find(|d| d.name() == args.name).cloned();
    let document = match known {
        Some(document) => document,
        // Its object may be forgotten while its data was kept.
        None => unlisted(&session, &args.name, &accepted).await?,
    };
    let by_spec = matches!(&document, Document::DatabaseInstance(o) if o.spec.deletion_policy == DeletionPolicy::Delete);
    down::unprotected("delete", std::slice::from_ref(&document))?;
    let hints = down::Hints {
        again: format!("paas db create {}", args.name),
        for_good: format!("paas db delete {} --delete-data", args.name),
    };
    let one = std::slice::from_ref(&document);
    let exit = down::take_down(app, &session, one, &args.act, args.delete_data || by_spec, &hints).await?;
    if exit == Exit::Done && args.act.wait {
        down::set_aside(&session, one)?;
    }
    Ok(exit)
}

/// A database that is not listed, but whose data is here.
async fn unlisted(session: &Session, name: &str, accepted: &[Document]) -> Result<Document, Failure> {
    let object = Object {
        metadata: Meta::named(name),
        spec: DatabaseInstanceSpec::default(),
    };
    let aside = session.set_aside().of(&session.owner(&object.metadata))?;
    let document = aside.unwrap_or(Document::DatabaseInstance(object));
    validate::document(&document).map_err(Error::from)?;
    for target in session.targets(std::slice::from_ref(&document))? {
        let mut cx = session.context(&target, Outputs::default(), false);
        let plan = target.pipeline.plan(&mut cx, Wanted::Nothing).await?;
        let there = plan
            .stages
            .iter()
            .any(|s| !s.kept.is_empty() || !s.steps.is_empty() || !s.blocked.is_empty());
        if there {
            return Ok(document);
        }
    }
    Err(input::unknown(name, accepted).into())
}
