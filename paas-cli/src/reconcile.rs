//! What `up`, `down` and the `db` commands have in common: plan, show, ask, run, and say what it came to.

mod carry;

use futures::{StreamExt, stream};
use paas_core::{
    codes as core_codes,
    driver::Outputs,
    error::{Class, Error, ErrorView},
    pipeline::{Context, Outcome, Wanted},
    policy::Consent,
    preflight,
    render::{self, Counts, Detail},
    view::PlanView,
};

use self::carry::carry_out;
use crate::{
    app::App,
    args::{Act, Output},
    codes::CLI_PLATFORM_NOT_UP,
    exit::{self, Exit},
    session::{Session, Target},
    ui::{ask, printer::Printer, progress::Line},
};

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The spec, or nothing.
    pub(crate) wanted: Wanted,
    /// Data goes too, with consent.
    pub(crate) delete_data: bool,
    /// Consent and patience.
    pub(crate) act: &'a Act,
    /// What is being done, as a verb phrase: `bring up`.
    pub(crate) what: &'static str,
}

/// One object, its plan, and what became of it.
#[derive(Debug)]
pub(crate) struct Done {
    /// The object.
    pub(crate) target: Target,
    /// What was planned.
    pub(crate) plan: PlanView,
    /// What it came to.
    pub(crate) result: Result<Outcome, Error>,
    /// What its stages gave.
    pub(crate) outputs: Outputs,
}

impl Done {
    /// True if nothing had to be done.
    pub(crate) fn was_idle(&self) -> bool {
        is_idle(&self.plan)
    }
}

/// True if there is nothing to do, to wait for, or in the way.
pub(crate) fn is_idle(plan: &PlanView) -> bool {
    plan.is_empty() && plan.stages.iter().all(|s| s.waiting.is_empty())
}

/// An object with its context and its plan.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) target: Target,
    pub(crate) cx: Context,
    pub(crate) plan: PlanView,
}

/// Plans all targets; what a platform gives is known to its databases.
pub(crate) async fn plan(
    session: &Session,
    targets: Vec<Target>,
    request: (Wanted, bool),
    confirm: &[String],
) -> Result<Vec<Planned>, Error> {
    let (wanted, delete_data) = request;
    let mut planned: Vec<Planned> = Vec::with_capacity(targets.len());
    for target in targets {
        let mut cx = session.context(&target, given(&planned, &target), delete_data);
        cx.consent = consent(confirm, &target);
        let plan = target.pipeline.plan(&mut cx, wanted).await?;
        planned.push(Planned { target, cx, plan });
    }
    Ok(planned)
}

/// Databases that are looked at side by side.
const PARALLEL: usize = 8;

/// How each target is, several at once, in their order: an error about one hides no other.
pub(crate) async fn look(
    session: &Session,
    targets: Vec<Target>,
) -> Result<Vec<(Target, Result<PlanView, Error>)>, Error> {
    let (databases, platforms): (Vec<Target>, Vec<Target>) =
        targets.into_iter().partition(|t| t.instance().is_some());
    let platforms = plan(session, platforms, (Wanted::Spec, false), &[]).await?;
    let one = |target: Target| {
        let mut cx = session.context(&target, given(&platforms, &target), false);
        async move {
            let plan = target.pipeline.plan(&mut cx, Wanted::Spec).await;
            (target, plan)
        }
    };
    let looks = stream::iter(databases.into_iter().map(one)).buffered(PARALLEL);
    let databases: Vec<_> = looks.collect().await;
    let mut all: Vec<_> = platforms.into_iter().map(|p| (p.target, Ok(p.plan))).collect();
    all.extend(databases);
    Ok(all)
}

/// Plans, shows, asks and runs; `accept` is called once after the consent and before the first change.
pub(crate) async fn run(
    app: &App,
    session: &Session,
    targets: Vec<Target>,
    request: &Request<'_>,
    accept: impl FnOnce() -> Result<(), Error>,
) -> Result<Vec<Done>, Error> {
    known(&request.act.confirm, &targets)?;
    let what = (request.wanted, request.delete_data);
    let mut planned = plan(session, targets, what, &request.act.confirm).await?;
    let names = if request.delete_data {
        unconfirmed(&planned)
    } else {
        Vec::new()
    };
    if names.is_empty() {
        show(app, session, &planned);
    } else {
        planned = confirm_data(app, session, planned, request, &names).await?;
    }
    unobstructed(&planned, request)?;
    agree(app, &planned, request)?;
    accept()?;
    if request.wanted == Wanted::Nothing {
        planned.reverse();
    }
    let deadline = std::time::Instant::now() + request.act.timeout;
    let mut done = each(session, planned, request, deadline).await;
    // What only a running server shows was not in the plan: it is shown and asked for like all else, where that is possible.
    let late: Vec<usize> = (0..done.len()).filter(|n| was_not_shown(&done[*n])).collect();
    if request.act.yes || ask::possible(app.global.no_input) {
        for position in late {
            let target = done.remove(position).target;
            let planned = plan(session, vec![target], what, &request.act.confirm).await?;
            show(app, session, &planned);
            unobstructed(&planned, request)?;
            agree(app, &planned, request)?;
            let again = each(session, planned, request, deadline).await;
            done.splice(position..position, again);
        }
    }
    Ok(done)
}

