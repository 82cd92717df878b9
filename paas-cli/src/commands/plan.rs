//! `paas plan`.

use paas_core::{
    pipeline::Wanted,
    render::{self, Counts, Detail},
    view::PlanView,
};

use crate::{
    app::App,
    args::{Output, Plan},
    cluster,
    exit::{Exit, Failure},
    input::{self, From},
    reconcile,
    session::Session,
    site::{self, Site},
};

pub(crate) async fn run(app: &App, args: &Plan) -> Result<Exit, Failure> {
    if let Site::Cluster(cluster) = site::of(app).await? {
        return cluster::plan::run(app, &cluster, args).await;
    }
    let mut session = Session::open(app)?;
    let input = input::meant(&args.files, session.objects())?;
    session
        .connect(app, &input.documents, args.calls.trace.as_deref())
        .await;
    let targets = session.targets(&input.documents)?;
    let wanted = if args.down { Wanted::Nothing } else { Wanted::Spec };
    if wanted == Wanted::Spec {
        session.check_changes(&input.documents)?;
    }
    let planned = reconcile::plan(&session, targets, (wanted, args.delete_data), &[]).await?;
    let plans: Vec<PlanView> = planned.into_iter().map(|p| p.plan).collect();
    if input.origin == From::QuickStart && !app.printer.for_programs() {
        app.printer
            .talk("No paas.yaml here: this is the plan of the quick start.");
    }
    print(app, &plans);
    let changes = plans.iter().any(|p| !reconcile::is_idle(p));
    Ok(if args.detailed_exitcode && changes {
        Exit::Changes
    } else {
        Exit::Done
    })
}

fn print(app: &App, plans: &[PlanView]) {
    let printer = &app.printer;
    match printer.output() {
        Output::Json | Output::Yaml => {
            let value = serde_json::json!({ "version": 1, "plans": plans });
            printer.value(&value);
        }
        Output::Name => {
            for step in plans.iter().flat_map(|p| &p.stages).flat_map(|s| &s.steps) {
                printer.data(&format!("{} {}", step.verb, step.key));
            }
        }
        Output::Table | Output::Wide => {
            let detail = if app.printer.verbose() || printer.output() == Output::Wide {
                Detail::Full
            } else {
                Detail::Short
            };
            let paint = printer.paint();
            let busy = |p: &&PlanView| !reconcile::is_idle(p) || p.stages.iter().any(|s| !s.kept.is_empty());
            for plan in plans.iter().filter(|p| !busy(p)) {
                let summary = render::summary(&Counts::of([plan]), paint);
                printer.data(&format!("{}: {summary}", paint.strong(&plan.owner)));
            }
            for plan in plans.iter().filter(busy) {
                printer.data(&render::plan(plan, paint, detail));
            }
            if plans.iter().filter(busy).count() > 1 {
                printer.data(&format!(
                    "\nIn all: {}",
                    render::summary(&Counts::of(plans), paint)
                ));
            }
        }
    }
}
