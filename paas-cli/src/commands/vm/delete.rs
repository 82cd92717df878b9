//! `paas vm delete`.

use paas_core::{
    driver::Outputs,
    owner::Owner,
    pipeline::{Outcome, Wanted},
    view::{NoteView, PlanView},
};
use paas_openstack::vm::VmSpec;
use serde_json::json;

use crate::{
    app::App,
    args::{Output, VmDelete},
    exit::{Exit, Failure},
    reconcile::{self, Done, Request},
    session::Session,
    ui::progress::Line,
};

pub(crate) async fn run(app: &App, args: &VmDelete) -> Result<Exit, Failure> {
    let project = super::enter(app, &args.at).await?;
    let owner = super::owner(&project, &args.name)?;
    let session = Session::open(app)?;
    let mut targets = vec![session.vm(&project, VmSpec::named(&args.name))];
    session.lock(&mut targets, "paas vm delete", &args.act).await?;
    for target in &targets {
        let mut cx = session.context(target, Outputs::default(), false);
        let plan = target.pipeline.plan(&mut cx, Wanted::Nothing).await?;
        if reconcile::is_idle(&plan) && kept(&plan).next().is_none() {
            return Err(super::unknown(&project, &args.name).await.into());
        }
    }
    let request = Request {
        wanted: Wanted::Nothing,
        delete_data: args.delete_data,
        act: &args.act,
        what: "delete it",
    };
    let done = reconcile::run(app, &session, targets, &request, || Ok(())).await?;
    let exit = reconcile::tell(&app.printer, &done);
    prove(app, &session, &owner, &done).await?;
    Ok(exit)
}

/// What is no longer wanted and stays.
fn kept(plan: &PlanView) -> impl Iterator<Item = &NoteView> {
    plan.stages.iter().flat_map(|s| &s.kept)
}

/// Looks once more, says what is left, and forgets a machine of which nothing is.
async fn prove(app: &App, session: &Session, owner: &Owner, done: &[Done]) -> Result<(), Failure> {
    let printer = &app.printer;
    let mut left: Vec<NoteView> = Vec::new();
    let mut gone = false;
    for one in done.iter().filter(|d| matches!(d.result, Ok(Outcome::Converged))) {
        let mut cx = session.context(&one.target, Outputs::default(), false);
        let plan = one.target.pipeline.plan(&mut cx, Wanted::Nothing).await?;
        left = kept(&plan).cloned().collect();
        gone = reconcile::is_idle(&plan);
    }
    if gone && left.is_empty() {
        super::forget(session, owner).await?;
    }
    match printer.output() {
        Output::Json | Output::Yaml => {
            let mut value = reconcile::result(done);
            let ids = left.iter().map(|k| json!({ "key": k.key, "id": k.id }));
            value["left"] = ids.collect();
            if printer.output() == Output::Json {
                printer.line(&Line::Result(value));
            } else {
                printer.value(&value);
            }
        }
        Output::Name => printer.data(&owner.to_string()),
        Output::Table | Output::Wide if !gone => {}
        Output::Table | Output::Wide => {
            let paint = printer.paint();
            let (name, tail) = (
                owner.name(),
                if left.is_empty() {
                    "nothing is left."
                } else {
                    "its data is kept, nothing else is left."
                },
            );
            printer.data(&format!("{}: {tail}", paint.strong(&owner.to_string())));
            for note in &left {
                let id = note.id.as_deref().unwrap_or_default();
                printer.data(&format!("  {}  {}", note.key, paint.name(id)));
            }
            if !left.is_empty() {
                printer.data(&format!(
                    "{} takes it up again; {} deletes it for good.",
                    paint.name(&format!("paas vm create {name} --data-volume SIZE")),
                    paint.name(&format!("paas vm delete {name} --delete-data"))
                ));
            }
        }
    }
    Ok(())
}