/// True if all that stands in the way is that the plan did not show it.
fn was_not_shown(one: &Done) -> bool {
    let changed = |code: &str| code == core_codes::CORE_PLAN_CHANGED.id;
    matches!(&one.result, Ok(Outcome::Blocked { because, .. }) if because.iter().all(|b| changed(&b.code)))
}

/// Carries out the plans, one after the other.
async fn each(
    session: &Session,
    planned: Vec<Planned>,
    request: &Request<'_>,
    deadline: std::time::Instant,
) -> Vec<Done> {
    let mut done: Vec<Done> = Vec::with_capacity(planned.len());
    for Planned { target, mut cx, plan } in planned {
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        let platform = done
            .iter()
            .find(|d| target.platform.as_ref() == Some(&d.target.owner));
        if let Some(platform) = platform {
            cx.outputs.merge(platform.outputs.clone());
        }
        let stands = platform.is_none_or(|p| matches!(p.result, Ok(Outcome::Converged)));
        let result = if is_idle(&plan) {
            Ok(Outcome::Converged)
        } else if !stands && request.wanted == Wanted::Spec {
            Err(Error::new(&CLI_PLATFORM_NOT_UP, Class::Blocked)
                .attempted(format!("{} {}", request.what, target.owner))
                .happened("the platform that it runs on is not up"))
        } else {
            cx.shown = Some(plan.clone());
            carry_out(&target, &mut cx, request, left, &session.progress).await
        };
        let stop = matches!(&result, Err(e) if e.class() == Class::Cancelled);
        let outputs = cx.outputs;
        done.push(Done {
            target,
            plan,
            result,
            outputs,
        });
        if stop {
            break;
        }
    }
    session.progress.clear();
    done
}

/// What the platform of a database gives, as far as it is planned.
fn given(planned: &[Planned], target: &Target) -> Outputs {
    planned
        .iter()
        .find(|p| target.platform.as_ref() == Some(&p.target.owner))
        .map_or_else(Outputs::default, |p| p.cx.outputs.clone())
}

fn consent(confirm: &[String], target: &Target) -> Consent {
    confirm
        .iter()
        .fold(Consent::none(), |c, name| c.and(name, &target.owner))
}

/// A confirmed name that is nobody's is a slip of the hand.
fn known(confirm: &[String], targets: &[Target]) -> Result<(), Error> {
    let names: Vec<&str> = targets.iter().map(|t| t.owner.name()).collect();
    match confirm
        .iter()
        .find(|name| targets.iter().all(|t| t.owner.name() != name.as_str()))
    {
        Some(name) => Err(crate::input::among(name, &names)),
        None => Ok(()),
    }
}

/// The objects whose data is to go and whose names were not said.
fn unconfirmed(planned: &[Planned]) -> Vec<String> {
    let holds_data = |p: &&Planned| {
        let mut blocked = p.plan.stages.iter().flat_map(|s| &s.blocked);
        blocked.any(|b| b.code.as_deref() == Some(core_codes::CORE_BLOCKED.id))
    };
    let open = |p: &&Planned| p.cx.policy.protected.is_none() && !p.cx.consent.covers(&p.target.owner);
    planned
        .iter()
        .filter(open)
        .filter(holds_data)
        .map(|p| p.target.owner.name().to_owned())
        .collect()
}

