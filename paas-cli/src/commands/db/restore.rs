//! `paas db restore` and `paas db clone`: new databases of old ones.

use paas_core::{
    error::{Class, Error},
    local::{
        backup::{self, Store},
        instance::LocalInstance,
    },
    spec::{DatabaseInstanceSpec, Document, Meta, Object, validate},
};

use super::{backup::instance, create};
use crate::{
    app::App,
    args::{Act, DbClone, DbRestore},
    codes::CLI_TAKEN,
    exit::{Exit, Failure},
    input::same,
    session::Session,
};

pub(crate) async fn run(app: &App, args: &DbRestore) -> Result<Exit, Failure> {
    let session = Session::open(app)?;
    let found = Store::new(&session.machine().home).find(&args.backup)?;
    let documents = wanted(&session, &args.to, found.spec()?)?;
    let to = new(&session, &documents, &args.act, "paas db restore")?;
    let restored = backup::restore(&to, &found).await;
    session.progress.clear();
    restored?;
    create::bring_up(app, &session, documents, &args.act, "paas db restore").await
}

pub(crate) async fn clone(app: &App, args: &DbClone) -> Result<Exit, Failure> {
    let session = Session::open(app)?;
    let origin = super::named(&session, &args.name)?;
    let from = instance(&origin)?;
    let mut spec = from.spec().clone();
    if let Some(major) = paas_core::local::data::major(&from.folder())? {
        spec.engine.version = major.to_string().parse().ok();
    }
    if let Some(exposure) = &mut spec.exposure {
        exposure.port = None;
    }
    let documents = wanted(&session, &args.to, spec)?;
    let to = new(&session, &documents, &args.act, "paas db clone")?;
    let cloned = backup::clone(from, &to).await;
    session.progress.clear();
    cloned?;
    create::bring_up(app, &session, documents, &args.act, "paas db clone").await
}

/// The new object, if its name is free, with the platform that it needs.
fn wanted(session: &Session, name: &str, spec: DatabaseInstanceSpec) -> Result<Vec<Document>, Failure> {
    let document = Document::DatabaseInstance(Object {
        metadata: Meta::named(name),
        spec,
    });
    validate::document(&document).map_err(|e| Error::from(e).attempted(format!("make {name}")))?;
    let accepted = session.objects().all()?;
    if accepted.iter().any(|d| same(d, &document)) {
        return Err(Error::new(&CLI_TAKEN, Class::Conflict)
            .attempted(format!("make {name}"))
            .happened("it exists")
            .into());
    }
    Ok(create::with_platform(session, document, &accepted))
}

fn new(session: &Session, documents: &[Document], act: &Act, doing: &str) -> Result<LocalInstance, Failure> {
    let targets = session.targets(documents)?;
    let found = targets.iter().find_map(|t| t.instance());
    let instance = found.ok_or_else(|| crate::input::unknown("the new database", documents))?;
    Ok(instance.clone().doing(doing).patience(act.timeout))
}
