//! `paas db purge`.

use paas_core::{
    local::{disk::human, retained as core},
    render::Paint,
};

use super::retained::{self, Known};
use crate::{
    app::App,
    args::{DbPurge, Output},
    commands::down,
    exit::{Exit, Failure},
    session::Session,
    ui::ask,
};

pub(crate) async fn run(app: &App, args: &DbPurge) -> Result<Exit, Failure> {
    let session = Session::open(app)?;
    let (kept, known) = retained::named(app, &session, &args.name).await?;
    if kept.object == Known::Accepted {
        return Err(retained::accepted(&format!("purge {}", args.name)).into());
    }
    let spec = known.unwrap_or_default();
    let document = retained::document(&kept, spec.clone());
    down::unprotected("purge", std::slice::from_ref(&document))?;
    let owner = &kept.data.owner;
    let confirm = match &args.confirm {
        Some(name) => name.clone(),
        None => ask_for(app, &kept)?,
    };
    let instance = session
        .instance(owner, spec)
        .doing("paas db purge")
        .patience(args.timeout);
    let purged = core::purge(&instance, &confirm, &session.waiting(owner)).await?;
    session.set_aside().forget(&document)?;
    tell(app, owner.name(), &purged);
    Ok(Exit::Done)
}

/// The name, typed by somebody who was told what goes.
fn ask_for(app: &App, kept: &retained::Kept) -> Result<String, Failure> {
    let name = kept.data.owner.name();
    if !ask::possible(app.global.no_input) {
        return Err(ask::nobody(&format!("purge {name}"))
            .happened("nothing was changed: data goes only with the object's name, typed in full")
            .remedy(format!("add --confirm {name} if it may be lost for good"))
            .into());
    }
    let paint: Paint = app.printer.talk_paint();
    app.printer.talk(&format!(
        "{}: {}, last used {}",
        kept.data.folder.display(),
        human(kept.data.size),
        kept.data.used.map_or("never".to_owned(), |t| format!("{t:.0}"))
    ));
    let question = paint.bad(&format!(
        "All data of {name} is deleted for good. Type {name} to agree:"
    ));
    ask::type_name(&app.printer, &app.interrupt, &question, name)?;
    Ok(name.to_owned())
}

fn tell(app: &App, name: &str, purged: &core::Purged) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => printer.value(&serde_json::json!({
            "purged": { "name": name, "folder": purged.folder, "size": purged.size, "backups": purged.backups },
        })),
        Output::Name => printer.data(name),
        Output::Table | Output::Wide => {
            printer.data(&format!(
                "{}: nothing is left; {} are free.",
                printer.paint().strong(name),
                human(purged.size)
            ));
            if let Some(backups) = &purged.backups {
                printer.data(&format!("  backups kept at {}", backups.display()));
            }
        }
    }
}
