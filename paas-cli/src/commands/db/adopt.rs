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
    let lost = known.is_none();
    if lost {
        app.printer.talk(&format!(
            "The object of {owner} is not known any more; its data tell what is in them."
        ));
    }
    let spec = core::adopt(&instance, known, &session.waiting(owner)).await?;
    session.progress.clear();
    if lost {
        let users: Vec<&str> = spec.users.iter().map(|u| u.name.as_str()).collect();
        let databases: Vec<&str> = spec.databases.iter().map(|d| d.name.as_str()).collect();
        app.printer.talk(&format!(
            "Found in it: databases {}; users {}. What no server knows, such as a schedule or protection, is to be declared again.",
            databases.join(", "),
            users.join(", ")
        ));
    }
    let document = retained::document(&kept, spec);
    validate::document(&document).map_err(Error::from)?;
    create::make(app, &session, document, &args.act, "paas db adopt").await
}
