//! `paas db adopt`.

use paas_core::{error::Error, local::retained as core, spec::validate};

use super::{create, retained};
use crate::{
    app::App,
    args::DbAdopt,
    exit::{Exit, Failure},
    session::Session,
};

pub(crate) async fn run(app: &App, args: &DbAdopt) -> Result<Exit, Failure> {
    let session = Session::open(app)?;
    let (kept, known) = retained::named(app, &session, &args.name).await?;
    let owner = &kept.data.owner;
    let instance = session
        .instance(owner, known.clone().unwrap_or_default())
        .doing("paas db adopt")
        .patience(args.act.timeout);
    if known.is_none() {
        app.printer.talk(&format!(
            "The object of {owner} is not known any more; its data tell what is in them."
        ));
    }
    let spec = core::adopt(&instance, known, &session.waiting(owner)).await?;
    session.progress.clear();
    let document = retained::document(&kept, spec);
    validate::document(&document).map_err(Error::from)?;
    create::make(app, &session, document, &args.act, "paas db adopt").await
}