/// Shows the plan with the data in it and asks for the names, where there is somebody to ask.
async fn confirm_data(
    app: &App,
    session: &Session,
    planned: Vec<Planned>,
    request: &Request<'_>,
    names: &[String],
) -> Result<Vec<Planned>, Error> {
    if !ask::possible(app.global.no_input) {
        let names = names.join(",");
        return Err(ask::nobody(&format!("delete the data of {names}"))
            .happened("nothing was changed: data goes only with the object's name, typed in full")
            .remedy(format!("add --confirm {names} if it may be lost for good")));
    }
    let confirm: Vec<String> = request.act.confirm.iter().chain(names).cloned().collect();
    let targets = planned.into_iter().map(|p| p.target).collect();
    let planned = plan(session, targets, (request.wanted, request.delete_data), &confirm).await?;
    show(app, session, &planned);
    for name in names {
        let paint = app.printer.talk_paint();
        let question = paint.bad(&format!(
            "All data of {name} is deleted for good. Type {name} to agree:"
        ));
        ask::type_name(&app.printer, &app.interrupt, &question, name)?;
    }
    Ok(planned)
}

fn show(app: &App, session: &Session, planned: &[Planned]) {
    for one in planned.iter().filter(|p| !is_idle(&p.plan)) {
        match app.printer.output() {
            Output::Json => app.printer.line(&Line::Plan(&one.plan)),
            Output::Table | Output::Wide | Output::Yaml | Output::Name => {
                app.printer
                    .talk(&render::plan(&one.plan, app.printer.talk_paint(), Detail::Short));
                session.progress.named(&one.plan.owner);
            }
        }
    }
}

/// What was found before the first write and would stop it half way ends the command before anybody is asked.
fn unobstructed(planned: &[Planned], request: &Request<'_>) -> Result<(), Error> {
    preflight::clear(planned.iter().map(|p| &p.plan)).map_err(|e| e.attempted(request.what))
}

/// Whatever stops, goes or is replaced needs a yes: typed, by flag, or by the confirmed name of the object.
fn agree(app: &App, planned: &[Planned], request: &Request<'_>) -> Result<(), Error> {
    let open = planned.iter().filter(|p| !p.cx.consent.covers(&p.target.owner));
    let counts = Counts::of(open.map(|p| &p.plan));
    if counts.removals() == 0 || request.act.yes {
        return Ok(());
    }
    if !ask::possible(app.global.no_input) {
        let what = match (counts.delete, counts.replace - counts.never_ready) {
            (delete, 0) => format!("{delete} to stop or delete"),
            (0, replace) => format!("{replace} to replace"),
            (delete, replace) => format!("{delete} to stop or delete, {replace} to replace"),
        };
        return Err(
            ask::nobody(request.what).happened(format!("nothing was changed: {what}, and nobody to ask"))
        );
    }
    let question = match request.wanted {
        Wanted::Nothing => "Take this down?",
        Wanted::Spec => "Do this?",
    };
    ask::agree(&app.printer, &app.interrupt, question)
}

/// Tells what did not come to its end, and gives the worst exit code.
pub(crate) fn tell(printer: &Printer, done: &[Done]) -> Exit {
    let mut worst = Exit::Done;
    let paint = printer.talk_paint();
    for one in done {
        let exit = match &one.result {
            Ok(Outcome::Converged | Outcome::Progressing { .. }) => Exit::Done,
            Ok(Outcome::Blocked { .. }) => Exit::Blocked,
            Err(error) => exit::of(error),
        };
        worst = worst.max(exit);
        if printer.output() == Output::Json {
            continue;
        }
        match &one.result {
            Ok(Outcome::Converged) => {}
            Ok(outcome) => {
                printer.talk(&paint.strong(&one.target.owner.to_string()));
                printer.talk(&render::outcome(outcome, paint));
                if matches!(outcome, Outcome::Progressing { .. }) {
                    printer.talk(
                        "  begun and not over: the same command goes on, `paas status` shows where it stands",
                    );
                }
            }
            Err(error) => printer.talk(&render::error(&ErrorView::from(error), paint)),
        }
    }
    worst
}

/// What became of the objects, as data.
pub(crate) fn result(done: &[Done]) -> serde_json::Value {
    let objects: Vec<serde_json::Value> = done
        .iter()
        .map(|one| {
            let owner = &one.target.owner;
            let mut object = serde_json::json!({
                "kind": owner.kind(), "namespace": owner.namespace(), "name": owner.name(), "uid": owner.uid(),
                "changed": !one.was_idle(),
            });
            match &one.result {
                Ok(outcome) => object["outcome"] = serde_json::to_value(outcome).unwrap_or_default(),
                Err(error) => object["error"] = serde_json::to_value(ErrorView::from(error)).unwrap_or_default(),
            }
            object
        })
        .collect();
    serde_json::json!({ "objects": objects })
}
